"""Code written at random is judged without an adapter: right is right, a planted mistake is wrong and named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from verify.code import answering
from verify.code.running.loading import imported

from variants import MISTAKES, STYLES, Variant, variant  # isort: skip

FULL = os.environ.get("BACKPROOF_FULL_FIGURES") == "1"
RIGHT = [variant(seed, style=STYLES[seed % len(STYLES)]) for seed in range(120 if FULL else 4)]
WRONG = [
    variant(seed, name) for name in (MISTAKES if FULL else list(MISTAKES)[::3]) for seed in range(12 if FULL else 1)
]


def answer(found: Variant, folder: Path) -> dict:
    path = folder / "mine.py"
    path.write_text(found.text, encoding="utf-8")
    request = {"spec": f"{path}:{found.target}", "cell": found.cell}
    return answering.answered(request, imported(path), lambda stage: None)["json"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("found", RIGHT)
def test_right_code_is_right(found: Variant, tmp_path: Path) -> None:
    result = answer(found, tmp_path)
    assert result["verdict"] == "right", found.text
    assert result["forward"] == "same", found.text


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("found", WRONG, ids=lambda found: found.mistake.replace(" ", "-"))
def test_a_planted_mistake_is_wrong_and_named(found: Variant, tmp_path: Path) -> None:
    result = answer(found, tmp_path)
    assert result["verdict"] == "wrong", found.text
    text = "; ".join(f"{m['name']}: {m['detail']}" for m in result["mistakes"]).lower()
    assert any(word in text for word in found.words.split("|")), (text, result["nearest"], found.text)
