"""Their forward pass and the cell: which block of which of their arrays is which parameter, found by what comes out.

Candidates (the order of stacked gates, [h; x] or [x; h], one or two biases, weights to the right or to the left) are
run on the same random arrays as their code. The one with the same outputs is it: then their gradients can be read block
by block. If none has the same outputs, the cell is changed in one known point, and the change says in what they differ.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from derive import catalogue
from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.errors import InputError
from derive.networks.copies import renamed
from derive.nodes import Node, Quantity, substitute
from verify.code import logarithms
from verify.code.differentiated import derivation_of
from verify.code.other_cells import families, rewritings
from verify.code.protocols import words
from verify.code.protocols.axes import FIRST, Axes, Setting, arranged
from verify.code.protocols.base import Variable
from verify.code.protocols.engine import CallPlan, CallTrial
from verify.code.run import Forward
from verify.code.truth import Equations
from verify.numbers.case import Array, Case

SAME = 1e-9
"""The largest relative difference of outputs that are the same."""


@dataclass(frozen=True)
class Block:
    """A part of one of their arrays that is a parameter of the cell: gate `place` of `of`, and which columns."""

    theirs: str
    ours: str
    label: str = ""
    place: int = 0
    of: int = 1
    columns: str = ""

    def taken(self, upright: Array, setting: Setting) -> Array:
        """The part of an array whose gates lie along the rows."""
        rows = upright.shape[0] // self.of
        part = upright[self.place * rows : (self.place + 1) * rows]
        if self.columns == "all":
            return part
        # [h; x] or [x; h]: which of both comes first is the first letter.
        first = setting.H if self.columns[0] == "h" else setting.D
        return part[:, :first] if self.columns[0] == self.columns[1] else part[:, first:]


@dataclass(frozen=True)
class Match:
    """How their arrays are those of the cell; `different` says in what the cell was changed for it."""

    cell: Cell
    plan: CallPlan
    blocks: tuple[Block, ...]
    left: bool
    states: Mapping[str, str]
    outputs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    factor: str = "1"
    assumed: tuple[str, ...] = ()

    @property
    def derivation(self) -> Derivation:
        """The derivation of the cell that their forward pass is."""
        return derivation_of(self.cell)

    @property
    def input(self) -> str:
        """The name of the cell's input."""
        return str(next(q.name for q in self.cell.inputs if q not in self.cell.targets))

    def case(self, trial: CallTrial | _Values) -> Case:
        """The same numbers as a case of the cell."""
        setting, cell = trial.setting, self.cell
        T = setting.T if self.plan.timed else 1
        B = setting.B if self.plan.several else 1
        sizes = {str(letter): setting.size(str(letter)) for letter in cell.sizes}

        def axes(quantity: Any) -> tuple[int, ...]:
            return tuple(setting.size(str(n)) for n in quantity.shape if str(n) != "1")

        given: dict[str, Array] = {p.name: np.zeros(axes(p)) for p in cell.parameters}
        for block in self.blocks:
            part = block.taken(self._upright(block.theirs, trial.values[block.theirs]), setting)
            given[block.ours] = given[block.ours] + part
        given |= {s.name: np.zeros((B, *axes(s))) for s in cell.states}
        for theirs, ours in self.states.items():
            found = arranged(np.asarray(trial.values[theirs]), self.plan.variables[theirs].axes, ("B", "H"))
            given[ours] = np.array(np.broadcast_to(found, given[ours].shape))
        given[self.input] = _input(self.plan, trial, T, B)
        for target in cell.targets:
            given[target.name] = _target(trial, T, B)
        d_final = {s.name: np.zeros((B, *axes(s))) for s in cell.states}
        if cell.is_loss:
            return Case(cell, sizes, T, B, given, np.full((T, B), FACTORS[self.factor](T, B)), d_final)
        d_output = np.zeros((T, B, *axes(cell.output)))
        for theirs, (ours, when) in self.outputs.items():
            own = next(o.axes for o in self.plan.weighed if o.name == theirs)
            if theirs not in trial.seeds:
                continue
            if when == "all":
                d_output = d_output + arranged(trial.seeds[theirs], own, ("T", "B", "H"))
            elif ours == cell.output.name and when == "last":
                d_output[-1] += arranged(trial.seeds[theirs], own, ("B", "H"))
            else:
                d_final[ours] = d_final[ours] + arranged(trial.seeds[theirs], own, ("B", "H"))
        return Case(cell, sizes, T, B, given, d_output, d_final)

    def parts(self, label: str, name: str, value: Array, setting: Setting) -> list[tuple[str, str, Array]]:
        """A gradient of theirs as gradients of the cell (label, name, value), and none for what has no place there."""
        variable = self.plan.variables[name]
        if value.shape != setting.shape(variable.axes):
            return []
        if variable.part == "input":
            return [(label, self.input, arranged(value, variable.axes, ("T", "B", "D")))]
        if name in self.states:
            shared = "B" not in variable.axes and self.plan.several
            return [] if shared else [(label, self.states[name], arranged(value, variable.axes, ("B", "H")))]
        upright = self._upright(name, value)
        blocks = [b for b in self.blocks if b.theirs == name]
        return [(f"{label}{b.label}", b.ours, np.array(b.taken(upright, setting))) for b in blocks]

    def _upright(self, name: str, value: Array) -> Array:
        """An array with its gates along the rows."""
        variable, value = self.plan.variables[name], np.asarray(value)
        if variable.part == "bias" or value.ndim == 1:
            return value.reshape(-1)
        if any(b.theirs == name and b.ours == READOUT for b in self.blocks):
            return value if variable.axes[1] == "H" else value.T
        return value if _is_left(variable.axes, self.left) else value.T


FACTORS: Mapping[str, Callable[[int, int], float]] = {
    "1": lambda T, B: 1.0,
    "1/T": lambda T, B: 1 / T,
    "1/B": lambda T, B: 1 / B,
    "1/(BT)": lambda T, B: 1 / (B * T),
}
"""What the loss may be of the sum over steps and examples."""


def _is_left(axes: Axes, left: bool) -> bool:
    """Whether a weight is (gates, inner), for W @ x; a square one as the others are."""
    if axes[0] == axes[1]:
        return left
    if "K" in axes:
        return axes[0] == "K"
    if axes[0] in ("D", "J"):
        return False
    if axes[1] in ("D", "J"):
        # A readout whose width is that of the input: (D, H) is upright there.
        return True
    return axes[0] != "H"


def _input(plan: CallPlan, trial: CallTrial | _Values, T: int, B: int) -> Array:
    one = next((v for v in plan.variables.values() if v.part == "input"), None)
    if one is not None:
        return np.array(arranged(np.asarray(trial.values[one.name]), one.axes, ("T", "B", "D")))
    for name, value in trial.given.items():
        if words.part(name) == "input":
            return np.eye(trial.setting.D)[_indices(value, T, B)]
    raise InputError("the input of their code is not known")


def _target(trial: CallTrial | _Values, T: int, B: int) -> Array:
    names = [n for n in trial.given if words.part(n) == "target"] or list(trial.given)[-1:]
    value = np.asarray(trial.given[names[0]])
    if value.dtype.kind in "iu":
        return np.eye(trial.setting.K)[_indices(value, T, B)]
    axes = trial.setting.axes(value.shape)
    return np.array(arranged(value, axes, ("T", "B", "K")))


def _indices(value: Any, T: int, B: int) -> Array:
    found = np.asarray(value)
    if found.shape == (T,) and B == 1:
        return found[:, None]
    if found.shape == (B, T):
        return found.T
    if found.shape == (T, B):
        return found
    raise InputError("the order of the indices is not known")


def forward_of(match: Match, values: Mapping[str, Array]) -> dict[str, Array]:
    """What the cell gives for their arrays, as the outputs that J weighs."""
    lengths: dict[str, int] = {}
    for name, value in values.items():
        variable = match.plan.variables[name]
        if value.ndim == len(variable.axes):
            lengths |= {a: n for a, n in zip(variable.axes, value.shape, strict=True) if len(a) == 1 and a.isalpha()}
    setting = Setting(1, 1, 1, 1, 1).with_sizes(lengths)
    case = match.case(_Values(setting, values))
    forward = Forward(Equations(match.cell), case)
    found = {}
    for output in match.plan.weighed:
        name, when = match.outputs[output.name]
        symbol = next(q for q in (match.cell.output, *match.cell.states) if q.name == name)
        sequence = np.stack([step[symbol][..., 0] for step in forward.steps])
        whole = when == "all"
        axes = ("T", "B", "H") if whole else ("B", "H")
        found[output.name] = np.array(arranged(sequence if whole else sequence[-1], axes, output.axes))
    return found


@dataclass(frozen=True)
class _Values:
    """Values in a setting, in the place of a trial."""

    setting: Setting
    values: Mapping[str, Array]
    seeds: Mapping[str, Array] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)


# Candidates


@dataclass(frozen=True)
class _Seen:
    """What their code gave for the numbers on which candidates are tried."""

    trial: CallTrial
    weighed: Mapping[str, Array]
    J: float


def matched(plan: CallPlan, cell: Cell) -> tuple[Match | None, str]:
    """The match of a plan and a cell, or None; and `same`, or in words what differs."""
    trial = plan.trial(replace(FIRST, T=4))
    with logarithms.exact(plan.target.source):
        seen = _Seen(trial, trial.run(trial.values).weighed, trial.objective(trial.values))
    first = _fitting(plan, cell, seen)
    if first is not None:
        return first, "same"
    for what, other in alternatives(cell):
        found = _fitting(plan, other, seen)
        if found is not None:
            return found, what
    return None, "it is another cell: no layout, no order of gates and no known change of the cell has its outputs"


def _fitting(plan: CallPlan, cell: Cell, seen: _Seen) -> Match | None:
    for candidate in candidates(plan, cell):
        try:
            case = candidate.case(seen.trial)
            with np.errstate(all="ignore"):
                forward = Forward(Equations(case.cell), case)
        except (KeyError, ValueError, IndexError, InputError):
            continue  # the arrays do not lie like that
        if plan.loss:
            total = sum(float(step[case.cell.output].sum()) for step in forward.steps)
            for factor, scale in FACTORS.items():
                if abs(seen.J - total * scale(case.T, case.B)) <= SAME * max(1.0, abs(seen.J)):
                    return replace(candidate, factor=factor)
            continue
        outputs = _same_outputs(candidate, forward, seen)
        if outputs is not None:
            return replace(candidate, outputs=outputs)
    return None


def _same_outputs(match: Match, forward: Forward, seen: _Seen) -> dict[str, tuple[str, str]] | None:
    """Which of the cell's outputs and states each of theirs is; None where one is none of them."""
    found = {}
    cell = match.cell
    names = dict.fromkeys([cell.output, *cell.states])
    one_step = "final" if any("T" in o.axes for o in match.plan.weighed) else "last"
    sequences = {q: np.stack([step[q][..., 0] for step in forward.steps]) for q in names}
    for output in match.plan.weighed:
        value = np.asarray(seen.weighed[output.name], float)
        whole = "T" in output.axes
        tolerance = 1e-5 if seen.weighed[output.name].dtype == np.float32 else SAME
        for name, sequence in sequences.items():
            if "H" not in output.axes or (whole and name != cell.output):
                continue
            theirs = arranged(value, output.axes, ("T", "B", "H") if whole else ("B", "H"))
            ours = sequence if whole else sequence[-1]
            if theirs.shape == ours.shape and np.abs(theirs - ours).max() <= tolerance * max(1.0, np.abs(ours).max()):
                found[output.name] = (name.name, "all" if whole else one_step)
                break
        else:
            return None
    return found


def candidates(plan: CallPlan, cell: Cell) -> Iterator[Match]:
    """Every way in which their arrays could be the cell's, the likeliest first."""
    arrays = [v for v in plan.variables.values() if v.part in ("weight", "bias")]
    readouts = {v.name for v in arrays if _is_readout(v, plan)}
    if plan.loss and readouts and cell.output.shape == _below(catalogue.find(HEADS[0])).shape:
        heads = [with_head(cell, head) for head in HEADS]
    else:
        heads = [cell]  # one with a readout of its own takes no other
        arrays = [v for v in arrays if v.name not in readouts]
    for whole in heads:
        yield from _candidates(plan, cell, whole, arrays, readouts)


def _candidates(
    plan: CallPlan, cell: Cell, whole: Cell, arrays: Sequence[Variable], readouts: set[str]
) -> Iterator[Match]:
    names = {p.name: p for p in cell.parameters}
    roles, letters = _roles(cell)
    extras = [n for n in names if n not in {_join(p, g) for p in roles.values() for g in letters}]
    groups = words.families([v.name for v in arrays])
    sides = [
        _is_left(v.axes, True) for v in arrays if v.part == "weight" and len(v.axes) == 2 and v.axes[0] != v.axes[1]
    ]
    states = {v.name: s for v in plan.variables.values() if v.part in ("h", "c") and (s := _state(v.part, cell))}
    stacked = [v.name for v in arrays if v.part == "bias" and "?" not in groups[v.name] and v.name not in readouts]
    joint = any("J" in v.axes for v in arrays)
    for left, order, columns, first in itertools.product(
        sides[:1] or [True, False],
        _orders(letters, groups),
        ("hx", "xh") if joint else ("hx",),
        (0, 1) if len(stacked) > 1 else (0,),
    ):
        found: list[Block] = []
        for variable in arrays:
            if variable.name in readouts:
                found.append(Block(variable.name, READOUT_BIAS if variable.part == "bias" else READOUT, columns="all"))
                continue
            second = variable.name in stacked and len(stacked) > 1 and stacked.index(variable.name) % 2 != first
            found += _blocks(variable, order, columns, left, roles, extras if second else (), groups)
        known = {p.name: p for p in whole.parameters}
        missing = [n for n in known if n not in {b.ours for b in found}]
        if any(b.ours not in known for b in found) or any("1" not in map(str, known[n].shape) for n in missing):
            continue
        assumed = [f"gates in the order {', '.join(order)}"] if len(letters) > 1 else []
        assumed += [f"no {', '.join(missing)} (zero)"] if missing else []
        yield Match(whole, plan, tuple(found), left, states, assumed=tuple(assumed))


def _roles(cell: Cell) -> tuple[dict[str, str], list[str]]:
    """What acts on the input, on the state, and the bias, as prefixes of names; and the letters of the gates."""
    prefixes, letters = families(cell)
    names = {p.name: p for p in cell.parameters}
    data = next((q.shape[0] for q in cell.inputs if q not in cell.targets), None)
    roles: dict[str, str] = {}

    def role(parameter: Any) -> str:
        if str(parameter.shape[1]) == "1":
            return "bias"
        return "input" if parameter.shape[1] == data else "recurrent"

    for prefix in prefixes:
        roles.setdefault(role(names[f"{prefix}_{letters[0]}"]), prefix)
    if not roles:
        letters = [""]
        for name, parameter in names.items():
            roles.setdefault(role(parameter), name)
    return roles, letters


def _join(prefix: str, letter: str) -> str:
    return f"{prefix}_{letter}" if letter else prefix


def _state(part: str, cell: Cell) -> str:
    names = [s.name for s in cell.states]
    if part == "c":
        return "c" if "c" in names else names[1] if len(names) > 1 else ""
    return str(next((n for n in names if n == cell.output.name), names[0] if names else ""))


def _is_readout(variable: Variable, plan: CallPlan) -> bool:
    if "K" in variable.axes:
        return True
    if not plan.loss:
        return False
    if variable.part == "bias":
        return words.is_readout_bias(variable.name)
    return words.kinds(variable.name)[0] == "readout"


def _orders(letters: list[str], groups: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Orders of gates; where their arrays are named by gates, the same letters first."""
    if len(letters) > 4:
        return [tuple(letters)]
    theirs = _their_letters(groups)
    return sorted(
        itertools.permutations(letters), key=lambda order: -sum(a == b for a, b in zip(order, theirs, strict=False))
    )


def _their_letters(groups: Mapping[str, str]) -> list[str]:
    """The letters of their gates, in the order in which they appear."""
    return list(dict.fromkeys(name[family.index("?")] for name, family in groups.items() if "?" in family))


def _blocks(
    variable: Variable,
    order: tuple[str, ...],
    columns: str,
    left: bool,
    roles: Mapping[str, str],
    extras: Sequence[str],
    groups: Mapping[str, str],
) -> list[Block]:
    family = groups[variable.name]
    single = "?" in family
    gates: Sequence[str] = order
    if single:
        place = _their_letters(groups).index(variable.name[family.index("?")])
        gates = order[place : place + 1]
    axes = variable.axes if len(variable.axes) == 1 or _is_left(variable.axes, left) else variable.axes[::-1]
    if variable.part == "bias":
        insides = [("bias", "all")]
    elif axes[1] == "J":
        h, x = ("hh", "hx") if columns == "hx" else ("xh", "xx")
        insides = [("recurrent", h), ("input", x)]
    else:
        insides = [("input" if axes[1] == "D" else "recurrent", "all")]
    found = []
    for k, gate in enumerate(gates):
        for inside, taken in insides:
            ours = _join(roles[inside], gate) if inside in roles else ""
            if inside == "bias" and extras:
                ours = next((e for e in extras if e.endswith(f"_{gate}")), ours)
            label = f"[{ours}]" if len(gates) > 1 or len(insides) > 1 else ""
            found.append(Block(variable.name, ours, label, k, len(gates), taken))
    return found


# The cell with a head, for code with a loss of its own

READOUT, READOUT_BIAS = "W_hy", "b_y"
HEADS = ("softmax_cross_entropy", "linear_squared_error", "sigmoid_binary_cross_entropy")


def _below(head: Cell) -> Quantity:
    """The input of a head that is the cell's output."""
    return next(q for q in head.inputs if q not in head.targets)


@cache
def with_head(cell: Cell, name: str) -> Cell:
    """The cell with a head of the catalogue above it, as one cell whose output is the loss."""
    head = catalogue.find(name)
    names = [str(p.name) for p in head.parameters]
    table: dict[str, str] = dict(zip(names, (READOUT, READOUT_BIAS), strict=False))
    taken, data = {*cell.quantities}, _below(head)

    def new(old: str) -> str:
        return table.get(old, f"{old}_out" if old in taken and old != data.name else old)

    above = renamed(head, new, "")
    first, below = _below(above), cell.output

    def moved(node: Node) -> Node | None:
        return below if node == first else None

    equations = [*cell.equations, *(replace(e, expression=substitute(e.expression, moved)) for e in above.equations)]
    return Cell.of(
        equations,
        name=f"{cell.name} with {head.name}",
        title=f"{cell.title} with {head.title}",
        output=above.output.name,
        targets=[q.name for q in above.targets],
        assumptions=[a for a in above.assumptions if a.quantity in above.targets],
        source=cell.source,
    )


@cache
def alternatives(cell: Cell) -> tuple[tuple[str, Cell], ...]:
    """Cells that differ from this one in a known point, in words: changed equations, then other published cells."""
    found: list[tuple[str, Cell]] = []
    for words_, rewrite in rewritings(cell):
        try:
            other = replace(cell, equations=rewrite(cell.equations))
        except InputError:
            continue
        found.append((words_, other))
    shape = {(p.name, p.shape) for p in cell.parameters}
    for name, other in catalogue.cells().items():
        if name != cell.name and len(shape ^ {(p.name, p.shape) for p in other.parameters}) <= 8:
            found.append((f"it is {other.title}, not {cell.title}", other))
    return tuple(found)
