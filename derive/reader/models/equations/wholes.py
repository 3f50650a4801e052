"""Equations of one entry, a_j^t = Σ_i w_{ji} x_i^t, as those of all: of a, w and x."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive.reader.models.equations.equation import Equation
from derive.reader.models.equations.names import counted_in
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import Declaration

_WEIGHT = re.compile(r"(?<![A-Za-z\\])([a-z])\s*_\s*\{\s*([a-z])\s*,?\s*([a-z])\s*\}")
_INDICES = frozenset("ijklmn")


def of_entries(given: Sequence[Equation]) -> list[Equation]:
    """The equations, those of one entry under the name of all entries, where the document has no others for it.

    One that sums products with a matrix, W_{ji} x_i, tells which letters are vectors with an index; others must read or
    compute these alone.
    """
    found = {id(e): index for e in given if (index := _index(e)) and _sums(e, index)}
    vectors = {_base(e.target) for e in given if id(e) in found}
    vectors |= {_base(m.name) for e in given if id(e) in found for m in e.used if m.offset is not None}
    whole = {e.target for e in given}
    if not found or vectors & whole:
        return list(given)
    while True:
        more = {
            id(e): index for e in given if id(e) not in found and (index := _index(e)) and _reads(e, index, vectors)
        }
        if not more:
            break
        found |= more
        vectors |= {_base(e.target) for e in given if id(e) in more}
    return [replace(e, target=_base(e.target), entry=found[id(e)]) if id(e) in found else e for e in given]


def declared_weights(given: Sequence[Equation]) -> Iterator[Declaration]:
    """That small letters with two indices are matrices, with sizes after the vectors that have these indices."""
    same: dict[str, str] = {}

    def size(name: str) -> str:
        while name in same:
            name = same[name]
        return name

    weights: dict[str, tuple[str, str]] = {}
    for e in (e for e in given if e.entry):
        text = e.fragment.text
        used = [(m.name, text[m.start : m.end]) for m in e.used if m.offset is not None]
        of = {e.entry: [e.target], **{index: [] for index in counted_in(text)}}
        for index, names in of.items():
            names += [name for name, word in used if re.search(rf"[_,{{]\s*{index}(?![A-Za-z])", word)]
            for one in names[1:]:
                if size(one) != size(names[0]):
                    same[size(one)] = size(names[0])
        for weight, first, second in _WEIGHT.findall(e.right):
            if of.get(first) and of.get(second):
                weights.setdefault(weight, (of[first][0], of[second][0]))
    for weight, (rows, columns) in weights.items():
        space = rf"{weight} \in \mathbb{{R}}^{{N_{{{size(rows)}}} \times N_{{{size(columns)}}}}}"
        yield Declaration("where", (Fragment.of(space),), "where")


def _base(name: str) -> str:
    return name.rpartition("_")[0]


def _index(equation: Equation) -> str:
    index = equation.target.rpartition("_")[2]
    return index if index in _INDICES and _base(equation.target) else ""


def _sums(equation: Equation, index: str) -> bool:
    """Whether a sum runs over the other index of a matrix: W_{ji} x_i for entry j."""
    others = "".join(counted_in(equation.fragment.text) - {index})
    pair = rf"_\s*\{{\s*(?:{index}\s*,?\s*[{others}]|[{others}]\s*,?\s*{index})\s*\}}"
    return bool(others) and re.search(pair, equation.right) is not None


def _reads(equation: Equation, index: str, vectors: set[str]) -> bool:
    """Whether all that an equation reads at a step are entries with its index, one of a known vector at least."""
    timed = [m.name for m in equation.used if m.offset is not None]
    return bool(timed) and all(name.endswith(f"_{index}") for name in timed) and bool({*map(_base, timed)} & vectors)
