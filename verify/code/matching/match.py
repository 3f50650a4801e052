"""How a person's arrays are those of a cell: which block of which of their arrays is which parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.errors import InputError
from verify.code.calling import words
from verify.code.calling.axes import SCALES, Axes, Setting, arranged, numbered
from verify.code.calling.engine import CallPlan, CallTrial
from verify.code.programs.differentiated import derivation_of
from verify.code.programs.run import Forward
from verify.code.programs.truth import Equations
from verify.numbers.case import Array, Case

READOUT, READOUT_BIAS = "W_hy", "b_y"
"""The parameters of a head that stands above a cell."""


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
        """The part of an array whose gates lie along the rows; `columns` is `all`, or as in `hx:x`: x of [h; x]."""
        rows = upright.shape[0] // self.of
        part = upright[self.place * rows : (self.place + 1) * rows]
        if self.columns == "all":
            return part
        order, _, wanted = self.columns.partition(":")
        lengths = {"h": setting.H, "x": setting.D, "1": 1}
        start = sum(lengths[letter] for letter in order[: order.index(wanted)])
        found = part[:, start : start + lengths[wanted]]
        return found[:, 0] if wanted == "1" else found


@dataclass(frozen=True)
class Match:
    """How their arrays are those of the cell; `different` says in what the cell was changed for it."""

    cell: Cell
    plan: CallPlan
    blocks: tuple[Block, ...]
    left: bool
    states: Mapping[str, str]
    outputs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    weighting: Weighting | None = None
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
            given[target.name] = _target(self.plan, trial, T, B)
        d_final = {s.name: np.zeros((B, *axes(s))) for s in cell.states}
        if cell.is_loss:
            weighting = self.weighting or Weighting()
            return Case(cell, sizes, T, B, given, weighting.weights(T, B, setting.K), d_final)
        d_output = np.zeros((T, B, *axes(cell.output)))
        for theirs, (ours, when) in self.outputs.items():
            own = next(o.axes for o in self.plan.weighed if o.name == theirs)
            if theirs not in trial.seeds:
                continue
            letter = width(own)
            if when == "all":
                d_output = d_output + arranged(trial.seeds[theirs], own, ("T", "B", letter))
            elif ours == cell.output.name and when == "last":
                d_output[-1] += arranged(trial.seeds[theirs], own, ("B", letter))
            else:
                d_final[ours] = d_final[ours] + arranged(trial.seeds[theirs], own, ("B", letter))
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
        if numbered(variable.axes):
            each = value if is_left(variable.axes[1:], self.left) else value.swapaxes(1, 2)
            return each.reshape(-1, each.shape[2])
        return value if is_left(variable.axes, self.left) else value.T


STEPS = ("all steps", "the last step")
"""The steps whose loss counts."""


@dataclass(frozen=True)
class Weighting:
    """Which steps count in the loss, and by which factor."""

    steps: str = STEPS[0]
    scale: str = ""

    def weights(self, T: int, B: int, K: int) -> Array:
        """One number for each step and example."""
        found = np.full((T, B), SCALES[self.scale](T, B, K))
        if self.steps != STEPS[0]:
            found[:-1] = 0
        return found

    def __str__(self) -> str:
        scaled = f", times {self.scale}" if self.scale else ""
        return f"summed over examples and {self.steps}{scaled}"


def width(axes: Axes) -> str:
    """The axis of an output that is neither time nor examples."""
    return next((axis for axis in axes if axis not in ("T", "B", "1")), "H")


def is_left(axes: Axes, left: bool) -> bool:
    """Whether a weight is (gates, inner), for W @ x; a square one as the others are."""
    if axes[0] == axes[1]:
        return left
    if "K" in axes:
        return axes[0] == "K"
    if axes[0] in ("D", "J", "N"):
        return False
    if axes[1] in ("D", "J", "N"):
        # A readout whose width is that of the input: (D, H) is upright there.
        return True
    return axes[0] != "H"


def _input(plan: CallPlan, trial: CallTrial | _Values, T: int, B: int) -> Array:
    one = next((v for v in plan.variables.values() if v.part == "input"), None)
    if one is not None:
        return np.array(arranged(np.asarray(trial.values[one.name]), one.axes, ("T", "B", "D")))
    others = [n for n in trial.given if words.part(n) not in ("target", "mask", "lengths")]
    for name in [n for n in others if words.part(n) == "input"] or others[:1]:
        return np.eye(trial.setting.D)[_indices(trial.given[name], T, B)]
    raise InputError("the input of their code is not known")


def _target(plan: CallPlan, trial: CallTrial | _Values, T: int, B: int) -> Array:
    if plan.target_of is not None and isinstance(trial, CallTrial):
        value, axes = plan.target_of(trial.run(trial.values).returned)
        if "T" not in axes and T > 1:
            return np.repeat(arranged(value, axes, ("B", "K"))[None], T, axis=0)
        return np.array(arranged(value, axes, ("T", "B", "K")))
    names = [n for n in trial.given if words.part(n) == "target"] or list(trial.given)[-1:]
    value, setting = np.asarray(trial.given[names[0]]), trial.setting
    if value.dtype.kind in "iu":
        return np.eye(setting.K)[_indices(value, T, B)]
    axes = setting.axes(value.shape)
    if "T" not in axes and T > 1:
        return np.repeat(arranged(value, axes, ("B", width(axes)))[None], T, axis=0)
    return np.array(arranged(value, axes, ("T", "B", width(axes))))


def _indices(value: Any, T: int, B: int) -> Array:
    found = np.asarray(value)
    if found.shape == (T,):
        return np.repeat(found[:, None], B, axis=1)  # one answer for all examples
    if found.shape == (B, T):
        return found.T
    if found.shape == (T, B):
        return found
    if found.shape in ((B,), (B, 1)) or (found.shape == () and B == 1):
        return np.repeat(found.reshape(1, B), T, axis=0)  # one answer for a whole sequence
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
        whole, letter = when == "all", width(output.axes)
        axes = ("T", "B", letter) if whole else ("B", letter)
        found[output.name] = np.array(arranged(sequence if whole else sequence[-1], axes, output.axes))
    return found


@dataclass(frozen=True)
class _Values:
    """Values in a setting, in the place of a trial."""

    setting: Setting
    values: Mapping[str, Array]
    seeds: Mapping[str, Array] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
