"""A plain recurrent state that a document shows by its Jacobian alone: ∂x_t/∂x_s = ∏ D_k W with D_k = diag(f'(a_k))."""

from __future__ import annotations

import re
from collections.abc import Sequence

from derive.notation import TimeStyle
from derive.patterns import regex
from derive.reader.models.equations.equation import Equation
from derive.reader.models.equations.names import letter_name, names
from derive.reader.models.equations.together.packed import Instead
from derive.reader.text.note import Found

UNWRITTEN = "{texts}, which the note shows by its Jacobian alone"
_FACED = regex(r"\\(?:mathbf|boldsymbol|bm|mathrm|vec)\s*(?:\{\s*([A-Za-z])\s*\}|(?=[A-Za-z\\]))")
_DIAG = r"\\?(?:(?:text|mathrm|operatorname)\s*\{\s*diag\s*\}|diag)\s*(?:\\left\s*)?[(\[]\s*"
_SLOPES = regex(
    rf"\s*(?P<matrix>[A-Z])_\{{?(?P<step>[a-z])\}}?\s*:?=\s*{_DIAG}(?P<function>\\?[A-Za-z]+)\s*"
    r"(?:'|\^\s*\{?\s*\\prime\s*\}?)\s*(?:\\left\s*)?\(\s*(?P<argument>[a-z])_\{?(?P=step)\}?\s*(?:\\right\s*)?\)\s*(?:\\right\s*)?[)\]][\s.,;]*"
)
_CHAIN = regex(
    r"\\[dt]?frac\s*\{\s*\\partial\s*(?P<state>[a-z])_\{?[a-zT]\}?\s*\}\s*\{\s*\\partial\s*(?P=state)_\{?[a-z]\}?\s*\}\s*="
)
_WEIGHT = (
    r"_\{?[a-z]\}?\s*(?:\\cdot\s*)?"
    r"(?P<weight>[A-Z](?:\s*[_^]\s*(?:[a-z](?![A-Za-z])|\{\s*(?:\\text\s*\{)?[a-z]+\s*\}?\}))?)(?![A-Za-z])"
)
_OTHERS = "VUBQ"


def unwritten_state(known: Sequence[Equation], formulas: Sequence[tuple[int, Found]]) -> Instead | None:
    """The equations of x_t = f(a_t) with a_t = W x_{t-1} + V u_t + b; None but for one state, slope and weight."""
    texts = [(index, each, _FACED.sub(lambda m: m[1] or "", each.text)) for index, each in formulas]
    slopes = [(index, each, found) for index, each, text in texts if (found := _SLOPES.fullmatch(text))]
    states = {found["state"] for *_, text in texts for found in _CHAIN.finditer(text)}
    if len(slopes) != 1 or len(states) != 1:
        return None
    (index, formula, slope), (state,) = slopes[0], states
    factor = re.compile(rf"(?<![A-Za-z\\]){slope['matrix']}{_WEIGHT}")
    weights = {"".join(found["weight"].split()) for *_, text in texts for found in factor.finditer(text)}
    taken = {e.target for e in known} | {m.name for e in known for m in e.used}
    if len(weights) != 1 or taken & {state, slope["argument"]}:
        return None
    (weight,) = weights
    other = next(each for each in _OTHERS if each not in (weight[0], slope["matrix"]))
    given = "u" if state != "u" else "v"
    argument, function = slope["argument"], slope["function"]
    place = formula.fragment.place(0)
    at = place.file, place.line, place.column
    blank = Equation("", 0, TimeStyle.SUBSCRIPT, formula.fragment, 0, 0, formula.section, index, at)
    written = {
        argument: f"{argument}_t = {weight} {state}_{{t-1}} + {other} {given}_t + b",
        state: f"{state}_t = {function}({argument}_t)",
    }
    made = [blank.in_latex(text, name) for name, text in written.items()]
    about = [each.fragment for _, each, text in texts if factor.search(text) or _CHAIN.search(text)]
    letters = {state, argument, letter_name(weight)}.union(*map(names, [formula.fragment, *about]))
    shown = " and ".join(f"${text}$" for text in written.values())
    return Instead((*known, *made), frozenset(letters), UNWRITTEN.format(texts=shown))
