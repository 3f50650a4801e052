"""Arrays with what belongs to all steps, as programs have them: dW = X_all^T dZ_all is Σ_t x_t^T dz_t."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from derive.patterns import regex
from verify.notes.door.gates import changed
from verify.notes.files import Document, Formula

OF_STEPS = "{array} has what belongs to all steps below each other: of step t that is {one}"
LEFT_OUT = "the sum over the batch is left out: there is one example"
HANDED_IN = "{array} of step t is what J reads of {one} itself, which is handed in"

_S = r"(?:\s|\\[,;:! ])*"
_FACE = r"\\(?:text|mathrm|textrm|mathit|operatorname)\s*"
_ARRAY = regex(
    rf"(?P<d>(?<![A-Za-z\\])(?:d\s?|\\(?:mathrm|text)\s*\{{d\}}\s*)|\\(?:Delta|delta)\s*)?"
    rf"(?P<letter>(?<![A-Za-z\\_{{])[A-Z]|(?<=(?<![A-Za-z\\])d)[A-Z]|\\(?:mathbf|bm|boldsymbol)\s*\{{\s*[A-Z]\s*\}})"
    rf"\s*_\s*\{{\s*(?:{_FACE}\{{)?\s*(?P<when>prev(?:ious)?|next)?(?:\\_|[\s_-])*"
    r"(?:all|seq(?:uence)?|flat(?:tened)?|stack(?:ed)?)\s*\}?\s*\}"
    r"(?P<turned>\s*\^\s*(?:\\top(?![A-Za-z])|T(?![A-Za-z])|\{\s*(?:\\top|T)\s*\}))?"
    r"(?P<at>\s*\[\s*t\s*\])?"
)
"""X_{\\text{all}}^T, H_{\\text{prev\\_all}}, dH_{\\text{seq}}[t]: a capital letter with all, seq or the like below."""
_SUM = regex(
    rf"\\sum(?:\\limits)?(?:{_S}_{_S}(?:(?P<one>t)(?![A-Za-z])|\{{(?P<several>[a-z](?:\s*,\s*[a-z])*)(?:\s*=\s*[01])?\s*\}}))?"
    rf"(?:{_S}\^{_S}(?:T(?![A-Za-z])|\{{[^{{}}]*\}}))?{_S}\Z"
)
_BETWEEN = regex(r"\s*(?:\\(?:cdot|times|,|;|!)\s*|@\s*)*")
_APART = regex(r"\\\\|\\q?quad(?![A-Za-z])|,|;")
_NAMES = regex(r"(?P<name>(?<![A-Za-z\\])[A-Z](?:\s*_\s*(?:\{[^{}]*\}|[A-Za-z]))?)\s*\[\s*t\s*\]")


_OTHERS = frozenset("ljewuvb")
"""Letters whose capitals with such a label are the loss of all steps, or all weights side by side."""


@dataclass(frozen=True)
class _Array:
    """An array in a formula: where it stands, and what it is of step t."""

    start: int
    end: int
    written: str
    name: str
    letter: str
    step: str
    differential: str
    turned: str
    picked: bool

    @property
    def one(self) -> str:
        """What belongs to one step."""
        return f"{self.differential}{self.letter}_{{{self.step}}}{self.turned}"


def of_single_steps(document: Document) -> Document:
    """The document with sums over steps, or single steps, in the place of arrays of all steps."""
    texts = [each.text for each in document.formulas if each.claims]
    if not any(map(_ARRAY.search, texts)):
        return document
    timed = {
        letter
        for text in texts
        for letter in re.findall(r"(?<![A-Za-z\\])d?([a-z])\s*_\s*(?:t(?![A-Za-z])|\{\s*t)", text)
    }
    named = {" ".join(match["name"].split()) for text in texts for match in _NAMES.finditer(text)}

    def one(formula: Formula) -> Formula:
        if formula.fragment.plain or not formula.claims:
            return formula
        arrays = list(_arrays(formula.text))
        known = all(a.letter in timed | {"x"} and a.letter not in _OTHERS for a in arrays)
        return _rewritten(formula, arrays, named) if arrays and known else formula

    parts = (replace(part, formulas=tuple(map(one, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


def _arrays(text: str) -> Iterator[_Array]:
    for match in _ARRAY.finditer(text):
        step = {"p": "t-1", "n": "t+1"}.get((match["when"] or "")[:1], "t")
        letter = re.sub(r"\\[a-z]+|[{}\s]", "", match["letter"]).lower()
        turned = "" if match["turned"] is None else "^T"
        name = text[match.start() : match.start("turned") if match["turned"] else match.end()]
        name = name if match["at"] is None else name[: match.start("at") - match.start()]
        written = text[match.start() : match.end()].strip()
        d = (match["d"] or "").strip()
        yield _Array(*match.span(), written, name, letter, step, d, turned, match["at"] is not None)


def _rewritten(formula: Formula, arrays: list[_Array], named: set[str]) -> Formula:
    """The formula with every array made that of a step; as it was where one of its clauses has no such form."""
    text, changes, told = formula.text, [], []
    for start, end in _clauses(text):
        inside = [array for array in arrays if start <= array.start < end]
        if not inside:
            continue
        found = _of_clause(text, start, end, inside, named)
        if found is None:
            return formula
        changes += found[0]
        told += found[1]
    fragment = changed(formula.fragment, text, sorted(changes))
    given = "; ".join(filter(None, (formula.fragment.given, *dict.fromkeys(told))))
    return replace(formula, fragment=replace(fragment, given=given))


Changes = list[tuple[int, int, str]]


def _of_clause(
    text: str, start: int, end: int, arrays: list[_Array], named: set[str]
) -> tuple[Changes, list[str]] | None:
    """What to put in the place of arrays in one equation, and what is said of that."""
    equals = text.find("=", start, end)
    if equals < 0:
        return None
    left = [array for array in arrays if array.start < equals]
    pieces = list(_terms(text, equals + 1, end))
    right = [[array for array in arrays if a <= array.start < b] for a, b in pieces]
    changes: Changes = []
    told = [
        OF_STEPS.format(array=f"${a.name}$", one=f"${a.differential}{a.letter}_{{{a.step}}}$")
        for a in arrays
        if not a.picked
    ]
    target = re.sub(r"[\s&]", "", text[start:equals])
    if left:  # all steps of both sides
        if len(left) != 1 or any(len(inside) != 1 or inside[0].turned for inside in right):
            return None
        return [(a.start, a.end, a.one) for a in arrays], told
    for (a, _), inside in zip(pieces, right, strict=True):
        if len(inside) == 2 and _contracted(text, *inside):
            one, other = inside
            changes += [(one.start, one.end, rf"\sum_t {one.one}"), (other.start, other.end, other.one)]
        elif len(inside) == 1 and inside[0].picked:
            array = inside[0]
            own = target.startswith(f"{array.differential}{array.letter}_") and bool(array.differential)
            told.append(
                (HANDED_IN if own else OF_STEPS).format(
                    array=f"${array.name}$", one=f"${array.letter}_t$" if own else f"${array.one}$"
                )
            )
            new = rf"\frac{{\partial^{{+}} L}}{{\partial {array.letter}_t}}" if own else array.one
            changes.append((array.start, array.end, new))
        elif len(inside) == 1 and (found := _SUM.search(text, a, inside[0].start)) is not None:
            changes += [(found.start(), found.end(), r"\sum_t "), (inside[0].start, inside[0].end, inside[0].one)]
            told += [LEFT_OUT] * (found["several"] not in (None, "t"))
        elif inside:
            name = " ".join(text[start:equals].replace("&", "").split())
            if len(inside) > 1 or inside[0].turned or name not in named:
                return None
            changes += [(equals, equals, "[t] "), (inside[0].start, inside[0].end, inside[0].one)]
    return changes, told


def _contracted(text: str, one: _Array, other: _Array) -> bool:
    """Whether two arrays stand beside each other so that their product sums over the steps."""
    beside = _BETWEEN.fullmatch(text, one.end, other.start) is not None
    return beside and bool(one.turned) != bool(other.turned) and not (one.picked or other.picked)


def _clauses(text: str) -> Iterator[tuple[int, int]]:
    """The equations that stand beside each other in a formula; each side of a = b = c behind the first with that."""
    cuts = [
        0,
        *(at for found in _APART.finditer(text) if not _depth(text, found.start()) for at in found.span()),
        len(text),
    ]
    yield from zip(cuts[::2], cuts[1::2], strict=True)


def _terms(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The terms right of an equals sign."""
    cuts = [start, *(at for at in range(start, end) if text[at] in "+-=" and not _depth(text[start:at])), end]
    yield from pairwise(cuts)


def _depth(text: str, end: int | None = None) -> int:
    before: Iterable[str] = text[:end]
    return sum((sign in "{([") - (sign in "})]") for sign in before)
