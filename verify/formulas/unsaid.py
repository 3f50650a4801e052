"""What a claim that holds took for granted: the order of a product, states held fixed, a letter of the other case."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from derive.errors import InputError
from derive.reader.claims.guesses import Guesses
from derive.reader.meaning import tree
from verify.formulas.deciding import Decision
from verify.formulas.readings.conventions import HELD, LATEST, Reading
from verify.formulas.readings.sides import built
from verify.truth.comparison import Answer

ONE_TERM = "true only as all terms but one of the sum over {index} are zero: perhaps another loss is meant there"


def unsaid(decision: Decision, guesses: Guesses) -> tuple[str, ...]:
    """The conventions that a claim which holds needed, and that its reading does not name."""
    question = decision.question
    if question is None or decision.sides is None:
        return ()
    reading = decision.sides.reading
    parts = [part for side in (question.left, question.right) for part in tree.walk(side)]
    values = {part.name for part in parts if isinstance(part, tree.Ref)}
    taken = (*guesses.assumed.items(), *guesses.layers.items())
    found = [*guesses.granted, *(words for name, words in taken if name in values)]
    products = [part for part in parts if isinstance(part, tree.OverTime) and part.product and not part.ordered]
    # Jacobians of neighbouring steps fit together in one order only.
    chosen = [part for part in products if not isinstance(part.body, tree.Derivative)]
    if chosen and reading.order == "latest" and not _holds(decision, replace(reading, order="earliest")):
        found.append(LATEST)
    steps = any(isinstance(p, tree.Derivative) and p.by.time is not None and not p.immediate for p in parts)
    several = len(question.bench.cell.states) > 1
    held = steps and several and reading.derivative in ("natural", "step", "use")
    if held and not _holds(decision, replace(reading, derivative="total")):
        found.append(HELD)
    return tuple(found)


def one_term_alone(left: tree.Term, right: tree.Term, carried: Collection[str]) -> str:
    """Why a claim that holds may mean another thing: all terms but one of a sum on one side are zero.

    In Σ_k ∂E_k/∂ŷ_t ∂ŷ_t/∂s_k ∂s_k/∂W the loss of step k reads nothing of ŷ_t; E_t is meant. `carried` is what acts on
    later steps.
    """
    here, there = (
        {part.index for part in tree.walk(side) if isinstance(part, tree.OverTime) and _of_one_term(part, carried)}
        for side in (left, right)
    )
    if bool(here) == bool(there):
        return ""
    return ONE_TERM.format(index=min(str(each).rstrip("'") for each in here | there))


def _of_one_term(total: tree.OverTime, carried: Collection[str]) -> bool:
    """Whether a sum has a loss of its step by a value of a fixed one, beside another factor of its step."""
    factors = total.body.factors if isinstance(total.body, tree.Multiply) and not total.product else ()

    def is_apart(part: tree.Term) -> bool:
        by = part.by if isinstance(part, tree.Gradient) and part.only == total.index else None
        return by is not None and by.time is not None and by.name not in carried and not by.time.has(total.index)

    rest = [part for part in factors if not is_apart(part)]
    return len(rest) < len(factors) and any(time.has(total.index) for part in rest for time in tree.times(part))


def _holds(decision: Decision, reading: Reading) -> bool:
    """Whether the claim holds in the same setting under another reading."""
    question, setting = decision.question, decision.setting
    if question is None or setting is None:
        return True
    try:
        sides = built(question.left, question.right, reading, question.bench, question.accumulated)
    except InputError:
        return False
    return any(setting.compare(each.left, each.right).answer is Answer.SAME for each in sides)
