"""What is wrong with a formula: the named mistakes that lead from the true one to it, and the true one.

1. terms of the true sum that are missing: the difference is compared with sums of the derivation's paths
2. one mistake taken back in the formula as it was written, the most plausible first
3. one mistake made in a form of the true formula
4. two mistakes: in different terms of the sum; one taken back and one made; one taken back after the other

Every candidate is tried at one random point (`verify.mistakes.judge`) and then decided exactly. The order and the
number of candidates are fixed, so that a formula has the same diagnosis on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Expr, MatAdd
from sympy import latex as printed

from derive.calculus.derivation import Derivation
from derive.nodes import Node, TimeProduct, TimeSum, children, coefficient
from derive.targets.formula import latex
from verify.formulas.judgement import Mistake
from verify.formulas.readings.conventions import POWER
from verify.formulas.wrong.special import true_when
from verify.mistakes.context import Context, context_of, names_in
from verify.mistakes.forms import Term, spoken
from verify.mistakes.judge import Judge, Purse
from verify.mistakes.letters import one_value
from verify.mistakes.mutate import MISTAKES
from verify.mistakes.places import quoted
from verify.mistakes.search import CANDIDATES, Finding, Part, Search
from verify.truth.comparison import Setting


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes (none where no explanation was found), the true formula, and the special case of a wrong one.

    `correct` keeps the author's form where the mistakes can be taken back in it; otherwise it is the derivation's.
    """

    mistakes: tuple[Mistake, ...]
    correct: Node | None
    true_when: str = ""


def diagnose(
    left: Node,
    right: Node,
    setting: Setting,
    derivation: Derivation,
    *,
    budget: int = CANDIDATES,
    purse: Purse | None = None,
) -> Diagnosis:
    """Explain why `left = right` is wrong, in the `setting` in which it was found to be.

    `budget` is the number of candidates that are tried for two mistakes; `purse` bounds the work of all of them.
    """
    context = context_of(derivation, left)
    judge = Judge(setting, left, purse or Purse())
    author = _Author(right, context)
    if not judge.opened(right):
        return Diagnosis((), None)
    stated = next((author.said(form) for form in context.forms if judge.proves(form)), None)
    if not _tractable(right):
        return Diagnosis((), stated)
    finding = Search(context, judge, budget).explained(right)
    if finding is None:
        return Diagnosis((), stated, true_when(left, right, setting))
    mistakes = tuple(author.told(part) for part in finding.parts)
    special = true_when(left, right, setting) or author.ignored(finding)
    correct = stated if finding.correct is None else author.said(finding.correct)
    return Diagnosis(mistakes, correct, special)


LARGEST, DEEPEST, WIDEST = 250, 20, 16
"""Parts, levels and factors of one product that a formula may have to be searched: true ones have a third of that."""


def _tractable(node: Node) -> bool:
    """Whether the search for mistakes ends soon: it tries every exchange at every place."""
    waiting, parts = [(node, 1)], 0
    while waiting:
        part, depth = waiting.pop()
        parts += 1
        wide = not isinstance(part, MatAdd) and len(part.args) > WIDEST
        if parts > LARGEST or depth > DEEPEST or wide:
            return False
        waiting += [(child, depth + 1) for child in children(part)]
    return True


@dataclass(frozen=True)
class _Author:
    """Speaks in the author's letters: without the names that the derivation introduced, unless they use them."""

    right: Node
    context: Context

    @property
    def derivation(self) -> Derivation:
        return self.context.derivation

    def said(self, node: Node) -> Node:
        """A formula in the names that the author knows."""
        cell = self.derivation.cell
        known = set(cell.quantities) | names_in(self.right)
        return node if names_in(node) <= known else spoken(node, self.derivation)

    def _letters(self, node: Node) -> str:
        return f"${latex(self.said(node), self.derivation.cell.notation)}$"

    def told(self, part: Part) -> Mistake:
        """A part of an explanation as a sentence."""
        if isinstance(part.what, Term):
            return Mistake(part.name, self._missing("term", part.what.node, part.what))
        wrong, true = quoted(self.said(part.wrong), self.said(part.true))
        kind = "term" if isinstance(part.true, MatAdd) or isinstance(part.wrong, MatAdd) else "factor"
        if wrong is None and true is not None:
            return Mistake(part.name, self._missing(kind, true, self._term(true)))
        if true is None and wrong is not None:
            return Mistake(part.name, f"{self._letters(wrong)} does not belong here")
        assert wrong is not None
        assert true is not None
        counted = _counted(wrong, true)
        if counted is not None:
            return Mistake(part.name, counted)
        detail = MISTAKES[part.name].detail.format(wrong=self._letters(wrong), true=self._letters(true))
        return Mistake(part.name, detail)

    def _term(self, node: Node) -> Term | None:
        return next((term for term in self.context.terms if self.said(term.node) == node), None)

    def _missing(self, kind: str, node: Node, term: Term | None) -> str:
        letters = self._letters(node)
        missing = f"missing term {letters}" if kind == "term" else f"missing factor {letters}"
        return ": ".join(filter(None, (missing, self._reason(term))))

    def _reason(self, term: Term | None) -> str:
        if term is None or term.of is None:
            return ""
        notation = self.derivation.cell.notation
        of = latex(term.of, notation)
        if term.via is None:
            return f"$J$ reads ${of}$ itself"
        via = self._visible(term.via)
        return f"${of}$ {'also reaches' if term.whole else 'reaches'} $J$ through ${latex(via, notation)}$"

    def _visible(self, quantity: Node) -> Node:
        """The quantity, or the first one with a name of the author's that it enters."""
        known = set(self.derivation.cell.quantities) | names_in(self.right)
        for _ in self.derivation.program.equations:
            if quantity.name in known:
                break
            later = [path.via for path in self.derivation.by_name[quantity.name].paths if path.via is not None]
            if not later:
                break
            quantity = later[0].at(quantity.time)
        return quantity

    def ignored(self, finding: Finding) -> str:
        """The special case that the missing paths make: they are cut."""
        paths = [part.what for part in finding.parts if isinstance(part.what, Term) and part.what.via is not None]
        if not paths or len(paths) < len(finding.parts):
            return ""
        through = dict.fromkeys(latex(self._visible(term.via), self.derivation.cell.notation) for term in paths)
        return "the paths through " + ", ".join(f"${via}$" for via in through) + " are ignored"


def _counted(wrong: Node, true: Node) -> str | None:
    """The sentence on two formulas that differ in a number in front, or in the bounds of a sum, alone."""
    (number, base), (other, true_base) = _split(wrong), _split(true)
    if base == true_base and number not in (other, -other):
        if other in (1, -1):
            if (alone := one_value(abs(number))) is not None:
                return f"the factor ${printed(number * other)}$ is 1 for ${alone[0]} = {alone[1]}$ alone"
            return f"the factor ${printed(number * other)}$ does not belong here"
        if number in (1, -1):
            return f"the factor ${printed(number * other)}$ is missing"
        return f"the factor ${printed(number)}$ should be ${printed(other)}$"
    same = isinstance(base, TimeSum) and type(base) is type(true_base) and base.args[:2] == true_base.args[:2]
    if number == other and same:
        if base.index == POWER:
            return f"the power ${printed(base.last)}$ should be ${printed(true_base.last)}$"
        kind = "product" if isinstance(base, TimeProduct) else "sum"
        one, two = (rf"${printed(s.index)} = {printed(s.first)}, \dots, {printed(s.last)}$" for s in (base, true_base))
        return f"the {kind} is taken over {one}; it should be over {two}"
    return None


def _split(node: Node) -> tuple[Expr, Node]:
    """A formula as a number in front and the rest, the number from under a Σ too."""
    number, base = coefficient(node)
    if isinstance(base, TimeSum) and not isinstance(base, TimeProduct):
        inner, term = _split(base.term)
        return number * inner, TimeSum(term, *base.args[1:])
    return number, base
