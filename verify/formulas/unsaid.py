"""What a claim that holds took for granted: the order of a product, states held fixed, a letter of the other case."""

from __future__ import annotations

from dataclasses import replace

from derive.errors import InputError
from derive.reader.claims.guesses import Guesses
from derive.reader.meaning import tree
from verify.formulas.deciding import Decision
from verify.formulas.readings.conventions import HELD, LATEST, Reading
from verify.formulas.readings.sides import built
from verify.truth.comparison import Answer


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
