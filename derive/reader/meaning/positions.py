"""Sums over positions or over all steps so far: attention, which no state of a fixed size can hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from derive.errors import InputError
from derive.functions import function
from derive.reader.meaning.letters import letter
from derive.reader.resolving.clocks import clock_of
from derive.reader.resolving.document import Document, is_claim
from derive.reader.resolving.indices import bound_of, factors_of
from derive.reader.resolving.rewriting import base_of, letters, scripts_of
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Big, Chain, Name, Syntax

WEIGHTS = frozenset(["alpha", "a", "beta", "p", "pi", "w"])
"""Letters of weights that sum to one."""
VALUES = frozenset("hsvxmz")
"""Letters of vectors, one for each position."""
ALL_STEPS = (
    "a sum over all steps so far is no step",
    "write what is carried from step to step, such as $S_t = S_{t-1} + v_t k_t^\\top$; weights of earlier steps that "
    "change in every step, as in attention, fit into no state of a fixed size",
)


@dataclass(frozen=True)
class _Said:
    """What the document says of its letters: those with a time on a left side, and the weights among them."""

    clock: str
    assigned: frozenset[str]
    weights: frozenset[str]
    declared: frozenset[str]


def refuse(document: Document) -> None:
    """Raise InputError for attention in an equation of a step, which would be read as a sum over entries."""
    chains = [(fragment, part) for fragment, part in document.displayed() if isinstance(part, Chain)]
    chains = [(fragment, chain) for fragment, chain in chains if not is_claim(chain)]
    sums = [(f, c, node) for f, c in chains for side in c.sides[1:] for node in _sums(side)]
    if not sums:
        return
    said = _said(document, chains)
    for fragment, chain, node in sums:
        left = letter(chain.sides[0])
        if left is not None and said.clock in _indices(chain.sides[0]):
            _refuse(node, fragment, said)


def _refuse(node: Big, fragment: Fragment, said: _Said) -> None:
    bound = bound_of(node)
    if bound is None or bound == said.clock:
        return
    inside = list(letters(node.body))
    alone = [one for one in inside if _indices(one) == {bound}]
    if any(_name(one) == said.clock for script in node.scripts for one in walk(script)) and alone:
        raise fragment.error(ALL_STEPS[0], node.start, node.end, ALL_STEPS[1])
    factors = list(factors_of(node.body))
    of_functions = [then for one, then in pairwise(factors) if function(_word(one)) is not None]  # log p_{t,k}
    weights = [one for one in inside if {bound, said.clock} == _indices(one) and one not in of_functions]
    values = [one for one in alone if one in factors and _word(one) not in said.declared]
    if not weights or not values or len(factors) < 2:
        return
    if any(_word(one) in said.assigned for one in values):
        raise fragment.error(ALL_STEPS[0], node.start, node.end, ALL_STEPS[1])
    weighted = {_word(one) for one in weights}
    if weighted & said.weights or (weighted & WEIGHTS and {_word(one) for one in values} & VALUES):
        raise _attention(node, values[0], fragment)


def _attention(node: Big, value: Syntax, fragment: Fragment) -> InputError:
    base = base_of(value)
    written = base.latex if isinstance(base, Name) else fragment.text[value.start : value.end]
    return fragment.error(
        "a weighted sum over positions is attention, and a cell has no axis for positions", node.start, node.end,
        "give the positions as the rows of one matrix: $\\alpha_t = \\operatorname{softmax}(M W s_{t-1})$, "
        "$c_t = M^\\top \\alpha_t$, with the lines   input: $M$   where $M \\in \\mathbb{R}^{n \\times d}$; "
        f"if there is a number for each position, say so: where ${written} \\in \\mathbb{{R}}^{{n}}$",
    )  # fmt: skip


def _said(document: Document, chains: list[tuple[Fragment, Chain]]) -> _Said:
    clock = clock_of(document.displayed()) or "t"
    assigned: set[str] = set()
    weights: set[str] = set()
    declared: set[str] = set()
    for _, chain in chains:
        left = chain.sides[0]
        if letter(left) is None or clock not in _indices(left):
            continue
        (assigned if _indices(left) == {clock} else weights).add(_word(left))
        if not any(_normal(side) for side in chain.sides[1:]):
            weights.discard(_word(left))
        else:
            weights.add(_word(left))
    for _, part in document.said():
        if isinstance(part, Chain) and part.relations and part.relations[0].type == "IN":
            declared |= {_word(part.sides[0])} if isinstance(part.sides[0], Name) else set()
    return _Said(clock, frozenset(assigned), frozenset(weights), frozenset(declared))


def _normal(side: Syntax) -> bool:
    """Whether a softmax, or a share of a sum of exponentials, stands in this."""
    words = {_name(one) for one in walk(side)}
    return "softmax" in words or ("exp" in words and any(isinstance(one, Big) for one in walk(side)))


def _sums(side: Syntax) -> Iterator[Big]:
    yield from (one for one in walk(side) if isinstance(one, Big) and one.sign == "sum")


def _word(node: Syntax) -> str:
    base = base_of(node)
    return base.word if isinstance(base, Name) else ""


def _name(node: Syntax) -> str | None:
    return node.word if isinstance(node, Name) else None


def _indices(node: Syntax) -> set[str]:
    """Single small letters among the scripts of a letter, above and below."""
    words = (_name(one) for script in scripts_of(node) for one in walk(script))
    return {word for word in words if word is not None and len(word) == 1 and word.islower()}
