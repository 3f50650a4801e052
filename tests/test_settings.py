"""What a project says in its pyproject.toml, what the doctor finds, and letters that a code page lacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from backproof.command_line import main
from derive import catalogue

ROOT = Path(__file__).parents[1]
NOTE = "# Mine\n\n$$h_t = \\tanh(A x_t + B h_{t-1})$$\n"
CLAIM = "$$\\frac{\\partial h_t}{\\partial h_{t-1}} = \\operatorname{diag}(1 - h_t^2)\\, B$$\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("notes/mine.md", NOTE), ("notes/deep/one.md", NOTE + CLAIM), ("drafts/two.md", "no formulas")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "notes" / "deep")
    monkeypatch.setattr(catalogue, "_ADDED", {})
    return tmp_path


def told(project: Path, table: str) -> None:
    (project / "pyproject.toml").write_text(f"[tool.backproof]\n{table}\n", encoding="utf-8")


def run(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


def test_cells_and_defaults_of_a_project(project):
    told(project, 'cells = ["notes/mine.md"]\ncell = "mine"')
    found = run("check", r"\frac{\partial h_t}{\partial h_{t-1}} = \operatorname{diag}(1 - h_t^2) B", "--json")
    assert found.exit_code == 0, found.output
    assert [claim["verdict"] for claim in json.loads(found.stdout)["claims"]] == ["proved"]
    assert run("derive", "Mine", "--of", "A").exit_code == 0
    named = run("check", r"\frac{\partial h_t}{\partial h_{t-1}} = \operatorname{diag}(1 - h_t^2) U", "--cell", "rnn")
    assert named.exit_code == 0  # what is named goes before the default


@pytest.mark.parametrize(("table", "arguments"), [('exclude = ["drafts/*"]', ()), ("", ("--exclude", "drafts/*"))])
def test_notes_that_are_left_out(project, table, arguments):
    told(project, table)
    found = run("audit", str(project), "--json", *arguments)
    files = [each["file"] for each in json.loads(found.stdout)["files"]]
    assert [Path(file).name for file in files] == ["one.md", "mine.md"]


@pytest.mark.parametrize(
    "table", ['cels = ["a.md"]', "cell = 3", 'exclude = "drafts"', 'cells = ["nowhere.md"]', "assume = [1]"]
)
def test_settings_that_cannot_be_used(project, table):
    told(project, table)
    found = run("list")
    assert found.exit_code == 2
    assert "pyproject.toml, [tool.backproof]" in found.output


def test_a_file_that_is_not_ours_is_left_alone(project):
    (project / "pyproject.toml").write_text("[tool.backproof\n", encoding="utf-8")
    assert run("list").exit_code == 0


def test_the_doctor(project):
    found = run("doctor", "--json")
    assert found.exit_code == 0, found.output
    findings = {one["what"]: one for one in json.loads(found.stdout)["findings"]}
    assert findings["a true and a false formula"] == {
        "what": "a true and a false formula", "found": "proved, wrong", "ok": True
    }  # fmt: skip
    assert findings["Python"]["ok"]


@pytest.mark.parametrize("encoding", ["cp1252", ""])
def test_letters_that_a_code_page_lacks(tmp_path, encoding):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    env.pop("PYTHONIOENCODING", None)
    env |= {"PYTHONIOENCODING": encoding} if encoding else {}
    command = [sys.executable, "-m", "backproof", "derive", "rnn", "--of", "b"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ("∂J/∂b" if not encoding else r"\u2202J/\u2202b") in done.stdout.decode(encoding or "utf-8")


def test_the_command_line_is_the_packages_main():
    import backproof

    assert backproof.main is main
    with pytest.raises(AttributeError):
        _ = backproof.other
