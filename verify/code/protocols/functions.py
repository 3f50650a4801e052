"""Two functions, forward and backward, with arrays or a dict of parameters as arguments: CS231n, deeplearning.ai,
time first, single sequences, one step."""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np

from verify.code.calling import words
from verify.code.calling.base import (
    MisfitError,
    Target,
    Variable,
    calls,
    definition,
    is_whole,
    keys_of,
    required,
    returned_names,
    unpacked,
)
from verify.code.calling.engine import CallPlan, Slot, real_array
from verify.code.calling.search import Wanted, found
from verify.code.calling.settings import options
from verify.numbers.case import Array

PARTNERS = (
    ("backward", "forward"),
    ("bwd", "fwd"),
    ("backpropagation", "forward_propagation"),
    ("backprop", "forward"),
    ("backprop", "forwardprop"),
    ("backprop", "feedforward"),
    ("bprop", "fprop"),
    ("back_propagation", "forward_propagation"),
    ("bptt", "forward"),
    ("bptt", "forward_propagation"),
    ("bptt", "forward_pass"),
    ("vjp", "fwd"),
    ("grad", "forward"),
    ("back", "forward"),
    ("back", "for"),
    ("gradients", "forward"),
)


def partner(name: str, space: Mapping[str, Any]) -> str | None:
    """The forward function that belongs to a backward one, by its name."""
    callables = {n: v for n, v in space.items() if inspect.isroutine(v) or callable(v)}
    for back, ahead in PARTNERS:
        for old, new in ((back, ahead), (back.capitalize(), ahead.capitalize())):
            if old in name and name.replace(old, new) in callables:
                return name.replace(old, new)
    forwards = [n for n, v in callables.items() if re.search(r"forward|fwd|feedforward", n.lower()) and n != name]
    step = any(word in name.lower() for word in ("step", "cell"))
    fits = [n for n in forwards if step == any(word in n.lower() for word in ("step", "cell"))]
    stem = name.lower().split("_")[0]
    like = [n for n in fits if n.lower().startswith(stem)] or fits
    return like[0] if len(like) == 1 else None


def is_backward(name: str) -> bool:
    """Whether a function is a backward pass by its name."""
    return bool(re.search(r"backward|bwd|bptt|backprop|bprop|vjp|^back|grad", name.lower()))


def recognises(target: Target) -> bool:
    """Whether the target is a backward function beside which its forward function stands."""
    return _with_own_rule(target.value) or (
        inspect.isroutine(target.value) and is_backward(target.name) and partner(target.name, target.space) is not None
    )


def _with_own_rule(value: Any) -> bool:
    """Whether this is a function of JAX with a rule for its gradient, written by hand."""
    return type(value).__name__ == "custom_vjp" and callable(getattr(value, "fwd", None))


def bound(target: Target, protocol: str = "") -> CallPlan:
    """A plan for the two functions; raises MisfitError."""
    if _with_own_rule(target.value):
        from verify.code.calling import jax_arrays

        ahead, back = (jax_arrays.compiled(one) for one in (target.value.fwd, target.value.bwd))
        return pair(target, ahead, back, protocol, jax_arrays.from_theirs, most=5, to_theirs=jax_arrays.to_theirs)
    name = partner(target.name, target.space)
    if name is None:
        raise MisfitError(f"{target.name} has no forward function beside it")
    if any(getattr(value, "__name__", "").split(".")[0] == "jax" for value in target.space.values()):
        from verify.code.calling import jax_arrays

        ahead, back = (jax_arrays.compiled(one) for one in (target.space[name], target.value))
        return pair(target, ahead, back, protocol, jax_arrays.from_theirs, most=5, to_theirs=jax_arrays.to_theirs)
    tensors = getattr(target.space.get("torch"), "__name__", "") == "torch"
    if not tensors:
        return pair(target, target.space[name], target.value, protocol)
    if any(
        getattr(value, "__name__", "") == "numpy" for value in target.space.values() if isinstance(value, ModuleType)
    ):
        with suppress(MisfitError):
            return pair(target, target.space[name], target.value, protocol)
    from verify.code.calling.tensors import from_theirs, to_theirs

    return pair(target, target.space[name], target.value, protocol or "torch", from_theirs, to_theirs=to_theirs)


def pair(
    target: Target,
    forward: Any,
    backward: Any,
    protocol: str = "",
    convert: Any = lambda value: value,
    most: int = 30,
    **more: Any,
) -> CallPlan:
    """A plan for a forward and a backward function."""
    tree = target.source.tree
    taken = calls(forward)
    wanted, order = variables_of(target, forward, taken)
    groups = returned_names(forward, tree)
    sources, seeds = backward_sources(backward, [p.name for p in taken], groups, tree=tree)
    back = returned_names(backward, tree)

    def build(variables: dict[str, Variable]) -> CallPlan:
        def weighs(returned: Any, made: Any) -> dict[str, Array]:
            return weighed(returned, seeds, groups, convert)

        def collect(returned: Any, made: Any) -> dict[str, Any]:
            return gradients(returned, back, order, convert)

        return CallPlan(
            protocol=protocol or kind_of(target, variables),
            target=target,
            variables=variables,
            slots={w.name: w.slot for w in wanted},
            forward=forward,
            backward=backward,
            weighs=weighs,
            sources=sources,
            collect=collect,
            order=order,
            fixed=options(forward, taken, tree),
            **more,
        )

    return found(wanted, target, build, getattr(forward, "__name__", "forward"), most)


def kind_of(target: Target, variables: Mapping[str, Variable]) -> str:
    """The name of the protocol by what was found."""
    data = next((v.axes for v in variables.values() if v.part == "input"), ())
    if data[:1] == ("D",):
        return "deeplearning-ai"
    return "cs231n" if data[:1] == ("B",) else "functions"


def variables_of(
    target: Target, function: Any, taken: list[inspect.Parameter], skip: int = 0
) -> tuple[list[Wanted], list[str]]:
    """The variables among the arguments of a forward function, and their order."""
    wanted: list[Wanted] = []
    needed = {p.name for p in required(taken)}
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_ONLY)
    asked = options(function, taken, target.source.tree)
    candidates = [p for p in taken[skip:] if p.kind in kinds and p.name not in asked]
    parts = _parts([p.name for p in candidates])
    for p in candidates:
        part = parts[p.name]
        if p.name not in needed and part not in ("h", "c"):
            continue
        if part == "parameters":
            for key in keys_of(function, p.name, target.source.tree):
                inside = words.part(key)
                wanted.append(
                    Wanted(key, inside if inside in ("h", "c", "bias") else "weight", Slot("argument", p.name, key))
                )
            for place, inside in enumerate(unpacked(p.name, target.source.tree)):
                kind = words.part(inside)
                wanted.append(
                    Wanted(inside, kind if kind in ("h", "c", "bias") else "weight", Slot("argument", p.name, place))
                )
            if not any(w.slot.name == p.name for w in wanted):
                if is_whole(function, p.name, target.source.tree):
                    wanted.append(Wanted(p.name, "weight", Slot("argument", p.name)))
                    continue
                raise MisfitError(f"{target.name}: which arrays {p.name} holds could not be read off the code")
            continue
        pair = unpacked(p.name, target.source.tree) if part in ("", "h", "c") else []
        if len(pair) > 1 and {words.part(one) for one in pair} == {"h", "c"}:
            wanted += [Wanted(one, words.part(one), Slot("argument", p.name, k)) for k, one in enumerate(pair)]
            continue
        if not part:
            part = "input" if "input" not in parts.values() and not any(w.part == "input" for w in wanted) else "weight"
        if part == "target":
            raise MisfitError(
                f"{getattr(function, '__name__', 'forward')} takes {p.name}, a target: it has a loss of its own"
            )
        wanted.append(Wanted(p.name, part, Slot("argument", p.name)))
    inputs = [w for w in wanted if w.part == "input"]
    if not inputs and wanted:
        free = [w for w in wanted if w.slot.key is None]
        first = next((w for w in free if w.part not in ("h", "c", "bias")), free[0] if len(free) > 1 else None)
        if first is None:
            raise MisfitError(
                f"{getattr(function, '__name__', 'forward')}: which argument is the input could not be told"
            )
        wanted = [Wanted(w.name, "input", w.slot) if w is first else w for w in wanted]
    return wanted, [w.name for w in wanted]


def _parts(names: list[str]) -> dict[str, str]:
    """The part of every argument by its name; U0 beside x is a weight."""
    found = {name: words.part(name) for name in names}
    inputs = [name for name in names if found[name] == "input"]
    for name in inputs:
        if name[0] == "U" and len(inputs) > 1:
            found[name] = "weight"
    return found


def backward_sources(
    backward: Any,
    forward_arguments: list[str],
    groups: list[list[str]],
    skip: int = 0,
    tree: ast.AST | None = None,
) -> tuple[dict[str, str], list[str]]:
    """Where every argument of backward comes from, and the names of the outputs that J weighs."""
    returned = {names[0]: k for k, names in enumerate(groups) if len(names) == 1 and names[0]}
    sources: dict[str, str] = {}
    seeds: list[str] = []
    needed = required(calls(backward)[skip:])
    optional = [
        p for p in calls(backward)[skip:] if p not in needed and words.is_gradient(p.name) and _is_state(p.name)
    ]
    whole = len(groups) <= 1
    again = [n for n in forward_arguments if n not in {p.name for p in needed}]
    for p in [*needed, *optional]:
        bare = words.ungraded(p.name)
        if words.plain(p.name) in words.CACHES:
            place = returned.get(p.name, len(groups) - 1)
            sources[p.name] = "whole" if whole else f"returned {place}"
        elif p.name in forward_arguments:
            sources[p.name] = f"argument {p.name}"
        elif p.name in returned:
            sources[p.name] = "whole" if whole else f"returned {returned[p.name]}"
        elif tree is not None and len(pair := _gradients_of(backward, p.name, tree)) > 1:
            sources[p.name] = f"pair {' '.join(pair)}"
            seeds += pair
        elif bare != p.name or re.search(r"grad|delta|^d", p.name.lower()) or not seeds:
            sources[p.name] = f"seed {p.name}"
            seeds.append(p.name)
        else:
            last = "whole" if whole else f"returned {len(groups) - 1}"
            # What forward returned is handed on once; a further argument is one of forward's under another name.
            sources[p.name] = f"argument {again.pop(0)}" if again and last in sources.values() else last
    return sources, seeds


def _gradients_of(backward: Any, argument: str, tree: ast.AST) -> list[str]:
    """The gradients of states that an argument of backward is taken apart into: dh, dc = d_next."""
    node = definition(backward, tree)
    names = unpacked(argument, node) if node is not None else []
    return names if all(words.is_gradient(name) and _is_state(name) for name in names) else []


def _is_state(name: str) -> bool:
    return bool(words.state_part(words.ungraded(name)))


def weighed(
    returned: Any, seeds: list[str], groups: list[list[str]], convert: Any = lambda value: value
) -> dict[str, Array]:
    """For every seed the output it belongs to: by its name, else by its place."""
    if isinstance(returned, Mapping) and all(isinstance(key, str) for key in returned):
        groups, returned = [[key] for key in returned], tuple(returned.values())
    elements = list(returned) if isinstance(returned, tuple) else [returned]
    arrays = {k: a for k, value in enumerate(elements) if (a := real_array(convert(value))) is not None and a.ndim}
    named: dict[str, int] = {}
    for k, names in enumerate(groups):
        if len(names) == 1 and names[0] and k in arrays:
            named.setdefault(words.plain(names[0]), k)
    chosen: dict[str, int] = {}
    for seed in seeds:
        bare = words.plain(words.ungraded(seed))
        if bare in named and named[bare] not in chosen.values():
            chosen[seed] = named[bare]
    for seed in seeds:
        if seed in chosen:
            continue
        wants = words.state_part(words.ungraded(seed))
        free = [k for k in arrays if k not in chosen.values()]
        like = (
            [k for k in free if k < len(groups) and groups[k] and words.state_part(groups[k][0]) == wants]
            if wants
            else []
        )
        if like or free:
            chosen[seed] = (like or free)[0]
    return {seed: arrays[k] for seed, k in chosen.items()}


def gradients(
    returned: Any, names: list[list[str]], order: list[str], convert: Any = lambda value: value
) -> dict[str, Any]:
    """Gradients by name: keys of dicts, names of returned variables, else those of forward's arguments in order."""
    if isinstance(returned, Mapping):
        return {str(k): convert(v) for k, v in returned.items() if _numbers(convert(v))}
    elements = list(returned) if isinstance(returned, tuple | list) else [returned]
    elements, names = _flat(elements, names, len(order))
    if len(names) == 1 and len(names[0]) == len(elements) > 1:
        names = [[name] for name in names[0]]  # grads = dW, dU, db; return grads
    found: dict[str, Any] = {}
    told = [names[k][0] if k < len(names) == len(elements) and len(names[k]) == 1 else "" for k in range(len(elements))]
    by_place = _by_place([words.plain(words.ungraded(name)) for name in told], order)
    grouped = _grouped(elements, names)
    keys = Counter(key for value in elements if isinstance(value, Mapping) for key in value)
    for k, value in enumerate(elements):
        value = convert(value)
        if isinstance(value, Mapping):
            named = {key: convert(v) for key, v in value.items() if isinstance(key, str)}
            both = {key: f"{told[k]}_{key}" if told[k] and keys[key] > 1 else key for key in named}  # dW, db
            found |= {both[key]: v for key, v in named.items() if _numbers(v)}
            continue
        if k == grouped:
            found |= dict(zip(names[k], map(convert, value), strict=True))
            continue
        name = by_place.get(k, told[k])
        listed = real_array(value) if isinstance(value, list | tuple | Mapping) else value
        if _numbers(listed):
            found[name or f"result {k}"] = listed
    return found


def _flat(elements: list[Any], names: list[list[str]], wanted: int) -> tuple[list[Any], list[list[str]]]:
    """Gradients of arrays in a tuple, returned as such a tuple, each by itself: (dW, dU), dx."""
    tuples = [isinstance(value, tuple) for value in elements]
    if not any(tuples) or all(tuples):
        return elements, names
    inside = [list(value) if isinstance(value, tuple) else [value] for value in elements]
    flat = [one for some in inside for one in some]
    if len(flat) != wanted:
        return elements, names
    told = names if len(names) == len(elements) else [[] for _ in elements]
    apart: list[list[str]] = []
    for some, each in zip(told, inside, strict=True):
        apart += [[name] for name in some] if len(some) == len(each) else [[] for _ in each]
    return flat, apart


def _by_place(names: list[str], order: list[str]) -> dict[int, str]:
    """The results whose names are no arguments of forward, named after those that stand in their places.

    Between two results that are known, and from the ends, there must be as many arguments as results: a mask that has
    no gradient stands in no such place.
    """
    places = {words.plain(name): k for k, name in enumerate(order)}
    known = [(-1, -1), *((k, places[name]) for k, name in enumerate(names) if name in places), (len(names), len(order))]
    if any(one >= other for (_, one), (_, other) in pairwise(known)):
        return {}
    found: dict[int, str] = {}
    for (before, first), (after, last) in pairwise(known):
        if after - before == last - first:
            found |= {before + k: f"d{order[first + k]}" for k in range(1, after - before)}
    return found


def _grouped(elements: list[Any], names: list[list[str]]) -> int | None:
    """Which of the results is a list of gradients under one name, grads = dW, dU, db: the longest of several."""
    if len(names) != len(elements):
        return None
    fits = [
        k
        for k, value in enumerate(elements)
        if isinstance(value, list | tuple) and len(value) == len(names[k]) > 1 and all(map(_numbers, value))
    ]
    return max(fits, key=lambda k: len(names[k]), default=None)


def _numbers(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.floating | float | int) and np.asarray(value).dtype.kind in "fiuc"
