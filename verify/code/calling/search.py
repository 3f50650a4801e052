"""Finding the axes of every array by trying: layouts in the order of how usual they are, the first one that fits is it.

A layout fits if forward and backward run and every gradient has the shape of its variable. All lengths differ, so that
another layout hardly ever fits by chance; where two do, they differ by the names of axes only, and `probed` tells them
apart by what moves when one step of the input is moved.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derive.patterns import regex
from verify.code.calling import unsummed, words
from verify.code.calling.axes import FIRST, Axes, Setting, axes
from verify.code.calling.base import MisfitError, Output, RaisedError, Target, Tries, Variable, shown
from verify.code.calling.engine import CallPlan, CallTrial, Slot
from verify.code.calling.free import free
from verify.code.running.loading import told

Assignment = dict[str, Axes]


@dataclass(frozen=True)
class Wanted:
    """A variable whose axes are looked for; `axes` where they are known."""

    name: str
    part: str
    slot: Slot
    axes: Axes | None = None


@dataclass(frozen=True)
class Family:
    """How inputs, states and biases lie together; weights stand right of rows (x @ W) or left of columns (W @ x)."""

    input: str
    states: tuple[str, ...]
    biases: tuple[str, ...]
    sides: tuple[str, ...]


RIGHT, LEFT = "right", "left"
FAMILIES = (
    Family("BTD", ("BH", "H", "1H", "1BH"), ("G", "1G", "G1"), (RIGHT, LEFT)),
    Family("TBD", ("BH", "H", "1H", "1BH"), ("G", "1G", "G1"), (RIGHT, LEFT)),
    Family("DBT", ("HB", "H1"), ("G1", "G"), (LEFT, RIGHT)),
    Family("BD", ("BH",), ("G", "1G", "G1"), (RIGHT, LEFT)),
    Family("TD", ("H", "1H"), ("G", "1G"), (LEFT, RIGHT)),
    Family("TD1", ("H1",), ("G1", "G"), (LEFT, RIGHT)),
    Family("T1D", ("1H",), ("1G", "G"), (RIGHT, LEFT)),
    Family("TDB", ("HB", "H1"), ("G1", "G"), (LEFT,)),
    Family("DB", ("HB", "H1"), ("G1", "G"), (LEFT,)),
    Family("BDT", ("BH", "HB"), ("G", "G1"), (RIGHT, LEFT)),
    Family("DTB", ("HB",), ("G1", "G"), (LEFT,)),
    Family("DT", ("H", "H1"), ("G", "G1"), (LEFT, RIGHT)),
    Family("1TD", ("1H", "H"), ("G", "1G"), (RIGHT, LEFT)),
    Family("D", ("H",), ("G",), (LEFT, RIGHT)),
    Family("D1", ("H1",), ("G1", "G"), (LEFT,)),
    Family("1D", ("1H",), ("1G", "G"), (RIGHT,)),
)


def is_step(target: Target) -> bool:
    """Whether the names say that one step is meant."""
    return any(word in target.name.lower() for word in ("step", "cell", "single"))


def assignments(wanted: Sequence[Wanted], target: Target) -> Iterator[tuple[Assignment, int]]:
    """Axes for all variables, the usual first, and which round it is: each goes through all layouts of the arrays, with
    the weights acting on what their names say in the first."""
    open_ones = [w for w in wanted if w.axes is None]
    if not open_ones:
        yield {}, 0
        return
    weights = [w.name for w in open_ones if w.part == "weight"]
    groups = words.families([w.name for w in open_ones if w.part in ("weight", "bias")])
    groups, above = _layers(groups)
    keys = list(dict.fromkeys(groups[name] for name in weights))
    ranked = [words.kinds(key) for key in keys]
    if len(keys) <= 2 and not any(w.part == "bias" for w in wanted):
        ranked = [(*kinds, "augmented") for kinds in ranked]
    unsaid = {groups[w.name] for w in open_ones if w.part == "weight" and not words.part(w.name)}
    ranked = [
        (kinds[0], "vector", *kinds[1:]) if key in unsaid else kinds for key, kinds in zip(keys, ranked, strict=True)
    ]
    ranks = sorted(itertools.product(*(range(len(kinds)) for kinds in ranked)), key=lambda r: (sum(r), r))
    families = sorted(FAMILIES, key=lambda f: is_step(target) != (f.input in ("BD", "DB", "D", "D1", "1D")))
    multiples = gates(target)
    apart = {w.name: n for w in open_ones if w.part in ("weight", "bias") and (n := _numbered(target, w.name))}
    for turn, rank in enumerate(ranks):
        kind = {key: ranked[k][r] for k, (key, r) in enumerate(zip(keys, rank, strict=True))}
        if len(keys) > 1 and {"joint", "augmented"} & {*kind.values()} and "input" in kind.values():
            continue
        # Where each gate has arrays of its own, they are as high as the state.
        several = {key for key in groups.values() if "?" in key}
        for family in families:
            for many in multiples if any(groups[n] not in several and n not in apart for n in groups) else (1,):
                for side, bias, state in itertools.product(family.sides, family.biases, family.states):
                    found: Assignment = {}
                    for one in open_ones:
                        stacked = 1 if groups.get(one.name) in several or one.name in apart else many
                        own = kind.get(groups.get(one.name, ""), "")
                        own = "recurrent" if own == "input" and one.name in above else own
                        front = (str(apart[one.name]),) if one.name in apart else ()
                        found[one.name] = (*front, *_axes(one, own, family, side, bias, state, stacked))
                    yield found, turn
    for found in free([(w.name, w.part) for w in open_ones]):
        yield found, 0


def _numbered(target: Target, name: str) -> int:
    """How many arrays a file keeps in one, W[0], W[1], ...: 0 where it does not."""
    used = {
        node.slice.value
        for node in ast.walk(target.source.tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, int)
    }
    return len(used) if len(used) > 1 and used == set(range(len(used))) else 0


def _layers(groups: dict[str, str]) -> tuple[dict[str, str], set[str]]:
    """Weights that differ by a number alone are those of layers above each other: of one kind, and the upper ones."""
    stems = {name: re.sub(r"_?l?\d+", "", key) for name, key in groups.items()}
    several = {stem for stem in stems.values() if len({k for n, k in groups.items() if stems[n] == stem}) > 1}
    if not several - {""}:
        return groups, set()
    first: dict[str, str] = {}
    for name, key in groups.items():
        first.setdefault(stems[name], key)
    above = {n for n, key in groups.items() if stems[n] in several and key != first[stems[n]]}
    return {n: stems[n] if stems[n] in several else key for n, key in groups.items()}, above


def _axes(one: Wanted, kind: str, family: Family, side: str, bias: str, state: str, many: int) -> Axes:
    gate = "H" if many == 1 else f"{many}H"
    if one.part == "input":
        return axes(family.input)
    if one.part in ("h", "c"):
        return axes(state)
    if one.part == "lengths":
        return ("B",)
    if one.part == "mask":
        return tuple(letter for letter in family.input if letter in "BT")
    if one.part == "bias" or kind == "vector":
        size = "K" if words.is_readout_bias(one.name) else gate
        return tuple(size if letter == "G" else letter for letter in bias)
    inner = {"input": "D", "recurrent": "H", "joint": "J", "augmented": "N", "readout": "H"}[kind]
    outer = "K" if kind == "readout" else gate
    return (inner, outer) if side == RIGHT else (outer, inner)


def gates(target: Target) -> tuple[int, ...]:
    """How many gates may be stacked, the likeliest first."""
    if "lstm" in target.about:
        return (4, 1, 3, 2)
    if "gru" in target.about:
        return (3, 1, 4, 2)
    return (1, 4, 3, 2)


def found(
    wanted: Sequence[Wanted],
    target: Target,
    build: Callable[[dict[str, Variable]], CallPlan],
    what: str,
    most: int = 30,
) -> CallPlan:
    """The first plan that fits, else one that runs; raises MisfitError with the call that came furthest.

    most: how many that run and do not fit are gone through before the first of them is taken.
    """
    wanted = declared(wanted, target)
    tries = Tries(target)
    fallback: CallPlan | None = None
    runs = 0
    seen: set[tuple[tuple[str, Axes], ...]] = set()
    short: CallPlan | None = None  # fits, with an axis of length one that may be one of steps or examples
    of_short = 0
    before: CallPlan | None = None
    for assignment, turn in assignments(wanted, target):
        if short is not None and turn != of_short:
            break
        if turn and tries.alike:
            break  # all layouts fail in the same words at the same line: they have no part in it
        key = tuple(sorted(assignment.items()))
        if key in seen:
            continue
        seen.add(key)
        variables = {w.name: Variable(w.name, w.part, w.axes or assignment[w.name]) for w in wanted}
        plan = build(variables)
        try:
            fit = _fit(plan, tries, what)
        except MisfitError:
            if fallback is None and short is None:
                raise
            break
        if short is not None:
            if fit == 2 and _longer(plan, short):
                return probed(plan)
            continue
        if fit == 2 and any(
            len(v.axes) > 2 and v.axes[-1] == "1" for v in plan.variables.values() if v.part == "input"
        ):
            short, of_short, before = plan, turn, fallback
            continue
        if fit == 2:
            return _of_one_example(plan, fallback)
        if fit == 1:
            fallback = fallback or plan
            runs += 1
            if runs > most:
                break
    if short is not None:
        return _of_one_example(short, before)
    if fallback is not None:
        fallback.ragged = not fallback.square
        if fallback.square:
            fallback.notes.append(f"it runs only where the output is as long as the state: {tries.furthest[1]}")
        return probed(fallback)
    raise MisfitError(tries.furthest[1] or f"{what}: nothing was found to call")


def _of_one_example(plan: CallPlan, several: CallPlan | None) -> CallPlan:
    """The plan, unless it is for one example where another runs with several and sums are all that it lacks."""
    if several is None or several.square or not _examples(several) - _examples(plan):
        return probed(plan)
    setting = several.fitted(FIRST)
    trial = CallTrial(several, setting, np.random.default_rng(0))
    shapes = {label: np.shape(value) for label, value in trial.raw().items()}
    named = {n: several.variables[v].axes for n, s in shapes.items() if (v := several.variable_of(n, s, setting))}
    ragged = {n: shapes[n] for n, a in named.items() if shapes[n] != setting.shape(a)}
    if not ragged or not all(unsummed.kept(shape, named[n], setting) for n, shape in ragged.items()):
        return probed(plan)
    if unsummed.for_several(plan.target):
        return probed(several)
    plan.unproved = unsummed.doubt(several, plan, ragged)
    plan.notes.append(plan.unproved)
    return probed(plan)


def _longer(plan: CallPlan, short: CallPlan) -> bool:
    """Whether an input has as many axes as in the other plan, and none of length one."""
    inputs = [(v.axes, short.variables[n].axes) for n, v in plan.variables.items() if v.part == "input"]
    return all(len(a) == len(b) and "1" not in a for a, b in inputs)


def _examples(plan: CallPlan) -> set[str]:
    return {letter for v in plan.variables.values() if v.part == "input" for letter in v.axes if letter in "BT"}


AXES = regex(r"([TBDHKJNM1]|[2-6]H)( ([TBDHKJNM1]|[2-6]H))*")
"""How the axes of an array are written down."""


def shapes(target: Target) -> dict[str, Axes]:
    """The axes that a file itself declares, SHAPES = {"x": "T D", "W": "H D"}; raises MisfitError for other letters."""
    given = target.space.get("SHAPES")
    if not isinstance(given, dict) or not all(isinstance(t, str) for pair in given.items() for t in pair):
        return {}
    for name, text in given.items():
        if not AXES.fullmatch(text):
            raise MisfitError(f"SHAPES: the axes of {name}, {text!r}, are not of T B D H K, 2H to 6H and 1")
    return {name: tuple(text.split()) for name, text in given.items()}


def declared(wanted: Sequence[Wanted], target: Target) -> list[Wanted]:
    """The variables with the axes that the file declares for them."""
    known = shapes(target)
    return [replace(w, axes=known[w.name]) if w.axes is None and w.name in known else w for w in wanted]


def _fit(plan: CallPlan, tries: Tries, what: str) -> int:
    """0: it does not run; 1: it runs; 2: every gradient has the shape of its variable."""
    trial = CallTrial(plan, plan.fitted(FIRST), np.random.default_rng(0))
    passed = tries.call(0, lambda: trial.run(trial.values), _given(trial), f"{what} (forward)")
    if passed is None:
        return 0
    if not plan.loss:
        if not passed.weighed:
            _further(
                tries,
                1,
                f"{what}: forward was called with {shown(_given(trial))} and returned nothing that J can weigh",
            )
            return 0
        _without_start(plan, passed.weighed, trial)
        outputs = {n: plan.fitted(FIRST).axes(v.shape) for n, v in passed.weighed.items()}
        taken = [v.axes for v in plan.variables.values() if v.part == "input"]
        if not all(
            (any(axis.endswith(("H", "K")) for axis in a) or a in taken) and v.size
            for (n, a), v in zip(outputs.items(), passed.weighed.values(), strict=True)
        ):
            _further(tries, 1, f"{what}: forward returned {shown(passed.weighed)}, which are no states")
            return 0
        if not all(np.isfinite(v).all() for v in passed.weighed.values()) or _spread(plan, passed.weighed):
            return 0
        plan.weighed = [Output(n, a) for n, a in outputs.items()]
    got = tries.call(2, lambda: trial.raw(passed), _given(trial), f"{what} (backward)")
    if got is None and any(v.ndim == 1 for v in passed.weighed.values()):
        for shape in ("row", "column"):
            plan.seed_shape = shape
            got = tries.call(2, lambda: trial.raw(), _given(trial), f"{what} (backward)")
            if got is not None:
                break
        else:
            plan.seed_shape = ""
    if got is None and not plan.loss and any("K" in v.axes for v in plan.variables.values()):
        plan.square = True
        again = CallTrial(plan, plan.fitted(FIRST), np.random.default_rng(0))
        got = tries.call(2, again.raw, _given(again), f"{what} (backward)")
        plan.square = got is not None
    if (
        got is None
        and not plan.loss
        and any("T" in o.axes for o in plan.weighed)
        and not any("T" in o.axes and "B" in o.axes for o in plan.weighed)
    ):
        got = _ending(plan, tries, what)
    if got is None:
        return 0
    matched = 0
    shapes = 0
    for label, value in got.items():
        name = plan.variable_of(label, np.shape(value), plan.fitted(FIRST))
        if name is None:
            continue
        matched += 1
        shapes += np.shape(value) == plan.fitted(FIRST).shape(plan.variables[name].axes)
    if not matched:
        returned = f"{shown(got)}, none of which names" if got else "nothing that names"
        _further(tries, 3, f"{what}: backward returned {returned} a gradient of {', '.join(plan.variables)}")
        return 0
    return 2 if shapes == matched and not plan.square else 1


def _spread(plan: CallPlan, weighed: dict[str, Any]) -> bool:
    """Whether an axis of length one of the input has become a longer one: it was stretched over another array."""
    taken = [v.axes for v in plan.variables.values() if v.part == "input"]
    return any(
        len(axes) == value.ndim and any(a == "1" != n for a, n in zip(axes, map(str, value.shape), strict=True))
        for axes in taken
        for value in weighed.values()
    )


def _ending(plan: CallPlan, tries: Tries, what: str) -> dict[str, Any] | None:
    """What backward gives where it takes the gradient of the last output alone, None where it does not run then."""
    whole, plan.ends = plan.weighed, {o.name: o.axes.index("T") for o in plan.weighed if "T" in o.axes}
    trial = CallTrial(plan, plan.fitted(FIRST), np.random.default_rng(0))
    try:
        passed = trial.run(trial.values)
    except RaisedError:
        passed = None
    got = None if passed is None else tries.call(2, lambda: trial.raw(passed), _given(trial), f"{what} (backward)")
    if passed is not None and got is not None:
        plan.weighed = [Output(n, plan.fitted(FIRST).axes(v.shape)) for n, v in passed.weighed.items()]
        plan.assumed.append("J reads the last output only: backward does not run with the gradients of all outputs")
    else:
        plan.weighed, plan.ends = whole, {}
    return got


def _without_start(plan: CallPlan, weighed: dict[str, Any], trial: CallTrial) -> None:
    """Outputs of T + 1 steps hold the initial state, too, on which nothing is asked: it is left out."""
    T = plan.fitted(FIRST).T
    states = [v for n, v in trial.values.items() if plan.variables[n].part == "h"]
    for name, value in list(weighed.items()):
        axis = next((k for k, n in enumerate(value.shape) if n == T + 1), None)
        if axis is None or not plan.timed:
            continue
        for place in (0, T):
            one = np.take(value, place, axis)
            starts = [np.zeros_like(one), *(s for s in states if s.size == one.size)]
            if any(np.array_equal(one.ravel(), s.ravel()) for s in starts):
                plan.trim[name] = (axis, place)
                weighed[name] = np.delete(value, place, axis)
                break


def _further(tries: Tries, stage: int, text: str) -> None:
    if stage > tries.furthest[0]:
        tries.furthest = (stage, text)


def _given(trial: CallTrial) -> dict[str, object]:
    return dict(trial.values)


def probed(plan: CallPlan) -> CallPlan:
    """The plan with the axes B and T of its input named by what they do: a moved step moves later steps only."""
    inputs = [v for v in plan.variables.values() if v.part == "input"]
    if plan.loss or not inputs or not plan.weighed:
        return plan
    one = inputs[0]
    letters = [a for a in one.axes if a in ("B", "T")]
    setting = plan.fitted(FIRST)
    trial = CallTrial(plan, setting, np.random.default_rng(1))
    try:
        before = next(iter(trial.run(trial.values).weighed.values()))
        kinds = {letter: _probe(plan, trial, one, letter, before, setting) for letter in letters}
    except RaisedError as error:
        plan.notes.append(f"which axis is time could not be tried: {told(error.error, plan.target.source.path)}")
        return plan
    if not plan.weighed[0].axes:
        return plan
    swap = {}
    if len(letters) == 2 and kinds["B"] == "time" and kinds["T"] == "batch":
        swap = {"B": "T", "T": "B"}
    elif len(letters) == 1 and letters[0] == "B" and kinds["B"] == "time":
        swap = {"B": "T"}
    elif len(letters) == 1 and letters[0] == "T" and kinds["T"] == "batch":
        swap = {"T": "B"}
    if not swap:
        return plan

    def renamed(old: Axes) -> Axes:
        return tuple(swap.get(a, a) for a in old)

    variables = {n: replace(v, axes=renamed(v.axes)) for n, v in plan.variables.items()}
    plan.variables = variables
    plan.weighed = [Output(o.name, renamed(o.axes)) for o in plan.weighed]
    return plan


def _probe(plan: CallPlan, trial: CallTrial, one: Variable, letter: str, before: np.ndarray, setting: Setting) -> str:
    """`time` if moving the first entry of an axis moves the others too, `batch` if only its own."""
    place = one.axes.index(letter)
    moved = trial.values[one.name].copy()
    index: list[Any] = [slice(None)] * moved.ndim
    index[place] = 0
    moved[tuple(index)] += 0.5
    after = next(iter(trial.run({**trial.values, one.name: moved}).weighed.values()))
    shape = setting.axes(before.shape)
    if letter not in shape:
        return "time"
    along = (
        np.moveaxis(np.abs(after - before), shape.index(letter), 0)
        .reshape(before.shape[shape.index(letter)], -1)
        .max(axis=1)
    )
    return "time" if (along[1:] > 0).any() else "batch" if along[0] > 0 else ""
