"""Judging a person's file in a process of its own: with a limit of time, without input, prints kept apart.

This side imports nothing of theirs; whatever their code does to its process, here one line comes back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LIMIT = 20.0
"""Seconds that one stage (running the file, finding the protocol, one setting) may take."""


def judged(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request (see `answering`), with `printed`, what their code wrote to its output."""
    with tempfile.TemporaryDirectory() as folder:
        found = _ask({**request, "definitions": False}, Path(folder))
        if found.get("retry"):
            found = _ask({**request, "definitions": True}, Path(folder))
    return found


def _ask(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    answer, question = folder / "answer.json", folder / "request.json"
    answer.unlink(missing_ok=True)
    question.write_text(json.dumps({**request, "answer": str(answer)}), encoding="utf-8")
    root = str(Path(__file__).resolve().parents[3])
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    env = threads | os.environ | {"MPLBACKEND": "Agg", "PYTHONPATH": os.pathsep.join(paths)}
    # -P: the current folder is not on the path before theirs has been put there.
    command = [sys.executable, "-P", "-m", "verify.code.running.child", str(question)]
    with (folder / "printed").open("w+b") as printed:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT, env=env)
        try:
            code = process.wait(timeout=20 * request["limit"] + 30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
        printed.seek(0)
        said = printed.read(200_000).decode("utf-8", "replace")
    if answer.is_file():
        return {**json.loads(answer.read_text(encoding="utf-8")), "printed": said}
    if code is None:
        reason = "it could not be stopped within the limit of time"
    elif code < 0:
        reason = f"the process was ended by signal {-code}"
    else:
        reason = f"the code ended the process with exit code {code}"
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
        reason += f" ({last.strip()[:200]})" if "Error" in last else ""
    from verify.code.answering import refused

    return {**refused(request, reason), "printed": said}
