"""A formula for each of several gates, ∂J/∂z_g with g ∈ {f, i, o}: judged for every one, and told as one judgement."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from derive.patterns import regex
from derive.reader.models.equations.finding import DERIVATIVE
from derive.reader.text.fragment import Fragment, Line
from verify.formulas.judgement import Judgement, Word
from verify.notes.audited import Audited
from verify.notes.files import NO_GATES, Document, Formula, Part

STANDS = "{letter} stands for {members}"
OF_SOME = "right for {right}; wrong for {wrong}"
UNSAID = r"which gates ${letter}$ stands for is not said: write ${letter} \in \{{{gates}\}}$"
NEAR = 3
"""Lines within which what stands for several gates is said of a formula, and no other list is meant."""

_S = r"(?:\s|\\[,;:! ]|\\q?quad(?![A-Za-z]))*"
_SIGN = r"(?:\*|\?|\\(?:ast|star|bullet|cdot|Box|square)(?![A-Za-z])|[•∗⋆□])"
_MEMBER = r"(?:\\(?:tilde|hat|bar|widetilde|widehat)\s*(?:\{\s*[A-Za-z]\s*\}|\s[A-Za-z])|[A-Za-z])(?:_\{?t\}?)?"
_ONE = regex(rf"(?<![A-Za-z\\{{]){_MEMBER}(?![A-Za-z])")
_BETWEEN = r"[\s$]*(?:,|，|、|/|\\text\{\s*(?:and|or)\s*\})[\s$]*(?:(?:and|or|y|o|et|ou|и|или)\s+)?[\s$]*"
_LAST = r"[\s$]*(?:\b(?:and|or|y|o|et|ou|und|oder|и|или)\b|和|或|与)[\s$]*"
_MEMBERS = rf"(?P<members>{_MEMBER}(?:{_BETWEEN}{_MEMBER})+(?:{_LAST}{_MEMBER})?)(?![A-Za-z_^(\[])"
_LETTER = rf"(?P<letter>(?<![A-Za-z\\_^{{])[A-Za-z](?![A-Za-z_^])|{_SIGN})"
_IN = regex(
    rf"{_LETTER}{_S}(?:\\in(?![A-Za-z])|∈){_S}(?:\\left{_S})?(?:\\\{{|\\lbrace|\{{|\[|\(){_S}{_MEMBERS}"
    rf"{_S}(?:\\right{_S})?(?:\\\}}|\\rbrace|\}}|\]|\))"
)
"""g \\in \\{f, i, o\\}"""
_IS = (
    r"(?:=|\b(?:is|stands\s+for|represents?|denotes?|being|can\s+be|may\s+be|ranges\s+over|runs\s+over|substituting|"
    r"представляет|означает|обозначает|representa|désigne|steht\s+für)\b|代表|表示|取|为|подставить|—|--)"
)
_GATES = (
    r"(?:\s*(?:any|each|every|one|either)\b(?:\s+of\b)?)?(?:\s*(?:the|its)\b)?(?:\s*(?:four|three|five|two)\b)?"
    r"(?:\s*gates?\b)?"
)
_SAID = regex(rf"(?:\$\s*)?{_LETTER}\s*\$?\s*{_IS}{_GATES}[\s$:：]*{_MEMBERS}", re.IGNORECASE)
"""where $g$ is one of f, i, o; Вместо ? подставить i, o, f"""
_CONDITION = regex(
    rf"(?:\\q?quad|[,;]|\\\\|\(|\A)?{_S}(?:\\(?:text|mathrm|mbox|textrm)\s*\{{[^{{}}]*\}}{_S})?"
    rf"(?:\\forall{_S}|∀\s*)?\(?{_IN.pattern}\)?"
)
_BIG = regex(r"\\(?:sum|prod|bigoplus)(?:\\limits)?\s*_\s*(?:\{[^{}]*(?:\\\{[^{}]*\\\}[^{}]*)?\}|[A-Za-z])")
_WORDS = regex(r"\\(?:text|mathrm|mbox|textrm|operatorname)\s*\{[^{}]*\}")
_KINDS = (frozenset("fio"), frozenset("rzu"))
"""What gates are called, of which a list has two at least."""
_INDICES = frozenset("ijklmns")
"""Letters that elsewhere count entries, steps or examples."""
_TILDES = regex(r"\\(?:tilde|hat|bar|widetilde|widehat)\s*\{?\s*([A-Za-z])\s*\}?")
_LABEL = regex(r"(?<!delta)(?<![δΔ])\s*_\s*\{?\s*\Z", re.IGNORECASE)
"""What stands before the label of anything but an error."""
_BARE_SUM = regex(
    rf"\\sum(?:\\limits)?\s*_\s*(?P<index>\{{?\s*(?P<letter>[A-Za-z](?![A-Za-z])|{_SIGN})(?!\s*[\\=<,∈])\s*\}}?)"
)
_LABELLED = regex(r"(?:[WUb]|\\delta|δ|z)\s*_\s*(?:\{\s*)?(?P<letter>[A-Za-z])(?=\s*[},]|[^A-Za-z{]|\Z)")
"""W_g and δ_{g,t}, and their label."""
_VALUE = regex(r"[\s&]*(?P<letter>[A-Za-z])\s*[_^(\[][^=]{0,12}=")
"""g_t =, a letter with a value of its own."""
_RIGHT = (Word.PROVED, Word.HOLDS_IF)


@dataclass(frozen=True)
class _Said:
    """What a line says that a letter stands for."""

    line: int
    letter: str
    members: tuple[str, ...]

    def beside(self, fragment: Fragment) -> bool:
        first, last = fragment.lines[0].number, fragment.lines[-1].number
        return first - NEAR <= self.line <= last + NEAR


def for_each_gate(document: Document) -> Document:
    """The document with formulas that know which of their letters stands for several gates, and for which."""
    lists: list[_Said] = []
    parts: list[Part] = []
    own = {found["letter"] for each in document.formulas if (found := _VALUE.match(each.text))}
    for part in document.parts:
        lists = [*(replace(one, line=-NEAR) for one in lists), *_lists(part.text)]
        formulas = tuple(_told(each, lists, own) for each in part.formulas) if lists else part.formulas
        parts.append(replace(part, formulas=formulas))
    return replace(document, parts=tuple(parts))


def of_each_gate(formulas: Iterable[Formula]) -> Iterator[Formula]:
    """The formulas with one for each gate in the place of one for all, by which a model is found."""
    for formula in formulas:
        letter, members, _ = formula.stands
        for member in members:
            fragment = _with(formula.fragment, letter, _ways(member, members)[0])
            yield replace(formula, fragment=fragment, stands=NO_GATES)
        if not members:
            yield formula


def _lists(text: str) -> Iterator[_Said]:
    for number, line in enumerate(text.replace("\\_", "_").splitlines(), 1):
        bare = _BIG.sub(lambda m: " " * len(m.group()), line)
        for match in (*_IN.finditer(bare), *_SAID.finditer(bare)):
            members = tuple(re.sub(r"_\{?t\}?\Z", "", one) for one in _ONE.findall(match["members"]))
            letters = {_TILDES.sub(r"\1", one).lower() for one in members}
            if any(len(kind & letters) > 1 for kind in _KINDS) and match["letter"] not in "tTN":
                yield _Said(number, match["letter"], members)


def _told(formula: Formula, lists: Sequence[_Said], values: Collection[str]) -> Formula:
    """A formula with what a letter of it is said to stand for; what is said far away counts for gradients alone.

    A letter that is among the `values` of the document, or a gate itself, stands for others where the formula says so.
    """
    formula = replace(formula, fragment=_summed(formula.fragment, lists))
    fragment = formula.fragment
    own = [one for one in lists if any(True for _ in _places(fragment.text, one.letter))]
    first, last = fragment.lines[0].number, fragment.lines[-1].number
    here = [one for one in own if first <= one.line <= last]
    own = [one for one in own if one.letter not in {*values, *one.members}]
    before = [one for one in own if one.line < first][::-1]
    behind = [one for one in own if one.line > last and one.beside(fragment)]
    far = [one for one in before if one.letter not in _INDICES and formula.claims and DERIVATIVE.search(formula.text)]
    near = [one for one in before[:1] if one.beside(fragment)]
    found = next(iter((*here, *near, *behind, *far)), None)
    return formula if found is None else replace(formula, stands=(found.letter, found.members, found.beside(fragment)))


def _summed(fragment: Fragment, lists: Sequence[_Said]) -> Fragment:
    """The formula with what is said beside it of the letter of a sum below the sign: Σ_g as Σ_{g ∈ {f, i, o}}."""
    said = {one.letter: one.members for one in lists if one.beside(fragment)}
    sums = [match for match in _BARE_SUM.finditer(fragment.text) if match["letter"] in said]
    if not sums:
        return fragment
    changes = [(*one.span("index"), rf"{{{one['letter']} \in \{{{', '.join(said[one['letter']])}\}}}}") for one in sums]
    words = "; ".join(STANDS.format(letter=f"${one['letter']}$", members=_listed(said[one["letter"]])) for one in sums)
    return replace(changed(fragment, fragment.text, changes), given="; ".join(filter(None, (fragment.given, words))))


def _places(text: str, letter: str) -> Iterator[tuple[int, int]]:
    """Where a letter stands for a gate: as a label or a letter of its own, beyond words and what a sum counts."""
    hidden = [match.span() for match in (*_WORDS.finditer(text), *_CONDITION.finditer(text))]
    if any(re.search(rf"(?<![A-Za-z\\]){re.escape(letter)}(?![A-Za-z])", one.group()) for one in _BIG.finditer(text)):
        return  # a sum over gates has its own list
    sign = re.fullmatch(_SIGN, letter) is not None
    label = rf"(?<=[_^{{,])\s*{re.escape(letter)}(?=\s*[_^}},]|[\s({{\\=+]|[a-z]|\Z|\))|{re.escape(letter)}(?=\s*_)"
    plain = rf"(?<![A-Za-z\\])(?:d(?={letter}))?{re.escape(letter)}(?![A-Za-z])"
    for match in re.finditer(label if sign else plain, text):
        start = match.end() - len(letter)
        if not any(first <= start < end for first, end in hidden):
            yield start, match.end()


def _with(fragment: Fragment, letter: str, way: tuple[str, str]) -> Fragment:
    """The formula for one gate, by its name and that in labels; what says which gates there are is left out."""
    text = _CONDITION.sub(lambda m: " " * len(m.group()) if m["letter"] == letter else m.group(), fragment.text)
    changes = []
    for start, end in _places(fragment.text, letter):
        put = way[_LABEL.search(text[:start]) is not None]
        changes.append((start, end, f"{put} " if put.startswith("\\") else put))
    return changed(fragment, text, changes)


def changed(fragment: Fragment, text: str, changes: Iterable[tuple[int, int, str]]) -> Fragment:
    """A fragment with another text in some places, whose characters know where they stand in the document."""
    made, written, at = "", "", 0
    lines: list[Line] = []
    for start, end, new in (*changes, (len(text), len(text), "")):
        put = new.ljust(end - start)
        between = (line for line in fragment.lines if at <= line.offset <= start)
        lines.extend(replace(line, offset=line.offset - at + len(made)) for line in between)
        made += text[at:start] + put
        written += fragment.written[at:start] + fragment.written[start:end].ljust(len(put))
        at = end
        if put:
            place = fragment.place(end)
            lines.append(Line(len(made), place.line, place.column, place.text))
    return replace(fragment, text=made, lines=tuple(lines), as_written=written)


def judged_for_each(formula: Formula, judge: Callable[[Formula, Callable[[Fragment], Fragment]], Audited]) -> Audited:
    """What `judge` finds for every gate that a letter of the formula stands for, as one judgement for each `=`."""
    letter, members, near = formula.stands
    found: dict[str, Audited] = {}
    for member in members:
        ways = {_with(formula.fragment, letter, way).text: way for way in _ways(member, members)}
        for way in ways.values():
            put = partial(_with, letter=letter, way=way)
            one = judge(replace(formula, fragment=put(formula.fragment)), put)
            if member not in found or _better(one, found[member], member):
                found[member] = one
    first = next(iter(found.values()))
    faults = tuple(fault for one in found.values() for fault in one.faults)
    if len({len(one.judgements) for one in found.values()}) != 1:
        return Audited(formula, first.model, first.judgements, faults)
    rows = zip(*(one.judgements for one in found.values()), strict=True)
    told = tuple(_together(letter, dict(zip(found, row, strict=True)), near) for row in rows)
    return Audited(formula, first.model, told, faults)


def asking(audited: Audited) -> Audited:
    """A formula with the question which gates a label of it stands for, where that alone is not known."""
    cell = None if audited.model is None else audited.model.cell
    gates = [q.name.removeprefix("W_") for q in cell.parameters if q.name.startswith("W_")] if cell else []
    gates = [gate for gate in gates if any(gate in kind for kind in _KINDS)]
    letters = {match["letter"] for match in _LABELLED.finditer(audited.formula.text)} - {*gates, "c"}
    if audited.formula.stands[1] or len(gates) < 2 or len(letters) != 1:
        return audited
    (letter,) = letters
    if len(_LABELLED.findall(audited.formula.text)) < 2 or cell is None or f"W_{letter}" in cell.quantities:
        return audited
    words = UNSAID.format(letter=letter, gates=", ".join(gates))
    unknown = re.compile(rf"\S*_\s*\{{?\s*{re.escape(letter)}\S* is not known in this cell")

    def asked(one: Judgement) -> Judgement:
        open_ = one.word is Word.UNDECIDED and unknown.match(one.reason) is not None
        return replace(one, reason=words) if open_ else one

    return replace(audited, judgements=tuple(map(asked, audited.judgements)))


def _ways(member: str, members: Sequence[str]) -> list[tuple[str, str]]:
    """What a gate may be called, and in labels but of δ: c for the candidate is c̃ elsewhere, and c̃ is c there."""
    bare = _TILDES.sub(r"\1", member)
    if member in ("c", "C"):
        return [(member, member), (rf"\tilde{{{member}}}", member)]
    return [(member, member)] if bare in members else [(member, member), (member, bare)]


def _better(one: Audited, other: Audited, member: str) -> bool:
    """Whether a formula is right more often under one name; c may be the state, so that neither refutes the other."""
    right, others = (sum(each.word in _RIGHT for each in found.judgements) for found in (one, other))
    wrong, before = (sum(each.word is Word.WRONG for each in found.judgements) for found in (one, other))
    return right > others or (right == others and (wrong < before if member in ("c", "C") else wrong >= before))


def _together(letter: str, found: dict[str, Judgement], near: bool) -> Judgement:
    first = next(iter(found.values()))
    words = {one.word for one in found.values()}
    if words == {Word.NOT_A_CLAIM}:
        return first
    wrong = [member for member, one in found.items() if one.word is Word.WRONG]
    right = [member for member, one in found.items() if one.word in _RIGHT]
    shown = f"${letter}$"
    if len(right) == len(found):
        said = STANDS.format(letter=shown, members=_listed(right))
        assumed = tuple(dict.fromkeys((said, *(words for one in found.values() for words in one.assumptions))))
        return replace(first, word=Word.HOLDS_IF, assumptions=assumed, reading="; ".join(assumed))
    if wrong and len(wrong) + len(right) == len(found) and (near or not right):
        told = found[wrong[0]]
        said = STANDS.format(letter=shown, members=_listed(wrong))
        return replace(told, assumptions=(said, *told.assumptions), correct=None)
    blank = Judgement(first.formula, Word.UNDECIDED, place=first.place)
    if wrong and right:
        return replace(blank, reason=OF_SOME.format(right=_listed(right), wrong=_listed(wrong)))
    return next(one for one in found.values() if one.word not in (*_RIGHT, Word.WRONG))


def _listed(members: Sequence[str]) -> str:
    return ", ".join(f"${member}$" for member in members)
