"""Claims about functions alone: (tanh x)' = 1 − tanh² x, σ(a) = ½ + ½ tanh(a/2), σ' = σ(1 − σ)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from derive import functions, nodes
from derive.cell import Cell, Equation
from derive.errors import InputError
from derive.functions import ScalarFunction
from derive.nodes import Elementwise, Quantity
from derive.reader.claims.meaning import NAMED, Claiming
from derive.reader.claims.statements.chains import statements
from derive.reader.meaning import tree
from derive.reader.meaning.letters import Written, identifier, only, taken
from derive.reader.meaning.tree import Ref, Term
from derive.reader.meaning.vocabulary import bracket, is_general
from derive.reader.meaning.walk import Function
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import parts, walk
from derive.reader.text.syntax import (
    Bars,
    Chain,
    Dots,
    Fraction,
    Group,
    Mark,
    Name,
    Number,
    Ones,
    Operator,
    Product,
    Root,
    Run,
    Script,
    Scripted,
    Sum,
    Syntax,
)

DEFAULT = "x"
"""The variable where only functions are named: σ' = σ(1 − σ)."""
MOST = 3
"""How many variables such a claim may have."""


@dataclass(frozen=True)
class Alone:
    """What a claim about functions alone has: its variables, and whether the functions stand without them."""

    variables: tuple[str, ...]
    unapplied: bool
    naming: bool
    """Whether the left side is a letter, or a function's letter with its variable, so that it may name something."""

    slope: bool = False
    """Whether the left side is a slope, f'(x)."""

    def cell(self, known: Sequence[ScalarFunction]) -> Cell:
        """Numbers called like the variables, and the functions that are known where the claim stands."""
        numbers = [Quantity(name, 1, 1, nodes.t) for name in self.variables]
        equations = [Equation(Quantity("all_numbers", 1, 1, nodes.t), nodes.add(*numbers))]
        for function in (one for one in known if not functions.is_entry(one)):
            called = Elementwise(function, *numbers[:1] * len(function.body.variables))
            equations.append(Equation(Quantity(f"value_of_{identifier(function.base)}", 1, 1, nodes.t), called))
        return Cell.of(equations, name="functions", output="all_numbers")


def cell_of_functions(fragment: Fragment) -> Cell | None:
    """The cell on which a formula can be judged that speaks of nothing but functions; None for any other formula."""
    try:
        found = [statement.sides for statement in statements(fragment) if statement.relations]
    except InputError:
        return None
    said = [None if isinstance(sides[0], Name) else alone(sides, ()) for sides in found]
    if any(is_general(sides[0]) for sides in found):
        return None  # f(z, α) = ... says what f is
    named = _Survey(set())
    if any(
        not any(isinstance(n, Name) and named.is_function(n.word) for s in sides for n in walk(s)) for sides in found
    ):
        return None  # ∂Q/∂q = 7 names no function
    known = [one for one in said if one is not None]
    return known[0].cell(()) if known and len(known) == len(said) else None


class Functions(Claiming):
    """Reads such a claim: a prime behind a bracket is a derivative, not a transpose."""

    alone: Alone

    def behind(self, term: Term, script: Script) -> Term | None:
        if script.kind == "prime":
            return tree.Operated(term, self._variable(script))
        return super().behind(term, script)

    def primed(self, found: Written, i: int) -> Term | None:
        return None

    def call(self, called: Function, found: Written, factors: list[Syntax], i: int) -> tuple[Term, int]:
        group, _ = bracket(factors[i + 1]) if i + 1 < len(factors) else (None, ())
        if not self.alone.unapplied or (group is not None and not self._names_function(group)):
            return super().call(called, found, factors, i)
        applied = self.applied(called, (self._variable(factors[i]),), self.at(factors[i]), found.base)
        return self.decorated(applied, found), i + 1

    def differentiated(self, above: list[Syntax], by: Ref, immediate: bool, node: Syntax) -> Term:
        found = self.letters.taken(above[0], self.fragment) if len(above) == 1 else None
        called = None if found is None else self.function(found)
        if found is None or called is None:
            return tree.Operated(self.run(above), by, immediate)
        applied = self.applied(called, (by,), self.at(above[0]), found.base)  # dσ/dz is that of σ(z)
        return tree.Operated(self.decorated(applied, found), by, immediate)

    def _names_function(self, node: Syntax) -> bool:
        found = taken(node) if isinstance(node, Name | Scripted) else None
        return (found is not None and self.function(found) is not None) or any(map(self._names_function, parts(node)))

    def _variable(self, node: Syntax) -> Ref:
        if len(self.alone.variables) != 1:
            raise self.unclear("a prime does not say by which of several letters", node)
        return Ref(self.alone.variables[0], nodes.t)


def alone(sides: Sequence[Syntax], known: Sequence[ScalarFunction]) -> Alone | None:
    """What a statement has if it speaks of nothing but functions and their variables, else None."""
    survey = _Survey({function.base for function in known})
    if not all(survey.visit(side) for side in sides) or not survey.applies:
        return None
    if survey.variables and not {*survey.by} <= {*survey.variables}:
        return None  # d/dq before what does not name q
    variables = tuple(sorted({*survey.variables, *survey.by})) or (DEFAULT,)
    if len(variables) > MOST:
        return None
    return Alone(variables, not survey.variables, _is_naming(sides), _is_slope(sides[0]))


def _is_slope(left: Syntax) -> bool:
    match left:
        case Run(factors=(Scripted(scripts=(script,)), Group())):
            return script.kind == "prime" or isinstance(only(script.rows), Mark)
    return False


def _is_naming(sides: Sequence[Syntax]) -> bool:
    """y = tanh(x), and σ(x) = max(0, x), where no σ stands on the right."""
    left, *rest = sides
    if isinstance(left, Name):
        return True
    match left:
        case Run(factors=(Name(word=word), Group(rows=((Name(),),)))):
            return (word in _GREEK | {"sigma"} or len(word) == 1) and not any(_names(side, word) for side in rest)
    return False


def _names(node: Syntax, word: str) -> bool:
    return (isinstance(node, Name) and node.word == word) or any(_names(part, word) for part in parts(node))


class _Survey:
    """Collects variables and finds what does not belong; `visit` says whether all of a part does."""

    def __init__(self, known: set[str]) -> None:
        self.known = known
        self.variables: list[str] = []
        self.by: list[str] = []
        """Variables that a derivative is taken by."""
        self.applies = False

    def visit(self, node: Syntax) -> bool:
        match node:
            case Number() | Operator() | Ones():
                return True
            case Chain(sides=sides, relations=relations):  # 1[x > 0]
                return all(one.type == "RELATION" for one in relations) and all(map(self.visit, sides))
            case Group(bracket="MATRIX", rows=rows):
                return all(len(row) == 2 and isinstance(row[1], Chain) and all(map(self.visit, row)) for row in rows)
            case Name(word=word):
                return self._letter(word)
            case Scripted(base=base, scripts=scripts):
                return all(map(self._script, scripts)) and self._based(base)
            case Fraction(above=above, below=below):
                return self._derivative(above, below) or (self.visit(above) and self.visit(below))
            case Group(rows=rows):
                return (
                    node.bracket != "MATRIX" and len(rows) == 1 and len(rows[0]) <= 2 and all(map(self.visit, rows[0]))
                )
            case Run() | Product() | Dots() | Sum() | Root() | Bars(bracket="LABS"):
                return all(map(self.visit, parts(node)))
        return False

    def _letter(self, word: str) -> bool:
        if self.is_function(word):
            self.applies = True
            return True
        if len(word) != 1 and word not in _GREEK:
            return False
        self.variables.append(word)
        return True

    def _based(self, base: Syntax) -> bool:
        if isinstance(base, Name) and base.word == "e":
            self.applies = True
            return True
        return self.visit(base)

    def _script(self, script: Script) -> bool:
        cells = [cell for row in script.rows for cell in row]
        if script.kind == "prime":
            self.applies = True
            return True
        if script.kind != "sup" or len(cells) != 1:
            return False
        return (isinstance(cells[0], Mark) and cells[0].kind == "prime") or self.visit(cells[0])

    def _derivative(self, above: Syntax, below: Syntax) -> bool:
        """d/dx, dσ/dx and ∂σ(x)/∂x."""
        match below:
            case Run(factors=(sign, Name(word=word))) if _is_differential(sign):
                pass
            case _:
                return False
        first, *rest = above.factors if isinstance(above, Run) else (above,)
        before = len(self.variables)
        if not _is_differential(first) or not all(map(self.visit, rest)):
            return False
        if self.variables[before:] and word not in self.variables[before:]:
            return False  # ∂L/∂q would be zero of letters that have nothing to do with each other
        self.by.append(word)
        self.applies = True
        return True

    def is_function(self, word: str) -> bool:
        word = "sigmoid" if word == "sigma" else word
        return (
            word in self.known
            or word in ("cosh", "sech")
            or (functions.function(word) is not None and word not in NAMED)
        )


def _is_differential(node: Syntax) -> bool:
    return (isinstance(node, Name) and node.word == "d") or (isinstance(node, Mark) and node.kind == "partial")


_GREEK = frozenset(
    {"alpha", "beta", "gamma", "theta", "lambda", "mu", "nu", "xi", "rho", "tau", "phi", "psi", "omega", "zeta", "eta"}
)
