"""What a model does not say: an equation that cannot be used, one that is missing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from derive.patterns import regex
from derive.reader.models.choice import Choice, Refused
from derive.reader.models.equations.equation import INPUTS, Equation
from derive.reader.models.equations.finding import NO_TIME, Unread
from derive.reader.models.equations.names import stripped

_LOOKED_UP = regex(
    r"[\s&]*(?:\\(?:mathbf|bm|boldsymbol|text|mathrm)\s*\{\s*\w+\s*\}|\\?[A-Za-z]+)(?:_(?:\w|\{[^{}]*\}))?\s*"
    r"\[\s*\\?[A-Za-z]+\s*_\s*(?:t|\{\s*t\s*\})\s*(?:,\s*:\s*)?\][\s.,;]*"
)
_ENCODED = regex(
    r"[\s&]*\\(?:text|math|operatorname)[a-z]*\s*\{\s*(?:one[-_\\ ]*hot|embed(?:ding)?|emb|lookup)\s*\}"
    r"\s*\([^()=]*\)[\s.,;]*",
    re.IGNORECASE,
)
"""A symbol as a vector: \\text{one-hot}(inputs_t)."""
_UNDECLARED = regex(r"(?<![A-Za-z\\_^{])(?P<word>[A-Z]{2,})\s*(?=\(|\\left\s*\(|\\[bB]ig+l?\s*\()")

_AT_THE_END = regex(r"(?P<letter>\w+)_T[i-n]")
"""An entry at the last step, z_{T,k}, which the equation of z_t gives."""


@dataclass(frozen=True)
class Hole:
    """A quantity whose equation is not known; `reaching` are all names that may act on it, None if any may.

    `refused` is the equation that it has, which cannot be used.
    """

    name: str
    reason: str
    reaching: frozenset[str] | None = None
    refused: Refused | None = None

    def touches(self, names: Collection[str]) -> bool:
        """Whether one of these may act on the hole."""
        return bool(names) and (self.reaching is None or not self.reaching.isdisjoint(names))


def reaching(name: str, used: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Everything that a quantity is computed from, at this step or before, by the names that each equation uses."""
    found: set[str] = set()
    waiting = [*used.get(name, ())]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += used.get(current, ())
    return frozenset(found)


def find_holes(chosen: Choice) -> None:
    """Quantities whose equation cannot be parsed, or that are carried from step to step without an equation."""
    letters = {m.name for e in chosen.by_name.values() for m in e.used}
    for equation in list(chosen.by_name.values()):
        for called in _UNDECLARED.finditer(equation.right):
            if not set(called.group("word")) & _capitals_apart(chosen, equation):
                words = f"{called.group('word')} is not declared"
                leave_open(chosen, equation.target, Refused(equation.at, words))
    for each in chosen.given.unread:
        if (entry := _AT_THE_END.fullmatch(each.name)) is not None and entry["letter"] in chosen.by_name:
            continue
        known = {each.name, stripped(each.name)} & set(chosen.by_name)
        if known and all(_is_from_elsewhere(chosen, each, name) for name in known):
            for name in known:
                leave_open(chosen, name, Refused(each.place, each.reason))
            continue
        spoken = each.name in letters | set(chosen.wanted) and not known
        if spoken and not _is_another(chosen, each) and chosen.used.get(each.name, {0}) - {None}:
            leave_open(chosen, each.name, Refused(each.place, each.reason))
    for name, offsets in chosen.used.items():
        defined = name in chosen.by_name or name in chosen.open or name in chosen.before
        if defined or not offsets & {-1, -2} or 0 in offsets:
            continue
        if _is_given(chosen, name):
            chosen.assumed.append(f"{name} is given, not computed")
            chosen.late_inputs.add(name)
        elif -1 in offsets:
            chosen.open[name] = "the note has no equation for it"
            chosen.missing.add(name)


def _is_given(chosen: Choice, name: str) -> bool:
    """Whether x_{t-1} beside h_{t-1}, or y_{t-1} where ŷ_t is computed, is an input read one step late."""
    carried = any(m.offset == -1 and m.name in chosen.by_name for e in chosen.by_name.values() for m in e.used)
    return (carried and (name in INPUTS or f"{name}_hat" in chosen.by_name)) or _is_compared(chosen, name)


def _is_compared(chosen: Choice, name: str) -> bool:
    """Whether a loss of the document compares y_t, which it never computes, with ŷ_t."""
    everywhere = chosen.given.equations
    compared = any({(name, 0), (f"{name}_hat", 0)} <= {(m.name, m.offset) for m in e.used} for e in everywhere)
    return compared and all(e.target != name for e in everywhere)


def _is_from_elsewhere(chosen: Choice, unread: Unread, name: str) -> bool:
    """Whether a section has an equation that cannot be used, so that another section's would stand in for it."""
    here, there = chosen.section, chosen.by_name[name].section
    return unread.section == here != there[: len(here)] and unread.reason != NO_TIME


def of_others(chosen: Choice) -> frozenset[tuple[str, int, int]]:
    """The places of equations for other things that share a letter with the model: they claim nothing about it."""
    letters = {m.name for e in chosen.by_name.values() for m in e.used}
    others = (each for each in chosen.given.unread if each.name in letters and _is_another(chosen, each))
    return frozenset((each.place.file, each.place.line, each.place.column) for each in others)


def _is_another(chosen: Choice, unread: Unread) -> bool:
    """Whether x = f(...) without a time is another thing than the x_t that the model reads.

    So it is in a section behind the model, and in its own or one before it where it reads nothing that the model
    computes.
    """
    places = [e.place for e in chosen.by_name.values()]
    here = unread.place.file, unread.place.line
    behind = bool(places) and max(places)[0] == here[0] and max(places)[1] < here[1]
    apart = unread.section not in {chosen.section, *(e.section for e in chosen.by_name.values())}
    before = bool(places) and min(places)[:2] > here and apart and not unread.used & set(chosen.by_name)
    timed = chosen.used.get(unread.name, {None}) - {None}
    elsewhere = unread.section != chosen.section or not unread.used & set(chosen.by_name)
    return (behind or before) and bool(timed) and unread.reason == NO_TIME and elsewhere


def _capitals_apart(chosen: Choice, equation: Equation) -> set[str]:
    """The capitals that stand alone somewhere else in the note."""
    return {
        name
        for other in chosen.given.equations
        for name in (m.name for m in other.used)
        if other is not equation and len(name) == 1 and not _UNDECLARED.search(other.right)
    }


def leave_open(chosen: Choice, name: str, refused: Refused) -> None:
    """Make a hole of a quantity whose equation cannot be used."""
    chosen.open[name] = f"its equation in line {refused.place.line} cannot be used ({refused.reason})"
    chosen.refused[name] = refused


def give(chosen: Choice, equation: Equation) -> None:
    """Take what an equation computes as given, without its equation and without those that nothing else reads."""
    chosen.ends[equation.target] = chosen.behind(equation) - {equation.target}
    waiting = [equation]
    while waiting:
        left = waiting.pop()
        del chosen.by_name[left.target]
        chosen.of_data.add(left.place)
        read = {m.name for m in left.used} - set(chosen.used)
        waiting += [e for name, e in chosen.by_name.items() if name in read and not e.loss and e not in waiting]


def is_made_of_data(chosen: Choice, equation: Equation) -> bool:
    """Whether an equation says how an input is put together at its step, of what nothing else of the note computes.

    A row that is looked up, e_t = E[w_t], and a symbol as a vector are inputs by whatever letter.
    """
    if _ENCODED.fullmatch(equation.right):
        return True
    if equation.target.partition("_")[0].lower() not in INPUTS and not _LOOKED_UP.fullmatch(equation.right):
        return False
    computed = {e.target for e in chosen.given.equations} | {each.name for each in chosen.given.unread}
    read = {m.name for m in equation.used if m.name != "t"}
    at_its_step = all(m.offset == equation.offset for m in equation.used if m.name != "t")
    return bool(read) and at_its_step and read.isdisjoint(computed)


def holes_of(chosen: Choice) -> Iterator[Hole]:
    """The holes with the names that may act on them."""
    used: dict[str, Collection[str]] = {
        name: [mention.name for mention in e.used] for name, e in chosen.by_name.items()
    }
    for each in chosen.given.unread:
        if each.name in chosen.open:
            used.setdefault(each.name, sorted(each.used))
    for name, reason in chosen.open.items():
        if name in chosen.ends:
            yield Hole(name, reason, frozenset(chosen.ends[name]), chosen.refused.get(name))
        else:
            reach = reaching(name, used)
            reached = None if name in chosen.missing else reach | _through_open(chosen, reach)
            yield Hole(name, reason, reached, chosen.refused.get(name))


def _through_open(chosen: Choice, reach: frozenset[str]) -> frozenset[str]:
    """The inputs that may act on a hole through what it alone reads without an equation, if that is several: gates."""
    others = [e for name, e in chosen.by_name.items() if name not in chosen.open]
    read = frozenset(m.name for e in others for m in e.used if m.offset is not None)
    given = reach - read - set(chosen.by_name) - set(chosen.open)
    return read - set(chosen.by_name) if sum(0 in chosen.used.get(name, ()) for name in given) > 1 else frozenset()


def set_aside(chosen: Choice) -> None:
    """Leave out a hole that no equation reads and reads nothing but the output: J may read that as it likes."""
    for name in chosen.open:
        unread = next((each for each in chosen.given.unread if each.name == name), None)
        equation = chosen.by_name.get(name)
        if name in chosen.used or name in chosen.ends or (equation is None and unread is None):
            continue
        used = {m.name for m in equation.used} if equation else set(unread.used if unread else ())
        if equation is not None and equation.at_end:
            continue  # of the output it reads one step alone
        rest = {other: e for other, e in chosen.by_name.items() if other != name}
        if not rest:
            continue
        chosen.by_name, before = rest, chosen.by_name
        if used & set(rest) <= {chosen.output().target}:
            chosen.ends[name] = used - {chosen.output().target}
        else:
            chosen.by_name = before
