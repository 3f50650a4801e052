"""A person's own verify.py, derive.py or generated/ disturbs nothing of ours, and ours does not disturb theirs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORMULA = r"\frac{\partial J}{\partial b} = \sum_t \frac{\partial J}{\partial h_t} \odot (1 - h_t^2)"
RNN = r"""
import numpy as np


def forward(x, h, W, U, b):
    hs = [h]
    for t in range(len(x)):
        hs.append(np.tanh(x[t] @ W.T + hs[-1] @ U.T + b))
    return np.array(hs[1:]), (x, hs, W, U)


def backward(dys, cache):
    x, hs, W, U = cache
    dW, dU, db, dx, dh = np.zeros_like(W), np.zeros_like(U), np.zeros(len(U)), np.zeros_like(x), np.zeros_like(hs[0])
    for t in reversed(range(len(x))):
        da = (dys[t] + dh) * (1 - hs[t + 1] ** 2)
        dW, dU, db = dW + da.T @ x[t], dU + da.T @ hs[t], db + da.sum(0)
        dx[t], dh = da @ W, da @ U
    return dx, dh, dW, dU, db
"""


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    (tmp_path / "verify.py").write_text("MINE = 'their verify'\n", encoding="utf-8")
    (tmp_path / "derive.py").write_text("raise RuntimeError('their derive must not be run')\n", encoding="utf-8")
    (tmp_path / "generated").mkdir()
    (tmp_path / "generated" / "__init__.py").write_text("MINE = 'their generated'\n", encoding="utf-8")
    (tmp_path / "mine.py").write_text(RNN, encoding="utf-8")
    return tmp_path


def run(folder: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(folder), str(ROOT)))  # theirs hides ours
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env={**os.environ, "PYTHONPATH": path, **more}, text=True,
        capture_output=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [
        [
            "check",
            r"\frac{\partial J}{\partial b} = \sum_t \frac{\partial J}{\partial h_t} \odot (1 - h_t^2)",
            "--cell",
            "rnn",
        ],
        ["check-code", "mine.py:backward", "--cell", "rnn"],
        ["audit", "one.md", "two.md", "--jobs", "2"],
    ],
    ids=lambda command: command[0],
)
def test_the_commands(theirs, command):
    note = "$$h_t = \\tanh(W x_t + U h_{t-1} + b)$$\n\n" + r"$$\frac{\partial h_t}{\partial b} = 1 - h_t^2$$"
    for name in ("one.md", "two.md"):
        (theirs / name).write_text(note, encoding="utf-8")
    done = run(theirs, "-m", "backproof", *command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plugin_of_pytest(theirs):
    (theirs / "test_mine.py").write_text(
        "import generated, mine, verify\n\n\n"
        "def test_right(backproof):\n"
        "    for _ in range(2):\n"
        "        backproof(mine.backward, 'rnn')\n"
        "        import verify as again\n"
        "        assert again is verify and verify.MINE and generated.MINE\n",
        encoding="utf-8",
    )
    installed = any(point.name == "backproof" for point in entry_points(group="pytest11"))
    plugin = () if installed else ("-p", "backproof.pytest_plugin")
    done = run(theirs, "-m", "pytest", "-q", *plugin, "-p", "no:cacheprovider")
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_playground_answers_beside_them(theirs: Path) -> None:
    path = os.pathsep.join((str(theirs), str(ROOT)))
    serving = subprocess.Popen(
        [sys.executable, "-m", "backproof", "serve"], cwd=theirs, env={**os.environ, "PYTHONPATH": path}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert serving.stdout is not None
        page, _, token = serving.stdout.readline().strip().partition("?token=")
        question = json.dumps({"cell": "rnn", "formula": "h_t = h_t"}).encode()
        headers = {"Content-Type": "application/json", "X-Playground-Token": token}
        with urllib.request.urlopen(
            urllib.request.Request(f"{page}ask/check", question, headers), timeout=60
        ) as answer:
            assert answer.status == 200
            assert len(json.load(answer)["claims"]) == 1
    finally:
        serving.terminate()
        _, told = serving.communicate()
    assert "Traceback" not in told


def test_the_magic_works_after_theirs_was_imported(theirs: Path) -> None:
    pytest.importorskip("IPython")
    lines = ["import verify", "%load_ext backproof", "%backproof explain missing term", "print(verify.MINE)"]
    script = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        f"for line in {lines}:\n"
        "    shell.run_cell(line).raise_error()\n"
    )
    done = run(theirs, "-c", script, IPYTHONDIR=str(theirs))
    assert "A term of a sum is left out" in done.stdout, done.stderr
    assert "their verify" in done.stdout
