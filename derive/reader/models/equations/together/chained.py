"""A recurrence of which a document has the chain rule alone: ∂L_t/∂θ = Σ_k ∂L_t/∂h_t ∂h_t/∂h_k ∂h_k/∂θ.

Such a formula knows of the model nothing but what is computed from what. So functions of which nothing is known, each
of every entry of a sum of products, stand for it: what holds of these holds of every recurrence.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from derive.notation import TimeStyle
from derive.patterns import regex
from derive.reader.models.dependences import MATRIX, some_function
from derive.reader.models.equations.equation import LOSSES, TIMES, Equation
from derive.reader.models.equations.names import letter_name
from derive.reader.models.equations.together.packed import Instead
from derive.reader.text.note import Found

ANY = "the model is any recurrence, {texts}, of which the note writes the chain rule alone"
_FACE = regex(
    r"\\(?:mathbf|boldsymbol|bm|mathrm|mathcal|mathscr|pmb|vec)\s*(?:\{((?:[^{}]|\{[^{}]*\})*)\}|\s+([A-Za-z])(?![A-Za-z]))"
)
_D = r"(?:\\partial\s*(?:\^\s*\{?\s*\+\s*\}?)?|\\mathrm\s*\{\s*d\s*\}|d(?![A-Za-z]{2}))\s*"
_BARE_LETTER = r"(?:\\(?:hat|bar|tilde)\s*\{\s*[A-Za-z]\s*\}|\\?[A-Za-z]+)"
_LETTER = rf"(?:\{{\s*{_BARE_LETTER}\s*\}}|{_BARE_LETTER})"
_SCRIPTS = r"(?:\s*[_^]\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\[A-Za-z]+|[A-Za-z0-9]))*"
_RATE = regex(
    rf"\\[dt]?frac\s*\{{\s*{_D}(?P<of>{_LETTER})(?P<when>{_SCRIPTS})\s*\}}\s*"
    rf"\{{\s*{_D}(?P<by>{_LETTER})(?P<then>{_SCRIPTS})\s*\}}"
)
_BARE = regex(
    rf"(?:\\partial|\\nabla)\s*_\s*(?:\{{\s*)?(?P<by>\\[A-Za-z]+|[A-Za-z])\s*\}}?\s*(?P<of>{_LETTER})(?P<when>{_SCRIPTS})"
)
_ARGUMENT = regex(r"\(\s*\\?[A-Za-z]+\s*\)")
_STEP = regex(r"(?:[tTkijsnmlr]|\\tau)\s*'?\s*(?:[-+]\s*\d+)?|\d+")
_BRACKETS = regex(r"[{}()\s]|\\(?:left|right|langle|rangle)(?![A-Za-z])")
_LABELS = frozenset("snmr")
"""What may stand below a weight for the quantity that it acts on, though steps may be called so."""
_INDICES = frozenset("ijklmnpq")
_BEFORE = {
    TimeStyle.SUBSCRIPT: "_{t-1}",
    TimeStyle.PARENTHESES: "^{(t-1)}",
    TimeStyle.ANGLES: r"^{\langle t-1 \rangle}",
    TimeStyle.SUPERSCRIPT: "^{t-1}",
}
_INPUT = "x"
FEW = 5
"""Weights that a recurrence may have."""
_OTHERS = (_INPUT, "u", "v", "q", "r", "p", "w")


@dataclass
class _Rates:
    """What stands above and below ∂: pairs of letters, each with its step or none."""

    style: TimeStyle = TimeStyle.SUBSCRIPT
    over: set[str] = field(default_factory=set)
    under: set[str] = field(default_factory=set)
    timed: set[str] = field(default_factory=set)
    parameters: set[str] = field(default_factory=set)
    reads: dict[str, set[str]] = field(default_factory=dict)
    states: set[str] = field(default_factory=set)


def chained(known: Sequence[Equation], formulas: Sequence[tuple[int, Found]]) -> Instead | None:
    """The equations of h_t = f(h_{t-1}, x_t, θ) and of what is read out of it, told by derivatives alone.

    None but for one state and one loss of which no equation speaks, and for parameters that stand below ∂ alone.
    """
    texts = [(index, each, _plain(each.text)) for index, each in formulas]
    rates = _rates([text for *_, text in texts])
    if rates is None:
        return None
    (state,) = rates.states
    written = {e.target for e in known} | {m.name for e in known for m in e.used}
    losses = rates.over - rates.under
    named = {letter_name(one) for one in (*rates.over, *rates.parameters)}
    if len({one.partition("_")[0] for one in losses}) != 1 or not losses & LOSSES or written & named:
        return None
    if sum(one[0].isupper() for one in rates.parameters) >= FEW:
        return None
    if any(_elsewhere(one, text) for one in rates.parameters for *_, text in texts):
        return None
    index, formula, _ = next(one for one in texts if _RATE.search(one[2]))
    place = formula.fragment.place(0)
    at = place.file, place.line, 0  # no formula stands there
    blank = Equation("", 0, rates.style, formula.fragment, 0, 0, formula.section, index, at)
    equations = dict(_equations(rates, state, losses))
    made = [blank.in_latex(text, letter_name(one)) for one, (text, _) in equations.items()]
    shown = " and ".join(f"${said}$" for _, said in equations.values())
    return Instead((*known, *made), frozenset(named), ANY.format(texts=shown))


def _plain(text: str) -> str:
    while (bare := _FACE.sub(lambda m: m[1] or m[2] or "", text)) != text:
        text = bare
    return text.replace("&", " ")


def _rates(texts: Sequence[str]) -> _Rates | None:
    """All derivatives of a document; None where their letters do not say plainly what is computed from what."""
    found = _Rates()
    for text in texts:
        for match in _BARE.finditer(text):
            of, _ = _read(match["of"], match["when"], found)
            if of.partition("_")[0] in LOSSES:
                found.over.add(of)
                found.parameters.add(match["by"])
        for match in _RATE.finditer(text):
            of, when = _read(match["of"], match["when"], found)
            by, then = _read(match["by"], match["then"], found)
            found.over.add(of)
            if then is None:
                found.parameters.add(by)
            else:
                found.under.add(by)
            if of == by and when is not None and then is not None:
                found.states.add(of)
            elif of not in LOSSES:
                found.reads.setdefault(of, set()).add(by)
    parameters = found.parameters
    if len(found.states) != 1 or parameters & (found.timed | found.over) or not found.under <= found.over | {_INPUT}:
        return None
    if not parameters or not found.states <= found.under or any(map(_is_entry, parameters)):
        return None
    return found


def _read(letter: str, scripts: str, found: _Rates) -> tuple[str, str | None]:
    """A letter with its label, and its step."""
    name, step = "".join((letter[1:-1] if letter.startswith("{") else letter).split()), None
    for script in re.findall(r"[_^]\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\[A-Za-z]+|[A-Za-z0-9])", scripts):
        inner = _BRACKETS.sub("", script[1:])
        label = name[0].isupper() and name not in LOSSES and inner in _LABELS
        if _STEP.fullmatch(inner) and not label and not (step is not None and inner == "T"):
            step = inner
            if script[0] == "^":
                found.style = TimeStyle.PARENTHESES if "(" in script else TimeStyle.SUPERSCRIPT
                found.style = TimeStyle.ANGLES if "langle" in script else found.style
        elif inner != "T" or script[0] == "_":
            name += "".join(script.split())
    if step is not None:
        found.timed.add(name)
    return name, step


def _is_entry(name: str) -> bool:
    """Whether a letter is an entry of a parameter, w_{ij}, and no parameter."""
    label = _BRACKETS.sub("", name.partition("_")[2])
    return bool(label) and (name[0].islower() or set(label) <= _INDICES)


def _elsewhere(parameter: str, text: str) -> bool:
    """Whether a parameter stands somewhere else than below ∂ in a formula."""
    rest = _ARGUMENT.sub(" ", _RATE.sub(" ", _BARE.sub(" ", text)))
    return re.search(rf"(?<![A-Za-z\\]){re.escape(parameter)}(?![A-Za-z])", rest) is not None and "=" in rest


def _equations(rates: _Rates, state: str, losses: Collection[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """What computes each value: the text of its equation, and that which says so for a reader."""
    time = TIMES[rates.style]
    values = sorted(rates.over - set(losses))
    given = iter([one for one in _OTHERS if one not in values and one not in rates.parameters])
    read = {one: rates.reads.get(one, set()) & set(values) - {one} for one in values}
    unplaced = rates.parameters.difference(*(rates.reads.get(one, set()) for one in values))
    first = _first(state, read)
    for one in values:
        arguments = [f"{_based(each)}{time}" for each in sorted(read[one] - ({state} if one == first else set()))]
        if one == first:
            before = f"{_based(state)}{_BEFORE[rates.style]}"
            arguments = [before, f"{next(given, '')}{time}", *arguments]
        own = sorted(p for p in rates.parameters if p in rates.reads.get(one, ()) or (one == first and p in unplaced))
        arguments = arguments or [f"{_based(state)}{time}"]
        name = "".join(filter(str.isalnum, one))
        factors = [*arguments, *(one for one in own if not one[0].isupper())]
        terms = [f"{MATRIX.format(name=name, number=number)} {each}" for number, each in enumerate(factors, 1)]
        terms += [f"{one} {next(given, '')}{time}" for one in own if one[0].isupper()]
        left = f"{_based(one)}{time}"
        shown = ", ".join([*arguments, *own])
        yield one, (f"{left} = {some_function(name)}({' + '.join(terms)})", f"{left} = f({shown})")


def _first(state: str, read: Mapping[str, Collection[str]]) -> str:
    """What reads the state of the step before: the state, or its argument."""
    found, seen = state, {state}
    while len(read[found]) == 1 and (following := next(iter(read[found]))) not in seen:
        found = following
        seen.add(found)
    return found


def _based(letter: str) -> str:
    """A letter that can have an index behind it."""
    return f"{{{letter}}}" if "_" in letter or "^" in letter else letter
