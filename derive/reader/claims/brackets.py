"""Brackets in a claim: groups, matrices by their entries, cases, and the scripts behind them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

from sympy import Expr, Integer

from derive import functions
from derive.functions import ScalarFunction
from derive.reader.claims.derivatives import Derivatives
from derive.reader.claims.letters import time_expression
from derive.reader.claims.matrix import shown, tabulated
from derive.reader.claims.slices import is_slice
from derive.reader.meaning import tree
from derive.reader.meaning.symbols import number_of, only
from derive.reader.meaning.tree import Term
from derive.reader.text import syntax
from derive.reader.text.mapping import parts
from derive.reader.text.syntax import Bars, Group, Mark, Name, Run, Script, Scripted, Syntax

INFINITE = frozenset([r"\infty", "∞"])


class Brackets(Derivatives):
    """The part of a claim's reader that knows brackets."""

    bounding: bool = False
    """Whether ‖W‖ is the spectral norm, as in a bound, not the root of a sum of squares."""

    @abstractmethod
    def factor(self, factors: list[Syntax], i: int) -> tuple[Term | None, int]:
        """What starts at factor i, and where the next one starts."""

    def other(self, node: Syntax) -> Term:
        """A factor that is no letter."""
        if isinstance(node, Scripted) and isinstance(node.base, Bars) and node.base.bracket == "LNORM":
            return self.norm(node.base, node.scripts)
        if isinstance(node, Scripted):
            return self.scripted(self.other(node.base), node.scripts)
        if not isinstance(node, Group):
            return self.said(node)
        cell = only(node.rows)
        if cell is not None and node.bracket != "MATRIX":
            said = self.said(cell)
            apart = isinstance(said, tree.Multiply) and node.bracket in ("LPAR", "LBRACK")
            return replace(said, bracketed=True) if apart else said  # type: ignore[call-arg]
        if self.fragment.text.startswith(r"\begin{cases}", node.start):
            return self.branches(node)
        if any(_dotted(cell) for row in node.rows for cell in row):
            rows = [self.cells(row) for row in node.rows]
            return tabulated(rows) or shown(rows)
        return tree.Stack(tuple(tuple(map(self.said, row)) for row in node.rows))

    def norm(self, node: Bars, scripts: tuple[Script, ...] = ()) -> Term:
        """‖v‖, ‖v‖², ‖v‖₁ and ‖W‖_F as what they are in entries; ‖v‖_∞, and ‖W‖ in a bound, as norms."""
        body = self.said(node.body)
        subs = [only(script.rows) for script in scripts if script.kind == "sub"]
        raised = [only(script.rows) for script in scripts if script.kind == "sup"]
        powers = [number_of(part) if not self.bounding else time_expression(part) for part in raised]
        if len(subs) > 1 or len(powers) > 1 or None in powers or len(subs) + len(powers) < len(scripts):
            raise self.unclear(f"the norm {self.written(node)} with these scripts is not read", node)
        kind = subs[0] if subs else None
        sized: Term
        largest = isinstance(kind, Mark) and kind.kind in INFINITE
        if largest or (self.bounding and (kind is None or number_of(kind) == 2)):
            sized = tree.Norm(body, largest)
            return tree.Power(sized, powers[0]) if powers and powers[0] is not None else sized
        if kind is not None and number_of(kind) == 1:
            sized = tree.Total(tree.Call(_entry("abs"), (body,)))
            return tree.Power(sized, powers[0]) if powers and powers[0] is not None else sized
        if kind is None or number_of(kind) == 2:
            sized = tree.SquaredNorm(body, "" if kind is None else "2")
        elif isinstance(kind, Name) and kind.word == "F":
            sized = tree.SquaredNorm(body, "F")
        else:
            raise self.unclear(f"the norm {self.written(node)} with these scripts is not read", node)
        half = (powers[0] if powers and powers[0] is not None else Integer(1)) / 2
        return sized if half == 1 else tree.Power(sized, half)

    def indicator(self, node: Syntax, following: Syntax | None) -> tuple[Term, int] | None:
        """𝟏_{i=j}, 𝟏{i=j} and [i=j]: 1 where two indices are equal; and how many factors that takes."""
        if isinstance(node, Scripted) and isinstance(node.base, syntax.Ones) and len(node.scripts) == 1:
            condition, used = only(node.scripts[0].rows), 1
        elif isinstance(node, syntax.Ones) and isinstance(following, Group):
            condition, used = only(following.rows), 2
        elif isinstance(node, Group) and node.bracket == "LBRACK":
            condition, used = only(node.rows), 1
        else:
            return None
        if not isinstance(condition, syntax.Chain) or len(condition.sides) != 2:
            return None
        first, second = (self.letters.entry(side) for side in condition.sides)
        relation = condition.relations[0].word.strip()
        if first is None or second is None or relation not in ("=", "≠", r"\ne", r"\neq"):
            return None
        return tree.Kronecker(first, second, relation != "="), used

    def branches(self, node: Group) -> Term:
        """Two cases, i = j and i ≠ j, as a sum with Kronecker δs."""
        terms: list[tuple[int, Term]] = []
        seen: tuple[Expr, Expr] | None = None
        for row in node.rows:
            chain = next((part for part in _deep(row[-1]) if isinstance(part, syntax.Chain)), None)
            if len(row) not in (1, 2) or (chain is None and seen is None) or len(terms) > 1:
                raise self.unclear("these cases are not read", node)
            if chain is not None:
                pair = [self.letters.entry(side) for side in chain.sides]
                if len(pair) != 2 or pair[0] is None or pair[1] is None:
                    raise self.unclear("a condition that compares no indices", node)
                if seen is not None and {pair[0], pair[1]} != set(seen):
                    raise self.unclear("cases of different indices", node)
                seen = pair[0], pair[1]
            assert seen is not None
            differ = chain is None or chain.relations[0].type != "EQ"
            terms.append((1, tree.Multiply((tree.Kronecker(*seen, differ), self.said(row[0])))))
        first, second = (factors.factors[0] for _, factors in terms if isinstance(factors, tree.Multiply))
        if isinstance(first, tree.Kronecker) and first.differ == getattr(second, "differ", None):
            raise self.unclear("these cases are not read", node)
        return tree.Add(tuple(terms))

    def cells(self, row: tuple[Syntax, ...]) -> list[Term | None]:
        """The entries of a row, None for dots; entries may stand next to each other without a separator."""
        if len(row) == 1 and isinstance(row[0], Run) and _dotted(row[0]):
            found: list[Term | None] = []
            i = 0
            while i < len(row[0].factors):
                item, i = self.factor(list(row[0].factors), i)
                found.append(item)
            return found
        return [None if isinstance(cell, Mark) else self.said(cell) for cell in row]

    def scripted(self, said: Term, scripts: tuple[Script, ...]) -> Term:
        """A bracket with a power or transpose behind it."""
        for script in scripts:
            cell = only(script.rows)
            value = number_of(cell) if script.kind == "sup" else None
            if script.kind in ("tick", "prime"):
                said = tree.Transposed(said)
            elif script.kind == "sub" and isinstance(cell, Group) and is_slice(cell):
                said = self.cut(said, cell)
            elif value is not None:
                said = tree.Power(said, value)
            elif script.kind == "sup" and isinstance(cell, syntax.Sum) and (steps := time_expression(cell)) is not None:
                said = tree.Power(said, steps)
            elif script.kind == "sup" and (
                (isinstance(cell, Mark) and cell.kind == "top") or (isinstance(cell, Name) and cell.word == "T")
            ):
                said = tree.Transposed(said)
            else:
                raise self.unclear(f"the script {self.written(script)} behind a bracket is not read", script)
        return said


def _entry(name: str) -> ScalarFunction:
    found = functions.function(name)
    assert found is not None
    return found


def _deep(node: Syntax) -> list[Syntax]:
    return [node, *(inner for part in parts(node) for inner in _deep(part))]


def _dotted(cell: Syntax) -> bool:
    parts = cell.factors if isinstance(cell, Run) else (cell,)
    return any(isinstance(part, Mark) and part.kind == "dots" for part in parts)
