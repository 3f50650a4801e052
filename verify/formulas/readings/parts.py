"""The leaves of a claim under a reading: quantities, gradients and derivatives in its layout."""

from __future__ import annotations

from dataclasses import dataclass, field

from sympy import Expr, S, Symbol

from derive import nodes
from derive.cell import Cell
from derive.errors import OpenQuestionError
from derive.nodes import Adjoint, Elementwise, Entry, Jacobian, Node, Quantity, Shaped, Tabular
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Ref
from verify.formulas.readings.conventions import Built, MisfitError, Reading


@dataclass
class Leaves:
    """Builds leaves; `Builder` in `verify.formulas.readings.expressions` builds everything."""

    cell: Cell
    program: Cell
    reading: Reading
    domains: dict[Symbol, Expr] = field(default_factory=dict)
    diagonal: list[Node] = field(default_factory=list)
    """Nodes that must be diagonal matrices for this reading to make sense."""
    spread: list[Node] = field(default_factory=list)
    """Numbers that stand beside a vector in a sum, as added to every entry of it."""
    scaled: list[Node] = field(default_factory=list)
    """Numbers that stand beside a Jacobian in a sum, as that many times the identity."""
    through: list[Quantity] = field(default_factory=list)
    """Parameters that a quantity uses anywhere in its step, since its own equation does not name them."""
    frobenius: list[Node] = field(default_factory=list)
    upright: list[Node] = field(default_factory=list)
    """Rows of derivatives before a transposed vector, which were taken for columns."""
    """Matrices whose norm is written without saying which."""
    unrolled: list[Node] = field(default_factory=list)
    """Matrices of whose entries a diagonal matrix is made."""
    summed: set[Expr] = field(default_factory=set)
    """The indices of the sums over entries that are being built."""
    strictly: bool = False
    """Rows and columns are told apart even where a layout would let one stand for the other."""

    @property
    def counted(self) -> frozenset[str]:
        """The letters of the cell's sizes."""
        return frozenset(str(size) for size in self.cell.sizes)

    def quantity(self, value: Ref) -> Quantity:
        found = self.program.quantities[value.name]
        return found if value.time is None else found.at(value.time)

    def value(self, value: Ref) -> Built:
        node: Node = self.quantity(value)
        if value.columns is not None:
            node = self.columns(node, value.columns)
        if value.at:
            return Built(self.entry(node, value.at))
        return Built(self.laid(node, self.reading.layout in ("rows", "batch")))

    @staticmethod
    def columns(node: Node, between: tuple[Expr, Expr]) -> Node:
        """Some columns of a matrix."""
        return nodes.block(1, node, between[0], between[1] - between[0])

    def laid(self, node: Node, as_row: bool) -> Node:
        """A quantity or gradient in the layout: vectors as rows, in a batch layout matrices transposed."""
        rows, cols = node.shape
        if cols == 1 and rows != 1:
            return nodes.transpose(node) if as_row else node
        if cols != 1 and rows != 1 and self.reading.layout == "batch":
            return nodes.transpose(node)
        return node

    def entry(self, node: Node, at: tuple[Expr, ...]) -> Node:
        """An entry; of a matrix with one index a row."""
        self._count(at, node.shape)
        if len(at) == 1 and 1 not in node.shape:
            column, only = Symbol("column", integer=True), Symbol("row", integer=True)
            return Tabular(Entry(node, at[0], column), only, column, S.One, node.shape[1])
        return Entry(node, *at)

    def _count(self, at: tuple[Expr, ...], shape: tuple[Expr, Expr]) -> None:
        """Have indices count the entries of such rows and columns."""
        for place, extent in zip(at, shape, strict=False):
            if isinstance(place, Symbol) and self.domains.setdefault(place, extent) != extent:
                raise MisfitError(f"the index {place} counts the entries of two sizes")

    def gradient(self, said: tree.Gradient) -> Built:
        node: Node = Adjoint(self.quantity(said.by), said.immediate, said.only)
        if self.reading.earlier == "held" and said.by.time is not None and said.only == said.by.time + 1:
            node = self._alone(self.quantity(said.by), said.only)
        if said.by.columns is not None:
            node = self.columns(node, said.by.columns)
        if said.by.at:
            return Built(self.entry(node, said.by.at))
        layout = self.reading.layout
        row = layout in ("all rows", "rows", "batch") or (layout == "numerator" and said.spelling == "partial")
        return Built(self.laid(node, row))

    def use(self, said: tree.Use) -> Built:
        """What comes back through all equations of one step that read a parameter."""
        by = self.quantity(said.by)
        readers = [
            equation.symbol.at(said.time)
            for equation in self.program.equations
            if any(q.name == by.name for q in equation.expression.atoms(Quantity))
        ]
        return self._through(said, by, readers)

    def coming(self, said: tree.Through) -> Built:
        """What comes back through the equation of one quantity."""
        by, via = self.quantity(said.by), self.quantity(said.via)
        equations = {equation.symbol.name: equation.expression for equation in self.program.equations}

        def reads(name: str) -> bool:
            read = [q for q in equations[name].atoms(Quantity) if q.name == by.name] if name in equations else []
            return any(by.time is None or q.time - nodes.t == by.time - via.time for q in read)

        if reads(via.name):
            return self._through(said, by, [via])
        match equations.get(via.name):
            case Elementwise(operands=(Quantity() as net,)) if reads(net.name):  # h = tanh(net)
                return self._through(said, by, [net.at(via.time)])
        raise OpenQuestionError(f"the equation of {via.name} does not read {by.name}")

    def _through(self, said: tree.Use | tree.Through, by: Quantity, readers: list[Quantity]) -> Built:
        if said.by.columns is not None or (said.by.at and by.shape[1] != 1):
            raise OpenQuestionError(f"a part of {by.name} in one step")
        parts = [nodes.matmul(nodes.transpose(Adjoint(q, False, said.only)), Jacobian(q, by, True)) for q in readers]
        if not parts:
            raise OpenQuestionError(f"no equation reads {by.name}")
        row = nodes.add(*parts)
        if said.by.at:
            return Built(self.entry(nodes.transpose(row), said.by.at))
        row_layout = self.reading.layout in ("numerator", "all rows", "rows", "batch")
        return Built(self.laid(Shaped(row, *by.shape) if by.shape[1] != 1 else nodes.transpose(row), row_layout))

    def _alone(self, quantity: Quantity, only: Expr) -> Node:
        """The gradient by a state of the step before, the other states of that step being held fixed."""
        node: Node = Adjoint(quantity, False, only)
        for other in self._computed_from(quantity):
            back = nodes.matmul(nodes.transpose(Jacobian(other, quantity)), Adjoint(other, False, only))
            node = nodes.add(node, nodes.scale(-1, back))
        return node

    def handed(self, said: tree.Handed) -> Built:
        """What a step's backward pass is given for a state, or hands on: its gradient but for its own step's parts."""
        quantity = self.quantity(said.by)
        if self.reading.handed == "after" and not said.onward and quantity.time is not None:
            quantity = quantity.at(quantity.time + 1)
        node: Node = Adjoint(quantity, False, said.only)
        whole = self.reading.handed in ("whole", "after")
        output = quantity.name in self._going_out()
        if not (whole or (self.reading.handed == "some" and output and not said.onward)):
            read_out = self.cell.output.name not in {state.name for state in self.cell.states}
            direct = said.onward or read_out
            if direct or output:
                node = nodes.add(node, nodes.scale(-1, Adjoint(quantity, True, said.only)))
            for other in self._reading(quantity) if direct else self._computed_from(quantity):
                jacobian = Jacobian(other, quantity, direct)
                back = nodes.matmul(nodes.transpose(jacobian), Adjoint(other, False, said.only))
                node = nodes.add(node, nodes.scale(-1, back))
        if said.by.at:
            return Built(self.entry(node, said.by.at))
        return Built(self.laid(node, self.reading.layout in ("all rows", "rows", "batch")))

    def _going_out(self) -> set[str]:
        """The output, or the states that it is computed from at its step where it is none itself."""
        states = {state.name for state in self.cell.states}
        found = {self.cell.output.name}
        for equation in reversed(self.program.equations):
            if equation.symbol.name in found - states:
                found |= {q.name for q in equation.expression.atoms(Quantity) if q.time == nodes.t}
        return found

    def _reading(self, quantity: Quantity) -> list[Quantity]:
        """The values of the same step whose equations read this: a state of it, a head."""
        return [
            equation.symbol.at(quantity.time)
            for equation in self.program.equations
            if any(q.name == quantity.name and q.time == nodes.t for q in equation.expression.atoms(Quantity))
        ]

    def _computed_from(self, quantity: Quantity) -> list[Quantity]:
        """The other states of the same step that a state goes into."""
        reached = {quantity.name}
        for equation in self.cell.equations:
            now = {q.name for q in equation.expression.atoms(Quantity) if q.time == nodes.t}
            if now & reached:
                reached.add(equation.symbol.name)
        found = [state.at(quantity.time) for state in self.cell.states if state.name in reached - {quantity.name}]
        if len(found) > 1:
            raise OpenQuestionError(f"{quantity.name} goes into several states of its step")
        return found

    def derivative(self, said: tree.Derivative) -> Built:
        of, by = self.quantity(said.of), self.quantity(said.by)
        if said.of.columns is not None or said.by.columns is not None:
            raise OpenQuestionError(f"a derivative by some columns of {by.name}")
        if said.stacking:
            return self._between_entries(said, of, by)
        if of.shape[1] != 1:
            if of != by or len(said.of.at) != 2 or len(said.by.at) != 2:
                raise OpenQuestionError(f"the derivative of the matrix {of.name}")
            places = zip(of.shape, said.of.at, said.by.at, strict=True)  # ∂W_{ij}/∂W_{kl} = δ_{ik} δ_{jl}
            return Built(
                nodes.matmul(*(self.entry(nodes.diag(nodes.ones(n)), (one, other)) for n, one, other in places))
            )
        node: Node = self._rates(said, of, by)
        if said.of.at and not said.by.at and self.summed.issuperset(said.of.at):
            return self._of_one_entry(node, said.of.at, by)
        if said.of.at or said.by.at:
            whole = not said.of.at and of.shape[0] != 1
            if len(said.by.at) == 1 and not whole and 1 not in by.shape:
                return self._by_row(node, (said.of.at or (S.Zero,))[0], said.by.at, by)
            column = whole and said.whole and 1 in by.shape
            if not said.by.at or (len(said.by.at) == 1 and not column and (whole or 1 not in by.shape)):
                raise OpenQuestionError(f"an entry of ∂{of.name}/∂{by.name}")  # of s beside a_p perhaps s_p is meant
            self._count(said.by.at, by.shape)
            row, *columns = said.by.at
            number = row * by.shape[1] + columns[0] if columns else row  # of a matrix, row by row
            if not whole:
                return Built(self.entry(node, ((said.of.at or (S.Zero,))[0], number)))
            place, only = Symbol("row", integer=True), Symbol("column", integer=True)
            if self.reading.layout == "denominator":  # ∂h/∂U_{ij}, as many rows as U_{ij} has
                return Built(Tabular(Entry(node, place, number), only, place, S.One, of.shape[0]))
            return Built(Tabular(Entry(node, place, number), place, only, of.shape[0], S.One))  # a column
        matrix = by.shape if by.shape[1] != 1 else None
        if self.reading.layout == "denominator":
            if matrix is not None:
                raise MisfitError("a derivative by a matrix has no denominator layout here")
            return Built(nodes.transpose(node))
        return Built(node, flat=matrix)

    def _by_row(self, node: Node, of: Expr, at: tuple[Expr, ...], by: Quantity) -> Built:
        """∂a_i/∂W_j of an entry or a number by a row of a matrix, a row."""
        self._count(at, by.shape)
        column, only = Symbol("column", integer=True), Symbol("row", integer=True)
        place = at[0] * by.shape[1] + column
        return Built(Tabular(self.entry(node, (of, place)), only, column, S.One, by.shape[1]))

    def _rates(self, said: tree.Derivative, of: Quantity, by: Quantity) -> Jacobian:
        """The matrix of all ∂a_i/∂b_j, of the paths that the reading counts."""
        mode = self.reading.derivative
        immediate = said.immediate or mode == "immediate"
        here = by.time is not None or self._names(of, by)
        natural = (mode == "natural" and by.time is not None) or (mode == "own" and here)
        stepwise = not immediate and (mode in ("step", "use") or natural)
        if said.immediate and by.time is None and not self._reads(of, by):
            immediate, stepwise = False, True
            self.through.append(by)
        return Jacobian(of, by, immediate, stepwise)

    def by_rows(self, stacking: str) -> bool:
        """Whether the entries of matrices are stacked row by row."""
        return (self.reading.stacking if stacking == tree.OPEN else stacking) == tree.ROWS

    def _between_entries(self, said: tree.Derivative, of: Quantity, by: Quantity) -> Built:
        """∂vec(a)/∂vec(b)."""
        if said.of.at or said.by.at:
            raise OpenQuestionError(f"an entry of ∂{of.name}/∂{by.name}")
        node = self._rates(said, of, by)
        found = node if self.by_rows(said.stacking) else nodes.restacked(node)
        return Built(nodes.transpose(found) if self.reading.layout == "denominator" else found)

    def _of_one_entry(self, node: Node, at: tuple[Expr, ...], by: Quantity) -> Built:
        """∂h_i/∂W under a sum over i, as large as W; ∂h_i/∂b, as the gradient of a number."""
        self._count(at, (node.shape[0], S.One))
        number = by.shape[0] * by.shape[1]
        place, only = Symbol("row", integer=True), Symbol("column", integer=True)
        if by.shape[1] != 1:
            return Built(Tabular(Entry(node, at[0], only), place, only, S.One, number), flat=by.shape)
        column = Tabular(Entry(node, at[0], place), place, only, number, S.One)
        return Built(self.laid(column, self.reading.layout in ("all rows", "rows", "batch")))

    def vanishes(self, said: tree.Derivative) -> bool:
        """Whether a derivative is zero if it is taken as the immediate one of its own equation."""
        return not said.immediate and not self._reads(self.quantity(said.of), self.quantity(said.by))

    def _reads(self, of: Quantity, by: Quantity) -> bool:
        """Whether the equation of a quantity, or of one that only the program names in it, names another."""
        equation = next((e for e in self.cell.equations if e.symbol.name == of.name), None)
        return equation is None or any(q.name == by.name for q in equation.expression.atoms(Quantity))

    def _names(self, of: Quantity, by: Quantity) -> bool:
        """Whether the equation of a quantity itself, where arguments have names of their own, reads another."""
        equation = next((e for e in self.program.equations if e.symbol.name == of.name), None)
        return equation is not None and any(q.name == by.name for q in equation.expression.atoms(Quantity))

    def kronecker(self, said: tree.Kronecker) -> Built:
        size = next((self.domains[i] for i in (said.first, said.second) if i in self.domains), None)
        if size is not None:
            self.domains.update({i: size for i in (said.first, said.second) if isinstance(i, Symbol)})
        if size is None:
            return Built(kind="kronecker", number=None)
        node = self.entry(nodes.diag(nodes.ones(size)), (said.first, said.second))
        return Built(nodes.add(nodes.ones(1), nodes.scale(-1, node)) if said.differ else node)

    def node(self, built: Built, like: tuple[Expr, Expr] | None = None) -> Node:
        """The node; a number fills the shape of its neighbour, and ones and identities take it."""
        if built.node is not None:
            return built.node
        if like is None and built.kind in ("ones", "identity"):
            raise OpenQuestionError("a constant whose size nothing tells")
        rows, cols = like or (S.One, S.One)
        if built.number is not None:
            return nodes.scale(built.number, nodes.ones(rows, cols))
        if built.kind == "identity":
            if rows != cols:
                raise MisfitError("an identity matrix is square")
            entries = nodes.ones(rows) if built.scalar is None else nodes.matmul(nodes.ones(rows), built.scalar)
            return nodes.scale(built.factor, nodes.diag(entries))
        if built.kind == "ones":
            scalars = () if built.scalar is None else (built.scalar,)
            every = nodes.matmul(nodes.ones(rows), *scalars, nodes.ones(1, cols)) if scalars else nodes.ones(rows, cols)
            return nodes.scale(built.factor, every)
        raise OpenQuestionError("a Kronecker δ whose indices count nothing here")
