"""A document of two models in sections says of each what a note of that model alone says; own equations come first."""

from __future__ import annotations

import os
import random
from functools import partial
from pathlib import Path

import pytest
from random_cells import RandomCell, random_cell

from derive.reader import reading_of
from derive.reader.document.reading import told
from verify.formulas.claims import check
from verify.formulas.judgement import Word
from verify.notes.audit import audit

FULL = "BACKPROOF_FULL_FIGURES" in os.environ
READ, JUDGED = (100, 12) if FULL else (8, 1)
"""Pairs of random cells that are read, and about which claims are judged."""


def pair(seed: int) -> tuple[RandomCell, RandomCell]:
    return random_cell(random.Random(seed).randrange), random_cell(random.Random(f"other {seed}").randrange)


def in_sections(*notes: str) -> str:
    """The notes without their titles, under headings of their own."""
    parts = [f"## Part {n}\n\nOf one more cell.\n\n{text.split(chr(10), 2)[2]}" for n, text in enumerate(notes, 1)]
    return "# Several\n\n" + "\n\n".join(parts)


def test_the_first_of_two_cells_in_sections_reads_as_alone() -> None:
    for seed in range(READ):
        first, second = pair(seed)
        alone, both = (reading_of(text, "note.md").cell for text in (first.text, in_sections(first.text, second.text)))
        lines = [[line for line in told(cell) if not line.startswith("guess")] for cell in (alone, both)]
        assert lines[0] == lines[1], seed


def claims(made: RandomCell) -> list[str]:
    """A gradient by a parameter and by a state: each as it is, where that can be written, and as zero."""
    cell = reading_of(made.text, "note.md").cell
    plain = [parameter.name for parameter in cell.parameters if len(parameter.name) == 1]
    found = []
    for written in (*plain[:1], f"{cell.states[0].name}_t"):
        left = rf"\frac{{\partial J}}{{\partial {written}}}"
        correct = check(f"{left} = 0", cell)[0].correct
        found += [f"{left} = {right}" for right in ("0", correct) if right]
    return found


def verdicts(text: str, folder: Path) -> list[tuple[str, Word]]:
    path = folder / "note.md"
    path.write_text(text, encoding="utf-8")
    found = audit(path, check=partial(check, explain=False))
    return [(each.formula, each.word) for each in found.judgements if "partial" in each.formula]


def test_claims_about_two_cells_in_sections_have_the_verdicts_that_each_has_alone(tmp_path: Path) -> None:
    right = wrong = 0
    for seed in range(1, 1 + JUDGED):
        notes = [f"{made.text}\n" + "\n".join(f"$$ {one} $$\n" for one in claims(made)) for made in pair(seed)]
        alone = [each for note in notes for each in verdicts(note, tmp_path)]
        assert verdicts(in_sections(*notes), tmp_path) == alone
        right += sum(word is Word.PROVED for _, word in alone)
        wrong += sum(word is Word.WRONG for _, word in alone)
    assert min(right, wrong) >= JUDGED


OWN = r"c_t = (1 - i_t) \odot c_{t-1} + i_t \odot g_t"
GATES = r"""
$$i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i)$$
$$g_t = \tanh(W_g x_t + U_g h_{t-1} + b_g)$$
$$o_t = \sigma(W_o x_t + U_o h_{t-1} + b_o)$$
$$h_t = o_t \odot \tanh(c_t)$$
"""
OF_OWN = r"\frac{\partial J}{\partial i_t} = \frac{\partial J}{\partial c_t} \odot (g_t - c_{t-1})"
OF_CATALOGUE = r"\frac{\partial J}{\partial i_t} = \frac{\partial J}{\partial c_t} \odot g_t"


@pytest.mark.parametrize("gates", [GATES, ""], ids=["whole", "alone"])
def test_an_equation_of_the_note_beats_that_of_a_published_cell(tmp_path: Path, gates: str) -> None:
    note = f"# Coupled\n\n## Forward\n{gates}\n$${OWN}$$\n\n## Backward\n\n$${OF_OWN}$$\n\n$${OF_CATALOGUE}$$\n"
    found = dict(verdicts(note, tmp_path))
    assert found[OF_OWN] in (Word.PROVED, Word.HOLDS_IF)
    assert found[OF_CATALOGUE] is Word.WRONG


LONG = r"""
$$f_t = \sigma(W_f x_t + U_f h_{t-1} + b_f)$$
$$g_t = \tanh(W_g x_t + U_g h_{t-1} + b_g)$$
$$c_t = f_t \odot c_{t-1} + (1 - f_t) \odot g_t$$
$$h_t = \tanh(c_t)$$
"""
OF_LONG = r"\frac{\partial L}{\partial f_t} = \frac{\partial L}{\partial c_t} \odot (c_{t-1} - g_t)"
READ_OUT = r"z_t = V h_t + d", r"z_t = h_t V + d"
OF_READ_OUT = r"\frac{\partial L}{\partial V} = \sum_t \frac{\partial L}{\partial z_t} h_t^\top"
AROUND = {
    "a step of training": ("", r"$$W_f = W_f - \eta \frac{\partial L}{\partial W_f}$$"),
    "a later model reads out rows": (
        f"$${READ_OUT[0]}$$",
        f"## Rows\n\n$$h_t = \\tanh(x_t W + h_{{t-1}} U)$$\n\n$${READ_OUT[1]}$$",
    ),
    "a later x without a time": ("", r"## Agent" + "\n\n" + r"$$x = \operatorname{concat}(h_{t-1}, s, o)$$"),
    "another model's loss cannot be read": (
        r"## Logistic" + "\n\n" + r"$$L(w, b) = -\frac{1}{N} \sum_{g=1}^{N} [y_g \log(P(y_g=1|x_g)) + 1]$$", ""
    ),
}  # fmt: skip


@pytest.mark.parametrize("around", AROUND)
def test_what_stands_around_a_model_leaves_its_claims_alone(tmp_path: Path, around: str) -> None:
    before, behind = AROUND[around]
    first, rest = (before, "") if before.startswith("##") else ("", before)
    claimed = OF_READ_OUT if READ_OUT[0] in before else OF_LONG
    note = f"# Note\n\n{first}\n\n## Long\n{LONG}\n{rest}\n\n## Backward\n\n$${claimed}$$\n\n{behind}\n"
    assert dict(verdicts(note, tmp_path))[claimed] in (Word.PROVED, Word.HOLDS_IF)


@pytest.mark.parametrize(
    "step",
    [
        r"W_f \mathrel{-}= \eta \cdot dW_f",
        r"W_f -= \eta dW_f",
        r"\Delta W_f = -\eta \nabla_{W_f} L",
        "W_f = W_f - 0.1 dW_f",
    ],
)
def test_a_step_of_training_claims_nothing(tmp_path: Path, step: str) -> None:
    path = tmp_path / "note.md"
    path.write_text(f"# Note\n{LONG}\n\n$${OF_LONG}$$\n\n$${step}$$\n", encoding="utf-8")
    assert audit(path).judgements[-1].word is Word.NOT_A_CLAIM


def test_what_only_a_letter_without_use_reads_names_part_of_the_gates(tmp_path: Path) -> None:
    stacked = r"\mathbf{x}_t = [h_{t-1}, x_t]"
    claim = r"\frac{\partial L}{\partial \mathbf{x}_t} = W^\top ((1 - h_t^2) \odot \frac{\partial L}{\partial h_t})"
    whole, unused = r"h_t = \tanh(W [h_{t-1}, x_t] + b)", r"q_t = W \mathbf{x}_t + b"
    note = "# Note\n\n" + "\n\n".join(f"$${one}$$" for one in (stacked, whole, unused, claim)) + "\n"
    assert dict(verdicts(note, tmp_path))[claim] is not Word.WRONG


ROWS = r"""
$$z_t = \sigma(x_t W_{xz} + h_{t-1} W_{hz} + b_z)$$
$$r_t = \sigma(x_t W_{xr} + h_{t-1} W_{hr} + b_r)$$
$$n_t = \tanh(x_t W_{xn} + (r_t \odot h_{t-1}) W_{hn} + b_n)$$
$$h_t = (1 - z_t) \odot h_{t-1} + z_t \odot n_t$$
"""
OF_ROWS = (
    r"\delta_{z_{r, t}} = \frac{\partial L}{\partial z_{r, t}}"
    r" = \frac{\partial L}{\partial r_t} \odot r_t \odot (1 - r_t) \in \mathbb{R}^{1 \times H}",
    r"\frac{\partial L}{\partial W_{xr}} += x_t^\top \delta_{z_{r, t}}",
    r"\delta_{h_{t-1}, \mathrm{recurrent}} = \delta_{h_t} \odot (1 - z_t) + (\delta_{z_{n, t}} W_{hn}^\top) \odot r_t"
    r" + \delta_{z_{z, t}} W_{hz}^\top + \delta_{z_{r, t}} W_{hr}^\top",
)


@pytest.mark.parametrize("claim", OF_ROWS)
def test_a_gate_below_a_letter_names_its_argument_and_counts_no_entries(tmp_path: Path, claim: str) -> None:
    found = verdicts(f"# Rows\n{ROWS}\n## Backward\n\n$${claim}$$\n", tmp_path)
    found += [("", each.word) for each in audit(tmp_path / "note.md").judgements if "delta" in each.formula]
    assert Word.WRONG not in {word for _, word in found}, found


def test_of_two_variants_the_one_is_meant_whose_letters_the_sections_beside_have(tmp_path: Path) -> None:
    after = r"n_t = \tanh(x_t W_{xn} + b_{in} + r_t \odot (h_{t-1} W_{hn} + b_{hn}))"
    of_bias = r"\frac{\partial L}{\partial b_n} = \sum_t \frac{\partial L}{\partial n_t} \odot (1 - n_t^2)"
    of_reset = (
        r"\frac{\partial L}{\partial r_t}"
        r" = ((\frac{\partial L}{\partial n_t} \odot (1 - n_t^2)) W_{hn}^\top) \odot h_{t-1}"
    )
    note = f"# Gated\n\n## Before\n{ROWS}\n## After\n\n$${after}$$\n\n## Backward\n\n"
    note += f"### Candidate\n\n$${of_bias}$$\n\n### Reset\n\n$${of_reset}$$\n"
    found = dict(verdicts(note, tmp_path))
    assert found[of_bias] in (Word.PROVED, Word.HOLDS_IF)
    assert found[of_reset] in (Word.PROVED, Word.HOLDS_IF)


def test_a_title_is_no_section_whose_claims_decide(tmp_path: Path) -> None:
    own = r"\frac{\partial L}{\partial V} = \sum_t h_t^\top \frac{\partial L}{\partial q_t}"
    rows = f"## Rows\n{ROWS}\n$$q_t = h_t V + d$$\n\n## Backward of rows\n\n$${own}$$\n"
    note = f"# Two\n\n## Long\n{LONG}\n$$q_t = V h_t + d$$\n\n## Backward\n\n$${OF_LONG}$$\n\n{rows}"
    assert dict(verdicts(note, tmp_path))[own] in (Word.PROVED, Word.HOLDS_IF)


def test_a_weight_put_together_of_others_is_defined_so(tmp_path: Path) -> None:
    blocks = r"W_{x,zr} = \begin{bmatrix} W_{xz} & W_{xr} \end{bmatrix}"
    both = r"Z_t = x_t W_{x,zr} + h_{t-1} W_{h,zr}"
    (tmp_path / "note.md").write_text(f"# Fused\n{ROWS}\n## Fused\n\n$${blocks}$$\n\n$${both}$$\n", encoding="utf-8")
    words = {each.formula: each.word for each in audit(tmp_path / "note.md").judgements}
    assert words[blocks] is not Word.WRONG
