"""Gates whose arguments a document also stacks: [f̄; ī; c̄; ō] = W [h; x] + b beside f_t = σ(W_f [h; x] + b_f)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.claims.statements.chains import Statement, statements
from derive.reader.meaning.letters import letter
from derive.reader.meaning.symbols import Symbol, symbol
from derive.reader.models.equations.equation import Equation, Mention, mentions
from derive.reader.models.equations.finding import stacked
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import Found
from derive.reader.text.syntax import Group, Run, Syntax

ACCENTS = ("_bar", "_hat", "_tilde")
_CALL = regex(
    r"\s*(?P<function>\\[A-Za-z]+(?:\s*\{[A-Za-z]+\})?)\s*(?:\\left)?\s*\((?P<inside>.*)\)[\s.,;]*\Z", re.DOTALL
)
_D = r"(?:\\delta|\\Delta|d)"


@dataclass(frozen=True)
class Instead:
    """Equations that take the place of a document's own, the letters that only they know, and what is said of them."""

    equations: tuple[Equation, ...]
    letters: frozenset[str]
    said: str
    line: int = 0
    """Where the document writes what these stand for, if it does."""
    slip: bool = False
    """Whether they put right what contradicts the rest, so that what is wrong without them may be right."""

    def leave(self, known: Sequence[Equation]) -> list[Equation]:
        """The document's equations without those of that line that read what nothing gives a value."""
        defined = {e.target for e in known}
        return [e for e in known if e.place[1] != self.line or not defined.isdisjoint(m.name for m in e.used)]


def packed(known: Sequence[Equation], formulas: Sequence[tuple[int, Found]]) -> Instead | None:
    """The equations with the stacked arguments of gates in the place of each gate's own; None where there are none."""
    for index, formula in formulas:
        for one in _statements(formula):
            if (found := _packed(known, one, formula, index, formulas)) is not None:
                return found
    return None


def _statements(formula: Found) -> list[Statement]:
    try:
        return [one for one in statements(formula.fragment) if len(one.sides) > 1]
    except (InputError, RecursionError):
        return []


def _packed(
    known: Sequence[Equation], one: Statement, formula: Found, index: int, formulas: Sequence[tuple[int, Found]]
) -> Instead | None:
    fragment = one.fragment
    parts = next((found for side in one.sides if (found := stacked(side, fragment))), [])
    own = {part.name for part in parts}
    product = next((side for side in reversed(one.sides) if not isinstance(side, Group) and letter(side) is None), None)
    if not parts or product is None:
        return None
    others = [e for e in known if e.place[:2] != (fragment.place(0).file, fragment.place(0).line)]
    read = _mentions(product, fragment)
    elsewhere = {m.name for e in others for m in e.used}
    weights = [m for m in read if m.offset is None and m.name not in elsewhere]
    values = [m for m in read if m.offset == 0]
    if not weights or len(weights) > 2 or len(values) != 1 or len(read) != len(weights) + 1:
        return None
    gates = [_gate(part, others, fragment) for part in parts]
    source = next((e for e in others if e.offset == 0), None)
    if source is None or not all(gate is not None for gate in gates):
        return None
    whole = next((s for side in one.sides if letter(side) is not None and (s := _symbol(side, fragment))), None)
    name, spelled = (whole.name, _text(whole, fragment)) if whole is not None else _named(parts, fragment, formulas)
    at = {"section": formula.section, "index": index, "space": None, "at_end": False, "said": "", "whole": None}

    def made(text: str, target: str) -> Equation:
        return replace(source.rewritten(text, target), **at)  # type: ignore[arg-type]

    column = r" \\ ".join(_text(part, fragment) for part in parts)
    split = rf"\begin{{bmatrix}} {column} \end{{bmatrix}} = {spelled}"
    new = [made(f"{spelled} = {fragment.text[product.start : product.end]}", name)]
    new += [made(split, part.name) for part in parts]
    defined = {e.target for e in others}
    (value,) = values
    if value.name not in defined:
        inner = next((side.factors[1] for side in one.sides if _of_blocks(side)), None)  # type: ignore[attr-defined]
        if inner is not None:
            new.append(
                made(f"{fragment.text[value.start : value.end]} = {fragment.text[inner.start : inner.end]}", value.name)
            )
    new += [gate for gate in gates if gate is not None]
    gone = {e.target for e in new}
    kept = [e for e in others if e.target not in gone]
    letters = frozenset({name, *own, *(m.name for m in weights), value.name})
    line = fragment.place(0).line
    said = f"the arguments of the gates are parts of one product, as line {line} writes"
    return Instead((*kept, *new), letters, said, line)


def _gate(part: Symbol, known: Sequence[Equation], fragment: Fragment) -> Equation | None:
    """The equation of the gate whose argument a letter is, with that letter in the place of the argument."""
    base = next((part.name.removesuffix(end) for end in ACCENTS if part.name.endswith(end)), "")
    argument = next(("".join(e.right.split()).rstrip(".,;") for e in known if e.target == part.name), None)
    for each in known:
        call = _CALL.match(each.right)
        if call is None or each.offset != 0 or call.group("inside").count("(") != call.group("inside").count(")"):
            continue
        inside = "".join(call.group("inside").split())
        named = base and each.target in (base, *(base + end for end in ACCENTS)) and each.target != part.name
        if named or inside == argument:
            left = each.fragment.text[: each.left_end].strip()
            return each.rewritten(f"{left} = {call.group('function')}({_text(part, fragment)})")
    return None


def _named(parts: Sequence[Symbol], fragment: Fragment, formulas: Sequence[tuple[int, Found]]) -> tuple[str, str]:
    """The letter of the stack, which δz = [δf̄; δī; δc̄; δō] gives a name."""
    listed = r"[\s;,&]*".join(_D + r"\s*" + re.escape(_text(part, fragment)).replace(r"\ ", r"\s*") for part in parts)
    given = re.compile(rf"\A\s*{_D}\s*(?P<letter>[^=]+?)\s*=[^\[=]*\[\s*{listed}")
    for _, formula in formulas:
        for text in (formula.text,):
            if (match := given.search(text)) is not None:
                found = _mentions_of(match.group("letter"))
                if len(found) == 1 and found[0].offset == 0:
                    return found[0].name, match.group("letter")
    return "packed", r"\mathrm{packed}_t"


def _mentions_of(text: str) -> list[Mention]:
    try:
        return mentions(Fragment.of(text))
    except (InputError, RecursionError):
        return []


def _of_blocks(side: Syntax) -> bool:
    """Whether this is a matrix of blocks times a column."""
    return isinstance(side, Run) and len(side.factors) == 2 and all(isinstance(part, Group) for part in side.factors)


def _symbol(side: Syntax, fragment: Fragment) -> Symbol | None:
    try:
        found = symbol(side, fragment)
    except InputError:
        return None
    return found if found is not None and found.offset == 0 and not found.transposed else None


def _text(part: Symbol, fragment: Fragment) -> str:
    return fragment.text[part.start : part.end].strip()


def _mentions(side: Syntax, fragment: Fragment) -> list[Mention]:
    alone = replace(fragment, text=" " * side.start + fragment.text[side.start : side.end])
    try:
        return mentions(alone)
    except (InputError, RecursionError):
        return []
