"""The two sides of a claim as expressions, under every reading that can make a difference."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product

from sympy import Basic, Expr, Identity, MatMul, Symbol, Transpose

from derive import nodes
from derive.cell import Cell
from derive.errors import InputError, OpenQuestionError
from derive.nodes import Adjoint, Jacobian, Node, Quantity, Shaped, TimeSum
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Term
from verify.formulas.readings.conventions import (
    DELTAS,
    DERIVATIVES,
    DIFFERENTIALS,
    EARLIER,
    HANDED,
    LAYOUTS,
    ORDERS,
    POWERS,
    PRECEDENCES,
    PRODUCTS,
    STACKINGS,
    Built,
    MisfitError,
    Reading,
)
from verify.formulas.readings.expressions import Builder, is_run
from verify.formulas.readings.multiplying import is_turned
from verify.truth.comparison import Bench

SUMMED = "the term of step {step}, to be summed over {step}"
THROUGH = "∂⁺ by a parameter is its use anywhere in that step, what the step starts from held fixed"
UPRIGHT = "a row of derivatives before a transposed vector stands for the column"
SPREAD = "a number beside a vector in a sum is added to every entry"
SCALED = "a number beside a Jacobian in a sum is that many times the identity"
FACTOR = "∂a/∂W stands for what the error is multiplied by in ∂J/∂W"
UNROLLED = "diag of a matrix has all of its entries, stacked, on the diagonal"
FROBENIUS = "the norm of a matrix is the root of the sum of the squares of its entries"


ALONE = "J is the error of step {step} alone"


@dataclass(frozen=True)
class Sides:
    """Both sides under one reading."""

    left: Node
    right: Node
    reading: Reading
    assumptions: tuple[str, ...]
    domains: Mapping[Symbol, Expr] = field(default_factory=dict)
    diagonal: tuple[Node, ...] = ()
    told: tuple[Node, Node] | None = None
    """Both sides as they are explained, where they are compared in another form."""


def _kinds(left: Term, right: Term) -> Iterator[Reading]:
    """The readings that can differ for this claim, those with fewer assumptions first."""
    parts = [*tree.walk(left), *tree.walk(right)]
    derivatives = any(isinstance(part, tree.Derivative) for part in parts)
    gradients = any(isinstance(part, tree.Gradient | tree.Handed) for part in parts)
    products = any(isinstance(part, tree.Multiply | tree.Divide | tree.Outer | tree.KroneckerProduct) for part in parts)
    layouts = list(LAYOUTS) if derivatives or gradients or products else ["columns"]
    if not derivatives:
        layouts = [layout for layout in layouts if layout != "denominator"]
    if not derivatives and not gradients:
        layouts = [layout for layout in layouts if layout not in ("numerator", "all rows")]
    kinds = list(PRODUCTS) if products or derivatives else ["strict"]
    if derivatives or gradients:
        kinds = [kind for kind in kinds if kind != "inner"]
    modes = [mode for mode in DERIVATIVES if mode != "own" or _of_several(parts)] if derivatives else ["natural"]
    runs = [part for part in parts if isinstance(part, tree.OverTime) and part.product]
    orders = [order for order in ORDERS if order != "turned" or len(set(map(is_turned, runs))) > 1]
    orders = orders if runs else ["latest"]
    deltas = list(DELTAS) if any(isinstance(part, tree.Error) for part in parts) else ["argument"]
    precedences = list(PRECEDENCES) if any(map(_mixed, parts)) else ["matrix"]
    small = list(DIFFERENTIALS) if any(isinstance(p, tree.Differential) for p in parts) else ["itself"]
    stacks = any(getattr(part, "stacking", "") for part in parts)
    powers = list(POWERS) if any(_of_matrix(part, stacks) for part in parts) else ["matrix"]
    given = [part for part in parts if isinstance(part, tree.Handed)]
    handed = list(HANDED) if any(not part.apart for part in given) else [""]
    earlier = list(EARLIER) if any(map(_of_step_before, parts)) else ["total"]
    open_ = any(getattr(part, "stacking", "") == tree.OPEN for part in parts)
    stackings = list(STACKINGS) if open_ else ["columns"]
    choices = layouts, kinds, modes, orders, deltas, precedences, small, powers, handed, earlier, stackings
    yield from _in_order(tuple(map(tuple, choices)))


@lru_cache(maxsize=64)
def _in_order(choices: tuple[tuple[str, ...], ...]) -> list[Reading]:
    found = [Reading(*choice) for choice in product(*choices)]
    found.sort(key=lambda reading: len(reading.assumptions))
    return found


def _of_several(parts: Sequence[Term]) -> bool:
    """Whether derivatives of several quantities by one parameter stand here."""
    found = {(part.of.name, part.by) for part in parts if isinstance(part, tree.Derivative) and part.by.time is None}
    return len({by for _, by in found}) < len(found)


def _mixed(said: Term) -> bool:
    """Whether ⊙ stands beside a product without a sign and without brackets."""
    return isinstance(said, tree.Multiply) and said.elementwise and any(map(is_run, said.factors))


def _of_step_before(said: Term) -> bool:
    """Whether this is the gradient of a step's loss by a value of the step before: ∂E_t/∂c_{t-1}."""
    if not isinstance(said, tree.Gradient) or said.immediate or said.only is None:
        return False
    return said.by.time is not None and bool(said.by.time == said.only - 1)


def _of_matrix(said: Term, timed: bool) -> bool:
    """Whether this may be a power of a matrix: what has a time is a vector, unless `timed`."""
    while isinstance(said, tree.Power | tree.Transposed):
        if isinstance(said, tree.Power) and isinstance(said.base, tree.Ref) and (timed or said.base.time is None):
            return True
        said = said.base if isinstance(said, tree.Power) else said.body
    return False


def readings(left: Term, right: Term, outer: bool = False) -> Iterator[tuple[Reading, str]]:
    """The readings, and where one side alone is a chain of derivatives, the other in columns beside its rows.

    `outer`: outer products left unsaid are among them.
    """
    chains = [_is_chain(side) for side in (left, right)]
    other = {(True, False): "right", (False, True): "left"}.get((chains[0], chains[1]), "")
    lone = isinstance(right if other == "right" else left, tree.Gradient | tree.Ref | tree.Derivative)
    for reading in _kinds(left, right):
        if reading.product in ("outer", "row") and not outer:
            continue
        yield reading, ""
        if other and not lone and reading.layout == "numerator":
            yield reading, other


def _factors_of(*sides: Term) -> Iterator[tree.Derivative]:
    """The derivatives that stand in a product."""
    for side in sides:
        for part in tree.walk(side):
            if isinstance(part, tree.Multiply):
                yield from (found for found in tree.walk(part) if isinstance(found, tree.Derivative))


def _is_chain(said: Term) -> bool:
    """Whether a product with derivatives as factors stands here."""
    return any(
        isinstance(part, tree.Multiply) and any(isinstance(f, tree.Derivative) for f in part.factors)
        for part in tree.walk(said)
    )


def built(left: Term, right: Term, reading: Reading, bench: Bench, accumulated: bool, beside: str = "") -> list[Sides]:
    """Both sides under a reading; `beside` names the side that has columns where the other has a chain of rows."""
    if reading.layout == "batch" and _from_the_right(bench.cell):
        raise MisfitError("the weights of the cell act from the right already")
    builder = Builder(bench.cell, bench.program, reading, strictly=_turned(left, right))
    if reading.derivative == "immediate" and any(map(builder.vanishes, _factors_of(left, right))):
        raise MisfitError("nobody multiplies by an immediate derivative that is zero")
    if _indexed(left, right):
        for side in (left, right):  # once to learn what the indices count
            with contextlib.suppress(InputError):
                builder.side(side)
    builder.diagonal.clear()
    builder.spread.clear()
    builder.scaled.clear()
    builder.through.clear()
    builder.frobenius.clear()
    builder.upright.clear()
    builder.unrolled.clear()
    explicit = replace(builder, reading=replace(reading, layout="columns")) if beside else builder
    a = (explicit if beside == "left" else builder).side(left)
    b = (explicit if beside == "right" else builder).side(right)
    told = _factored(a, b, builder)
    factored = _stacked(*told[:2]) if told is not None else _unit(a, b)
    one, other = factored or _matched(a, b, builder)
    said = (
        (SPREAD, builder.spread),
        (SCALED, builder.scaled),
        (THROUGH, builder.through),
        (FROBENIUS, builder.frobenius),
        (UPRIGHT, builder.upright),
        (UNROLLED, builder.unrolled),
        (FACTOR, factored),
    )
    words = (*reading.assumptions, *(word for word, found in said if found))
    diagonal = tuple(builder.diagonal)
    plain = Sides(one, other, reading, words, dict(builder.domains), diagonal, None if told is None else told[2])
    found = [] if accumulated else [plain]
    summed = _summed(left, one, other)
    if summed is not None:
        whole, step = summed
        found.append(replace(plain, right=whole, assumptions=(*words, SUMMED.format(step=step))))
    alone = _alone(left, right, plain)
    if alone is not None:
        found.append(alone)
    return found


@lru_cache(maxsize=64)
def _from_the_right(cell: Cell) -> bool:
    """Whether the cell is written for rows, x W: every matrix of it acts as its transpose."""
    matrices = {p.name for p in cell.parameters if 1 not in p.shape}
    seen = [0, 0]
    for equation in cell.equations:
        waiting: list[Basic] = [equation.expression]
        while waiting:
            part = waiting.pop()
            turned = isinstance(part, Transpose) and isinstance(part.arg, Quantity)
            named = part.arg if turned else part
            if isinstance(named, Quantity):
                seen[turned] += named.name in matrices
                continue
            waiting.extend(part.args)
    return seen[0] == 0 and seen[1] > 0


@lru_cache(maxsize=8)
def _turned(left: Term, right: Term) -> bool:
    """Whether a gradient is transposed: whoever writes that does mean rows to differ from columns."""
    parts = (part for side in (left, right) for part in tree.walk(side))
    return any(isinstance(part, tree.Transposed) and isinstance(part.body, tree.Gradient) for part in parts)


@lru_cache(maxsize=8)
def _indexed(left: Term, right: Term) -> bool:
    """Whether something can be built only when it is known what an index counts."""
    kinds = tree.OverEntries | tree.Kronecker | tree.Tabulated
    return any(isinstance(part, kinds) for side in (left, right) for part in tree.walk(side))


Pair = tuple[Node, Node]


def _factored(a: Built, b: Built, builder: Builder) -> tuple[Pair, Pair, Pair] | None:
    """∂a/∂W = x, where the Jacobian is I ⊗ xᵀ: its entries that are no zeros, which x or a matrix in its place gives.

    Both are multiplied from the left by three rows: ones, a itself, and the gradient of a.
    """
    jacobian, said = (a, b) if a.flat is not None else (b, a)
    node, flat = jacobian.node, jacobian.flat
    if flat is None or not isinstance(node, Jacobian) or said.flat is not None or said.node is None:
        return None
    rows, cols = flat
    factor = said.node
    turned = _from_the_right(builder.cell)  # the columns of W belong to the entries of a
    length, own = (rows, cols) if turned else (cols, rows)
    if length in factor.shape and 1 in factor.shape and length != 1:
        row = factor if factor.shape[0] == 1 else nodes.transpose(factor)
        factor = nodes.matmul(nodes.ones(own), row)
    elif turned and factor.shape == flat:
        factor = nodes.transpose(factor)
    if node.shape[0] != own or factor.shape != (own, length):
        return None

    def weighted(weight: Node) -> Pair:
        if isinstance(factor, MatMul) and factor.args[0].shape == (own, 1):
            spread = nodes.matmul(nodes.hadamard(weight, factor.args[0]), *factor.args[1:])
        else:
            spread = nodes.hadamard(nodes.matmul(weight, nodes.ones(1, length)), factor)
        spread = nodes.transpose(spread) if turned else spread
        whole = Shaped(nodes.matmul(nodes.transpose(weight), node), rows, cols)
        return (whole, spread) if jacobian is a else (spread, whole)

    return weighted(nodes.ones(own)), weighted(node.of), weighted(Adjoint(node.of))


def _stacked(ones: Pair, own: Pair) -> Pair:
    """Two pairs of sides below each other, which decide."""
    return nodes.concat(0, ones[0], own[0]), nodes.concat(0, ones[1], own[1])


def _unit(a: Built, b: Built) -> tuple[Node, Node] | None:
    """∂a/∂b = 1, where the Jacobian is square: the one that errors are multiplied by in ∂J/∂b, as an identity."""
    jacobian, said = (a, b) if a.node is not None else (b, a)
    node = jacobian.node
    if not isinstance(node, Jacobian) or jacobian.flat is not None or said.node is not None or said.kind:
        return None
    if said.number != 1 or node.shape[0] != node.shape[1] or node.shape[0] == 1:
        return None
    other = Identity(node.shape[0])
    return (node, other) if jacobian is a else (other, node)


def _matched(a: Built, b: Built, builder: Builder) -> tuple[Node, Node]:
    """Both sides in one shape."""
    if a.node is None and b.node is None:
        raise OpenQuestionError("constants on both sides")
    like = a.node.shape if a.node is not None else b.node.shape  # type: ignore[union-attr]
    one, other = builder.node(a, like), builder.node(b, like)
    if one.shape == other.shape:
        return one, other
    for first, second in ((one, other), (other, one)):
        rows, cols = first.shape
        vector = 1 in second.shape and rows == cols and rows in second.shape and rows != 1
        if vector and builder.reading.product == "diagonal":
            column = second if second.shape[1] == 1 else nodes.transpose(second)
            return (first, nodes.diag(column)) if first is one else (nodes.diag(column), first)
    loose = not builder.strictly and builder.reading.layout in ("numerator", "all rows")
    if loose and other.shape == one.shape[::-1] and 1 in one.shape:
        return one, nodes.transpose(other)
    message = f"{one.shape[0]}×{one.shape[1]} cannot equal {other.shape[0]}×{other.shape[1]}"
    shapes = (one.shape, other.shape)
    raise MisfitError.of_rows(message, any(a == (1, 1) and 1 not in b for a, b in (shapes, shapes[::-1])))


def _weighted(term: Term) -> Term | None:
    """The gradient of a loss that is a mean, without its factor."""
    match term:
        case tree.Multiply(factors=(tree.Constant(), tree.Gradient() as gradient)):
            return gradient
    return None


def _summed(left: Term, one: Node, other: Node) -> tuple[Node, Symbol] | None:
    """The right side summed over its step, t or another letter alone, where the left is a parameter's gradient."""
    left = _weighted(left) or left
    while isinstance(left, tree.Slice):
        left = left.body
    cells = [cell for row in left.rows for cell in row] if isinstance(left, tree.Stack) else [left]
    ends = {part.only for part in cells if isinstance(part, tree.Gradient) and part.by.time is None}
    if len(ends) != 1 or not all(isinstance(part, tree.Gradient) and part.by.time is None for part in cells):
        return None
    steps = _steps(other)
    step = nodes.t if nodes.t in other.atoms(Symbol) else next(iter(steps), None)
    (loss,) = ends
    known = one.atoms(Symbol) | (set() if loss is None else loss.free_symbols)
    if step is None or step in known or (step != nodes.t and len(steps - known) > 1):
        return None
    if step != nodes.t and other.atoms(TimeSum):  # who writes one sum does not leave the other out
        return None
    last = nodes.T if loss is None else loss
    index = tree.index_clash(Symbol(step.name))
    return TimeSum(other.xreplace({step: index}), index, 1, last), step


def _steps(side: Node) -> set[Symbol]:
    """The letters of the steps of a side, but for those that a sum over steps binds."""
    bound = {part.index for part in side.atoms(TimeSum)}
    times = (part.time for part in side.atoms(Quantity) if part.time is not None)
    found = {letter for time in times for letter in time.free_symbols if isinstance(letter, Symbol)}
    return found - bound - {nodes.T}


def lone_step(left: Term, right: Term) -> Expr | None:
    """The step that J may be the loss of, where the claim relates two steps that are not neighbours."""
    moments: set[Expr] = set()
    parts = [*tree.walk(left), *tree.walk(right)]
    tau = Symbol("tau", integer=True)
    bound = {part.index for part in parts if isinstance(part, tree.OverTime)}
    gradients = [part for part in parts if isinstance(part, tree.Gradient)]
    said = {part.only for part in gradients} - {None}
    last = {part.last for part in parts if isinstance(part, tree.OverTime) and not part.product}
    if len(said) == 1 and said <= last and any(part.only is None for part in gradients):  # ∂L/∂W by ∂L(y_τ)/∂h_τ
        (own,) = said
        return None if any(part.immediate or part.by.time not in (None, own) for part in gradients) else own
    for part in parts:
        if isinstance(part, tree.Gradient):
            if part.only is not None or part.immediate:
                return None
            if part.by.time is not None and not part.by.time.free_symbols & bound:
                moments.add(part.by.time)
    ends = {part.last for part in parts if isinstance(part, tree.OverTime) and not part.product} & {nodes.t, tau}
    apart = len(moments) == 2 and not any((m - n).is_Integer for m in moments for n in moments if m != n)
    carried = {p.of.time for p in parts if isinstance(p, tree.Derivative)}
    step = next(iter(ends), None)
    if step is None and apart:
        later = (*sorted(carried - {None}, key=str), nodes.T, tau, nodes.t)
        step = next((m for m in later if m in moments), None)
    sums = {part.last for part in parts if isinstance(part, tree.OverTime) and not part.product}
    through = carried | {part.last for part in parts if isinstance(part, tree.OverTime) and part.product}
    if step is None and moments == {nodes.T} and nodes.T in sums & through:  # Σ_t ∂J/∂h_T ∂h_T/∂h_t ∂h_t/∂W
        step = nodes.T
    if step is None and moments == {tau} == carried:  # ∂J/∂W by the values of one step with a letter of its own
        step = tau
    return step if any(isinstance(part, tree.Gradient) for part in parts) else None


def only_of(node: Node, step: Expr) -> Node:
    """The node with the loss of one step for J."""
    return node.replace(lambda n: isinstance(n, Adjoint), lambda n: Adjoint(n.quantity, n.immediate, step))


def _alone(left: Term, right: Term, sides: Sides) -> Sides | None:
    """J as the loss of one step, where the claim relates two steps that are not neighbours."""
    step = lone_step(left, right)
    if step is None:
        return None
    word = ALONE.format(step=step)
    left_, right_ = only_of(sides.left, step), only_of(sides.right, step)
    return replace(sides, left=left_, right=right_, assumptions=(*sides.assumptions, word))
