"""∂f(h_{t-1}, x_t, θ)/∂θ, and ∂f/∂θ, of a function of which nothing is said but what it reads.

It is the derivative of the function's value by what this reads itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Expr

from derive import nodes
from derive.reader.claims.guesses import Guess
from derive.reader.claims.letters import Letters
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Ref, Term
from derive.reader.meaning.vocabulary import bracket
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Syntax

OF_ITS_STEP = "{function} without what it reads is that of step t"


def of_a_dependence(
    letters: Letters, above: Sequence[Syntax], below: Sequence[Syntax], fragment: Fragment
) -> Term | None:
    """∂(above)/∂(below) of such a function, with or without what it reads behind it; None of anything else."""
    found, by = (letters.taken(part[0], fragment) if part else None for part in (above, below))
    if found is None or by is None or len(above) > 2 or len(below) > 1:
        return None
    known = [each for each in letters.meant.dependences if each[0] == found.base]
    if len(known) != 1 or found.parts or found.power is not None or by.power is not None or by.transposed:
        return None
    function, name, reads = known[0]
    offsets = dict(reads)
    variable = letters.resolve(by, fragment, noted=False)
    if variable is None or variable.name not in offsets or variable.at:
        return None
    offset = offsets[variable.name]
    time = variable.time if by.parts and offset is not None else None
    if len(above) == 2:
        step = _step(letters, above[1], reads, fragment)
    elif offset is not None and time is not None:
        step = time - offset
    elif letters.guesses.other(f"step of {function}", Guess(OF_ITS_STEP.format(function=function), doubtful=True)):
        return None
    else:
        step = nodes.t
    if step is None:
        return None
    when = None if offset is None else step + offset
    return tree.Derivative(Ref(name, step), Ref(variable.name, when), True) if time in (None, when) else None


def _step(letters: Letters, behind: Syntax, reads: Sequence[tuple[str, int | None]], fragment: Fragment) -> Expr | None:
    """The step of f(h_{k-1}, x_k, θ), which reads what its equation says; None where this is something else."""
    group, scripts = bracket(behind)
    cells = [cell for row in group.rows for cell in row] if group is not None and not scripts else []
    if len(cells) != len(reads):
        return None
    steps: set[Expr] = set()
    for cell, (name, offset) in zip(cells, reads, strict=True):
        written = letters.taken(cell, fragment)
        resolved = None if written is None else letters.resolve(written, fragment)
        if resolved is None or resolved.name != name or resolved.at or (resolved.time is None) != (offset is None):
            return None
        if resolved.time is not None and offset is not None:
            steps.add(resolved.time - offset)
    return steps.pop() if len(steps) == 1 else None
