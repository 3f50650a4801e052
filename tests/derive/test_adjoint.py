"""Every pullback rule is proved by SymPy at the level of entries; the sweep is looked at path by path."""

from __future__ import annotations

import pytest
from sympy import (
    Abs,
    Function,
    HadamardPower,
    HadamardProduct,
    Heaviside,
    Identity,
    KroneckerDelta,
    Lambda,
    MatAdd,
    MatMul,
    Max,
    Min,
    OneMatrix,
    Rational,
    Symbol,
    Transpose,
    ZeroMatrix,
    exp,
    sign,
    simplify,
    symbols,
)
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement

from derive import catalogue, functions
from derive.calculus.adjoint import (
    _number,
    _why,
    _with_inherited_assumptions,
    arrivals,
    as_node,
    differentiate,
    pullback,
)
from derive.calculus.derivation import Gradient, Path
from derive.calculus.softmax import softmax_entry
from derive.cell import Assumption, Cell, Equation
from derive.errors import DerivationError, Place
from derive.nodes import (
    CLOSED_SET,
    Adjoint,
    Concat,
    Elementwise,
    Jacobian,
    Node,
    Quantity,
    Slice,
    Softmax,
    T,
    TimeProduct,
    TimeSum,
    add,
    apply,
    block,
    coefficient,
    concat,
    diag,
    diagonal,
    hadamard,
    leaves,
    matmul,
    ones,
    power,
    scale,
    size,
    softmax,
    t,
    transpose,
)

A, B, C = Quantity("A", 2, 3), Quantity("B", 3, 4), Quantity("C", 2, 3)
x, y, z = Quantity("x", 3, 1, t), Quantity("y", 3, 1, t), Quantity("z", 3, 1, t)
S, s = Quantity("S", 3, 3), Quantity("s", 1, 1, t)

EXAMPLES: dict[type, list[Node]] = {
    Quantity: [x, A],
    OneMatrix: [hadamard(x, matmul(ones(3), s))],
    ZeroMatrix: [concat(0, x, ZeroMatrix(2, 1))],
    Identity: [add(S, Identity(3))],
    MatAdd: [add(A, scale(-2, C)), add(ones(3), scale(-1, x))],
    MatMul: [matmul(A, B), matmul(A, S, x), scale(Rational(1, 2), matmul(A, x)), matmul(x, transpose(y)), matmul(x, s)],
    Transpose: [Transpose(A), matmul(transpose(x), y)],
    HadamardProduct: [hadamard(A, C), hadamard(x, y, z), hadamard(x, power(y, -1))],
    HadamardPower: [power(x, 2), power(x, -1), power(A, 3)],
    Softmax: [softmax(x), softmax(add(x, y))],
    DiagMatrix: [diag(x), matmul(diag(x), y)],
    DiagonalOf: [diagonal(S)],
    Concat: [concat(0, x, y), concat(1, A, C)],
    Slice: [block(0, A, 1, 1), block(1, A, 1, 2), block(0, x, 0, 2)],
    Elementwise: [
        apply(entry.function, *(x, y)[: len(entry.function.body.variables)])
        for entry in functions.ENTRIES.values()
        if functions.slope(entry.function) != 0
    ],
}
"""At least one node for every rule; the sizes of one node differ where they can."""


def test_every_rule_has_an_example_and_every_node_a_rule() -> None:
    rules = set(pullback.registry) - {object}
    assert rules == set(EXAMPLES)
    # An adjoint, a Jacobian and a sum over time occur in results only, never in a cell.
    assert set(CLOSED_SET) - rules == {Adjoint, Jacobian, TimeSum, TimeProduct}


@pytest.mark.parametrize("node", [n for nodes in EXAMPLES.values() for n in nodes], ids=lambda n: type(n).__name__)
def test_rule_is_right_entry_by_entry(node: Node) -> None:
    rows, cols = (int(size) for size in node.shape)
    given = Quantity("G", rows, cols)
    total = sum(given[i, j] * node[i, j] for i in range(rows) for j in range(cols))
    found: dict[Quantity, Node] = {}
    for arrival in arrivals(node, given):
        found[arrival.quantity] = add(*filter(None, [found.get(arrival.quantity), arrival.gradient]))
    assert set(found) == set(leaves(node))
    for quantity, gradient in found.items():
        assert gradient.shape == quantity.shape
        for i in range(int(quantity.shape[0])):
            for j in range(int(quantity.shape[1])):
                expected = _plain(total).diff(_symbol(quantity[i, j]))
                difference = _resolved(expected) - _resolved(_plain(gradient[i, j]))
                assert simplify(difference) == 0, (quantity, i, j)


def _symbol(entry: MatrixElement) -> Symbol:
    return Symbol(f"{entry.parent.name}_{entry.i}_{entry.j}", real=True)


def _plain(expression: object) -> object:
    """Entries of matrices as independent real symbols."""
    return expression.replace(lambda part: isinstance(part, MatrixElement), _symbol)  # type: ignore[attr-defined]


def _resolved(expression: object) -> object:
    """One way of writing steps and signs: everything by Heaviside away from zero."""
    step = Function("heaviside")
    named = expression.replace(step, lambda a: Heaviside(a))  # type: ignore[attr-defined]
    named = named.replace(Max, lambda a, b: b + (a - b) * Heaviside(a - b))
    named = named.replace(Min, lambda a, b: a - (a - b) * Heaviside(a - b))
    named = named.replace(Heaviside, lambda a, *_: (1 + sign(a)) / 2)
    return named.replace(sign, lambda a: a / Abs(a))


def test_softmax_jacobian_comes_from_sympy() -> None:
    i, j = symbols("i j", integer=True)
    entry = softmax_entry()
    y_i = next(part for part in entry.atoms(MatrixElement) if part.i == i)
    y_j = next(part for part in entry.atoms(MatrixElement) if part.i == j)
    assert entry == y_i * KroneckerDelta(i, j) - y_i * y_j


def test_unknown_node_names_itself() -> None:
    with pytest.raises(DerivationError, match="TimeSum"):
        list(pullback(TimeSum(x, t, 1, 3), x, x))


def test_vanishing_derivative_is_refused() -> None:
    heaviside = functions.ENTRIES["heaviside"].function
    h = Quantity("h", 3, 1, t)
    cell = Cell.of([Equation(h, apply(heaviside, add(h.at(t - 1), Quantity("x", 3, 1, t))))])
    with pytest.raises(DerivationError, match="vanishes"):
        differentiate(cell)


@pytest.mark.parametrize("name", catalogue.cells())
def test_derivation_is_independent_of_sizes_and_time(name: str) -> None:
    derivation = differentiate(catalogue.find(name))
    letters = {str(symbol) for symbol in derivation.cell.sizes} | {"t", "T"}
    for gradient in derivation.gradients:
        assert {str(s) for s in gradient.value.free_symbols if isinstance(s, Symbol)} <= letters
        assert gradient.value.shape == gradient.of.shape


def test_paths_that_meet_are_counted_in_words() -> None:
    gradient = differentiate(catalogue.find("lstm")).by_name["c"]
    assert [(path.via.name, path.crosses_time) for path in gradient.paths if path.via] == [("h", False), ("c", True)]
    assert gradient.why.startswith("Two paths meet here")
    assert "next step" in gradient.why


def test_softmax_with_cross_entropy_uses_its_assumption() -> None:
    head = catalogue.find("softmax_cross_entropy")
    gradient = differentiate(head).by_name["z"]
    z, y_hat = head.quantities["z"], head.quantities["y_hat"]
    y, weight = head.quantities["y"], Adjoint(head.output)
    assert z.shape == y_hat.shape
    assert gradient.value == matmul(add(y_hat, scale(-1, y)), weight)
    assert [a.kind for a in gradient.assumptions] == ["sums to one"]
    assert [step.rule for step in gradient.steps] == [
        "insertion", "cancellation", "assumption: sums to one", "common factor",
    ]  # fmt: skip
    # Without the assumption: (Σy)ŷ - y.
    before = gradient.steps[2].before
    assert before == add(matmul(y_hat, weight, ones(1, y.shape[0]), y), scale(-1, matmul(y, weight)))


@pytest.mark.parametrize("name", ["sigmoid_binary_cross_entropy", "linear_squared_error"])
def test_other_heads_end_in_prediction_minus_target(name: str) -> None:
    head = catalogue.find(name)
    derived = differentiate(head).by_name
    logits = "z" if "z" in derived else "y_hat"
    difference = add(head.quantities["y_hat"], scale(-1, head.quantities["y"]))
    assert derived[logits].value == matmul(difference, Adjoint(head.output))
    assert not derived[logits].assumptions


def test_constant_input_is_summed_over_time() -> None:
    n = size("n")
    h, v = Quantity("h", n, 1, t), Quantity("v", n, 1)
    cell = Cell.of([Equation(h, add(h.at(t - 1), v, Quantity("x", n, 1, t)))], constants=["v"])
    assert isinstance(differentiate(cell).by_name["v"].value, TimeSum)


def test_a_parameter_is_summed_from_the_first_step_to_the_last() -> None:
    value = differentiate(catalogue.find("rnn")).by_name["U"].value
    assert isinstance(value, TimeSum)
    assert (value.index, value.first, value.last) == (t, 1, T)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_a_path_through_the_next_step_leads_from_there_to_what_it_adds(name: str) -> None:
    gradients = differentiate(catalogue.find(name)).gradients
    crossing = [(g.of, path) for g in gradients for path in g.paths if path.crosses_time and path.steps]
    assert crossing
    for quantity, path in crossing:
        first, last = path.steps[0], path.steps[-1]
        assert path.via is not None
        assert (first.before, last.quantity, last.after) == (Adjoint(path.via), quantity, path.term)
        assert [step.before for step in path.steps[1:]] == [step.after for step in path.steps[:-1]]


def test_paths_are_counted_in_words_up_to_nine() -> None:
    words = ["Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "10"]
    assert [_number(count) for count in range(2, 11)] == words


def test_too_many_operands_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        list(pullback(Elementwise(functions.ENTRIES["tanh"].function, x, y), x, x))


def test_what_rests_on_a_gradient_rests_on_its_assumptions() -> None:
    n, m = size("n"), size("m")
    y, z, y_hat, loss = Quantity("y", n, 1, t), Quantity("z", n, 1, t), Quantity("q", n, 1, t), Quantity("L", 1, 1, t)
    log = functions.ENTRIES["log"].function
    cell = Cell.of(
        [
            Equation(z, matmul(Quantity("V", n, m), Quantity("x", m, 1, t))),
            Equation(y_hat, softmax(z)),
            Equation(loss, scale(-1, matmul(transpose(y), apply(log, y_hat)))),
        ],
        targets=["y"],
        assumptions=[Assumption("sums to one", y)],
    )
    kinds = {g.of.name: [assumption.kind for assumption in g.assumptions] for g in differentiate(cell).gradients}
    assert kinds == {"L": [], "q": [], "z": ["sums to one"], "x": ["sums to one"], "V": ["sums to one"]}


def test_assumptions_are_inherited_over_several_gradients() -> None:
    fact = Assumption("sums to one", y)
    given = {"x": (), "y": (), "z": (fact,)}
    read = {"x": Adjoint(y), "y": Adjoint(z), "z": z}  # each reads one that comes later
    gradients = tuple(Gradient(q, (), read[q.name], (), "", given[q.name]) for q in (x, y, z))
    assert [g.assumptions for g in _with_inherited_assumptions(gradients)] == [(fact,)] * 3


def test_what_j_reads_itself_is_immediate() -> None:
    first = differentiate(catalogue.find("rnn")).by_name["h"].paths[0]
    assert (first.via, first.term) == (None, Adjoint(Quantity("h", size("H"), 1, t), True))


def test_an_operand_without_slope_does_not_hide_the_next() -> None:
    a, b = functions.a, functions.b
    gate = functions.ScalarFunction("gate", Lambda((a, b), Heaviside(a) * b))
    reached = [arrival.quantity for arrival in arrivals(Elementwise(gate, x, y), z, given=frozenset("x"))]
    assert reached == [y]


def test_a_refused_equation_is_named_with_its_place() -> None:
    heaviside = functions.ENTRIES["heaviside"].function
    h, place = Quantity("h", 3, 1, t), Place("note.md", 4, 1, 4)
    equation = Equation(h, apply(heaviside, add(h.at(t - 1), x)), place)
    with pytest.raises(DerivationError) as refused:
        differentiate(Cell.of([equation]))
    assert refused.value.place == place


def test_an_expression_becomes_nodes_with_known_functions_and_positive_terms_first() -> None:
    a = functions.a
    assert as_node(Abs(a), {a: x}) == apply(functions.ENTRIES["abs"].function, x)
    assert [coefficient(term)[0] for term in as_node(exp(a) - a, {a: x}).args] == [1, -1]


WHY = [
    (0, 1, "Only one path leads to J."),
    (1, 0, "Only one path leads to J. It leads through the next step."),
    (0, 2, "Two paths meet here and their gradients add."),
    (2, 0, "Two paths meet here and their gradients add. All of them lead through the next step."),
    (1, 1, "Two paths meet here and their gradients add. One of them leads through the next step; "
        "leaving it out cuts the gradient off from the future."),
    (2, 1, "Three paths meet here and their gradients add. Two of them lead through the next step; "
        "leaving them out cuts the gradient off from the future."),
]  # fmt: skip


@pytest.mark.parametrize(("later", "now", "words"), WHY)
def test_what_meets_and_what_leads_on_is_said(later: int, now: int, words: str) -> None:
    paths = (Path(x.at(t + 1), x),) * later + (Path(x, x),) * now
    assert _why(x, paths) == words
    assert _why(A, paths) == f"{words} It is used at every step, so the contributions of all steps add up."
