"""Whole notes with the words that their formulas must get.

By default one note of each of the newest kinds, and of every third of the older ones: others whenever a kind is added.
BACKPROOF_FULL_FIGURES=1 takes all notes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from verify.notes.audit import as_json, audit, code

DATA = Path(__file__).parents[2] / "data" / "note_cases"
FULL = os.environ.get("BACKPROOF_FULL_FIGURES") == "1"
CASES: list[dict[str, Any]] = [json.loads(line) for line in (DATA / "cases.jsonl").read_text("utf-8").splitlines()]
NEWEST = 90
FIRST = list({case["kind"]: case for case in reversed(CASES)}.values())
DEFAULT = [*FIRST[:NEWEST], *FIRST[NEWEST::3]]
"""Counted from the newest: so another kind moves them all."""
SEEDS = ("0", "1", "2") if FULL else ("0", "1")
NOTES = sorted({case["note"] for case in (CASES if FULL else FIRST[::48])})
"""Those that are read in processes of their own: others whenever a kind is added."""
WORKER = """
import json, sys
from verify.notes.audit import audit
for name in sys.argv[1:]:
    found = audit(name)
    said = [[each.word.value, each.correct, list(map(str, each.mistakes)), each.reason] for each in found.judgements]
    print(json.dumps([name, [str(model) for model in found.models], said]))
"""


def plain(text: str) -> str:
    """A text without blanks, braces and the like, for comparisons."""
    text = text.replace("\\\\", "\\")
    return re.sub(r"\\(left|right|mathrm|mathbf|operatorname)(?![a-z])|\\[,;!:]|[\s{}&]", "", text)


def says(found: object, wanted: str | list[str]) -> bool:
    options = [wanted] if isinstance(wanted, str) else wanted
    text = plain(json.dumps(found, ensure_ascii=False))
    return any(plain(option) in text for option in options)


def has(claim: dict[str, Any], wanted: str | list[str]) -> bool:
    options = [wanted] if isinstance(wanted, str) else wanted
    return any(plain(option) in plain(claim["formula"]) for option in options)


@pytest.mark.parametrize("case", CASES if FULL else DEFAULT, ids=lambda case: f"{case['kind']}: {case['note']}")
def test_a_note_gets_its_words(case: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / case["note"]
    for name in (case["note"], *case.get("with", ())):
        shutil.copy(DATA / name, tmp_path / name)
    named = dict(zip([word.removeprefix("--") for word in case["args"][::2]], case["args"][1::2], strict=True))
    audits = [audit(path, **named)]
    found = as_json(audits)
    for wish in case["expect"]:
        here = [claim for claim in found["claims"] if has(claim, wish["contains"])]
        here = here[wish["nth"] : wish["nth"] + 1] if "nth" in wish else here
        assert here, wish
        assert all(claim["verdict"] in wish["verdict"] for claim in here), (wish, here)
        assert all(says(here, wanted) for wanted in wish.get("must_say", ())), (wish, here)
        assert not any(says(here, unwanted) for unwanted in wish.get("must_not_say", ())), (wish, here)
    if case.get("nothing_wrong"):
        assert "wrong" not in {claim["verdict"] for claim in found["claims"]}
    assert all(says(found, wanted) for wanted in case.get("says", ()))
    assert not any(says(found, unwanted) for unwanted in case.get("says_not", ()))
    assert code(audits) in case.get("exit", [code(audits)])


def test_the_words_do_not_depend_on_the_hash_seed() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", WORKER, *NOTES],
            cwd=DATA, env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[3])},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in SEEDS
    }  # fmt: skip
    assert len(said) == 1
