"""Functions that are flat but for jumps, told of beside questions: without a declared slope no gradient passes them."""

from __future__ import annotations

from collections.abc import Sequence

from derive import functions
from derive.cell import Roles
from derive.functions import ScalarFunction
from derive.reader.meaning.tree import Call, references, walk
from derive.reader.questions.guesses import Question
from derive.reader.resolving.document import Document
from derive.reader.sizes.sizing import Assignment


def tell_flat(assignments: Sequence[Assignment], roles: Roles, document: Document) -> None:
    """Propose a slope for every flat function of what is computed or learned; it is no question of its own."""
    made = {*roles.parameters, *roles.states, *(one.name for one in assignments)}
    seen: set[ScalarFunction] = set()
    for call in (part for one in assignments for part in walk(one.term) if isinstance(part, Call)):
        called = call.function
        if not isinstance(called, ScalarFunction) or called in seen or called.declared is not None:
            continue
        seen.add(called)
        flat = called.specified and len(call.arguments) == 1 and functions.slope(called) == 0
        if flat and any(ref.name in made for ref in references(call.arguments[0])):
            letter = called.name if len(called.name) == 1 else rf"\operatorname{{{called.name}}}"
            document.questions.append(
                Question(
                    (letter,), f"the slope of {called.name} is 0 wherever it has one, so that no gradient passes it",
                    (f"where ${letter}'(a) = \\max(0, 1 - |a|)$",), call.place, needed=False,
                )
            )  # fmt: skip
