"""Lines of plain text that are formulas, and what stands beside them that is none."""

from __future__ import annotations

import pytest

from derive.reader.dialects import formulas_of, note_of
from derive.reader.text.fragment import Fragment
from derive.reader.text.lexing.plain import plain_tokens
from derive.reader.text.stated import derivative, stated


@pytest.mark.parametrize(
    ("line", "formulas"),
    [
        ("    // - Forget gate: f_t = σ(W_f @ [h_{t-1}, x_t] + b_f)", ["f_t = σ(W_f @ [h_{t-1}, x_t] + b_f)"]),
        ("#   δh_raw = δh_t ⊙ (1 - h_t²)   (tanh导数)", ["δh_raw = δh_t ⊙ (1 - h_t²)"]),
        (
            "∂c_t/∂f_t = c_{t-1}   →   ∂L/∂f_t = ∂L/∂c_t ⊙ c_{t-1}",
            ["∂c_t/∂f_t = c_{t-1}", "∂L/∂f_t = ∂L/∂c_t ⊙ c_{t-1}"],
        ),
        ("∂L/∂c_{t-1} = ∂L/∂c_t ⊙ f_t  ← (the direct path!)", ["∂L/∂c_{t-1} = ∂L/∂c_t ⊙ f_t"]),
        ("// ∂L/∂y_t = p_t - 1_{k} - gradient of the softmax (p - one_hot)", ["∂L/∂y_t = p_t - 1_{k}"]),
        ("dh_t = dy_t - dz_t", ["dh_t = dy_t - dz_t"]),
        ("h_t = a_t ⊙ h_{t−1} + b_t,     h_{−1} = 0        [E, N]", ["h_t = a_t ⊙ h_{t-1} + b_t"]),
        ("dWhh += dnet @ h.T", ["dWhh += dnet @ h.T"]),
        ("   So dL/dk[i] = sum_j dS[i,j] * v[j]", ["dL/dk[i] = sum_j dS[i,j] * v[j]"]),
        ("X_t = [h_{t-1}; x_t]      # (n+d,)", ["X_t = [h_{t-1}; x_t]"]),
        ("hdx1  =  hdx(hd+F)  @  (hd+F)x1", []),
        ("# Through h_t = o_t * tanh(c_t)", ["h_t = o_t * tanh(c_t)"]),
        ("where tanh'(z) = 1 - tanh²(z)", ["tanh'(z) = 1 - tanh²(z)"]),
        ("the sum of both terms = what comes back", []),
        ("当ρ<1时, h_t = 0 不是公式", []),
        ("lr_t = 0.01", []),
        ("out = torch.tanh(x_t)", []),
        ('name = "h_t"', []),
        ("if a == b_t: return", []),
    ],
)
def test_what_a_line_says(line: str, formulas: list[str]) -> None:
    assert [one.text for one in stated([(1, line)], "x.txt")] == formulas


def test_a_line_that_begins_with_a_sign_goes_on() -> None:
    lines = ["∂L/∂x_t = ∂L/∂a_t × W^T     (from one gate)", "        + ∂L/∂b_t × V^T     (from the other)"]
    (found,) = stated(enumerate(lines, 1), "x.txt")
    assert found.text == "∂L/∂x_t = ∂L/∂a_t × W^T\n+ ∂L/∂b_t × V^T"
    assert (found.place(found.text.index("V")).line, found.place(found.text.index("V")).column) == (2, 21)


@pytest.mark.parametrize(
    ("said", "meant"), [("W @ h_t-1", "W @ h_{t-1}"), ("h_t - 1", "h_t - (1)"), ("g_t+1 * x_t", "g_{t+1} * x_t")]
)
def test_a_step_beside_is_written_as_it_is_spoken(said: str, meant: str) -> None:
    def kinds(text: str) -> list[str]:
        tokens = plain_tokens(Fragment.of(text, plain=True))
        return [token.type for token in tokens if token.type not in ("LPAR", "RPAR")]

    assert kinds(said) == kinds(meant)


def test_settings_alone_are_no_formulas() -> None:
    assert formulas_of("alpha_t = a * beta_t\nsize_t = b_t + 1\n", "x.txt") == []


def test_headings_of_models_part_a_text() -> None:
    found = formulas_of("LSTM:\nh_t = o_t * tanh(c_{t-1})\n# GRU:\ndL/dh_t = a_t\n", "x.txt")
    assert [each.section[-1] for each in found] == ["LSTM:", "GRU:"]
    assert [derivative(each.fragment) for each in found] == [False, True]


def test_beside_marked_equations_only_derivatives_are_read() -> None:
    text = "$$ h_t = a h_{t-1} $$\n\n```\nh_t = b * h_{t-1}\ndL/dh_{t-1} = a * dL/dh_t\n```\n"
    assert [each.text.strip() for each in formulas_of(text, "x.md")] == ["h_t = a h_{t-1}", "dL/dh_{t-1} = a * dL/dh_t"]


def test_what_is_added_up_is_no_equation_of_a_note() -> None:
    text = "h_t = tanh(W @ h_{t-1} + U @ x_t)\ndW += dh_t @ h_{t-1}^T\n# ∂L/∂h_t = 0\n"
    assert [each.text for each in note_of(f"```\n{text}```\n", "x.md").formulas] == [text.split("\n")[0]]


def test_formulas_in_code_spans_are_read_where_no_formula_is_marked() -> None:
    text = "The state `h_t = a h_{t-1}` of `torch.nn`, then\n# `dL/dh_{t-1} = a dL/dh_t`\nset `lr` to x_t = 2 y_t\n"
    found = formulas_of(text, "x.md")
    assert [each.text.strip() for each in found][:2] == ["h_t = a h_{t-1}", "dL/dh_{t-1} = a dL/dh_t"]
    assert (found[1].place.line, found[1].place.column) == (2, 4)
