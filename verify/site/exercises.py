"""The exercises of the course: a table of questions with right and wrong answers, set into the chapters."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from derive.languages import ENGLISH, Language
from derive.patterns import regex
from verify.mistakes import dictionary

TABLE = "course/exercises.toml"
_PLACE = regex(r"^<!-- exercise: (.+) -->$", re.MULTILINE)


@dataclass(frozen=True)
class Exercise:
    """A question about a cell, answers that `check` finds right, and wrong ones with the mistake that it names."""

    name: str
    cell: str
    question: str
    right: tuple[str, ...]
    wrong: tuple[tuple[str, str], ...]
    assume: tuple[str, ...] = ()


def read(table: str) -> dict[str, Exercise]:
    """The exercises of a table (TOML) by name."""
    return {each["name"]: _exercise(each) for each in tomllib.loads(table)["exercise"]}


def exercises(folder: Path, language: Language = ENGLISH) -> dict[str, Exercise]:
    """Those of the course; `folder` holds the hand-written chapters, and below it those of other languages."""
    found = read((folder / TABLE).read_text(encoding="utf-8"))
    other = folder / language.name / TABLE
    asked = tomllib.loads(other.read_text(encoding="utf-8")) if other.is_file() else {}
    return {name: replace(one, question=asked.get(name, one.question).strip()) for name, one in found.items()}


def _exercise(each: Mapping[str, Any]) -> Exercise:
    wrong = tuple((one["formula"], one["mistake"]) for one in each["wrong"])
    return Exercise(
        each["name"], each["cell"], each["question"].strip(), tuple(each["right"]), wrong, tuple(each.get("assume", ()))
    )


def with_exercises(chapter: str, known: Mapping[str, Exercise], language: Language = ENGLISH) -> str:
    """A chapter with every exercise in its place, answers folded. Raises KeyError for a name that is not known."""
    return _PLACE.sub(lambda found: written(known[found[1]], language), chapter)


def written(exercise: Exercise, language: Language = ENGLISH) -> str:
    """An exercise in Markdown."""
    say = language.say
    assumed = "".join(f" --assume '{fact}'" for fact in exercise.assume)
    command = f"backproof check '{say('YOUR FORMULA')}' --cell {exercise.cell}{assumed}"
    parts = ['<div class="exercise">', f"**{say('Exercise.')}** {exercise.question}", f"```sh\n{command}\n```"]
    parts += [_folded(say("An answer"), [_formula(one) for one in exercise.right])]
    told = [f"{_formula(formula)}\n\n{_told(mistake, language)}" for formula, mistake in exercise.wrong]
    parts += [_folded(say("Wrong answers, and what is said of them"), told), "</div>"]
    return "\n\n".join(parts)


def _formula(latex: str) -> str:
    return f"```{{math}}\n{latex}\n```"


def _folded(summary: str, parts: list[str]) -> str:
    return "\n\n".join([f'<details class="steps"><summary>{summary}</summary>', *parts, "</details>"])


def _told(mistake: str, language: Language) -> str:
    say = language.say
    if not mistake:
        return say("Wrong, with numbers that show it; this mistake has no name.")
    entry = dictionary.entry(mistake)
    link = f"[{say(entry.name)}](../mistakes/{entry.slug}.md)"
    return say("Wrong: {link}. {sentence}").replace("{link}", link).replace("{sentence}", say(entry.sentence))
