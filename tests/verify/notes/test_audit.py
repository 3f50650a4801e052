"""Audits of whole notes: judgements with places, models and sections; exit codes; corrected copies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from backproof.command_line import main
from derive.cell import Cell
from derive.errors import InputError, Place
from derive.reader.claims.meant import NOTHING, Meant
from derive.reader.claims.statements.chains import statements
from derive.reader.text.fragment import Fragment
from verify.formulas.judgement import Judgement, Mistake, Word
from verify.notes.audit import Audit, as_json, audit, code
from verify.notes.fixes import _fixes, corrected, fixed_path, fixes
from verify.notes.judging import A_DEFINITION, A_MENTION, AN_OPEN_END, UNUSED

NOTE = r"""# RNN

文字 $x_t$

$$
h_t = \tanh(W x_t + U h_{t-1})
$$

## Backward

> 所以
> $$
> \begin{aligned}
> \frac{\partial J}{\partial h_t} &= 1 \\
> &= 72 \\
> &= 3
> \end{aligned}
> $$

* 和 $\frac{\partial J}{\partial W} = 74$，$\frac{\partial J}{\partial U} = 6$
"""
WRONG = Judgement("", Word.WRONG, mistakes=(Mistake("sign", "a minus"),), correct="T(x)")


def by_word(
    formula: str, cell: Cell, *, assume: Sequence[str] = (), place: Place | None = None,
    fragment: Fragment | None = None, explain: bool = True, meant: Meant = NOTHING,
) -> tuple[Judgement, ...]:  # fmt: skip
    """Judges by the digits on the right side: 7 is wrong, 5 is open, and the rest is proved."""
    assert fragment is not None
    found = []
    for chain in statements(fragment):
        for number in range(len(chain.relations)):
            text = chain.text(chain.sides[number + 1].start, chain.sides[number + 1].end)
            word = next((w for mark, w in (("7", Word.WRONG), ("5", Word.UNDECIDED)) if mark in text), Word.PROVED)
            wrong = replace(WRONG, formula=text, place=chain.place(number))
            found.append(wrong if word is Word.WRONG else Judgement(text, word, place=chain.place(number)))
    return tuple(found)


def audited(tmp_path: Path, text: str, name: str = "note.md", **options: Any) -> Audit:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return audit(path, check=by_word, **options)


def again(path: Path) -> Audit:
    return audit(path, check=by_word)


def test_every_formula_ends_in_judgements_with_places(tmp_path: Path) -> None:
    found = audited(tmp_path, NOTE)
    words = [(j.word.value, j.place.line, j.place.column) for j in found.judgements if j.place]
    first, second = (NOTE.split("\n")[13].index("=") + 1, NOTE.split("\n")[19].index("=") + 1)
    assert words == [
        ("not_a_claim", 3, 5), ("not_a_claim", 6, 1), ("proved", 14, first), ("wrong", 15, 4), ("proved", 16, 4),
        ("wrong", 20, second), ("proved", 20, NOTE.split("\n")[19].rindex("=") + 1),
    ]  # fmt: skip
    assert [j.reason for j in found.judgements][:2] == [A_MENTION, A_DEFINITION]
    assert {each.formula.section for each in found.formulas} == {("RNN",), ("RNN", "Backward")}
    (model,) = found.models
    assert model.origin == "the note's own equations in line 6"


def test_without_a_model_nothing_is_decided(tmp_path: Path) -> None:
    found = audited(tmp_path, "$\\frac{\\partial Q}{\\partial q} = 7$, $v_t = \\tanh(x)$")
    assert [j.word for j in found.judgements] == [Word.UNDECIDED, Word.NOT_A_CLAIM]
    assert found.judgements[0].reason == "waits for the question above: what is $v_t$?"
    (question,) = found.questions
    assert question.letters == ("v_t",)
    assert [one.place.column for one in question.unused] == [39]
    assert question.named
    assert found.judgements[1].reason == UNUSED
    assert found.models == ()


def test_without_an_equation_its_letters_are_named(tmp_path: Path) -> None:
    found = audited(
        tmp_path, "# RNN\n\n$$\\frac{\\partial J}{\\partial q_t} = R^\\top \\frac{\\partial J}{\\partial m_t}$$"
    )
    assert found.questions[0].letters == ("q_t",)


def test_a_definition_beside_a_claim(tmp_path: Path) -> None:
    text = "$$ h_t = \\tanh(W x_t + U h_{t-1}) \\\\ \\frac{\\partial J}{\\partial h_t} = 7 $$"
    assert [j.word for j in audited(tmp_path, text).judgements] == [Word.NOT_A_CLAIM, Word.WRONG]


def test_what_is_unfinished_is_completed(tmp_path: Path) -> None:
    text = "$$ h_t = \\tanh(W x_t + U h_{t-1}) $$\n\n"
    text += "\\begin{align}\n\\frac{\\partial h_t}{\\partial h_{t-1}} &=\n\\end{align}\n"
    path = tmp_path / "note.md"
    path.write_text(text, encoding="utf-8")
    judgement = audit(path).judgements[-1]
    assert (judgement.word, judgement.reason) == (Word.NOT_A_CLAIM, AN_OPEN_END)
    assert judgement.correct is not None
    assert "U" in judgement.correct
    path.write_text(text.replace("&=\n", f"&= {judgement.correct}\n"), encoding="utf-8")
    assert audit(path).judgements[-1].word in (Word.PROVED, Word.HOLDS_IF)


def test_a_checker_that_refuses_is_no_crash(tmp_path: Path) -> None:
    def refuses(formula: str, cell: Cell, **_: Any) -> tuple[Judgement, ...]:
        raise InputError("cannot read this")

    path = tmp_path / "note.md"
    path.write_text(NOTE, encoding="utf-8")
    found = audit(path, check=refuses)
    assert Word.UNREADABLE in {j.word for j in found.judgements}
    assert all(j.place is not None for j in found.judgements)


def test_exit_codes(tmp_path: Path) -> None:
    own = "$$ h_t = \\tanh(W x_t + U h_{t-1}) $$\n\n"
    right = audited(tmp_path, own + "$\\frac{\\partial J}{\\partial h_t} = 1$")
    open_ = audited(tmp_path, own + "$\\frac{\\partial J}{\\partial h_t} = 5$")
    wrong = audited(tmp_path, own + "$\\frac{\\partial J}{\\partial h_t} = 7$")
    assert [code([each]) for each in (right, open_, wrong)] == [0, 2, 1]
    assert code([right, open_, wrong]) == 1
    assert code([right, open_], lenient=True) == 0
    assert code([right], unread=1, lenient=True) == 2
    assert code([wrong], unread=1) == 1
    assert code([]) == 0


def test_json_says_once_what_the_verdicts_of_a_note_rest_on() -> None:
    note = Path(__file__).parents[2] / "data/note_cases/gates_named_by_their_weights.md"
    found = as_json([audit(note)])
    resting = {words for claim in found["claims"] for words in claim["assumptions"]}
    assert resting
    assert resting <= set(found["conventions"])
    assert len(set(found["conventions"])) == len(found["conventions"])


def test_json_names_section_and_model(tmp_path: Path) -> None:
    found = as_json([audited(tmp_path, NOTE)])
    assert found["summary"]["wrong"] == 2
    claim = next(entry for entry in found["claims"] if entry["verdict"] == "wrong")
    assert claim["section"] == ["RNN", "Backward"]
    assert claim["place"]["line"] == 15
    assert found["files"][0]["models"][claim["model"]]["origin"] == "the note's own equations in line 6"
    json.dumps(found, allow_nan=False)


def test_a_corrected_copy_replaces_wrong_sides_alone(tmp_path: Path) -> None:
    found = audited(tmp_path, NOTE)
    expected = NOTE.replace("72", "T(x)").replace("74", "T(x)")
    assert corrected(found, again).text == expected
    assert [path.name for path in tmp_path.iterdir()] == ["note.md"]
    assert [fix.judgement.place.line for fix in fixes(found) if fix.judgement.place] == [15, 20]
    assert (tmp_path / "note.md").read_text(encoding="utf-8") == NOTE


@pytest.mark.parametrize("ends", ["\r\n", "\n"])
def test_a_corrected_copy_keeps_the_ends_of_lines(tmp_path: Path, ends: str) -> None:
    path = tmp_path / "note.md"
    path.write_bytes(NOTE.replace("\n", ends).encode())
    text = corrected(audit(path, check=by_word), again).text
    assert text.count("\r\n") == (0 if ends == "\n" else text.count("\n"))
    assert "7" not in text


def test_nothing_wrong_nothing_changed(tmp_path: Path) -> None:
    text = NOTE.replace("7", "8")
    found = audited(tmp_path, text)
    assert fixes(found) == []
    assert corrected(found, again).text == text


def test_a_wrong_formula_without_a_true_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    path.write_text(NOTE, encoding="utf-8")

    def no_truth(formula: str, cell: Cell, **options: Any) -> tuple[Judgement, ...]:
        return tuple(
            Judgement(j.formula, j.word, reason="it is", place=j.place) for j in by_word(formula, cell, **options)
        )

    copy = corrected(audit(path, check=no_truth), lambda path: audit(path, check=no_truth))
    assert copy.text == NOTE
    assert len(copy.left) == 2


def test_what_stays_wrong_is_left_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    path.write_text(NOTE, encoding="utf-8")

    def stubborn(formula: str, cell: Cell, **options: Any) -> tuple[Judgement, ...]:
        found = by_word(formula, cell, **options)
        said = (
            replace(j, word=Word.WRONG, reason="it is") if "T(x)" in j.formula and len(found) > 2 else j for j in found
        )
        return tuple(said)

    copy = corrected(audit(path, check=stubborn), lambda path: audit(path, check=stubborn))
    assert copy.text == NOTE.replace("74", "T(x)")
    assert [judgement.formula for judgement in copy.left] == ["72"]


CHAIN = r"""# Mine

$$ h_t = \tanh(W x_t + U h_{t-1} + b) $$

$$
\begin{aligned}
\frac{\partial E}{\partial U} &= \sum_t \left(\frac{\partial E}{\partial h_t} \odot (1 - h_t)\right) h_{t-1}^T \\
&= \sum_t \left(\frac{\partial E}{\partial h_t} \odot (1 - h_t^2)\right) h_{t-1}^T
\end{aligned}
$$

and twice

$$ \frac{\partial E}{\partial b} = \sum_t (1 - h_{t-1}^2) \odot \frac{\partial E}{\partial h_t} $$
$$ \frac{\partial E}{\partial b} = \sum_t (1 - h_{t-1}^2) \odot \frac{\partial E}{\partial h_t} $$
"""


def test_the_wrong_factor_alone_is_exchanged_in_the_letters_of_the_author(tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    path.write_text(CHAIN, encoding="utf-8")
    expected = CHAIN.replace(r"\odot (1 - h_t)", r"\odot (1 - h_t^2)").replace("(1 - h_{t-1}^2)", "(1 - h_t^2)")
    copy = corrected(audit(path), audit)
    assert copy.text == expected
    assert len(copy.corrected) == 3
    assert not copy.left


def test_a_definition_is_never_corrected(tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    path.write_text(NOTE.replace("\\tanh(W", "\\tanh(7 W"), encoding="utf-8")
    found = audit(path, check=by_word)
    there = [formula for formula in found.formulas if formula.formula.place.line == 6]
    wrong = replace(WRONG, place=there[0].formula.fragment.place(5))
    assert not list(_fixes(replace(there[0], judgements=(wrong,)), found.document.parts[0], 0))
    assert r"\tanh(7 W" in corrected(found, again).text


def test_a_corrected_notebook(tmp_path: Path) -> None:
    own = "$$ h_t = \\tanh(W x_t + U h_{t-1}) $$\n"
    cells = [
        {"cell_type": "code", "source": ["x = 1"], "outputs": []},
        {"cell_type": "markdown", "source": [own, "\n", "$\\frac{\\partial J}{\\partial h_t} = 7$\n"], "metadata": {}},
        {"cell_type": "markdown", "source": "$\\frac{\\partial J}{\\partial W} = 72$"},
    ]
    text = json.dumps({"cells": cells, "nbformat": 4, "metadata": {"a": "ü"}}, ensure_ascii=False)
    data = json.loads(corrected(audited(tmp_path, text, "note.ipynb"), again).text)
    assert data["cells"][0] == cells[0]
    assert data["cells"][1]["source"] == [own, "\n", "$\\frac{\\partial J}{\\partial h_t} = T(x)$\n"]
    assert data["cells"][2]["source"] == ["$\\frac{\\partial J}{\\partial W} = T(x)$"]
    assert data["metadata"] == {"a": "ü"}


def test_a_corrected_latex_file_leaves_what_a_macro_wrote(tmp_path: Path) -> None:
    text = "\\def\\h{h}\n\\[ \\h_t = \\tanh(W x_t + U \\h_{t-1}) \\]\n$\\frac{\\partial J}{\\partial \\h_t} = 7$\n"
    text += "$\\frac{\\partial J}{\\partial W} = 7 \\h$\n"
    found = audited(tmp_path, text, "note.tex")
    assert corrected(found, again).text == text.replace("= 7$", "= T(x)$")


def test_the_name_of_the_copy() -> None:
    assert fixed_path("a/note.md") == Path("a/note.fixed.md")


# The command, with the real checker.


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", *arguments])


REAL = r"""# Mine

$$ h_t = \tanh(a_t), \qquad a_t = W x_t + U h_{t-1} $$

$\frac{\partial J}{\partial a_t} = \frac{\partial J}{\partial h_t} \odot (1 - h_t^2)$
"""
FALSE = REAL + "\n$\\frac{\\partial J}{\\partial a_t} = \\frac{\\partial J}{\\partial h_t} \\odot (1 - h_t)$\n"


def test_the_command_on_a_right_and_a_wrong_note(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.md", tmp_path / "wrong.md"
    right.write_text(REAL)
    wrong.write_text(FALSE)
    assert run(str(right)).exit_code == 0
    result = run(str(right), str(wrong))
    assert result.exit_code == 1
    assert f"{wrong}:7:34: wrong" in result.output
    assert "model 1: the note's own equations in line 3" in result.output
    assert "1 wrong" in result.output
    assert json.loads(run(str(wrong), "--json").output)["summary"]["wrong"] == 1


def test_the_command_writes_a_copy_that_is_right(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.md"
    wrong.write_text(FALSE)
    result = run(str(wrong), "--fix")
    assert result.exit_code == 1
    assert wrong.read_text() == FALSE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wrong.fixed.md", "wrong.md"]
    assert run(str(tmp_path / "wrong.fixed.md")).exit_code == 0
    assert "1 formula corrected" in result.stderr


def test_bad_files_are_messages_and_the_others_are_audited(tmp_path: Path) -> None:
    wrong, binary = tmp_path / "wrong.md", tmp_path / "binary.md"
    wrong.write_text(FALSE)
    binary.write_bytes(b"\0\1")
    missing = tmp_path / "missing.md"
    result = run(str(binary), str(missing), str(wrong))
    assert result.exit_code == 1
    assert "binary" in result.stderr
    assert "cannot open" in result.stderr
    assert "1 wrong" in result.output
    result = run(str(binary), "--lenient")
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    listed = json.loads(run(str(binary), "--json").stdout)
    assert listed["errors"][0]["place"]["line"] == 1


def test_unknown_names_are_messages(tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("$\\frac{\\partial J}{\\partial c_t} = 1$")
    result = run(str(note), "--cell", "lstn")
    assert result.exit_code == 2
    assert "did you mean lstm" in result.stderr
    assert run(str(note), "--notation", "nobody").exit_code == 2


def test_help_shows_an_example() -> None:
    assert "Example:  backproof audit" in run("--help").output
