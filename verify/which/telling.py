"""A match in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from verify.weights.blocks import FRAMEWORKS, contents
from verify.which.align import Difference
from verify.which.nearest import Match

_WORDS = {
    "extra term": "the sum for {place} has a further term, {here}",
    "missing term": "the sum for {place} lacks the term {there}",
    "extra factor": "a product in {place} has a further factor, {here}",
    "missing factor": "a product in {place} lacks the factor {there}",
    "factor": "in {place} a term counts {here} times, there {there} times",
    "activation": "{place} uses {here} where that cell has {there}",
    "unlike": "{place} has {here} where that cell has {there}",
    "bias": "{place} has a bias, {here}; that cell has none there",
    "no bias": "{place} has no bias; that cell has {there}",
    "number of biases": "{place} has the biases {here} where that cell has {there}; only their sum counts",
    "gate the other way round": "{here} opens the other way round: 1 - {here} does what {there} does there",
    "after the product": "in {place} the gate acts after the product, {here}; there before it, {there}",
    "before the product": "in {place} the gate acts before the product, {here}; there after it, {there}",
    "one for two": "what {here} do here, {there} alone does there",
    "two for one": "what {there} do there, {here} alone does here",
    "output": "the output is {here}; there it is {there}",
}
"""What each kind of difference is, said of the given cell."""


def words(difference: Difference) -> str:
    """A difference in one sentence."""
    return _WORDS[difference.kind].format(
        place=difference.place or "the cell", here=difference.here or "the gate", there=difference.there
    )


def used_by(match: Match) -> list[str]:
    """The frameworks that have the nearest cell, and whether a gate opens there as it does here (tables of weights)."""
    turned = any(difference.kind == "gate the other way round" for difference in match.differences)
    found = []
    for framework in FRAMEWORKS:
        table = contents(framework)["cells"].get(match.cell.name)
        if table is not None:
            opposite = ("-" in "".join(_names(table["arrays"]))) != turned
            found.append(f"{framework} (a gate opens the other way round there)" if opposite else framework)
    return found


def _names(table: Any) -> Iterator[str]:
    if isinstance(table, str):
        yield table
    for part in table.values() if isinstance(table, Mapping) else table if isinstance(table, list) else ():
        yield from _names(part)


def lines(matches: Sequence[Match], title: str) -> Iterator[str]:
    """What a person is told."""
    if not matches:
        yield f"{title} is near no cell of the catalogue"
        return
    nearest, *others = matches
    ways = [words(difference) for difference in nearest.differences]
    if nearest.proved:
        yield f"{title} is {nearest.cell.title} ({nearest.cell.name})" + (", written otherwise:" if ways else "")
    else:
        yield f"{title} is nearest to {nearest.cell.title} ({nearest.cell.name}), and differs:"
    yield from (f"    {way}" for way in ways)
    renamed = {there: here for there, here in nearest.letters.items() if there != here}
    if renamed:
        yield "    letters: " + ", ".join(f"{here} is its {there}" for there, here in renamed.items())
    if nearest.cell.source:
        yield f"    {nearest.cell.name}: {nearest.cell.source}"
    if nearest.proved and used_by(nearest):
        yield f"    its weights in: {', '.join(used_by(nearest))}"
    for other in others:
        ways = [words(difference) for difference in other.differences]
        yield f"next: {other.cell.title} ({other.cell.name})" + (f": {'; '.join(ways)}" if ways else ", the same model")


def to_json(matches: Sequence[Match]) -> dict[str, Any]:
    """The same as data."""
    return {"cells": [_match(match) for match in matches]}


def _match(match: Match) -> Mapping[str, Any]:
    return {
        "name": match.cell.name,
        "title": match.cell.title,
        "source": match.cell.source,
        "same": match.proved,
        "differences": [
            {"name": each.kind, "place": each.place, "here": each.here, "there": each.there, "detail": words(each)}
            for each in match.differences
        ],
        "letters": dict(match.letters),
        "used_by": used_by(match),
    }
