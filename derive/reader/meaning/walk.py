"""Syntax -> terms: what is read in one way in equations and in claims; the letters are left to either."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from itertools import pairwise

from sympy import Integer

from derive import functions
from derive.errors import InputError
from derive.functions import ScalarFunction
from derive.patterns import regex
from derive.reader.meaning import tree
from derive.reader.meaning.letters import Written, indicated, letter, number, number_of, only, time_of
from derive.reader.meaning.tree import (
    Add,
    Call,
    Constant,
    Divide,
    Multiply,
    Power,
    Span,
    Stack,
    Term,
    Total,
    Transposed,
)
from derive.reader.meaning.vocabulary import Macro, bracket
from derive.reader.text import syntax
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Bars, Big, Group, Mark, Name, Run, Script, Scripted, Syntax
from derive.reader.text.words import ABOVE, BELOW, COMPARED

Function = ScalarFunction | Macro | str
"""What a letter may be that is applied to something; the name of one that acts on a whole vector."""
_TRANSPOSED = frozenset(["Tr", "tr", "\\text{Tr}", "\\text{T}", "\\mathrm{Tr}", "\\mathrm{tr}"])
_SCRIPTED = regex(r"[_^]")
WIDE = regex(r"\\q?quad(?![A-Za-z])|\\;\s*\\;|\\[ ~]\s*\\[ ~]")


class Walk(ABC):
    """Turns the syntax of one fragment into terms."""

    entrywise: bool = False
    """Whether factors beside each other are multiplied entry by entry: inside a sum over entries."""

    def __init__(self, fragment: Fragment) -> None:
        self.fragment = fragment

    # What equations and claims read in ways of their own

    @abstractmethod
    def unclear(self, message: str, node: Syntax, hint: str = "") -> InputError:
        """What is raised where a part of the formula cannot be read."""

    @abstractmethod
    def lettered(self, factors: list[Syntax], i: int) -> tuple[Term, int]:
        """What the letter at factor i is, with what belongs to it, and where the next factor starts."""

    @abstractmethod
    def is_function(self, node: Syntax) -> bool:
        """Whether this is a letter that stands for a function."""

    @abstractmethod
    def is_quantity(self, name: str) -> bool:
        """Whether a quantity has this letter."""

    @abstractmethod
    def big(self, node: Big) -> Term:
        """∑ and ∏."""

    def special(self, factors: list[Syntax], i: int) -> tuple[Term | None, int] | None:
        """What starts at factor i and is no letter, bracket, fraction or number; None for dots."""
        return None

    def filled(self, items: list[Term | None], node: Syntax) -> Term:
        """A product with dots (None) in it."""
        raise self.unclear("dots cannot be read in a forward equation", node)

    def added(self, items: list[tuple[int, Term | None]], node: Syntax) -> Term:
        """A sum with dots (None) in it."""
        raise self.unclear("dots cannot be read in a forward equation", node)

    def derivative_of(self, node: syntax.Fraction) -> Term | None:
        """A fraction that is a derivative."""
        return None

    def divisor(self, node: Syntax) -> Term:
        """What stands below."""
        return self.term(node)

    def rooted(self, node: Syntax) -> Term:
        """What stands under a root."""
        return self.term(node)

    def outer(self, left: Term, right: Term) -> Term:
        """a ⊗ b."""
        return tree.Outer(left, right, span=tree.between(left, right))

    def behind(self, term: Term, script: Script) -> Term | None:
        """What a script behind a bracket says beside a power or a transpose."""
        return None

    def table(self, node: Group) -> Term | None:
        """A matrix given by some of its entries."""
        return None

    # Expressions

    def at(self, node: Syntax) -> Span:
        return Span(self.fragment, node.start, node.end)

    def between(self, factors: list[Syntax]) -> Span:
        return Span(self.fragment, factors[0].start, factors[-1].end)

    def written(self, node: Syntax) -> str:
        return " ".join(self.fragment.text[node.start : node.end].split())

    def term(self, node: Syntax) -> Term:
        """The meaning of any expression."""
        at = self.at(node)
        match node:
            case Run(factors=factors):
                return self.run(list(factors))
            case syntax.Number(text=text):
                return Constant(number(text), span=at)
            case syntax.Ones():
                return tree.Ones(span=at)
            case syntax.Sum(terms=terms) if dots := [part for _, part in terms if _is_dots(part)]:
                items = [(sign, None if _is_dots(part) else self.term(part)) for sign, part in terms]
                return self.added(items, dots[0])
            case syntax.Sum(terms=terms):
                return Add(tuple((sign, self.term(term)) for sign, term in terms), span=at)
            case syntax.Dots(factors=factors):
                return Multiply(tuple(map(self.term, factors)), True, span=at)
            case syntax.Product():
                return self.product(node)
            case syntax.Root(body=body):
                return Call(entry("sqrt"), (self.rooted(body),), span=at)
            case syntax.Chain():
                raise self.unclear("a relation inside an expression", node, COMPARED)
        return self.run([node])

    def run(self, factors: list[Syntax]) -> Term:
        """Factors next to each other: applications first, then products."""
        items: list[Term | None] = []
        i = 0
        while i < len(factors):
            item, following = self.factor(factors, i)
            if item is not None and item.span is None:
                item = replace(item, span=self.between(factors[i:following]))
            items.append(item)
            i = following
        kept = [item for item in items if item is not None]
        if len(kept) < len(items):
            return self.filled(items, factors[0])
        return kept[0] if len(kept) == 1 else Multiply(tuple(kept), self.entrywise, span=self.between(factors))

    def factor(self, factors: list[Syntax], i: int) -> tuple[Term | None, int]:
        """What starts at factor i (None for dots), and where the next one starts."""
        if (special := self.special(factors, i)) is not None:
            return special
        node = factors[i]
        if (condition := indicated(factors, i)) is not None:
            chain, following = condition
            return self.condition(chain, self.between(factors[i:following])), following
        if (exponential := self.exponential(node)) is not None:
            return exponential, i + 1
        if letter(node) is not None:
            return self.lettered(factors, i)
        return self.other(node), i + 1

    def exponential(self, node: Syntax) -> Term | None:
        """e^{-x}, where e is no quantity."""
        if not (isinstance(node, Scripted) and isinstance(node.base, Name) and node.base.word == "e"):
            return None
        if len(node.scripts) != 1 or node.scripts[0].kind != "sup":
            return None
        cell = only(node.scripts[0].rows)
        negative = isinstance(cell, syntax.Sum) and cell.terms[0][0] < 0  # no step, and no label of a quantity e
        if self.is_quantity("e") and not negative:
            return None
        if cell is None or time_of(cell) is not None or isinstance(cell, Mark):
            return None
        return Call(entry("exp"), (self.term(cell),), span=self.at(node))

    def product(self, node: syntax.Product) -> Term:
        """Factors joined by * and /, from left to right."""
        operators = node.operators
        dotted = any(map(_is_dots, node.factors)) or _ends_in_dots(node.factors[-1])
        if dotted and all(o.kind == "TIMES" and not o.negative for o in operators):
            return self.run([part for f in node.factors for part in (f.factors if isinstance(f, Run) else (f,))])
        items: list[Term] = []
        for before, part in zip((None, *operators), node.factors, strict=True):
            below = before is not None and before.kind == "SLASH"
            item = self.divisor(part) if below else self.term(part)
            at = Span(self.fragment, node.start, part.end)
            if before is not None and before.negative:
                item = Add(((-1, item),), span=Span(self.fragment, before.start, part.end))
            left = self._joined(items, Span(self.fragment, node.start, before.start)) if before is not None else None
            if left is not None and below:
                items = [Divide(left, item, span=at)]
            elif left is not None and before is not None and before.kind == "OTIMES":
                items = [self.outer(left, item)]
            else:
                items.append(item)
        return self._joined(items, self.at(node))

    def _joined(self, items: list[Term], at: Span) -> Term:
        return items[0] if len(items) == 1 else Multiply(tuple(items), self.entrywise, signed=True, span=at)

    def other(self, node: Syntax) -> Term:
        """A factor that is no letter."""
        match node:
            case Scripted(base=Bars() as bars, scripts=scripts):
                return self.bars(bars, scripts)
            case Scripted(base=base, scripts=scripts):
                return self.scripted(self.other(base), scripts)
            case Bars():
                return self.bars(node)
            case Big():
                return self.big(node)
            case syntax.Fraction(above=above, below=below):
                if (value := number_of(node)) is not None:
                    return Constant(value, span=self.at(node))
                return self.derivative_of(node) or Divide(self.term(above), self.divisor(below), span=self.at(node))
            case Group():
                return self.group(node)
            case Mark(kind=kind):
                raise self.unclear(_MARKS.get(kind, f"{kind} cannot stand alone"), node)
            case Name() | Run() | syntax.Number() | syntax.Ones() | syntax.Sum() | syntax.Dots() | syntax.Product():
                return self.term(node)
            case syntax.Root() | syntax.Chain():
                return self.term(node)
        raise self.unclear("cannot read this", node)

    # Brackets

    def group(self, node: Group) -> Term:
        """Brackets around one term, cases, or rows of parts."""
        cell = only(node.rows)
        if _CASES.search(self.fragment.text, 0, node.start + len(r"\begin{cases}")):
            return self.cases(node)
        if node.bracket == "LANGLE":
            raise self.unclear("angle brackets mark a time here, as in h^{<t>}", node)
        if cell is not None and node.bracket == "LBRACK" and (spaced := self.spaced(cell)):
            return Stack((tuple(map(self.term, spaced)),), span=self.at(node))
        if cell is not None and node.bracket != "MATRIX":
            term = self.term(cell)
            if isinstance(term, Multiply) and node.bracket in ("LPAR", "LBRACK"):
                return replace(term, bracketed=True)
            return term
        if (table := self.table(node)) is not None:
            return table
        return Stack(tuple(tuple(map(self.term, row)) for row in node.rows), span=self.at(node))

    def spaced(self, cell: Syntax) -> list[Syntax]:
        """The entries of [a \\quad b]: what wide spaces set apart; none without them."""
        if not isinstance(cell, Run):
            return []
        text = self.fragment.text
        side = text[: cell.start].rstrip("[ ").endswith("=") and not text[cell.end :].split("\n")[0].strip("] ,;")
        if self.fragment.plain and side and all(letter(one) is not None for one in cell.factors):
            return list(cell.factors)  # [x h] as a whole side, beside [x, h]
        entries: list[list[Syntax]] = [[cell.factors[0]]]
        for one, other in pairwise(cell.factors):
            apart = WIDE.search(self.fragment.text, one.end, other.start) is not None
            if apart:
                entries.append([])
            entries[-1].append(other)
        runs = [each[0] if len(each) == 1 else Run(each[0].start, each[-1].end, tuple(each)) for each in entries]
        return runs if len(runs) > 1 else []

    def step(self) -> ScalarFunction:
        """The function that conditions are made of."""
        return entry("heaviside")

    def condition(self, chain: syntax.Chain, at: Span) -> Term:
        """1 where the first side is above the second one, else 0."""
        sign = chain.relations[0].word
        if sign not in ABOVE | BELOW:
            raise self.unclear(f"a condition with {sign} cannot be read", chain, "compare by > or <")
        left, right = map(self.term, chain.sides if sign in ABOVE else reversed(chain.sides))
        zero = isinstance(right, Constant) and right.value == 0
        return Call(self.step(), (left if zero else Add(((1, left), (-1, right)), span=at),), span=at)

    def cases(self, node: Group) -> Term:
        """a where c > 0, else b: b + H(c) (a - b), H being 1 where its argument is positive."""
        at = self.at(node)
        hint = "write each row as a value & a > b, the last one as a value & \\text{otherwise}"
        rows = [row for row in node.rows if row]
        if len(rows) < 2 or any(len(row) > 2 for row in rows):
            raise self.unclear("cannot read these cases", node, hint)
        value = self.term(rows[-1][0])
        for row in reversed(rows[:-1]):
            if len(row) != 2 or not isinstance(row[1], syntax.Chain) or len(row[1].sides) != 2:
                raise self.unclear("cannot read the condition of this case", row[-1], hint)
            chosen = self.condition(row[1], at)
            other = Add(((1, Constant(Integer(1), span=at)), (-1, chosen)), span=at)
            first = Multiply((chosen, self.term(row[0])), True, span=at)
            value = Add(((1, first), (1, Multiply((other, value), True, span=at))), span=at)
        return value

    def bars(self, node: Bars, scripts: tuple[Script, ...] = ()) -> Term:
        """|a|; ‖v‖, ‖v‖², ‖v‖₁ and ‖W‖_F as what they are in entries."""
        body = self.term(node.body)
        at = Span(self.fragment, node.start, scripts[-1].end if scripts else node.end)
        if node.bracket == "LABS":
            return self.scripted(Call(entry("abs"), (body,), span=self.at(node)), scripts)
        subs = [only(script.rows) for script in scripts if script.kind == "sub"]
        powers = [number_of(only(script.rows)) for script in scripts if script.kind == "sup"]
        kind = subs[0] if subs else None
        frobenius = isinstance(kind, Name) and kind.word == "F"
        read = frobenius or kind is None or number_of(kind) in (1, 2)
        if not read or None in powers or len(subs) > 1 or len(powers) > 1 or len(subs) + len(powers) < len(scripts):
            raise self.unclear(f"the norm {self.written(node)} with these scripts is not read", node)
        raised = powers[0] if powers else None
        if number_of(kind) == 1:
            sized = Total(Call(entry("abs"), (body,), span=at), span=at)
            return sized if raised is None else Power(sized, raised, span=at)
        # Of a matrix the square of a plain norm can mean two things, as its power does.
        square = Multiply((body, body), True, span=at) if frobenius else Power(body, Integer(2), span=at)
        squared = Total(square, span=at)
        if raised is None:
            return Call(entry("sqrt"), (squared,), span=at)
        return squared if raised == 2 else Power(squared, raised / 2, span=at)

    def scripted(self, term: Term, scripts: tuple[Script, ...]) -> Term:
        """A bracket or application with a power or transpose behind it."""
        for script in scripts:
            at = Span(self.fragment, term.span.start if term.span else script.start, script.end)
            cell = only(script.rows)
            value = number_of(cell) if script.kind == "sup" else None
            top = (isinstance(cell, Mark) and cell.kind == "top") or (isinstance(cell, Name) and cell.word == "T")
            prime = script.kind == "prime" and not isinstance(term, Call)  # of a call it would be a slope
            if (special := self.behind(term, script)) is not None:
                term = special
            elif script.kind == "tick" or prime or (script.kind == "sup" and (top or self.turned(term, cell))):
                term = Transposed(term, span=at)
            elif value is not None:
                term = Power(term, value, span=at)
            else:
                raise self.unclear(
                    "only a power or a transpose can stand behind a bracket", script,
                    "a time index belongs to the letter: h_{t-1}",
                )  # fmt: skip
        return term

    def turned(self, term: Term, raised: Syntax | None) -> bool:
        """Whether what is raised behind a bracket is another sign for a transpose: (h)^{Tr}, [h_{t-1}; x_t]^t."""
        sign = "" if raised is None else self.written(raised)
        if sign == "t" and isinstance(term, Stack):  # of parts with steps of their own it is no step
            return all(_SCRIPTED.search(part.written) is not None for row in term.rows for part in row)
        return sign in _TRANSPOSED

    def decorated(self, term: Term, found: Written, scripts: tuple[Script, ...] = ()) -> Term:
        """A power and a transpose that stand at a letter, and scripts behind the bracket that belongs to it."""
        if found.power is not None:
            term = Power(term, found.power, span=term.span)
        if found.transposed:
            term = Transposed(term, span=term.span)
        return self.scripted(term, scripts)

    # Functions

    def call(self, called: Function, found: Written, factors: list[Syntax], i: int) -> tuple[Term, int]:
        """A function with its argument: a bracket, or all that follows up to the next function."""
        node = factors[i]
        following = factors[i + 1] if i + 1 < len(factors) else None
        if found.power is not None and found.power < 0:
            raise self.unclear(f"{self.written(node)} can be the inverse function or one over the value", node)
        group, scripts = bracket(following)
        if group is not None:
            arguments = tuple(self.term(cell) for row in group.rows for cell in row)
            at = Span(self.fragment, node.start, group.end)
            return self.decorated(self.applied(called, arguments, at, found.base), found, scripts), i + 2
        if following is None:
            raise self.unclear(f"{found.base} needs an argument", node, f"write {found.base}(...)")
        stop = i + 1
        while stop < len(factors) and not self.is_function(factors[stop]):
            stop += 1
        inner: Term | None
        if stop == i + 1:
            inner, stop = self.factor(factors, i + 1)
        else:
            inner = self.run(factors[i + 1 : stop])
        if inner is None:
            raise self.unclear("dots as an argument", following)
        at = Span(self.fragment, node.start, inner.span.end if inner.span else following.end)
        return self.decorated(self.applied(called, (inner,), at, found.base), found), stop

    def applied(self, called: Function, arguments: tuple[Term, ...], at: Span, name: str) -> Term:
        """A function of its arguments."""
        if isinstance(called, Macro):
            return called.of(arguments, at.fragment.place(at.start, at.end))
        wanted = 1 if isinstance(called, str) else len(called.body.variables)
        if len(arguments) != wanted and isinstance(called, ScalarFunction) and not called.specified:
            raise self.unclear(
                f"what {name} makes of its {len(arguments)} arguments is open", Syntax(at.start, at.end),
                rf"add a line such as ${name}(a, b) = \tanh(W a + U b)$, or write it out",
            )  # fmt: skip
        if len(arguments) != wanted:
            message = f"{name} takes {wanted} argument{'s' if wanted > 1 else ''}, not {len(arguments)}"
            raise self.unclear(message, Syntax(at.start, at.end))
        return Total(arguments[0], span=at) if called == "sum" else Call(called, arguments, span=at)


def entry(name: str) -> ScalarFunction:
    """The function of that name, which is in the table."""
    found = functions.function(name)
    assert found is not None
    return found


_CASES = regex(r"\\(?:left\s*\\(?:\{|lbrace)\s*\\begin\{array|begin\{cases)\}\Z")
"""What stands before cases, also where an array behind one brace lays them out."""

_MARKS = {
    "dots": "dots cannot be read in a forward equation",
    "partial": "a derivative is no part of a forward equation",
    "top": "a ⊤ can only stand as a superscript",
    "star": "a star can only stand as a superscript",
    "prime": "a prime needs a letter before it",
    "at": "what a bar with a script says here is not read",
}


def _ends_in_dots(node: Syntax) -> bool:
    return isinstance(node, Run) and _is_dots(node.factors[-1])


def _is_dots(node: Syntax) -> bool:
    return isinstance(node, Mark) and node.kind == "dots"
