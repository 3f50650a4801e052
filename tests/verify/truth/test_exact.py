from __future__ import annotations

import ast
from fractions import Fraction
from pathlib import Path

import by_hand
import pytest
from sympy import (
    Float,
    HadamardPower,
    HadamardProduct,
    Identity,
    MatAdd,
    MatMul,
    OneMatrix,
    Rational,
    Symbol,
    Transpose,
    ZeroMatrix,
    exp,
    sqrt,
)
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.inverse import Inverse

import verify
from derive import functions, nodes
from derive.nodes import (
    CLOSED_SET,
    Concat,
    Elementwise,
    Entry,
    Kron,
    Quantity,
    Restacked,
    Shaped,
    Slice,
    Softmax,
    Tabular,
    TimeProduct,
    TimeSum,
    size,
    stacked,
    t,
    transpose,
)
from verify.truth.exact import Dual, Environment, _rule, entrywise, evaluate, inner, plus, rational, times, whole
from verify.truth.field import P, Table, UnsupportedError, inverse

n, m = size("n"), size("m")
A, B, v, w = Quantity("A", n, m), Quantity("B", n, n), Quantity("v", n), Quantity("w", n)
VALUES = {
    "A": ([[1, 2, 3], [4, 5, 6]], [[1, 0, 0], [0, 0, 2]]),
    "B": ([[2, 3], [5, 7]], [[0, 1], [0, 0]]),
    "v": ([[3], [4]], [[1], [2]]),
    "w": ([[10], [20]], [[0], [5]]),
}
k = Symbol("k", integer=True)


def value_and_tangent(node, numbers=()):
    def leaf(quantity, known):
        if quantity.time is not None:
            time = int(quantity.time.subs(known))
            return Dual([[time + 1], [2 * time]], {"": [[1], [time]], "twice": [[2], [2 * time]]})
        value, tangent = VALUES[quantity.name]
        return Dual(value, {"": tangent, "twice": plus(tangent, tangent)})

    table = Table(0)
    found = evaluate(node, Environment(table, {n: 2, m: 3, **dict(numbers)}, leaf))
    tangent = found.tangents.get("")
    # The rate of change is linear in the direction, and one direction says nothing of another.
    assert found.tangents.get("twice") == (tangent and plus(tangent, tangent))
    return found.value, tangent


def column(*entries):
    return [[entry % P] for entry in entries]


def test_sum_and_number():
    assert value_and_tangent(MatAdd(v, MatMul(2, w))) == (column(23, 44), column(1, 12))
    assert value_and_tangent(MatMul(Rational(1, 2), v))[0] == column(3 * inverse(2), 2)


def test_a_size_is_a_number():
    assert value_and_tangent(MatMul(1 / n, v))[0] == column(3 * inverse(2), 2)
    assert value_and_tangent(MatMul(n + m, v))[0] == column(15, 20)


def test_matrix_product_and_transpose():
    value, tangent = value_and_tangent(MatMul(B, v))
    assert value == column(18, 43)
    # Ḃ v + B v̇
    assert tangent == column(4 + 2 + 6, 5 + 14)
    assert value_and_tangent(MatMul(Transpose(v), w))[0] == [[110]]
    assert value_and_tangent(MatMul(v, Transpose(w)))[1] == [[10, 20 + 15], [20, 40 + 20]]


def test_products_and_powers_entry_by_entry():
    assert value_and_tangent(HadamardProduct(v, w)) == (column(30, 80), column(10, 40 + 20))
    assert value_and_tangent(HadamardPower(v, 3)) == (column(27, 64), column(27, 2 * 48))
    assert value_and_tangent(HadamardPower(v, -1)) == (
        column(inverse(3), inverse(4)),
        column(-inverse(9), -2 * inverse(16)),
    )


def test_a_half_power_is_a_root():
    square = HadamardPower(w, 2)
    value, tangent = value_and_tangent(HadamardPower(square, Rational(1, 2)))
    assert [row[0] ** 2 % P for row in value] == [100, 400]
    # (w²)^(1/2)· is ±ẇ
    assert tangent[0] == [0]
    assert tangent[1][0] in (5, P - 5)


def test_elementwise_functions_use_their_slopes():
    tanh = functions.function("tanh")
    value, tangent = value_and_tangent(Elementwise(tanh, v))
    (y1,), (y2,) = value
    assert tangent == column(1 - y1 * y1, 2 * (1 - y2 * y2))
    largest = functions.function("max")
    value, tangent = value_and_tangent(Elementwise(largest, v, w))
    assert value[0][0] in (3, 10)
    assert tangent[0][0] == (1 if value[0][0] == 3 else 0)


def test_softmax_is_a_quotient_of_exponentials():
    value, tangent = value_and_tangent(Softmax(v))
    (y1,), (y2,) = value
    assert (y1 + y2) % P == 1
    # y ⊙ v̇ − y (y · v̇)
    dot = y1 * 1 + y2 * 2
    assert tangent == column(y1 * (1 - dot), y2 * (2 - dot))


def test_stacking_and_slicing():
    assert value_and_tangent(Concat(0, v, w)) == (column(3, 4, 10, 20), column(1, 2, 0, 5))
    assert value_and_tangent(Concat(1, v, B))[0] == [[3, 2, 3], [4, 5, 7]]
    assert value_and_tangent(Slice(1, A, 1, 2))[0] == [[2, 3], [5, 6]]
    assert value_and_tangent(Slice(0, Concat(0, v, w), n, n))[0] == column(10, 20)
    with pytest.raises(UnsupportedError, match=r"^a slice from 1 to 3 of 2 entries$"):
        value_and_tangent(Slice(0, v, 1, n))


def test_one_entry_and_none_outside():
    for i in range(2):
        for j in range(3):
            assert value_and_tangent(Entry(A, i, j)) == ([[3 * i + j + 1]], [[{(0, 0): 1, (1, 2): 2}.get((i, j), 0)]])
    for i, j in ((-1, 0), (2, 0), (0, -1), (0, 3)):
        with pytest.raises(UnsupportedError, match=rf"^no entry \({i}, {j}\) in 2×3$"):
            value_and_tangent(Entry(A, i, j))


def test_a_slice_begins_and_ends_inside():
    assert value_and_tangent(Slice(1, A, 0, 3))[0] == [[1, 2, 3], [4, 5, 6]]
    for start, length in ((-1, 2), (1, 3)):
        with pytest.raises(UnsupportedError, match="a slice from"):
            value_and_tangent(Slice(1, A, start, length))


def test_entries_laid_out_in_another_shape():
    assert value_and_tangent(Shaped(A, m, n)) == ([[1, 2], [3, 4], [5, 6]], [[1, 0], [0, 0], [0, 2]])
    with pytest.raises(UnsupportedError, match="6 entries are not 3×3"):
        value_and_tangent(Shaped(A, m, m))


def test_a_matrix_by_its_entries():
    i, j = Symbol("i", integer=True), Symbol("j", integer=True)
    assert value_and_tangent(Tabular(Entry(A, j, i), i, j, m, n)) == value_and_tangent(Transpose(A))
    assert value_and_tangent(Tabular(Entry(OneMatrix(n, m), j, i), i, j, m, n)) == ([[1, 1]] * 3, None)
    some = TimeSum(Entry(Quantity("q", n, 1, k), 0, 0), k, 1, i)  # of the first entry nothing moves
    assert value_and_tangent(Tabular(some, i, j, n, 1)) == ([[0], [2]], [[0], [1]])
    mixed = Tabular(Entry(Concat(1, v, OneMatrix(n, 1)), i, j), i, j, n, 2)  # only the first column has a tangent
    assert value_and_tangent(mixed) == ([[3, 1], [4, 1]], [[1, 0], [2, 0]])


def test_kronecker_products_are_blocks():
    value, moved = value_and_tangent(Kron(A, v))
    assert value == [[3, 6, 9], [4, 8, 12], [12, 15, 18], [16, 20, 24]]
    assert moved == [[1 * 3 + 1 * 1, 2, 3], [1 * 4 + 1 * 2, 4, 6], [4, 5, 6 + 3 * 2], [8, 10, 12 + 4 * 2]]


def test_entries_are_stacked_by_columns_or_rows():
    assert value_and_tangent(stacked(A, by_rows=False))[0] == [[1], [4], [2], [5], [3], [6]]
    assert value_and_tangent(stacked(A, by_rows=True))[0] == [[1], [2], [3], [4], [5], [6]]
    assert stacked(v, by_rows=False) == stacked(v, by_rows=True) == stacked(transpose(v), by_rows=True) == v
    turned = nodes.matmul(Restacked(n, m), stacked(A, by_rows=True))
    assert value_and_tangent(turned) == value_and_tangent(stacked(A, by_rows=False))


def test_numbers_are_exact_or_refused():
    known = {n: 2, m: 3}
    assert rational(Rational(2, 3), {}) == Fraction(2, 3)
    assert rational(Float("0.1"), {}) == Fraction(1, 10)
    assert rational(n * m + n**-2, known) == Fraction(25, 4)
    assert whole(m - n, known) == 1
    assert whole(n / 2, known) == 1
    assert [whole(other, known) for other in (n - 1, m + 4, n + m, n + m + 1, 2 * m, 2 * m + 1)] == [1, 7, 5, 6, 6, 7]
    for refused, why in ((sqrt(n), "no exact arithmetic"), (exp(n), "no exact arithmetic"), (n, "no number is known")):
        with pytest.raises(UnsupportedError, match=why):
            rational(refused, {m: 3} if refused is n else known)
    with pytest.raises(UnsupportedError, match="no number is known for n"):
        whole(n, {m: 3})
    with pytest.raises(UnsupportedError, match="not a whole number"):
        whole(m / 2, known)


def test_inner_products_are_of_one_shape():
    assert inner([[1, 2], [3, 4]], [[5, 6], [7, P - 1]]) == 5 + 12 + 21 - 4
    assert inner([], []) == 0
    with pytest.raises(ValueError, match="1×2 and 1×1 have no inner product"):
        inner([[1, 2]], [[1]])
    with pytest.raises(ValueError, match="2×1 and 1×1 have no inner product"):
        inner([[1], [2]], [[1]])


def test_matrices_of_other_shapes_do_not_add_or_multiply():
    assert plus([[1, 2]], [[3, P - 1]]) == [[4, 1]]
    for other in ([[1]], [[1, 2], [3, 4]]):
        with pytest.raises(ValueError, match="zip"):
            plus([[1, 2]], other)
        with pytest.raises(ValueError, match="zip"):
            entrywise([[1, 2]], other)
    with pytest.raises(ValueError, match="cannot multiply 1×2 by 1×1"):
        times([[1, 2]], [[1]])
    with pytest.raises(ValueError, match="cannot multiply 1×2 by 0×0"):
        times([[1, 2]], [])
    for unlike in (Elementwise(functions.function("max"), v, Transpose(A)), Concat(1, v, Transpose(A))):
        with pytest.raises(ValueError, match="zip"):
            value_and_tangent(unlike)
    with pytest.raises(ValueError, match="zip"):
        value_and_tangent(Elementwise(functions.function("max"), v, B))


def test_constants_of_other_shapes_are_no_operands_of_one_function():
    largest = functions.function("max")
    for other in (OneMatrix(m, 1), OneMatrix(n, m)):
        with pytest.raises(ValueError, match="zip"):
            value_and_tangent(Elementwise(largest, OneMatrix(n, 1), other))


def test_an_irrational_number_is_what_its_square_says():
    (one,), (two,) = value_and_tangent(MatMul(sqrt(2), v))[0]
    assert [one * one % P, two * two % P] == [2 * 9, 2 * 16]
    (one,), (two,) = value_and_tangent(MatMul(sqrt(2), Rational(1, 3), v))[0]
    assert [9 * one * one % P, 9 * two * two % P] == [2 * 9, 2 * 16]


def test_what_is_known_already_is_not_computed_again():
    asked = []

    def leaf(quantity, _):
        asked.append(quantity.name)
        return Dual([[3], [4]])

    env = Environment(Table(0), {n: 2}, leaf, {})
    assert evaluate(MatAdd(v, MatMul(2, v)), env).value == [[9], [12]]
    assert asked == ["v"]


def test_nothing_has_no_rows_and_no_columns():
    assert Dual([]).shape == (0, 0)
    assert Dual([[1, 2]]).shape == (1, 2)


def test_diagonals():
    assert value_and_tangent(DiagMatrix(v)) == ([[3, 0], [0, 4]], [[1, 0], [0, 2]])
    assert value_and_tangent(DiagonalOf(B)) == (column(2, 7), column(0, 0))


def test_constants():
    assert value_and_tangent(OneMatrix(n, m)) == ([[1, 1, 1]] * 2, None)
    assert value_and_tangent(ZeroMatrix(n, 1)) == (column(0, 0), None)
    assert value_and_tangent(Identity(n)) == ([[1, 0], [0, 1]], None)


def test_sums_over_time_bind_their_index():
    q = Quantity("q", n, 1, k)
    assert value_and_tangent(TimeSum(q, k, 1, 3)) == (column(2 + 3 + 4, 2 + 4 + 6), column(3, 6))
    assert value_and_tangent(TimeSum(q, k, 2, 1))[0] == column(0, 0)


def test_the_last_factor_of_a_product_over_time_stands_leftmost():
    factor = MatMul(DiagMatrix(Quantity("q", n, 1, k)), B)
    explicit = MatMul(DiagMatrix(Quantity("q", n, 1, 2)), B, DiagMatrix(Quantity("q", n, 1, 1)), B)
    assert value_and_tangent(TimeProduct(factor, k, 1, 2)) == value_and_tangent(explicit)
    assert value_and_tangent(TimeProduct(factor, k, 2, 1))[0] == [[1, 0], [0, 1]]


def test_operands_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2×3"):
        value_and_tangent(MatMul(A, B))


def test_an_unknown_node_is_named():
    with pytest.raises(UnsupportedError, match="Inverse"):
        value_and_tangent(Inverse(B))


@pytest.mark.parametrize("node", CLOSED_SET, ids=lambda node: node.__name__)
def test_every_node_of_the_closed_set_has_a_rule(node):
    assert _rule.dispatch(node) is not _rule.dispatch(object)


@pytest.mark.parametrize(
    "file",
    [
        *(f"truth/{name}.py" for name in ("field", "rates", "exact", "world", "proof", "verdict")),
        "numbers/oracles.py",
        "numbers/case.py",
    ],
)
def test_the_road_to_the_truth_imports_nothing_of_the_engine(file):
    source = (Path(verify.__file__).parent / file).read_text(encoding="utf-8")
    imported = {
        name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    }
    allowed = {"derive.cell", "derive.calculus.derivation", "derive.functions", "derive.nodes", "derive.errors"}
    ours = {name for name in imported if name and name.startswith("derive.")}
    assert {name for name in ours if not any(f"{name}.".startswith(f"{room}.") for room in allowed)} == set()


def test_hand_made_cells_cover_the_nodes_of_an_equation():
    used = set()

    def visit(node):
        used.add(type(node))
        for argument in node.args:
            visit(argument)

    for cell in by_hand.CELLS:
        for equation in cell.equations:
            visit(equation.expression)
    assert {c for c in CLOSED_SET if c.__name__ not in {"Adjoint", "Jacobian", "TimeSum", "TimeProduct"}} - used <= {
        ZeroMatrix,
        Identity,
    }


def test_t_is_the_time_of_the_recurrence():
    assert value_and_tangent(Quantity("q", n, 1, t + 1), {t: 1})[0] == column(3, 4)
