"""Code as people write it, in every protocol: verdict, wrong gradients and mistakes, without an adapter."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from backproof.command_line import main
from verify.code import answering
from verify.code.calling.base import MisfitError
from verify.code.running.child import their_names
from verify.code.running.loading import UnusableError, imported

FOLDER = Path(__file__).parent / "cases"
CASES = [json.loads(line) for line in (FOLDER / "code.jsonl").read_text(encoding="utf-8").splitlines()]
ENDLESS = ("endless_backward", "endless_training")
FULL = os.environ.get("BACKPROOF_FULL_FIGURES") == "1"
SOME = [
    "char_rnn_clipped",
    "char_lstm_reset_carry",
    "columns_rnn_mean",
    "columns_lstm_no_da_carry",
    "framework_gru_right",
    "framework_rnn_three_mistakes",
    "layer_rnn_accumulates",
    "layer_rnn_overwritten",
    "learned_h0_sum",
    "many_to_one_rnn_right",
    "notebook_lstm_right",
    "ntd_lstm_right",
    "ntd_rnn_slope_of_output",
    "ntd_rnn_dx_without_carry",
    "one_function_unknown_key",
    "package_rnn_wrong",
    "squeeze_one_example",
    "vector_rnn_wraps",
    "writes_to_input",
    "dropout_rnn",
]
"""One of every kind; the others take minutes."""
SHORT = [case for case in CASES if case["id"] not in ENDLESS and (FULL or case["id"] in SOME)]


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """The answer in this process, with the module cache and the path as they were."""
    path, modules, argv = list(sys.path), set(sys.modules), sys.argv
    try:
        with contextlib.redirect_stdout(io.StringIO()), their_names(FOLDER / case["file"]):
            sys.argv = [case["file"]]
            source = imported(FOLDER / case["file"])
            request = {"spec": f"{FOLDER / case['file']}:{case['target']}", "cell": case["cell"]}
            return answering.answered(request, source, lambda stage: None)["json"]
    except (UnusableError, MisfitError) as error:
        return {"verdict": "cannot_tell", "mistakes": [], "notes": [str(error)], "gradients": [], "nearest": ""}
    finally:
        sys.path[:], sys.argv = path, argv
        for name in set(sys.modules) - modules:
            if str(FOLDER) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]


def says(words: str, text: str) -> bool:
    return any(
        re.search(rf"(?<![a-z0-9_]){re.escape(w)}(?![a-z0-9])", text) if len(w) < 4 else w in text
        for w in words.lower().split("|")
    )


def bare(name: str) -> str:
    return re.sub(r"^(d_?|grad_)(?=[A-Za-z])", "", re.split(r"[ \[(]", name)[0])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", SHORT, ids=lambda case: case["id"])
def test_verdict_wrong_gradients_and_mistakes(case: dict[str, Any]) -> None:
    if "torch" in case["id"]:
        pytest.importorskip("torch")
    found = answer(case)
    verdict = found["verdict"].replace("_", " ")
    assert verdict in {case["verdict"], *case.get("also", [])}, found
    wrong = {bare(row["name"]) for row in found["gradients"] if row["verdict"] == "wrong"}
    assert wrong == {bare(name) for name in case.get("wrong_gradients", [])}
    words = "; ".join(f"{m['name']}: {m['detail']}" for m in found["mistakes"])
    text = f"{words} {found['nearest']} {found['notes']}".lower().replace(str(FOLDER).lower(), "")
    for word in [*case.get("mistakes", []), *case.get("notes", [])]:
        assert says(word, text), (word, text)
    for word in case.get("must_not_say", []):
        assert not says(word, text)


def command(spec: str, *more: str, limit: str = "20") -> subprocess.CompletedProcess[str]:
    line = [
        sys.executable,
        "-m",
        "backproof",
        "check-code",
        spec,
        "--cell",
        "rnn",
        "--json",
        "--time-limit",
        limit,
        *more,
    ]
    return subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)


def test_a_training_loop_without_end_is_left_out() -> None:
    result = command(f"{FOLDER / 'endless_training.py'}:rnn_backward", limit="6")
    assert json.loads(result.stdout)["verdict"] == "right", result.stderr
    assert "only the definitions of the file were run" in result.stdout


def test_a_backward_pass_that_never_returns_ends_at_the_limit() -> None:
    result = command(f"{FOLDER / 'endless_backward.py'}:rnn_backward", limit="3")
    assert result.returncode == 2
    assert "did not return within 3 seconds" in result.stderr
    assert json.loads(result.stdout)["verdict"] == "cannot_tell"


HOSTILE = {
    "import os\nos._exit(3)\n": "ended the process with exit code 3",
    "import nothing_of_that_name\n": "mine.py:1: needs the module nothing_of_that_name, which is not installed",
    "print 'old'\n": "mine.py:1: Missing parentheses in call to 'print'",
    "def backward(dh, cache): return dh\n": "backward returns no outputs",
    "def forward(x): return x\ndef backward(dh, cache): return dh\n": "which are no states",
    "x = 1\n": "mine.py has no backward: it defines no functions",
    "import sys\nsys.exit(4)\n": "mine.py has no backward",
}


@pytest.mark.parametrize(("text", "message"), HOSTILE.items())
def test_hostile_files_end_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(main, ["check-code", f"{path}:backward", "--cell", "rnn"])
    assert result.exit_code == 2
    lines = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    assert message in lines[0]
    assert "Traceback" not in result.stderr


def test_a_verify_of_theirs_is_theirs(tmp_path: Path) -> None:
    (tmp_path / "verify.py").write_text("def slope(h):\n    return 1 - h**2\n", encoding="utf-8")
    text = (FOLDER / "ntd_rnn_right.py").read_text(encoding="utf-8").replace("1 - next_h ** 2", "verify.slope(next_h)")
    (tmp_path / "mine.py").write_text(f"import verify\n{text}", encoding="utf-8")
    result = command(f"{tmp_path / 'mine.py'}:rnn_backward")
    assert json.loads(result.stdout)["verdict"] == "right", result.stderr
