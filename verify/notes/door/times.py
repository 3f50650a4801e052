"""How a note counts steps: its letters for t and T, told by its equations, sums and lists of steps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive.errors import InputError, Place
from derive.patterns import regex
from derive.reader.claims.statements.prose import rows
from derive.reader.meaning.letters import time_expression
from derive.reader.models.equations.equation import LOSSES
from derive.reader.models.equations.finding import DERIVATIVE
from derive.reader.models.equations.losses import example_of
from derive.reader.resolving.clocks import CLOCKS, clock_of
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Big, Chain, Name, Number, Scripted, Syntax
from derive.reader.text.usual import own_letters, timelike
from verify.notes.files import Document, Formula
from verify.notes.models.layers import layered
from verify.notes.models.places import timed_in_brackets, with_times_below

LENGTHS = frozenset(["tau", "N", "n", "S", "K", "L", "M"])
"""Letters that the last step may have where T is not used."""
RUNNING = ("j", "k", "s", "i", "m", "n", "u")
"""Letters that a definition may have for its step, beside a note that counts with t."""
WRITTEN = {"tau": r"\tau"}
_LETTER = r"(?:\\(?P<greek>tau)(?![A-Za-z])|(?P<latin>[A-Za-z])(?![A-Za-z]))"
_SPACED = r"(?:\s|\\[,;: ])*"
_SUMMED = (
    rf"(?:\\sum|\\prod|∑|∏)(?:\\limits)?{_SPACED}_{_SPACED}"
    rf"(?:STEP|\{{{_SPACED}STEP{_SPACED}(?:={_SPACED}[12]{_SPACED})?\}}){_SPACED}\^{_SPACED}\{{?{_SPACED}"
)
"""The sum over all steps, up to its last one: Σ_{t=1}^τ, Σ_t^τ."""
_FROM = rf"_{_SPACED}(?:\{{[^{{}}]*\}}|[a-z])"
_UP_TO = regex(
    rf"(?:\\sum|∑)(?:\\limits)?{_SPACED}(?:{_FROM}{_SPACED}\^{_SPACED}\{{?{_SPACED}{_LETTER}"
    rf"|\^{_SPACED}\{{?{_SPACED}{_LETTER.replace('greek', 'greek2').replace('latin', 'latin2')}{_SPACED}\}}?{_SPACED}_)"
)
"""A sum up to some step, whatever it runs over."""
_LISTED = (
    rf"(?<![A-Za-z\\])STEP{_SPACED}(?:=|\\in{_SPACED}\\\{{){_SPACED}1{_SPACED},(?:{_SPACED}2{_SPACED},)?{_SPACED}"
    rf"(?:\\[lc]?dots|\.\.\.|…){_SPACED},{_SPACED}"
)
"""A list of all steps, up to its last one."""
_COUNTED = (
    rf"(?<![A-Za-z\\])STEP{_SPACED}(?:=|\\in){_SPACED}(?:\\\{{|\\set{_SPACED}\{{){_SPACED}1,"
    rf"(?:{_SPACED}\d+{_SPACED},)*{_SPACED}"
)
"""A list of all steps, each of them written."""
_SEQUENCE = regex(
    rf"(?P<base>[A-Za-z])_\{{?1\}}?{_SPACED},{_SPACED}(?:(?P=base)_\{{?2\}}?{_SPACED},{_SPACED})?"
    rf"(?:\\[lc]?dots|\.\.\.|…){_SPACED},{_SPACED}(?P=base)_\{{?{_LETTER}"
)
"""A sequence up to its last entry: x_1, x_2, ..., x_n."""
_ADDED = regex(
    r"\\?(?:mathcal\s*\{?)?[A-Za-z]+\}?\s*&?\s*=\s*(?P<sum>\\?[A-Za-z]+\s*_\s*\{?\s*\d+\s*\}?"
    r"(?:\s*\+\s*\\?[A-Za-z]+\s*_\s*\{?\s*\d+\s*\}?)+)[\s.,;]*"
)
"""A loss as the sum of those of a few steps."""
_LONG = r"[nNLST]\s*_\s*(?:[A-Za-z]|\{\s*(?:\\(?:text|mathrm|textrm)\s*\{)?[A-Za-z]+\}?\s*\})|(?!th)[a-z]{2,6}"
_FROM_FIRST = rf"_{_SPACED}\{{{_SPACED}t{_SPACED}={_SPACED}[01]{_SPACED}\}}"
_LABELLED = regex(
    rf"(?:\\sum|∑)(?:\\limits)?{_SPACED}(?:{_FROM_FIRST}{_SPACED}\^{_SPACED}\{{\s*(?P<length>{_LONG})\s*\}}"
    rf"|\^{_SPACED}\{{\s*(?P<before>{_LONG})\s*\}}{_SPACED}{_FROM_FIRST})"
)
"""The sum over all steps t up to a letter with a label, or a word."""
_TRAINED = regex(
    r"[\s&]*(?P<letter>\\?[A-Za-z]+)\s*[_^]\s*[({]*\s*(?P<step>[a-z])\s*\+\s*1\s*[)}]*\s*&?\s*(?:=|\\leftarrow|←)\s*&?\s*"
    r"(?P=letter)\s*[_^]\s*[({]*\s*(?P=step)\s*[)}]*\s*-.*(?:\\(?:eta|alpha|nabla|partial)(?![A-Za-z])|[ηα∇∂]|\blr\b)",
    re.DOTALL,
)
"""θ_{t+1} = θ_t - η g_t: its steps are those of training."""
_LAST = regex(
    r"(?:\b(?:last|final|letzte[nr]?|derni[eè]re?|[uú]ltim[oa])\b|最[后後終终]|последн)[^$\n.;。；]{0,24}"
    rf"(?:\$+`?|\\\()\s*(?:t\s*=\s*)?{_LETTER}\s*(?:`?\$|\\\))",
    re.IGNORECASE,
)
"""The letter that words call the last step."""
_IN_CODE = regex(r"(?<!`)`(?:t\s*=\s*)?T\s*=\s*([2-9]|\d{2,4})\s*`(?!`)")
"""The number of steps, said in a span of code."""
_NUMBER = r"([2-9]|\d{2,4})(?![\d.A-Za-z^_+*/-])"
_OF_A_SECTION = regex(rf"{_SPACED}T{_SPACED}={_SPACED}{_NUMBER}{_SPACED}")
"""The number of steps of an example."""


def counted(document: Document) -> Document:
    """The document with its letters for t and T known wherever a formula of it is read."""
    document = _with_usual_length(document)
    texts = [part.text for part in document.parts]
    times = tuple(_times([formula for formula in document.formulas if formula.claims], document.formulas, texts))
    own = _Own(document.formulas, times)

    def here(fragment: Fragment) -> tuple[tuple[str, str], ...]:
        return _without_clock(fragment, times)

    timed = timed_in_brackets(_read(each.fragment, here(each.fragment)) for each in document.formulas)
    labelled = layered(_read(each.fragment, here(each.fragment)) for each in document.formulas if each.claims)
    if not times and not own and not timed and not labelled:
        return document
    parts = []
    for part in document.parts:
        formulas = tuple(
            replace(
                each,
                fragment=with_times_below(_read(each.fragment, (*here(each.fragment), *own.of(each)), labelled), timed),
            )
            for each in part.formulas
        )
        declarations = tuple(
            replace(each, formulas=tuple(_read(one, here(one), labelled) for one in each.formulas))
            for each in part.declarations
        )
        parts.append(replace(part, formulas=formulas, declarations=declarations))
    return replace(document, parts=tuple(parts))


def _read(fragment: Fragment, times: tuple[tuple[str, str], ...], labelled: frozenset[str] = frozenset()) -> Fragment:
    return replace(fragment, times=times, layered=labelled)


def _without_clock(fragment: Fragment, times: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The letters for t and T in a formula; with t in it, no other letter is t: ∂L_t/∂z_k of z_k = W x_k."""
    clocks = [own for own, usual in times if usual == "t"]
    if not clocks or not any(name.word == "t" for part in _parts(fragment) for name in timelike(part)):
        return times
    return tuple(pair for pair in times if pair[1] != "t")


class _Own:
    """What a formula, or the formulas of a section, have for t and T besides what the whole note has."""

    def __init__(self, formulas: Sequence[Formula], times: tuple[tuple[str, str], ...]) -> None:
        usual = {letter for _, letter in times}
        self.lengths: dict[tuple[str, ...], str] = {}
        self.clocks: dict[Place, str] = {}
        for each in formulas if "T" not in usual else ():
            said = _OF_A_SECTION.fullmatch(each.text)
            if each.section and (number := said.group(1) if said else _added_up(each.fragment)):
                self.lengths[each.section] = number
        timed = {base for each in formulas if each.claims for base in _timed(each.fragment, "t")}
        if "T" not in usual:
            self.lengths = {**_read_last(formulas, timed), **self.lengths}
        if "t" not in usual:
            for each in formulas:
                if each.claims and (letter := _running(each, timed)):
                    self.clocks[each.place] = letter

    def __bool__(self) -> bool:
        return bool(self.lengths or self.clocks)

    def of(self, formula: Formula) -> tuple[tuple[str, str], ...]:
        """The letters of one formula."""
        clock = self.clocks.get(formula.place)
        within = (formula.section[:depth] for depth in range(len(formula.section), -1, -1))
        length = next(filter(None, map(self.lengths.get, within)), None)
        return (*(((clock, "t"),) if clock else ()), *(((length, "T"),) if length else ()))


def _added_up(fragment: Fragment) -> str | None:
    """The number of steps of a loss that is written out: 3 in J = ℓ_1 + ℓ_2 + ℓ_3."""
    text = fragment.text.replace("&", " ")
    parts = _parts(fragment) if _ADDED.search(text) else ()
    found = next(filter(None, (_ADDED.fullmatch(text, part.start, part.end) for part in parts)), None)
    if found is None:
        return None
    numbers = re.findall(r"_\{?\s*(\d+)", found.group("sum"))
    letters = set(re.findall(r"(\\?[A-Za-z]+)\s*_", found.group("sum")))
    counted_up = numbers == [str(n) for n in range(1, len(numbers) + 1)]
    return numbers[-1] if len(letters) == 1 and len(numbers) > 1 and counted_up else None


def _read_last(formulas: Sequence[Formula], timed: set[str]) -> dict[tuple[str, ...], str]:
    """The last steps of examples whose loss reads that step alone, L = ½ h_3², and nothing a later one."""
    steps = [(each, {step for part in _parts(each.fragment) for step in _numbered(part, timed)}) for each in formulas]
    found: dict[tuple[str, ...], str] = {}
    headed = any(each.section for each in formulas)
    for each, _ in steps:
        for part in _parts(each.fragment) if each.claims and (each.section or not headed) else ():
            if not isinstance(part, Chain) or not _is_equation(each.fragment, part):
                continue
            loss, read = part.sides[0], set(_numbered(part, timed))
            alone = not any(name.word in ("t", "T") for name in timelike(part))
            if not isinstance(loss, Name) or loss.word not in LOSSES or not alone:
                continue
            example = example_of(each.section)
            beside = (numbers for other, numbers in steps if other.section[: len(example)] == example)
            longest = max(max(numbers, default=0) for numbers in beside)
            if read == {longest} and longest > 1:
                found[example] = str(longest)
    return found


def _numbered(part: Syntax, timed: set[str]) -> Iterator[int]:
    """The numbers of the steps at which letters stand that have steps: 3 of h_3."""
    for node in walk(part):
        if isinstance(node, Scripted) and isinstance(node.base, Name) and node.base.word in timed:
            below = [cell for script in node.scripts if script.kind == "sub" for row in script.rows for cell in row]
            yield from (int(cell.text) for cell in below if isinstance(cell, Number) and cell.text.isdigit())


def _timed(fragment: Fragment, letter: str) -> set[str]:
    """The letters that a formula has with this one below them as their time: h in h_t and h_{t-1}."""
    found = set()
    for part in _parts(fragment):
        for node in walk(part):
            if isinstance(node, Scripted) and isinstance(node.base, Name):
                below = [s for script in node.scripts if script.kind == "sub" for row in script.rows for s in row]
                if any(_is_step(cell, letter) for cell in below):
                    found.add(node.base.word)
    return found


def _is_step(cell: Syntax, letter: str) -> bool:
    step = time_expression(cell, frozenset([letter]))
    return step is not None and {str(symbol) for symbol in step.free_symbols} == {letter}


def _running(formula: Formula, timed: set[str]) -> str | None:
    """The letter that a definition for any step has for it: k in D_k = diag(1 - h_k²), where h_t is known."""
    fragment = formula.fragment
    parts = _parts(fragment)
    if not parts or not all(_is_equation(fragment, part) for part in parts) or _timed(fragment, "t"):
        return None
    found = [letter for letter in RUNNING if _timed(fragment, letter) & timed and _is_for_steps(fragment, letter)]
    return found[0] if len(found) == 1 else None


def _is_for_steps(fragment: Fragment, letter: str) -> bool:
    """Whether a letter stands below several letters, or below one as it is and one less: h_u = f(W h_{u-1})."""
    below = [node for part in _parts(fragment) for node in walk(part) if isinstance(node, Scripted)]
    cells = [s for n in below for script in n.scripts if script.kind == "sub" for row in script.rows for s in row]
    steps = {str(time_expression(cell, frozenset([letter]))) for cell in cells if _is_step(cell, letter)}
    return len(_timed(fragment, letter)) > 1 or {letter, f"{letter} - 1"} <= steps


def _with_usual_length(document: Document) -> Document:
    """The document with T for a length with a label or a word, n_{seq}, sl: up to which its sums over steps go."""
    read = [each for each in document.formulas if each.claims]
    found = {match.group("length") or match.group("before") for each in read for match in _LABELLED.finditer(each.text)}
    if len(found) != 1 or any(
        name.word == "T" for each in read for part in _parts(each.fragment) for name in timelike(part)
    ):
        return document
    (length,) = found
    if any(re.search(rf"(?:^|[&\\\\])\s*{re.escape(length)}\s*&?\s*:?=", each.text) for each in read):
        return document

    def usual(each: Formula) -> Formula:
        text = re.sub(rf"(?<![A-Za-z\\]){re.escape(length)}(?![A-Za-z])", "T".ljust(len(length)), each.text)
        return replace(each, fragment=replace(each.fragment, text=text, as_written=each.fragment.written))

    parts = (replace(part, formulas=tuple(map(usual, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


def in_letters_of(fragment: Fragment, text: str) -> str:
    """A formula that was written for t and T, in the letters of the document that a fragment belongs to."""
    if not fragment.times:
        return text
    try:
        rows = parse(Fragment.of(text))
    except (InputError, RecursionError):
        return text
    letters = {usual: WRITTEN.get(own, own) for own, usual in fragment.times}
    return own_letters(text, (name for row in rows for part in row for name in timelike(part)), letters)


def _times(formulas: Sequence[Formula], every: Sequence[Formula], texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    read = [(each.fragment, part) for each in formulas for part in _parts(each.fragment)]
    clock = clock_of((fragment, part) for fragment, part in read if _is_equation(fragment, part))
    clock = clock or _summed_to(formulas, read)
    if clock is not None:
        yield clock, "t"
    length = _length(formulas, every, read, clock or "t")
    if length is None:
        length = _number_of_steps([*formulas, *(each for each in every if not each.claims)], read, clock or "t", texts)
    called = {match.group("greek") or match.group("latin") for text in texts for match in _LAST.finditer(text)}
    if length is None and len(called) == 1 and called <= LENGTHS:
        (letter,) = called
        length = None if _is_other(WRITTEN.get(letter, letter), formulas) else letter
    if length is not None:
        yield length, "T"


def _summed_to(formulas: Sequence[Formula], read: Sequence[tuple[Fragment, Syntax]]) -> str | None:
    """The letter of a step up to which gradients sum, where nothing has a t: τ of ∂L_τ/∂W = Σ_{k=1}^τ ..."""
    if any(name.word == "t" for _, part in read for name in timelike(part)):
        return None
    found: set[str] = set()
    for row in (row for each in formulas for row in _rows(each) if DERIVATIVE.search(row)):
        left = row.partition("=")[0]
        ups = {match[match.lastgroup or 0] for match in _UP_TO.finditer(row)} & set(CLOCKS)
        found |= {one for one in ups if re.search(rf"_\s*\{{?\s*{re.escape(WRITTEN.get(one, one))}(?![A-Za-z])", left)}
    clocks = {one for one in found if any(_timed(fragment, one) for fragment, _ in read)}
    return clocks.pop() if len(clocks) == 1 else None


def _parts(fragment: Fragment) -> list[Syntax]:
    try:
        return [part for row in parse(fragment) for part in row]
    except (InputError, RecursionError):
        return []


def _is_equation(fragment: Fragment, part: Syntax) -> bool:
    """Whether this may be an equation of the model: nothing about derivatives or the sum over the steps."""
    if not isinstance(part, Chain) or DERIVATIVE.search(fragment.text, part.start, part.end):
        return False
    if _TRAINED.match(fragment.text, part.start, part.end):
        return False
    return not any(isinstance(node, Big) for node in walk(part))


def _length(
    formulas: Sequence[Formula], every: Sequence[Formula], read: Sequence[tuple[Fragment, Syntax]], clock: str
) -> str | None:
    """The letter of the last step, where the note says it and has no T: in its loss, a list of steps, or below what has
    a step; a capital may stand in its gradients alone. `every` are the formulas with those that are only mentioned.
    """
    if any(name.word == "T" for _, part in read for name in timelike(part)):
        return None
    step = re.escape(WRITTEN.get(clock, clock))
    listed = _LETTER.replace("greek", "greek2").replace("latin", "latin2")
    last = re.compile(_SUMMED.replace("STEP", step) + _LETTER + "|" + _LISTED.replace("STEP", step) + listed)
    stated: set[str] = set()
    timed = {base for fragment, _ in read for base in _timed(fragment, clock)}
    for match in (match for formula in every for match in _SEQUENCE.finditer(formula.text)):
        stated |= {match.group("greek") or match.group("latin")} if match.group("base") in timed else set()
    claimed: set[str] = set()
    for formula in formulas:
        derivative = DERIVATIVE.search(formula.text) is not None
        letters = claimed if derivative else stated
        letters |= _told_apart(formula.text, step)  # cases are rows of one formula
        capitals = {clock.upper()} if derivative else {"N", clock.upper()}  # q = V h_N; ∂L/∂h_N beside h_n
        letters |= {one for one in capitals - {"T"} if timed & _timed(formula.fragment, one)}
    for row in (row for formula in formulas for row in _rows(formula)):
        derivative = DERIVATIVE.search(row) is not None
        left = row.partition("=")[0]
        for match in last.finditer(row):
            letter = next(value for value in match.groups() if value)
            if derivative or re.search(rf"_\{{?\s*{re.escape(WRITTEN.get(letter, letter))}(?![A-Za-z])", left):
                claimed.add(letter)
            else:
                stated.add(letter)
    found = stated or {letter for letter in claimed if letter.isupper()}
    if len(found) != 1 or not found <= LENGTHS:
        return None
    (letter,) = found
    return None if _is_other(WRITTEN.get(letter, letter), formulas) else letter


def _rows(formula: Formula) -> list[str]:
    """What a formula says in lines of their own."""
    return [formula.text[start:end] for start, end in rows(formula.text)]


def _told_apart(text: str, step: str) -> set[str]:
    """The letters before which and at which a formula has cases: t < τ and t = τ."""
    before, at = (
        {
            match.group("greek") or match.group("latin")
            for match in re.finditer(rf"{step}{_SPACED}{sign}{_SPACED}{_LETTER}", text)
        }
        for sign in (r"(?:<|\\lt(?![A-Za-z]))", "=")
    )
    return before & at


def _number_of_steps(
    formulas: Sequence[Formula], read: Sequence[tuple[Fragment, Syntax]], clock: str, texts: Sequence[str]
) -> str | None:
    """The number of steps, where the note lists them up to it or says T = 4, or without a T in its loss; one number.

    What stands beside a derivative is claimed, and declares nothing.
    """
    step = re.escape(WRITTEN.get(clock, clock))
    ways = [_LISTED.replace("STEP", step), _COUNTED.replace("STEP", step), rf"^{_SPACED}T{_SPACED}={_SPACED}"]
    if not any(name.word == "T" for _, part in read for name in timelike(part)):
        ways.append(_SUMMED.replace("STEP", step))
    declared = re.compile("|".join(f"(?:{way}{_NUMBER})" for way in ways), re.MULTILINE)
    found = {
        next(value for value in match.groups() if value)
        for formula in formulas
        for row in _rows(formula)
        if not DERIVATIVE.search(row)
        for match in declared.finditer(row)
    }
    found |= {match.group(1) for text in texts for match in _IN_CODE.finditer(text)}
    return found.pop() if len(found) == 1 else None


def _is_other(letter: str, formulas: Sequence[Formula]) -> bool:
    """Whether a letter is a loss, a quantity or a size in the note."""
    here = re.escape(letter) + r"(?![A-Za-z])"
    other = re.compile(
        rf"(?:\\partial|∂|\\nabla|\\mathrm\{{d\}}){_SPACED}\{{?{_SPACED}{here}|(?:^|[&\\]){_SPACED}{here}{_SPACED}:?="
        rf"(?!{_SPACED}t(?![A-Za-z]))"  # τ = t is a step
        rf"|(?:mathbb|mathbf)\s*\{{?\s*R\s*\}}?\s*\^\s*(?:{here}|\{{[^}}]*(?<![A-Za-z\\]){here})"
    )
    return any(other.search(formula.text) for formula in formulas)
