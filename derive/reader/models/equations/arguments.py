"""Names for the arguments of other equations: a_t = W x_t for h_t = f(a_t) = f(W x_t), in one formula or in two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from derive.notation import TimeStyle
from derive.reader.meaning.symbols import Symbol
from derive.reader.models.equations.equation import EVERY_STEP, TIMES, Equation, mentions
from derive.reader.text.fragment import Fragment, piece
from derive.reader.text.note import Found
from derive.reader.text.syntax import Chain


def named_on_the_way(chain: Chain, fragment: Fragment, formula: Found, index: int) -> Iterator[Equation]:
    """z_t = W x_t in h_t = f(z_t) = f(W x_t): two right sides that differ in one letter say what that letter is."""
    for pair in pairwise(chain.sides[1:]):
        for short, full in (pair, pair[::-1]):
            found = _difference(fragment, short.start, short.end, fragment.text[full.start : full.end])
            if found is not None:
                named, start, end = found
                value = fragment.text[full.start + start : full.start + end]
                yield called(fragment, named, piece(fragment, full.start, full.end), value, formula, index)
                break


def with_named_arguments(given: Sequence[Equation]) -> list[Equation]:
    """The equations, with a_t = W x_t for z_t = σ(W x_t) where the note has z_t = σ(a_t) and no equation for a_t."""
    defined = {e.target for e in given}
    found: dict[str, Equation] = {}
    longer = []
    for short in given:
        names = {m.name for m in short.used} - defined
        for full in given if len(short.used) == 1 and names else ():
            same = full is not short and (full.target, full.offset) == (short.target, short.offset)
            right = short.fragment.text.rstrip(" \n.,;")
            between = _difference(short.fragment, short.right_start, len(right), full.right) if same else None
            if between is not None and between[0].name in names - set(found) - _constants(given, short):
                named, start, end = between
                made = called(short.fragment, named, full.fragment, full.right[start:end], full, full.index)
                found[named.name] = made
                longer.append(full)
    return [*(e.with_steps(found) for e in given if e not in longer), *found.values()]


def arguments_of_its_step(equation: Equation, given: Sequence[Equation]) -> frozenset[str]:
    """What stands alone in a bracket without its step, and has an equation of every step: p of a_t = tanh(p)."""
    text, timed = equation.fragment.text, {e.target for e in given if e.offset == 0} - {equation.target}
    alone = (m for m in equation.used if text[: m.start].rstrip()[-1:] == "(" and text[m.end :].lstrip()[:1] == ")")
    return frozenset(m.name for m in alone if m.offset is None and m.name in timed)


def with_lost_steps(equation: Equation, given: Sequence[Equation]) -> Equation:
    """The equation with the step of a letter that has it beside it too: (1 - z) ⊙ n_t + z_t ⊙ h_{t-1}."""
    timed = {e.target for e in given if e.offset == 0} & {m.name for m in equation.used if m.offset == 0}
    lost = sorted({m.name for m in equation.used if m.offset is None and m.name in timed})
    if not lost or equation.said:
        return equation
    return replace(equation.with_steps(lost), said="; ".join(EVERY_STEP.format(name=name) for name in lost))


def _constants(given: Sequence[Equation], but: Equation) -> set[str]:
    """What other equations read without a step: b of σ(W x_t + b), for which σ(b) has no other name."""
    return {m.name for e in given if e is not but for m in e.used if m.offset is None}


def called(
    fragment: Fragment, named: Symbol, whole: Fragment, right: str, source: Found | Equation, index: int
) -> Equation:
    """The equation that gives a letter of one text a part of another."""
    style = named.style or TimeStyle.SUBSCRIPT
    turned = f"{named.latex}{TIMES[style]}"  # z_t of z_t^⊤
    written = turned if named.transposed else fragment.text[named.start : named.end]
    said = "" if named.offset is not None else EVERY_STEP.format(name=named.name)
    written = written if named.offset is not None else f"{{{written.strip()}}}_t"
    text = f"{written} = {right}"
    cut = replace(whole, text=text, lines=whole.lines[:1])
    place = cut.place(0)
    edge = len(written)
    at = (place.file, place.line, place.column)
    return Equation(named.name, 0, style, cut, edge, edge + 2, source.section, index, at, said=said)


def _difference(fragment: Fragment, first: int, last: int, other: str) -> tuple[Symbol, int, int] | None:
    """The letter of text[first:last] in whose place the other text has other[start:end]; blanks do not count."""
    text = fragment.text[first:last]
    for mention in mentions(replace(fragment, text=" " * first + text)):
        if mention.offset not in (0, None):
            continue
        before = bare(fragment.text[first : mention.start])
        after = bare(fragment.text[mention.end : last])
        places = [i for i, character in enumerate(other) if not character.isspace()]
        plain = "".join(other.split())
        end_ = len(plain.rstrip(".,;")) if not after.endswith((".", ",", ";")) else len(plain)
        plain, places = plain[:end_], places[:end_]
        if not plain.startswith(before) or not plain.endswith(after) or len(before) + len(after) >= len(plain):
            continue
        start, end = places[len(before)], places[len(plain) - len(after) - 1] + 1
        if bare(other[start:end]) == bare(fragment.text[mention.start : mention.end]):
            continue  # the same equation again
        if other[start:end].count("(") != other[start:end].count(")"):
            continue
        if mention.offset is None and not _whole_argument(before, after, other[start:end], fragment):
            continue  # W of f(W x_t) = f(U x_t)
        named = Symbol(mention.name, "", mention.start, mention.end, mention.offset)
        return named, start, end
    return None


def _whole_argument(before: str, after: str, value: str, fragment: Fragment) -> bool:
    """Whether what stands between two texts is all that a function is taken of, computed from several letters."""
    read = {m.name for m in mentions(replace(fragment, text=value, lines=fragment.lines[:1]))}
    return before.endswith("(") and after.startswith(")") and len(read) > 1


def bare(text: str) -> str:
    """A text without its blanks."""
    return "".join(text.split())
