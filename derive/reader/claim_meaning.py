"""Syntax of a claim -> what it says: which letters are quantities, derivatives, losses, functions and indices."""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr, Integer

from derive import functions, nodes
from derive.functions import ScalarFunction
from derive.reader import claimed, syntax
from derive.reader.claim_derivatives import Derivatives
from derive.reader.claim_dots import filled
from derive.reader.claim_letters import TIME_LETTERS, Written, index, taken, time_expression
from derive.reader.claim_matrix import tabulated
from derive.reader.claim_survey import bounds, inside
from derive.reader.claimed import Gradient, Said, Value
from derive.reader.symbols import identifier, label, number, number_of, only
from derive.reader.syntax import Big, Group, Mark, Name, Run, Script, Scripted, Sum, Syntax
from derive.reader.vocabulary import bracket

NAMED = {"softmax": "softmax", "diag": "diag", "sech": "sech", "sum": "sum", "cosh": "cosh", "diagonal": "diagonal"}


class Claiming(Derivatives):
    """Reads the syntax of one fragment as a claim about a cell."""

    # Expressions

    def said(self, node: Syntax) -> Said:
        """The meaning of any expression."""
        match node:
            case Run(factors=factors):
                return self.run(list(factors))
            case Name() | Scripted() | Group() | Mark() | syntax.Fraction() | Big():
                return self.run([node])
            case syntax.Number(text=text):
                return claimed.Scalar(number(text))
            case syntax.Ones():
                return claimed.Ones()
            case Sum(terms=terms):
                return claimed.Terms(tuple((sign, self.said(term)) for sign, term in terms))
            case syntax.Dots(factors=factors):
                return claimed.Factors(tuple(map(self.said, factors)), True)
            case syntax.Product():
                return self.product(node)
            case syntax.Root(body=body):
                return claimed.Applied(_entry("sqrt"), (self.said(body),))
            case syntax.Bars(bracket="LABS", body=body):
                return claimed.Applied(_entry("abs"), (self.said(body),))
        raise self.unclear(f"{self.written(node)} is not read in a claim", node)

    def run(self, factors: list[Syntax]) -> Said:
        """Factors next to each other."""
        items: list[Said | None] = []
        i = 0
        while i < len(factors):
            item, i = self.factor(factors, i)
            items.append(item)
        if any(item is None for item in items):
            return filled(items, self.unclear("the dots have no plain pattern", factors[0]))
        kept = [item for item in items if item is not None]
        return kept[0] if len(kept) == 1 else claimed.Factors(tuple(kept))

    def factor(self, factors: list[Syntax], i: int) -> tuple[Said | None, int]:
        """What starts at factor i (None for dots), and where the next one starts."""
        node = factors[i]
        following = factors[i + 1] if i + 1 < len(factors) else None
        if isinstance(node, Mark) and node.kind == "dots":
            return None, i + 1
        if isinstance(node, syntax.Fraction):
            return self.fraction(node), i + 1
        if isinstance(node, Big):
            return self.big(node), i + 1
        found = taken(node, self.fragment)
        if found is None:
            return self.other(node), i + 1
        if (gradient := self.differential(found, factors, i)) is not None:
            return gradient
        if found.base == "e" and found.parts and "e" not in self.letters.known:
            (exponent,) = [part for _, part in found.parts][:1]
            return claimed.Applied(_entry("exp"), (self.said(exponent),)), i + 1
        group, scripts = bracket(following)
        quantity = self.quantity(found, group)
        if quantity is not None:
            value, used = quantity
            if self.letters.cell.is_loss and value.name == self.letters.cell.output.name:
                with_arguments = int(group is not None and not used and sum(map(len, group.rows)) > 1)
                return self.loss_value(found, value), i + 1 + max(used, with_arguments)
            return self.decorated(value, found, scripts if used else ()), i + 1 + used
        called = self.function(found)
        if called is not None:
            return self.call(called, found, factors, i)
        if (delta := self.delta(found, node)) is not None:
            return self.decorated(delta, found), i + 1
        if found.base in ("T", "B", "T_x") and not found.parts and not found.primes:
            # The number of steps, and the size of a batch, of which the mathematics knows nothing.
            return claimed.Scalar(nodes.T if found.base != "B" else nodes.size("B")), i + 1
        if found.base == "I" and not found.primes:
            return self.decorated(claimed.One(), found), i + 1
        raise self.unclear(f"{self.written(node)} is not known in this cell", node)

    def decorated(self, said: Said, found: Written, scripts: tuple[Script, ...] = ()) -> Said:
        """A power and a transpose that stand at a letter."""
        if found.power is not None:
            said = claimed.Raised(said, found.power)
        if found.transposed:
            said = claimed.Flipped(said)
        return self.scripted(said, scripts)

    def quantity(self, found: Written, group: Group | None) -> tuple[Value, int] | None:
        """A quantity, and whether the bracket behind it is its time: h(t)."""
        inner = only(group.rows) if group is not None else None
        when = time_expression(inner, TIME_LETTERS) if inner is not None else None
        if when is not None and when.free_symbols:
            outer = self.letters.resolve(found, self.fragment, None)
            if outer is not None and outer.time is None and self.letters.is_timed(outer.name):
                return Value(outer.name, when, outer.at), 1
        resolved = self.letters.resolve(found, self.fragment)
        return None if resolved is None else (Value(resolved.name, resolved.time, resolved.at), 0)

    def loss_value(self, found: Written, value: Value) -> Said:
        """The loss of a step, or without a time the sum over all, unless nothing in the formula has a time."""
        timed = self.letters.resolve(found, self.fragment, None)
        if timed is None or timed.time is not None or not self.letters.with_times:
            return self.decorated(value, found)
        index_ = claimed.index_clash(index("t"))
        return claimed.OverTime(replace(value, time=index_), index_, Integer(1), nodes.T)

    def other(self, node: Syntax) -> Said:
        """A factor that is no letter."""
        if isinstance(node, Scripted):
            return self.scripted(self.other(node.base), node.scripts)
        if not isinstance(node, Group):
            return self.said(node)
        cell = only(node.rows)
        if cell is not None and node.bracket != "MATRIX":
            return self.said(cell)
        if self.fragment.text.startswith(r"\begin{cases}", node.start):
            return self.branches(node)
        if any(_dotted(cell) for row in node.rows for cell in row):
            table = tabulated([self.cells(row) for row in node.rows])
            if table is None:
                raise self.unclear("a matrix given by entries with dots whose pattern is not plain", node)
            return table
        return claimed.Stacked(tuple(tuple(map(self.said, row)) for row in node.rows))

    def branches(self, node: Group) -> Said:
        """Two cases, i = j and i ≠ j, as a sum with Kronecker δs."""
        terms: list[tuple[int, Said]] = []
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
            terms.append((1, claimed.Factors((claimed.Kronecker(*seen, differ), self.said(row[0])))))
        first, second = (factors.factors[0] for _, factors in terms if isinstance(factors, claimed.Factors))
        if isinstance(first, claimed.Kronecker) and first.differ == getattr(second, "differ", None):
            raise self.unclear("these cases are not read", node)
        return claimed.Terms(tuple(terms))

    def cells(self, row: tuple[Syntax, ...]) -> list[Said | None]:
        """The entries of a row, None for dots; entries may stand next to each other without a separator."""
        if len(row) == 1 and isinstance(row[0], Run) and _dotted(row[0]):
            found: list[Said | None] = []
            i = 0
            while i < len(row[0].factors):
                item, i = self.factor(list(row[0].factors), i)
                found.append(item)
            return found
        return [None if isinstance(cell, Mark) else self.said(cell) for cell in row]

    def scripted(self, said: Said, scripts: tuple[Script, ...]) -> Said:
        """A bracket with a power or transpose behind it."""
        for script in scripts:
            cell = only(script.rows)
            value = number_of(cell) if script.kind == "sup" else None
            if script.kind == "tick":
                said = claimed.Flipped(said)
            elif value is not None:
                said = claimed.Raised(said, value)
            elif script.kind == "sup" and (
                (isinstance(cell, Mark) and cell.kind == "top") or (isinstance(cell, Name) and cell.word == "T")
            ):
                said = claimed.Flipped(said)
            else:
                raise self.unclear(f"the script {self.written(script)} behind a bracket is not read", script)
        return said

    def product(self, node: syntax.Product) -> Said:
        """Factors joined by * and /, from left to right; ∂J/∂W on one line is a derivative."""
        operators = [operator.kind for operator in node.operators]
        items: list[Said] = []
        i = 0
        while i < len(node.factors):
            if i < len(operators) and operators[i] == "SLASH" and not node.operators[i].negative:
                slash = self.slashed(node.factors[i], node.factors[i + 1])
                if slash is not None:
                    items.extend(slash)
                    i += 2
                    continue
            item = self.said(node.factors[i])
            if i and node.operators[i - 1].negative:
                item = claimed.Terms(((-1, item),))
            if i and operators[i - 1] == "SLASH":
                above = items[0] if len(items) == 1 else claimed.Factors(tuple(items))
                items = [claimed.Quotient(above, item)]
            else:
                items.append(item)
            i += 1
        return items[0] if len(items) == 1 else claimed.Factors(tuple(items))

    def slashed(self, above: Syntax, below: Syntax) -> list[Said] | None:
        """∂J/∂W x: the derivative, with what stands before and behind it."""
        ups = list(above.factors) if isinstance(above, Run) else [above]
        downs = list(below.factors) if isinstance(below, Run) else [below]
        top, bottom = taken(ups[-1], self.fragment), taken(downs[0], self.fragment)
        if top and bottom and top.base[0] == bottom.base[0] == "d" and len(top.base) > 1 and len(bottom.base) > 1:
            # dL/dW typed as two words
            loss = self.loss(replace(top, base=top.base[1:]))
            by = self.differential(bottom, downs[:1], 0)
            if loss is not None and by is not None and isinstance(by[0], Gradient):
                before = [self.run(ups[:-1])] if ups[:-1] else []
                return [*before, replace(by[0], only=loss[0]), *([self.run(downs[1:])] if downs[1:] else [])]
        start = next((i for i, part in enumerate(ups) if self._is_differential(part)), None)
        if start is None or len(downs) < 2 or not self._is_differential(downs[0]):
            return None
        derivative = self.derivative(ups[start], ups[start + 1 :], downs[1:2], above)
        before = [self.run(ups[:start])] if start else []
        behind = [self.run(downs[2:])] if downs[2:] else []
        return [*before, derivative, *behind]

    # Functions

    def function(self, found: Written) -> ScalarFunction | str | None:
        """The function that a letter stands for, with its primes as slopes."""
        base = "sigmoid" if found.base == "sigma" else found.base
        if any(not isinstance(part, Mark) for _, part in found.parts):
            base = identifier("_".join([base, *(label(part, self.fragment) for _, part in found.parts)]))
        if base in NAMED and not found.primes:
            return NAMED[base]
        known = self.open.get(base) or functions.function(base)
        if known is None or not found.primes:
            return known
        if known.specified:
            return known.name + "'" if found.primes == 1 else None
        for _ in range(found.primes):
            known = known.prime()
        return known

    def call(self, called: ScalarFunction | str, found: Written, factors: list[Syntax], i: int) -> tuple[Said, int]:
        """A function with its argument: a bracket, or what follows up to the next function."""
        following = factors[i + 1] if i + 1 < len(factors) else None
        group, scripts = bracket(following)
        if following is None:
            raise self.unclear(f"{self.written(factors[i])} without an argument", factors[i])
        if group is not None:
            arguments = tuple(self.said(cell) for row in group.rows for cell in row)
            said = self.applied(called, arguments)
            return self.scripted(self.decorated(said, found), scripts), i + 2
        inner, stop = self.factor(factors, i + 1)
        if inner is None:
            raise self.unclear("dots as an argument", following)
        return self.decorated(self.applied(called, (inner,)), found), stop

    def applied(self, called: ScalarFunction | str, arguments: tuple[Said, ...]) -> Said:
        if called == "sum":
            return claimed.AllEntries(arguments[0])
        return claimed.Applied(called, arguments)

    def big(self, node: Big) -> Said:
        """Σ and ∏ over times or entries."""
        word, first, last, without = bounds(node)
        body = self.said(node.body)
        if not word:
            raise self.unclear("a sum or product without an index", node)
        symbol = index(word)
        if word in self.letters.entry_letters and node.sign == "sum":
            left_out = index(without) if without else None
            return claimed.OverEntries(body, symbol, left_out)
        start = time_expression(first) if first is not None else Integer(1)
        end = time_expression(last) if last is not None else nodes.T
        if start is None or end is None:
            raise self.unclear(f"the bounds of {self.written(node)} are not read", node)
        free = claimed.index_clash(symbol)
        body = claimed.mapped(body, lambda e: e.xreplace({symbol: free}))
        return claimed.OverTime(body, free, start, end, node.sign == "product")


def _deep(node: Syntax) -> list[Syntax]:
    return [node, *(inner for part in inside(node) for inner in _deep(part))]


def _dotted(cell: Syntax) -> bool:
    parts = cell.factors if isinstance(cell, Run) else (cell,)
    return any(isinstance(part, Mark) and part.kind == "dots" for part in parts)


def _entry(name: str) -> ScalarFunction:
    found = functions.function(name)
    assert found is not None
    return found
