"""Folders of notes, in one process or in several: the same bytes."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from click.testing import CliRunner

from backproof.command_line import main
from derive.errors import InputError, Place, ProgramFault
from verify.formulas.faults import ClaimsFault
from verify.notes.together import notes_in

CASES = Path(__file__).parents[2] / "data" / "note_cases"
NAMES = ["directive.rst", "hole.md"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).write_bytes((CASES / name).read_bytes())
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "wrong.md").write_text("# RNN\n\n<!-- backproof: cell=rnn -->\n\n$$a = \\frac{$$\n", "utf-8")
    (tmp_path / "below" / "not_text.md").write_bytes(b"\xff\xfe\x00bad")
    (tmp_path / "hole.fixed.md").write_text("a copy", "utf-8")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "note.md").write_text("hidden", "utf-8")
    (tmp_path / "data.csv").write_text("1,2", "utf-8")
    return tmp_path


def test_the_notes_of_a_folder(folder: Path) -> None:
    inside = ["below/not_text.md", "below/wrong.md", *sorted(NAMES)]
    assert notes_in([str(folder)]) == [str(folder / name) for name in inside]
    assert notes_in([str(folder / "hole.md"), str(folder)])[0] == str(folder / "hole.md")
    assert len(notes_in([str(folder / "hole.md"), str(folder)])) == len(inside)
    with pytest.raises(InputError, match="no note"):
        notes_in(
            [
                str(
                    folder / ".hidden" / "..",
                ),
                str(_empty(folder)),
            ]
        )


def _empty(folder: Path) -> Path:
    (folder / "nothing").mkdir()
    return folder / "nothing"


@pytest.mark.parametrize("form", ["text", "json"] if os.environ.get("BACKPROOF_FULL_FIGURES") else ["text"])
def test_the_same_bytes_from_one_process_and_from_two(folder: Path, form: str) -> None:
    asked = ["audit", str(folder), "--format", form]
    alone, two = (CliRunner().invoke(main, [*asked, "--jobs", jobs]) for jobs in ("1", "2"))
    assert alone.stdout_bytes == two.stdout_bytes
    assert (alone.exit_code, alone.stderr_bytes) == (two.exit_code, two.stderr_bytes)
    assert "not_text.md" in alone.stderr
    assert "hole.md" in alone.stdout


@pytest.mark.parametrize(
    "error",
    [
        InputError("said", Place("a.md", 1, 2, 3, "text"), "hint"),
        ProgramFault("name", "details", "subject"),
        ClaimsFault([ProgramFault("name", "details", "subject")], ()),
    ],
)
def test_errors_pass_between_processes(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), repr(vars(again))) == (type(error), str(error), repr(vars(error)))
