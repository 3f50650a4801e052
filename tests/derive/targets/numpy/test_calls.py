"""How many calls a loop makes: like calls on neighbouring parts are one, and only where neither needs the other."""

from __future__ import annotations

import re

import numpy as np
import pytest

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.reader import read_equations
from derive.targets.language.code import Apply, Assign, Call, Each, Index, Name, Number, Statement, lines
from derive.targets.language.names import Names
from derive.targets.numpy.module import module
from derive.targets.numpy.passes.row_sums import row_sums
from derive.targets.numpy.passes.side_by_side import side_by_side
from verify.numbers.load import load

FIRST, SECOND = Index(Name("a"), "..., 0:H"), Index(Name("a"), "..., H:2 * H")


def loop(*body: Statement) -> list[Statement]:
    half = Assign((Name("half"),), Call("np.array", (Number("0.5"), Name("dtype"))))
    over = ((Name("one"), FIRST), (Name("other"), SECOND), (Name("out"), Name("b")))
    return [half, Each(False, over, body)]


def calls(statements: list[Statement]) -> list[str]:
    (each,) = (s for s in statements if isinstance(s, Each))
    return [s.function for s in each.body if isinstance(s, Apply)]


def computed(statements: list[Statement]) -> tuple[np.ndarray, np.ndarray]:
    given = {"a": np.arange(12.0).reshape(2, 1, 6) / 7, "b": np.zeros((2, 1, 3))}
    text = "\n    ".join(["def run(a, b, H, T, dtype):", *lines(statements)])
    load(f"import numpy as np\n\n\n{text}\n").run(**given, H=3, T=2, dtype=np.dtype(float))
    return given["a"], given["b"]


def scaled(name: str) -> Apply:
    return Apply("np.multiply", (Name(name), Name("half")), Name(name))


def bent(name: str) -> Apply:
    return Apply("np.tanh", (Name(name),), Name(name))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ((scaled("one"), bent("one"), scaled("other"), bent("other")), ["np.multiply", "np.tanh"]),
        ((scaled("other"), bent("other"), scaled("one")), ["np.multiply", "np.tanh"]),
        (
            (bent("one"), Apply("np.add", (Name("other"), Name("one")), Name("other")), bent("other")),
            ["np.tanh", "np.add", "np.tanh"],
        ),
        (
            (
                bent("one"),
                Apply("np.add", (Name("one"), Name("other")), Name("out")),
                Apply("np.multiply", (Name("out"), Name("half")), Name("out")),
                bent("other"),
            ),
            ["np.tanh", "np.add", "np.multiply", "np.tanh"],
        ),
    ],
    ids=["chains", "the second part first", "one needs the other", "read before it changes"],
)
def test_neighbours_are_one_call(body: tuple[Apply, ...], expected: list[str]) -> None:
    plain = loop(*body)
    found = side_by_side(plain, Names().numbered)
    assert calls(found) == expected
    for mine, theirs in zip(computed(found), computed(plain), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_views_of_memory_are_made_before_the_loop() -> None:
    parts = [
        Assign((Name(name),), Index(Name("work"), f"..., {span}")) for name, span in (("w", "0:H"), ("v", "H:2 * H"))
    ]
    memory = Assign((Name("work"),), Call("np.ones", (Number("(1, 2 * H)"), Name("dtype"))))
    plain = loop(*(Apply("np.add", (Name(a), Name(b)), Name(a)) for a, b in (("one", "w"), ("other", "v"))))
    found = side_by_side([memory, *parts, *plain], Names().numbered)
    assert calls(found) == ["np.add"]
    assert len(found) == 4, "the views that nothing reads are gone"
    np.testing.assert_array_equal(computed(found)[0], computed([memory, *parts, *plain])[0])


@pytest.mark.parametrize(("name", "most"), [("rnn", 6), ("lstm", 19), ("gru", 23), ("gru_reset_after", 23)])
def test_calls_of_a_step(name: str, most: int) -> None:
    text = module(differentiate(catalogue.find(name))).split("\ndef step(")[0]
    assert len(re.findall(r"^ +(?:\w+_into|times_\w+)\(", text, re.M)) <= most


def test_sums_of_rows_are_products() -> None:
    text = module(differentiate(catalogue.find("rnn_layer_norm"))).split("\ndef step(")[0]
    assert "np.add.reduce" not in text
    assert row_sums([], Names().numbered) == []


def test_gates_that_the_backward_pass_reads_together_are_parts_of_rows():
    """A value that is split beside another gate: its own derivative is taken of all its parts at once."""
    cell = read_equations(
        [
            r"[i_t, f_t] = \sigma(W x_t + R h_{t-1} + b)",
            r"g_t = \tanh(V x_t + U h_{t-1} + c)",
            r"h_t = i_t \odot g_t + f_t",
        ]
    )
    run = load(module(differentiate(cell)))
    rng = np.random.default_rng(0)
    params = run.init(D=2, H=3, rng=rng)
    x = rng.standard_normal((4, 2, 2))
    ys, _, cache = run.forward(params, x)
    gradient = run.backward(cache, np.ones_like(ys))["W"]
    moved = {**params, "W": params["W"] + 1e-6}
    slope = (run.forward(moved, x)[0].sum() - ys.sum()) / 1e-6
    assert np.isclose(slope, gradient.sum(), rtol=1e-4)


@pytest.mark.parametrize("name", ["antisymmetric_rnn", "mamba", "rnn_stacked", "scrn"])
def test_gradients_over_all_steps_are_products_of_rows(name: str) -> None:
    text = module(differentiate(catalogue.find(name)))
    assert not re.search(r"None, :\].*\.sum\(axis=\(0, 1\)\)", text)
    assert "np.eye(D" not in text  # a diagonal matrix scales rows


def test_matrices_side_by_side_are_multiplied_apart() -> None:
    text = module(differentiate(catalogue.find("rnn_stacked")), "").split("def step(")[0]
    assert "np.concatenate" not in text
    assert "rows_plus(x, W_ax.T, b_a)" in text
