"""Backpropagation through time in the textbook's terms: Jacobians of one step, their product over time, and the sum
over steps with immediate partials. All of it is read off the derivation; nothing is derived a second way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from sympy import Expr, HadamardProduct, Identity, MatAdd, MatMul, Symbol, ZeroMatrix

from derive.calculus.derivation import Derivation
from derive.calculus.sections import Equality, Section, Where
from derive.calculus.simplify import common_factor
from derive.nodes import (
    Adjoint,
    Elementwise,
    Jacobian,
    Node,
    Quantity,
    Slice,
    TimeProduct,
    TimeSum,
    add,
    block,
    children,
    coefficient,
    concat,
    contains,
    diag,
    hadamard,
    leaves,
    matmul,
    ones,
    parts_in,
    scale,
    shift,
    substitute,
    t,
    transpose,
)

tau = Symbol("tau", integer=True, positive=True)
"""The step whose output alone J reads, where one loss is followed back."""
k, j = Symbol("k", integer=True), Symbol("j", integer=True)


LONGEST = 1_000
"""Parts that are written out, of the Jacobian of one step with all its blocks and of the sums over steps."""
MOST_STATES = 4
"""States whose Jacobians are shown as one matrix."""
INDEPENDENT = "the states of step $t - 1$ taken as independent of each other"


def jacobian(derivation: Derivation, of: Quantity, by: Quantity) -> Node | None:
    """∂of/∂by (rows of `of`, columns of `by`) as a matrix, `of` at t and `by` at t, t - 1 or a parameter used at t.

    The states at t - 1 are independent of each other: what one does to another within step t - 1 does not count.

    It is the transpose of the matrix that the derivation's own paths apply to the gradient of `of`. None where a path
    is not of the form matrix times gradient, where a matrix stands between, or where it has more than LONGEST parts.
    """
    if of.shape[1] != 1 or by.shape[1] != 1:
        return None
    if of == by:
        return Identity(of.shape[0])
    reaching = through(derivation, of, by)
    matrix = None if reaching is None else _matrix(reaching, Adjoint(of))
    return None if matrix is None else transpose(matrix)


def through(derivation: Derivation, of: Quantity, by: Quantity) -> Node | None:
    """The gradient that reaches `by` if ∂J/∂of is the only gradient that comes from outside step t.

    None where it is too long to be read: it may double with every equation.
    """
    found: dict[Quantity, Node | None] = {of: Adjoint(of)}
    states = derivation.program.states

    def reaching(q: Quantity, at: int) -> Node | None:
        """The gradient that reaches q at t + at, a sum over the paths of its own derivation."""
        timed = q if q.time is None else q.at(t + at)
        if timed not in found:
            terms: list[Node] = []
            for path in derivation.by_name[q.name].paths:
                if path.via is None or (path.crosses_time and at == 0):
                    continue
                if q in states and at < 0 and not path.crosses_time:
                    continue  # the states of the step before are independent coordinates
                later = at + (1 if path.crosses_time else 0)
                arriving = reaching(path.via.at(t), later)
                if arriving is None:
                    found[timed] = None
                    return None
                if not isinstance(arriving, ZeroMatrix):
                    terms.append(_replaced(shift(path.term, at), Adjoint(path.via.at(t + later)), arriving))
            short = sum(map(parts_in, terms)) <= LONGEST
            found[timed] = (common_factor(add(*terms)) if terms else ZeroMatrix(*q.shape)) if short else None
        return found[timed]

    return reaching(by, 0) if by.time is None else reaching(by.at(t), int(by.time - t))


def is_long(derivation: Derivation, of: Quantity, by: Quantity) -> bool:
    """Whether a Jacobian is not written out because it has too many parts."""
    return through(derivation, of, by) is None


@lru_cache(1)  # products over time and bounds on them are told one after the other
def blocks_of_step(derivation: Derivation) -> tuple[tuple[Quantity, Quantity, Node], ...] | str:
    """The Jacobian of one step: a block for each two states, (of, by, ∂of/∂by); else why there is none.

    Their number is the square of that of the states: they are written out where all of them together are short.
    """
    states = derivation.program.states
    found: list[tuple[Quantity, Quantity, Node]] = []
    parts = 0
    for of in states:
        for by in (state.at(t - 1) for state in states):
            value = jacobian(derivation, of, by)
            if value is None and not is_long(derivation, of, by):
                return "The Jacobian of one step is no sum of products of matrices and diagonal matrices here"
            parts += 0 if value is None else parts_in(value)
            if value is None or parts > LONGEST:
                return "The Jacobian of one step is too long to be written out here"
            found.append((of, by, value))
    return tuple(found)


def _replaced(node: Node, what: Node, by: Node) -> Node:
    return substitute(node, lambda part: by if part == what else None)


def _matrix(node: Node, gradient: Adjoint) -> Node | None:
    """M such that node = M @ gradient."""
    if node == gradient:
        return Identity(gradient.shape[0])
    if isinstance(node, ZeroMatrix):
        return ZeroMatrix(node.shape[0], gradient.shape[0])
    factor, base = coefficient(node)
    if base.shape[1] != 1:
        return None
    if factor != 1 and not isinstance(base, MatMul | HadamardProduct):
        inner = _matrix(base, gradient)
        return None if inner is None else scale(factor, inner)
    if isinstance(base, MatAdd):
        terms = [_matrix(term, gradient) for term in base.args]
        return None if any(term is None for term in terms) else add(*terms)
    if isinstance(base, Slice) and base.axis == 0:
        inner = _matrix(base.operand, gradient)
        return None if inner is None else block(0, inner, base.start, base.length)
    if isinstance(base, MatMul):
        inside = [place for place, part in enumerate(base.args) if contains(part, gradient)]
        if len(inside) != 1:
            return None
        before, after = base.args[: inside[0]], base.args[inside[0] + 1 :]
        inner = _matrix(base.args[inside[0]], gradient)
        if inner is None or (after and matmul(*after).shape != (1, 1)):
            return None
        if after:  # v λ = diag(𝟏 λ) v
            inner = matmul(diag(matmul(ones(inner.shape[0]), *after)), inner)
        return scale(factor, matmul(*before, inner))
    if isinstance(base, HadamardProduct):
        inside = [part for part in base.args if contains(part, gradient)]
        weights = [part for part in base.args if part not in inside]
        inner = _matrix(inside[0], gradient) if len(inside) == 1 else None
        return None if inner is None else scale(factor, matmul(diag(common_factor(hadamard(*weights))), inner))
    return None


def through_time(derivation: Derivation) -> tuple[Section, ...]:
    """The sections on time: Jacobians of one step, their product, and for a cell with one state the two sums."""
    program = derivation.program
    if not program.states:
        return ()
    found = blocks_of_step(derivation)
    if isinstance(found, str):
        return ()
    blocks: list[str | Equality] = [Equality((Jacobian(of, by), value)) for of, by, value in found]
    if len(program.states) > 1:
        opening = (
            "How the states at $t$ respond to the states at $t - 1$, everything within step $t$ recomputed, "
            f"{INDEPENDENT}:"
        )
        step = Section("One step as a Jacobian", (opening, *blocks))
        return (step, _block_product(program.states)) if len(program.states) <= MOST_STATES else (step,)
    sections = (_one_step(derivation, blocks), _product(derivation))
    if _preactivation(derivation) is None or _output_reads_before(derivation):
        return sections
    gradients = [derivation.by_name[parameter.name].value for parameter in program.parameters]
    if parts_within_step(derivation, *gradients) > LONGEST:
        return sections
    return (*sections, _two_sums(derivation))


def _block_product(states: tuple[Quantity, ...]) -> Section:
    """Many steps of several states: the product of the matrices of their Jacobians."""

    def matrix(later: Expr, earlier: Expr) -> Node:
        rows = (concat(1, *(Jacobian(of.at(later), by.at(earlier)) for by in states)) for of in states)
        return concat(0, *rows)

    opening = (
        "All states together respond by the matrix of these blocks. The chain rule multiplies it step by step, the "
        "factor of the latest step leftmost:"
    )
    product = TimeProduct(matrix(j, j - 1), j, k + 1, tau)
    return Section("Many steps as a product", (opening, Equality((product, matrix(tau, k)), where=Where(k, "<", tau))))


def _output_reads_before(derivation: Derivation) -> bool:
    """Whether the output of a step reads the state of the step before by another way than through the state itself.

    Then J_τ reaches the state of step τ - 1 also directly, and its recurrence has a term more there.
    """
    program = derivation.program
    (state,) = program.states
    definitions = {equation.symbol: equation.expression for equation in program.equations}
    seen: set[Quantity] = set()

    def reads(quantity: Quantity) -> bool:
        if quantity == state.at(t - 1):
            return True
        if quantity == state or quantity in seen or quantity not in definitions:
            return False
        seen.add(quantity)
        return any(reads(leaf) for leaf in leaves(definitions[quantity]))

    return reads(program.output)


def _preactivation(derivation: Derivation) -> Quantity | None:
    """The quantity whose function value the state is, where it is one (net, with s = f(net))."""
    (state,) = derivation.program.states
    expression = next(e.expression for e in derivation.program.equations if e.symbol == state)
    simple = isinstance(expression, Elementwise) and len(expression.operands) == 1
    argument = expression.operands[0] if simple else None
    return argument if isinstance(argument, Quantity) else None


def _one_step(derivation: Derivation, blocks: list[str | Equality]) -> Section:
    items: list[str | Equality] = ["How the state at $t$ responds to the state at $t - 1$:", *blocks]
    net = _preactivation(derivation)
    if net is not None:
        (state,) = derivation.program.states
        value = jacobian(derivation, net, net.at(t - 1))
        if value is not None:
            middle = matmul(Jacobian(net, state.at(t - 1)), Jacobian(state.at(t - 1), net.at(t - 1)))
            items += ["The same from argument to argument:", Equality((Jacobian(net, net.at(t - 1)), middle, value))]
    return Section("One step as a Jacobian", tuple(items))


def _steps(state: Quantity, first: object, last: object) -> Node:
    """∏ ∂s_j/∂s_{j-1}, the latest factor on the left."""
    return TimeProduct(Jacobian(state.at(j), state.at(j - 1)), j, first, last)


def _alone(quantity: Quantity, step: Expr | int = tau) -> Adjoint:
    """The gradient of a J that reads the output of one step alone."""
    return Adjoint(quantity, only=step)


def _product(derivation: Derivation) -> Section:
    (state,) = derivation.program.states
    after, here, end = (_alone(state.at(step)) for step in (k + 1, k, tau))
    later = transpose(Jacobian(state.at(k + 1), state.at(k)))
    opening: tuple[str | Equality, ...] = (
        "The chain rule applied step by step multiplies the Jacobians, the factor of the latest step leftmost:",
        Equality((Jacobian(state.at(tau), state.at(k)), _steps(state, k + 1, tau))),
    )
    if _output_reads_before(derivation):
        return Section("Many steps as a product", opening)
    return Section(
        "Many steps as a product",
        (
            *opening,
            "Let $J_\\tau$ be a $J$ that reads the output of step $\\tau$ alone. Then for $k < \\tau$ no immediate "
            "term remains, and the recurrence is:",
            Equality(
                (here, matmul(later, after)), "the paths through step $k + 1$, as one matrix", where=Where(k, "<", tau)
            ),
            "By induction from $k = \\tau$ downwards, it unrolls to the product:",
            Equality(
                (
                    here,
                    matmul(later, transpose(_steps(state, k + 2, tau)), end),
                    matmul(transpose(_steps(state, k + 1, tau)), end),
                ),
                "the induction hypothesis for $k + 1$, then one more factor on the right of the product",
            ),
            *_product_of_arguments(derivation),
        ),
    )


def _product_of_arguments(derivation: Derivation) -> tuple[str | Equality, ...]:
    """The same between arguments of the function: δ_k from δ_τ."""
    net = _preactivation(derivation)
    value = None if net is None else jacobian(derivation, net, net.at(t - 1))
    if net is None or value is None:
        return ()
    unnamed = TimeProduct(Jacobian(net.at(j), net.at(j - 1)), j, k + 1, tau)
    written = TimeProduct(value.xreplace({t: j}), j, k + 1, tau)
    return (
        "The same between the arguments of the function at two steps, and for their gradients:",
        Equality((Jacobian(net.at(tau), net.at(k)), unnamed, written)),
        Equality((_alone(net.at(k)), matmul(transpose(written), _alone(net.at(tau))))),
    )


def within_step(derivation: Derivation, node: Node) -> Node:
    """Insert the gradients of everything within a step, until only the gradients of states are left."""
    states = {state.name for state in derivation.program.states}

    def insert(part: Node) -> Node | None:
        if isinstance(part, Adjoint) and not part.immediate and part.quantity.name not in states:
            return within_step(derivation, derivation.by_name[part.quantity.name].value)
        return None

    return substitute(node, insert)


def parts_within_step(derivation: Derivation, *nodes: Node) -> int:
    """How many parts `within_step` gives some formulas together: it may double with every equation."""
    states = {state.name for state in derivation.program.states}
    known: dict[str, int] = {}

    def parts(node: Node) -> int:
        if isinstance(node, Adjoint) and not node.immediate and node.quantity.name not in states:
            name = node.quantity.name
            if name not in known:
                known[name] = parts(derivation.by_name[name].value)
            return known[name]
        return 1 + sum(map(parts, children(node)))

    return sum(map(parts, nodes))


def _two_sums(derivation: Derivation) -> Section:
    """∂J/∂P for every parameter that the state depends on: the recurrence's sum, and the sum over products."""
    (state,) = derivation.program.states
    items: list[str | Equality] = [
        "Each parameter is used at every step; the immediate contribution of step $k$ keeps the state of step $k - 1$ "
        "fixed. For the same $J_\\tau$, with the gradient of the state at $k$ from the recurrence (first form), or "
        "from the product of Jacobians (second form):"
    ]
    end, unrolled = _alone(state.at(tau)), transpose(_steps(state, k + 1, tau))
    example: tuple[Node, Quantity] | None = None
    for parameter in derivation.program.parameters:
        value = derivation.by_name[parameter.name].value
        if not isinstance(value, TimeSum):
            continue
        term = within_step(derivation, value.term).xreplace({t: k})
        here = Adjoint(state.at(k))
        if not contains(term, here):
            continue
        first, second = (_replaced(term, here, arriving) for arriving in (_alone(here.quantity), matmul(unrolled, end)))
        items.append(Equality((_alone(parameter), TimeSum(first, k, 1, tau), TimeSum(second, k, 1, tau))))
        if example is None and contains(term, state.at(k - 1)):
            example = term, parameter
    if example is not None:
        items += ["Written out for $\\tau = 3$:", _three_steps(*example, state)]
    return Section("The gradient of a parameter as a sum over steps", tuple(items))


def _three_steps(term: Node, parameter: Quantity, state: Quantity) -> Equality:
    """The second form for τ = 3, term by term."""
    at: Callable[[int], Quantity] = state.at
    parts = []
    for step in (3, 2, 1):
        factors = [transpose(Jacobian(at(later), at(later - 1))) for later in range(step + 1, 4)]
        arriving = matmul(*factors, _alone(at(3), 3))
        parts.append(_replaced(term.xreplace({k: step}), Adjoint(at(step)), arriving))
    return Equality((_alone(parameter, 3), add(*parts)))
