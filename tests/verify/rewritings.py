"""True formulas rewritten in ways that keep them true: as expressions, as texts, in other letters and notations."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from registry import RATED
from spellings import spellings
from sympy import HadamardPower, HadamardProduct, Integer, MatAdd, MatMul, Transpose

from derive import catalogue, functions, nodes
from derive.calculus.adjoint import differentiate
from derive.lettering import lettered
from derive.nodes import Adjoint, Elementwise, Node, Quantity, Softmax, T, TimeSum, children, coefficient, rebuild, t
from derive.notation import notations
from derive.reader import read_note
from derive.targets.formula import latex, text

NAMES = RATED


@dataclass(frozen=True)
class Rewritten:
    """A text that says the same as a true formula, and how it was made."""

    kind: str
    name: str
    formula: str
    notation: str | None = None
    declared: bool = False
    """Whether the formula rests on what the model declares about its data."""


@cache
def derivation(name: str):
    return differentiate(catalogue.find(name)).summed_losses


def equations(name: str) -> list[tuple[Node, Node, bool]]:
    """The sides of every gradient and forward equation."""
    found = derivation(name)
    sides = [(Adjoint(g.of), g.value, bool(g.assumptions)) for g in found.gradients]
    return sides + [(e.symbol, e.expression, False) for e in found.program.equations]


# Rewriting expressions: at every place at once, where a rule applies


def everywhere(node: Node, rule) -> Node:
    """The rule at every place, from the inside out; None where it does not apply."""
    inner = rebuild(node, tuple(everywhere(child, rule) for child in children(node))) if children(node) else node
    changed = rule(inner)
    return inner if changed is None else changed


def commuted(node: Node) -> Node | None:
    if isinstance(node, MatAdd):
        return nodes.add(*reversed(node.args))
    number, base = coefficient(node)
    if isinstance(base, HadamardProduct):
        return nodes.scale(number, nodes.hadamard(*reversed(base.args)))
    return None


def distributed(node: Node) -> Node | None:
    """(a + b) ⊙ c as a ⊙ c + b ⊙ c, and (A + B) x as A x + B x."""
    number, base = coefficient(node)
    if isinstance(base, HadamardProduct | MatMul):
        join = nodes.hadamard if isinstance(base, HadamardProduct) else nodes.matmul
        for place, factor in enumerate(base.args):
            if isinstance(factor, MatAdd):
                parts = [join(*base.args[:place], term, *base.args[place + 1 :]) for term in factor.args]
                return nodes.scale(number, nodes.add(*parts))
    return None


def split_sum(node: Node) -> Node | None:
    """Σ (a + b) as Σ a + Σ b."""
    if type(node) is TimeSum and isinstance(node.term, MatAdd):
        return nodes.add(*(TimeSum(term, *node.args[1:]) for term in node.term.args))
    return None


def last_apart(node: Node) -> Node | None:
    """Σ from 1 to T as the last term and Σ from 1 to T - 1."""
    if type(node) is TimeSum and node.last == T:
        return nodes.add(node.term.xreplace({node.index: T}), TimeSum(node.term, node.index, node.first, T - 1))
    return None


def shifted_sum(node: Node) -> Node | None:
    """Σ from 1 to T of a_t as Σ from 0 to T - 1 of a_{t+1}."""
    if type(node) is TimeSum and node.last == T:
        return TimeSum(node.term.xreplace({node.index: node.index + 1}), node.index, node.first - 1, T - 1)
    return None


def turned(node: Node) -> Node | None:
    """A B as (Bᵀ Aᵀ)ᵀ."""
    number, base = coefficient(node)
    if isinstance(base, MatMul) and len(base.args) > 1:
        inner = MatMul(*(_flipped(factor) for factor in reversed(base.args)))
        return nodes.scale(number, Transpose(inner))
    return None


def _flipped(node: Node) -> Node:
    return node.arg if isinstance(node, Transpose) else Transpose(node)


def squares_factored(node: Node) -> Node | None:
    """1 - a² as (1 + a) ⊙ (1 - a)."""
    square = _one_minus_square(node)
    if square is None:
        return None
    one = nodes.ones(*node.shape)
    return nodes.hadamard(nodes.add(one, square), nodes.add(one, nodes.scale(-1, square)))


def _one_minus_square(node: Node) -> Node | None:
    if not isinstance(node, MatAdd) or len(node.args) != 2:
        return None
    ones = [part for part in node.args if coefficient(part) == (1, nodes.ones(*node.shape))]
    rest = [coefficient(part) for part in node.args if part not in ones]
    if len(ones) == 1 and rest[0][0] == -1 and isinstance(rest[0][1], HadamardPower) and rest[0][1].exp == 2:
        return rest[0][1].base
    return None


def squares_as_products(node: Node) -> Node | None:
    """a² as a ⊙ a."""
    if isinstance(node, HadamardPower) and node.exp == 2:
        return HadamardProduct(node.base, node.base)
    return None


def one_minus_sigmoid(node: Node) -> Node | None:
    """1 - s as σ(-a), where s is σ(a)."""
    if not isinstance(node, MatAdd) or len(node.args) != 2:
        return None
    ones = [part for part in node.args if coefficient(part) == (1, nodes.ones(*node.shape))]
    rest = [coefficient(part) for part in node.args if part not in ones]
    if len(ones) == 1 and rest[0][0] == -1 and isinstance(rest[0][1], Elementwise):
        called = rest[0][1]
        if called.function.name == "sigmoid":
            return Elementwise(called.function, nodes.scale(-1, called.operands[0]))
    return None


def tanh_by_sigmoid(node: Node) -> Node | None:
    """tanh(a) as 2σ(2a) - 1."""
    if isinstance(node, Elementwise) and node.function.name == "tanh":
        sigmoid = functions.function("sigmoid")
        inner = Elementwise(sigmoid, nodes.scale(2, node.operands[0]))
        return nodes.add(nodes.scale(2, inner), nodes.scale(-1, nodes.ones(*node.shape)))
    return None


def sigmoid_by_tanh(node: Node) -> Node | None:
    """σ(a) as ½ + ½ tanh(a/2)."""
    if isinstance(node, Elementwise) and node.function.name == "sigmoid":
        half = Integer(1) / 2
        inner = Elementwise(functions.function("tanh"), nodes.scale(half, node.operands[0]))
        return nodes.add(nodes.scale(half, nodes.ones(*node.shape)), nodes.scale(half, inner))
    return None


def sigmoid_by_exp(node: Node) -> Node | None:
    """σ(a) as 1 / (1 + exp(-a))."""
    if isinstance(node, Elementwise) and node.function.name == "sigmoid":
        return nodes.power(nodes.add(nodes.ones(*node.shape), _exp(nodes.scale(-1, node.operands[0]))), -1)
    return None


def tanh_by_exp(node: Node) -> Node | None:
    """tanh(a) as (exp(a) - exp(-a)) / (exp(a) + exp(-a))."""
    if isinstance(node, Elementwise) and node.function.name == "tanh":
        up, down = _exp(node.operands[0]), _exp(nodes.scale(-1, node.operands[0]))
        return nodes.divide(nodes.add(up, nodes.scale(-1, down)), nodes.add(up, down))
    return None


def log_of_inverse(node: Node) -> Node | None:
    """log(v) as -log(1 / v)."""
    if isinstance(node, Elementwise) and node.function.name == "log":
        return nodes.scale(-1, Elementwise(node.function, nodes.power(node.operands[0], -1)))
    return None


def softmax_by_exp(node: Node) -> Node | None:
    """softmax(z) as exp(z) / (𝟏ᵀ exp(z))."""
    if isinstance(node, Softmax):
        powers = _exp(node.operand)
        return nodes.matmul(powers, nodes.power(nodes.total(powers), -1))
    return None


def doubled_argument(node: Node) -> Node | None:
    """exp(a) as exp(a / 2)², and ReLU(a) as ReLU(2a) / 2."""
    if isinstance(node, Elementwise) and node.function.name == "exp":
        return nodes.power(_exp(nodes.scale(Integer(1) / 2, node.operands[0])), 2)
    if isinstance(node, Elementwise) and node.function.name == "relu":
        return nodes.scale(Integer(1) / 2, Elementwise(node.function, nodes.scale(2, node.operands[0])))
    return None


def _exp(node: Node) -> Node:
    return Elementwise(functions.function("exp"), node)


def diagonal_factors(node: Node) -> Node | None:
    """a ⊙ b as diag(a) b, for columns."""
    number, base = coefficient(node)
    if isinstance(base, HadamardProduct) and base.shape[1] == 1 and base.shape[0] != 1:
        *others, last = sorted(base.args, key=lambda factor: isinstance(factor, Adjoint))
        if all(not (isinstance(other, HadamardPower) and other.exp.is_negative) for other in (*others, last)):
            return nodes.scale(number, nodes.matmul(*(nodes.diag(other) for other in others), last))
    return None


RULES = {
    "commuted": commuted, "distributed": distributed, "the sum split": split_sum, "the last step apart": last_apart,
    "the index of the sum shifted": shifted_sum, "transposed twice": turned, "squares factored": squares_factored,
    "squares as products": squares_as_products, "σ(-a)": one_minus_sigmoid, "tanh by σ": tanh_by_sigmoid,
    "σ by tanh": sigmoid_by_tanh, "σ by exp": sigmoid_by_exp, "tanh by exp": tanh_by_exp,
    "log of one over": log_of_inverse, "softmax by exp": softmax_by_exp, "another argument": doubled_argument,
    "diagonal matrices": diagonal_factors,
}  # fmt: skip


def opened(name: str, node: Node) -> Node:
    """The gates by their functions: o_t as σ(net_{o,t}); what stands at t - 1 may be an initial state."""
    by = {e.symbol.name: e for e in derivation(name).program.equations if isinstance(e.expression, Elementwise)}

    def rule(part: Node) -> Node | None:
        if isinstance(part, Quantity) and part.name in by and part.time not in (None, t - 1):
            return nodes.shift(by[part.name].expression, part.time - t)
        return None

    return everywhere(node, rule)


# Other letters: the whole model renamed


RENAMED = {
    "rnn": {"h": "s", "W": "A", "U": "B", "b": "q"},
    "gru": {"z": "u", "h": "s", "r": "v", "x": "q", "W": "A", "U": "B"},
    "gru_reset_after": {"z": "u", "h": "s", "r": "v", "x": "q", "W": "A", "U": "B", "n": "m"},
    "lstm": {"h": "m", "c": "s", "g": "a", "x": "u", "W": "A", "U": "R", "b": "d"},
    "linear_squared_error": {"V": "A", "h": "s", "y": "d", "c": "a"},
    "sigmoid_binary_cross_entropy": {"V": "A", "h": "s", "y": "d", "c": "a", "z": "o"},
    "softmax_cross_entropy": {"V": "A", "h": "s", "y": "d", "c": "a", "z": "o"},
    "squared_error": {"V": "A", "h": "s", "y": "d", "c": "a", "z": "o", "g": "f"},
}


@cache
def renamed_model(name: str):
    """The model in other letters, read from its own note."""
    from importlib.resources import files

    folder = "heads" if name in catalogue.heads() else "cells"
    note = (files("derive") / folder / f"{name}.md").read_text(encoding="utf-8")
    head, _, rest = note.partition("$$")
    return read_note(head + "$$" + _other_letters(name, rest))


def _other_letters(name: str, formula: str) -> str:
    table = RENAMED[name]
    words = re.compile(r"\\[A-Za-z]+|[A-Za-z]+")

    def other(match: re.Match[str]) -> str:
        return table.get(match.group(), match.group())

    return words.sub(other, formula)


def rewritten(name: str) -> Iterator[Rewritten]:
    """Every rewriting of every formula of a model, each text once."""
    seen = set()
    for each in _all(name):
        key = each.formula, each.notation, each.kind == "renamed"
        if key not in seen:
            seen.add(key)
            yield each


def _all(name: str) -> Iterator[Rewritten]:
    own = derivation(name).cell.notation
    for left, right, declared in equations(name):
        printed = f"{latex(left, own)} = {latex(right, own)}"
        gates = opened(name, right)
        for kind, rule in RULES.items():
            for before, after in (("", right), (" with gates opened", gates)):
                changed = everywhere(after, rule)
                if changed != after:
                    yield Rewritten(kind + before, name, f"{latex(left, own)} = {latex(changed, own)}", None, declared)
                    twice = everywhere(changed, commuted)
                    yield Rewritten(
                        kind + before + ", commuted", name, f"{latex(left, own)} = {latex(twice, own)}", None, declared
                    )
        if gates != right:
            yield Rewritten("gates opened", name, f"{latex(left, own)} = {latex(gates, own)}", None, declared)
        for kind, formula in spellings(printed):
            if formula != printed:
                yield Rewritten(kind, name, formula, None, declared)
        deltas = [q for q in derivation(name).program.quantities if q.startswith("net_")]
        yield Rewritten(
            "δ for the error of net", name, f"{latex(left, own, deltas)} = {latex(right, own, deltas)}", None, declared
        )
        yield Rewritten("plain text", name, f"{text(left, own)} = {text(right, own)}", None, declared)
        if name in RENAMED:
            yield Rewritten("renamed", name, _other_letters(name, printed), None, declared)
        for key, table in notations().items():
            among = lettered(table, derivation(name).program)
            sides = f"{latex(left, among)} = {latex(right, among)}"
            yield Rewritten("another notation", name, sides, key, declared)
            swapped = everywhere(right, commuted)
            yield Rewritten(
                "another notation, commuted", name, f"{latex(left, among)} = {latex(swapped, among)}", key, declared
            )


def sample(count: int) -> list[Rewritten]:
    """Some rewritings of every model, drawn with a fixed seed."""
    rng = random.Random(7)
    found = [each for name in NAMES for each in rewritten(name)]
    return rng.sample(found, min(count, len(found)))


__all__ = ["NAMES", "Rewritten", "renamed_model", "rewritten", "sample"]
