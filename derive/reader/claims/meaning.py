"""Syntax of a claim -> what it says: which letters are quantities, derivatives, losses, functions and indices."""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr, Integer, S, Symbol

from derive import functions, nodes
from derive.errors import InputError
from derive.functions import ScalarFunction
from derive.nodes import Elementwise
from derive.reader.claims.arguments import argument_of
from derive.reader.claims.brackets import Brackets
from derive.reader.claims.classes import row
from derive.reader.claims.gradients.by_entries import basis, unit
from derive.reader.claims.gradients.derivatives import evaluated
from derive.reader.claims.letters import Found
from derive.reader.claims.meant import Habit
from derive.reader.claims.powers import to_the_length
from derive.reader.claims.shown.dots import added, filled, without_end
from derive.reader.claims.stacking import identity_size, vec
from derive.reader.claims.statements import left_out
from derive.reader.claims.statements.evaluations import at_a_value
from derive.reader.claims.statements.limits import constant, largest_value, limit
from derive.reader.claims.sums import (
    BATCH_SIZES,
    BATCHES,
    UNSAID,
    Bounds,
    at_entry,
    bounds,
    completed,
    has_candidate,
    has_free,
    nested,
    other_index,
    over_letters,
    shifts,
    unsaid_range,
)
from derive.reader.meaning import tree, vocabulary
from derive.reader.meaning.letters import (
    TIME_LETTERS,
    Written,
    identifier,
    index,
    label,
    number_of,
    only,
    time_expression,
)
from derive.reader.meaning.slices import is_slice, without_slice
from derive.reader.meaning.tree import Gradient, Ref, Span, Term
from derive.reader.meaning.vocabulary import bracket
from derive.reader.meaning.walk import Function
from derive.reader.text.syntax import (
    Bars,
    Big,
    Dots,
    Fraction,
    Group,
    Mark,
    Name,
    Operator,
    Product,
    Run,
    Scripted,
    Sum,
    Syntax,
)

NAMED = vocabulary.NAMED | {"sech", "cosh", "diagonal"}
COUNTS = {"T": nodes.T, "T_x": nodes.T, "B": nodes.size("B")}
"""The number of steps, and the size of a batch, of which the mathematics knows nothing."""
FROM_ZERO = "the sum whose first step is not written begins where its terms do, at 0"


class Claiming(Brackets):
    """Reads the syntax of one fragment as a claim about a cell."""

    goal: Expr | None = None
    """The step by whose state the left side differentiates, where a product of Jacobians on the right has no end."""

    def is_function(self, node: Syntax) -> bool:
        found = self.letters.taken(node, self.fragment) if isinstance(node, Name | Scripted) else None
        try:
            return found is not None and not self.letters.resolve(found, self.fragment) and bool(self.function(found))
        except InputError:  # a script that is no label of a function
            return False

    def is_quantity(self, name: str) -> bool:
        return name in self.letters.known or name in dict(self.letters.meant.errors)

    def outer(self, left: Term, right: Term) -> Term:
        """Entry by entry or the outer product; a product of matrices is never proved by that sign."""
        if self.letters.meant.stacking and not self.guess("no blocks", "⊗ is the outer product"):
            return tree.KroneckerProduct(left, right, span=tree.between(left, right))
        if self.letters.meant.stacking or self.guess("outer", "⊗ is the outer product"):
            return super().outer(left, right)
        if self.guess("matrix", "⊗ is the matrix product", holds=False):
            return tree.Multiply((left, right), signed=True)
        return tree.Multiply((left, right), True)

    def filled(self, items: list[Term | None], node: Syntax) -> Term:
        endless = None if self.goal is None else without_end(items, self.goal)
        return endless or filled(items, self.unclear("the dots have no plain pattern", node))

    def added(self, items: list[tuple[int, Term | None]], node: Syntax) -> Term:
        return added(items, self.unclear("the dots have no plain pattern", node))

    def term(self, node: Syntax) -> Term:
        return self.operator_of_all(node) or super().term(node)

    def factor(self, factors: list[Syntax], i: int) -> tuple[Term | None, int]:
        """What starts at factor i (None for dots), with a slice of it, and where the next one starts."""
        node, part = without_slice(factors[i])
        if part is not None:
            term, following = super().factor([*factors[:i], node, *factors[i + 1 :]], i)
            if isinstance(term, tree.Transposed):
                return tree.Transposed(self.cut(term.body, part)), following
            if not isinstance(term, Ref):
                raise self.unclear(f"a part of {self.written(factors[i])} is not read", factors[i])
            return self.cut(term, part), following
        script = evaluated(factors[i + 1]) if isinstance(node, Fraction) and i + 1 < len(factors) else None
        if isinstance(node, Fraction) and script is not None and (said := at_a_value(self, node, script)) is not None:
            return said, i + 2
        term, following = super().factor(factors, i)
        while term is not None and following < len(factors):
            if is_slice(factors[following]):
                term, following = self.cut(term, factors[following]), following + 1
            elif (script := evaluated(factors[following])) is not None:
                term, following = self.used_at(term, script, factors[following]), following + 1
            else:
                break
        return term, following

    def special(self, factors: list[Syntax], i: int) -> tuple[Term | None, int] | None:
        node, following = factors[i], factors[i + 1] if i + 1 < len(factors) else None
        if isinstance(node, Mark) and node.kind == "dots":
            return None, i + 1
        if (operated := self.operator(node, factors[i + 1 :])) is not None:
            return operated, len(factors)
        if (diagonal := self.diagonal(node)) is not None:
            return diagonal, i + 1
        if (indicator := self.indicator(node, following)) is not None:
            return indicator[0], i + indicator[1]
        if isinstance(node, Name) and node.word in BATCH_SIZES and node.word not in self.letters.numbers:
            self.letters.guesses.granted[f"{node.word} counts the examples of a batch: there is one"] = None
            return tree.Constant(S.One), i + 1
        if (trace := self.trace(factors, i) or vec(self, factors, i)) is not None:
            return trace
        return largest_value(self, factors, i)

    def lettered(self, factors: list[Syntax], i: int) -> tuple[Term, int]:
        node, following = factors[i], factors[i + 1] if i + 1 < len(factors) else None
        found = self.letters.taken(node, self.fragment)
        assert found is not None
        at_step = self.with_step(found, following)
        if at_step is not found and (meant := self.meant(at_step)) is not None:
            return self.decorated(meant, found, bracket(following)[1] if following else ()), i + 2
        if (meant := self.meant(found)) is not None:
            return self.decorated(meant, found), i + 1 + self._lists_parameters(following)
        if (gradient := self.differential(found, factors, i)) is not None:
            return self.averaged(gradient[0]), gradient[1]
        group, scripts = (None, ()) if is_slice(following) else bracket(following)
        counts = found.base in COUNTS and not (found.parts or found.primes or found.transposed)
        if counts and found.base not in self.letters.known:
            return self.decorated(tree.Constant(COUNTS[found.base]), found), i + 1
        if (number_ := self.letters.number(found, self.fragment)) is not None:
            return self.decorated(tree.Constant(number_), found), i + 1
        if found.by_letter and (powered := to_the_length(self.letters, found, self.fragment)) is not None:
            return powered, i + 1
        if (of_matrix := row(found, self.letters)) is not None:
            return self.decorated(tree.Transposed(of_matrix), found), i + 1
        quantity = self.quantity(found, group)
        if quantity is not None:
            value, used = quantity
            if self.letters.cell.is_loss and value.name == self.letters.cell.output.name:
                with_arguments = int(group is not None and not used and sum(map(len, group.rows)) > 1)
                return self.loss_value(found, value), i + 1 + max(used, with_arguments)
            return self.decorated(value, found, scripts if used else ()), i + 1 + used
        if (powered := self.powered(found)) is not None:
            return powered, i + 1
        if (jacobian := self.jacobian_of_softmax(found, group)) is not None:
            return self.decorated(jacobian, found, scripts), i + 2
        if (called := self.function(found) or self.unsaid_slope(found, group)) is not None:
            return self.call(called, found, factors, i)
        timed = self.with_time(found, group)
        if (delta := self.delta(timed, node)) is not None:
            if found.primes > 1:
                raise self.unclear(f"the primes of {self.written(node)} are not read", node)
            used, delta = timed is not found, self.averaged(delta)
            said = self.decorated(tree.Transposed(delta) if found.primes else delta, found, scripts if used else ())
            return said, i + 1 + used
        if (turned := self.primed(found, i)) is not None:
            return turned, i + 1
        moments = [time for _, part in found.parts if (time := time_expression(part)) is not None]
        moving = any(str(symbol) in ("t", "T") for time in moments for symbol in time.free_symbols)
        if (placed := unit(self, found, group)) is not None:
            return self.decorated(placed, found, scripts), i + 2
        if (placed := basis(self, found)) is not None:
            return self.decorated(placed, found), i + 1
        if found.base == "I" and not (found.primes or (moving and not found.transposed)):  # I_t is what step t reads
            stacks = self.letters.meant.stacking
            size = identity_size(found, self.letters, self.fragment) if stacks else None
            return self.decorated(tree.Identity(size), found), i + 1
        if (known := constant(found) or limit(self, found)) is not None:
            return known, i + 1
        raise self.unclear(f"{self.written(node)} is not known in this cell", node)

    def _lists_parameters(self, behind: Syntax | None) -> bool:
        """Whether a bracket behind a letter that the document defines says which parameters are in it: E_t(W, U)."""
        rows = behind.rows if isinstance(behind, Group) and behind.bracket == "LPAR" else ()
        cells = [self.letters.taken(cell, self.fragment) for cell in rows[0]] if len(rows) == 1 else []
        found = [None if cell is None else self.letters.resolve(cell, self.fragment, None) for cell in cells]
        parameters = {one.name for one in self.letters.cell.parameters}
        return len(found) > 1 and all(one is not None and one.name in parameters for one in found)

    def quantity(self, found: Written, group: Group | None) -> tuple[Ref, int] | None:
        """A quantity, and whether the bracket behind it is its time: h(t)."""
        inner = only(group.rows) if group is not None else None
        when = time_expression(inner, TIME_LETTERS) if inner is not None else None
        if when is not None and when.free_symbols:
            outer = self.letters.resolve(found, self.fragment, None)
            if outer is not None and outer.time is None and self.letters.is_timed(outer.name):
                return Ref(outer.name, self.letters.placed(outer.name, when), outer.at), 1
        resolved = self.letters.resolve(found, self.fragment)
        if resolved is None and (block := self.letters.block(found, self.fragment)) is not None:
            return Ref(block[0], columns=block[1]), 0
        called = group is not None and not found.parts and found.base in dict(self.letters.meant.softmaxes)
        resolved = resolved or (None if called else argument_of(self.letters, found, self.fragment))
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
        for weight, part in self.letters.meant.blocks:
            name = resolved.name
            between = self.letters.columns(name, part) if weight in ("", name) and not resolved.at else None
            which = name if weight else "each weight"
            words = f"{name} stands for the columns of {name} that act on {part}"
            if part.endswith(":"):
                words = f"{which} stands for its columns that act on what stands below {part[:-1]}"
            elif not weight:
                words = f"{which} stands for its columns that act on {part}"
            if between is not None and self.guess(f"block {weight} {part}", words):
                return Ref(name, columns=between)
        return None

    def with_time(self, found: Written, group: Group | None) -> Written:
        """δ[t] and δ(t) as δ_t."""
        return self.with_step(found, group) if found.base in ("delta", "Delta") else found

    def with_step(self, found: Written, behind: Syntax | None) -> Written:
        """A letter with the step in the bracket behind it as one of its scripts: e[t] and e(t) as e_t."""
        group = bracket(behind)[0] if behind is not None else None
        inner = only(group.rows) if group is not None else None
        when = time_expression(inner, TIME_LETTERS) if inner is not None else None
        if inner is None or when is None or not when.free_symbols:
            return found
        return replace(found, parts=[*found.parts, ("sub", inner)])

    def letter(self, side: Syntax) -> Written | None:
        """The letter that a side is, with the step behind it."""
        factors = side.factors if isinstance(side, Run) and len(side.factors) == 2 else (side,)
        found = self.letters.taken(factors[0], self.fragment)
        if found is None or len(factors) == 1:
            return found
        timed = self.with_step(found, factors[1])
        return None if timed is found else timed

    def powered(self, found: Written) -> Term | None:
        """A^{t-k}: a square matrix, or the entries of a vector, to the power of a number of steps."""
        raised = [part for kind, part in found.parts if kind == "sup" and isinstance(part, Sum | Name)]
        steps = time_expression(raised[0]) if len(raised) == 1 else None
        if steps is None or found.power is not None:
            return None
        rest = replace(found, parts=[pair for pair in found.parts if pair[1] is not raised[0]])
        resolved = self.letters.resolve(rest, self.fragment)
        if resolved is None or resolved.at or self.letters.is_timed(resolved.name):
            return None
        rows, cols = self.letters.quantities[resolved.name].shape
        if rows != cols and not (cols == 1 and isinstance(raised[0], Sum)):
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

    # Functions

    def call(self, called: Function, found: Written, factors: list[Syntax], i: int) -> tuple[Term, int]:
        """A function with its argument, which may be dots, tanh²(·), and of a slope left out or called anything."""
        group, scripts = bracket(factors[i + 1] if i + 1 < len(factors) else None)
        bare = group is None and (i + 1 == len(factors) or (found.primes == 1 and self._is_matrix(factors[i + 1])))
        if group is None and not bare:
            return super().call(called, found, factors[: self._reach(found, factors, i)], i)
        argument = left_out.argument(self, called, found, group)
        if argument is None:
            return super().call(called, found, factors, i)
        at = Span(self.fragment, factors[i].start, group.end if group is not None else factors[i].end)
        return self.decorated(self.applied(called, (argument,), at, found.base), found, scripts), i + 1 + (not bare)

    def _reach(self, called: Written, factors: list[Syntax], i: int) -> int:
        """Where the argument without brackets ends: before a derivative, and perhaps behind its first letter."""
        stop = i + 2
        while stop < len(factors) and not (self.is_function(factors[stop]) or self._is_derivative(factors[stop])):
            stop += 1
        first = self.letters.taken(factors[i + 1], self.fragment) if stop > i + 2 else None
        value = None if first is None else self.letters.resolve(first, self.fragment, noted=False)
        if first is None or value is None or not self.letters.is_timed(value.name):
            return stop
        words = f"{called.base} is taken of {self.written(factors[i + 1])} alone"
        return i + 2 if self.guess(f"argument of {called.base}", words) else stop

    def _is_matrix(self, node: Syntax) -> bool:
        """Whether this is a parameter that is a matrix, of which no slope is taken: tanh' W."""
        found = self.letters.taken(node, self.fragment)
        value = None if found is None else self.letters.resolve(found, self.fragment, noted=False)
        if value is None or self.letters.is_timed(value.name):
            return False
        return 1 not in self.letters.quantities[value.name].shape

    def _is_derivative(self, node: Syntax) -> bool:
        """Whether this is ∂a/∂b or dJ/db."""
        if not isinstance(node, Fraction):
            return False
        above, below = (part.factors[0] if isinstance(part, Run) else part for part in (node.above, node.below))
        return self.is_differential(above) and self.is_differential(below)

    def knows(self, letter: Written) -> bool:
        """Whether something here has that letter."""
        if self.letters.resolve(letter, self.fragment, noted=False) is not None or self.meant(letter) is not None:
            return True
        return argument_of(self.letters, letter, self.fragment) is not None

    def applied(self, called: Function, arguments: tuple[Term, ...], at: Span, name: str) -> Term:
        """A function of its arguments; σ'(f_t) of a gate f_t = σ(a_t) may mean its slope, which is taken at a_t.

        softmax(z_i) is an entry of softmax(z): of one number it is 1.
        """
        value = arguments[0] if len(arguments) == 1 else None
        if called == "diag" and value is not None and (order := self.letters.meant.stacking):
            arguments = (tree.Vec(value, order, alone=True, span=at),)
        match value:
            case Ref(name=of, at=(index,)) if called == "softmax" and self.letters.quantities[of].shape[1] == 1:
                return tree.EntryOf(super().applied(called, (replace(value, at=()),), at, name), index, 0, span=at)
        habit = self.letters.meant.keeps(Habit.SLOPES)
        if habit and isinstance(value, Ref) and not value.at and self._is_slope_of(called, value.name):
            words = f"{name}' of a value of {name} means the slope there, which is taken at the argument"
            if self.guess("slope at its value", words):
                arguments = (replace(value, name=self.argument_of(value.name)[0]),)
        return super().applied(called, arguments, at, name)

    def _is_slope_of(self, called: Function, name: str) -> bool:
        """Whether a function is the slope of the one that gives this value."""
        for equation in self.letters.program.equations:
            value = equation.expression
            if equation.symbol.name == name and isinstance(value, Elementwise) and len(self.argument_of(name)) == 1:
                return called in (f"{value.function.name}'", value.function.prime())
        return False

    def function(self, found: Written) -> ScalarFunction | str | None:
        """The function that a letter stands for, with its primes as slopes."""
        base = left_out.sigma(self.letters, found) if found.base == "sigma" else found.base
        if any(not isinstance(part, Mark) for _, part in found.parts):
            base = identifier("_".join([found.base, *(label(part, self.fragment) for _, part in found.parts)]))
        if base in dict(self.letters.meant.softmaxes) and not found.primes:
            return "softmax"
        if base in NAMED and not found.primes:
            return base
        own = self.open.get(base) or (None if found.parts else self.open.get(found.base))
        known = own or self._of_an_entry(found) or functions.function(base)
        if known is None or not found.primes:
            return known
        if known.specified:
            return known.name + "'" if found.primes == 1 else None
        for _ in range(found.primes):
            known = known.prime()
        return known

    def _of_an_entry(self, found: Written) -> ScalarFunction | None:
        """f of f_k(s_k), the function that gives entry k, where f is a function of all of them."""
        single = len(found.parts) == 1 and found.parts[0][0] == "sub" and self.letters.entry(found.parts[0][1])
        return self.open.get(found.base) if single else None

    @staticmethod
    def _is_of_a_next_step(body: Term, index: Expr) -> bool:
        """Whether a step that is left out may be i + 1: ∏_{i=k}^{t-1} diag(f') W has the factors ∂h_{i+1}/∂h_i."""
        letters = {letter for time in tree.times(body) for letter in time.free_symbols}
        return left_out.STEP in letters and index not in letters

    def over_steps(self, node: Big) -> Term:
        """A sum without an index over something of step t: over all steps."""
        inner = self.term(node.body)
        if nodes.t not in {symbol for time in tree.times(inner) for symbol in time.free_symbols}:
            raise self.unclear("a sum without an index, over what has no time", node)
        self.letters.guesses.granted["the sum without an index runs over all steps"] = None
        free = tree.index_clash(index("t"))
        return tree.OverTime(tree.at_times(inner, lambda e: e.xreplace({nodes.t: free})), free, Integer(1), nodes.T)

    def over_examples(self, node: Big, found: Bounds) -> bool:
        """Whether a sum runs over the examples of a batch: its index is named so, or stands nowhere in the sum."""
        if node.sign != "sum" or found.without or has_free(node.body, found.word):
            return False
        named = found.word in BATCHES or (found.word == "B" and "B" not in self.letters.numbers)
        if found.within or (named and found.first is None and found.last is None):
            self.letters.guesses.granted["the sum over the batch is left out: there is one example"] = None
            return True
        last = found.last.word if isinstance(found.last, Name) else ""
        if found.unread or {found.word, last} & ({"t", "T", *self.letters.numbers} - {"B"}):
            return False
        return self.guess("examples", f"the sum over {found.word} runs over examples of a batch, of which there is one")

    def ended(self, node: Big, word: str) -> Syntax | None:
        """A product over steps and what stands behind it: factors at its end that do not have its index.

        A weight behind the index is a factor of every step, unless nothing fits then.
        """
        body = node.body
        if not isinstance(body, Run | Dots | Product):
            return None
        signs = body.operators if isinstance(body, Product) else ()
        if any(sign.kind != "TIMES" or sign.negative for sign in signs):
            return None
        factors = body.factors
        last = max((i for i, factor in enumerate(factors) if has_free(factor, word)), default=len(factors)) + 1
        kept = last
        while kept < len(factors) and self._is_weight(factors[kept]):
            kept += 1
        if kept > last and self.guess("reach", f"the product ends before {self.written(factors[last])}"):
            kept = last
        if kept >= len(factors):
            return None

        def joined(start: int, end: int, parts: tuple[Syntax, ...], between: tuple[Operator, ...]) -> Syntax:
            if len(parts) == 1:
                return parts[0]
            if isinstance(body, Product):
                return Product(start, end, parts, between)
            return replace(body, start=start, end=end, factors=parts)

        inner = joined(body.start, factors[kept - 1].end, factors[:kept], signs[: kept - 1])
        first = replace(node, body=inner, end=inner.end)
        return joined(node.start, node.end, (first, *factors[kept:]), signs[kept - 1 :])

    def unsaid_steps(self, body: Term, symbol: Symbol, node: Big) -> tuple[Expr, Expr] | tuple[None, None]:
        """The first and last step of a product without bounds, as a derivative between two steps beside it tells."""
        spans = [span for span in self.letters.spans if not any(symbol in step.free_symbols for step in span)]
        if len(spans) != 1:
            if self.guess("product", "the product without bounds runs over some of the steps alone", doubtful=True):
                raise self.unclear("a product without bounds", node)
            return None, None
        ((early, late),) = spans
        self.letters.guesses.granted["the product without bounds runs over the steps between those of ∂"] = None
        ahead = any(time == symbol + 1 for time in tree.times(body))
        return (early, late - 1) if ahead else (early + 1, late)

    def _is_weight(self, node: Syntax) -> bool:
        """Whether a factor is a letter of the cell that has no time, or the norm of one: ∏ ‖A_i‖ ‖W‖."""
        node = node.base if isinstance(node, Scripted) and isinstance(node.base, Bars) else node
        if isinstance(node, Bars):
            return self._is_weight(node.body)
        found = self.letters.taken(node, self.fragment)
        resolved = None if found is None else self.letters.resolve(found, self.fragment)
        return resolved is not None and not self.letters.is_timed(resolved.name)

    def big(self, node: Big, body: Term | None = None) -> Term:
        """Σ and ∏ over times or entries."""
        node = nested(node)
        among = body is None and has_candidate(node) and {"c", "c_tilde"} <= self.letters.known.keys()
        candidate = among and self.guess("candidate", "c among the gates is the candidate, not the state")
        terms, alone = over_letters(node, candidate) if body is None else ([], "")
        other = f"{alone}_t is another letter than those that the sum counts"
        if alone and self.guess(f"letters {alone}", other, holds=False, doubtful=True):
            raise self.unclear(f"{alone}_t is not known", node)
        if terms:
            return tree.Add(tuple((1, self.term(each)) for each in terms))
        node, words = completed(node)
        if words:
            self.letters.guesses.granted[words] = None
        found = bounds(node)
        if node.sign == "sum" and not node.scripts and body is None:
            return self.over_steps(node)
        if body is None and self.over_examples(node, found):
            return self.term(node.body)
        if found.within and node.sign == "sum" and found.word in self.letters.entry_letters:
            words = f"{found.within} has some of the entries alone"
            if not self.guess(f"set {found.within}", words, doubtful=True):
                found = replace(found, within="", unread=False)
        either = other_index(node, found, self.letters.apart) if node.sign == "sum" else None
        if either is not None:
            if found.word in self.letters.free and either.word not in self.letters.free:
                words = f"the sum runs over {either.word}, as {found.word} stands outside it"
                self.letters.guesses.granted[words] = None
                found = either
            if found.first is not None:
                return self.term(at_entry(node.body, found))
        if found.unread or not found.word:
            raise self.unclear("a sum or product without an index, or with bounds that are not read", node)
        if body is None and node.sign == "product" and (apart := self.ended(node, found.word)) is not None:
            return self.term(apart)
        body = self.term(node.body) if body is None else body
        symbol = index(found.word)
        if found.word in self.letters.entry_letters and node.sign == "sum":
            if any(found.beyond) or (found.first is not None and number_of(found.first) != 1):
                raise self.unclear("a sum over some of the entries", node)
            extent = self.letters.extent(found.last)
            return tree.OverEntries(body, symbol, index(found.without) if found.without else None, extent)
        if found.without or (found.first is found.last is None and shifts(body, symbol)):
            raise self.unclear("a sum over steps that leaves one out, or has no bounds", node)
        start, end = found.times()
        if (start is None and found.first is not None) or (end is None and found.last is not None):
            raise self.unclear(f"the bounds of {self.written(node)} are not read", node)
        bare = start is None and end is None and self.letters.meant.ahead
        if node.sign == "sum" and (bare or found.unsaid):
            by = [part.by.time for part in tree.walk(body) if isinstance(part, Gradient | tree.Use)]
            if by and all(time == symbol + 1 for time in by):
                begins = "the sum without bounds begins at step 0, as the equations do" if bare else FROM_ZERO
                self.letters.guesses.granted[begins] = None
                start, end = Integer(0), nodes.T - 1
        if node.sign == "product" and found.first is found.last is None:
            if (steps := unsaid_range(self.beside, body, symbol)) is not None:
                self.letters.guesses.granted[UNSAID.format(first=steps[0], last=steps[1])] = None
            start, end = steps or self.unsaid_steps(body, symbol, node)
        start, end = Integer(1) if start is None else start, nodes.T if end is None else end
        free = tree.index_clash(symbol)
        product = node.sign == "product"
        if product and start.is_Symbol and (end + 1).is_Symbol and self._is_of_a_next_step(body, symbol):
            start, end = start + 1, end + 1
        body = tree.at_times(body, lambda e: e.xreplace({symbol: free, left_out.STEP: free}))
        down = start - end
        falls = start == nodes.T or (down.is_Integer and down > 1) or (product and end in (0, 1) and down.free_symbols)
        if falls or (product and down.free_symbols and self.guess("down", "the product counts down")):  # T, ..., 1
            return tree.OverTime(body, free, end, start, product, ordered=True)
        return tree.OverTime(body, free, start, end, product)
