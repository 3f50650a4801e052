"""Syntax of a claim -> what it says: which letters are quantities, derivatives, losses, functions and indices."""

from __future__ import annotations

from dataclasses import replace

from sympy import Integer

from derive import functions, nodes
from derive.functions import ScalarFunction
from derive.reader.claims.brackets import Brackets
from derive.reader.claims.dots import filled
from derive.reader.claims.letters import TIME_LETTERS, Found, Written, index, taken, time_expression
from derive.reader.claims.slices import is_slice, without_slice
from derive.reader.claims.sums import bounds, nested
from derive.reader.meaning import tree
from derive.reader.meaning.symbols import identifier, label, number, number_of, only
from derive.reader.meaning.tree import Gradient, Ref, Term
from derive.reader.meaning.vocabulary import bracket
from derive.reader.text import syntax
from derive.reader.text.syntax import Big, Group, Mark, Name, Run, Script, Scripted, Sum, Syntax

NAMED = {"softmax": "softmax", "diag": "diag", "sech": "sech", "sum": "sum", "cosh": "cosh", "diagonal": "diagonal"}
COUNTS = {"T": nodes.T, "T_x": nodes.T, "B": nodes.size("B")}
"""The number of steps, and the size of a batch, of which the mathematics knows nothing."""


class Claiming(Brackets):
    """Reads the syntax of one fragment as a claim about a cell."""

    # Expressions

    def said(self, node: Syntax) -> Term:
        """The meaning of any expression."""
        match node:
            case Run(factors=factors):
                return self.run(list(factors))
            case Name() | Scripted() | Group() | Mark() | syntax.Fraction() | Big():
                return self.run([node])
            case syntax.Number(text=text):
                return tree.Constant(number(text))
            case syntax.Ones():
                return tree.Ones()
            case Sum(terms=terms):
                return tree.Add(tuple((sign, self.said(term)) for sign, term in terms))
            case syntax.Dots(factors=factors):
                return tree.Multiply(tuple(map(self.said, factors)), True)
            case syntax.Product():
                return self.product(node)
            case syntax.Root(body=body):
                return tree.Call(_entry("sqrt"), (self.said(body),))
            case syntax.Bars(bracket="LABS", body=body):
                return tree.Call(_entry("abs"), (self.said(body),))
            case syntax.Bars():
                return self.norm(node)
        raise self.unclear(f"{self.written(node)} is not read in a claim", node)

    def run(self, factors: list[Syntax]) -> Term:
        """Factors next to each other."""
        items: list[Term | None] = []
        i = 0
        while i < len(factors):
            item, i = self.factor(factors, i)
            items.append(item)
        if any(item is None for item in items):
            return filled(items, self.unclear("the dots have no plain pattern", factors[0]))
        kept = [item for item in items if item is not None]
        return kept[0] if len(kept) == 1 else tree.Multiply(tuple(kept))

    def factor(self, factors: list[Syntax], i: int) -> tuple[Term | None, int]:
        """What starts at factor i (None for dots), and where the next one starts."""
        node, part = without_slice(factors[i])
        if part is not None:
            said, following = self.whole([*factors[:i], node, *factors[i + 1 :]], i)
            if isinstance(said, tree.Transposed):
                return tree.Transposed(self.cut(said.body, part)), following
            if not isinstance(said, Ref):
                raise self.unclear(f"a part of {self.written(factors[i])} is not read", factors[i])
            return self.cut(said, part), following
        said, following = self.whole(factors, i)
        while said is not None and following < len(factors) and is_slice(factors[following]):
            said, following = self.cut(said, factors[following]), following + 1
        return said, following

    def whole(self, factors: list[Syntax], i: int) -> tuple[Term | None, int]:
        """What starts at factor i, without a slice behind it."""
        node = factors[i]
        following = factors[i + 1] if i + 1 < len(factors) else None
        if isinstance(node, Mark) and node.kind == "dots":
            return None, i + 1
        if (operated := self.operator(node, factors[i + 1 :])) is not None:
            return operated, len(factors)
        if isinstance(node, syntax.Fraction):
            return self.fraction(node), i + 1
        if isinstance(node, Big):
            return self.big(node), i + 1
        if (indicator := self.indicator(node, following)) is not None:
            return indicator[0], i + indicator[1]
        found = taken(node, self.fragment)
        if found is None:
            return self.other(node), i + 1
        if (meant := self.meant(found)) is not None:
            return self.decorated(meant, found), i + 1
        if (gradient := self.differential(found, factors, i)) is not None:
            return gradient
        if found.base == "e" and "e" not in self.letters.known and (exponent := _exponent(node)) is not None:
            return tree.Call(_entry("exp"), (self.said(exponent),)), i + 1
        group, scripts = (None, ()) if is_slice(following) else bracket(following)
        counts = found.base in COUNTS and not (found.parts or found.primes or found.transposed)
        if counts and found.base not in self.letters.known:
            return self.decorated(tree.Constant(COUNTS[found.base]), found), i + 1
        if (number_ := self.letters.number(found, self.fragment)) is not None:
            return self.decorated(tree.Constant(number_), found), i + 1
        quantity = self.quantity(found, group)
        if quantity is not None:
            value, used = quantity
            if self.letters.cell.is_loss and value.name == self.letters.cell.output.name:
                with_arguments = int(group is not None and not used and sum(map(len, group.rows)) > 1)
                return self.loss_value(found, value), i + 1 + max(used, with_arguments)
            return self.decorated(value, found, scripts if used else ()), i + 1 + used
        if (powered := self.powered(found)) is not None:
            return powered, i + 1
        called = self.function(found)
        if called is not None and found.power is not None and found.power < 0:
            raise self.unclear(f"{self.written(node)} can be the inverse function or one over the value", node)
        if called is not None:
            return self.call(called, found, factors, i)
        timed = self.with_time(found, group)
        if (delta := self.delta(timed, node)) is not None:
            if found.primes > 1:
                raise self.unclear(f"the primes of {self.written(node)} are not read", node)
            used = timed is not found
            said = self.decorated(tree.Transposed(delta) if found.primes else delta, found, scripts if used else ())
            return said, i + 1 + used
        if (turned := self.primed(found, i)) is not None:
            return turned, i + 1
        if found.base == "I" and not found.primes:
            return self.decorated(tree.Identity(), found), i + 1
        raise self.unclear(f"{self.written(node)} is not known in this cell", node)

    def decorated(self, said: Term, found: Written, scripts: tuple[Script, ...] = ()) -> Term:
        """A power and a transpose that stand at a letter."""
        if found.power is not None:
            said = tree.Power(said, found.power)
        if found.transposed:
            said = tree.Transposed(said)
        return self.scripted(said, scripts)

    def quantity(self, found: Written, group: Group | None) -> tuple[Ref, int] | None:
        """A quantity, and whether the bracket behind it is its time: h(t)."""
        inner = only(group.rows) if group is not None else None
        when = time_expression(inner, TIME_LETTERS) if inner is not None else None
        if when is not None and when.free_symbols:
            outer = self.letters.resolve(found, self.fragment, None)
            if outer is not None and outer.time is None and self.letters.is_timed(outer.name):
                return Ref(outer.name, when, outer.at), 1
        resolved = self.letters.resolve(found, self.fragment)
        if resolved is None and (block := self.letters.block(found, self.fragment)) is not None:
            return Ref(block[0], columns=block[1]), 0
        if resolved is None:
            return None
        if (cut := self.cut_off(resolved)) is not None:
            return cut, 0
        value = Ref(resolved.name, resolved.time, resolved.at)
        timeless = resolved.time == nodes.t and self.letters.resolve(found, self.fragment, None) != resolved
        carried = resolved.name in {state.name for state in self.letters.cell.states} and not self.letters.leading
        if timeless and carried and self.guess("now", f"{found.base} without a time stands for {found.base}_{{t-1}}"):
            value = replace(value, time=nodes.t - 1)
        return value, 0

    def cut_off(self, resolved: Found) -> Ref | None:
        """The columns of a weight, where the document says that it may stand for them and they are to be tried."""
        for name, part in self.letters.meant.blocks:
            between = self.letters.columns(name, part) if name == resolved.name and not resolved.at else None
            words = f"{name} stands for the columns of {name} that act on {part}"
            if between is not None and self.guess(f"block {name} {part}", words):
                return Ref(name, columns=between)
        return None

    def with_time(self, found: Written, group: Group | None) -> Written:
        """δ[t] and δ(t) as δ_t."""
        inner = only(group.rows) if group is not None else None
        when = time_expression(inner, TIME_LETTERS) if inner is not None else None
        if found.base not in ("delta", "Delta") or inner is None or when is None or not when.free_symbols:
            return found
        return replace(found, parts=[*found.parts, ("sub", inner)])

    def powered(self, found: Written) -> Term | None:
        """A^{t-k}: a square matrix to the power of a number of steps."""
        raised = [part for kind, part in found.parts if kind == "sup" and isinstance(part, Sum | Name)]
        steps = time_expression(raised[0]) if len(raised) == 1 else None
        if steps is None or found.power is not None:
            return None
        rest = replace(found, parts=[pair for pair in found.parts if pair[1] is not raised[0]])
        resolved = self.letters.resolve(rest, self.fragment)
        if resolved is None or resolved.at or self.letters.is_timed(resolved.name):
            return None
        rows, cols = self.letters.quantities[resolved.name].shape
        if rows != cols or rows == 1:
            return None
        return self.decorated(tree.Power(Ref(resolved.name), steps), found)

    def primed(self, found: Written, i: int) -> Term | None:
        """A' as a transpose: of a matrix, or of a vector behind another factor, as in u v'."""
        resolved = self.letters.resolve(replace(found, primes=0), self.fragment) if found.primes == 1 else None
        if resolved is None or resolved.at or (i == 0 and self.letters.quantities[resolved.name].shape[1] == 1):
            return None
        return self.decorated(tree.Transposed(Ref(resolved.name, resolved.time)), found)

    def loss_value(self, found: Written, value: Ref) -> Term:
        """The loss of a step, or without a time the sum over all, unless nothing in the formula has a time."""
        timed = self.letters.resolve(found, self.fragment, None)
        if timed is None or timed.time is not None or not self.letters.with_times:
            return self.decorated(value, found)
        index_ = tree.index_clash(index("t"))
        return tree.OverTime(replace(value, time=index_), index_, Integer(1), nodes.T)

    def product(self, node: syntax.Product) -> Term:
        """Factors joined by * and /, from left to right; ∂J/∂W on one line is a derivative."""
        operators = [operator.kind for operator in node.operators]
        items: list[Term] = []
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
                item = tree.Add(((-1, item),))
            if i and operators[i - 1] == "OTIMES":
                items = [self.crossed(items[0] if len(items) == 1 else tree.Multiply(tuple(items), signed=True), item)]
            elif i and operators[i - 1] == "SLASH":
                above = items[0] if len(items) == 1 else tree.Multiply(tuple(items))
                items = [tree.Divide(above, item)]
            else:
                items.append(item)
            i += 1
        return items[0] if len(items) == 1 else tree.Multiply(tuple(items), signed=True)

    def crossed(self, left: Term, right: Term) -> Term:
        """a ⊗ b: entry by entry or the outer product; a product of matrices is never proved by that sign."""
        if self.guess("outer", "⊗ is the outer product"):
            return tree.Outer(left, right)
        if self.guess("matrix", "⊗ is the matrix product", holds=False):
            return tree.Multiply((left, right), signed=True)
        return tree.Multiply((left, right), True)

    def slashed(self, above: Syntax, below: Syntax) -> list[Term] | None:
        """∂J/∂W x: the derivative, with what stands before and behind it."""
        ups = list(above.factors) if isinstance(above, Run) else [above]
        downs = list(below.factors) if isinstance(below, Run) else [below]
        top, bottom = taken(ups[-1], self.fragment), taken(downs[0], self.fragment)
        if top and bottom and top.base[0] == bottom.base[0] == "d" and len(top.base) > 1 and len(bottom.base) > 1:
            # dL/dW typed as two words
            loss = self.loss(replace(top, base=top.base[1:]))
            by = self.differential(bottom, downs[:1], 0)
            gradient = by[0].plain if by is not None and isinstance(by[0], tree.Differential) else by and by[0]
            if loss is not None and isinstance(gradient, Gradient):
                before = [self.run(ups[:-1])] if ups[:-1] else []
                return [*before, replace(gradient, only=loss[0]), *([self.run(downs[1:])] if downs[1:] else [])]
        start = next((i for i, part in enumerate(ups) if self._is_differential(part)), None)
        if start is None or len(downs) < 2 or not self._is_differential(downs[0]):
            return None
        before = [self.run(ups[:start])] if start else []
        if not ups[start + 1 :]:
            return [*before, self.operated(ups[start], downs[:2], downs[2:], above)]
        cut = 3 if len(downs) > 2 and is_slice(downs[2]) else 2
        derivative = self.derivative(ups[start], ups[start + 1 :], downs[:cut], above)
        downs = downs[cut - 2 :]
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

    def call(self, called: ScalarFunction | str, found: Written, factors: list[Syntax], i: int) -> tuple[Term, int]:
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

    def applied(self, called: ScalarFunction | str, arguments: tuple[Term, ...]) -> Term:
        if called == "sum":
            return tree.Total(arguments[0])
        return tree.Call(called, arguments)

    def big(self, node: Big, body: Term | None = None) -> Term:
        """Σ and ∏ over times or entries."""
        node = nested(node)
        found = bounds(node)
        if found.unread or not found.word:
            raise self.unclear("a sum or product without an index, or with bounds that are not read", node)
        body = self.said(node.body) if body is None else body
        symbol = index(found.word)
        if found.word in self.letters.entry_letters and node.sign == "sum":
            if any(found.beyond) or (found.first is not None and number_of(found.first) != 1):
                raise self.unclear("a sum over some of the entries", node)
            extent = self.letters.extent(found.last)
            return tree.OverEntries(body, symbol, index(found.without) if found.without else None, extent)
        if found.without:
            raise self.unclear("a sum over steps that leaves one out", node)
        start, end = found.times()
        if (start is None and found.first is not None) or (end is None and found.last is not None):
            raise self.unclear(f"the bounds of {self.written(node)} are not read", node)
        start, end = Integer(1) if start is None else start, nodes.T if end is None else end
        free = tree.index_clash(symbol)
        body = tree.at_times(body, lambda e: e.xreplace({symbol: free}))
        product = node.sign == "product"
        down = start - end
        if start == nodes.T or (down.is_Integer and down > 1):  # T, T - 1, ..., 1
            return tree.OverTime(body, free, end, start, product, ordered=True)
        if product and down.free_symbols and self.guess("down", "the product counts down"):
            return tree.OverTime(body, free, end, start, True, ordered=True)
        return tree.OverTime(body, free, start, end, product)


def _exponent(node: Syntax) -> Syntax | None:
    """What e is raised to: all that stands in its one script."""
    if not isinstance(node, Scripted) or len(node.scripts) != 1 or node.scripts[0].kind != "sup":
        return None
    return only(node.scripts[0].rows)


def _entry(name: str) -> ScalarFunction:
    found = functions.function(name)
    assert found is not None
    return found
