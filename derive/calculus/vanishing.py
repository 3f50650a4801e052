"""Vanishing and exploding gradients: how large ∂s_τ/∂s_k can be, bounded through the Jacobian of one step.

The Jacobians are those that `derive.calculus.bptt` reads off the derivation. Their norms are bounded by the triangle
inequality and ‖AB‖ ≤ ‖A‖ ‖B‖, with the ranges of the functions from `derive.calculus.ranges`; the product over
the steps follows.
Sources: Hochreiter and Schmidhuber 1997, Bengio, Simard and Frasconi 1994, Pascanu, Mikolov and Bengio 2013.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sympy import Abs, Expr, Identity, MatAdd, MatMul, OneMatrix, S, Transpose, ZeroMatrix
from sympy.matrices.expressions.diagonal import DiagMatrix

from derive.calculus.bptt import INDEPENDENT, blocks_of_step, j, k, tau
from derive.calculus.derivation import Derivation
from derive.calculus.ranges import bounded_states, magnitude
from derive.calculus.sections import Equality, Section, Where
from derive.cell import Cell
from derive.nodes import (
    Jacobian,
    Largest,
    Node,
    Norm,
    Quantity,
    TimeProduct,
    add,
    coefficient,
    concat,
    contains,
    diag,
    leaves,
    matmul,
    ones,
    power,
    scale,
    substitute,
    t,
)

Items = list[str | Equality]

OPEN = (
    r"Here $\lVert \mathbf{1} \rVert$ is the root of the number of its entries. Bounds with it in them follow from the "
    "same rules; checked as a formula, they stay undecided."
)
BEFORE = Where(k, "<", tau)
"""What every bound over many steps is about."""
TITLE = "Vanishing and exploding gradients"
_SOURCES = (
    "The question is that of Hochreiter and Schmidhuber 1997, Bengio, Simard and Frasconi 1994, and Pascanu, Mikolov "
    "and Bengio 2013 (equations 5 to 7)."
)


@dataclass(frozen=True)
class Block:
    """One block of the one-step Jacobian, ∂of/∂by: its norm, `norms` of its parts, and the `bound` on them."""

    of: Quantity
    by: Quantity
    value: Node
    norms: Node
    bound: Node


@dataclass(frozen=True)
class Direct:
    """The part of ∂s_t/∂s_{t-1} that passes through no matrix: diag(`gate`), with a `bound` on its entries."""

    state: Quantity
    gate: Node
    bound: Node


@dataclass(frozen=True)
class Reach:
    """What is known of ‖∂s_τ/∂s_k‖ for all states s of a cell: at most `rate` to the power τ - k.

    `rates` bound the norms of the blocks at all steps, in their order: scalar nodes of parameters' norms and of largest
    values among the steps j = k + 1, ..., τ. The `rate` is the one of a single state, else the norm of their matrix.
    `settled` are the rates where no initial state exceeds 1 in magnitude; the values of the states `held` stay between
    -1 and 1 then.
    """

    blocks: tuple[Block, ...]
    direct: tuple[Direct, ...]
    rates: tuple[Node, ...]
    settled: tuple[Node, ...]
    held: tuple[Quantity, ...]

    @property
    def states(self) -> tuple[Quantity, ...]:
        return tuple(dict.fromkeys(block.of for block in self.blocks))

    @property
    def rate(self) -> Node:
        return _arranged(list(self.rates), len(self.states))


def reach(derivation: Derivation) -> Reach | str:
    """The bound of a cell with states, or the reason (a sentence) why these rules give none."""
    program = derivation.program
    if any(state.shape[1] != 1 for state in program.states):
        return "A state is a matrix, so that how it responds to another is no matrix whose norm could be taken."
    found = blocks_of_step(derivation)
    if isinstance(found, str):
        return f"{found}, so that these rules give no bound."
    blocks = [Block(of, by, value, norms(value), _bound(value, program)) for of, by, value in found]
    held = bounded_states(program)
    rates = tuple(_among_steps(block.bound) for block in blocks)
    settled = tuple(_among_steps(_settled(block.bound, held)) for block in blocks)
    return Reach(tuple(blocks), _direct_paths(blocks, program), rates, settled, held)


def norms(node: Node) -> Node:
    """‖node‖ taken apart: sums by the triangle inequality, products by submultiplicativity, diag(v) as its largest
    entry."""
    return _taken_apart(node, lambda vector: Norm(vector, largest=True))


def _bound(node: Node, program: Cell) -> Node:
    return _taken_apart(node, lambda vector: magnitude(vector, program))


def _taken_apart(node: Node, largest: Callable[[Node], Node]) -> Node:
    factor, base = coefficient(node)
    if factor != 1:
        return scale(Abs(factor), _taken_apart(base, largest))
    if isinstance(base, MatAdd):
        return add(*(_taken_apart(term, largest) for term in base.args))
    if isinstance(base, MatMul):
        return matmul(*(_taken_apart(part, largest) for part in base.args))
    if isinstance(base, ZeroMatrix):
        return ZeroMatrix(1, 1)
    if isinstance(base, Identity):
        return ones(1, 1)
    if isinstance(base, DiagMatrix):
        return largest(base.args[0])
    if base.shape == (1, 1):
        return largest(base)
    return Norm(base.arg if isinstance(base, Transpose) else base)


def _among_steps(bound: Node) -> Node:
    """A bound on one step as one on all: what depends on the step becomes its largest value among the steps."""

    def largest(node: Node) -> Node | None:
        if isinstance(node, Norm) and any(leaf.time is not None for leaf in leaves(node)):
            return Largest(node.xreplace({t: j}), j, k + 1, tau)
        return node if isinstance(node, Norm) else None

    return substitute(bound, largest)


def _settled(bound: Node, held: tuple[Quantity, ...]) -> Node:
    """The bound where the states that stay between -1 and 1 do so."""
    known = {Norm(state.at(time), largest=True) for state in held for time in (t, t - 1)}
    return substitute(bound, lambda node: ones(1, 1) if node in known else node if isinstance(node, Norm) else None)


def _arranged(blocks: list[Node], across: int) -> Node:
    """The norm of a block matrix is at most that of the matrix of its blocks' norms."""
    if across == 1:
        return blocks[0]
    return Norm(_rows(blocks, across))


def _rows(blocks: list[Node], across: int) -> Node:
    return concat(0, *(concat(1, *blocks[row : row + across]) for row in range(0, len(blocks), across)))


def _direct_paths(blocks: list[Block], program: Cell) -> tuple[Direct, ...]:
    found = []
    for block in blocks:
        if block.of.at(t - 1) != block.by:
            continue
        terms = block.value.args if isinstance(block.value, MatAdd) else (block.value,)
        gates = [gate for gate in map(_gate, terms) if gate is not None]
        if gates and (len(blocks) > 1 or len(gates) < len(terms)):  # else it is all there is
            gate = add(*gates)
            found.append(Direct(block.of, gate, magnitude(gate, program)))
    return tuple(found)


def _gate(term: Node) -> Node | None:
    """v of a term diag(v)."""
    factor, base = coefficient(term)
    if isinstance(base, DiagMatrix):
        return scale(factor, base.args[0])
    return scale(factor, ones(base.shape[0], 1)) if isinstance(base, Identity) else None


def vanishing(derivation: Derivation) -> tuple[Section, ...]:
    """The section on how far a gradient reaches, for a cell with states; where there is no bound, it says why."""
    if not derivation.program.states:
        return ()
    found = reach(derivation)
    if isinstance(found, str):
        return (Section(TITLE, (found, _SOURCES)),)
    letters = _letters(found, derivation.program)
    items = [*_one_step(found), *_many_steps(found, letters), *_once_settled(found, letters), *_direct(found), _SOURCES]
    return (Section(TITLE, tuple(items)),)


def _one_step(found: Reach) -> Items:
    items: Items = [
        "The norm of the Jacobian of one step is bounded by the triangle inequality, and the norm of a product by the "
        "product of the norms; a diagonal matrix has the norm of its largest entry. In the last member, what the "
        "ranges of the functions limit is as large as it can be"
        + (f"; {INDEPENDENT}:" if len(found.states) > 1 else ":")
    ]
    for block in found.blocks:
        members = (block.norms,) if block.norms == block.bound else (block.norms, block.bound)
        items.append(Equality((Norm(Jacobian(block.of, block.by)), *members), at_most=len(members)))
    if any(isinstance(norm.operand, OneMatrix) for block in found.blocks for norm in block.bound.atoms(Norm)):
        items.append(OPEN)
    return items


def _many_steps(found: Reach, letters: Mapping[Node, Quantity]) -> Items:
    states = found.states
    far, near = ([Jacobian(of.at(a), by.at(b)) for of in states for by in states] for a, b in ((tau, k), (j, j - 1)))
    whole = power(_arranged([letters.get(rate, rate) for rate in found.rates], len(states)), tau - k)
    items: Items
    if len(states) == 1:
        product, each = TimeProduct(near[0], j, k + 1, tau), TimeProduct(Norm(near[0]), j, k + 1, tau)
        chain = Equality((Norm(far[0]), Norm(product), each, whole), at_most=2, where=BEFORE)
        items = ["Over many steps, the Jacobians of one step multiply, and so do their bounds:", chain]
    else:
        items = [
            "All states together respond by the matrix of these blocks. Its norm is at most that of the matrix of the "
            "blocks' norms, and over many steps these bounds multiply:",
            Equality((Norm(_rows(list(far), len(states))), whole), at_most=1, where=BEFORE),
        ]
    if letters:
        items.append("with the bounds on one step from above:")
        items += [Equality((letter, rate)) for rate, letter in letters.items()]
    return [*items, _consequence(found)]


def _consequence(found: Reach) -> str:
    if max(map(_constant, found.rates)) >= 1:
        return (
            "What is raised to the power is never below one. So these rules do not show that the gradient vanishes, "
            r"whatever the parameters; it explodes at most exponentially in $\tau - k$."
        )
    return (
        r"Where what is raised to the power is below one, the gradient vanishes exponentially in $\tau - k$. That it "
        "is above one is necessary for the gradient to explode, but not sufficient."
    )


def _constant(rate: Node) -> Expr:
    """A number that a sum of norms is never below: its constant term."""
    found: Expr = S.Zero
    for term in rate.args if isinstance(rate, MatAdd) else (rate,):
        factor, base = coefficient(term)
        if base == ones(1, 1) and factor.is_number:
            found += factor
    return found


def _letters(found: Reach, program: Cell) -> dict[Node, Quantity]:
    """A letter for every rate that is a sum, or that depends on the steps."""
    long = [rate for rate in dict.fromkeys(found.rates) if isinstance(rate, MatAdd) or rate.atoms(Largest)]
    taken = {name.partition("_")[0] for name in program.quantities}
    name = next(name for name in ("beta", "gamma", "kappa", "bound") if name not in taken)
    names = [name] if len(long) == 1 else [f"{name}_{number}" for number in range(1, len(long) + 1)]
    return {rate: Quantity(letter, 1, 1) for rate, letter in zip(long, names, strict=True)}


def _once_settled(found: Reach, letters: Mapping[Node, Quantity]) -> Items:
    changed = {
        letters[rate]: settled for rate, settled in zip(found.rates, found.settled, strict=True) if rate != settled
    }
    if not changed:
        return []
    names = [s for s in found.held if any(contains(block.bound, Norm(s.at(t - 1), True)) for block in found.blocks)]
    return [
        "Where no entry of the initial state exceeds 1 in magnitude, the equations keep it so at every step:",
        *(Equality((Norm(state, True), ones(1, 1)), at_most=1) for state in names),
        "and therefore:",
        *(Equality((letter, settled), at_most=1) for letter, settled in changed.items()),
    ]


def _direct(found: Reach) -> Items:
    items: Items = []
    for path in found.direct:
        gate = diag(path.gate)
        if isinstance(gate, Identity):
            items.append(
                "One path from a state to itself passes through no matrix and no gate, from step to step unchanged: "
                "along it the gradient neither vanishes nor explodes."
            )
            continue
        over = TimeProduct(gate.xreplace({t: j}), j, k + 1, tau)
        constant = not leaves(path.gate)
        largest = path.bound if constant else _among_steps(Norm(path.gate, largest=True))
        bounds = (power(largest, tau - k), power(_among_steps(path.bound), tau - k))
        items.append("One path from a state to itself passes through no matrix. Over many steps it contributes:")
        items.append(Equality((Norm(over), *dict.fromkeys(bounds)), at_most=len(set(bounds)), where=BEFORE))
        if path.bound == ones(1, 1):
            items.append(
                "Along this path the gradient cannot explode, and it hardly vanishes as long as the entries on the "
                "diagonal stay close to one in magnitude."
            )
    return items
