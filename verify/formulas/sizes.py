"""Claims about shapes, definitions, and conditions on indices."""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr, Interval, Symbol

from derive.errors import InputError, Place
from derive.nodes import size
from derive.reader.claims.letters import Letters
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.statements.chains import Statement
from derive.reader.claims.statements.stated import ordered
from derive.reader.meaning import tree
from derive.reader.meaning.letters import label, number_of, only, taken
from derive.reader.text import syntax
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Fraction, Group, Name, Number, Product, Run, Scripted, Sum, Syntax
from verify.formulas.bounds.values import assumed, value_of
from verify.formulas.deciding import Pairs
from verify.formulas.judgement import Judgement, Mistake, Word
from verify.formulas.readings.conventions import LAYOUTS, Reading
from verify.formulas.readings.expressions import Builder


def membership(
    left: Syntax, right: Syntax, statement: Statement, letters: Letters, text: str, place: Place
) -> Judgement:
    """W ∈ ℝ^{n×m} against the shape that the equations give."""
    blank = Judgement(text, Word.UNDECIDED, place=place)
    shape = _space(right, statement.fragment) or _stated_sizes(right, statement.fragment)
    if (between := _interval(right)) is not None:
        return _range(left, right, between, statement, letters, blank)
    left = _gradient_beside(left, statement, letters) or left
    try:
        found = letters.taken(left, statement.fragment)
        resolved = found and letters.resolve(found, statement.fragment)
    except InputError:
        resolved = None
    derived = None if resolved or shape is None else _shape_of(left, statement, letters)
    if shape is None or not (resolved or derived):
        return Judgement(text, Word.NOT_A_CLAIM, reason="a set, not a formula of this cell", place=place)
    true = derived or letters.quantities[resolved.name].shape  # type: ignore[union-attr]
    if derived is None and found is not None and found.transposed:
        true = (true[1], true[0])
    stated = shape if len(shape) == 2 else (*(*shape, size("1"))[:1], true[1]) if true[1] == 1 else shape
    if len(stated) != 2 and str(true[1]).removeprefix("n_") in letters.quantities:
        stated = (*stated[:1], size("1"))  # what the note says nothing of may be a number
    said = None if resolved else Claiming(statement.fragment, letters).term(left)
    if len(stated) != 2 and isinstance(said, tree.Derivative):
        return replace(blank, reason=MANY_AXES)
    if len(stated) != 2:
        return _wrong_shape(blank, true)
    rows, cols = stated
    if (rows, cols) == true:
        return Judgement(text, Word.PROVED, place=place)
    named = _named(letters, (rows, cols), true)
    if named is True:
        return Judgement(text, Word.PROVED, reading="a letter of its own for a size of the cell", place=place)
    turned = (cols, rows) == true or (_named(letters, (cols, rows), true) is None and 1 in (rows, cols))
    if turned and named is not None:
        words = ("row layout: a weight is the transpose of the cell's",)
        if isinstance(left, Fraction):
            gradient = "numerator layout: ∂J/∂q has the shape of qᵀ"
            words = (gradient if _of_loss(left, statement, letters) else LAYOUTS["denominator"],)
        return Judgement(text, Word.HOLDS_IF, words, words[0], place=place)
    if named is None:
        return Judgement(text, Word.NOT_A_CLAIM, reason="names the sizes", place=place)
    if resolved is None and not _of_one_thing(left, statement, letters):
        return replace(blank, reason="the shape of this expression rests on whether vectors are rows or columns")
    if isinstance(said, tree.Derivative):
        return replace(blank, reason=OF_THESE_LETTERS.format(shape=f"{true[0]}×{true[1]}"))
    return _wrong_shape(blank, true)


def _gradient_beside(left: Syntax, statement: Statement, letters: Letters) -> Fraction | None:
    """The gradient that the chain says is equal to this side; its shape is known: ∂L/∂W = Σ_t δ_t x_t^⊤ ∈ ℝ^{n×m}."""
    for side in statement.sides:
        if side is left:
            break
        try:
            if isinstance(side, Fraction) and _of_loss(side, statement, letters):
                return side
        except InputError:
            continue
    return None


def _shape_of(left: Syntax, statement: Statement, letters: Letters) -> tuple[Expr, Expr] | None:
    """The shape of a gradient, a Jacobian or an expression, if it can be read."""
    try:
        said = Claiming(statement.fragment, letters).term(left)
        node = Builder(letters.cell, letters.program, Reading()).side(said).node
    except InputError:
        return None
    return None if node is None else (node.shape[0], node.shape[1])


def _of_one_thing(left: Syntax, statement: Statement, letters: Letters) -> bool:
    """Whether the side is a gradient or a derivative and no product of several, whose shape depends on the layout."""
    said = Claiming(statement.fragment, letters).term(left)
    return isinstance(said, tree.Gradient | tree.Derivative | tree.Error | tree.Differential | tree.Handed)


def _of_loss(left: Fraction, statement: Statement, letters: Letters) -> bool:
    return isinstance(Claiming(statement.fragment, letters).term(left), tree.Gradient)


def _stated_sizes(node: Syntax, fragment: Fragment) -> tuple[Expr, ...] | None:
    """The sizes in `n × m`, as in `W is n × m`."""
    if not isinstance(node, Product) or [operator.kind for operator in node.operators] != ["TIMES"]:
        return None
    sizes = [_size(part, fragment) for part in node.factors]
    return None if None in sizes else tuple(part for part in sizes if part is not None)


MANY_AXES = "a derivative of an array by an array has as many axes as a layout gives it"
OF_THESE_LETTERS = "the equations give the shape {shape}, if its letters are theirs"
RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "exp": (0.0, float("inf")), "relu": (0.0, float("inf"))}
"""The least interval that holds all values of a function."""


def _interval(node: Syntax) -> tuple[float, float] | None:
    """The ends of (0, 1)."""
    if not isinstance(node, Group) or node.bracket not in ("LPAR", "LBRACK") or len(node.rows) != 1:
        return None
    ends = [number_of(cell) for cell in node.rows[0]]
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        return None
    return float(ends[0]), float(ends[1])


def _among(left: Syntax, right: Syntax, statement: Statement, letters: Letters, blank: Judgement) -> Judgement:
    """1 - tanh² z ∈ (0, 1]: a claim about values whose range follows from that of functions."""
    unknown = replace(blank, reason="the range of this is not known")
    claiming = Claiming(statement.fragment, letters)
    letters.guesses.clear()
    try:
        found = value_of(left, claiming)
    except InputError:
        return unknown
    assert isinstance(right, Group)
    low, high = map(number_of, right.rows[0])
    text = statement.fragment.text[right.start : right.end].strip()
    stated = Interval(low, high, text[:1] == "(", text[-1:] == ")")
    if found is None or found.is_subset(stated) is not True:
        return unknown
    granted = assumed(claiming)
    return replace(
        blank, word=Word.HOLDS_IF if granted else Word.PROVED, assumptions=granted, reading="; ".join(granted)
    )


def _range(
    left: Syntax, right: Syntax, between: tuple[float, float], statement: Statement, letters: Letters, blank: Judgement
) -> Judgement:
    """σ(z) ∈ (0, 1): a claim about the values of a function."""
    first = left.factors[0] if isinstance(left, Run) else left
    found = taken(first)
    called = found and Claiming(statement.fragment, letters).function(found)
    name = called if isinstance(called, str) else called.name if called else ""
    if name not in RANGES or len(left.factors if isinstance(left, Run) else (left,)) > 2:
        return _among(left, right, statement, letters, blank)
    low, high = RANGES[name]
    if between[0] <= low and high <= between[1]:
        return replace(blank, word=Word.PROVED)
    correct = f"({low:g}, {high:g})".replace("inf", r"\infty")
    shown = {"function": name, "range": [f"{low:g}", f"{high:g}"], "stated": list(between)}
    mistake = Mistake("wrong range of a function", f"its values fill {correct}")
    return replace(blank, word=Word.WRONG, correct=correct, mistakes=(mistake,), counterexample=shown)


def _wrong_shape(blank: Judgement, true: tuple[Expr, Expr]) -> Judgement:
    correct = rf"\mathbb{{R}}^{{{true[0]}}}" if true[1] == 1 else rf"\mathbb{{R}}^{{{true[0]} \times {true[1]}}}"
    shown = {"shape": [str(true[0]), str(true[1])]}
    mistake = Mistake("wrong shape", "the equations give another one")
    return replace(blank, word=Word.WRONG, correct=correct, mistakes=(mistake,), counterexample=shown)


def _named(letters: Letters, stated: tuple[Expr, Expr], true: tuple[Expr, Expr]) -> bool | None:
    """Whether the shape is right with other letters: True, False, or None where letters or numbers only name sizes."""
    numbered = [s for s, size_ in zip(stated, true, strict=True) if s.is_Integer and size_.free_symbols]
    if numbered and all((s == 1) == (size_ == 1) for s, size_ in zip(stated, true, strict=True)):
        return False if true[0] == true[1] and stated[0] != stated[1] else None
    wide = {quantity.shape[0] for quantity in (*letters.cell.states, *letters.cell.inputs)}
    if numbered and true[1] == 1 and true[0] not in wide:
        return None  # a single output
    unknown = [s for s in stated if s.free_symbols and not {str(x) for x in s.free_symbols} & letters.sizes]
    if all(
        s == size_ or str(size_).removeprefix("n_") in letters.quantities for s, size_ in zip(stated, true, strict=True)
    ):
        return None  # n_x is what x has where the note does not say it
    new = {x for s in stated for x in s.free_symbols if str(x) not in letters.sizes}
    if not unknown and len(new) == 1:  # x of h + x, where the cell calls it otherwise
        own = {x for size_ in true for x in size_.free_symbols} - {x for s in stated for x in s.free_symbols}
        return any(tuple(s.xreplace(dict.fromkeys(new, one)) for s in stated) == true for one in own)
    if not unknown:
        return False
    if stated[0] == stated[1]:
        return bool(true[0] == true[1])
    return False if true[0] == true[1] else None


def _space(node: Syntax, fragment: Fragment) -> tuple[Expr, ...] | None:
    """The sizes in ℝ^{n×m}."""
    if not isinstance(node, Scripted) or not isinstance(node.base, Name) or node.base.word != "R":
        return None
    for script in node.scripts:
        cell = only(script.rows)
        if script.kind == "sup" and cell is not None:
            parts = cell.factors if isinstance(cell, Product) else (cell,)
            sizes = [_size(part, fragment) for part in parts]
            if all(part is not None for part in sizes):
                return tuple(part for part in sizes if part is not None)
    return None


def _size(node: Syntax, fragment: Fragment) -> Expr | None:
    if isinstance(node, Group) and (inner := only(node.rows)) is not None:
        return _size(inner, fragment)
    if isinstance(node, Name):
        return size(node.word)
    if isinstance(node, Scripted) and (found := taken(node)) is not None:
        try:
            return size("_".join([found.base, *(label(part, fragment) for _, part in found.parts)]))
        except InputError:
            return None
    if isinstance(node, Number) and node.text.isdigit():
        from sympy import Integer

        return Integer(int(node.text[:6]))
    if isinstance(node, Sum):
        parts = [(sign, _size(term, fragment)) for sign, term in node.terms]
        if all(part is not None for _, part in parts):
            return sum(sign * part for sign, part in parts if part is not None)
    return None


def definition(left: Syntax, right: Syntax, claiming: Claiming) -> str:
    """Why this only names something, or nothing where it claims something."""
    found = claiming.letters.taken(left, claiming.fragment)
    if isinstance(right, Group) and right.bracket == "LPAR" and sum(map(len, right.rows)) > 1:
        return "lists what a letter stands for"
    if found is not None and (started := claiming.letters.resolve(found, claiming.fragment, None)) is not None:
        states = {state.name for state in claiming.letters.cell.states}
        if started.name in states and started.time == 0 and _is_start(right, claiming):
            return "says how the state starts"
        if started.time is None and claiming.letters.is_timed(started.name) and isinstance(right, Run):
            called = claiming.letters.taken(right.factors[0], claiming.fragment)
            known = called and (claiming.letters.resolve(called, claiming.fragment) or claiming.function(called))
            if called and not known and len(right.factors) == 2 and isinstance(right.factors[1], Group):
                return "says nothing about the function it names"
    if found is None or claiming.letters.resolve(found, claiming.fragment) is not None:
        return _named_function(left, claiming)
    if (
        found.base.partition("_")[0] in ("delta", "Delta")
        or found.base in ("I", "nabla", "partial", "d", "e")
        or claiming.meant(found) is not None
    ):
        return ""
    if claiming.differential(found, [left], 0) is not None or claiming.function(found) is not None:
        return ""
    if claiming.loss(found) is not None:
        return "names the loss"
    if claiming.letters.number(found, claiming.fragment) is not None:
        return f"says what the number {claiming.written(left)} is"
    return f"names {claiming.written(left)}, which the cell does not have"


def _is_start(right: Syntax, claiming: Claiming) -> bool:
    """Whether a side is a number or ones, perhaps times a letter of its own: ε 𝟏."""
    factors = right.factors if isinstance(right, Run) else (right,)
    letters = [claiming.letters.taken(each, claiming.fragment) for each in factors]
    own = (each is not None and claiming.letters.resolve(each, claiming.fragment) is None for each in letters)
    return all(isinstance(f, Number | syntax.Ones) or new for f, new in zip(factors, own, strict=True))


def _named_function(left: Syntax, claiming: Claiming) -> str:
    """σ(x) = ..., diag(a) = ..., E_t(y_t, ŷ_t) = ...: a function with its argument."""
    if not isinstance(left, Run) or len(left.factors) != 2:
        return ""
    found = claiming.letters.taken(left.factors[0], claiming.fragment)
    group = left.factors[1]
    if found is None or not isinstance(group, Group) or group.bracket not in ("LPAR", "LBRACK"):
        return ""
    if claiming.letters.resolve(found, claiming.fragment) is not None:
        return ""
    if claiming.loss(found) is not None:
        return "names the loss"
    if (differential := claiming.differential(found, list(left.factors), 0)) is not None and differential[1] == 2:
        return ""  # df[t]
    argument = claiming.letters.taken(only(group.rows), claiming.fragment) if only(group.rows) is not None else None  # type: ignore[arg-type]
    if argument is not None and claiming.letters.resolve(argument, claiming.fragment) is None:
        return f"says what {claiming.written(left)} is"
    return ""


def conditions(statement: Statement, claiming: Claiming) -> Pairs:
    """i ≠ j and k < τ beside a formula."""
    differ: list[tuple[Symbol, Symbol]] = []
    equal: list[tuple[Symbol, Symbol]] = []
    before: list[tuple[Expr, Expr]] = []
    entries = claiming.letters.entry_letters  # counted from 0 inside
    for chain in statement.conditions:
        pairs = ordered(chain)
        if pairs is not None:
            counted = {s: s + 1 for pair in pairs for e in pair for s in e.free_symbols if str(s) in entries}
            before += [(earlier.xreplace(counted), later.xreplace(counted)) for earlier, later in pairs]
            continue
        pair = [claiming.letters.entry(side) for side in chain.sides]
        if len(pair) == 2 and isinstance(pair[0], Symbol) and isinstance(pair[1], Symbol):
            (equal if chain.relations[0].type == "EQ" else differ).append((pair[0], pair[1]))
    return Pairs(tuple(differ), tuple(equal), tuple(before))


__all__ = ["conditions", "definition", "membership", "syntax"]
