"""Equations of a single unit, a_t = Σ_i w_i x_{t,i} + u h_{t-1} + b, with the sum over features as w^⊤ x_t."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from derive.patterns import regex
from derive.reader.models.equations.equation import LOSSES, Equation, Mention, mentions
from derive.reader.models.equations.names import letter_name
from derive.reader.resolving.indices import bound_of, factors_of, indices_of
from derive.reader.resolving.rewriting import whole_letter
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.note import Declaration
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Big, Syntax

_TURNED = regex(r"\\top|\\intercal|⊤|ᵀ|\^\s*\{?\s*T(?![A-Za-z])")


@dataclass(frozen=True)
class _Sum:
    """A sum over features with the letters of its two factors, the weights first."""

    start: int
    end: int
    weights: str
    values: str


def of_units(given: Sequence[Equation]) -> tuple[list[Equation], list[Declaration]]:
    """The equations, those that sum products of entries with no other index as products of vectors.

    With what this says: the weights are a vector, and what stands beside the sums is a number.
    """
    found: list[Equation] = []
    said: dict[str, Declaration] = {}
    for equation in given:
        sums = [] if equation.target in LOSSES or equation.entry else [*_sums(equation)]
        if sums and not _TURNED.search(equation.right):
            for one in _beside(equation, sums):
                said.setdefault(one, _declared(rf"{one} \in \mathbb{{R}}"))
            for each in sums:
                size = letter_name(each.values)
                said.setdefault(each.weights, _declared(rf"{each.weights} \in \mathbb{{R}}^{{N_{{{size}}}}}"))
            text = equation.fragment.text
            for each in reversed(sums):
                product = rf"{{{each.weights}}}^{{\top}} {each.values} "
                text = f"{text[: each.start]}{product}{text[each.end :]}"
            equation = replace(equation.rewritten(text), offset=equation.offset)
        found.append(equation)
    return found, [*said.values()]


def _sums(equation: Equation) -> Iterator[_Sum]:
    """The sums over products of two letters with the index that they run over and no other."""
    fragment = equation.fragment
    for node in (node for row in parse(fragment) for part in row for node in walk(part)):
        index = bound_of(node) if isinstance(node, Big) and node.sign == "sum" else None
        if isinstance(node, Big) and index is not None and re.fullmatch("[i-n]", index):
            letters = [*factors_of(node.body)]
            if len(letters) == 2 and all(whole_letter(one) and index in indices_of(one) for one in letters):
                texts = [_without(one, index, fragment) for one in letters]
                timed = [_is_timed(text) for text in texts]
                if sorted(timed) == [False, True]:
                    weights, values = texts[timed.index(False)], texts[timed.index(True)]
                    yield _Sum(node.start, node.end, weights, values)


def _without(letter: Syntax, index: str, fragment: Fragment) -> str:
    """The text of a letter without an index: x_t of x_{t,i} and of x_{ti}, W_f of W_{fi}."""
    text = fragment.text[letter.start : letter.end].strip()
    text = re.sub(rf",\s*{index}(?=\s*\}})|(?<=\{{){index}\s*,|(?<=\{{[A-Za-z]){index}(?=\}})", "", text)
    text = re.sub(rf"(?<=\{{){index}(?=t(?:\s*[-+]\s*\d)?\}})", "", text)
    return re.sub(rf"[_^]\s*(?:{index}(?!['\w])|\{{\s*\(?\s*{index}\s*\)?\s*\}})", "", text)


def _read(text: str) -> list[Mention]:
    return mentions(Fragment.of(text))


def _is_timed(text: str) -> bool:
    return any(one.offset is not None for one in _read(text))


def _beside(equation: Equation, sums: Sequence[_Sum]) -> Iterator[str]:
    """The letters of an equation that stand in no sum, each as it is written."""
    for one in mentions(equation.fragment):
        if not any(each.start <= one.start < each.end for each in sums):
            yield equation.fragment.text[one.start : one.end].strip()


def _declared(text: str) -> Declaration:
    return Declaration("where", (Fragment.of(text),), "where")
