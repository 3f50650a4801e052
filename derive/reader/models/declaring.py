"""The text of a model: its equations, and what has to be declared for them to be read as a cell."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from derive.errors import InputError, Place
from derive.notation import spelled
from derive.patterns import regex
from derive.reader.meaning.letters import identifier
from derive.reader.models.choice import Choice
from derive.reader.models.equations.equation import TIMES, Equation, mentions
from derive.reader.models.equations.filters import says_an_entry
from derive.reader.models.equations.finding import is_copy
from derive.reader.models.equations.names import first_spelled, letter_name, spelled_names, stripped
from derive.reader.text.fragment import Fragment, piece
from derive.reader.text.note import WHERE, Declaration
from derive.reader.text.said import FUNCTION

ACCENTED = ("_tilde", "_hat", "_prime")
"""Endings of names that usually have an equation."""

_FACTOR = regex(r"[\s&]*-\s*(?P<number>\\[dt]?frac\s*\{\s*\d+\s*\}\s*\{\s*[A-Za-z\d]\s*\})")
"""A fraction of numbers before a cross-entropy: -1/n of -1/n yᵀ log ŷ."""
FEWEST = 10
"""Sizes from here on are letters while formulas are decided: what holds of all sizes holds of these."""
_SPACE = regex(r"(?:\\mathbb\s*\{?\s*R\s*\}?|\\R(?![A-Za-z])|ℝ)\s*\^\s*\{[^{}]*\}")
_JOINED = regex(r"[\s&]*(?:\\left\s*|\\[bB]igg?l?\s*)?(?:\[|\\begin\s*\{[a-zA-Z]*matrix\}|\\(?:lbrack|\{))")
_IN = regex(
    r"(?:\\in(?![A-Za-z])|∈)\s*\{?\s*(?:\\mathbb\s*\{?\s*R\s*\}?|\\R(?![A-Za-z])|ℝ)\s*\^\s*(?:\w|\{[^{}]*\})[\s.,;}]*\Z"
)
"""Letters that are said to be vectors or matrices, and nothing else; a number may be one of a section alone."""
_LISTED = regex(r",\s*(?=.*(?:\\in(?![A-Za-z])|∈))")
_DECLARES = regex(r"\\in(?![A-Za-z])|∈|(?:=|≔|\\equiv|\\coloneqq|\\gets)(?!\s*\([^()]*,)|\\sum|1\s*\^")


def declarations(chosen: Choice) -> list[Declaration]:
    """Declarations of the note, each with one formula, that speak of letters of the model and nothing else."""
    letters = {*chosen.by_name, *chosen.used}
    functions = {name for e in chosen.by_name.values() for name in spelled_names(e.fragment.text)}
    known = letters | functions | {stripped(name) for name in letters}
    found = [Declaration("where", (e.space,), "") for e in chosen.by_name.values() if e.space is not None]
    written = [Place(*e.place, e.place[1]) for e in chosen.given.equations]
    for declaration in chosen.given.declarations:
        if declaration.key in ("where", "for") and not WHERE.match(declaration.words):
            continue  # formulas alone in a line declare nothing
        named = _names_function(declaration)
        for fragment in declaration.formulas:
            if not named and (any(within(place, fragment) for place in written) or is_copy(fragment)):
                continue
            if says_an_entry(fragment.text, chosen.by_name):
                continue
            fragment = _of_known(fragment, known)
            spoken = spelled_names(fragment.text)
            declares = named or _DECLARES.search(fragment.text)
            if spoken and spoken[0] in known and declares and _is_here(chosen, fragment):
                key = "where" if declaration.key == "said" and _IN.search(fragment.text) else declaration.key
                found.append(Declaration(key, (fragment,), declaration.words))
    return found


def _names_function(declaration: Declaration) -> bool:
    """Whether running text says which function a letter is."""
    return declaration.key.startswith(FUNCTION)


def said_shapes(chosen: Choice) -> list[int]:
    """The numbers of the declarations that are shapes said in running text."""
    every = enumerate(declarations(chosen))
    return [n for n, each in every if each.key == "where" and each.words and not WHERE.match(each.words)]


def _of_known(fragment: Fragment, known: Collection[str]) -> Fragment:
    """W, U ∈ ℝ^{H×D} without the letters before those that the model has."""
    if _IN.search(fragment.text) is None:
        return fragment
    starts = [0, *(match.end() for match in _LISTED.finditer(fragment.text))]
    have = (start for start in starts if first_spelled(fragment.text[start:])[1] in known)
    first = next(have, 0)
    return piece(fragment, first, len(fragment.text)) if first else fragment


def _is_here(chosen: Choice, declared: Fragment) -> bool:
    """Whether a declaration speaks of the letters of this model, which has an equation of its home or the same one.

    Two models of one note may give a letter two shapes: W_y h_t of the one, h_t W_y of the other.
    """
    own = {(e.target, "".join(e.right.split())) for e in chosen.by_name.values()}
    found = home(declared, declared_name(declared), chosen.given.equations)
    return not found or any((e.target, "".join(e.right.split())) in own for e in found)


def declared_name(declared: Fragment) -> str:
    """The first letter that a declaration speaks of, which may be a function; empty where it has none."""
    start, name = first_spelled(declared.text)
    try:
        found = min(mentions(declared), key=lambda mention: mention.start, default=None)
    except (InputError, RecursionError):
        found = None
    return found.name if found is not None and found.start <= start else name


def home(declared: Fragment, name: str, equations: Sequence[Equation]) -> list[Equation]:
    """The equations whose letter a declaration is about: of the section that it follows, else the nearest one's."""
    place = declared.place(0)
    here = [e for e in equations if e.place[0] == place.file]
    speaking = [e for e in here if name in e.names or name in e.spelled]
    speaking = speaking or [e for e in here if identifier(stripped(name)) in e.spelled]
    before = [e for e in here if e.place[1] <= place.line]
    follows = max(before, key=lambda e: e.place).section if before else None
    nearest = min(speaking, key=lambda e: abs(e.place[1] - place.line), default=None)
    return [e for e in speaking if e.section == follows] or ([nearest] if nearest is not None else [])


def text_of(chosen: Choice) -> tuple[list[Fragment], list[Declaration]]:
    """The equations and what has to be declared: targets, inputs, numbers and the output."""
    formulas: list[Fragment] = []
    kept = [d for n, d in enumerate(declarations(chosen)) if n not in chosen.unused]
    lettered = (_with_letters(d, chosen) for d in kept if d.key in ("where", "for", "assume") or _names_function(d))
    declared = [d for d in lettered if d is not None]
    output = chosen.output()
    time = TIMES[output.style]
    targets: dict[str, None] = {}
    for equation in sorted(chosen.by_name.values(), key=lambda e: (e.index, e.place)):
        if equation.target in chosen.open:
            continue
        if equation.target in chosen.rewritten:
            written, target = _cross_entropy(equation, chosen.rewritten[equation.target], chosen.by_name)
            formulas.append(written)
            if target not in chosen.by_name:
                targets[target] = None
                declared.append(_sums_to_one(f"{_lettered(target)}{time}"))
            continue
        if equation.fragment not in formulas:  # which gives several quantities their values
            formulas.append(equation.fragment)
        if equation.loss:
            compared = chosen.compared(equation)
            targets |= dict.fromkeys(compared)
            if equation.loss == "cross-entropy":
                declared += [_sums_to_one(f"{_lettered(name)}{time}") for name in compared]
    for count, name in enumerate([name for name in chosen.open if name not in chosen.ends], 1):
        value = rf"\mathrm{{given}}_{{{count},t}}"
        formulas.append(Fragment.of(f"{_lettered(name)}{time} = {value}", "<model>"))
        declared.append(_declared("input", value))
    for name in targets:
        declared.append(_declared("target", f"{_lettered(name)}{time}"))
    declared.append(_declared("output", f"{_lettered(output.target)}{time}"))
    for name, offsets in chosen.used_by(name for name in chosen.by_name if name not in chosen.open).items():
        free = name not in chosen.by_name and name not in targets and (name not in chosen.open or name in chosen.ends)
        if free and (0 in offsets or name in chosen.before | chosen.late_inputs):
            declared.append(_declared("input", f"{_lettered(name)}{time}"))
    read = {*chosen.used_by(name for name in chosen.by_name if name not in chosen.open), *chosen.by_name} - {
        *chosen.open
    }
    numbers = [name for name in (*chosen.numbers, *chosen.single) if name in read]
    declared += [_declared("where", rf"{_lettered(name)} \in \mathbb{{R}}") for name in numbers]
    square = (name for name in chosen.matrices if name in read)
    declared += [_declared("where", rf"{_lettered(name)}{time} \in \mathbb{{R}}^{{m \times m}}") for name in square]
    return formulas, declared


def _lettered(name: str) -> str:
    """The letter of a name in LaTeX, a number behind another label above it: w_a^{(1)}, as w_{a,1} is another name."""
    if name == "Delta_t":  # one letter, Δt, with no step
        return r"\Delta t"
    written = spelled(name)
    below, _, number = name.rpartition("_")
    above = number.isdigit() and letter_name(str(written)) != name
    return f"{spelled(below)}^{{({number})}}" if above else str(written)


def _with_letters(declaration: Declaration, chosen: Choice) -> Declaration | None:
    """The declaration with letters for the sizes that it gives large numbers, of which no equation speaks.

    None of what is put together from others: its size is theirs.
    """
    (fragment,) = declaration.formulas

    def lettered(match: re.Match[str]) -> str:
        number = match.group()
        spoken = any(re.search(rf"(?<!\d){number}(?!\d)", e.fragment.text) for e in chosen.by_name.values())
        return number if spoken or int(number) < FEWEST else rf"n_{{{number}}}"

    text = _SPACE.sub(lambda match: re.sub(r"(?<![\d_])\d+", lettered, match.group()), fragment.text)
    if text == fragment.text:
        return declaration
    equation = chosen.by_name.get(declared_name(fragment))
    if equation is not None and _JOINED.match(equation.right):
        return None
    return Declaration(declaration.key, (replace(fragment, text=text, lines=fragment.lines[:1]),), declaration.words)


def within(place: Place, fragment: Fragment) -> bool:
    """Whether a place lies in a fragment."""
    first, last = fragment.place(0), fragment.place(max(len(fragment.text.rstrip()) - 1, 0))
    return place.file == first.file and (first.line, first.column) <= (place.line, place.column) <= (
        last.line, last.column,
    )  # fmt: skip


def _declared(key: str, latex: str) -> Declaration:
    return Declaration(key, (Fragment.of(latex, "<model>"),), "")


def _sums_to_one(letter: str) -> Declaration:
    return _declared("assume", rf"\mathbf{{1}}^\top {{{letter}}} = 1")


def _cross_entropy(equation: Equation, rows: bool, computed: Collection[str]) -> tuple[Fragment, str]:
    """-yᵀ log ŷ with the letters of the equation and the numbers before it, and the name of y; of rows log ŷ yᵀ.

    ŷ is `computed`.
    """
    text = equation.fragment.text
    factor = _FACTOR.match(text, equation.right_start)
    compared = [m for m in equation.used if factor is None or m.start >= factor.end()]
    used = list(dict.fromkeys(mention.name for mention in compared))
    inside = equation.in_logarithm
    accented = (name for name in (*inside[:1], *used) if name.endswith(ACCENTED))
    first = (name for name in inside[:1] if name in computed)
    predicted = [*first, *accented, *(name for name in inside if name in computed), used[-1]][0]
    target = next((name for name in used if name != predicted), predicted)
    time = TIMES[equation.style]
    left, y, y_hat = (f"{spelled(name)}{time}" for name in (equation.target, target, predicted))
    product = rf"\log({y_hat}) {{{y}}}^\top" if rows else rf"{{{y}}}^\top \log {y_hat}"
    number = factor.group("number") if factor is not None else ""
    sign = "" if equation.whole is not None and equation.whole.is_negative else "-"  # the whole loss takes it off
    return equation.in_latex(rf"{left} = {sign}{number} {product}").fragment, target
