"""A wrong claim that is true when one thing in it is exchanged: a Jacobian turned, a gate and its complement.

Also one that counts only the direct path between two steps of a state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sympy import Integer, Symbol

from derive.calculus.derivation import Derivation
from derive.errors import InputError
from derive.nodes import Adjoint, Elementwise, Quantity, t
from derive.notation import AS_WRITTEN, Notation
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Term
from derive.targets.formula import latex
from verify.formulas import deciding, upside
from verify.formulas.judgement import Judgement, Mistake, Word
from verify.formulas.wrong import explaining

ONE = tree.Constant(Integer(1))


def the_other_way_up(
    judgement: Judgement,
    question: deciding.Question,
    reversed_: tuple[tree.Derivative, ...],
    notation: Notation | None,
) -> Judgement:
    """The judgement on a claim in which Jacobians stand upside down, with the true formula where turning them helps."""
    letters = notation or question.bench.cell.notation
    words = "; ".join(upside.in_words(part, question.bench.program, letters) for part in reversed_)
    turned = [upside.turned(side, reversed_) for side in (question.left, question.right)]
    decision = deciding.decide(replace(question, left=turned[0], right=turned[1]))
    correct = _written(decision, letters)
    return replace(judgement, mistakes=(Mistake("Jacobian upside down", words),), correct=correct or judgement.correct)


def otherwise(
    judgement: Judgement, question: deciding.Question, derivation: Derivation, notation: Notation | None
) -> Judgement | None:
    """The judgement on a claim that is true when a gate and its complement change places; None where none does."""
    letters = notation or question.bench.cell.notation
    if (direct := _direct(judgement, question, letters)) is not None:
        return direct
    if (argument := _of_argument(judgement, question, derivation, letters)) is not None:
        return argument
    for name in _gates(question):
        decision = deciding.decide(replace(question, right=_complement(question.right, name)))
        if decision.word in (Word.PROVED, Word.HOLDS_IF):
            gate = latex(question.bench.cell.quantities[name], letters or AS_WRITTEN)
            detail = f"${gate}$ and $1 - {gate}$ have changed places: ${gate}$ stands for $1 - {gate}$ of this cell"
            mistake = Mistake("gate and complement exchanged", detail)
            return replace(judgement, mistakes=(mistake,), correct=_written(decision, letters))
    return None


def _direct(judgement: Judgement, question: deciding.Question, letters: Notation | None) -> Judgement | None:
    """The judgement on ∂c_t/∂c_k where the right side is the path from c_k to c_t that meets no other state."""
    left, cell = question.left, question.bench.cell
    if not isinstance(left, tree.Derivative) or left.immediate or left.of.at or left.by.at or len(cell.states) < 2:
        return None
    of, by = left.of, left.by
    if of.name != by.name or of.time is None or by.time is None or of.time - by.time in (0, 1):
        return None
    if of.name not in {state.name for state in cell.states}:
        return None
    i = tree.index_clash(Symbol("i"))
    step = tree.Derivative(tree.Ref(of.name, i), tree.Ref(of.name, i - 1))
    path = tree.OverTime(step, i, by.time + 1, of.time, True)
    if deciding.decide(replace(question, left=path)).word not in (Word.PROVED, Word.HOLDS_IF):
        return None
    first, last = (latex(cell.quantities[of.name].at(time), letters or AS_WRITTEN) for time in (by.time, of.time))
    when = f"only the direct path from ${first}$ to ${last}$ counts, the other states being held fixed at every step"
    others = ", ".join(f"${latex(q.at(t), letters or AS_WRITTEN)}$" for q in cell.states if q.name != of.name)
    mistake = Mistake("only the direct path", f"${first}$ also reaches ${last}$ through {others}")
    return replace(judgement, mistakes=(mistake,), true_when=when)


def _of_argument(
    judgement: Judgement, question: deciding.Question, derivation: Derivation, letters: Notation | None
) -> Judgement | None:
    """The judgement on ∂J/∂o_t where the right side is the gradient of the argument of o_t, or the reverse."""
    left, program = question.left, question.bench.program
    if not isinstance(left, tree.Gradient) or left.by.at or left.by.time is None:
        return None
    gates = {
        equation.symbol.name: equation.expression.operands[0].name
        for equation in program.equations
        if isinstance(equation.expression, Elementwise) and isinstance(equation.expression.operands[0], Quantity)
    }
    name = left.by.name
    others = [gates[name]] if name in gates else [gate for gate, net in gates.items() if net == name]
    for other in others:
        by = replace(left.by, name=other)
        if deciding.decide(replace(question, left=replace(left, by=by))).word in (Word.PROVED, Word.HOLDS_IF):
            stated, meant = (
                latex(program.quantities[each].at(left.by.time), letters or AS_WRITTEN) for each in (name, other)
            )
            gate, slope = (stated, "does not belong here") if name in gates else (meant, "is missing")
            detail = (
                f"this is the gradient of ${meant}$, not of ${stated}$: the slope of ${gate}$ at its argument {slope}"
            )
            correct = explaining.derived(Adjoint(program.quantities[name].at(left.by.time)), derivation, letters)
            return replace(judgement, mistakes=(Mistake("gradient of the argument", detail),), correct=correct)
    return None


def _written(decision: deciding.Decision, letters: Notation | None) -> str | None:
    if decision.word not in (Word.PROVED, Word.HOLDS_IF) or decision.sides is None:
        return None
    try:
        return latex(explaining.plain_indices(decision.sides.left, decision.sides.right)[1], letters or AS_WRITTEN)
    except InputError:
        return None


def _gates(question: deciding.Question) -> Iterator[str]:
    """The sigmoid gates of which the right side has both themselves and their complement."""
    for equation in question.bench.cell.equations:
        expression = equation.expression
        if isinstance(expression, Elementwise) and expression.function.name == "sigmoid":
            name = equation.symbol.name
            parts = list(tree.walk(question.right))
            if any(_is_complement(part, name) for part in parts):
                yield name


def _is_complement(said: Term, gate: str) -> bool:
    if not isinstance(said, tree.Add) or len(said.terms) != 2:
        return False
    (plus, one), (minus, value) = said.terms
    return plus == 1 and minus == -1 and one == ONE and isinstance(value, tree.Ref) and value.name == gate


def _complement(said: Term, gate: str) -> Term:
    """The same with 1 - z for z and z for 1 - z."""
    if _is_complement(said, gate):
        assert isinstance(said, tree.Add)
        return said.terms[1][1]
    if isinstance(said, tree.Ref) and said.name == gate:
        return tree.Add(((1, ONE), (-1, said)))
    if isinstance(said, tree.Gradient | tree.Error | tree.Derivative | tree.Operated):
        return said
    return tree.rebuilt(said, lambda part: _complement(part, gate))
