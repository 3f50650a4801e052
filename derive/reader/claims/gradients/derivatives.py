"""Derivatives in a claim: ∂J/∂q in its spellings, ∂a/∂b, operators, bars behind them, and the letters of the loss."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace

from sympy import Expr, HadamardProduct, Integer, S

from derive import nodes
from derive.functions import ScalarFunction
from derive.nodes import Elementwise, Node, Quantity
from derive.reader.claims.arguments import argument_of
from derive.reader.claims.borders import borders
from derive.reader.claims.classes import row
from derive.reader.claims.gradients.by_entries import of_a_whole, pair
from derive.reader.claims.gradients.deltas import named_step
from derive.reader.claims.gradients.dependences import of_a_dependence
from derive.reader.claims.gradients.lost_signs import without_signs
from derive.reader.claims.gradients.named_parts import NamedParts
from derive.reader.claims.gradients.shares import share
from derive.reader.claims.guesses import Guess
from derive.reader.claims.meant import Habit
from derive.reader.claims.ranges import is_range, steps_between
from derive.reader.claims.stacking import between_stacked, of_matrices, opened
from derive.reader.meaning import tree
from derive.reader.meaning.letters import (
    TIME_LETTERS,
    Written,
    identifier,
    index,
    label,
    only,
    time_expression,
    with_own_time,
)
from derive.reader.meaning.slices import is_slice, sliced, without_slice
from derive.reader.meaning.tree import Gradient, Ref, Term
from derive.reader.meaning.vocabulary import bracket
from derive.reader.text import mapping, syntax
from derive.reader.text.syntax import Big, Dots, Group, Mark, Name, Product, Run, Scripted, Syntax, is_one

LOSSES = frozenset(["J", "E", "L", "C", "ell", "l", "Loss", "loss", "Cost", "cost"])
"""Letters that stand for the loss where no quantity has them."""
OF_A_STEP = frozenset(["ell", "l"])
"""Those that usually stand for the loss of one step, whatever else is minimised."""
_ABOVE, _UP_TO_BELOW = r"\\partial\s*\{?\s*", r"(?![A-Za-z])(?:\s*_\s*(?:\w|\{[^{}]*\}))?\s*\}+\s*\{\s*\\partial"
"""Around a letter in \\frac{\\partial y_t}{\\partial h_t}."""
COPY = "{letter} is the copy that its step uses"
DIFFERENTIALS = frozenset(["d", "delta", "partial"])
_ALONG = tree.index_clash(tree.index_clash(index("j")))  # no index of a product that a formula has


def evaluated(node: Syntax) -> Syntax | None:
    """What stands below a bar behind a derivative; None where this is no such bar."""
    if not isinstance(node, Scripted) or not (isinstance(node.base, Mark) and node.base.kind == "at"):
        return None
    return only(node.scripts[0].rows) if len(node.scripts) == 1 and node.scripts[0].kind == "sub" else None


def _factors(side: Syntax) -> list[Syntax]:
    r"""The factors of a side of a fraction, also within braces: {\partial E} \over {\partial p}, \partial{h_k(t)}."""
    if isinstance(side, Group) and side.bracket == "LBRACE" and (inner := only(side.rows)) is not None:
        return _factors(inner)
    return [one for factor in side.factors for one in _factors(factor)] if isinstance(side, Run) else [side]


def _ahead(steps: Mapping[str, Expr], value: Node) -> Expr | None:
    """By how much later steps quantities are multiplied entry by entry than in a value; None if in another way."""
    factors = [one for one in value.args if isinstance(one, Quantity)] if isinstance(value, HadamardProduct) else []
    read = {one.name: one.time for one in factors if one.time is not None}
    ahead = {steps[name] - time for name, time in read.items() if name in steps}
    alike = read.keys() == steps.keys() and len(read) == len(value.args) and len(ahead) == 1
    return ahead.pop() if alike else None


class Derivatives(NamedParts):
    """The part of a claim's reader that knows derivatives."""

    row: Expr | None = None
    """The row of the entry of a matrix by which something was differentiated before."""

    @abstractmethod
    def big(self, node: Big, body: Term | None = None) -> Term: ...

    @abstractmethod
    def with_step(self, found: Written, behind: Syntax | None) -> Written: ...

    def is_differential(self, node: Syntax) -> bool:
        """Whether this is the d or ∂ of a derivative."""
        found = self.letters.taken(node, self.fragment)
        if found is None or found.base not in DIFFERENTIALS or found.power is not None:
            return False
        free = found.base == "d" or found.base not in self.letters.known  # a fraction of d's is none of a letter d
        return found.base == "partial" or (free and not found.parts)

    def derivative_of(self, node: syntax.Fraction) -> Term | None:
        if isinstance(node.above, syntax.Sum) and len(node.above.terms) == 1:  # -∂L over ∂h
            ((sign, above),) = node.above.terms
            inner = self.derivative_of(replace(node, above=above))
            return None if inner is None else tree.Add(((sign, inner),))
        ups, downs = _factors(node.above), _factors(node.below)
        if self.is_differential(ups[0]) and len(downs) > 1 and self.is_differential(downs[0]):
            return self.derivative(ups[0], ups[1:], downs, node)
        if len(ups) == 2 and len(downs) == 1 and self._is_bare(ups[0], downs[0]):
            return self.derivative(ups[0], ups[1:], [ups[0], *downs], node)
        if len(ups) == 1 and isinstance(ups[0], Big) and ups[0].sign == "sum":  # Σ_i ∂J_i over ∂h_t
            summand = self.derivative_of(replace(node, above=ups[0].body))
            return None if summand is None else self.big(ups[0], summand)
        meant = f"∂ is meant in {self.written(node)}"
        lost = len(ups) == len(downs) == 1 and without_signs(self.letters, ups[0], downs[0], self.fragment)
        if lost and self.guess(f"∂ {self.written(node)}", meant, doubtful=True):
            partial = Name(node.start, node.start, "partial", r"\partial")
            return self.derivative(partial, ups, [partial, *downs], node)
        return None

    def _is_bare(self, sign: Syntax, below: Syntax) -> bool:
        """Whether a ∂ or d stands above the line and a letter of the cell below it, where it was left out: ∂L/W."""
        mark = self.letters.taken(sign, self.fragment)
        target = self.letters.taken(below, self.fragment)
        marked = self.is_differential(sign) and (mark is None or mark.base not in self.letters.known)
        if mark is None or mark.base not in ("partial", "d") or not marked or target is None:
            return False
        if target.base == mark.base or self.letters.resolve(target, self.fragment) is None:
            return False
        which = "∂" if mark.base == "partial" else "d"
        self.letters.guesses.granted[f"{which} is meant before {self.written(below)} too"] = None
        return True

    def derivative(self, sign: Syntax, above: list[Syntax], below: list[Syntax], node: Syntax) -> Term:
        """∂(above)/(below), which begins with its ∂."""
        if not above:
            raise self.unclear("∂ of nothing", node)
        if len(below) == 3 and is_slice(below[2]):
            return self.cut(self.derivative(sign, above, below[:2], node), below[2])
        if len(below) == 2 and (found := without_slice(below[1]))[1] is not None:
            whole = self.derivative(sign, above, [below[0], found[0]], node)
            return self.cut(whole, found[1], by=isinstance(whole, tree.Derivative | tree.Operated))
        if (dependence := of_a_dependence(self.letters, above, below[1:], self.fragment)) is not None:
            return dependence
        (inner, stacked), (target, turned) = opened(above), opened(below[1:])
        if stacked or turned:
            whole = self.derivative(sign, inner, [below[0], *target], node)
            order = self.letters.meant.stacking or tree.OPEN
            if (between := between_stacked(whole, order)) is None:
                raise self.unclear(f"the derivative {self.written(node)} is not read", node)
            return between
        if (share := self._share_of_a_step(above, below[1:])) is not None:
            return share
        immediate = self.immediate(sign, below[0])
        if not immediate and (copy := self._copy(below[1:])) is not None:
            return self.by_copy(copy, above, below[1], node)
        if (handed := self._from_the_step_after(above, below[1:])) is not None:
            return handed
        by, transposed = self.variable(below[1:], node)
        if by.at and not immediate and (copy := self._copy(above)) is not None and copy[0] == by:
            self.letters.guesses.granted[COPY.format(letter=self.written(above[0]))] = None
            return tree.Constant(Integer(1))  # ∂W_{ij}^{(k)}/∂W_{ij} of what is the same in all steps
        said = self.differentiated(self._of_its_argument(above, below[1:], by), by, immediate, node)
        if len(by.at) == 2:
            self.row = by.at[0]
        if isinstance(said, tree.Derivative) and said.by.at and not said.of.at:
            of_a_whole(self, below, node)
        said = of_matrices(said, self.letters)
        return tree.Transposed(said) if transposed else said

    def _from_the_step_after(self, above: list[Syntax], below: list[Syntax]) -> Term | None:
        """∂L/∂h_t^{next}, the part of the gradient by a state that comes back from the step after."""
        target = self.letters.taken(below[0], self.fragment) if len(below) == 1 else None
        of = self.letters.taken(above[0], self.fragment) if len(above) == 1 else None
        shares = [] if target is None else [one for one in target.parts if share(one[1], self.fragment) > 0]
        if target is None or of is None or self.loss(of) != (None,) or len(shares) != 1 or len(target.parts) < 2:
            return None
        bare = replace(target, parts=[one for one in target.parts if one not in shares])
        found = self.letters.resolve(bare, self.fragment)
        states = {state.name for state in self.letters.cell.states}
        if found is None or found.at or found.time is None or found.name not in states or target.transposed:
            return None
        return tree.Handed(Ref(found.name, found.time), False, True)

    def _share_of_a_step(self, above: list[Syntax], below: list[Syntax]) -> Term | None:
        """∂L/∂L_t, how often the loss of a step counts in that of all: 1, or 1/T where that is their mean."""
        sides = [self.letters.taken(side[0], self.fragment) if len(side) == 1 else None for side in (above, below)]
        (all_, one) = (None if side is None or side.power is not None else (side, self.loss(side)) for side in sides)
        if all_ is None or one is None or all_[1] != (None,) or one[1] in (None, (None,)):
            return None
        if all_[0].base not in LOSSES or self.letters.resolve(one[0], self.fragment, noted=False) is not None:
            return None
        defined = dict(self.letters.meant.losses).get(all_[0].base)
        return tree.Constant(S.One if defined is None else defined.factor)

    def _of_its_argument(self, above: list[Syntax], below: list[Syntax], by: Ref) -> list[Syntax]:
        """∂softmax/∂o_t as ∂softmax(o_t)/∂o_t: a function alone is of what it is differentiated by, at a step."""
        if len(above) != 1 or len(below) != 1 or by.time is None or by.at or not self.is_function(above[0]):
            return above
        (of,) = below
        return [*above, Group(of.start, of.end, "LPAR", ((of,),))]

    def by_copy(self, copy: tuple[Ref, Expr], above: list[Syntax], below: Syntax, node: Syntax) -> Term:
        """∂h_t/∂W^{(t)}, by the copy of a parameter that one step uses."""
        parameter, step = copy
        said = self.differentiated(above, parameter, False, node)
        if parameter.at:
            self.row = parameter.at[0]
        own = COPY.format(letter=self.written(below))
        if self.guess("copy", f"{self.written(below)} is the same in all steps"):
            self.letters.guesses.granted.pop(own, None)
            return said
        self.letters.guesses.granted[own] = None
        used = self._in_step(said, step) or self._since(said, step)
        if used is None:
            raise self.unclear(f"the derivative {self.written(node)} by the use of one step is not read", node)
        return used

    def _copy(self, below: list[Syntax]) -> tuple[Ref, Expr] | None:
        """The parameter and the step of W_t, W^{(t)}, W^{(t=2)} and W_{f_t}, the copy that one step uses of it."""
        target = self.letters.taken(below[0], self.fragment) if len(below) == 1 else None
        if target is None or not target.parts or target.power is not None or target.transposed:
            return None
        if target.parts[-1][0] == "sub" and (own := with_own_time(target.parts[-1][1])) is not None:
            labelled = replace(target, parts=[*target.parts[:-1], ("sub", own[0])])
            weight = self.letters.resolve(labelled, self.fragment)
            return None if weight is None or weight.time is not None or weight.at else (Ref(weight.name), own[1])
        step = time_expression(target.parts[-1][1], TIME_LETTERS | self.letters.timed_letters)
        layer = step is not None and step.is_Integer and not _is_equated(target.parts[-1][1])
        if step is None or layer or self.letters.resolve(target, self.fragment, noted=False) is not None:
            return None
        if self.letters.block(target, self.fragment) is not None:
            return None  # the columns of W that act on s
        found = self.letters.resolve(replace(target, parts=target.parts[:-1]), self.fragment)
        if found is None or found.time is not None or len(found.at) not in (0, 2):
            return None
        return Ref(found.name, None, found.at), step

    def _used(self, copy: tuple[Ref, Expr], loss: Expr | None, node: Syntax) -> Term:
        """The gradient by the copy of a parameter that one step uses."""
        self.letters.guesses.granted[COPY.format(letter=self.written(node))] = None
        return tree.Use(copy[0], loss, copy[1])

    def _raised(self, nabla: Written) -> Expr | None:
        """The step in ∇_W^t, what comes from the use of W there."""
        above = [part for kind, part in nabla.parts if kind == "sup"]
        return time_expression(above[0], TIME_LETTERS | self.letters.timed_letters) if len(above) == 1 else None

    def immediate(self, above: Syntax, below: Syntax) -> bool:
        """Whether a ∂⁺ stands above; any other script of a ∂ is not read."""
        mark = self.letters.taken(above, self.fragment)
        if mark is not None and (mark.primes or mark.transposed or len(mark.parts) > mark.stars):
            raise self.unclear(f"the scripts of {self.written(above)} are not read", above)
        if isinstance(below, syntax.Scripted):
            raise self.unclear(f"the scripts of {self.written(below)} are not read", below)
        return mark is not None and mark.stars > 0

    def variable(self, below: list[Syntax], node: Syntax) -> tuple[Ref, bool]:
        """What a derivative is taken by, and whether that is transposed."""
        if len(below) == 1 and isinstance(below[0], Group) and (inner := only(below[0].rows)) is not None:
            below = _factors(inner)  # ∂(tanh(c_t))
        if len(below) > 1 and (value := self._value(below)) is not None:
            return value, False
        if len(below) == 1 and isinstance(below[0], Dots) and (value := self._product(below[0])) is not None:
            return value, False
        target = self.letters.taken(below[0], self.fragment) if below else None
        behind = (self._step_behind(below[1]) or pair(below[1])) if len(below) == 2 else None
        if target is not None and behind is not None:
            target = replace(target, parts=[*target.parts, ("sub", behind)])
        elif len(below) != 1:
            target = None
        if target is None or target.power is not None:
            raise self.unclear(f"the derivative {self.written(node)} is not read", node)
        if isinstance(of_matrix := row(target, self.letters), Ref):
            return of_matrix, not target.transposed
        resolved = self.letters.resolve(target, self.fragment)
        if resolved is None and (block := self.letters.block(target, self.fragment)) is not None:
            return Ref(block[0], columns=block[1]), target.transposed
        resolved = resolved or argument_of(self.letters, target, self.fragment)
        if resolved is None:
            raise self.unclear(f"{self.written(below[0])} is not known in this cell", below[0])
        value = Ref(resolved.name, resolved.time, resolved.at)
        return self.compared(value) if self._is_above(target.base) else value, target.transposed

    def _is_above(self, letter: str) -> bool:
        """Whether the formula has a derivative of this letter, too, which is zero for a target."""
        return re.search(rf"{_ABOVE}{re.escape(letter)}{_UP_TO_BELOW}", self.fragment.text) is not None

    def _value(self, below: list[Syntax]) -> Ref | None:
        """tanh(c_t), where the cell has a name for it; else such a name is wanted."""
        if not self.is_function(below[0]):
            return None
        said = self.run(below)
        match said:
            case tree.Call(function=ScalarFunction() as function, arguments=(Ref(at=(), columns=None) as inner,)):
                pass
            case _:
                return None
        for equation in self.letters.program.equations:
            value = equation.expression
            operands = value.operands if isinstance(value, Elementwise) and value.function == function else ()
            if [getattr(operand, "name", "") for operand in operands] == [inner.name]:
                return Ref(equation.symbol.name, inner.time)
        if inner.time is not None:
            quantity = self.letters.cell.quantities.get(inner.name)
            if quantity is not None:
                self.letters.wanted[f"{function.name}_{inner.name}"] = Elementwise(function, quantity)
        return None

    def _product(self, below: Dots) -> Ref | None:
        """r_t ⊙ h_{t-1}, where the cell has a name for it; else such a name is wanted."""
        factors = [self.term(factor) for factor in below.factors]
        refs = [one for one in factors if isinstance(one, Ref) and one.time is not None and not one.at]
        if len(refs) != len(factors):
            return None
        steps = {one.name: one.time for one in refs if one.time is not None}
        for equation in self.letters.program.equations:
            ahead = _ahead(steps, equation.expression)
            if ahead is not None:
                return Ref(equation.symbol.name, nodes.t + ahead)
        parts = (part for e in self.letters.cell.equations for part in e.expression.atoms(HadamardProduct))
        for part in sorted(parts, key=str):
            if _ahead(steps, part) is not None:
                self.letters.wanted["by".join(sorted(steps))] = part
        return None

    @staticmethod
    def _step_behind(node: Syntax) -> Syntax | None:
        """The step of f(t) or f[t]."""
        inner = only(node.rows) if isinstance(node, Group) and node.bracket in ("LPAR", "LBRACK") else None
        return inner if time_expression(inner) is not None else None

    def differentiated(self, above: list[Syntax], by: Ref, immediate: bool, node: Syntax) -> Term:
        """∂(above)/∂b, of the loss, a quantity or an expression."""
        whole = self.letters.taken(above[0], self.fragment)
        if whole is not None and all(bracket(part)[0] is not None for part in above[1:]):
            whole = self.with_step(whole, above[1] if len(above) == 2 else None)
            loss = self.loss(whole)
            read = set(self._steps_in(above[1:])) if loss == (None,) else set()
            if read and (whole.base in OF_A_STEP or (len(read) == 1 and str(*read).isupper())):
                loss = (read.pop(),) if len(read) == 1 else None  # ∂ℓ(h_t)/∂h_t, ∂L(y_T)/∂W
            if loss is not None and loss[0] is not None and by.time is None and self.letters.meant.keeps(Habit.TERMS):
                return tree.Use(by, None, loss[0])
            if loss is not None and loss[0] is not None and by.time is None and self.letters.meant.keeps(Habit.OWN_USE):
                return tree.Use(by, loss[0], loss[0])
            if loss == (None,) and by.name in self.letters.meant.upstream and not (immediate or by.at):
                return tree.Handed(by, False, True)
            if loss is not None and self._from_the_next(loss[0], by, whole.base):
                return tree.Handed(by, False, True)
            if loss is not None:
                inside = self.argument_of(by.name) if by.name in self.letters.meant.inner and not by.at else []
                value = replace(by, name=inside[0]) if len(inside) == 1 else by
                gradient = Gradient(value, self.onward(loss[0], by, whole.base), immediate)
                if (part := self.of_labelled_loss(gradient, whole)) is not gradient:
                    return part
                return self._loss_along(gradient) or self.weighted(gradient, whole)
            if (steps := self._between(whole)) is not None:
                counted = index("j" if by.time is None or "j" not in map(str, by.time.free_symbols) else "i")
                return tree.OverTime(Gradient(by, counted, immediate), counted, *steps)
            called = len(above) > 1 and self._is_softmax(whole)
            of = self.letters.resolve(whole, self.fragment)
            of = of or (None if called else argument_of(self.letters, whole, self.fragment))
            if of is not None and whole.power is None:
                said = self._along(self.compared(Ref(of.name, of.time, of.at)), by, immediate)
                return tree.Transposed(said) if whole.transposed else said
        if len(above) == 1 and isinstance(above[0], Big) and above[0].sign == "sum":
            inner = self.letters.taken(above[0].body, self.fragment)
            loss = self.loss(inner) if inner is not None else None
            if loss is not None:
                return self.big(above[0], Gradient(by, loss[0], immediate))
        return tree.Operated(self.run(above), by, immediate)

    def _is_softmax(self, found: Written) -> bool:
        """Whether a letter stands for the softmax, so that f(v_i) is no quantity called f."""
        known = dict(self.letters.meant.softmaxes)
        return (
            bool(known)
            and identifier("_".join([found.base, *(label(p, self.fragment) for _, p in found.parts)])) in known
        )

    def _steps_in(self, brackets: list[Syntax]) -> list[Expr]:
        """The steps of what a loss is said to read, in the order written."""
        inside = [part for each in brackets for part in mapping.walk(each) if isinstance(part, Scripted)]
        found = (self.letters.taken(part, self.fragment) for part in inside)
        steps = (time_expression(script) for each in found if each is not None for _, script in each.parts)
        return [step for step in steps if step is not None]

    def _along(self, of: Ref, by: Ref, immediate: bool) -> Term:
        """∂of/∂by; over several steps, where the document means it so, along that state alone."""
        said = tree.Derivative(of, by, immediate)
        states = {state.name for state in self.letters.cell.states}
        same = of.name == by.name and of.name in states and not (of.at or by.at or immediate)
        if not self.letters.meant.keeps(Habit.ALONG) or not same or of.time is None or by.time is None:
            return said
        if (of.time - by.time).is_number:
            return said
        one = tree.Derivative(replace(of, time=_ALONG), replace(by, time=_ALONG - 1))
        return tree.OverTime(one, _ALONG, by.time + 1, of.time, product=True)

    def _loss_along(self, said: Gradient) -> Term | None:
        """∂L_t/∂c_k, where the document means it so, along c alone from c_t back to c_k; ∂L/∂c_k as well, of all."""
        by, loss = said.by, said.only
        if loss is None and self.letters.meant.keeps(Habit.HANDED) and by.time is not None:
            loss = None if (nodes.t - by.time).is_number else nodes.t
        several = len(self.letters.cell.states) > 1 and by.name in {state.name for state in self.letters.cell.states}
        if loss is None or by.time is None or by.at or said.immediate:
            return None
        if not (self.letters.meant.keeps(Habit.ALONG) and several):
            return None
        if (loss - by.time).is_number and not (loss - by.time).is_positive:
            return None
        one = tree.Derivative(replace(by, time=_ALONG), replace(by, time=_ALONG - 1))
        back = tree.OverTime(one, _ALONG, by.time + 1, loss, product=True)
        return tree.Multiply((replace(said, by=replace(by, time=loss)), back))

    def _between(self, found: Written) -> tuple[Expr, Expr] | None:
        """The first and the last step of the losses L_{t+1:T}."""
        if found.base not in LOSSES or len(found.parts) != 1 or found.primes or found.transposed:
            return None
        (_, part) = found.parts[0]
        return steps_between(self.fragment.text[part.start : part.end])

    def onward(self, step: Expr | None, by: Ref, loss: str) -> Expr | None:
        """The step of a loss; None for all, where its letter means those from that step on and `by` is no earlier."""
        later = step is not None and by.time is not None and (by.time - step).is_nonnegative
        return None if later and self._means_later(loss) else step

    def _means_later(self, loss: str) -> bool:
        """Whether a loss with a step means all from there on."""
        return self.letters.meant.keeps(Habit.ONWARD) or loss in self.letters.meant.onward

    def _from_the_next(self, step: Expr | None, by: Ref, loss: str) -> bool:
        """Whether this is ∂L_{t+1}/∂h_t, where L_{t+1} means all losses from there on: what step t is given for h."""
        states = {state.name for state in self.letters.cell.states}
        before = step is not None and by.time is not None and step - by.time == 1
        return before and by.name in states and not by.at and self._means_later(loss)

    def operator(self, node: Syntax, following: list[Syntax]) -> Term | None:
        """∂/∂b, or 1/∂b, applied to all that follows in the product; None where this is no such operator."""
        if not isinstance(node, syntax.Fraction):
            return None
        downs = list(node.below.factors) if isinstance(node.below, Run) else []
        if not downs and following and self._is_bare(node.above, node.below):
            downs = [node.above, node.below]
        if len(downs) < 2 or not self.is_differential(downs[0]):
            return None
        if is_one(node.above) and isinstance(downs[0], Mark):
            self.letters.guesses.granted[
                f"{self.written(node)} stands for the derivative by {self.written(downs[1])}"
            ] = None
        elif not self.is_differential(node.above):
            return None
        return self.operated(node.above, downs, following, node)

    def operator_of_all(self, node: Syntax) -> Term | None:
        """∂/∂b a ⊙ c as ∂/∂b of the whole product, whatever sign stands in it; None where it is of a alone."""
        signed = node.operators if isinstance(node, Product) else ()
        if not isinstance(node, Dots | Product) or any(o.kind != "TIMES" or o.negative for o in signed):
            return None
        first, *others = node.factors
        if not isinstance(first, Run) or not isinstance(first.factors[0], syntax.Fraction):
            return None
        kept = first.factors[1:]
        inner = kept[0] if len(kept) == 1 else replace(first, start=kept[0].start, factors=kept)
        body = replace(node, start=inner.start, factors=(inner, *others))
        if not self.is_differential(first.factors[0].above) or self._is_near(first.factors[0], inner):
            return None
        return self.operator(first.factors[0], [body])

    def _is_near(self, node: Syntax, reached: Syntax) -> bool:
        """Whether ∂/∂b is of what stands behind it alone, and not of all that it is multiplied by."""
        words = f"{self.written(node)} is of {self.written(reached)} alone"
        return self.letters.guesses.other(f"reach {node.start}", Guess(words, doubtful=True))

    def operated(self, sign: Syntax, below: list[Syntax], following: list[Syntax], node: Syntax) -> Term:
        """∂/(below), which begins with its ∂, of the product that follows, perhaps of what begins it alone."""
        immediate = self.immediate(sign, below[0])
        by, transposed = self.variable(below[1:], node)
        if not following:
            raise self.unclear(f"how far {self.written(node)} reaches is not plain; use brackets", node)
        near = 2 if len(following) > 1 and bracket(following[1])[0] is not None else 1
        several = len(following) > near
        if several and self._is_near(node, Syntax(following[0].start, following[near - 1].end)):
            rest = self.run(following[near:])
            following = following[:near]
        else:
            rest = None
        said = self.differentiated(following, by, immediate, node)
        said = tree.Transposed(said) if transposed else said
        return said if rest is None else tree.Multiply((said, rest))

    def cut(self, said: Term, part: Syntax, *, by: bool = False) -> Term:
        """Rows and columns of something, as in W_f[:, :n_a]; `by`: of a Jacobian those that belong to a part below."""
        group, scripts = bracket(part)
        if group is None:
            assert isinstance(part, Group)
            group = part
        found = sliced(said, group, borders(self.letters))
        if found is None or self._counts(found):
            raise self.unclear(f"the slice {self.written(part)} is not read: a border is no size of this cell", part)
        if by:
            if not (isinstance(found, tree.Slice) and found.alone):
                raise self.unclear(f"a Jacobian by the part {self.written(part)} is not read", part)
            found = replace(found, axis=1, alone=False)
        return self.scripted(found, scripts)

    def _counts(self, said: Term) -> bool:
        """Whether a border is a number, of a cell whose sizes are letters."""
        found = [part for part in tree.walk(said) if isinstance(part, tree.Slice)]
        numbers = any(
            end is not None and end.is_Integer and end > 0 for part in found for end in (part.start, part.end)
        )
        shapes = {size for quantity in self.letters.quantities.values() for size in quantity.shape}
        return numbers and not any(size.is_Integer and size > 1 for size in shapes)

    def used_at(self, said: Term, script: Syntax, node: Syntax) -> Term:
        """A derivative with a bar and a step behind it: of a parameter the part that its use in that step gives."""
        step = time_expression(named_step(script), TIME_LETTERS | self.letters.timed_letters)
        part = None if step is None else self._in_step(said, step)
        part = part or self.part_named(said, script)
        if part is None:
            raise self.unclear(f"what the bar {self.written(node)} says is not read", node)
        return part

    @staticmethod
    def _in_step(said: Term, step: Expr) -> Term | None:
        """The part of a derivative by a parameter that its use in one step gives; that of its own step as it is."""
        match said:
            case tree.Multiply(factors=(tree.Constant() as number, Gradient() as gradient)):
                used = Derivatives._in_step(gradient, step)
                return None if used is None else tree.Multiply((number, used))
            case Gradient(immediate=False) if not said.by.at and said.by.time == step:
                return said
            case Gradient(immediate=False) if not said.by.at and said.by.time is None and said.by.columns is None:
                return tree.Use(said.by, said.only, step)
            case Gradient(immediate=False, by=Ref(at=(row, *column), columns=None, time=None)):
                whole = tree.Use(replace(said.by, at=()), said.only, step)
                return tree.EntryOf(whole, row, column[0] if column else 0)
            case tree.Derivative(immediate=False) if said.by.time is None and said.of.time == step:
                return replace(said, immediate=True)
        return None

    def _since(self, said: Term, step: Expr) -> Term | None:
        """∂h_t/∂W_s of the only state h: what the use of W in step s brings to h_s, and that to h_t."""
        states = [state.name for state in self.letters.cell.states]
        if not isinstance(said, tree.Derivative) or [said.of.name] != states or said.of.at or said.by.time is not None:
            return None
        then = replace(said.of, time=step)
        return tree.Multiply((tree.Derivative(said.of, then), tree.Derivative(then, said.by, True)))

    def loss(self, found: Written) -> tuple[Expr | None] | None:
        """The step of the loss that this letter is (None for all steps), or None where it is no loss."""
        if found.primes or found.transposed or found.power is not None:
            return None
        output = self.letters.cell.output.name if self.letters.cell.is_loss else None
        if any(is_range(self.fragment.text[part.start : part.end]) for _, part in found.parts):
            return None  # of several steps
        resolved = self.letters.resolve(found, self.fragment, None, noted=False)
        if resolved is not None and resolved.name != output:
            # C is the loss beside a state c, C_t its state.
            if found.base in LOSSES and not found.parts and found.base not in self.letters.known:
                return (None,)
            return None
        if resolved is None and found.base not in LOSSES:
            return None
        steps = [time_expression(part) for _, part in found.parts]
        known = [step for step in steps if step is not None]
        defined = dict(self.letters.meant.losses).get(found.base)
        if not known and defined is not None:
            return (defined.step,)
        if not known and output is None:
            return (self.letters.whole,)  # of a read-out of the last step
        return (known[0] if known else None,)

    def weighted(self, gradient: Gradient, letter: Written) -> Term:
        """The gradient of a loss that the document defines as a multiple of the sum over the steps."""
        defined = dict(self.letters.meant.losses).get(letter.base)
        timed = any(time_expression(part) is not None for _, part in letter.parts)
        if defined is None or timed or defined.factor == 1:
            return gradient
        return tree.Multiply((tree.Constant(defined.factor), gradient))


def _is_equated(part: Syntax) -> bool:
    """Whether a step is said by an equation, t = 2."""
    inner = only(part.rows) if isinstance(part, Group) else part
    return isinstance(inner, syntax.Chain)
