"""What no cell can say, named, with what could be written instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.text.fragment import Fragment


@dataclass(frozen=True)
class Refusal:
    """How it is written, what it is, and what to write; `anywhere`: also where another formula could not be read."""

    written: re.Pattern[str]
    message: str
    hint: str
    anywhere: bool = False


_OPEN = r"\s*(?:\\(?:left|big|Big|bigl|Bigl)\s*)?[\[({]"
COMPLEX = Refusal(
    regex(
        rf"\\(?:Re|Im)(?![A-Za-z]){_OPEN}|(?<![A-Za-z\\{{])(?:Re|Im){_OPEN}"
        r"|\\(?:operatorname|mathrm|text|mathfrak)\s*\{\s*(?:Re|Im)\s*\}"
    ),
    "complex numbers cannot be read: the arrays of a cell are real",
    "write the real and the imaginary part as two states",
)
_D = r"(?:\\mathrm\s*\{\s*d\s*\}|d)"
FLOW = Refusal(
    regex(rf"\\[dt]?frac\s*\{{\s*{_D}[^=]*\}}\s*\{{\s*{_D}\s*t\s*\}}[^=]*="),
    "a differential equation is no step",
    "write one step of it, such as $h_t = h_{t-1} + \\Delta t \\, f(h_{t-1}, x_t)$",
)
_DOTTED = regex(r"\\dot\s*\{?\s*(?P<font>(?:\\[a-z]+\s*\{)?)(?P<letter>\\?[A-Za-z]+)\}*\s*(?:\(t\)|_\{?t\}?)?\s*&?\s*=")
REFUSALS = (
    Refusal(
        regex(r"\\?(?:sin|cos)\s*(?:\\(?:left|[bB]igl?)\s*)?\(?\s*(?:[^()=]*[\s}\d])?t(?![A-Za-z_^])"),
        "time steps cannot be counted in an equation",
        "give what depends on their number as an input, such as $c_t$ for \\sin(\\omega t)",
    ),
    Refusal(
        regex(r"=[^=]*(?:\\nabla(?![A-Za-z])|∇)"),
        "a gradient within an equation of a step cannot be read",
        "write the gradient out: that of \\|M k_t - v_t\\|^2 by M is 2 (M k_t - v_t) k_t^\\top",
    ),
    Refusal(
        regex(
            r"(?:I\s*\}?|[(\[]\s*(?:\\math(?:bf|rm|bb)\s*\{)?I\}?\s*[-+][^()\[\]]*)"
            r"\s*(?:\\(?:right|big|Big|bigr|Bigr)\s*)?[)\]]\s*\^\s*\{?\s*-\s*1"
        ),
        "the inverse of a matrix cannot be read",
        "a cell is made of products, sums and functions of entries; give the solution as an input, or write steps that "
        "come near it",
        anywhere=True,
    ),
    Refusal(
        regex(r"\\arg\s*\\(?:min|max)|\\operatorname\*?\s*\{\s*arg\\?,?\s*(?:min|max)|\\arg(?:min|max)"),
        "a value that is the best of all cannot be read",
        "write the step that comes to it",
    ),
    FLOW,
)


def refuse_at_once(formulas: Sequence[Fragment]) -> None:
    """Raise InputError where an equation takes the real part of something, or gives a state by its rate of change.

    Both could be read as something else: Re as a product, a dot as the accent of another letter.
    """
    whole = " ".join(fragment.text for fragment in formulas)
    for fragment in formulas:
        if (match := COMPLEX.written.search(fragment.text)) is not None:
            raise fragment.error(COMPLEX.message, match.start(), match.end(), COMPLEX.hint)
        match = _rate(fragment)
        if match is not None:
            own = rf"(?<!\\dot)(?<![A-Za-z\\{{]){_letter(match)}[^=]{{0,12}}="
            if not re.search(own, whole):
                raise fragment.error(FLOW.message, match.start(), match.end(), FLOW.hint)


def _letter(rate: re.Match[str]) -> str:
    return re.escape(rate["font"] + rate["letter"]) + r"(?![A-Za-z])"


def _rate(fragment: Fragment) -> re.Match[str] | None:
    """A letter with a dot that is made of the letter itself."""
    match = _DOTTED.search(fragment.text)
    return match if match and re.search(_letter(match), fragment.text[match.end() :]) else None


def refused(formulas: Iterable[Fragment], failure: InputError) -> InputError | None:
    """The refusal that tells more than that something could not be read."""
    for fragment in formulas:
        if (rate := _rate(fragment)) is not None:
            return fragment.error(FLOW.message, rate.start(), rate.end(), FLOW.hint)
        first, last = fragment.place(0), fragment.place(max(len(fragment.text.rstrip()) - 1, 0))
        here = failure.place is not None and first.line <= failure.place.line <= last.line
        for one in REFUSALS:
            if (here or one.anywhere) and (match := one.written.search(fragment.text)) is not None:
                return fragment.error(one.message, match.start(), match.end(), one.hint)
    return None
