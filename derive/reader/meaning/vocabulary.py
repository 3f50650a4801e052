"""What the letters of a note stand for: quantities, functions, constants, and how they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields

from sympy import Expr

from derive.errors import InputError, Place
from derive.functions import ScalarFunction, function
from derive.notation import TimeStyle
from derive.reader.meaning.letters import letter, time_of
from derive.reader.meaning.symbols import symbol
from derive.reader.meaning.tree import Multiply, Ref, Term, mapped
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Group, Name, Run, Script, Scripted, Sum, Syntax

NAMED = {"softmax", "diag", "sum", "mean", "var", "std"}
"""Functions of a whole vector."""
PRODUCTS = frozenset(["dot", "matmul"])
"""Words for the product of two arrays, as programs write it."""

ACTIVATIONS = frozenset(["sigma", "phi", "varphi", "rho", "f", "g"])
"""Letters of functions whose label may say which: σ_{sigmoid}."""


def is_general(side: Syntax, fewest: int = 2) -> bool:
    """Whether a side only says what a quantity depends on: f(x_t, h_{t-1}), where nothing is known of f.

    With `fewest` 1 also f(z_t), which elsewhere is an open function of every entry. In a list one may stand for a
    letter: L(y_t, g(h_t)).
    """
    if not isinstance(side, Run) or len(side.factors) != 2:
        return False
    called, behind = side.factors
    name = called.base if isinstance(called, Scripted) else called
    cells = [cell for row in behind.rows for cell in row] if isinstance(behind, Group) else []
    known = not isinstance(name, Name) or name.word in NAMED or function(name.word) is not None
    return not known and len(cells) >= fewest and all(letter(c) is not None or is_general(c, 1) for c in cells)


def names_function(side: Syntax, other: Syntax, text: str) -> bool:
    """Whether two sides say what a letter of a function is: f_1(A) = tanh(A), f_o(h_t) = φ_o(V h_t)."""
    one, then = _called(side, text), _called(other, text)
    if one and then and one != then and is_general(side, 1):
        return True
    match side, other:
        case Run(factors=(called, Group() as given)), Run(factors=(named, Group() as taken)):
            same = "".join(text[given.start : given.end].split()) == "".join(text[taken.start : taken.end].split())
            return same and _is_known(named) and not _is_known(called)
    return False


def _called(side: Syntax, text: str) -> str:
    """The letter of the function in φ_o(V h_t), as written."""
    match side:
        case Run(factors=(called, Group(bracket="LPAR"))) if letter(side) is None:
            return "".join(text[called.start : called.end].split())
    return ""


def _is_known(called: Syntax) -> bool:
    name = called.base if isinstance(called, Scripted) else called
    return not isinstance(name, Name) or name.word in NAMED or function(name.word) is not None


@dataclass(frozen=True)
class Macro:
    """A function of whole vectors that a note defines: what it says is put in where it is used."""

    name: str
    arguments: tuple[str, ...]
    body: Term

    def of(self, values: Sequence[Term], place: Place) -> Term:
        """The body with values for its arguments."""
        if len(values) != len(self.arguments):
            raise InputError(f"{self.name} takes {len(self.arguments)} arguments, not {len(values)}", place)
        given = dict(zip(self.arguments, values, strict=True))
        return mapped(
            self.body, lambda term: given.get(term.name) if isinstance(term, Ref) and term.offset is None else None
        )


@dataclass
class Vocabulary:
    """What the letters of a note stand for."""

    quantities: set[str] = field(default_factory=set)
    functions: dict[str, ScalarFunction | Macro | str] = field(default_factory=dict)
    constants: dict[str, Expr] = field(default_factory=dict)
    letters: dict[str, str] = field(default_factory=dict)
    styles: Counter[TimeStyle] = field(default_factory=Counter)
    called: set[str] = field(default_factory=set)
    declared: set[str] = field(default_factory=set)
    sizes: set[str] = field(default_factory=set)
    timeless: set[str] = field(default_factory=set)
    timed: set[str] = field(default_factory=set)
    """Names used with a time."""
    plain: set[str] = field(default_factory=set)
    """Names used without a time and not before a bracket."""

    def only_applied(self, name: str) -> bool:
        """Whether a name without a time stands before brackets alone, as f beside a gate f_t."""
        return name in self.timed and name not in self.plain | self.declared

    def survey(self, node: Syntax, fragment: Fragment) -> None:
        """Note every letter that is used as a quantity somewhere: with a time, or not before a bracket."""
        if (below := _below_nabla(node)) is not None:
            for part in below:
                self.survey(part, fragment)
            return
        if letter(node) is not None and isinstance(node, Name | Scripted):
            self._note(node, None, fragment)
            return
        if isinstance(node, Run):
            for factor, following in zip(node.factors, (*node.factors[1:], None), strict=True):
                if letter(factor) is not None and _below_nabla(factor) is None:
                    self._note(factor, following, fragment)
                else:
                    self.survey(factor, fragment)
            return
        for part in _parts(node):
            self.survey(part, fragment)

    def _note(self, node: Syntax, following: Syntax | None, fragment: Fragment) -> None:
        try:
            found = symbol(node, fragment)
        except InputError:
            return  # said with more context when the formula is read
        if found is None:
            return
        group, _ = bracket(following)
        bracketed = group is not None
        timed = found.offset is not None or (group is not None and time_of(group) is not None)
        if timed:
            self.timed.add(found.name)
        elif not bracketed:
            self.plain.add(found.name)
        if timed or (not bracketed and self.known_function(found.name) is None):
            self.quantities.add(found.name)

    def known_function(self, name: str) -> ScalarFunction | Macro | str | None:
        """The function of that name, unless the note uses the name for a quantity."""
        if name in self.functions:
            return self.functions[name]
        if name in self.quantities:
            return None
        if name in NAMED:
            return name
        if name in PRODUCTS:
            return Macro(name, ("left", "right"), Multiply((Ref("left"), Ref("right")), False))
        if name == "sigma" and any(one[:6] == "sigma_" for one in self.functions):  # beside a hat σ that is declared
            return None
        found: ScalarFunction | None = function("sigmoid" if name == "sigma" else name)
        if found is None and name.partition("_")[0] in ACTIVATIONS:
            found = function(name.partition("_")[2])
        return found


def _below_nabla(node: Syntax) -> list[Syntax] | None:
    """What a gradient is taken by in ∇_{h_t} L; None for anything else."""
    if not isinstance(node, Scripted) or not isinstance(node.base, Name) or node.base.word != "nabla":
        return None
    return [cell for script in node.scripts if script.kind == "sub" for row in script.rows for cell in row]


def _parts(node: Syntax) -> Iterable[Syntax]:
    if isinstance(node, Group):
        return [cell for row in node.rows for cell in row]
    if isinstance(node, Sum):
        return [term for _, term in node.terms]
    found: list[Syntax] = []
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, Syntax) and not isinstance(value, Script):
            found.append(value)
        elif isinstance(value, tuple):
            found.extend(v for v in value if isinstance(v, Syntax) and not isinstance(v, Script))
    return found


def bracket(node: Syntax | None) -> tuple[Group | None, tuple[Script, ...]]:
    """The round or square bracket that this is, and the scripts behind it."""
    if isinstance(node, Scripted) and isinstance(node.base, Group):
        group, scripts = node.base, node.scripts
    elif isinstance(node, Group):
        group, scripts = node, ()
    else:
        return None, ()
    return (group, scripts) if group.bracket in ("LPAR", "LBRACK") else (None, ())


def lists_letters(node: Syntax) -> bool:
    """Whether this is a bracket with letters alone, as the (θ) and the (y, h_t) behind a loss: what it depends on."""
    group, _ = bracket(node)
    return group is not None and all(letter(cell) is not None for row in group.rows for cell in row)
