"""One function with a loss of its own: min-char-rnn's lossFun(inputs, targets, hprev) with parameters in globals,
loss(params, x, y), and methods like these. What it returns are the loss and the gradients."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from verify.code.calling import rightness, words
from verify.code.calling.axes import Axes, Setting, axes
from verify.code.calling.base import (
    MisfitError,
    MissingError,
    Target,
    Variable,
    calls,
    definition,
    keys_of,
    required,
    returned_names,
)
from verify.code.calling.constructing import STEPS
from verify.code.calling.engine import CallPlan, Fixed, Slot, real_array
from verify.code.calling.search import Wanted, found, shapes
from verify.code.protocols import functions
from verify.numbers.case import Array

LOSSES = ("loss", "cost", "error", "err", "objective", "j", "l", "nll", "totalloss", "crossentropy")


def recognises(target: Target) -> bool:
    """Whether the target is a function that takes targets or returns a loss."""
    if not inspect.isroutine(target.value):
        return False
    parts = [words.part(p.name) for p in calls(target.value)]
    returned = [words.plain(name) for group in returned_names(target.value, target.source.tree) for name in group]
    return "target" in parts or any(name in LOSSES for name in returned) or words.plain(target.name).startswith("loss")


def bound(target: Target) -> CallPlan:
    """A plan for the function; raises MisfitError."""
    function, tree = target.value, target.source.tree
    partner = functions.partner(target.name, target.space) if functions.is_backward(target.name) else None
    if partner is not None:
        # forward returns the loss, backward(..., cache) the gradients
        function = target.space[partner]
    taken = [p for p in calls(function) if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    groups = returned_names(function, tree)
    names = returned_names(target.value, tree)
    globals_ = {} if partner else global_arrays(target, groups)
    sources: dict[str, str] = {}
    if partner is not None:
        sources, seeds = functions.backward_sources(target.value, [p.name for p in taken], groups)
        if seeds:
            raise MisfitError(f"{target.name} takes {', '.join(seeds)}, which {partner} neither takes nor returns")
    failures: list[str] = []
    for sizes in size_ways(target, globals_):
        for wanted, fixed, tied in arguments(target, function, taken):
            everything = [*wanted, *sizes.wanted]
            order = [w.name for w in everything if w.part in ("weight", "bias")]

            def collect(returned: Any, made: Any, order: list[str] = order) -> dict[str, Any]:
                if partner is None:
                    return collected(returned, groups, order)
                return functions.gradients(returned, names, order)

            def build(
                variables: dict[str, Variable], fixed: dict[str, Fixed] = fixed, sizes: Sizes = sizes,
                everything: list[Wanted] = everything, order: list[str] = order, tied: bool = tied,
            ) -> CallPlan:  # fmt: skip
                return CallPlan(
                    protocol="min-char-rnn" if sizes.wanted else "loss",
                    target=target,
                    variables=variables,
                    slots={w.name: w.slot for w in everything},
                    forward=function,
                    backward=target.value if partner else None,
                    weighs=lambda returned, made: {"loss": loss_of(returned, groups)},
                    sources=sources,
                    collect=collect,
                    fixed=fixed,
                    global_fixed=sizes.numbers,
                    loss=True,
                    order=order,
                    sizes_fixed=sizes.known,
                    equal=sizes.equal,
                    notes=[EQUAL] if sizes.equal else [],
                    tied=tied or bool(sizes.wanted),
                    large_weights=8.0,
                )

            try:
                plan = found(everything, target, build, target.name)
                return settled(plan, [n for n in fixed if words.part(n) == "target"])
            except MissingError:
                raise
            except MisfitError as error:
                failures.append(str(error))
    raise MisfitError(failures[0] if failures else f"{target.name}: its arguments are not understood")


def loss_of(returned: Any, groups: list[list[str]]) -> Any:
    """The loss among what was returned: by its name, else the first number."""
    elements = list(returned) if isinstance(returned, tuple | list) else [returned]
    numbers = [k for k, value in enumerate(elements) if _number(value)]
    named = [k for k in numbers if k < len(groups) and groups[k] and words.plain(groups[k][0]) in LOSSES]
    if not numbers:
        raise MisfitError("what was returned holds no number that could be the loss")
    return np.asarray(elements[(named or numbers)[0]]).reshape(())


def _number(value: Any) -> bool:
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    return (
        isinstance(value, float | complex | np.inexact | np.ndarray)
        and np.size(value) == 1
        and np.asarray(value).dtype.kind in "fc"
    )


def collected(returned: Any, groups: list[list[str]], order: list[str]) -> dict[str, Any]:
    """The gradients among what was returned."""
    if not isinstance(returned, tuple | list):
        return {}
    found: dict[str, Any] = {}
    unnamed: list[Any] = []
    for k, value in enumerate(returned):
        name = groups[k][0] if k < len(groups) == len(returned) and len(groups[k]) == 1 else ""
        listed = groups[k] if k < len(groups) and all(words.is_gradient(n) for n in groups[k]) else []
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            found |= {key: v for key, v in value.items() if isinstance(v, np.ndarray | float)}
        elif (
            isinstance(value, tuple | list)
            and (len(value) == len(order) or len(value) == len(listed) > 1)
            and all(isinstance(v, np.ndarray) for v in value)
        ):
            names = listed if len(listed) == len(value) else [f"d{n}" for n in order]
            found |= dict(zip(names, value, strict=True))
        elif words.is_gradient(name) and (array := real_array(value)) is not None and not _is_loss(name):
            found[name] = array
        elif isinstance(value, np.ndarray) and value.ndim and not name:
            unnamed.append(value)
    if len(unnamed) >= len(order) and not found:
        found |= {f"d{n}": v for n, v in zip(order, unnamed, strict=False)}
    return found


def _is_loss(name: str) -> bool:
    return words.plain(name) in LOSSES


# Globals


EQUAL = "input, state and output have one length in the file: it is called with one length for the three"


class Sizes:
    """One way to take the globals: which arrays they are, the sizes that are known, and those that are set.

    `equal`: input, state and output have one length in the file, so that they are not told apart.
    """

    def __init__(
        self, wanted: list[Wanted], known: dict[str, int], numbers: dict[str, Fixed], equal: bool = False
    ) -> None:
        self.wanted, self.known, self.numbers, self.equal = wanted, known, numbers, equal


def global_arrays(target: Target, groups: list[list[str]]) -> dict[str, Any]:
    """The float arrays of the module that the function, or one that it calls, reads and gives a gradient of."""
    named = {words.ungraded(name) for group in groups for name in group if words.is_gradient(name)}
    read = _globals_of(target.value, target.space, set())
    arrays = {n: target.space[n] for n in read if isinstance(target.space.get(n), np.ndarray)}
    arrays = {n: a for n, a in arrays.items() if a.dtype.kind == "f"}
    gradients = {n: a for n, a in arrays.items() if n in named}
    return gradients or arrays


def _globals_of(function: Any, space: Mapping[str, Any], seen: set[str]) -> list[str]:
    code = getattr(function, "__code__", None)
    found: list[str] = []
    pending = [code] if code is not None else []
    while pending:
        one = pending.pop()
        pending += [c for c in one.co_consts if inspect.iscode(c)]
        for name in one.co_names:
            if name in space and name not in seen:
                seen.add(name)
                found.append(name)
                if inspect.isfunction(space[name]):
                    found += _globals_of(space[name], space, seen)
    return found


def size_ways(target: Target, arrays: Mapping[str, Any]) -> Iterator[Sizes]:
    """Sizes that vary with the setting, where the file keeps them as numbers; else those of the arrays it has."""
    if not arrays:
        yield Sizes([], {}, {})
        return
    numbers = {n: v for n, v in target.space.items() if isinstance(v, int) and not isinstance(v, bool)}
    hidden = [n for n in numbers if words.plain(n) in words.HIDDEN_SIZES]
    data = [n for n in numbers if words.plain(n) in words.INPUT_SIZES or words.plain(n) in words.OUTPUT_SIZES]
    known = sizes_of(arrays, {n: numbers[n] for n in hidden}, {n: numbers[n] for n in data})
    if known is None:
        raise MisfitError(f"{target.name}: the sizes of {', '.join(arrays)} could not be told")
    letters = _letters(known)
    wanted = []
    for name, value in arrays.items():
        part = "bias" if words.is_bias(name) or value.ndim == 1 or 1 in value.shape else "weight"
        wanted.append(Wanted(name, part, Slot("global", name), tuple(letters.get(n, "?") for n in value.shape)))
    if any("?" in (w.axes or ()) for w in wanted):
        raise MisfitError(
            f"{target.name}: the sizes of {', '.join(f'{n} {a.shape}' for n, a in arrays.items())} could not be told"
        )
    if hidden and data:
        equal = known["H"] == known["D"]
        if equal:
            groups = words.families([w.name for w in wanted])
            wanted = [replace(w, axes=_by_name(w, groups[w.name])) for w in wanted]
        vary: dict[str, Fixed] = {n: _size("H") for n in hidden} | {n: _size("H" if equal else "D") for n in data}
        vary |= {n: _size("T") for n in numbers if words.plain(n) in STEPS}
        yield Sizes(wanted, {}, vary, equal)
    yield Sizes(wanted, known, {})


def _by_name(one: Wanted, family: str) -> Axes:
    """The axes of an array where all lengths are equal: what it acts on is told by the name of its family."""
    assert one.axes is not None
    if one.part == "bias":
        return tuple("K" if a == "H" and words.is_readout_bias(one.name) else a for a in one.axes)
    kind = words.kinds(family)[0]
    inner, outer = {"recurrent": ("H", "H"), "readout": ("H", "K")}.get(kind, ("D", "H"))
    return (outer, inner) if one.axes == ("H", "H") else one.axes


def _size(letter: str) -> Fixed:
    return lambda setting, rng: setting.size(letter)


def sizes_of(arrays: Mapping[str, Any], hidden: Mapping[str, int], data: Mapping[str, int]) -> dict[str, int] | None:
    """H and D of the global arrays."""
    square = [a.shape[0] for a in arrays.values() if a.ndim == 2 and a.shape[0] == a.shape[1]]
    stacked = [
        min(a.shape) for a in arrays.values() if a.ndim == 2 and max(a.shape) in (3 * min(a.shape), 4 * min(a.shape))
    ]
    H = next(iter(hidden.values()), None) or next(iter(square + stacked), None)
    lengths = [n for a in arrays.values() for n in a.shape]
    if H is None:
        return None
    D = next((v for v in data.values() if v in lengths), None) or next(
        (v for v in data.values() if v + H in lengths), None
    )
    if D is None:
        D = next((n for n in lengths if n not in (1, H, 2 * H, 3 * H, 4 * H)), None)
    return None if D is None else {"H": H, "D": D, "K": D}


def _letters(known: Mapping[str, int]) -> dict[int, str]:
    H, D = known["H"], known["D"]
    return {H + D: "J", D: "D"} | {n * H: f"{n}H" for n in (4, 3, 2)} | {H: "H", 1: "1"}


# Arguments

INDICES: tuple[tuple[str, Callable[[Setting, np.random.Generator, int], Any]], ...] = (
    ("list of T indices", lambda s, rng, n: [int(k) for k in rng.integers(n, size=s.T)]),
    ("T indices", lambda s, rng, n: rng.integers(n, size=s.T)),
    ("(B, T) indices", lambda s, rng, n: rng.integers(n, size=(s.B, s.T))),
    ("(T, B) indices", lambda s, rng, n: rng.integers(n, size=(s.T, s.B))),
)
TARGETS: tuple[tuple[str, Callable[[Setting, np.random.Generator], Any]], ...] = (
    ("list of T indices", lambda s, rng: [int(k) for k in rng.integers(s.K, size=s.T)]),
    ("T indices", lambda s, rng: rng.integers(s.K, size=s.T)),
    ("(B, T) indices", lambda s, rng: rng.integers(s.K, size=(s.B, s.T))),
    ("(B,) indices", lambda s, rng: rng.integers(s.K, size=s.B)),
    ("an index", lambda s, rng: int(rng.integers(s.K))),
    ("(T, B) indices", lambda s, rng: rng.integers(s.K, size=(s.T, s.B))),
)
FLOATS: tuple[str, ...] = (
    "BTK",
    "TBK",
    "TK",
    "TK1",
    "KBT",
    "BK",
    "K",
    "K1",
    "KB",
    "BTH",
    "TBH",
    "TH",
    "HBT",
    "BH",
    "H",
    "B1",
    "BT1",
    "TB1",
)


def arguments(
    target: Target, function: Any, taken: list[inspect.Parameter]
) -> Iterator[tuple[list[Wanted], dict[str, Fixed], bool]]:
    """Ways to take the arguments: inputs as indices or arrays, targets as indices, distributions or numbers."""
    needed = {p.name for p in required(taken)}
    base: list[Wanted] = []
    inputs, targets = [], []
    fixed: dict[str, Fixed] = {}
    for p in taken:
        part = words.part(p.name)
        if p.name not in needed and part not in ("h", "c"):
            continue
        if part == "parameters":
            for key in keys_of(function, p.name, target.source.tree):
                inside = "bias" if key == "c" else words.part(key)  # o = V h + c; a first state has a longer name
                base.append(
                    Wanted(key, inside if inside in ("h", "c", "bias") else "weight", Slot("argument", p.name, key))
                )
        elif words.plain(p.name) in words.INPUT_SIZES and len(p.name) > 1:
            fixed[p.name] = _size("D")
        elif part == "input":
            inputs.append(p.name)
        elif part == "target":
            targets.append(p.name)
        elif part in ("h", "c", "weight", "bias", "mask", "lengths"):
            base.append(Wanted(p.name, part, Slot("argument", p.name)))
        elif not inputs:
            inputs.append(p.name)
        elif not targets:
            targets.append(p.name)
        else:
            raise MisfitError(f"{target.name}: what its argument {p.name} stands for could not be told")
    # A target that is multiplied is no index, although an index would run.
    goals: Sequence[Fixed] = GOALS[len(TARGETS) :] if _multiplied(function, targets, target.source.tree) else GOALS
    known = shapes(target)
    if set(targets) & {*known}:
        goals = [partial(_drawn, wanted=known[name]) for name in targets if name in known][:1]
    for kind in [1] if inputs and set(inputs) <= {*known} else range(len(INDICES) + 1):
        for goal in goals if targets else [None]:
            more = dict(fixed)
            wanted = list(base)
            if kind == 0 or not inputs:
                more |= {name: index(0) for name in inputs}
            elif kind == 1:
                wanted += [Wanted(name, "input", Slot("argument", name)) for name in inputs]
            else:
                more |= {name: index(kind - 1) for name in inputs}
            if goal is not None:
                more |= dict.fromkeys(targets, goal)
            yield wanted, more, bool(fixed)
        if not inputs:
            return


def _multiplied(function: Any, names: list[str], tree: ast.AST) -> bool:
    """Whether one of the arguments, or a step of it, is a factor of a product."""
    node = definition(function, tree)
    for part in ast.walk(node) if node is not None else ():
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mult):
            for side in (part.left, part.right):
                inner = side.value if isinstance(side, ast.Subscript) else side
                if isinstance(inner, ast.Name) and inner.id in names:
                    return True
    return False


def index(kind: int) -> Fixed:
    """Indices of a kind, as long as there are inputs."""
    give = INDICES[kind][1]
    return lambda setting, rng: give(setting, rng, setting.D)


def _drawn(setting: Setting, rng: np.random.Generator, wanted: Axes) -> Any:
    value = rng.random(setting.shape(wanted)) + 0.1
    place = wanted.index("K") if "K" in wanted else -1
    return value / value.sum(axis=place, keepdims=True) if "K" in wanted else value


GOALS: list[Fixed] = [
    *(lambda s, rng, give=give: give(s, rng) for _, give in TARGETS),
    *(lambda s, rng, a=a: _drawn(s, rng, axes(a)) for a in FLOATS),
]
"""Ways to draw a target."""


def _one_hot(setting: Setting, rng: np.random.Generator, wanted: Axes) -> Array:
    place = wanted.index("K")
    drawn = rng.random(setting.shape(wanted))
    return np.asarray(drawn == drawn.max(axis=place, keepdims=True), float)


ONE_HOT: list[Fixed] = [partial(_one_hot, wanted=axes(a)) for a in FLOATS if "K" in axes(a)]
"""The same where the one class is looked for in an array, as with argmax: distributions run there, and mean nothing."""


def settled(plan: CallPlan, targets: Sequence[str]) -> CallPlan:
    """The plan with the kind of target under which gradients are right, see `rightness.settled`."""
    found = rightness.settled(plan, targets, [*GOALS, *ONE_HOT])
    if any(found.fixed.get(name) in ONE_HOT for name in targets):
        found.assumed.append(f"{', '.join(targets)}: one class each, one-hot; with distributions no gradient is right")
    if found.ragged and not rightness.factors(found):
        raise MisfitError(
            f"{found.target.name} runs, but no way to give it its arguments was found in which its gradients have the "
            "shapes of the parameters, or in which any of them is right"
        )
    return found
