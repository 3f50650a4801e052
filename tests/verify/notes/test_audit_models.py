"""Which model a formula is about: named, the note's own, or recognised from its letters."""

from __future__ import annotations

from pathlib import Path

import pytest
from sympy import MatAdd

from derive.cell import Cell
from derive.errors import InputError
from derive.nodes import children
from derive.reader.models.equations.names import letter_name, names, stripped
from derive.targets.formula import latex
from verify.notes.files import Formula, read
from verify.notes.models import Model, Models
from verify.notes.models.recognise import candidates

NOTES = Path(__file__).parents[2] / "data/notes"


def models_of(tmp_path: Path, text: str, cell: str | None = None, notation: str | None = None) -> list[Model | None]:
    """The model of every formula that claims something."""
    path = tmp_path / "note.md"
    path.write_text(text, encoding="utf-8")
    document = read(path)
    models = Models(document.formulas, str(path), cell, notation)
    return [models.of(formula) for formula in document.formulas if formula.claims]


def equations(cell: Cell) -> list[str]:
    return [f"{latex(e.symbol, cell.notation)} = {latex(e.expression, cell.notation)}" for e in cell.equations]


def seed(number: str, line: int) -> Model:
    document = read(NOTES / f"{number}.md")
    formula: Formula = next(f for f in document.formulas if f.claims and f.place.line == line)
    found = Models(document.formulas, document.path).of(formula)
    assert found is not None
    return found


def test_own_equations_of_each_section(tmp_path: Path) -> None:
    text = r"""# RNN
$$ h_t = \tanh(W x_t + U h_{t-1} + b) $$
$\frac{\partial J}{\partial W} = 1$
# GRU
$$ z_t = \sigma(W_z x_t + U_z h_{t-1}) $$ (1)
$$ h_t = z_t \odot h_{t-1} + (1 - z_t) \odot x_t $$
$\frac{\partial J}{\partial z_t} = 1$
# Again
$\frac{\partial J}{\partial U_z} = \frac{\partial J}{\partial h_t}$
"""
    found = models_of(tmp_path, text)
    assert all(model is not None for model in found)
    rnn, gru, again = found[1], found[4], found[5]
    assert rnn
    assert [e.symbol.name for e in rnn.cell.equations] == ["h"]
    assert gru
    assert [e.symbol.name for e in gru.cell.equations] == ["z", "h"]
    assert again
    assert again.cell.equations == gru.cell.equations, "the nearest section before it"
    assert "lines 5, 6" in str(gru)
    assert gru.origin.startswith("the note's own equations")


def test_derivatives_are_no_forward_equations(tmp_path: Path) -> None:
    text = "$$ h_t = \\tanh(W x_t + U h_{t-1}) $$\n$$ \\delta_t = U^\\top \\delta_{t+1} $$\n$$ dW_t = \\nabla_W J $$\n"
    (model, *_) = models_of(tmp_path, text)
    assert model
    assert [e.symbol.name for e in model.cell.equations] == ["h"]


def test_a_loss_belongs_to_the_model(tmp_path: Path) -> None:
    text = r"""
$s_t = \tanh(U x_t + W s_{t-1})$ $\hat{y}_t = softmax(V s_t)$ $E_t(y_t, \hat{y}_t) = -y_t log \hat{y}_t$
$\frac{\partial E_t}{\partial V} = 1$
"""
    model = models_of(tmp_path, text)[-1]
    assert model is not None
    assert equations(model.cell)[-1] == r"E_t = -y_t^\top \log(\hat{y}_t)"
    assert [q.name for q in model.cell.targets] == ["y"]
    assert [a.kind for a in model.cell.assumptions] == ["sums to one"]
    assert model.cell.is_loss


def test_equations_that_cannot_be_used_are_left_out_and_said(tmp_path: Path) -> None:
    text = (
        "$$ h_t = \\tanh(W x_t + U h_{t-1}) $$\n$$ q_t = \\argmax(V h_t) $$\n$\\frac{\\partial J}{\\partial W} = h_t$\n"
    )
    model = models_of(tmp_path, text)[-1]
    assert model
    assert [e.symbol.name for e in model.cell.equations] == ["h"]
    text = (
        "$$ h_t = \\tanh(W x_t + U h_{t-1}) $$\n$$ q_t = h_{t+2} $$\n$\\frac{\\partial J}{\\partial W} = h_t x_t U$\n"
    )
    model = models_of(tmp_path, text)[-1]
    assert model
    assert [e.symbol.name for e in model.cell.equations] == ["h"]
    assert "q is open: its equation in line 2 cannot be used" in str(model)


def test_a_section_whose_equations_are_missing_does_not_take_the_earlier_ones(tmp_path: Path) -> None:
    text = r"""# RNN
$$ h_t = \tanh(W x_t + U h_{t-1}) $$
# LSTM
$$ \frac{\partial J}{\partial i_t} = \frac{\partial J}{\partial c_t} g_t, \frac{\partial J}{\partial f_t} = o_t h_t $$
"""
    model = models_of(tmp_path, text)[-1]
    assert model
    assert model.origin.startswith("lstm")


def test_a_comment_names_the_model_of_what_follows(tmp_path: Path) -> None:
    text = "$\\frac{\\partial J}{\\partial h_t} = 1$\n\n<!-- backproof: cell=lstm notation=goodfellow -->\n\n"
    text += "$\\frac{\\partial J}{\\partial s_t} = 1$\n\n"
    text += "<!-- backproof: cell=gru -->\n$\\frac{\\partial J}{\\partial r_t} = 1$"
    _, second, third = models_of(tmp_path, text)
    assert second
    assert [state.name for state in second.cell.states] == ["h", "s"]
    assert "lstm in the letters of goodfellow" in str(second)
    assert third
    assert "gru" in str(third)


def test_the_caller_names_the_model(tmp_path: Path) -> None:
    text = "$\\frac{\\partial J}{\\partial c_t} = 1$"
    (model,) = models_of(tmp_path, text, cell="lstm")
    assert model
    assert [state.name for state in model.cell.states] == ["h", "c"]
    other = tmp_path / "other.md"
    other.write_text("# Mine\n\n$$ c_t = \\tanh(c_{t-1} + x_t) $$\n")
    (model,) = models_of(tmp_path, text, cell="other.md")
    assert model
    assert model.cell.name == "mine", "a note beside the note"
    with pytest.raises(InputError, match="no cell or note"):
        models_of(tmp_path, text, cell="nothing")
    with pytest.raises(InputError, match="no notation"):
        models_of(tmp_path, text, notation="nobody")


@pytest.mark.parametrize(
    ("formula", "kind", "states"),
    [
        (r"\frac{\partial J}{\partial \Gamma_f^{(t)}} = \frac{\partial J}{\partial c^{(t)}} W_f", "lstm", ["a", "c"]),
        (r"\frac{\partial J}{\partial i_t} = \frac{\partial J}{\partial c_t} \odot g_t \odot f_t", "lstm", ["h", "c"]),
        (r"\frac{\partial J}{\partial W_z} = \frac{\partial J}{\partial z_t} h_{t-1} r_t \tilde{h}_t", "gru", ["h"]),
        (r"\frac{\partial J}{\partial W_{aa}} = \frac{\partial J}{\partial a^{(t)}} W_{ax}", "rnn", ["a"]),
        (r"\frac{\partial L}{\partial W_{hh}} = H_t W_{xh}", "rnn", ["H"]),
    ],
)  # fmt: skip
def test_recognised_from_the_letters(tmp_path: Path, formula: str, kind: str, states: list[str]) -> None:
    (model,) = models_of(tmp_path, f"${formula}$")
    assert model is not None
    assert model.origin.startswith(kind)
    assert [state.name for state in model.cell.states] == states
    assert "recognised from" in str(model)


@pytest.mark.parametrize("formula", ["e = mc^2", r"\alpha + \beta = \gamma", "Y = f(X)", "q_k = p_k", "="])
def test_other_letters_are_not_recognised(tmp_path: Path, formula: str) -> None:
    assert models_of(tmp_path, f"${formula}$") == [None]


def test_a_head_comes_with_its_letters(tmp_path: Path) -> None:
    text = r"$\frac{\partial L_t}{\partial W_{hy}} = (\hat{y}_t - y_t) h_t^\top$ "
    text += r"$\frac{\partial L_t}{\partial z_t} = \hat{y}_t - y_t$"
    model = models_of(tmp_path, text)[0]
    assert model is not None
    assert {"W_hy", "y_hat", "z", "y"} <= set(model.cell.quantities)
    assert model.cell.is_loss


def test_every_candidate_reads_back() -> None:
    for candidate in candidates():
        cell = candidate.read()
        assert len(cell.equations) == len(candidate.cell.equations), candidate.title
        assert set(cell.quantities) == set(candidate.names), candidate.title


# The five notes.


def test_note_000() -> None:
    assert equations(seed("000", 27).cell) == ["s_t = f(U x_t + W s_{t-1})", "o_t = g(V s_t)"]
    backward = seed("000", 125)
    assert equations(backward.cell)[:2] == [r"\mathrm{net}_t = U x_t + W s_{t-1}", r"s_t = f(\mathrm{net}_t)"] or (
        equations(backward.cell)[:2] == ["net_t = U x_t + W s_{t-1}", "s_t = f(net_t)"]
    )
    assert {"net_l", "a_lminus1"} <= set(backward.cell.quantities), "the layers of its last formula"


def test_note_001_says_how_gaps_are_filled() -> None:
    model = seed("001", 115)
    assert [e.symbol.name for e in model.cell.equations] == ["i", "f", "c", "o", "beta", "H"]
    assert [state.name for state in model.cell.states] == ["H", "c"]
    assert "c_star is taken to be c" in str(model)
    assert "C_tilde has no equation" in str(model)


def test_note_002_brings_its_letters_together() -> None:
    model = seed("002", 63)
    assert equations(model.cell) == [
        r"s_t = \tanh(U x_t + W s_{t-1})",
        r"\hat{y}_t = \operatorname{softmax}(V s_t)",
        r"E_t = -y_t^\top \log(\hat{y}_t)",
    ]
    for said in ("y_hat is taken to be O", "S is taken to be s", "s_3 is taken for every step"):
        assert said in str(model)


def test_note_003() -> None:
    assert [e.symbol.name for e in seed("003", 55).cell.equations] == ["a", "h", "o", "y"]


def test_note_004_has_pictures_for_equations() -> None:
    rnn, lstm = seed("004", 45), seed("004", 85)
    assert equations(rnn.cell)[:3] == [
        r"a^{\langle t \rangle} = \tanh(W_{ax} x^{\langle t \rangle} + W_{aa} a^{\langle t-1 \rangle} + b)",
        r"z^{\langle t \rangle} = W_{ya} a^{\langle t \rangle} + b_y",
        r"\hat{y}^{\langle t \rangle} = \operatorname{softmax}(z^{\langle t \rangle})",
    ]
    assert "b is taken to be b_a" in str(rnn)
    assert {"Gamma_f", "Gamma_u", "Gamma_o", "c_tilde", "W_f", "W_c"} <= set(lstm.cell.quantities)
    assert not lstm.cell.is_loss


def unordered(node):
    """An expression whose sums may be written in any order."""
    parts = tuple(unordered(part) for part in children(node))
    return (type(node).__name__, tuple(sorted(parts, key=repr)) if isinstance(node, MatAdd) else parts or str(node))


@pytest.mark.parametrize(("number", "line", "file"), [
    ("000", 125, "note000"), ("002", 63, "note002"), ("003", 55, "note003"), ("004", 45, "note004-rnn"),
    ("004", 85, "note004-lstm"),
])  # fmt: skip
def test_the_models_are_those_that_the_notes_were_judged_against(number: str, line: int, file: str) -> None:
    from derive.reader import read_file

    judged = read_file(NOTES.parent / f"claims/models/{file}.md")
    found = seed(number, line).cell
    expected = {e.symbol.name: unordered(e.expression) for e in judged.equations}
    built = {e.symbol.name: unordered(e.expression) for e in found.equations}
    shared = {name for name in expected if name in built}
    assert {e.symbol.name for e in judged.equations} - shared <= {"o"}, "what nothing in the section speaks of"
    for name in shared:
        assert expected[name] == built[name] or name in ("E", "L"), name


def test_names() -> None:
    from derive.reader.text.fragment import Fragment

    assert names(Fragment.of(r"\frac{\partial J}{\partial \Gamma_f^{\langle t \rangle}} = W_{ax} x_t")) == {
        "Gamma_f", "W_ax", "x",
    }  # fmt: skip
    assert names(Fragment.of(r"\hat{y}_{t} ( = W_f \Gamma_u")) >= {"y_hat", "W_f", "Gamma_u"}, "unreadable text too"
    assert stripped("s_3") == "s"
    assert stripped("W_f") == "W_f"
    assert letter_name(r"\tilde{c}") == "c_tilde"
    assert letter_name("1 + 2") == ""
