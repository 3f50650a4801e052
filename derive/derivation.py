"""What a derivation is: for every quantity of a cell, the paths by which it reaches J, and their sum.

One object, independent of the number of steps and of every size, made once per cell by `derive.adjoint`. The pages,
the NumPy program and the verdicts only read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from derive.cell import Assumption, Cell
from derive.nodes import Node, Quantity, t


@dataclass(frozen=True)
class Step:
    """One line of the derivation: by `rule`, the gradient `before` becomes `after`, the gradient of `quantity`."""

    quantity: Node
    before: Node
    rule: str
    after: Node
    why: str


@dataclass(frozen=True)
class Path:
    """One way by which a quantity reaches J.

    `via` is the quantity it enters next, at t or t + 1, or None where J itself reads it (as an output, with the
    immediate partial ∂⁺J). `term` is what this path adds to the gradient.
    """

    via: Quantity | None
    term: Node
    steps: tuple[Step, ...] = ()

    @property
    def crosses_time(self) -> bool:
        """Whether the path leads through the next step."""
        return self.via is not None and self.via.time == t + 1


@dataclass(frozen=True)
class Gradient:
    """The total gradient of one quantity at a symbolic t: the sum of its paths, then simplified by `steps`.

    For a parameter (no time) the `value` is a sum over t. `assumptions` are the declared facts that `value` used.
    """

    of: Quantity
    paths: tuple[Path, ...]
    value: Node
    steps: tuple[Step, ...]
    why: str
    assumptions: tuple[Assumption, ...] = ()


@dataclass(frozen=True)
class Derivation:
    """All gradients of a cell in the order of the reverse sweep, over the `program` (the cell with its
    pre-activations named)."""

    cell: Cell
    program: Cell
    gradients: tuple[Gradient, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Gradient]:
        """The gradients by the name of their quantity."""
        return {gradient.of.name: gradient for gradient in self.gradients}

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step in order."""
        return tuple(step for gradient in self.gradients for path in gradient.paths for step in path.steps) + tuple(
            step for gradient in self.gradients for step in gradient.steps
        )
