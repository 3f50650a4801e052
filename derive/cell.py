"""A cell: a single-assignment program for one step, its roles inferred from the equations and validated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from sympy import Expr, Symbol

from derive.errors import InputError, Place, ShapeError
from derive.functions import ScalarFunction
from derive.nodes import Elementwise, Node, Quantity, children, describe, leaves, t
from derive.notation import AS_WRITTEN, Notation, said_at, spelled


@dataclass(frozen=True)
class Guess:
    """What was taken where a text can be read in two ways: the other way, why, and where."""

    taken: str
    otherwise: str
    why: str
    place: Place | None = None

    def __str__(self) -> str:
        return f"{self.taken} ({self.why}); otherwise {self.otherwise}"


RESERVED_SIZES = {"T": "the number of steps", "B": "the number of examples in a batch"}


@dataclass(frozen=True)
class Equation:
    """One assignment `symbol = expression`, the symbol at time t."""

    symbol: Quantity
    expression: Node
    place: Place | None = field(default=None, compare=False)

    def _repr_latex_(self) -> str:
        from derive.targets import notebook

        return notebook.equation_latex(self)


@dataclass(frozen=True)
class Assumption:
    """A declared fact about a quantity: `sums to one` (Σy = 1), `one-hot`, or `starts at zero` (h_0 = 0)."""

    kind: str
    quantity: Quantity


@dataclass(frozen=True)
class Roles:
    """What each name is: given at every step, carried between steps, or the same at all steps."""

    inputs: tuple[str, ...]
    states: tuple[str, ...]
    parameters: tuple[str, ...]


def classify(assigned: Sequence[str], uses: Iterable[tuple[str, int | None, Place | None]]) -> Roles:
    """Roles from the names assigned at t and every use (name, offset from t or None if it has no time, place).

    Raises InputError for a use outside t and t - 1, and for a state that no equation assigns.
    """
    inputs: dict[str, None] = {}
    states: dict[str, None] = {}
    parameters: dict[str, Place | None] = {}
    for name, offset, place in uses:
        if offset is None:
            if name in assigned:
                raise InputError(
                    f"{name} is assigned at t but used without a time index",
                    place,
                    f"write {said_at(name)} or {said_at(name, 't-1')}",
                )
            parameters.setdefault(name, place)
        elif offset == 0:
            if name not in assigned:
                inputs[name] = None
        elif offset == -1:
            if name not in assigned:
                lacking = InputError(
                    f"the state {name} is used at t-1 but no equation assigns it",
                    place,
                    f"add an equation for {name}_t; what was given a step before is carried by a state: "
                    f"p_t = {said_at(name)}, read as p_{{t-1}}",
                )
                lacking.letters = (str(spelled(name)),)
                raise lacking
            states[name] = None
        else:
            raise InputError(
                f"{name} is used at t{offset:+d}; an equation for step t may use t and t-1 only", place,
                "introduce a state that carries the older value",
            )  # fmt: skip
    for name, place in parameters.items():
        if name in inputs:
            raise InputError(f"{name} appears both with and without a time index", place, f"write {said_at(name)} here")
    return Roles(tuple(inputs), tuple(states), tuple(parameters))


_INFERRED: Any = None
"""Stands for what a person leaves out of a cell."""


@dataclass(frozen=True)
class Cell:
    """The equations of one step with their roles, as the reader, `from_latex` and `from_sympy` build it.

    `inputs` are given at every step (at time t), or once if they have no time; `targets` are inputs that J compares
    with and that get no gradient; `states` are carried from t-1 to t; `output` is what the outside sees of a step.
    `Cell(equations=[Eq(h, ...), ...])` infers all that is left out, as `from_sympy` does.
    """

    equations: tuple[Equation, ...]
    name: str = "cell"
    title: str = ""
    inputs: tuple[Quantity, ...] = ()
    states: tuple[Quantity, ...] = _INFERRED
    parameters: tuple[Quantity, ...] = ()
    output: Quantity = _INFERRED
    targets: tuple[Quantity, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    source: str = ""
    notation: Notation = AS_WRITTEN
    numbers: tuple[tuple[str, Expr], ...] = ()
    """Letters that stand for a number wherever they stand, such as α = 0.1; the equations hold the number."""
    starts: tuple[tuple[str, str], ...] = ()
    """States that start from a parameter of their own where none is given: (state, parameter), h_0 = θ.

    No equation has such a parameter: its gradient is that of the state before the first step.
    """
    minimised: bool = False
    """Whether the output is a loss though it compares with nothing, as L = ½ ‖h_T‖² does."""
    guesses: tuple[Guess, ...] = field(default=(), compare=False, repr=False)
    """What the reader took where the text can be read in two ways."""

    def __post_init__(self) -> None:
        """Infer the roles where they are left out, as a person writes a cell."""
        if self.states is _INFERRED:
            inferred = Cell.from_sympy(
                self.equations,
                name=self.name,
                title=self.title,
                output=self.output,
                inputs=self.inputs,
                targets=self.targets,
                assumptions=self.assumptions,
                source=self.source,
            )
            for one in fields(self):
                object.__setattr__(self, one.name, getattr(inferred, one.name))

    @classmethod
    def from_latex(
        cls,
        equations: Sequence[str],
        *,
        where: Sequence[str] = (),
        output: str | None = None,
        name: str = "cell",
        title: str = "",
        source: str = "",
    ) -> Cell:
        """A cell from equations in LaTeX (or plain text), one string each; `where` declares, as the lines of a note do.

        Raises InputError with the text at fault and its place, where the items count as the lines of one text.
        """
        from derive.reader import read_equations

        lines = [where] if isinstance(where, str) else [*where]
        lines += [] if output is None else [f"output: {output}"]
        return read_equations(equations, lines, name, title=title, source=source)

    @classmethod
    def from_sympy(
        cls,
        equations: Sequence[Any],
        *,
        name: str = "cell",
        title: str = "",
        output: Quantity | str | None = None,
        inputs: Sequence[Quantity | str] = (),
        targets: Sequence[Quantity | str] = (),
        assumptions: Sequence[Assumption] = (),
        source: str = "",
    ) -> Cell:
        """A cell from SymPy equations `Eq(h, ...)` or pairs `(h, ...)`; `inputs` names those constant over time.

        A symbol called `h_t` or `h_{t-1}` has that time, as has `derive.quantity("h", H, time=t)`. Raises InputError
        for a SymPy node that has no counterpart, and ShapeError, both with the number of the equation.
        """
        from derive.from_sympy import equations_from, names_of

        found, notation = equations_from(equations)
        constant = {leaf.name for one in found for leaf in leaves(one.expression) if leaf.time is None}
        wanted = names_of([*inputs, *targets])
        return cls.of(
            found,
            name=name,
            title=title,
            output=None if output is None else names_of([output])[0],
            constants=[one for one in wanted if one in constant],
            targets=names_of(targets),
            assumptions=assumptions,
            source=source,
            notation=notation,
        )

    @classmethod
    def of(
        cls,
        equations: Sequence[Equation],
        *,
        name: str = "cell",
        title: str = "",
        output: str | None = None,
        constants: Sequence[str] = (),
        targets: Sequence[str] = (),
        assumptions: Sequence[Assumption] = (),
        source: str = "",
        notation: Notation | None = None,
        numbers: Iterable[tuple[str, Expr]] = (),
        starts: Iterable[tuple[str, str]] = (),
        guesses: Sequence[Guess] = (),
    ) -> Cell:
        """Infer the roles, order the equations so that each uses only what stands before it, and validate.

        Raises InputError (and ShapeError) with the place of the equation at fault.
        """
        if not equations:
            raise InputError("no equation found", hint="write at least one equation such as h_t = ...")
        _check_assignments(equations)
        assigned = {equation.symbol.name: equation.symbol for equation in equations}
        used = {leaf: equation.place for equation in reversed(equations) for leaf in leaves(equation.expression)}
        appearing = [leaf for equation in equations for leaf in leaves(equation.expression)]
        roles = classify(list(assigned), [(leaf.name, offset(leaf), used[leaf]) for leaf in appearing])
        symbols: dict[str, Quantity] = dict(assigned)
        for leaf in appearing:
            known = symbols.setdefault(leaf.name, leaf)
            if known.shape != leaf.shape:
                raise ShapeError(f"{leaf.name} has two shapes: {describe(known)} and {describe(leaf)}", used[leaf])
        for known in symbols.values():
            for letter in sorted(set(map(str, known.shape)) & RESERVED_SIZES.keys()):
                raise InputError(
                    f"the size {letter} of {known.name} has the letter of {RESERVED_SIZES[letter]}",
                    used.get(known) or equations[0].place,
                    "choose another letter",
                )
        if missing := [name for name in (*constants, *targets) if name not in symbols]:
            raise InputError(
                f"{missing[0]} is declared as an input, but no equation reads it",
                equations[0].place,
                "take the line away; in equations whose terms cancel, write what is left of them",
            )
        ordered = in_dependency_order(equations)
        _check_sizes(equations, {q for name, q in symbols.items() if name not in assigned or name in roles.states})
        carried = [assigned[name] for name in assigned if name in roles.states]
        seen = _output(ordered, carried, output)
        states = tuple(sorted(carried, key=lambda state: state != seen))  # the output first
        return cls(
            name=name,
            title=title or name,
            equations=ordered,
            inputs=tuple(symbols[n] for n in (*roles.inputs, *constants)),
            states=states,
            parameters=tuple(symbols[n] for n in roles.parameters if n not in constants),
            output=seen,
            targets=tuple(symbols[n] for n in targets),
            assumptions=tuple(assumptions),
            source=source,
            notation=notation or AS_WRITTEN,
            numbers=tuple(numbers),
            starts=tuple(starts),
            guesses=tuple(guesses),
        )

    def _repr_html_(self) -> str:
        from derive.targets import notebook

        return notebook.cell_html(self)

    def _repr_latex_(self) -> str:
        from derive.targets import notebook

        return notebook.cell_latex(self)

    def _repr_svg_(self) -> str:
        from derive.targets import notebook

        return notebook.cell_svg(self)

    @cached_property
    def quantities(self) -> Mapping[str, Quantity]:
        """Every quantity by name, those with a time at time t."""
        assigned = (equation.symbol for equation in self.equations)
        return {q.name: q for q in (*self.inputs, *self.parameters, *assigned)}

    @property
    def is_loss(self) -> bool:
        """Whether the output is a loss: it compares with targets, and J is its sum over t."""
        return bool(self.targets) or self.minimised

    @cached_property
    def open_functions(self) -> tuple[ScalarFunction, ...]:
        """Functions that the equations name but do not specify, such as f and g."""
        return tuple(function for function in self.functions if not function.specified)

    @property
    def declared_slopes(self) -> tuple[str, ...]:
        """The names of the functions whose slopes are declared beside them."""
        return tuple(function.name for function in self.functions if function.declared is not None)

    @cached_property
    def functions(self) -> tuple[ScalarFunction, ...]:
        """All elementwise functions that the equations apply, in order of appearance."""
        found: dict[ScalarFunction, None] = {}

        def visit(node: Node) -> None:
            if isinstance(node, Elementwise):
                found[node.function] = None
            for child in children(node):
                visit(child)

        for equation in self.equations:
            visit(equation.expression)
        return tuple(found)

    @cached_property
    def sizes(self) -> tuple[Symbol, ...]:
        """The size letters in order of appearance: inputs, states, then the rest."""
        found: dict[Symbol, None] = {}
        for quantity in (*self.inputs, *self.states, *self.quantities.values()):
            for dimension in quantity.shape:
                for symbol in sorted(dimension.free_symbols, key=str):
                    found[symbol] = None
        return tuple(found)


def offset(quantity: Quantity) -> int | None:
    """The time of a quantity relative to t (0 or -1 in a valid cell), None without a time."""
    return None if quantity.time is None else int(quantity.time - t)


def _check_assignments(equations: Sequence[Equation]) -> None:
    seen: dict[str, Equation] = {}
    for equation in equations:
        symbol = equation.symbol
        if symbol.time != t:
            raise InputError(f"{symbol.name} must be assigned at time t", equation.place)
        if symbol.name in seen:
            raise InputError(
                f"{symbol.name} is assigned twice", equation.place, "give the second value a name of its own"
            )
        if symbol.shape != equation.expression.shape:
            raise ShapeError(f"{describe(symbol)} is assigned {describe(equation.expression)}", equation.place)
        seen[symbol.name] = equation


def _check_sizes(equations: Sequence[Equation], given: Iterable[Quantity]) -> None:
    """Every size of a value must be that of something given, or nothing tells how large it is."""
    known = {letter for quantity in given for size in quantity.shape for letter in size.free_symbols}
    for equation in equations:
        for size in equation.symbol.shape:
            for letter in sorted(size.free_symbols - known, key=str):
                raise InputError(
                    f"the size {letter} of {equation.symbol.name} is that of no input, state or parameter",
                    equation.place,
                    "write it with a size that one of them has",
                )


def in_dependency_order(equations: Sequence[Equation]) -> tuple[Equation, ...]:
    """The author's order, changed only where an equation uses what a later one assigns."""
    waiting = list(equations)
    assigned = {equation.symbol for equation in equations}
    done: set[Quantity] = set()
    ordered: list[Equation] = []
    while waiting:
        ready = next((e for e in waiting if all(q in done for q in leaves(e.expression) if q in assigned)), None)
        if ready is None:
            own = next((e for e in waiting if e.symbol in leaves(e.expression)), None)
            if own is not None:
                raise InputError(
                    f"{own.symbol.name} is computed from its own value of the same step", own.place,
                    "give the value before the function a letter of its own, as in i_t = \\sigma(a_t), or read the "
                    "step before",
                )  # fmt: skip
            names = " -> ".join(e.symbol.name for e in waiting)
            raise InputError(
                f"the equations form a cycle within one step: {names}", waiting[0].place,
                "one of them must use a value of step t-1",
            )  # fmt: skip
        waiting.remove(ready)
        done.add(ready.symbol)
        ordered.append(ready)
    return tuple(ordered)


def _output(equations: Sequence[Equation], states: Sequence[Quantity], named: str | None) -> Quantity:
    """The quantity that was named; else what is computed from the new states and used by nothing; else the state that
    nothing in the same step uses."""
    assigned = {equation.symbol.name: equation.symbol for equation in equations}
    if named is not None:
        if named not in assigned:
            raise InputError(f"the output {named} is not assigned by any equation")
        return assigned[named]
    used = {leaf for equation in equations for leaf in leaves(equation.expression)}
    last = [symbol for symbol in assigned.values() if symbol not in used]
    read_out = [symbol for symbol in last if symbol not in states]
    if not read_out:
        return last[0]
    if len(read_out) > 1 or (states and not _depends(read_out[0], states, equations)):
        names = " and ".join(symbol.name for symbol in (last if len(read_out) == 1 else read_out))
        raise InputError(
            f"nothing uses {names}: which one is the output?",
            next(e.place for e in equations if e.symbol == read_out[-1]),
            f"add a line such as: output: ${last[-1].name}_t$",
        )
    return read_out[0]


def _depends(symbol: Quantity, on: Sequence[Quantity], equations: Sequence[Equation]) -> bool:
    """Whether a quantity depends, within the step, on one of those given."""
    found = {symbol}
    for equation in reversed(equations):
        if equation.symbol in found:
            found.update(leaves(equation.expression))
    return not found.isdisjoint(on)
