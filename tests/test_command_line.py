"""The commands as a person runs them: output, exit codes, messages, and files left alone when something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from backproof.command_line import main
from derive import build, catalogue
from derive.calculus.adjoint import differentiate
from derive.errors import ProgramFault
from derive.targets import excerpt
from derive.targets import generate as written

ROOT = Path(__file__).parents[1]
FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
NOTE = """# Mine

$$ h_t = \\tanh(W x_t + U h_{t-1} + b) $$
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize("command", ["build", "derive", "generate", "norms", "verify"])
def test_help_shows_an_example(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"Example:  backproof {command}" in result.output


FORMATS = ["text", "markdown", "latex"]
PRINTED = [
    (name, target)
    for k, name in enumerate([*catalogue.cells(), *catalogue.heads()])
    for target in (FORMATS if FULL else [FORMATS[k % 3]])
]


@pytest.mark.parametrize(("name", "target"), PRINTED)
def test_derive_prints_every_cell(name: str, target: str) -> None:
    result = run("derive", name, "--target", target)
    assert result.exit_code == 0
    assert catalogue.find(name).title in result.output


def test_one_gradient_is_asked_for_with_what_it_needs() -> None:
    whole, asked = (run("derive", "lstm", *more).output for more in ((), ("--of", "c")))
    for line in ("∂J/∂c_t", "c_t reaches J through h_t (6), and one step later through c_{t+1} (5).", "(6)   h_t ="):
        assert line in asked
    assert asked.count("reaches J") == 1
    assert len(asked.splitlines()) < len(whole.splitlines()) / 3
    numbered = [line for line in asked.splitlines() if line.startswith("(")]
    assert numbered
    assert all(line in whole for line in numbered)  # the numbers are those of the whole page


@pytest.mark.parametrize(("number", "name"), [*enumerate([*catalogue.names(), *catalogue.names("heads")])])
def test_any_gradient_of_any_cell_may_be_asked_for(number: int, name: str) -> None:
    derivation, form = differentiate(catalogue.find(name)), FORMATS[number % 3]
    whole = written(derivation.cell, form)
    for gradient in derivation.gradients if FULL else [derivation.gradients[number % len(derivation.gradients)]]:
        part = excerpt(derivation.cell, form, [gradient.of.name])
        last = [line for line in part.splitlines() if "=" in line][-1]
        assert last in whole
        assert len(part) < len(whole)


def test_a_jacobian_is_asked_for_by_both_names() -> None:
    found = run("derive", "lstm", "--of", "h", "--by", "c").output
    assert "∂h_t/∂c_t = diag(o_t ⊙ (1 - tanh²(c_t)))" in found
    assert "∂h_t/∂c_{t-1} = diag(o_t ⊙ (1 - tanh²(c_t)) ⊙ f_t)" in found
    refused = run("derive", "lstm", "--of", "c", "--by", "W_f")
    assert refused.exit_code == 2
    assert "no Jacobian of c by W_f" in refused.output


def test_what_is_not_there_to_be_asked_for_is_named_with_what_is() -> None:
    assert run("derive", "lstm", "--of", r"\mathbf{c}_{t}").output == run("derive", "lstm", "--of", "c").output
    for arguments in (("--of", "cc"), ("--by", "cc"), ("--of", "cc", "--json")):
        result = run("derive", "lstm", *arguments)
        assert result.exit_code == 2
        assert "lstm has no quantity 'cc'" in result.output
        assert "known: h, c, g" in result.output
    assert "not of a network" in run("derive", "lstm", "--layers", "2", "--of", "c").output
    assert [g["of"] for g in json.loads(run("derive", "lstm", "--by", "W_f", "--json").output)["gradients"]] == ["W_f"]


@pytest.mark.parametrize("name", ["LSTM", "Gru-Reset-After", "Tagger"])
def test_capitals_and_hyphens_in_a_name_do_not_matter(name: str) -> None:
    assert run("derive", name).output == run("derive", name.lower().replace("-", "_")).output


@pytest.mark.parametrize(("suffix", "start"), [("tex", r"\documentclass"), ("md", "# "), ("txt", "LSTM\n====")])
def test_the_file_name_picks_the_target(tmp_path: Path, suffix: str, start: str) -> None:
    for command in ("derive", "generate"):
        path = tmp_path / f"{command}.{suffix}"
        assert run(command, "lstm", "-o", str(path)).exit_code == 0
        assert start in path.read_text(encoding="utf-8")[:200]


def test_list_has_the_names_that_other_commands_take() -> None:
    found = json.loads(run("list", "--json").output)
    assert set(found) == {"cells", "heads", "networks", "notations", "mistakes"}
    assert [*found["cells"]] == [*catalogue.cells()] == catalogue.names()
    assert "\n  gru " in run("list", "cells").output


@pytest.mark.parametrize(
    ("words", "offered"),
    [("derive lst", "lstm_peephole"), ("check x --cell gr", "gru"), ("derive lstm --notation d", "deeplearning-ai"),
     ("explain missing-t", "missing-transpose"), ("generate tagg", "tagger")],
)  # fmt: skip
def test_a_shell_completes_names(words: str, offered: str) -> None:
    *before, begun = words.split()
    complete = ShellComplete(main, {}, "backproof", "_BACKPROOF_COMPLETE")
    assert offered in [item.value for item in complete.get_completions(before, begun)]


def test_derive_as_json_lists_gradients_with_steps() -> None:
    found = json.loads(run("derive", "lstm", "--json").output)
    assert found["cell"] == "lstm"
    cell_state = next(gradient for gradient in found["gradients"] if gradient["of"] == "c")
    assert {"latex", "text", "why", "paths"} <= set(cell_state)
    assert len(cell_state["paths"]) == 2


def test_generate_writes_a_module(tmp_path: Path) -> None:
    note, module = tmp_path / "mine.md", tmp_path / "mine.py"
    note.write_text(NOTE)
    result = run("generate", str(note), "-o", str(module), "--json")
    assert result.exit_code == 0
    assert json.loads(result.output)["parameters"] == ["W", "U", "b"]
    use = "import numpy as np, mine; p = mine.init(D=2, H=3, rng=np.random.default_rng(0)); "
    use += "print(mine.forward(p, np.ones((4, 1, 2)))[0].shape)"
    done = subprocess.run([sys.executable, "-c", use], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(4, 1, 3)"


def test_verify_shows_the_evidence_and_its_json(tmp_path: Path) -> None:
    note = tmp_path / "mine.md"
    note.write_text(NOTE)
    result = run("verify", str(note))
    assert result.exit_code == 0, result.output
    assert "mine" in result.output
    found = json.loads(run("verify", str(note), "--json").output)
    gradients = found["cells"]["mine"]["gradients"]
    assert set(gradients) == {"W", "U", "b", "x", "h"}
    for evidence in gradients.values():
        assert set(evidence) == {"proved", "complex_step", "differences", "torch", "jax"}
        assert evidence["proved"] is True
        assert evidence["complex_step"] <= 1e-12
        assert evidence["differences"] <= 1e-6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Empty\n", "no equation"),
        ("$$ h_t = \\tanh(W x_t + U h_{t-1} $$\n", "1:"),
        ("$$ h_t = \\foo(W x_t + U h_{t-1}) $$\n", "\\foo"),
        ("$$ h_t = \\tanh(W x_t + U h_{t-1}) $$\n$$ h_t = W x_t $$\n", "assigned twice"),
        ("$$ a_t = \\tanh(b_t) $$\n$$ b_t = \\tanh(a_t + W x_t) $$\n", "cycle"),
        ("$$ h_t = \\tanh(W x_t + U m_{t-1}) $$\n", "no equation assigns"),
    ],
)
def test_bad_notes_end_in_one_message_and_nothing_is_written(tmp_path: Path, text: str, expected: str) -> None:
    note, module = tmp_path / "bad.md", tmp_path / "bad.py"
    note.write_text(text)
    module.write_text("precious")
    for arguments in (["derive"], ["verify"], ["generate", "-o", str(module)]):
        result = run(arguments[0], str(note), *arguments[1:])
        assert result.exit_code == 2
        assert expected in result.stderr
        assert "Traceback" not in result.stderr
    assert module.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.md", "bad.py"]
    assert json.loads(run("derive", str(note), "--json").stdout)["error"]["message"]


def test_binary_and_missing_files(tmp_path: Path) -> None:
    binary = tmp_path / "binary.md"
    binary.write_bytes(bytes(range(256)))
    for path in (binary, tmp_path / "missing.md", tmp_path):
        result = run("derive", str(path))
        assert result.exit_code == 2
        assert str(path) in result.stderr


def test_unknown_cell_and_notation_list_the_known_ones() -> None:
    assert "lstm" in run("derive", "lstn").stderr
    assert "goodfellow" in run("derive", "lstm", "--notation", "nobody").stderr


def test_unwritable_output_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("generate", "rnn", "-o", str(tmp_path / "file" / "x.py"))
    assert result.exit_code == 2
    assert "cannot write" in result.stderr


def test_build_check_finds_what_is_not_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [build.made(name) for name in ("rnn", "lstm", "gru")]
    monkeypatch.setattr(build, "everything", lambda **_: nullcontext(made))  # six builds of everything are many
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "backproof"\n')
    assert run("build", "--root", str(tmp_path)).exit_code == 0
    assert run("build", "--root", str(tmp_path), "--check").exit_code == 0
    (tmp_path / "generated/lstm.py").write_text("Generated by backproof, then edited\n")
    (tmp_path / "generated/gru.py").unlink()
    (tmp_path / "generated/mine.py").write_text("my own\n")
    (tmp_path / "docs/cells/old.md").write_text("Generated by backproof\n")
    result = run("build", "--root", str(tmp_path), "--check")
    assert result.exit_code == 1
    for line in (
        "lstm.py: stale",
        "gru.py: missing",
        "mine.py: unexpected",
        "old.md: unexpected",
        "run: backproof build",
    ):
        assert line in result.output
    listed = json.loads(run("build", "--root", str(tmp_path), "--check", "--json").output)
    assert not listed["fresh"]
    assert {d["kind"] for d in listed["differences"]} == {"stale", "missing", "unexpected"}
    assert run("build", "--root", str(tmp_path)).exit_code == 0
    assert (tmp_path / "generated/mine.py").read_text() == "my own\n", "what backproof did not write it does not remove"
    assert not (tmp_path / "docs/cells/old.md").exists()
    (tmp_path / "generated/lstm.py").write_text("my own\n")
    result = run("build", "--root", str(tmp_path))
    assert (result.exit_code, (tmp_path / "generated/lstm.py").read_text()) == (2, "my own\n")
    assert "was not generated by backproof" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_build_leaves_other_projects_alone(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mine"\n')
    result = run("build", "--root", str(tmp_path), *arguments)
    assert result.exit_code == 2
    assert "is the project 'mine', not backproof" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]


def test_output_goes_through_links_devices_and_pipes(tmp_path: Path) -> None:
    device, link, target = Path(os.devnull), tmp_path / "link.py", tmp_path / "target.py"
    target.write_text("before\n")
    link.symlink_to(target)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for path in (device, link, pipe):
        assert run("generate", "rnn", "-o", str(path), "--no-check").exit_code == 0
    assert device.is_char_device()
    assert link.is_symlink()
    assert target.read_text() == os.read(reader, 1 << 20).decode()
    assert pipe.is_fifo()
    os.close(reader)


@pytest.mark.parametrize(
    ("from_", "to", "words"),
    [
        ("d_h_t * (1 - h_t * h_t)", "d_h_t * (1 - h_t)", "gradients that are not derivatives"),
        ("tanh_into) = (np.add, np.tanh)", "tanh_into) = (np.add, np.sin)", "code that computes something else"),
        ("def backward(", "def backwards(", "code that cannot run"),
        ("import numpy as np", "import nothing as np", "code that cannot be loaded"),
    ],
)
def test_code_is_checked_before_it_is_written(
    from_: str, to: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    true = written(catalogue.find("rnn"))
    assert from_ in true
    monkeypatch.setattr("derive.targets.generate", lambda *_, **__: true.replace(from_, to))
    result = run("generate", "rnn", "-o", str(tmp_path / "m.py"))
    assert result.exit_code == 3
    assert words in result.stderr
    assert "h_t = tanh(W x_t + U h_{t-1} + b)" in result.stderr, "what to report"
    assert not (tmp_path / "m.py").exists()
    assert run("generate", "rnn", "-o", str(tmp_path / "m.py"), "--no-check").exit_code == 0


def test_a_cell_without_an_input_takes_the_number_of_steps(tmp_path: Path) -> None:
    note, module = tmp_path / "alone.md", tmp_path / "alone.py"
    note.write_text("# Alone\n\n$$ h_t = \\tanh(U h_{t-1} + b) $$\n", encoding="utf-8")
    assert run("generate", str(note), "-o", str(module)).exit_code == 0
    assert "def forward(params, T, h=None, *, B=None, lengths=None):" in module.read_text(encoding="utf-8")
    result = run("verify", str(note), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["cells"]["alone"]["passed"]
    refused = run("generate", str(note), "--target", "torch", "-o", str(module))
    assert "has no input at a step" in refused.stderr


MANY = "abcfgklmnopqrsuvwz"
RUNS = {
    "two gates and a loss": r"""
        $$ i_t = \sigma(W_i x_t + U_i h_{t-1}) $$
        $$ f_t = \sigma(W_f x_t + U_f h_{t-1}) $$
        $$ h_t = f_t \odot h_{t-1} + i_t \odot \tanh(W x_t) $$
        $$ L_t = \lVert V h_t + c - y_t \rVert^2 $$

        target: $y_t$
        output: $L_t$
    """,
    "many gates": "\n".join(
        [
            *(rf"$$ {g}_t = \sigma(W_{g} x_t + U_{g} h_{{t-1}}) $$" for g in MANY),
            rf"$$ h_t = {' + '.join(rf'{g}_t' for g in MANY)} + h_{{t-1}} $$",
        ]
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_what_could_not_run_once_runs(name: str, tmp_path: Path) -> None:
    lines = [line.strip() for line in RUNS[name].strip().splitlines()]
    (tmp_path / "mine.md").write_text("\n".join(["# Mine", "", *lines, ""]))
    result = run("generate", str(tmp_path / "mine.md"), "-o", str(tmp_path / "m.py"))
    assert result.exit_code == 0, result.output


def test_build_refuses_a_folder_that_is_no_checkout(tmp_path: Path) -> None:
    result = run("build", "--root", str(tmp_path))
    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_bytes_do_not_depend_on_the_hash_seed() -> None:
    """CI builds everything under two seeds: here some cells, and their pages for the terminal too."""
    names = [*catalogue.cells(), *catalogue.heads()] if FULL else ["rnn", "lstm", "mlstm", "softmax_cross_entropy"]
    program = (
        "from derive import build, catalogue; from derive.calculus.adjoint import differentiate; import hashlib;"
        "from derive.targets.pages import text;"
        f"found = {{name: differentiate(catalogue.find(name)) for name in {names}}};"
        "made = [*map(build.made, found)], [*map(text, found.values())];"
        "print(hashlib.sha256(repr(made).encode()).hexdigest())"
    )
    printed = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        printed.add(done.stdout)
    assert len(printed) == 1


def test_norms_are_told_as_a_table_json_figure_and_page(tmp_path: Path) -> None:
    few = ("--steps", "6", "--radius", "0.5", "--radius", "2")
    table = run("norms", "rnn", *few)
    assert table.exit_code == 0
    assert "RNN" in table.output
    found = json.loads(run("norms", "rnn", "lstm", *few, "--json").output)
    assert list(found["cells"]) == ["rnn", "lstm"]
    assert found["cells"]["rnn"]["rate"]["text"] == "‖U‖"
    curves = found["cells"]["lstm"]["curves"]
    assert [curve["radius"] for curve in curves] == [0.5, 2.0]
    assert all(len(curve[key]) == 7 for curve in curves for key in ("norms", "bounds", "direct_path"))
    page = tmp_path / "far.md"
    assert run("norms", "gru", *few, "-o", str(page)).exit_code == 0
    assert "](far.svg)" in page.read_text(encoding="utf-8")
    assert (tmp_path / "far.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("softmax_cross_entropy",), "has no states"),
        (("rnn", "-o", "figure.png"), "neither a figure nor a page"),
        (("lsmt",), "did you mean lstm"),
    ],
)
def test_norms_refuse_in_one_message(arguments: tuple[str, ...], message: str) -> None:
    result = run("norms", *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("raised", [ProgramFault("a check", "it failed", "the equation"), KeyError("net_a")])
def test_a_fault_of_the_program_has_a_name_and_an_exit_code_of_its_own(
    raised: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(catalogue, "made", fail)
    result = run("generate", "lstm", "-o", str(tmp_path / "m.py"), "--json")
    assert result.exit_code == 3
    assert "a fault of backproof, not of what you gave it" in result.stderr
    fault = json.loads(result.stdout)["fault"]
    assert fault["name"] == ("a check" if isinstance(raised, ProgramFault) else "unforeseen")
    assert ("the equation" in fault["subject"]) or ("KeyError" in fault["details"])
    assert not (tmp_path / "m.py").exists()


def test_a_formula_without_a_cell_is_asked_for_one() -> None:
    result = run("check", "a = b")
    assert result.exit_code == 2
    assert "--cell lstm" in result.output


def test_a_file_for_a_formula_and_an_unknown_ending_are_told(tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("$$h_t = x_t$$", encoding="utf-8")
    result = run("check", str(note), "--cell", "lstm")
    assert result.exit_code == 2
    assert f"backproof audit {note}" in result.output
    for command in ("derive", "generate"):
        result = run(command, "lstm", "-o", str(tmp_path / "lstm.cpp"))
        assert result.exit_code == 2
        assert "lstm.cpp: nothing is written to files of that ending" in result.output


@pytest.mark.parametrize(
    ("formula", "true"),
    [
        ("dc_t = dh_t * o_t * (1 - tanh(c_t)^2)", "dh_t * o_t * (1 - tanh(c_t)^2) + dc_{t+1} * f_{t+1}"),
        ("dJ/df_t = dJ/dc_t ⊙ c_t", "dJ/dc_t ⊙ c_{t-1}"),
        ("δ_f = δ_c ∘ c(t) ∘ f ∘ (1-f)", "δ_c ∘ c_{t-1} ∘ f ∘ (1-f)"),
    ],
)
def test_who_writes_no_latex_is_shown_none(formula: str, true: str) -> None:
    assert f"true is: {true}\n" in run("check", formula, "--cell", "lstm").output
