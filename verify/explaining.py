"""A wrong claim -> the mistakes in it, the true formula and the special case, in the author's letters."""

from __future__ import annotations

from dataclasses import replace

from sympy import Transpose

from derive.derivation import Derivation
from derive.errors import InputError
from derive.nodes import Adjoint, Jacobian, Node
from derive.notation import AS_WRITTEN, Notation
from derive.targets.formula import latex
from verify.comparison import Bench
from verify.deciding import Decision
from verify.judgement import Judgement, Mistake


def explained(
    judgement: Judgement, decision: Decision, bench: Bench, derivation: Derivation, notation: Notation | None
) -> Judgement:
    """The judgement with what the dictionary of mistakes and the derivation say about it."""
    if decision.sides is None and decision.left is None:
        return judgement
    letters = notation.among(bench.program.quantities) if notation is not None else bench.cell.notation
    left = decision.sides.left if decision.sides is not None else decision.left
    assert left is not None
    correct = _derived(left, derivation)
    mistakes, when = judgement.mistakes, ""
    if decision.sides is None:
        mistakes = (Mistake("shapes do not fit", decision.reason.partition(": ")[2]),)
    try:
        if decision.sides is None:
            raise ValueError("only the derivation's own formula can be given")
        right = decision.sides.right
        from verify.diagnose import diagnose

        names = set(bench.cell.quantities)
        own = {q.name for side in (left, right) for q in _names(side)} <= names
        found = diagnose(left, right, bench.cell if own else bench.program, derivation)
        mistakes, when = found.mistakes, found.true_when
        correct = found.correct if found.correct is not None else correct
    except Exception:
        pass
    written = None
    if correct is not None:
        try:
            written = latex(correct, letters or AS_WRITTEN)
        except InputError:
            written = None
    return replace(judgement, mistakes=mistakes, correct=written, true_when=when)


def _names(node: Node) -> set[Node]:
    from derive.nodes import Quantity

    return set(node.atoms(Quantity))


def _derived(left: Node, derivation: Derivation) -> Node | None:
    """The derivation's own formula for the left side."""
    body = left.arg if isinstance(left, Transpose) else left
    derivation = derivation.summed_losses
    if isinstance(body, Adjoint) and not body.immediate and body.only is None:
        gradient = derivation.by_name.get(body.quantity.name)
        if gradient is None:
            return None
        time = body.quantity.time
        value = gradient.value
        from derive.nodes import t

        return value if time is None or time == t else value.xreplace({t: time})
    if isinstance(body, Jacobian) and body.of.time is not None and body.by.time is not None:
        from derive.bptt import jacobian
        from derive.nodes import t

        offset = body.of.time - t
        if (body.by.time - body.of.time) in (0, -1):
            try:
                found = jacobian(derivation, body.of.at(t), body.by.at(body.by.time - offset))
            except (KeyError, InputError):
                return None
            return None if found is None else found.xreplace({t: body.of.time})
    return None
