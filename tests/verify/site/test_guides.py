"""What the tour and the guides show is what happens: their files are written, their commands and their code are run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from backproof.command_line import main
from verify.numbers.load import load

FOLDER = Path(__file__).parents[3] / "docs/site"
GUIDES = [FOLDER / "tour.md", *sorted(FOLDER.glob("guides/*.md"))]
_BLOCK = re.compile(r"(?:^<!-- (file|needs): (\S+) -->\n)?^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("guide", GUIDES, ids=[path.stem for path in GUIDES])
def test_a_guide_does_what_it_shows(guide, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    text = guide.read_text(encoding="utf-8")
    ran = 0
    for mark, value, language, body in _BLOCK.findall(text):
        if mark == "file":
            Path(value).write_text(body, encoding="utf-8")
        elif language == "console":
            for command, shown in _commands(body):
                _run(command, shown)
                ran += 1
        elif language == "python" and mark == "needs":
            pytest.importorskip(value, reason="the block is about it")
            load(body)
        elif language == "python":
            load(body)
    assert ran


def _commands(body: str) -> list[tuple[str, list[str]]]:
    parts = re.split(r"^\$ ", body, flags=re.MULTILINE)
    assert parts[0] == "", "a block of commands begins with one"
    return [(lines[0], lines[1:]) for lines in (part.rstrip("\n").split("\n") for part in parts[1:])]


def _run(command: str, shown: list[str]) -> None:
    """The lines shown are printed in this order; `...` stands for what is left out."""
    program, *arguments = shlex.split(command)
    assert program == "backproof"
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code in (0, 1), done.output
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else _line(line) for line in shown)
    if shown[-1] == "...":
        pattern = pattern.removesuffix(r"(?:.*\n)*?") + r"(?:.*\n)*"
    assert re.fullmatch(pattern, re.sub(r"[ ]+\n", "\n", done.stdout) + ("" if done.stdout.endswith("\n") else "\n")), (
        f"{command} printed:\n{done.stdout}"
    )


def _line(line: str) -> str:
    return ".*".join(map(re.escape, line.split("..."))) + r"\n"
