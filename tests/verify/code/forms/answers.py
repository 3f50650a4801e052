"""The answer of check-code on a text, as the tests of forms ask for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from verify.code import answering
from verify.code.running.loading import imported


def answer(folder: Path, text: str, target: str, cell: str = "rnn", **network: Any) -> dict[str, Any]:
    path = folder / "mine.py"
    path.write_text(f"import numpy as np\n\n{text}", encoding="utf-8")
    request = {"spec": f"{path}:{target}", "cell": cell, "network": network}
    return answering.answered(request, imported(path), lambda stage: None)["json"]


def verdicts(found: dict[str, Any]) -> dict[str, str]:
    return {row["name"]: row["verdict"] for row in found["gradients"]}


def said(found: dict[str, Any]) -> str:
    return "; ".join(f"{m['name']}: {m['detail']}" for m in found["mistakes"])
