"""A class with a forward and a backward method: layers with params and grads, frameworks, classes with state.

The arrays it computes with are given to its constructor, or made by it and then replaced; its gradients are returned,
or left in attributes, lists and dicts.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from verify.code.loading import told
from verify.code.protocols import functions, words
from verify.code.protocols.axes import FIRST, Setting
from verify.code.protocols.base import MisfitError, MissingError, Target, Variable, calls, required, returned_names
from verify.code.protocols.engine import CallPlan, CallTrial, Fixed, Slot, real_array
from verify.code.protocols.search import Wanted, found, gates
from verify.numbers.case import Array

LISTS = ("grads", "gradients", "grad", "dparams", "d_params", "gradient", "grad_params", "param_grads")
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


class Maker:
    """One way to construct the class: arrays that are variables, and fixed arguments such as sizes."""

    def __init__(self, arrays: list[Wanted], fixed: dict[str, Fixed]) -> None:
        self.arrays, self.fixed = arrays, fixed


def _size(letter: str) -> Fixed:
    return lambda setting, rng: setting.size(letter)


def _shape(setting: Setting, rng: np.random.Generator) -> tuple[int, int]:
    return (setting.T, setting.D)


def makers(target: Target) -> Iterator[Maker]:
    """Ways to construct, the likeliest first: by the names of arguments, then sizes in the usual order."""
    taken = [p for p in calls(target.value) if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    needed = {p.name for p in required(taken)}
    arrays: list[Wanted] = []
    fixed: dict[str, Fixed] = {}
    unknown: list[str] = []
    flag = next((p.name for p in taken if words.plain(p.name) == "stateful"), None)
    for p in taken:
        bare = words.plain(p.name)
        if p.name == flag:
            fixed[p.name] = lambda setting, rng: True
        elif p.name not in needed:
            if (bare in words.INPUT_SIZES and p.default is None) or (
                bare in words.INPUT_SIZES and isinstance(p.default, int) and not isinstance(p.default, bool)
            ):
                fixed[p.name] = _size("D")
            elif bare in words.HIDDEN_SIZES and isinstance(p.default, int) and not isinstance(p.default, bool):
                fixed[p.name] = _size("H")
            elif bare in words.OUTPUT_SIZES and isinstance(p.default, int) and not isinstance(p.default, bool):
                fixed[p.name] = _size("K")
            elif bare in words.SHAPES and p.default is None:
                fixed[p.name] = _shape
            elif bare == "dtype":
                fixed[p.name] = lambda setting, rng: np.float64
        elif bare in words.SHAPES:
            fixed[p.name] = _shape
        elif bare in words.INPUT_SIZES:
            fixed[p.name] = _size("D")
        elif bare in words.HIDDEN_SIZES:
            fixed[p.name] = _size("H")
        elif bare in words.OUTPUT_SIZES:
            fixed[p.name] = _size("K")
        elif bare in (
            "t",
            "seqlen",
            "seqlength",
            "timesteps",
            "nsteps",
            "steps",
            "sequencelength",
            "bptttruncate",
            "maxlen",
        ):
            fixed[p.name] = _size("T")
        elif bare in ("b", "batchsize", "n", "nbatch") and any(words.part(q) == "weight" for q in needed) is False:
            fixed[p.name] = _size("B")
        elif bare in ("lr", "learningrate", "alpha", "eta"):
            fixed[p.name] = lambda setting, rng: 0.0
        elif bare in ("seed", "rngseed"):
            fixed[p.name] = lambda setting, rng: 0
        elif bare in ("rng", "randomstate", "random"):
            fixed[p.name] = lambda setting, rng: np.random.default_rng(0)
        elif words.part(p.name) in ("weight", "bias"):
            arrays.append(Wanted(p.name, words.part(p.name), Slot("make", p.name)))
        else:
            unknown.append(p.name)
    if not unknown:
        yield Maker(arrays, fixed)
        if flag:
            yield Maker(arrays, {**fixed, flag: lambda setting, rng: False})
        return
    for letters in ("DHK", "HDK", "DDH"):
        if len(unknown) <= len(letters):
            yield Maker(arrays, {**fixed, **{name: _size(a) for name, a in zip(unknown, letters, strict=False)}})


def _planned(target: Target, maker: Maker, ahead: str, back: str) -> CallPlan:
    kind, tree = target.value, target.source.tree
    forward, backward = getattr(kind, ahead), getattr(kind, back)
    try:
        example = _example(target, maker)
    except (Exception, SystemExit) as error:  # whatever a person's constructor may raise
        raise MisfitError(f"{target.name} could not be constructed: {told(error, target.source.path)}") from None
    wanted = list(maker.arrays)
    own: list[Wanted] = []
    if example is not None:
        given = {id(v) for v in vars(maker).get("given", {}).values()}
        own = [w for w in attributes(example) if id(read(example, w.slot)) not in given]
    if maker.arrays:
        own = [w for w in own if w.part in ("h", "c") and not w.name.startswith("d")]
        own += _states(target, example, own)
    wanted += own
    arguments, _ = functions.variables_of(target, forward, calls(forward)[1:])
    wanted += [w for w in arguments if w.name not in {v.name for v in wanted}]
    names = [p.name for p in calls(forward)[1:]]
    groups = returned_names(forward, tree)
    sources, seeds = functions.backward_sources(backward, names, groups, skip=1)
    returned = returned_names(backward, tree)
    order = [w.name for w in maker.arrays] or _in_list(example)
    rates = [p.name for p in calls(backward)[1:] if words.plain(p.name) in words.RATES]
    sources |= dict.fromkeys(rates, "rate")
    seeds = [name for name in seeds if name not in rates]

    def build(variables: dict[str, Variable]) -> CallPlan:
        def weighs(value: Any, made: Any) -> dict[str, Array]:
            return functions.weighed(value, seeds, groups)

        def collect(value: Any, made: Any) -> dict[str, Any]:
            found = functions.gradients(value, returned, [w.name for w in arguments]) if value is not None else {}
            return {**left(made, order), **found}

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
            make=kind,
            make_fixed=maker.fixed,
            order=order,
            updates=bool(rates),
        )

    # With everything that may be given, then without the states that the object keeps or takes.
    optional = [w for w in wanted if w.part in ("h", "c")]
    attempts = [wanted]
    if optional:
        attempts.append([w for w in wanted if w.part not in ("h", "c") or w.slot.kind == "argument"])
        attempts.append([w for w in wanted if w not in optional])
    first: MisfitError | None = None
    for attempt in attempts:
        try:
            wanted = attempt
            plan = found(attempt, target, build, f"{target.name}.{ahead}")
            if plan.updates:
                check_updates(plan)
            return pruned(plan, [w for w in attempt if w.part in ("h", "c") and w.slot.kind != "argument"])
        except MissingError:
            raise
        except MisfitError as misfit:
            first = first or misfit
    assert first is not None
    raise first


def check_updates(plan: CallPlan) -> None:
    """Raise MisfitError where what backward takes off the parameters is not proportional to what J asks."""
    setting = plan.fitted(FIRST)
    small, twice = (CallTrial(plan, replace(setting, seeds=s), np.random.default_rng(2)) for s in (2.0**-20, 2.0**-19))
    one, two = small.raw(), twice.raw()
    for name, value in one.items():
        if name not in two or not np.allclose(2 * np.asarray(value), two[name], rtol=1e-4, atol=1e-14):
            raise MissingError(
                f"{plan.target.name}: what backward takes off {words.ungraded(name)} is not proportional to what is "
                "asked of the outputs: it is what an optimizer made of the gradient, so the gradient cannot be seen"
            )
    plan.notes.append("no gradient is returned: it is what backward takes off the parameters at the learning rate 1")


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


def _example(target: Target, maker: Maker) -> Any:
    """An object made in the first setting, None where its arrays are not known yet."""
    rng = np.random.default_rng(0)
    fixed = {name: give(FIRST, rng) for name, give in maker.fixed.items()}
    if not maker.arrays:
        return target.value(**fixed)
    # Which of their arrays are which is found later; any shapes do where the constructor only keeps them.
    for many in gates(target):
        shapes = {"weight": (FIRST.D, many * FIRST.H), "bias": (many * FIRST.H,)}
        try:
            given = {w.name: rng.normal(size=shapes[w.part]) for w in maker.arrays}
            made = target.value(**given, **fixed)
        except Exception:  # the constructor looks at its arrays: the search will say what it raises
            continue
        maker.given = given  # type: ignore[attr-defined]
        return made
    return None


def attributes(made: Any) -> list[Wanted]:
    """The float arrays that an object keeps, in attributes, lists, dicts and objects within it, each once."""
    wanted: list[Wanted] = []
    seen: set[int] = set()
    for name, slot, value in _arrays(made):
        if id(value) in seen or value.size == 0:
            continue
        if words.is_gradient(name) and any(n == words.ungraded(name) for n, _, _ in _arrays(made)):
            continue
        if any(part in LISTS for part in slot.name.split(".")) or "grad" in name.lower():
            continue
        seen.add(id(value))
        found = FIRST.axes(value.shape)
        if "?" in found:
            continue
        part = words.part(name.split(".")[-1])
        if part not in ("h", "c"):
            part = "bias" if words.is_bias(name.split(".")[-1]) or value.ndim == 1 or 1 in value.shape else "weight"
        wanted.append(Wanted(name, part, slot, found))
    return wanted


def _states(target: Target, example: Any, have: list[Wanted]) -> list[Wanted]:
    """States that an object keeps between calls and that are None at first: they can be given."""
    names = {w.name for w in have}
    found = []
    for name, value in vars(example).items() if example is not None and hasattr(example, "__dict__") else ():
        if value is None and name not in names and words.part(name) in ("h", "c") and not words.is_gradient(name):
            found.append(Wanted(name, words.part(name), Slot("attribute", name)))
    return found


def _arrays(made: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Slot, Array]]:
    """Name, place and value of every float array within an object; names of attributes go before places in lists."""
    listed: list[tuple[str, Slot, Array]] = []
    for name, value in vars(made).items() if hasattr(made, "__dict__") else ():
        place = f"{path}{name}"
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            yield place, Slot("attribute", place), value
        elif isinstance(value, Mapping):
            for key, inside in value.items():
                if isinstance(inside, np.ndarray) and inside.dtype.kind == "f":
                    listed.append((str(key), Slot("item", place, key), inside))
        elif isinstance(value, list):
            for k, inside in enumerate(value):
                if isinstance(inside, np.ndarray) and inside.dtype.kind == "f":
                    listed.append((f"{name}[{k}]", Slot("item", place, k), inside))
        elif (
            depth < 2
            and hasattr(value, "__dict__")
            and type(value).__module__ == type(made).__module__
            and not callable(value)
        ):
            yield from _arrays(value, f"{place}.", depth + 1)
    yield from listed


def read(made: Any, slot: Slot) -> Any:
    """What stands at a place in an object."""
    owner = made
    for name in slot.name.split("."):
        owner = getattr(owner, name)
    return owner if slot.key is None else owner[slot.key]


def _in_list(made: Any) -> list[str]:
    """The names of the arrays in a list of parameters, in their order."""
    known = {id(value): name for name, slot, value in reversed(list(_arrays(made)))}
    for name in PARAMETER_LISTS:
        value = getattr(made, name, None)
        if isinstance(value, list) and value:
            return [known.get(id(v), f"{name}[{k}]") for k, v in enumerate(value)]
    return []


def left(made: Any, order: list[str]) -> dict[str, Any]:
    """The gradients that an object keeps after its backward pass, by the names of attributes, keys, or parameters."""
    found: dict[str, Any] = {}
    for name in LISTS:
        value = getattr(made, name, None)
        if isinstance(value, Mapping):
            found |= {str(k): v for k, v in value.items() if isinstance(v, np.ndarray | float)}
        elif isinstance(value, list | tuple) and len(value) == len(order):
            found |= {f"d{n}": v for n, v in zip(order, value, strict=True) if isinstance(v, np.ndarray | float)}
    for name, slot, value in _arrays(made):
        if slot.key is None and words.is_gradient(name.split(".")[-1]):
            found.setdefault(name, value)
    for name, value in vars(made).items() if hasattr(made, "__dict__") else ():
        array = real_array(value) if words.is_gradient(name) and not isinstance(value, np.ndarray) else None
        if array is not None:
            found.setdefault(name, array)
    return found
