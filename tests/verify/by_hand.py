"""Cells built from nodes, without the reader: together they use every node that an equation may have."""

from __future__ import annotations

from sympy import Lambda, Max, Rational, S, exp

from derive import functions
from derive.cell import Assumption, Cell, Equation
from derive.functions import ScalarFunction
from derive.nodes import (
    Node,
    Quantity,
    add,
    apply,
    block,
    concat,
    diag,
    diagonal,
    divide,
    hadamard,
    matmul,
    ones,
    power,
    scale,
    size,
    softmax,
    t,
    total,
    transpose,
)

D, H, K = size("D"), size("H"), size("K")


def call(name: str, *operands: Node) -> Node:
    function = functions.function(name)
    assert function is not None
    return apply(function, *operands)


def column(name: str, rows: object, time: object = t) -> Quantity:
    return Quantity(name, rows, 1, time)


x, x_prev = column("x", D), column("x", D, t - 1)
h, h_prev = column("h", H), column("h", H, t - 1)
c, c_prev = column("c", H), column("c", H, t - 1)
W, U, V, b = Quantity("W", H, D), Quantity("U", H, H), Quantity("V", K, H), Quantity("b", H)


def affine(suffix: str, recurrent: Node = h_prev) -> Node:
    return add(
        matmul(Quantity(f"W_{suffix}", H, D), x),
        matmul(Quantity(f"U_{suffix}", H, H), recurrent),
        Quantity(f"b_{suffix}", H),
    )


def rnn() -> Cell:
    return Cell.of([Equation(h, call("tanh", add(matmul(W, x), matmul(U, h_prev), b)))], name="rnn")


def lstm() -> Cell:
    i, f, o, g = (column(letter, H) for letter in "ifog")
    return Cell.of(
        [
            Equation(i, call("sigmoid", affine("i"))),
            Equation(f, call("sigmoid", affine("f"))),
            Equation(o, call("sigmoid", affine("o"))),
            Equation(g, call("tanh", affine("g"))),
            Equation(c, add(hadamard(f, c_prev), hadamard(i, g))),
            Equation(h, hadamard(o, call("tanh", c))),
        ],
        name="lstm",
        output="h",
    )


def gru() -> Cell:
    z, r, n = (column(letter, H) for letter in "zrn")
    return Cell.of(
        [
            Equation(z, call("sigmoid", affine("z"))),
            Equation(r, call("sigmoid", affine("r"))),
            Equation(n, call("tanh", affine("n", hadamard(r, h_prev)))),
            Equation(h, add(hadamard(add(ones(H), scale(-1, z)), h_prev), hadamard(z, n))),
        ],
        name="gru",
    )


def peephole() -> Cell:
    """Diagonal weights, a matrix-vector product with diag(·), a state that is not the output, several inputs."""
    p, v, f = Quantity("p", H), Quantity("v", D), column("f", H)
    u = column("u", K)
    return Cell.of(
        [
            Equation(f, call("sigmoid", add(matmul(W, x), matmul(diag(p), c_prev), matmul(Quantity("R", H, K), u)))),
            Equation(c, add(hadamard(f, c_prev), call("tanh", matmul(Quantity("Q", H, D), v)))),
            Equation(column("y", K), add(matmul(V, call("relu", c)), Quantity("a", K))),
        ],
        name="peephole",
        constants=["v"],
    )


def stacked() -> Cell:
    """[h; x] with one matrix for all gates, which are then cut out."""
    joined = concat(0, h_prev, x)
    net = column("s", 2 * H)
    return Cell.of(
        [
            Equation(net, add(matmul(Quantity("W", 2 * H, H + D), joined), Quantity("b", 2 * H))),
            Equation(
                h,
                add(
                    hadamard(call("sigmoid", block(0, net, 0, H)), h_prev),
                    call("tanh", block(0, net, H, H)),
                ),
            ),
        ],
        name="stacked",
    )


def normalised() -> Cell:
    """Layer normalisation: means, a size as a coefficient, a half-integer power, a scalar quantity."""
    a, m, v = column("a", H), column("m", 1), column("v", 1)
    centred = add(a, scale(-1, matmul(ones(H), m)))
    return Cell.of(
        [
            Equation(a, add(matmul(W, x), matmul(U, h_prev))),
            Equation(m, scale(S.One / H, total(a))),
            Equation(v, scale(S.One / H, total(power(centred, 2)))),
            Equation(
                h,
                call(
                    "tanh",
                    add(
                        hadamard(
                            Quantity("g", H),
                            centred,
                            power(matmul(ones(H), add(v, scale(Rational(1, 1000), ones(1)))), -Rational(1, 2)),
                        ),
                        b,
                    ),
                ),
            ),
        ],
        name="normalised",
    )


def attentive() -> Cell:
    """A softmax within the step, a quotient, exp, log, a maximum, a scalar parameter."""
    w, k = column("w", H), column("k", H)
    lam = Quantity("lambda", 1)
    return Cell.of(
        [
            Equation(w, softmax(add(matmul(W, x), matmul(U, h_prev)))),
            Equation(k, call("max", matmul(Quantity("M", H, D), x), h_prev)),
            Equation(
                h,
                add(
                    hadamard(w, k),
                    matmul(call("tanh", h_prev), lam),
                    divide(call("sin", h_prev), add(ones(H), call("exp", k))),
                    scale(Rational(1, 3), call("log", add(ones(H), power(h_prev, 2)))),
                ),
            ),
        ],
        name="attentive",
    )


def open_functions() -> Cell:
    """General f and g, as in textbooks."""
    f, g = ScalarFunction("f"), ScalarFunction("g")
    s, s_prev = column("s", H), column("s", H, t - 1)
    return Cell.of(
        [
            Equation(s, apply(f, add(matmul(W, x), matmul(U, s_prev), b))),
            Equation(column("y", K), apply(g, matmul(V, s))),
        ],
        name="open_functions",
    )


def piecewise() -> Cell:
    """Functions given as expressions, with kinks."""
    a = functions.a
    leaky = ScalarFunction("leaky", Lambda(a, Max(a, a / 10)))
    swish = ScalarFunction("swish", Lambda(a, a / (1 + exp(-a))))
    return Cell.of(
        [
            Equation(
                h,
                add(
                    apply(leaky, matmul(W, x)),
                    apply(swish, matmul(U, h_prev)),
                    call("abs", h_prev),
                    call("softplus", b),
                    call("min", h_prev, b),
                ),
            )
        ],
        name="piecewise",
    )


def spread() -> Cell:
    """Products of column and row, a diagonal, a transposed parameter, the smooth square root."""
    outer = add(matmul(h_prev, transpose(call("tanh", h_prev))), U)
    positive = add(power(h_prev, 2), ones(H))
    return Cell.of(
        [
            Equation(
                h,
                call(
                    "tanh",
                    add(
                        diagonal(outer),
                        matmul(transpose(Quantity("P", D, H)), x),
                        call("sqrt", positive),
                        matmul(h_prev, transpose(h_prev), b),
                    ),
                ),
            )
        ],
        name="spread",
    )


def cross_entropy() -> Cell:
    y = column("y", K)
    z, y_hat, L = column("z", K), column("y_hat", K), column("L", 1)
    head = column("h", H)
    return Cell.of(
        [
            Equation(z, add(matmul(V, head), Quantity("a", K))),
            Equation(y_hat, softmax(z)),
            Equation(L, scale(-1, matmul(transpose(y), call("log", y_hat)))),
        ],
        name="cross_entropy",
        targets=["y"],
        assumptions=[Assumption("sums to one", y)],
    )


CELLS = (
    rnn(),
    lstm(),
    gru(),
    peephole(),
    stacked(),
    normalised(),
    attentive(),
    open_functions(),
    piecewise(),
    spread(),
    cross_entropy(),
)
