"""Wrong formulas as texts: true ones with a named mistake in them, and true ones with their tokens disturbed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache

import by_numbers
from registry import RATED

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.nodes import Adjoint, Node
from derive.targets.formula import latex
from verify.mistakes.context import Context
from verify.mistakes.mutate import MISTAKES

NAMES = RATED


@cache
def derivation(name: str) -> Derivation:
    return differentiate(catalogue.find(name)).summed_losses


def named(name: str) -> Iterator[tuple[str, Node, Node]]:
    """Every gradient with every named mistake at every place: the mistake, and both sides."""
    found = derivation(name)
    for gradient in found.gradients:
        left = Adjoint(gradient.of)
        context = Context(found, left)
        seen = {gradient.value}
        for mistake in MISTAKES.values():
            for change in mistake.made_in(gradient.value, context):
                if change.node not in seen:
                    seen.add(change.node)
                    yield mistake.name, left, change.node


@cache
def true_texts(name: str) -> tuple[str, ...]:
    """The gradients and the forward equations of a model, as its pages print them."""
    found = derivation(name)
    sides = [(Adjoint(g.of), g.value) for g in found.gradients]
    sides += [(e.symbol, e.expression) for e in found.program.equations]
    texts = [f"{latex(left)} = {latex(right)}" for left, right in sides]
    return tuple(text for text in texts if by_numbers.judged(text, name) == "equal")


LETTERS = ["h", "c", "x", "W", "U", "V", "b", "y", "z", "r", "i", "f", "o", "g", "t", "T", "J", "k", "n", "K", "1", "2"]
SIGNS = [
    "+",
    "-",
    "=",
    r"\odot",
    "(",
    ")",
    "^",
    "_",
    ",",
    r"\top",
    r"\partial",
    r"\tanh",
    r"\sigma",
    r"\sum",
    "{",
    "}",
    "'",
]


def disturbed(name: str, number: int) -> tuple[str, str]:
    """A true text with one, sometimes two, of its tokens disturbed: the kind of the edit and the text."""
    rng = random.Random(f"{name} {number}")
    items = by_numbers.tokens(rng.choice(true_texts(name)))
    kinds = []
    for _ in range(rng.choice([1, 1, 1, 2])):
        kind = rng.choice(list(EDITS))
        kinds.append(kind)
        EDITS[kind](rng, items)
    return " and ".join(kinds), "".join(items)


def _places(items: list[str], wanted) -> list[int]:
    return [i for i, item in enumerate(items) if wanted(item)] or [rng_free(items)]


def rng_free(items: list[str]) -> int:
    return len(items) // 2


def _swap(rng, items):
    i, j = rng.choice(range(len(items))), rng.choice(range(len(items)))
    items[i], items[j] = items[j], items[i]


def _neighbours(rng, items):
    i = rng.randrange(len(items) - 1)
    items[i], items[i + 1] = items[i + 1], items[i]


def _delete(rng, items):
    del items[rng.randrange(len(items))]


def _delete_span(rng, items):
    i = rng.randrange(len(items))
    del items[i : i + rng.randint(2, 6)]


def _duplicate(rng, items):
    i = rng.randrange(len(items))
    items[i:i] = items[i : i + rng.randint(1, 8)]


def _index(rng, items):
    i = rng.choice(_places(items, lambda item: item == "t"))
    items[i : i + 1] = rng.choice(
        [["t", "-", "1"], ["t", "+", "1"], ["T"], ["t", "-", "2"], ["1"], ["0"], ["k"], ["2"]]
    )


def _shift(rng, items):
    i = rng.choice(_places(items, str.isdigit))
    items[i] = rng.choice(["0", "1", "2", "3"])


def _sign(rng, items):
    i = rng.choice(_places(items, lambda item: item in ("+", "-", r"\odot")))
    items[i] = rng.choice(["+", "-", r"\odot", "", r"\odot -", "/"])


def _letter(rng, items):
    letters = [item for item in items if len(item) == 1 and item.isalpha()]
    i = rng.choice(_places(items, lambda item: len(item) == 1 and item.isalpha()))
    items[i] = rng.choice(letters + LETTERS)


def _foreign(rng, items):
    items.insert(rng.randrange(len(items) + 1), " " + rng.choice(SIGNS + LETTERS) + " ")


def _raise(rng, items):
    i = rng.choice(_places(items, lambda item: item in ("t", "}", ")")))
    items.insert(i + 1, rng.choice([r"^\top", "^2", "'", r"^{\odot 2}", "_t", "^T", "^{-1}"]))


EDITS = {
    "two tokens exchanged": _swap, "neighbours exchanged": _neighbours, "a token deleted": _delete,
    "tokens deleted": _delete_span, "tokens doubled": _duplicate, "another time": _index, "another number": _shift,
    "another sign": _sign, "another letter": _letter, "a foreign token": _foreign, "a script added": _raise,
}  # fmt: skip
