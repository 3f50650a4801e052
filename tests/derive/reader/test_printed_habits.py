"""Habits of printed cells that change what is read: rows as readouts, words behind equations, constants, shortcodes."""

from __future__ import annotations

import pytest

from derive.errors import InputError
from derive.reader import read_equations, read_note

MEMORY = r"S_t = S_{t-1} + k_t v_t^\top"


def shown(cell, name):
    return next(str(equation.expression) for equation in cell.equations if equation.symbol.name == name)


@pytest.mark.parametrize(
    ("equations", "said"),
    [
        ([MEMORY, r"o_t = q_t^\top S_t"], r"o_t = S_t^\top q_t"),
        (
            [MEMORY, r"z_t = z_{t-1} + k_t", r"o_t = \frac{q_t^\top S_t}{q_t^\top z_t}"],
            r"o_t = \frac{S_t^\top q_t}{z_t^\top q_t}",
        ),
    ],
)
def test_a_readout_written_as_a_row_is_a_column(equations, said):
    cell = read_equations(equations)
    assert shown(cell, "o") == shown(read_equations([*equations[:-1], said]), "o")
    assert any("written as a row" in guess.taken for guess in cell.guesses)


def test_nothing_is_transposed_in_vain():
    cell = read_equations(
        [r"S_t = \mathrm{Diag}(a_t) S_{t-1} + k_t (v_t - S_{t-1}^\top \beta_t)^\top", r"o_t = S_t^\top q_t"]
    )
    shapes = {quantity.name: str(quantity.shape[1]) for quantity in (*cell.states, *cell.inputs)}
    assert shapes["S"] != "1"
    assert shapes["v"] == "1"


def test_an_input_that_would_be_a_matrix_is_asked_for():
    with pytest.raises(InputError, match="the shapes of x_t and V are open"):
        read_equations(
            [
                r"\bar{A}_t = \exp(\Delta_t A)",
                r"\Delta_t = \tanh(W x_t)",
                r"C_t = V x_t",
                r"h_t = \bar{A}_t \odot h_{t-1} + \Delta_t x_t",
                r"y_t = C_t^\top h_t + D \odot x_t",
            ]
        )


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (r"h_t = \sigma_{\text{sigmoid}}(W x_t + U h_{t-1})", r"h_t = \sigma(W x_t + U h_{t-1})"),
        (r"h_t = h_{t-1} + W x_t \quad \text{(new-state value)}", r"h_t = h_{t-1} + W x_t"),
        (r"\begin{aligned} h_t &= \tanh(W x_t), & \text{} \\ y_t &= V h_t, & \text{output} \end{aligned}",
         r"h_t = \tanh(W x_t) \\ y_t = V h_t"),
        (r"\log h_t = -\tanh(W x_t + U h_{t-1})", r"h_t = \exp(-\tanh(W x_t + U h_{t-1}))"),
        (r"h_t = c \odot \tanh(W x_t + U h_{t-1}) \quad (c = 8)", r"h_t = 8 \odot \tanh(W x_t + U h_{t-1})"),
        (r"h_t = \tanh(W x_t + U h_{t-1}) \in \mathbb{R}^{B \times N \times H}", r"h_t = \tanh(W x_t + U h_{t-1})"),
    ],
)  # fmt: skip
def test_what_stands_beside_an_equation_changes_nothing(written, plain):
    found, wanted = read_equations([written]), read_equations([plain])
    assert [str(one.expression) for one in found.equations] == [str(one.expression) for one in wanted.equations]


def test_a_constant_may_have_the_letter_of_a_value_at_t():
    equations = [r"a_t = a \odot \sigma(W x_t)", r"h_t = a_t \odot h_{t-1} + x_t"]
    cell = read_equations(equations, [r"a = \sigma(\Lambda)", r"\Lambda \in \mathbb{R}^{H}"])
    other = read_equations([equations[0].replace("a \\odot", r"\sigma(\Lambda) \odot"), equations[1]],
                           [r"\Lambda \in \mathbb{R}^{H}"])  # fmt: skip
    assert shown(cell, "a") == shown(other, "a")


@pytest.mark.parametrize(
    "note",
    [
        "{{< katex display=true >}}\nh_t = \\tanh(W x_t + U h_{t-1})\n{{< /katex >}}\n",
        '<BlockMath math="h_t = \\tanh(W x_t + U h_{t-1})" />\n',
        '<BlockMath math={"h_t = \\\\tanh(W x_t + U h_{t-1})"} />\n',
    ],
)
def test_shortcodes_and_components_hold_formulas(note):
    assert [one.name for one in read_note(note).parameters] == ["W", "U"]


@pytest.mark.parametrize("entry", [r"\log p_t[y_t]", r"\log(p_t[y_t])", r"\log p_{t,y_t}", r"\log p_{t}[ y_{t} ]"])
def test_the_logarithm_of_the_entry_of_a_class_is_a_cross_entropy(entry):
    equations = [r"h_t = \tanh(W x_t + U h_{t-1})", r"p_t = \operatorname{softmax}(V h_t)"]
    cell = read_equations([*equations, rf"L_t = -{entry}"])
    other = read_equations([*equations, r"L_t = -y_t^\top \log p_t"], ["target: y_t"])
    assert shown(cell, "L") == shown(other, "L")
    assert [target.name for target in cell.targets] == ["y"]
    assert [one.kind for one in cell.assumptions] == ["one-hot"]
    assert any("picks an entry" in guess.taken for guess in cell.guesses)
