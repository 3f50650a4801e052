"""A class with a forward and a backward method: layers with params and grads, frameworks, classes with state.

Its arrays are found by `constructing`; its gradients are returned, or left in attributes, lists and dicts.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from verify.code.calling import words
from verify.code.calling.axes import FIRST
from verify.code.calling.base import (
    MisfitError,
    MissingError,
    Target,
    Variable,
    as_it_is,
    calls,
    definition,
    returned_names,
)
from verify.code.calling.constructing import (
    LISTS,
    Maker,
    array_of_tensor,
    arrays_of,
    attributes,
    example,
    makers,
    read,
    unset_states,
)
from verify.code.calling.engine import CallPlan, CallTrial, Fixed, real_array
from verify.code.calling.search import Wanted, found
from verify.code.calling.updating import check_updates
from verify.code.protocols import functions, losses, warming
from verify.code.running.loading import told
from verify.numbers.case import Array

PARAMETER_LISTS = ("params", "parameters", "p", "weights", "theta", "param")


def methods(kind: type) -> tuple[str, str] | None:
    """The names of the forward and the backward method of a class."""
    ahead = next((n for n in words.FORWARD if callable(getattr(kind, n, None)) and _own(kind, n)), None)
    back = next((n for n in words.BACKWARD if callable(getattr(kind, n, None))), None)
    return (ahead, back) if ahead and back else None


def _own(kind: type, name: str) -> bool:
    return name != "__call__" or "__call__" in vars(kind)


def recognises(target: Target) -> bool:
    """Whether the target is a class with both methods."""
    return inspect.isclass(target.value) and methods(target.value) is not None


def bound(target: Target) -> CallPlan:
    """A plan for the class; raises MisfitError."""
    kind = target.value
    names = methods(kind)
    if names is None:
        raise MisfitError(f"{target.name} has no method forward, or none backward")
    if target.hints and target.hints[-1] in vars(kind):
        names = (names[0], target.hints[-1])
    if all(isinstance(inspect.getattr_static(kind, name), staticmethod) for name in names):
        return functions.pair(target, *(getattr(kind, name) for name in names))  # the class is no more than a place
    failures = []
    for made in makers(target):
        try:
            return _planned(target, made, *names)
        except MissingError:
            raise
        except MisfitError as error:
            failures.append(str(error))
    raise MisfitError(failures[0] if failures else f"{target.name} could not be constructed")


def kept(target: Target, maker: Maker) -> tuple[list[Wanted], list[str]]:
    """The arrays that are given to the constructor or kept by the object, and the parameters in their order."""
    try:
        made = example(target, maker)
    except (Exception, SystemExit) as error:  # whatever a person's constructor may raise
        raise MisfitError(f"{target.name} could not be constructed: {told(error, target.source.path)}") from None
    own: list[Wanted] = []
    if made is not None:
        given = {id(v) for v in vars(maker).get("given", {}).values()}
        own = [w for w in attributes(made) if id(read(made, w.slot)) not in given]
    if maker.arrays:
        own = [w for w in own if w.part in ("h", "c") and not w.name.startswith("d")]
        own += unset_states(target, made, own)
    return [*maker.arrays, *own], [w.name for w in maker.arrays] or _in_list(made)


def _planned(target: Target, maker: Maker, ahead: str, back: str) -> CallPlan:
    kind, tree = target.value, target.source.tree
    forward, backward = getattr(kind, ahead), getattr(kind, back)
    wanted, order = kept(target, maker)
    arguments, _ = functions.variables_of(target, forward, calls(forward)[1:])
    warm = None
    if not any(w.part == "weight" for w in wanted):
        warm = warming.warmed(target, maker, ahead, arguments)
        wanted += warm.weights if warm else []
    wanted += [w for w in arguments if w.name not in {v.name for v in wanted}]
    parameters = [w.name for w in wanted if w.part in ("weight", "bias")]
    names = [p.name for p in calls(forward)[1:]]
    groups = returned_names(forward, tree)
    sources, seeds = functions.backward_sources(backward, names, groups, skip=1, tree=tree)
    returned, added = returned_names(backward, tree), _appended(backward, tree)
    outputs = {name for group in groups for name in group}
    rates = [p.name for p in calls(backward)[1:] if words.plain(p.name) in words.RATES and p.name not in outputs]
    sources |= dict.fromkeys(rates, "rate")
    seeds = [name for name in seeds if name not in rates]

    fixed: dict[str, Fixed] = {}
    to_theirs, ours = _tensors(target, maker)

    def build(variables: dict[str, Variable]) -> CallPlan:
        def weighs(value: Any, made: Any) -> dict[str, Array]:
            if value is None and (kept_ := _left_for(made, seeds)):
                return kept_
            return functions.weighed(_left_outputs(made) if value is None else ours(value), seeds, groups)

        def collect(value: Any, made: Any) -> dict[str, Any]:
            value = ours(value)
            found = functions.gradients(value, returned, [w.name for w in arguments]) if value is not None else {}
            return {**left(made, order, added, parameters), **found}

        return CallPlan(
            protocol="layer" if maker.arrays else "framework",
            target=target,
            variables=variables,
            slots={w.name: w.slot for w in wanted},
            forward=ahead,
            backward=back,
            weighs=weighs,
            sources=sources,
            collect=collect,
            make=warm.make if warm else kind,
            make_fixed=warm.fixed if warm else maker.fixed,
            fixed=dict(fixed),
            order=order,
            updates=bool(rates),
            to_theirs=to_theirs,
        )

    # With everything that may be given, then without the states that the object keeps or takes.
    optional = [w for w in wanted if w.part in ("h", "c")]
    attempts = [wanted]
    if optional:
        attempts.append([w for w in wanted if w.part not in ("h", "c") or w.slot.kind == "argument"])
        attempts.append([w for w in wanted if w not in optional])
    ways = [(attempt, dict[str, Fixed]()) for attempt in attempts]
    data = [w.name for w in arguments if w.part == "input"]
    places = [{name: losses.index(k) for name in data} for k in range(len(losses.INDICES))] if data else []
    ways += [([w for w in wanted if w.name not in data], given) for given in places]  # of words, as E[tokens]
    first: MisfitError | None = None
    for attempt, given in ways:
        try:
            wanted = attempt
            fixed.clear()
            fixed.update(given)
            plan = found(attempt, target, build, f"{target.name}.{ahead}")
            if plan.updates:
                check_updates(plan)
            if warm:
                warming.check(plan)
            return pruned(plan, [w for w in attempt if w.part in ("h", "c") and w.slot.kind != "argument"])
        except MissingError:
            raise
        except MisfitError as misfit:
            first = first or misfit
    assert first is not None
    raise first


def _tensors(target: Target, maker: Maker) -> tuple[Callable[[Array], Any], Callable[[Any], Any]]:
    """How arrays go into an object and come out of it: as tensors where it keeps such."""
    try:
        made = example(target, maker)
    except (Exception, SystemExit):  # whatever a person's constructor may raise; it is said elsewhere
        made = None
    if made is None or not any(array_of_tensor(value) is not None for value in getattr(made, "__dict__", {}).values()):
        return as_it_is, as_it_is
    from verify.code.calling.tensors import from_theirs, to_theirs

    return to_theirs, from_theirs


def pruned(plan: CallPlan, kept: list[Wanted]) -> CallPlan:
    """The plan without states of the object that do not move J, or whose gradient is not left anywhere."""
    setting = plan.fitted(FIRST)
    trial = CallTrial(plan, setting, np.random.default_rng(2))
    got = {plan.variable_of(n, np.shape(v), setting) for n, v in trial.raw().items()}
    for one in kept:
        before = trial.objective(trial.values)
        moved = trial.objective({**trial.values, one.name: trial.values[one.name] + 0.5})
        if before == moved or one.name not in got:
            del plan.variables[one.name]
            del plan.slots[one.name]
    return plan


def _in_list(made: Any) -> list[str]:
    """The names of the arrays in a list of parameters, in their order."""
    known = {id(read(made, slot)): name for name, slot, _ in reversed(list(arrays_of(made)))}
    for name in PARAMETER_LISTS:
        value = getattr(made, name, None)
        if isinstance(value, list) and value:
            return [known.get(id(v), f"{name}[{k}]") for k, v in enumerate(value)]
    return []


def _left_outputs(made: Any) -> Array | None:
    """What a forward pass that returns nothing leaves as its output in the object."""
    found = ((name, real_array(getattr(made, name, None))) for name in words.OUTPUTS)
    return next((value for _, value in found if value is not None and value.ndim > 1), None)


def _left_for(made: Any, seeds: Sequence[str]) -> dict[str, Array]:
    """What a forward pass that returns nothing leaves of each that backward takes a gradient of: s for diff_s."""
    found = {seed: real_array(getattr(made, words.ungraded(seed), None)) for seed in seeds if words.is_gradient(seed)}
    arrays = {seed: value for seed, value in found.items() if value is not None and value.ndim}
    return arrays if len(arrays) == len(seeds) else {}


def _appended(function: Any, tree: ast.AST) -> list[str]:
    """The names of what a method appends to a list of gradients, in order: self.grads.append(dW)."""
    node = definition(function, tree)
    calls_ = [n for n in ast.walk(node) if isinstance(n, ast.Call)] if node is not None else []
    return [
        call.args[0].id
        for call in sorted(calls_, key=lambda call: (call.lineno, call.col_offset))
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "append"
        and isinstance(call.func.value, ast.Attribute)
        and call.func.value.attr in LISTS
        and call.args
        and isinstance(call.args[0], ast.Name)
    ]


def left(made: Any, order: list[str], appended: Sequence[str] = (), parameters: Sequence[str] = ()) -> dict[str, Any]:
    """The gradients that an object keeps after its backward pass, by the names of attributes, keys, or parameters.

    `order`: the names of the parameters in their list; `appended`: the names of what was appended to another list;
    `parameters`: those whose gradients may stand in any dict, as self.g["dW"].
    """
    found: dict[str, Any] = {}
    own = vars(made).values() if hasattr(made, "__dict__") else ()
    for owner, name in product((made, *(v for v in own if isinstance(v, dict) and hasattr(v, "__dict__"))), LISTS):
        value = getattr(owner, name, None)
        if isinstance(value, Mapping):
            found |= {str(k): v for k, v in value.items() if isinstance(v, np.ndarray | float)}
        elif isinstance(value, list | tuple) and appended and len(value) == len(appended):
            found |= {n: v for n, v in zip(appended, value, strict=True) if isinstance(v, np.ndarray | float)}
        elif isinstance(value, list | tuple) and len(value) == len(order):
            found |= {f"d{n}": v for n, v in zip(order, value, strict=True) if isinstance(v, np.ndarray | float)}
    for name, slot, value in arrays_of(made):
        bare = name.split(".")[-1]
        if words.is_gradient(bare) and (slot.key is None or words.ungraded(bare) in parameters):
            found.setdefault(name, value)
    for name, value in vars(made).items() if hasattr(made, "__dict__") else ():
        array = real_array(value) if words.is_gradient(name) and not isinstance(value, np.ndarray) else None
        if array is not None:
            found.setdefault(name, array)
    return _of_the_whole(made, found)


def _of_the_whole(made: Any, found: dict[str, Any]) -> dict[str, Any]:
    """Gradients that an object adds up for an object within it, in the place of those of that object's last step."""
    named = {
        name: value for name, value in found.items() if "." not in name and not hasattr(made, words.ungraded(name))
    }
    within = {name: [inner for inner in found if inner.endswith(f".{name}")] for name in named}
    summed = {inner[0]: named[name] for name, inner in within.items() if len(inner) == 1}
    return {name: summed.get(name, value) for name, value in found.items() if name not in named or not within[name]}
