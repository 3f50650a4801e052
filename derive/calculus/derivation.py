"""What a derivation is: for every quantity of a cell, the paths by which it reaches J, and their sum.

One object, independent of the number of steps and of every size, made once per cell by `derive.calculus.adjoint`.
The pages, the NumPy program and the verdicts only read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import cast

from derive.cell import Assumption, Cell, Equation
from derive.errors import InputError
from derive.nodes import Adjoint, Node, Quantity, ones, substitute, t
from derive.notation import AS_WRITTEN, Notation
from derive.patterns import regex


@dataclass(frozen=True)
class Step:
    """One line of the derivation: by `rule`, the gradient `before` becomes `after`, the gradient of `quantity`."""

    quantity: Node
    before: Node
    rule: str
    after: Node
    why: str

    def _repr_html_(self) -> str:
        from derive.targets import notebook

        return notebook.step_html(self)


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
    notation: Notation = field(default=AS_WRITTEN, compare=False, repr=False)
    """The letters in which it shows itself."""

    def _repr_html_(self) -> str:
        from derive.targets import notebook

        return notebook.gradient_html(self)

    def _repr_latex_(self) -> str:
        from derive.targets import notebook

        return notebook.gradient_latex(self)


_DRESS = regex(r"\\(?:mathbf|boldsymbol|bm|mathrm|mathit|text)(?![A-Za-z])|[\s{}$]|[_,]\{?t(?:[+-]1)?\}*\Z")


def _bare(letter: str) -> str:
    """A letter without typeface, braces and its t."""
    return _DRESS.sub("", letter.strip(" $"))


class UnknownNameError(InputError, KeyError):
    """A name that no quantity of the cell has."""


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

    def __getitem__(self, name: str) -> Gradient:
        """The gradient of one quantity by its name or as its letter is written: `W_f`, `c_t`, `\\tilde{h}_t`.

        Raises InputError, which is a KeyError too where one is expected, with the names that there are.
        """
        letters = {_bare(str(self.cell.notation.letter(known))): known for known in self.by_name}
        found = self.by_name.get(name) or self.by_name.get(letters.get(_bare(name), ""))
        if found is None:
            raise UnknownNameError(
                f"{self.cell.name} has no quantity {name!r}", hint=f"known: {', '.join(self.by_name)}"
            )
        return found

    def _repr_html_(self) -> str:
        from derive.targets import notebook

        return notebook.derivation_html(self)

    def _repr_latex_(self) -> str:
        from derive.targets import notebook

        return notebook.derivation_latex(self)

    def _repr_svg_(self) -> str:
        from derive.targets import notebook

        return notebook.derivation_svg(self)

    def mapped(self, change: Callable[[Node], Node]) -> Derivation:
        """The same derivation with every expression changed in one way."""

        def equation(e: Equation) -> Equation:
            return replace(e, symbol=cast(Quantity, change(e.symbol)), expression=change(e.expression))

        def quantities(found: tuple[Quantity, ...]) -> tuple[Quantity, ...]:
            return tuple(cast(Quantity, change(quantity)) for quantity in found)

        def cell(c: Cell) -> Cell:
            return replace(
                c,
                equations=tuple(map(equation, c.equations)),
                inputs=quantities(c.inputs),
                states=quantities(c.states),
                parameters=quantities(c.parameters),
                targets=quantities(c.targets),
                output=cast(Quantity, change(c.output)),
            )

        def step(s: Step) -> Step:
            return replace(s, quantity=change(s.quantity), before=change(s.before), after=change(s.after))

        def path(p: Path) -> Path:
            via = None if p.via is None else cast(Quantity, change(p.via))
            return Path(via, change(p.term), tuple(map(step, p.steps)))

        def gradient(g: Gradient) -> Gradient:
            return replace(
                g,
                of=cast(Quantity, change(g.of)),
                paths=tuple(map(path, g.paths)),
                value=change(g.value),
                steps=tuple(map(step, g.steps)),
            )

        return Derivation(cell(self.cell), cell(self.program), tuple(map(gradient, self.gradients)))

    @cached_property
    def summed_losses(self) -> Derivation:
        """For a loss: J is the plain sum of the losses, so that ∂J/∂L_t = 1; any other derivation as it is."""
        if not self.cell.is_loss:
            return self
        loss = (Adjoint(self.cell.output), Adjoint(self.cell.output, True))
        return self.mapped(lambda node: substitute(node, lambda part: ones(1, 1) if part in loss else None))

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step in order."""
        return tuple(step for gradient in self.gradients for path in gradient.paths for step in path.steps) + tuple(
            step for gradient in self.gradients for step in gradient.steps
        )
