"""The letters of a note: those that count its steps, names for parts of equations, bars, remarks about copies."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from restyled import DATA, ways

from verify.formulas.judgement import Judgement, Word
from verify.notes.audit import as_json, audit
from verify.reports.sarif import render

SURE = {Word.PROVED, Word.HOLDS_IF}
COUNTED = r"""
$$ r_k = \tanh(P r_{k-1} + Q x_k) $$
$$ q_k = V r_k $$
$$ J = \sum_{k=1}^{N} J_k $$

$$ \frac{\partial J}{\partial Q} = \sum_{k=1}^{N} (\frac{\partial J}{\partial r_k} \odot (1 - r_k^2)) x_k^\top $$
$$ \frac{\partial J}{\partial r_N} = V^\top \frac{\partial J}{\partial q_N} $$
$$ \frac{\partial J}{\partial r_k} = V^\top \frac{\partial J}{\partial q_k} \quad \text{for } k = N $$
$$ \frac{\partial J}{\partial P} = \sum_{k=1}^{N} (\frac{\partial J}{\partial r_k} \odot (1 - r_k^2)) r_k^\top $$
"""
GATES = r"""
$$ i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i) $$
$$ g_t = \tanh(W_g x_t + U_g h_{t-1} + b_g) $$
$$ c_t = c_{t-1} + i_t \odot g_t $$
$$ h_t = i_t \odot \tanh(c_t) $$
"""


def judged(tmp_path: Path, text: str) -> list[Judgement]:
    path = tmp_path / "note.md"
    path.write_text(f"# A note\n{text}", encoding="utf-8")
    return [each for each in audit(path).judgements if each.word is not Word.NOT_A_CLAIM]


@pytest.mark.parametrize(
    ("clock", "length"),
    [
        ("t", "N"),
        ("t", r"\tau"),
        ("t", "n"),
        ("k", "K"),
        ("i", "N"),
        ("s", "S"),
        (r"\tau", "T"),
    ],
)
def test_steps_are_counted_with_any_letter(tmp_path: Path, clock: str, length: str) -> None:
    text = COUNTED.replace("for }", "FOR}").replace("_k", f"_{{{clock}}}").replace("{k", f"{{{clock}")
    text = text.replace(" k =", f" {clock} =").replace("FOR}", "for }").replace("N", length)
    *right, wrong = judged(tmp_path, text)
    assert {each.word for each in right} <= SURE, [(each.formula, each.word, each.reason) for each in right]
    assert wrong.word is Word.WRONG
    assert length in (wrong.correct or "")
    assert f"_{{{clock}-1}}" in (wrong.correct or "").replace(" ", "")


def test_a_letter_that_is_a_size_is_no_length(tmp_path: Path) -> None:
    text = COUNTED.replace("for } k = N", "for } k = 1") + "\nwhere $x_k \\in \\mathbb{R}^{N}$\n"
    assert not SURE & {each.word for each in judged(tmp_path, text)[:2]}


@pytest.mark.parametrize(
    ("name", "part", "gradient"),
    [
        ("m", r"\tanh(c_t)", r"\frac{\partial J}{\partial h_t} \odot i_t"),
        ("n", r"W_i x_t + U_i h_{t-1} + b_i", r"\frac{\partial J}{\partial i_t} \odot i_t \odot (1 - i_t)"),
        ("n", r"b_i + U_i h_{t-1} + W_i x_t", r"\frac{\partial J}{\partial i_t} \odot i_t \odot (1 - i_t)"),
        ("v", r"W_i x_t + U_i h_{t-1}", r"\frac{\partial J}{\partial i_t} \odot i_t \odot (1 - i_t)"),
        ("p", r"g_t \odot i_t", r"\frac{\partial J}{\partial c_t}"),
    ],
)
def test_a_name_for_a_part_is_no_output(tmp_path: Path, name: str, part: str, gradient: str) -> None:
    text = rf"""{GATES}
Write ${name}_t = {part}$ for short.

$$ \frac{{\partial J}}{{\partial {name}_t}} = {gradient} $$
$$ \frac{{\partial J}}{{\partial {name}_t}} = 2 {gradient} $$
"""
    right, wrong = judged(tmp_path, text)
    assert right.word in SURE, right
    assert wrong.word is Word.WRONG


def test_a_remark_about_copies_leaves_the_model(tmp_path: Path) -> None:
    text = (
        GATES
        + r"""
Every step has its own copy, with $U_{i,t} = U_i$, $W_t = W$ and $b_t = b$ for all $t$.

$$ \frac{\partial J}{\partial g_t} = \frac{\partial J}{\partial c_t} \odot i_t $$
"""
    )
    assert [each.word for each in judged(tmp_path, text)] == [Word.PROVED]


BARS = r"""
$$ \overline{c_t} = \overline{h_t} \odot i_t \odot (1 - \tanh^2(c_t)) + \overline{c_{t+1}} $$
$$ \overline{g_t} = \overline{c_t} \odot i_t $$
$$ \overline{g_t} = \overline{c_t} \odot g_t $$
"""


def test_bars_may_be_gradients(tmp_path: Path) -> None:
    said = "Here a bar over a letter is the gradient of the loss by it.\n"
    assert [each.word for each in judged(tmp_path, GATES + said + BARS)] == [Word.PROVED, Word.PROVED, Word.WRONG]
    *right, wrong = judged(tmp_path, GATES + BARS)
    assert {each.word for each in right} <= SURE
    assert wrong.word in (Word.WRONG, Word.UNDECIDED)


ACCENT = r"""
$$ z_t = \sigma(W_z x_t + U_z h_{t-1}) $$
$$ \tilde{h_t} = \tanh(W x_t + U h_{t-1}) $$
$$ h_t = (1 - z_t) \odot h_{t-1} + z_t \odot \tilde{h_t} $$

$$ \frac{\partial J}{\partial z_t} = \frac{\partial J}{\partial h_t} \odot (\tilde{h_t} - h_{t-1}) $$
$$ \frac{\partial J}{\partial \tilde{h_t}} = \frac{\partial J}{\partial h_t} \odot z_t $$
"""


def test_an_accent_may_stand_over_a_letter_with_its_step(tmp_path: Path) -> None:
    assert [each.word for each in judged(tmp_path, ACCENT)] == [Word.PROVED, Word.PROVED]


def test_bars_of_quantities_stay_quantities(tmp_path: Path) -> None:
    text = r"""
$$ z_t = \sigma(W_z x_t + U_z h_{t-1}) $$
$$ \bar{h}_t = \tanh(W x_t + U h_{t-1}) $$
$$ h_t = (1 - z_t) \odot h_{t-1} + z_t \odot \bar{h}_t $$

$$ \frac{\partial J}{\partial \bar{h}_t} = \frac{\partial J}{\partial h_t} \odot z_t $$
"""
    assert [each.word for each in judged(tmp_path, text)] == [Word.PROVED]


CUT = r"""
$$ k_t = \sigma(W [h_{t-1}; x_t] + b) $$
$$ h_t = k_t \odot h_{t-1} $$

$$ \frac{\partial J}{\partial x_t} = W^\top (\frac{\partial J}{\partial k_t} \odot k_t \odot (1 - k_t)) $$
$$ \frac{\partial J}{\partial x_t} = W^\top (\frac{\partial J}{\partial k_t} \odot k_t) $$
"""


@pytest.mark.parametrize(
    "words",
    ["Here $W$ means the columns that belong to $x_t$.", "Take only the columns of $W$ that act on $x_t$ there."],
)
def test_a_weight_may_stand_for_its_columns_where_the_note_says_so(tmp_path: Path, words: str) -> None:
    right, wrong = judged(tmp_path, f"{CUT}\n{words}\n")
    assert right.word is Word.HOLDS_IF
    assert "the columns of W that act on x" in " ".join(right.assumptions)
    assert wrong.word is Word.WRONG
    assert {each.word for each in judged(tmp_path, CUT)} == {Word.WRONG}


def test_slips_in_a_model_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    path.write_text(
        r"""# Slips
$$ z_t = \sigma(W_z x_t + U_z h_{t-1} + b_z + b_z) $$
$$ r_t = \sigma(W_r x_t + U_r h_{t-1}) $$
$$ h_t = z_t \odot h_{t-1} + q_t \odot \tanh(W x_t + U h_{t-1} + b + d) $$

$$ \frac{\partial J}{\partial z_t} = \frac{\partial J}{\partial h_t} \odot h_{t-1} $$
""",
        encoding="utf-8",
    )
    found = audit(path)
    assert [(note.rule, note.place.line) for note in found.notes] == [
        ("never-read", 3), ("never-defined", 4), ("two-biases", 2), ("two-biases", 4),
    ]  # fmt: skip
    texts = [note.text for note in found.notes]
    assert "b_z is added twice" in texts[2]
    assert "b and d are added" in texts[3]
    assert as_json([found])["notes"][0] == found.notes[0].to_json()
    results = json.loads(render([found]))["runs"][0]["results"]
    assert [each["level"] for each in results] == ["note"] * 4


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("slopes_of_values", "in brackets above"),
        ("slopes_of_values", "as arguments"),
        ("length_four", "in angles"),  # two audits of it take long
    ],
)
def test_what_texts_tell_is_told_wherever_times_stand(tmp_path: Path, name: str, place: str) -> None:
    text = (DATA / "note_cases" / f"{name}.md").read_text("utf-8")
    other = ways()[f"letters: times {place}"][0](text)
    assert other is not None
    found = judged(tmp_path, other)
    assert [each.word for each in found] == [each.word for each in judged(tmp_path, text)]
    shown = " ".join(each.formula + (each.correct or "") for each in found)
    assert not re.search(r"[a-z]_\{?[t4]|\S  ", shown.replace(r"\sum_", ""))


def test_a_capital_below_what_has_a_step_is_the_last_one(tmp_path: Path) -> None:
    text = r"""
$$ h_n = \tanh(W x_n + U h_{n-1} + b) $$
$$ q = V h_N, \qquad E = \frac12 \|q - y\|^2 $$

$$ \frac{\partial E}{\partial h_N} = V^\top (q - y) $$
$$ \frac{\partial E}{\partial h_n} = U^\top \left((1 - h_{n+1}^2) \odot \frac{\partial E}{\partial h_{n+1}}\right) $$
$$ \frac{\partial E}{\partial h_n} = V^\top (q - y) $$
"""
    *right, wrong = judged(tmp_path, text)
    assert {each.word for each in right} <= SURE
    assert wrong.word is Word.WRONG
