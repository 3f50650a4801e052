"""Brackets in a claim: groups, matrices by their entries, cases, and the scripts behind them."""

from __future__ import annotations

import re
from dataclasses import replace

from sympy import Expr, Integer

from derive import nodes
from derive.reader.claims.classes import equal, vector
from derive.reader.claims.gradients.by_entries import alone_in_a_column
from derive.reader.claims.gradients.differentials import Differentials
from derive.reader.claims.shown.diagonals import on_diagonal
from derive.reader.claims.shown.matrix import shown, tabulated
from derive.reader.meaning import tree
from derive.reader.meaning.letters import TIME_LETTERS, number_of, only, time_expression
from derive.reader.meaning.slices import is_slice
from derive.reader.meaning.tree import Term
from derive.reader.meaning.vocabulary import bracket
from derive.reader.text import syntax
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Bars, Group, Mark, Name, Run, Script, Scripted, Syntax, is_one
from derive.reader.text.words import ABOVE, BELOW, SAID

LABELS = {"local": "current", "out": "output", "direct": "current", "rec": "recurrent", "time": "recurrent"}
"""Labels of parts of gradients, each with the word that says the same behind a bar."""
TRACES = frozenset(["tr", "Tr", "trace", "Trace"])
_FROBENIUS = frozenset(["F", f"{SAID}F", f"{SAID}HS"])
"""What stands behind an inner product of matrices."""
INFINITE = frozenset([r"\infty", "∞"])


class Brackets(Differentials):
    """The part of a claim's reader that knows brackets."""

    bounding: bool = False
    beside: Term | None = None
    """What stands left of the = of the side that is read."""
    """Whether ‖W‖ is the spectral norm, as in a bound, not the root of a sum of squares."""

    def table(self, node: Group) -> Term | None:
        if not any(_dotted(cell) for row in node.rows for cell in row):
            return None
        if (column := alone_in_a_column(self, node, self.row)) is not None:
            return column
        rows = [self.cells(row) for row in node.rows]
        return tabulated(rows) or shown(rows)

    def bars(self, node: Bars, scripts: tuple[Script, ...] = ()) -> Term:
        """‖v‖_∞, and in a bound ‖W‖, as norms; ‖v‖, ‖v‖₂ and ‖W‖_F by squares; ‖v‖₁ as in equations."""
        subs = [only(script.rows) for script in scripts if script.kind == "sub"]
        raised = [only(script.rows) for script in scripts if script.kind == "sup"]
        powers = [number_of(part) if not self.bounding else time_expression(part) for part in raised]
        kind = subs[0] if subs else None
        largest = isinstance(kind, Mark) and kind.kind in INFINITE
        spectral = self.bounding and (kind is None or number_of(kind) == 2)
        square = kind is None or number_of(kind) == 2 or (isinstance(kind, Name) and kind.word == "F")
        if node.bracket != "LNORM" or not (largest or square):
            return super().bars(node, scripts)
        if len(subs) > 1 or len(powers) > 1 or None in powers or len(subs) + len(powers) < len(scripts):
            raise self.unclear(f"the norm {self.written(node)} with these scripts is not read", node)
        raised_to = Integer(1) if not powers or powers[0] is None else powers[0]
        body = self.term(node.body)
        if largest or spectral:
            sized: Term = tree.Norm(body, largest)
        else:
            sized = tree.SquaredNorm(body, "F" if isinstance(kind, Name) else "" if kind is None else "2")
            raised_to = raised_to / 2
        return sized if raised_to == 1 else tree.Power(sized, raised_to)

    def indicator(self, node: Syntax, following: Syntax | None) -> tuple[Term, int] | None:
        """𝟏_{i=j}, 𝟏_{i,j}, 𝟏{i=j} and [i=j]: 1 where two indices are equal; and how many factors that takes."""
        if (class_ := vector(node, following, self.letters, self.fragment)) is not None:
            return class_
        if isinstance(node, Scripted) and len(node.scripts) == 1 and is_one(node.base):
            (script,) = node.scripts
            if script.kind == "sub" and len(script.rows) == 1 and len(script.rows[0]) == 2:
                beside = equal(*script.rows[0], self.letters, self.fragment)
                return None if beside is None else (beside, 1)
            condition, used = only(script.rows), 1
        elif is_one(node) and isinstance(following, Group):
            condition, used = only(following.rows), 2
        elif isinstance(node, Group) and node.bracket == "LBRACK":
            condition, used = only(node.rows), 1
        else:
            return None
        if isinstance(condition, Group) and condition.bracket == "LBRACK":
            condition = only(condition.rows)
        if not isinstance(condition, syntax.Chain) or len(condition.sides) != 2:
            return None
        relation = condition.relations[0].word.strip()
        if relation not in ("=", "==", "≠", r"\ne", r"\neq"):
            return None
        said = equal(*condition.sides, self.letters, self.fragment, differ=not relation.startswith("="))
        return None if said is None else (said, used)

    def trace(self, factors: list[Syntax], i: int) -> tuple[Term, int] | None:
        """tr(A), of a word or of the letters t and r side by side; and where the next factor starts."""
        words = [one.word.removeprefix(SAID) if isinstance(one, Name) else "" for one in factors[i : i + 2]]
        behind = i + (1 if words[0] in TRACES else 2)
        if (words[0] not in TRACES and "".join(words) != "tr") or behind >= len(factors):
            return None
        group, scripts = bracket(factors[behind])
        inner = None if group is None or scripts else only(group.rows)
        return None if inner is None else (tree.Call("tr", (self.term(inner),), span=self.at(inner)), behind + 1)

    def diagonal(self, node: Syntax) -> Term | None:
        """A diagonal matrix that is shown by its entries; None for anything else."""
        entries = on_diagonal(node)
        if entries is None:
            return None
        before, self.entrywise = self.entrywise, True
        try:
            return tree.Call("diag", (self.term(entries),), span=self.at(node))
        finally:
            self.entrywise = before

    def group(self, node: Group) -> Term:
        """⟨A, B⟩ as the sum of the products of their entries; others as in equations."""
        if node.bracket == "LANGLE" and len(node.rows) == 1 and len(node.rows[0]) == 2:
            return tree.Total(tree.Multiply(tuple(map(self.term, node.rows[0])), True), span=self.at(node))
        return super().group(node)

    def cases(self, node: Group) -> Term:
        """Two cases, i = j and i ≠ j, as a sum with Kronecker δs; others as in equations."""
        chains = [part for row in node.rows for part in walk(row[-1]) if isinstance(part, syntax.Chain)]
        if any(relation.word in ABOVE | BELOW for chain in chains for relation in chain.relations):
            return super().cases(node)
        terms: list[tuple[int, Term]] = []
        seen: tuple[Syntax, ...] | None = None
        differing: set[bool] = set()
        for row in node.rows:
            chain = next((part for part in walk(row[-1]) if isinstance(part, syntax.Chain)), None)
            if len(row) not in (1, 2) or (chain is None and seen is None) or len(terms) > 1:
                raise self.unclear("these cases are not read", node)
            if chain is not None:
                if seen is not None and set(map(self.written, chain.sides)) != set(map(self.written, seen)):
                    raise self.unclear("cases of different indices", node)
                seen = chain.sides
            differ = chain is None or chain.relations[0].type != "EQ"
            differing.add(differ)
            said = equal(*seen, self.letters, self.fragment, differ=differ) if seen and len(seen) == 2 else None
            if said is None:
                raise self.unclear("a condition that compares no indices", node)
            terms.append((1, tree.Multiply((said, self.term(row[0])))))
        if len(differing) < len(terms):
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
        return [None if isinstance(cell, Mark) else self.term(cell) for cell in row]

    def behind(self, term: Term, script: Script) -> Term | None:
        """A prime is a transpose; slices; a number of steps is a power."""
        cell = only(script.rows)
        if script.kind == "prime":
            return tree.Transposed(term)
        if script.kind == "sub" and isinstance(cell, Group) and is_slice(cell):
            return self.cut(term, cell)
        if (used := self._of_a_step(term, script)) is not None:
            return used
        if (at := self._places(script)) is not None:
            return tree.EntryOf(term, at[0], at[1] if len(at) > 1 else 0)
        if script.kind == "sub" and (part := self._labelled_part(term, cell)) is not None:
            return part
        if isinstance(term, tree.Total) and script.kind == "sub" and isinstance(cell, Name) and cell.word in _FROBENIUS:
            return term
        value = None if number_of(cell) is not None else self.letters.exponent(cell, self.fragment)
        if script.kind == "sup" and value is not None:
            return tree.Power(term, value)
        if script.kind == "sup" and isinstance(cell, syntax.Sum) and (steps := time_expression(cell)) is not None:
            return tree.Power(term, steps) if number_of(cell) is None else None
        if script.kind == "sup" and isinstance(cell, Name) and not _moving(term):
            steps = time_expression(cell)
            return None if steps is None or steps == nodes.T else tree.Power(term, steps)
        return None

    def _of_a_step(self, term: Term, script: Script) -> Term | None:
        """(∂J/∂W)^{(t)} and (∂J/∂W)_t: the part of a gradient by a parameter, or an entry of it, that step t gives."""
        cell = only(script.rows)
        inner = only(cell.rows) if isinstance(cell, Group) and cell.bracket in ("LPAR", "LANGLE") else None
        cell = cell if inner is None and script.kind == "sub" else inner
        step = time_expression(cell, TIME_LETTERS | self.letters.timed_letters)
        if step is None or step.is_Integer or not isinstance(term, tree.Gradient) or term.by.time is not None:
            return None
        at = term.by.at
        used = self._in_step(replace(term, by=replace(term.by, at=())), step)
        return used if used is None or not at else tree.EntryOf(used, at[0], at[1] if len(at) > 1 else 0)

    def _labelled_part(self, term: Term, cell: Syntax | None) -> Term | None:
        """(δ_t)_{local} and (∂J/∂h_t)_{rec}: the part of a gradient that the word behind its bracket names."""
        term = term.plain if isinstance(term, tree.Error) else term
        if not isinstance(term, tree.Gradient | tree.Derivative) or not isinstance(cell, Name | Run):
            return None
        word = "".join(self.fragment.text[cell.start : cell.end].split())
        found = re.fullmatch(r"(?:\\(?:text|mathrm|textrm|mathit)\{)?([^\W\d_]{2,})\}?", word)
        if found is None:
            return None
        label = LABELS.get(found.group(1), found.group(1))
        return self.part_named(term, Name(cell.start, cell.end, SAID + label, ""))

    def _places(self, script: Script) -> list[Expr] | None:
        """The one or two letters of entries behind a bracket: [A]_{ij}, (a - b)^{(i)}."""
        cell = only(script.rows)
        inner = only(cell.rows) if isinstance(cell, Group) and cell.bracket == "LPAR" else None
        if script.kind not in ("sub", "sup") or (script.kind == "sup" and inner is None):
            return None
        held = cell if inner is None else inner
        letters = held.factors if isinstance(held, Run) else held.rows[0] if isinstance(held, Group) else (held,)
        places = [self.letters.entry(part) for part in letters if part is not None]
        found = [place for place in places if place is not None]
        return found if 0 < len(found) == len(places) <= 2 else None


def _moving(term: Term) -> bool:
    """Whether a term is another at every step; the largest among some steps is not."""
    among = {part.index for part in tree.walk(term) if isinstance(part, tree.Largest)}
    return any(among.isdisjoint(time.free_symbols) for time in tree.times(term))


def _dotted(cell: Syntax) -> bool:
    parts = cell.factors if isinstance(cell, Run) else (cell,)
    return any(isinstance(part, Mark) and part.kind == "dots" for part in parts)
