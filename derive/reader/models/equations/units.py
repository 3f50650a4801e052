"""Equations of a single unit, a_t = Σ_i w_i x_{t,i} + u h_{t-1} + b, with the sum over features as w^⊤ x_t."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from derive.reader.models.equations.equation import LOSSES, TRANSPOSES, Equation, Mention, mentions
from derive.reader.models.equations.names import letter_name
from derive.reader.models.equations.wholes import without_entry
from derive.reader.resolving.indices import bound_of, factors_of, indices_of
from derive.reader.resolving.rewriting import whole_letter
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.note import Declaration
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Big


@dataclass(frozen=True)
class _Sum:
    """A sum over features with the letters of its two factors, the weights first."""

    start: int
    end: int
    weights: str
    values: str


def of_units(given: Sequence[Equation]) -> tuple[list[Equation], list[Declaration]]:
    """The equations, those that sum products of entries with no other index as products of vectors.

    With what this says: the weights are a vector, and what stands beside the sums is a number. A letter behind the one
    that is computed may be such an index, h of a_h, where no quantity has it, as a gate f of a_f.
    """
    found: list[Equation] = []
    said: dict[str, Declaration] = {}
    known = {e.target for e in given}
    for equation in given:
        label = equation.target.rpartition("_")[2] if "_" in equation.target else ""
        counted = bool(equation.entry) or (len(label) == 1 and label.isalpha() and label not in known)
        sums = [] if equation.target in LOSSES or counted else _sums(equation)
        if any(letter_name(each.weights) in known for each in sums):
            sums = []  # Σ_k α_{t,k} h_k of values of other steps
        if any(_of_one_entry(equation, each) for each in sums):
            sums = []
        if sums and not TRANSPOSES.search(equation.right):
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


def _of_one_entry(equation: Equation, summed: _Sum) -> bool:
    """Whether weights keep an index that what is added has, too: W_{ij} beside b_i, of an entry not named."""
    kept = re.findall(r"[_{,\s]([i-n])(?=[},\s])", summed.weights)
    return any(re.search(rf"(?<![A-Za-z\\])[a-z]\s*_\s*(?:\{{\s*)?{i}(?![A-Za-z])", equation.right) for i in kept)


def _sums(equation: Equation) -> list[_Sum]:
    """The sums of an equation, if all run over products of two letters with their index and no other; else none."""
    fragment = equation.fragment
    every = [node for row in parse(fragment) for part in row for node in walk(part) if isinstance(node, Big)]
    found = [_over_features(node, fragment) for node in every]
    return [one for one in found if one is not None] if None not in found else []


def _over_features(node: Big, fragment: Fragment) -> _Sum | None:
    index = bound_of(node) if node.sign == "sum" else None
    letters = [*factors_of(node.body)]
    if index is None or not re.fullmatch("[i-n]", index) or len(letters) != 2:
        return None
    limits = (fragment.text[one.start : one.end] for one in node.scripts)
    if any(re.search(r"(?<![A-Za-z\\])[tT](?![A-Za-z])", one) for one in limits):
        return None  # over steps
    if not all(whole_letter(one) and index in indices_of(one) for one in letters):
        return None
    written = [fragment.text[one.start : one.end].strip() for one in letters]
    texts = [_without(one, index) for one in written]
    left = re.compile(rf"(?<![A-Za-z\\]){index}(?![A-Za-z])")
    timed = [_is_timed(text) for text in texts]
    if sorted(timed) != [False, True] or not set(texts).isdisjoint(written) or any(map(left.search, texts)):
        return None
    return _Sum(node.start, node.end, texts[timed.index(False)], texts[timed.index(True)])


def _without(text: str, index: str) -> str:
    """A letter without an index: x_t of x_{t,i} and of x_{it}, W_f of W_{fi}."""
    glued = rf"(?<=\{{[A-Za-z]){index}(?=\}})|(?<=\{{){index}(?=t(?:\s*[-+]\s*\d)?\}})"
    return without_entry(re.sub(glued, "", text), index)


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
