"""A letter with its scripts: what stands there, before anything says which scripts are labels, times or indices."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sympy import Expr, Integer, Rational, Symbol

from derive import nodes
from derive.reader.meaning.tree import offset_of
from derive.reader.text import syntax
from derive.reader.text.faces import face
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Chain, Group, Mark, Name, Number, Run, Script, Scripted, Sum, Syntax

ENTRY_LETTERS = frozenset("ijlmnpqr")
"""Letters that count entries unless something says that they are times."""
TIME_LETTERS = frozenset(["t", "T", "tau", "k", "s", "T_x"])
"""Letters that are times unless something says that they count entries."""


@dataclass(frozen=True)
class Piece:
    """One part of a script, and what it is whatever the letter is: a `prime`, a `transpose`, a `power`, another mark.

    A `sub` or `sup` may be a label, a time or an index.
    """

    kind: str
    script: Script
    part: Syntax
    value: Expr | None = None


def pieces(node: Syntax) -> tuple[Name | Mark, list[Piece]] | None:
    """The base of a letter and everything that its scripts say, in the order written; None where this is no letter."""
    if isinstance(node, Name) or (isinstance(node, Mark) and node.kind == "partial"):
        return node, []
    if isinstance(node, Group) and node.bracket == "LBRACE" and (inner := only(node.rows)) is not None:
        return pieces(inner)
    if not isinstance(node, Scripted) or (found := pieces(node.base)) is None:
        return None
    base, said = found
    if made_of_before(node):
        said = [piece for piece in said if time_of(piece.part) != -1]
        said += [Piece("prime", node.scripts[0], node.scripts[0])]
    raised = any(piece.kind == "power" for piece in said)
    for script in node.scripts:
        if script.kind in ("prime", "tick"):
            said.append(Piece("prime" if script.kind == "prime" else "transpose", script, script))
            continue
        for cell in (cell for row in script.rows for cell in row):
            more = list(_superscript(cell, script, raised) if script.kind == "sup" else _subscript(cell, script))
            raised = raised or any(piece.kind == "power" for piece in more)
            said += more
    return base, said


def made_of_before(node: Syntax) -> bool:
    """Whether this is {h_{t-1}}': a value of this step, made of h_{t-1}, which is no h' of the step before."""
    if not isinstance(node, Scripted) or not isinstance(node.base, Group) or node.scripts[0].kind != "prime":
        return False
    found = pieces(node.base)
    return found is not None and any(time_of(piece.part) == -1 for piece in found[1] if piece.kind in ("sub", "sup"))


def _subscript(cell: Syntax, script: Script) -> Iterator[Piece]:
    """The label and the step of f(t) in z_{f(t)} are two; anything else is one."""
    factors = cell.factors if isinstance(cell, Run) and len(cell.factors) == 2 else ()
    behind = factors[1] if factors else None
    if isinstance(behind, Group) and behind.bracket == "LPAR" and time_of(behind) is not None:
        yield from (Piece("sub", script, factor) for factor in factors)
    else:
        yield Piece("sub", script, cell)


def _superscript(cell: Syntax, script: Script, raised: bool) -> Iterator[Piece]:
    parts = cell.factors if isinstance(cell, Run) else (cell,)
    if all(isinstance(part, Name) and part.word != "T" for part in parts):
        parts = (cell,)
    for part in parts:
        value = None if isinstance(part, Group) and part.bracket != "LBRACE" else number_of(part)
        if isinstance(part, Mark):
            yield Piece({"top": "transpose", "prime": "prime"}.get(part.kind, "mark"), script, part)
        elif isinstance(part, Name) and part.word == "T":
            yield Piece("transpose", script, part)
        elif value is not None and not raised:
            raised = True
            yield Piece("power", script, part, value)
        else:
            yield Piece("sup", script, part)


@dataclass
class Written:
    """A letter as written: base, script parts that may be labels, times or indices, and what is plain."""

    base: str
    parts: list[tuple[str, Syntax]] = field(default_factory=list)
    primes: int = 0
    stars: int = 0
    power: Expr | None = None
    transposed: bool = False
    by_letter: bool = False
    """Whether a raised T says so, which behind a number is its length."""
    face: str = ""
    """The typeface of the base; nothing for a plain one."""


def taken(node: Syntax) -> Written | None:
    """A letter with all its scripts, or None where the base is no letter."""
    read = pieces(node)
    if read is None:
        return None
    base, said = read
    found = Written(base.word, face=face(base)) if isinstance(base, Name) else Written(base.kind)
    for piece in said:
        if piece.kind == "power":
            found.power = piece.value
        elif piece.kind == "prime":
            found.primes += 1
        elif piece.kind == "transpose":
            found.transposed = not found.transposed
            found.by_letter = isinstance(piece.part, Name)
        else:
            found.stars += piece.kind == "mark" and isinstance(piece.part, Mark) and piece.part.kind in _STARS
            found.parts.append(("label" if piece.kind == "mark" else piece.kind, piece.part))
    return found


_STARS = ("plus", "star")


ARGUMENTS = frozenset(["a", "z", "s", "u", "net", "pre", "raw", "A", "Z", "S"])
"""Letters that with the name of a gate below them are usual for the argument of its function."""


# Times


def index(word: str) -> Symbol:
    """The symbol of a time or an index."""
    if word == "t":
        return nodes.t
    if word in ("T", "T_x"):
        return nodes.T
    return Symbol(word, integer=True)


def time_expression(node: Syntax | None, letters: frozenset[str] | None = None) -> Expr | None:
    """A time such as t, k+1, T-1 or 3, perhaps in brackets; with `letters`, of those letters only."""
    if isinstance(node, Group):
        return time_expression(only(node.rows), letters)
    if isinstance(node, Chain) and [one.type for one in node.relations] == ["EQ"]:  # t = 2
        named = time_expression(node.sides[0], TIME_LETTERS) is not None
        return time_expression(node.sides[1], letters) if named else None
    if letters is None and (step := _named_step(node)):
        return index(step)
    if isinstance(node, Name):
        word = node.word
        return index(word) if (len(word) == 1 or word in TIME_LETTERS) and (not letters or word in letters) else None
    if isinstance(node, Scripted) and isinstance(node.base, Name) and node.base.word == "T":
        return nodes.T
    if isinstance(node, Number):
        return Integer(node.text) if node.text.isdigit() and len(node.text) < 4 else None
    if isinstance(node, Sum):
        found = [(sign, time_expression(term, letters)) for sign, term in node.terms]
        if all(value is not None for _, value in found):
            return sum((sign * value for sign, value in found if value is not None), Integer(0))
    return None


def _named_step(node: Syntax | None) -> str:
    """The name of a step t_0, t_1, or of a number of steps Δt; nothing where this is none."""
    match node:
        case Scripted(base=Name(word="t"), scripts=(Script(kind="sub", rows=((Number(text=number),),)),)):
            return f"t_{number}"
        case Name(word="Delta_t"):
            return "Delta_t"
        case Scripted(base=Name(word="Delta"), scripts=(Script(kind="sub", rows=((Name(word="t"),),)),)):
            return "Delta_t"
    return ""


def time_of(node: Syntax | None) -> int | None:
    """The offset if this says t, t-1 or t+1, possibly in brackets."""
    time = time_expression(node, _STEP)
    return None if time is None or time.is_Integer else offset_of(time)


_STEP = frozenset("t")


def with_own_time(part: Syntax) -> tuple[Syntax, Expr] | None:
    """A label that is a letter with a time of its own, and that time: z_t and (f, t-1) of a_{z_t} and a_{f_{t-1}}."""
    if not isinstance(part, Scripted) or letter(part.base) is None or len(part.scripts) != 1:
        return None
    time = time_expression(only(part.scripts[0].rows), TIME_LETTERS) if part.scripts[0].kind == "sub" else None
    return None if time is None else (part.base, time)


# Numbers, labels and names


def only(rows: tuple[tuple[Syntax, ...], ...]) -> Syntax | None:
    """The one cell of a bracket, or None."""
    return rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else None


def number(text: str) -> Expr:
    """The exact value of 1, 0.5, 1e-3 or 1/2."""
    return Rational(text)


def number_of(node: Syntax | None) -> Expr | None:
    """The value if this is a number, possibly signed or in brackets."""
    if isinstance(node, Number):
        return number(node.text)
    if isinstance(node, syntax.Fraction):
        above, below = number_of(node.above), number_of(node.below)
        return above / below if above is not None and below else None
    if isinstance(node, Group) and node.bracket in ("LPAR", "LBRACE"):
        return number_of(only(node.rows))
    if isinstance(node, Sum) and len(node.terms) == 1:
        sign, inner = node.terms[0]
        value = number_of(inner)
        return None if value is None else sign * value
    return _scientific(node)


def _scientific(node: Syntax | None) -> Expr | None:
    """10^{-5} and 5 · 10^{-4}."""
    if isinstance(node, Scripted) and isinstance(node.base, Number) and len(node.scripts) == 1:
        power = number_of(only(node.scripts[0].rows)) if node.scripts[0].kind == "sup" else None
        within = power is not None and power.is_Integer and abs(power) <= LARGEST_EXPONENT
        return number(node.base.text) ** power if within else None
    if isinstance(node, syntax.Product | syntax.Dots) and len(node.factors) == 2:
        first, second = node.factors
        plain = isinstance(node, syntax.Dots) or node.operators[0].kind in ("TIMES", "DOT")
        if plain and isinstance(first, Number) and (scaled := _scientific(second)) is not None:
            return number(first.text) * scaled
    return None


LARGEST_EXPONENT = 30


def valued(node: Syntax | None, known: Callable[[Syntax], Expr | None]) -> Expr | None:
    """The value of sums of numbers and of letters that are known as numbers: γ - 1."""
    if (value := number_of(node)) is not None:
        return value
    if isinstance(node, Group) and node.bracket in ("LPAR", "LBRACE"):
        return valued(only(node.rows), known)
    if isinstance(node, Sum):
        found = [(sign, valued(term, known)) for sign, term in node.terms]
        values = [sign * value for sign, value in found if value is not None]
        return sum(values, Integer(0)) if len(values) == len(found) else None
    return known(node) if isinstance(node, Name | Scripted) else None


def letter(node: Syntax) -> Name | None:
    """The name at the base of a symbol, or None for anything else."""
    if isinstance(node, Name):
        return node
    if isinstance(node, Group) and node.bracket == "LBRACE" and (inner := only(node.rows)) is not None:
        return letter(inner)
    if isinstance(node, Scripted):
        return letter(node.base)
    return None


ARROWS = frozenset(["→", r"\to", r"\rightarrow"])


def label(node: Syntax, fragment: Fragment) -> str:
    """A subscript such as xi, in or 1 as a part of a name."""
    if isinstance(node, Name):
        return node.word.replace("_", "")
    if isinstance(node, Number) and node.text.isdigit():
        return node.text
    if isinstance(node, Mark) and node.kind in ("star", "prime", "plus", "minus"):
        return node.kind
    if isinstance(node, Group) and (inner := only(node.rows)) is not None:
        return label(inner, fragment)
    if isinstance(node, Run):
        return "".join(label(factor, fragment) for factor in node.factors)
    if isinstance(node, Scripted):
        scripts = "".join(
            script.kind
            if script.kind == "prime"
            else "".join(label(cell, fragment) for row in script.rows for cell in row)
            for script in node.scripts
        )
        return label(node.base, fragment) + scripts
    if isinstance(node, Sum) and len(node.terms) > 1 and node.terms[0][0] == 1:
        # W_{l-1}: another layer's
        (_, first), *others = node.terms
        rest = (f"{'plus' if sign > 0 else 'minus'}{label(term, fragment)}" for sign, term in others)
        return "".join((label(first, fragment), *rest))
    if isinstance(node, Chain) and all(relation.word.strip() in ARROWS for relation in node.relations):
        return "to".join(label(side, fragment) for side in node.sides)  # the path that a part of a gradient comes by
    raise fragment.error(
        f"cannot read the script {fragment.text[node.start : node.end]!r}", node.start, node.end,
        "a time (t, t-1), a label (xi, in, 1), a power, or a transpose can stand here",
    )  # fmt: skip


def identifier(word: str) -> str:
    """A word as a Python identifier that is no keyword."""
    return f"{word}_" if keyword.iskeyword(word) else word


def indicated(factors: Sequence[Syntax], i: int) -> tuple[syntax.Chain, int] | None:
    """The condition of 𝟏[v > a], 1{v > a} or 𝟏_{v > a} at factor i, and where the next factor starts."""
    node, following = factors[i], factors[i + 1] if i + 1 < len(factors) else None
    if _is_one(node) and isinstance(following, Group):
        condition, end = only(following.rows), i + 2
    elif isinstance(node, Scripted) and _is_one(node.base) and [one.kind for one in node.scripts] == ["sub"]:
        condition, end = only(node.scripts[0].rows), i + 1
    else:
        return None
    if not isinstance(condition, syntax.Chain) or len(condition.sides) != 2:
        return None
    return condition, end


def _is_one(node: Syntax) -> bool:
    return isinstance(node, syntax.Ones) or (isinstance(node, syntax.Number) and node.text == "1")
