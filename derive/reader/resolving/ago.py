"""Values of a named number of steps ago: h_{t-d} with d = 2 as h_{t-2}, and a question where d is open."""

from __future__ import annotations

from collections.abc import Iterator

from derive.reader.meaning.letters import letter, only
from derive.reader.questions.guesses import Guess, Question
from derive.reader.resolving.clocks import CLOCKS
from derive.reader.resolving.document import Document
from derive.reader.resolving.indices import whole_numbers
from derive.reader.resolving.rewriting import bracketed, letters, scripts_of
from derive.reader.text.mapping import rewritten, walk
from derive.reader.text.syntax import Big, Chain, Group, Name, Number, Run, Script, Sum, Syntax

STEPS = frozenset({"t", *CLOCKS})
ASSUMED = "2"
"""What is read for a number that is asked for, so that all else can be asked for too."""


def resolve(document: Document) -> None:
    """Write the number for the letter; a letter that sums or products run over is left alone."""
    _one_step(document)
    timed = set()
    for _, part in document.displayed():
        for name, cell in _times(part):
            if isinstance(cell, Name):
                timed.add((name, cell.word))
            elif (back := _back(cell)) is not None and isinstance(back[1], Number):
                timed.add((name, back[0]))
    bound = {
        first.word
        for _, part in document.said()
        for node in walk(part)
        if isinstance(node, Big)
        for script in node.scripts
        if isinstance(first := _first(only(script.rows)), Name)
    }
    known = whole_numbers(document)
    asked: dict[str, Name] = {}
    backs: set[tuple[str, str]] = set()
    for fragment, part in document.displayed():
        for name, cell in _times(part):
            back = _back(cell)
            if back is None or not isinstance(back[1], Name) or (name, back[0]) not in timed or back[1].word in bound:
                continue
            backs.add((name, back[1].word))
            if back[1].word not in known and back[1].word not in asked:
                asked[back[1].word] = back[1]
                document.questions.append(
                    Question(
                        (back[1].latex,),
                        f"how many steps {back[1].latex} is in {fragment.text[cell.start : cell.end].strip()} is open",
                        (f"${back[1].latex} = 2$",),
                        fragment.place(cell.start, cell.end),
                    )
                )
    if not backs:
        return
    counted = {word for _, word in backs}

    def numbered(node: Syntax) -> Syntax | None:
        back = _back(node)
        if back is None or not isinstance(node, Sum) or not isinstance(back[1], Name) or back[1].word not in counted:
            return None
        number = Number(back[1].start, back[1].end, str(known.get(back[1].word, ASSUMED)))
        return Sum(node.start, node.end, (node.terms[0], (-1, number)))

    document.rewrite(numbered)
    document.counted |= counted


def _one_step(document: Document) -> None:
    """h(t + Δt) and h(t - dt) as the next step and the one before."""
    found: list[str] = []

    def counted(node: Syntax) -> Syntax | None:
        if isinstance(node, Sum) and len(node.terms) == 2:
            (sign, first), (direction, second) = node.terms
            steps = isinstance(first, Name) and first.word in STEPS and sign == 1
            if steps and _is_interval(second):
                found.append(" ".join(document.fragment.text[node.start : node.end].split()))
                return Sum(node.start, node.end, ((1, first), (direction, Number(second.start, second.end, "1"))))
        return None

    def change(node: Syntax) -> Syntax | None:
        if isinstance(node, Run):
            behind = {id(group) for _, group in bracketed(node) if only(group.rows) is not None}
            factors = tuple(rewritten(one, counted) if id(one) in behind else one for one in node.factors)
            return Run(node.start, node.end, tuple(rewritten(one, change) for one in factors))
        return rewritten(node, counted) if isinstance(node, Script) else None

    document.rewrite(change)
    for written in dict.fromkeys(found):
        taken = f"${written}$ is the next step" if "+" in written else f"${written}$ is the step before"
        document.guesses.append(Guess(taken, "a time between two steps", "steps are counted"))


def _is_interval(node: Syntax) -> bool:
    """Δt or dt."""
    if isinstance(node, Run):
        return [one.word if isinstance(one, Name) else "" for one in node.factors] == ["d", "t"]
    return isinstance(node, Name) and node.word in ("Delta_t", "dt")


def _times(part: Syntax) -> Iterator[tuple[str, Syntax]]:
    """What stands in the scripts of letters and in brackets behind them, with the letter."""
    for node in letters(part):
        base = letter(node)
        assert base is not None
        for script in scripts_of(node):
            for cell in (cell for row in script.rows for cell in row):
                inner = only(cell.rows) if isinstance(cell, Group) else cell
                if inner is not None:
                    yield base.word, inner
    for node, group in bracketed(part):
        base, inner = letter(node), only(group.rows)
        if base is not None and inner is not None:
            yield base.word, inner


def _back(cell: Syntax) -> tuple[str, Syntax] | None:
    """The letter of time and what is taken from it: t and d of t - d."""
    if not isinstance(cell, Sum) or len(cell.terms) != 2:
        return None
    (sign, first), (direction, second) = cell.terms
    if sign != 1 or not isinstance(first, Name) or first.word not in STEPS:
        return None
    if isinstance(second, Name):
        return (first.word, second) if direction == -1 and second.word != first.word else None
    return (first.word, second) if isinstance(second, Number) else None


def _first(cell: Syntax | None) -> Syntax | None:
    return cell.sides[0] if isinstance(cell, Chain) else cell
