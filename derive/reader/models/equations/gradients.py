"""Letters of a note that are gradients: r_t = ∂J/∂h_t, g with any quantity below it, bars."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.claims.statements.chains import lines
from derive.reader.models.equations.equation import Equation, Mention, mentions
from derive.reader.models.equations.finding import RELATION, letter_named
from derive.reader.models.equations.names import letter_name
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import Found

_D = r"(?:\\partial(?![A-Za-z])|∂|\\(?:mathrm|text|rm)\s*\{?\s*d\s*\}?|d(?=[A-Za-z\\\s]))\s*"
_ONE = r"(?:\\?[A-Za-z]+|\\mathcal\s*\{[A-Z]\})"
_BELOW = r"(?:_(?:\w|\{[^{}]*\}))?"
_GRADIENT = regex(
    rf"[\s&]*(?:\\[dt]?frac\s*\{{\s*{_D}(?:[^{{}}]|\{{[^{{}}]*\}})*\}}\s*\{{\s*{_D}(?:[^{{}}]|\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}})*\}}"
    rf"|{_D}{_ONE}{_BELOW}\s*/\s*{_D}{_ONE}{_BELOW}"
    rf"|(?:\\nabla|\\partial|∂)\s*_\s*(?:\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}}|\\?\w+)\s*(?:\\mathcal\s*\{{?\s*)?[LJEC]\s*\}}?)[\s.,;&]*"
)
_BELOW_ANOTHER = regex(r"(?:\\partial(?![A-Za-z])|∂)[^=]*t\s*[-+]\s*\d")
_DERIVED_BY = regex(r"\}\s*\{\s*(?:\\partial(?![A-Za-z])|∂)[\s{]*\Z")
_SAME = r"(?:(?P=by)|(?P=one))"
_FAMILY = regex(
    r"(?P<letter>\\?[A-Za-z]+)_(?:\{(?P<by>[^{}=]+)\}|(?P<one>[A-Za-z]))\s*:?=\s*"
    rf"(?:\\[dt]?frac\s*\{{\s*{_D}[^{{}}]*(?:\{{[^{{}}]*\}}[^{{}}]*)?\}}\s*\{{\s*{_D}{_SAME}\s*\}}|{_D}{_ONE}\s*/\s*{_D}{_SAME}(?![A-Za-z_^])"
    rf"|(?:\\nabla|\\partial|∂)\s*_\s*(?:\{{\s*{_SAME}\s*\}}|{_SAME}(?![A-Za-z]))\s*{_ONE})"
)
_TOTAL = regex(
    r"(?P<letter>\\?[A-Za-z]+)\s*_\s*\{\s*(?P<of>\\?[A-Za-z]+(?:\s*\{[A-Za-z]+\})?)\s*_\s*\{?\s*[tnk][^{}]*\}?\s*\}\s*\^\s*\{?\s*"
    r"(?:\\(?:text|mathrm|textrm|rm)\s*\{?\s*)?(?:total|tot|full)(?![a-z])"
)


def gradient_letters(formulas: Iterable[Found], states: Collection[str] = ()) -> frozenset[str]:
    """The letters that a note defines as gradients: r in r_t = ∂J/∂h_t.

    h_t = ∂L/∂h_t of one of the `states` is a slip, no name for the gradient; q_t = ∂h_t/∂w is one.
    """
    found = set()
    for formula in formulas:
        for line in [*lines(formula.fragment)] or [formula.fragment]:
            left, *values = RELATION.split(line.text)
            if values and is_gradient(values[0]):
                name = letter_named(left.strip(" &"))
                if name not in states or left.strip(" &") not in values[0]:
                    found.add(name)
    return frozenset(found - {""})


def derived_by(fragment: Fragment) -> list[Mention]:
    """What a formula takes derivatives by, where they stand; nothing if it cannot be read."""
    try:
        found = mentions(fragment)
    except (InputError, RecursionError):
        return []
    return [one for one in found if _DERIVED_BY.search(fragment.text, 0, one.start)]


def derived_elsewhere(fragment: Fragment) -> frozenset[str]:
    """The quantities by which a formula takes the gradient at another step than t: s of ∂J/∂s_{t+1}."""
    if _BELOW_ANOTHER.search(fragment.text) is None:
        return frozenset()
    return frozenset(one.name for one in derived_by(fragment) if one.offset)


def is_gradient(value: str) -> bool:
    """Whether a side is one gradient and nothing else: what it is said to be is a name for it."""
    return _GRADIENT.fullmatch(value.strip()) is not None


def names_a_family(formula: Found) -> bool:
    """Whether a formula only says that a letter with a quantity below it is the gradient: g_y = ∂L/∂y."""
    return _FAMILY.fullmatch(formula.text.strip(" .,;&\n")) is not None


def gradient_families(formulas: Iterable[Found]) -> frozenset[str]:
    """The letters that with the name of a quantity below them are the gradient by it: g in g_y = ∂L/∂y."""
    found = set()
    for formula in formulas:
        for line in [*lines(formula.fragment)] or [formula.fragment]:
            if named := _FAMILY.search(line.text):
                found.add(named.group("letter").removeprefix("\\"))
    return frozenset(found)


def total_gradients(texts: Iterable[str], families: Collection[str]) -> frozenset[str]:
    """The quantities whose whole gradient has a label, as g_{c_t}^{total}: without it the letter is a part of that."""
    return frozenset(
        letter_name(match.group("of"))
        for text in texts
        for match in _TOTAL.finditer(text)
        if match.group("letter").removeprefix("\\") in {*families, "d"}
    )


BAR = "_bar"


def barred(given: Sequence[Equation], *, said: bool) -> bool:
    """Whether the bars of a note are gradients: it says so, or computes bars from bars and nothing else reads them."""
    bare = {e.target for e in given if not e.target.endswith(BAR)}
    over = [e for e in given if e.target.removesuffix(BAR) in bare and e.target not in bare]
    names = {e.target for e in over}
    read = {m.name for e in given if e not in over for m in e.used}
    if not over or read & names:
        return False
    return said or any(m.name.endswith(BAR) and m.name.removesuffix(BAR) in bare for e in over for m in e.used)
