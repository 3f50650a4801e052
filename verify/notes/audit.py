"""A note -> a judgement on every formula in it, with the model that each was held against."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol

from derive.cell import Cell
from derive.errors import InputError, Place, ProgramFault
from derive.reader.claims.functions import cell_of_functions
from derive.reader.claims.meant import NOTHING, Meant
from derive.reader.claims.statements.chains import statements
from derive.reader.meaning.letters import letter, number_of
from derive.reader.meaning.vocabulary import is_general, names_function
from derive.reader.models.equations.equation import LOSSES, Equation
from derive.reader.models.equations.gradients import names_a_family
from derive.reader.models.equations.names import letter_name
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Big, Name
from verify.formulas import faults
from verify.formulas.faults import ClaimsFault, fault_in
from verify.formulas.judgement import Judgement, Word, exit_code, report
from verify.mistakes.dictionary import entry
from verify.notes import lint
from verify.notes.audited import ANOTHER, Audited
from verify.notes.contradictions import of_two_minds
from verify.notes.conventions import LAST_ALONE, Judge, settled
from verify.notes.examples import of_examples
from verify.notes.files import Document, Formula, behind_words, conditioned, continued, read
from verify.notes.lint import Note
from verify.notes.models import Model, Models, holes
from verify.notes.models.holes import spoken
from verify.notes.models.times import counted, in_letters_of
from verify.notes.recognition import stepping_back
from verify.notes.unexplained import unexplained

NO_MODEL = "no model fits these letters: name one with --cell, or in the note: <!-- backproof: cell=... -->"
A_MENTION = "a mention"
A_DEFINITION = "an equation of the model"
AN_OPEN_END = "unfinished: nothing stands behind the ="
A_PART = "says which part of it a letter stands for"
A_FAMILY = "says that a letter with a quantity below it is the gradient by that"
A_START = "what a gradient is set to before the first step of the backward pass"
A_LOSS = "names the loss"
A_CASE = "says for which value of a quantity something is said"
SUPPOSED = "a condition, as the words before it say"
A_DEPENDENCE = "says what a quantity depends on"
AN_UPDATE = "a step of training, which claims nothing of the gradient in it"
UNUSED = "a definition that the model does not use"

_UNFINISHED = re.compile(r"\A[^=]*(=)[\s.,;&]*(?:\\end\{[a-z]+\*?\}\s*)*\Z")
_LATEX = re.compile(r"=.*\\(?:[dt]?frac|partial|nabla|odot|sum|sigma|tanh|top)(?![A-Za-z])|\\frac\{\\partial.*=")
_STARTED = re.compile(r"(?:初始化|置零|\binitiali[sz](?:e|ing|ed)\b)[^$=.;。；]{0,40}\$*\s*\Z", re.IGNORECASE)
_COMPARED = re.compile(r"[<>≤≥≪≫]|\\(?:leq?|geq?|leqslant|geqslant|ll|gg|lt|gt)(?![A-Za-z])")
_SUPPOSED = re.compile(
    r"(?:当|若|如果|假如|假设|只要|條件|条件|當|\b(?:if|when|whenever|suppose|assuming|provided|conditions?)\b)"
    r"[^$.;。；，,]{0,12}\$*\s*\Z|\|\s*\**\$+\s*\Z",
    re.IGNORECASE,
)
_LET = re.compile(r"(?:\b(?:let|define|denote)\b|定义|[令记设])[^.;。；]*\Z", re.IGNORECASE)
_ERROR = re.compile(r"\s*(?:\\(?:delta|varepsilon|epsilon)(?![A-Za-z])|δ|ε)")
"""An error letter, and what stands before what is said of one."""
_INNER = re.compile(r"\{[^{}]*\}")
_UPDATE = re.compile(
    r"(?:\s|&|\\begin\{[a-z]+\*?\})*(?P<letter>[^=&\s](?:[^=&]{0,30}?[^=&\s])?)[\s&]*(?::?=|\\leftarrow(?![A-Za-z])|\\gets(?![A-Za-z])|←)[\s&]*"
    r"(?P=letter)\s*-\s*(?:\\(?:eta|alpha|lambda|epsilon|varepsilon|gamma|mu|rho)(?![A-Za-z])|lr\b|\\text\{lr\})"
)
_RATE = r"\s*\(?\s*(?:\\(?:eta|alpha|lambda|epsilon|varepsilon|gamma|mu|rho)(?![A-Za-z])|lr\b|\\text\{lr\})"
_STEP = re.compile(
    rf"(?:\s|&)*(?:[^=&\s-][^=&-]{{0,30}}?\s*(?:\\mathrel\s*\{{\s*-\s*\}}|-)\s*={_RATE}"
    rf"|\\Delta\s*[^=&\s][^=&]{{0,30}}?&?=\s*-{_RATE})"
)
"""W -= η dW and ΔW = -η ∂L/∂W."""
_ZEROED = re.compile(
    r"(?:[^=]*(?:\\partial|\\delta|\bd[A-Za-z])[^=]*=\s*(?:\\mathbf\s*\{?|\\vec\s*\{?)?0\}?\s*[,.;]?\s*)+"
)
_PARTS = re.compile(
    r"=\s*\\?\[(?:\\[,;! ]|\s)*"
    r"(?:(?:\\?[A-Za-z]|[_^{}])+\s*(?:[,;](?:\\[,;! ]|\s)*|(?:\\[,;! ])?\\?\]\s*\Z)){2,}"
)
"""A list of letters, each for a part of what stands left of it."""
_OF_BLOCKS = re.compile(
    r"\A\s*[A-Za-z]\s*_\s*(?:[A-Za-su-z]|\{[^{}t]*\})\s*&?=\s*\\begin\{[bp]matrix\}"
    r"(?:[\s&,A-Za-z]|_\s*\{[^{}t]*\}|_\s*[A-Za-su-z]|\\\\)+\\end\{[bp]matrix\}[\s.,;]*\Z"
)
"""A weight put together of letters without a time."""
_MATH = re.compile(r"\$([^$]+)\$")
_CUT = re.compile(r"\A\s*(\S+)\s*:?=\s*\1\s*\[[^\[\]=]*:[^\[\]=]*\]\s*\Z")
_BARS = re.compile(
    r"\b(?:bars?|barred|overlined?|overlines)\b[^.\n]{0,80}\b(?:gradients?|adjoints?|derivatives?)\b|"
    r"\b(?:gradients?|adjoints?|derivatives?)\b[^.\n]{0,80}\b(?:bars?|barred|overlined?)\b",
    re.IGNORECASE,
)
_ENTROPY = re.compile(r"\bcross[\s-]?entropy\b|交叉熵", re.IGNORECASE)
_COLUMNS = r"\b(?:columns?|blocks?|parts?|slice|sub-?matrix)\b"
_BLOCKS = re.compile(
    rf"\$(?P<weight>[^$\n]{{1,30}})\$[^.$\n]{{0,60}}?{_COLUMNS}[^.$\n]{{0,60}}?\$(?P<part>[^$\n]{{1,20}})\$"
    rf"|{_COLUMNS}[^.$\n]{{0,30}}?\$(?P<cut>[^$\n]{{1,30}})\$[^.$\n]{{0,40}}?\$(?P<seen>[^$\n]{{1,20}})\$",
    re.IGNORECASE,
)


class Check(Protocol):
    """Judges one formula against a cell: a judgement for every `=`."""

    def __call__(
        self, formula: str, cell: Cell, *, assume: Sequence[str] = (), place: Place | None = None,
        fragment: Fragment | None = None, meant: Meant = NOTHING,
    ) -> tuple[Judgement, ...]: ...  # fmt: skip


@dataclass(frozen=True)
class Audit:
    """What was found in one file."""

    document: Document
    formulas: tuple[Audited, ...]

    def _repr_html_(self) -> str:
        from verify.reports import notebook

        return notebook.audit_html(self)

    @property
    def file(self) -> str:
        return self.document.path

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        return tuple(judgement for each in self.formulas for judgement in each.judgements)

    @property
    def faults(self) -> tuple[tuple[Place, ProgramFault], ...]:
        """The faults of the program, each with the place of its formula."""
        return tuple((each.formula.place, fault) for each in self.formulas for fault in each.faults)

    @cached_property
    def models(self) -> tuple[Model, ...]:
        """The models that a claim was held against, in the order of the note; those that say the same are one."""
        used: dict[str, Model] = {}
        for each in self.formulas:
            if each.model is not None and _claims(each):
                used.setdefault(str(each.model), each.model)
        return tuple(used.values())

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What looks like a slip in the models that the note writes itself, and what it ignores in vain."""
        files = {part.file for part in self.document.parts}
        found = [note for model in self.models for note in lint.notes(model)]
        found += [note for each in self.formulas for note in lint.unused(each)]
        return tuple(dict.fromkeys(note for note in found if note.place.file in files))

    @property
    def counts(self) -> Counter[Word]:
        return Counter(judgement.word for judgement in self.judgements)

    def model_number(self, audited: Audited) -> int | None:
        """Which of `models` a formula was held against, counted from 1."""
        said = [str(model) for model in self.models]
        return said.index(str(audited.model)) + 1 if str(audited.model) in said and _claims(audited) else None


def _claims(audited: Audited) -> bool:
    return any(judgement.word is not Word.NOT_A_CLAIM for judgement in audited.judgements)


def audit(
    path: str | Path, *, cell: str | None = None, notation: str | None = None, check: Check | None = None
) -> Audit:
    """Judge every formula of a note, notebook or LaTeX file; raises InputError if it cannot be read.

    `cell` and `notation` name the model where the note does not; otherwise it is the note's own, or recognised.
    """
    if check is None:
        from verify.formulas.claims import check as judge  # reads much; a file that cannot be opened needs none of it

        check = judge
    document = counted(read(path))
    _refuse_unread(document)
    models = Models(
        document.formulas,
        str(path),
        cell,
        notation,
        declarations=document.declarations,
        aside=document.aside,
        entropy=any(_ENTROPY.search(part.text) for part in document.parts),
        bars=any(_BARS.search(part.text) for part in document.parts),
        blocks=[pair for part in document.parts for pair in _blocks(part.text)],
    )
    before = dict(zip(document.formulas, (None, *document.formulas), strict=False))

    def apart(formula: Formula, instead: Model | None = None) -> Audited:
        return _apart(formula, before.get(formula), models, check, instead)

    judged = settled(tuple(map(apart, document.formulas)), apart, behind_words(document, LAST_ALONE))
    judged = tuple(_otherwise(each, models, apart) for each in stepping_back(judged))
    judged = tuple(unexplained(of_two_minds(tuple(of_examples(judged, document)))))
    return Audit(document, tuple(map(_ignoring, judged)))


def _otherwise(audited: Audited, models: Models, judge: Judge) -> Audited:
    """A formula that stays open under the equations that the note writes, under others that it may mean."""
    for model in models.others(audited.formula) if _is_open(audited) else ():
        again = judge(audited.formula, model)
        if [one.place for one in again.judgements] != [one.place for one in audited.judgements]:
            continue
        pairs = zip(audited.judgements, again.judgements, strict=True)
        kept = tuple(new if old.word is Word.UNDECIDED and _says_more(new) else old for old, new in pairs)
        audited = replace(again if kept != audited.judgements else audited, judgements=kept)
    return audited


def _is_open(audited: Audited) -> bool:
    return any(judgement.word is Word.UNDECIDED for judgement in audited.judgements)


def _says_more(judgement: Judgement) -> bool:
    """Whether a guess decides something, or says what is wrong under it."""
    return judgement.word in (Word.PROVED, Word.HOLDS_IF, Word.NOT_A_CLAIM) or judgement.reason.startswith("wrong if")


def _ignoring(audited: Audited) -> Audited:
    """The judgements with those marked that the note says to ignore: a word, or every mistake that was found."""
    asked = set(audited.formula.ignored)
    if not asked:
        return audited

    def ignored(judgement: Judgement) -> bool:
        mistakes = {entry(mistake.name).slug for mistake in judgement.mistakes}
        return judgement.word.value in asked or (bool(mistakes) and mistakes <= asked)

    marked = tuple(replace(one, ignored=True) if ignored(one) else one for one in audited.judgements)
    return replace(audited, judgements=marked)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """The names in `the columns of W that act on x`."""
    for match in _BLOCKS.finditer(text):
        weight, part = match.group("weight") or match.group("cut"), match.group("part") or match.group("seen")
        names = letter_name(weight), letter_name(part)
        if all(names):
            yield names


def _refuse_unread(document: Document) -> None:
    """Raise InputError for a note without formulas in which LaTeX stands in marks that are not known."""
    if any(formula.claims for formula in document.formulas):
        return
    found = [
        Place(part.file, number, 1, number, line)
        for part in document.parts
        for number, line in enumerate(part.text.splitlines(), 1)
        if _LATEX.search(line)
    ]
    if found:
        lines = ", ".join(str(place.line) for place in found[:8]) + (", ..." if len(found) > 8 else "")
        raise InputError(
            f"formulas that cannot be told from the text in line{'s' if len(found) > 1 else ''} {lines}", found[0],
            "put them between $$ and $$, or between $ and $",
        )  # fmt: skip


def _apart(
    formula: Formula, before: Formula | None, models: Models, check: Check, instead: Model | None = None
) -> Audited:
    """The judgements on one formula, which touch no other, whatever happens; `instead` of its model under another."""
    try:
        return _judged(formula, before, models, check, instead)
    except InputError as error:
        if error.place is None:
            raise  # not about the formula: a cell or notation that nothing has
        found = Judgement(formula.fragment.written.strip(), Word.UNREADABLE, reason=error.message, place=error.place)
        return Audited(formula, None, (found,))
    except Exception as error:  # a fault of the program is told as one, and is no verdict
        return Audited(formula, None, (), (fault_in(error, _line(formula.text), formula.place),))


def _judged(formula: Formula, before: Formula | None, models: Models, check: Check, instead: Model | None) -> Audited:
    place = formula.place
    written = formula.fragment.written.strip()
    if not formula.claims:
        return Audited(formula, None, (Judgement(written, Word.NOT_A_CLAIM, reason=A_MENTION, place=place),))
    model = instead or models.of(formula)
    if model is None and (numbers := cell_of_functions(formula.fragment)) is not None:
        return Audited(formula, None, check(formula.text, numbers, place=place, fragment=formula.fragment))
    if names_a_family(formula):
        return Audited(formula, model, (Judgement(_line(written), Word.NOT_A_CLAIM, reason=A_FAMILY, place=place),))
    lines = [line for line in formula.text.split(r"\\") if line.strip()]
    if all((_UPDATE.match(line) or _STEP.match(line)) and _INNER.sub("", line).count("=") <= 1 for line in lines):
        return Audited(formula, model, (Judgement(_line(written), Word.NOT_A_CLAIM, reason=AN_UPDATE, place=place),))
    if _is_supposed(formula):
        return Audited(formula, model, (Judgement(_line(written), Word.NOT_A_CLAIM, reason=SUPPOSED, place=place),))
    if _is_start(formula):
        return Audited(formula, model, (Judgement(_line(written), Word.NOT_A_CLAIM, reason=A_START, place=place),))
    defined = models.written.defined(formula)
    if model is None:
        unknown = models.why_none(formula) or NO_MODEL
        word, reason = (Word.NOT_A_CLAIM, UNUSED) if defined and _only(defined, formula) else (Word.UNDECIDED, unknown)
        return Audited(formula, None, (Judgement(written, word, reason=reason, place=place),))
    if defined and _only(defined, formula) and all(model.defines(_at(e.place, place)) for e in defined):
        return Audited(
            formula, model, tuple(
                Judgement(_line(e.fragment.written), Word.NOT_A_CLAIM, reason=A_DEFINITION, place=e.fragment.place(0))
                for e in defined
            ),
        )  # fmt: skip
    fragment = conditioned(continued(formula, before), formula, before)
    unfinished = _UNFINISHED.search(fragment.text)
    if unfinished is not None:
        return Audited(formula, model, (_completed(formula, unfinished.end(1), model, check),))
    met: tuple[ProgramFault, ...] = ()
    try:
        found = check(fragment.text, model.cell, assume=model.facts, place=place, fragment=fragment, meant=model.meant)
    except InputError as error:
        found = (Judgement(written, Word.UNREADABLE, reason=error.message, place=error.place or place),)
    except ClaimsFault as fault:
        found, met = fault.judgements, fault.faults
    if all(each.word is Word.UNDECIDED for each in found) and instead is None and formula.displayed:
        other = models.elsewhere(formula)
        again = None if other is None else _judged(formula, before, models, check, other)
        if again is not None and any(each.word in (Word.PROVED, Word.HOLDS_IF) for each in again.judgements):
            return again
    found = tuple(_lettered(judgement, fragment) for judgement in found)
    definitions = _definitions(formula, model)
    found = tuple(_defining(replace(judgement, place=judgement.place or place), definitions) for judgement in found)
    gradients = {name for name, _ in model.meant.errors}
    stated = {e.place[1:] for e in defined if not e.numbered and e.target not in gradients}
    found = tuple(_never_wrong(judgement, fragment, stated) for judgement in found)
    if _LET.search(place.text[: place.column - 1]) and _ERROR.match(formula.text) and not formula.displayed:
        found = tuple(_said(each, ANOTHER) if each.word is Word.WRONG else each for each in found)

    @cache
    def computed() -> Sequence[Judgement]:
        """The formula where the gates that the note has no equation for are computed."""
        assert model is not None
        if model.computed is None:
            return ()
        try:
            return check(
                fragment.text, model.computed, assume=model.facts, place=place, fragment=fragment, meant=model.meant
            )
        except (InputError, ClaimsFault):
            return ()

    return Audited(formula, model, tuple(_under(model, found, fragment, computed)), met)


def _is_start(formula: Formula) -> bool:
    """Whether gradients are set to zero here, as the words before the formula say."""
    place = formula.place
    return _ZEROED.fullmatch(formula.text) is not None and _STARTED.search(place.text[: place.column - 1]) is not None


def _is_supposed(formula: Formula) -> bool:
    """Whether a bound in running text is what the words before it suppose: if ‖∂h_j/∂h_{j-1}‖ > 1."""
    place = formula.place
    bound = _COMPARED.search(formula.text) is not None and "=" not in formula.text
    return bound and not formula.displayed and _SUPPOSED.search(place.text[: place.column - 1]) is not None


def _said(judgement: Judgement, reason: str) -> Judgement:
    """A judgement on what claims nothing after all."""
    return Judgement(judgement.formula, Word.NOT_A_CLAIM, reason=reason, place=judgement.place)


def _depends(place: Place, fragment: Fragment) -> bool:
    """Whether one side of the `=` at a place is f(x_t, h_{t-1}), where nothing is known of f."""
    try:
        chains = statements(fragment)
    except InputError:
        return False
    here = (place.line, place.column)
    return any(
        here == (at.line, at.column)
        and (
            any(map(is_general, chain.sides[number : number + 2]))
            or names_function(chain.sides[number], chain.sides[number + 1], chain.fragment.text)
        )
        for chain in chains
        for number in range(len(chain.relations))
        if (at := chain.place(number)) is not None
    )


def _lettered(judgement: Judgement, fragment: Fragment) -> Judgement:
    """A judgement whose true formula and mistakes have the note's letters for t and T."""
    if not fragment.times or judgement.word is not Word.WRONG:
        return judgement

    def written(formula: re.Match[str]) -> str:
        return f"${in_letters_of(fragment, formula.group(1))}$"

    mistakes = tuple(replace(one, detail=_MATH.sub(written, one.detail)) for one in judgement.mistakes)
    correct = judgement.correct and in_letters_of(fragment, judgement.correct)
    return replace(judgement, correct=correct, mistakes=mistakes)


def _never_wrong(judgement: Judgement, fragment: Fragment, stated: Collection[tuple[int, int]]) -> Judgement:
    """A definition that is not the model's contradicts it, which is no mistake of arithmetic."""
    if judgement.place is None or judgement.word not in (Word.WRONG, Word.UNDECIDED):
        return judgement
    if _depends(judgement.place, fragment):
        return _said(judgement, A_DEPENDENCE)
    if judgement.word is Word.UNDECIDED:
        return judgement
    if any(way.search(judgement.formula) for way in (_CUT, _PARTS, _OF_BLOCKS)):
        return _said(judgement, A_PART)
    if _sums_a_loss(judgement.formula):
        return _said(judgement, A_LOSS)
    try:
        chains = statements(fragment)
    except InputError:
        return judgement
    for chain in chains:
        start = fragment.place(chain.sides[0].start)
        places = [at for number in range(len(chain.relations)) if (at := chain.place(number)) is not None]
        here = (judgement.place.line, judgement.place.column) in {(at.line, at.column) for at in places}
        sides = chain.sides
        if here and len(sides) == 2 and letter(sides[0]) is not None and number_of(sides[1]) is not None:
            return _said(judgement, A_CASE)
        if here and (start.line, start.column) in stated:
            return _said(judgement, ANOTHER)
    return judgement


def _sums_a_loss(formula: str) -> bool:
    """Whether this is L = Σ_t L_t, which says what L is, from whatever step on it counts."""
    try:
        chains = statements(Fragment.of(formula))
    except InputError:
        return False
    sides = chains[0].sides if len(chains) == 1 else ()
    if len(sides) != 2 or not isinstance(sides[0], Name) or not isinstance(sides[1], Big) or sides[1].sign != "sum":
        return False
    each = letter(sides[1].body)
    return sides[0].word in LOSSES and each is not None and each.word == sides[0].word


def _under(
    model: Model, found: Sequence[Judgement], fragment: Fragment, again: Callable[[], Sequence[Judgement]]
) -> Iterator[Judgement]:
    """What stands of the judgements where the model has holes, or rests on a guess."""
    loose, apart = holes.unread(model.cell), holes.unreached(model.cell)
    about = spoken(fragment, model.cell, model.meant) if model.holes or loose or apart or model.given else {}
    for judgement in found:
        place = judgement.place
        says = about.get((place.line, place.column)) if place else None
        kept = holes.loosely(holes.judged(judgement, model.holes, says), loose, says, apart)
        if by := holes.on_gates(model, says):
            same = [one for one in again() if one.place == place and one.formula == judgement.formula]
            kept = holes.as_given(kept, same[0] if same else None, model, by)
        yield _doubted(kept, model)


def _doubted(judgement: Judgement, model: Model) -> Judgement:
    """A judgement that rests on a guess about the model: right only under it, and wrong for certain in no case."""
    if not model.doubts or judgement.word not in (Word.PROVED, Word.HOLDS_IF, Word.WRONG):
        return judgement
    if judgement.word is not Word.WRONG:
        assumptions = (*model.doubts, *judgement.assumptions)
        return replace(judgement, word=Word.HOLDS_IF, assumptions=assumptions)
    if model.recognised:
        return judgement
    return Judgement(
        judgement.formula, Word.UNDECIDED, reason=f"wrong if {'; '.join(model.doubts)}", place=judgement.place
    )


def _completed(formula: Formula, end: int, model: Model, check: Check) -> Judgement:
    """A formula that ends in `=` claims nothing; the true right side is found by holding it against zero."""
    fragment = replace(formula.fragment, text=f"{formula.text[:end]} 0{formula.text[end:]}")
    try:
        found = check(fragment.text, model.cell, place=formula.place, fragment=fragment)
    except InputError:
        found = ()
    correct = found[-1].correct if len(found) == 1 and found[0].word is Word.WRONG else None
    return Judgement(
        _line(formula.fragment.written), Word.NOT_A_CLAIM, correct=correct, reason=AN_OPEN_END, place=formula.place
    )


def _only(defined: Sequence[Equation], formula: Formula) -> bool:
    """Whether a formula is nothing but these equations."""
    return formula.text.count("=") - formula.text.count("\\neq") <= sum(
        equation.fragment.text.count("=") for equation in defined
    )


def _definitions(formula: Formula, model: Model) -> frozenset[tuple[int, int]]:
    """The places of the `=` in a formula that belong to equations of the model."""
    try:
        chains = statements(formula.fragment)
    except InputError:
        return frozenset()
    return frozenset(
        (chain.place(0).line, chain.place(0).column)
        for chain in chains
        if chain.relations and model.defines(formula.fragment.place(chain.sides[0].start))
    )


def _defining(judgement: Judgement, definitions: frozenset[tuple[int, int]]) -> Judgement:
    """An equation that the model consists of claims nothing."""
    place = judgement.place
    if place is not None and (place.line, place.column) in definitions:
        return replace(judgement, word=Word.NOT_A_CLAIM, reason=A_DEFINITION)
    return judgement


def _at(found: tuple[str, int, int], place: Place) -> Place:
    return replace(place, file=found[0], line=found[1], column=found[2])


def _line(text: str) -> str:
    return " ".join(text.replace("&", " ").split())


def as_json(audits: Iterable[Audit]) -> dict[str, Any]:
    """All judgements, and for each file its models."""
    audits = list(audits)
    found = report(judgement for each in audits for judgement in each.judgements)
    entries = iter(found["claims"])
    for each in audits:
        for audited in each.formulas:
            for _ in audited.judgements:
                entry = next(entries)
                entry["section"] = list(audited.formula.section)
                entry["displayed"] = audited.formula.displayed
                number = each.model_number(audited)
                entry["model"] = None if number is None else number - 1
    found["faults"] = [
        {**faults.as_json(fault), "place": {"file": at.file, "line": at.line, "column": at.column}}
        for each in audits
        for at, fault in each.faults
    ]
    found["notes"] = [note.to_json() for each in audits for note in each.notes]
    found["files"] = [
        {
            "file": each.file,
            "models": [
                {"cell": model.cell.name, "origin": model.origin, "assumed": list(model.assumed)}
                for model in each.models
            ],
        }
        for each in audits
    ]
    return found


def code(audits: Iterable[Audit], unread: int = 0, lenient: bool = False) -> int:
    """The exit code: 3 for a fault of the program, else 1 if anything is wrong, else 2 if something is open, else 0.

    `lenient`: 2 only for files that could not be read.
    """
    audits = list(audits)
    if any(each.faults for each in audits):
        return 3
    found = exit_code(judgement for each in audits for judgement in each.judgements)
    if found == 1:
        return 1
    return 2 if unread or (found and not lenient) else 0
