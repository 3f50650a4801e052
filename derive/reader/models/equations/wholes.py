"""Equations of one entry, a_j^t = Σ_i w_{ji} x_i^t, as those of all: of a, w and x."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from derive.errors import InputError
from derive.notation import spelled
from derive.patterns import regex
from derive.reader.claims.statements.chains import Statement, statements
from derive.reader.meaning.letters import identifier, number_of, taken
from derive.reader.models.equations.equation import Equation
from derive.reader.models.equations.names import counted_in, letter_name
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import Declaration, Found
from derive.reader.text.syntax import Group, Run

_LABEL = r"\^\s*\{\s*\(?[A-Za-z]{2,}\)?\s*\}|\^\s*\{\s*\([A-Za-z]\)\s*\}"
_WEIGHT = regex(rf"(?<![A-Za-z\\])([a-z])\s*({_LABEL})?\s*_\s*\{{\s*([a-z])\s*,?\s*([a-z])\s*\}}\s*({_LABEL})?")
"""w_{ji}, perhaps with a label above: w_{ji}^{(in)}."""
_LETTER = regex(r"[\s&]*(?:\\[a-z]+\s*\{?\s*)?(?P<letter>[A-Za-z])")
_LISTED = regex(
    r"\s*[(\[{]\s*(?P<letter>[A-Za-z])(?=[^()]*_)(?:[^()=]|\([a-z]+\))*[)\]}]\s*(?:[.,;，、].*)?", re.DOTALL
)
DIAGONAL = "{name} is a diagonal matrix, as its entries {entries} are said alone"
_INDICES = frozenset("ijklmn")


def of_entries(given: Sequence[Equation]) -> list[Equation]:
    """The equations, those of one entry under the name of all entries; they count before others of their section.

    One that sums products with a matrix, W_{ji} x_i, tells which letters are vectors with an index; others must read or
    compute these alone.
    """
    given = [e for e in given if not _lists_entries(e)]
    found = {id(e): index for e in given if (index := _index(e)) and _sums(e, index)}
    vectors = {_base(e.target) for e in given if id(e) in found}
    vectors |= {_base(m.name) for e in given if id(e) in found for m in e.used if m.offset is not None}
    if not found:
        return list(given)
    while True:
        more = {
            id(e): index for e in given if id(e) not in found and (index := _index(e)) and _reads(e, index, vectors)
        }
        if not more:
            break
        found |= more
        vectors |= {_base(e.target) for e in given if id(e) in more}
    whole = {(e.target, e.section) for e in given if not e.general and id(e) not in found}
    kept = [e for e in given if id(e) not in found or (_base(e.target), e.section) not in whole]
    return [replace(e, target=_base(e.target), entry=found[id(e)]) if id(e) in found else e for e in kept]


def of_diagonals(given: Sequence[Equation]) -> list[Equation]:
    """The equations, those of the entries on a diagonal, H_{ii} = 1 - h_i², as those of the whole diagonal matrix."""
    return [_whole_diagonal(e) or e for e in given]


_EXP = (
    r"(?:(?:\\?exp(?![A-Za-z])|\\(?:text|mathrm|operatorname)\s*\{\s*exp\s*\})"
    r"\s*(?:\\left\s*)?[({]\s*(?P<%s>.+?)\s*(?:\\right\s*)?[)}]"
    r"|(?:e|\\mathrm\s*\{\s*e\s*\})\s*\^\s*\{\s*(?P<%s>.+)\s*\})"
)
_SHARE = regex(
    r"\s*&?\s*\\[dt]?frac\s*\{\s*" + _EXP % ("above", "raised") + r"\s*\}\s*\{\s*\\sum(?:\\(?:no)?limits)?\s*_\s*"
    r"(?:(?P<one>[a-z])|\{\s*(?P<index>[a-z]'?)\s*(?:(?:=|\\in)[^{}]*)?\})\s*(?:\^\s*(?:\w|\{(?:[^{}]|\{[^{}]*\})*\})\s*)?"
    + _EXP % ("below", "lowered") + r"\s*\}[\s.,;]*", re.DOTALL,
)  # fmt: skip
"""exp(o_i) / Σ_j exp(o_j)."""
_BRACKETS = r"\s*(?:\\left\s*)?\(((?:[^()]|\([^()]*\))*?)(?:\\right\s*)?\)"
_SOFTMAX = regex(
    rf"[\s&]*(?:\\(?:operatorname\*?|text|mathrm|textrm)\s*\{{\s*)?\\?[sS]oftmax\s*\}}?{_BRACKETS}[\s.,;]*(?:\\\\)*[\s.,;]*"
)


def of_softmax(given: Sequence[Equation]) -> list[Equation]:
    """The equations, exp(o_{t,i}) / Σ_j exp(o_{t,j}) as softmax(o_t), where o_t has an equation as a whole."""
    known = {e.target for e in given}
    return [_whole_softmax(e, known) or e for e in given]


def with_defined_softmax(given: Sequence[Equation], formulas: Iterable[Found]) -> list[Equation]:
    """The equations, with ŷ_t for σ(o_t) where σ(z)_i is defined as the softmax and ŷ_t = softmax(o_t) stands there."""
    called = ((e, _SOFTMAX.fullmatch(e.right)) for e in given)
    values = {_unstyled(match[1]): e for e, match in called if match is not None}
    letters = {softmax_letter(one) for formula in formulas for one in _statements(formula)} - {""} if values else ()
    applied = [regex(rf"{_before(each)}{re.escape(str(spelled(each)))}{_BRACKETS}") for each in sorted(letters)]

    def value(match: re.Match[str]) -> str:
        source = values.get(_unstyled(match[1]))
        return match[0] if source is None else f" {source.fragment.text[: source.left_end].strip(' &')} "

    def replaced(e: Equation) -> Equation:
        text = e.right
        for pattern in applied:
            text = pattern.sub(value, text)
        return e if text == e.right else e.rewritten(f"{e.fragment.text[: e.right_start]}{text}")

    return [replaced(e) for e in given]


def _statements(formula: Found) -> list[Statement]:
    try:
        return [one for one in statements(formula.fragment) if len(one.sides) > 1]
    except (InputError, RecursionError):
        return []


def _before(name: str) -> str:
    return r"(?<![A-Za-z\\])" if len(name) == 1 else ""


def _unstyled(text: str) -> str:
    """An argument without typefaces and spaces, for comparing."""
    return re.sub(r"\\(?:boldsymbol|mathbf|bm|vec|left|right)(?![A-Za-z])|[{}\s]", "", text)


def softmax_letter(statement: Statement) -> str:
    """The letter of which a statement says that its entries are shares of exponentials: σ of σ(z)_i and of σ_i."""
    left, right = statement.sides[:2]
    if _SHARE.fullmatch(statement.fragment.text, right.start, right.end) is None:
        return ""
    factors = left.factors if isinstance(left, Run) else (left,)
    argued = len(factors) == 2 and isinstance(getattr(factors[1], "base", factors[1]), Group)
    found = taken(factors[0]) if argued or len(factors) == 1 else None
    if found is None or found.primes or found.power is not None:
        return ""
    numbers = [str(number_of(part)) for _, part in found.parts if argued and number_of(part) is not None]
    return identifier("_".join([found.base, *numbers]))  # f_2, which is another letter than f_1


def _whole_softmax(equation: Equation, known: Collection[str]) -> Equation | None:
    share = _SHARE.fullmatch(equation.right)
    if share is None:
        return None
    above, below = share["above"] or share["raised"], share["below"] or share["lowered"]
    summed = share["one"] or share["index"]
    left = equation.fragment.text[: equation.left_end].strip(" &")
    clock = next((own for own, usual in equation.fragment.times if usual == "t"), "t")

    def name(text: str) -> str:
        return letter_name(re.sub(rf"(?<![A-Za-z\\]){clock}(?![A-Za-z])", "t", text))

    for index in sorted(set(re.findall(r"(?<![A-Za-su-z\\])[a-z](?![A-Za-z])", left)) - {clock}):
        whole, of = without_entry(left, index), without_entry(above, index)
        if of == above or whole == left or name(of) not in known or summed == index:
            continue
        if "".join(without_entry(below, summed).split()) == "".join(of.split()):
            return replace(equation.rewritten(rf"{whole} = \operatorname{{softmax}}({of})"), target=name(whole))
    return None


def without_entry(text: str, index: str) -> str:
    """The text of a letter without the index of its entry: o_t of o_{t,i}, o_{ti}, o_t^{(i)}, (o_t)_i."""
    i = re.escape(index)
    text = re.sub(rf",\s*{i}(?=\s*\}})|(?<=\{{){i}\s*,|(?<=\{{t){i}(?=\}})", "", text)
    text = re.sub(rf"[_^]\s*(?:{i}(?!['\w])|\{{\s*\(?\s*{i}\s*\)?\s*\}})", "", text)
    return re.sub(r"^\(\s*(.*?)\s*\)$", r"\1", text.strip())


def _whole_diagonal(equation: Equation) -> Equation | None:
    name, _, index = equation.target.rpartition("_")
    if not name or len(index) != 2 or index[0] != index[1] or index[0] not in _INDICES:
        return None
    alone = re.compile(
        rf"_\s*(?:{index[0]}|\{{\s*{index[0]}\s*\}})(?![A-Za-z])|(?:,\s*{index[0]}(?=\s*\}})|(?<=\{{){index[0]}\s*,)"
    )
    left, right = equation.fragment.text[: equation.left_end], equation.right
    whole = re.sub(rf"_\s*\{{\s*{index[0]}\s*,?\s*{index[0]}\s*\}}", "", left)
    values = alone.sub("", right)
    if whole == left or values == right or re.search(rf"(?<![A-Za-z\\]){index[0]}(?![A-Za-z])", values):
        return None
    text = f"{whole.strip()} = \\operatorname{{diag}}({values.strip().rstrip('.,;')})"
    entries = spelled(equation.target)
    return replace(
        equation.rewritten(text), target=name, said=DIAGONAL.format(name=f"${name}$", entries=f"${entries}$")
    )


def declared_weights(given: Sequence[Equation]) -> Iterator[Declaration]:
    """That small letters with two indices are matrices, with sizes after the vectors that have these indices."""
    same: dict[str, str] = {}

    def size(name: str) -> str:
        while name in same:
            name = same[name]
        return name

    weights: dict[str, tuple[str, str]] = {}
    for e in (e for e in given if e.entry):
        text = e.fragment.text
        used = [(m.name, text[m.start : m.end]) for m in e.used if m.offset is not None]
        of = {e.entry: [e.target], **{index: [] for index in counted_in(text)}}
        for index, names in of.items():
            names += [name for name, word in used if re.search(rf"[_,{{]\s*{index}(?![A-Za-z])", word)]
            for one in names[1:]:
                if size(one) != size(names[0]):
                    same[size(one)] = size(names[0])
        for letter, before, first, second, behind in _WEIGHT.findall(e.right):
            if of.get(first) and of.get(second):
                weights.setdefault(letter + (before or behind), (of[first][0], of[second][0]))
    for weight, (rows, columns) in weights.items():
        space = rf"{weight} \in \mathbb{{R}}^{{N_{{{size(rows)}}} \times N_{{{size(columns)}}}}}"
        yield Declaration("where", (Fragment.of(space),), "where")


def _lists_entries(equation: Equation) -> bool:
    """Whether the right side only has the letter with an index in a bracket: x^t = (x_i^t)."""
    return lists_entries(equation.fragment.text[: equation.left_end], equation.right)


def lists_entries(left: str, right: str) -> bool:
    """Whether the right side of an equation only has the letter of the left one with an index in a bracket."""
    named, listed = _LETTER.match(left), _LISTED.fullmatch(right)
    return named is not None and listed is not None and named["letter"].lower() == listed["letter"].lower()


def _base(name: str) -> str:
    return name.rpartition("_")[0]


def _index(equation: Equation) -> str:
    index = equation.target.rpartition("_")[2]
    return index if index in _INDICES and _base(equation.target) else ""


def _sums(equation: Equation, index: str) -> bool:
    """Whether a sum runs over the other index of a matrix: W_{ji} x_i for entry j."""
    others = "".join(counted_in(equation.fragment.text) - {index})
    pair = rf"_\s*\{{\s*(?:\w{{1,3}}\s*,\s*)?(?:{index}\s*,?\s*[{others}]|[{others}]\s*,?\s*{index})\s*\}}"
    return bool(others) and re.search(pair, equation.right) is not None


def _reads(equation: Equation, index: str, vectors: set[str]) -> bool:
    """Whether all that an equation reads at a step are entries with its index, one of a known vector at least."""
    timed = [m.name for m in equation.used if m.offset is not None]
    return bool(timed) and all(name.endswith(f"_{index}") for name in timed) and bool({*map(_base, timed)} & vectors)
