"""Equations -> assignments of terms at step t: constants put in, kinds found, ⊗, batches and rows made plain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from derive.cell import Roles
from derive.errors import InputError
from derive.notation import said_at
from derive.reader.document.rows import Columns
from derive.reader.meaning import tree
from derive.reader.meaning.lefts import Left, left_side, unpacked
from derive.reader.meaning.quantities import Meaning
from derive.reader.meaning.tree import (
    Call,
    Multiply,
    Outer,
    Power,
    Ref,
    Term,
    Transposed,
    depth_exceeds,
    mapped,
    references,
)
from derive.reader.meaning.vocabulary import Vocabulary
from derive.reader.meaning.where import Declared
from derive.reader.questions.exponentials import is_exp
from derive.reader.questions.guesses import Guess, Question
from derive.reader.resolving.document import Document
from derive.reader.sizes import kinds
from derive.reader.sizes.contexts import capital
from derive.reader.sizes.joining import COLUMN, ROW
from derive.reader.sizes.shapes import ONE
from derive.reader.sizes.sizing import Assignment
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Chain, Group, Syntax

NESTED = 120
"""Levels of operations an equation may have."""


def assignments_of(
    left: Left, chain: Chain, fragment: Fragment, vocabulary: Vocabulary
) -> Iterator[tuple[Assignment, int | None]]:
    """One assignment for each right side as it is written, with the time of its left side relative to t."""
    for target in left.symbols:
        vocabulary.letters.setdefault(target.name, target.latex)
        if target.style is not None:
            vocabulary.styles[target.style] += 1
    meaning = Meaning(fragment, vocabulary)
    for side in chain.sides[1:]:
        if side is not chain.sides[1] and (parts := parts_named(left, side, fragment)) is not None:
            for name, offset, term in unpacked(parts, chain.sides[0], meaning):
                yield Assignment(name, term, fragment, chain.start, side.end), offset
            continue
        for name, offset, term in unpacked(left, side, meaning):
            if depth_exceeds(term, NESTED):
                raise fragment.error(f"operations are nested more than {NESTED} deep", side.start, side.end)
            yield Assignment(name, term, fragment, chain.start, side.end), offset


def parts_named(left: Left, side: Syntax, fragment: Fragment) -> Left | None:
    """The quantities in whose list a value is split that has its equation before: a_t = W x_t + b = [i_t, f_t]."""
    if len(left.symbols) != 1 or not isinstance(side, Group) or sum(map(len, side.rows)) < 2:
        return None
    try:
        found = left_side(side, fragment)
    except InputError:
        return None
    return found if found.symbols[0].offset == left.symbols[0].offset else None


def with_diagonals(
    read: Iterable[tuple[Assignment, int | None]], declared: Declared, document: Document
) -> list[tuple[Assignment, int | None]]:
    """The equations with diag(a) for every matrix that words call diagonal, a being what is kept of it."""
    everything = list(read)
    assigned = {assignment.name for assignment, _ in everything}
    timeless = dict.fromkeys(ref.name for a, _ in everything for ref in references(a.term) if ref.offset is None)
    used = timeless.keys() & (declared.diagonal.keys() - assigned)
    letters = declared.vocabulary.letters
    for name in (timeless.keys() & declared.some_diagonal.keys()) - used - declared.shapes.keys():
        latex = letters.get(name, name)
        alike = [f"${letters.get(one, one)}$" for one in timeless if one[:3] == name[:3]]
        document.questions.append(
            Question(
                (latex,),
                f"words call matrices such as {latex} diagonal: which ones is open",
                (f"where {', '.join(alike)} are diagonal matrices",),
                declared.some_diagonal[name],
            )
        )

    def change(term: Term) -> Term | None:
        if isinstance(term, Call) and term.function == "diag":
            return term
        if is_exp(term) and any(ref.name in used for ref in references(term)):  # exp of a diagonal matrix
            return Call("diag", (term,), span=term.span)
        if isinstance(term, Power) and isinstance(term.base, Ref) and term.base.name in used:
            return Call("diag", (term,), span=term.span)
        return Call("diag", (term,), span=term.span) if isinstance(term, Ref) and term.name in used else None

    for name in sorted(used):
        latex = letters.get(name, name)
        taken, place = f"of ${latex}$ the entries on the diagonal are kept", declared.diagonal[name]
        document.guesses.append(Guess(taken, "it is a whole matrix", "words call it diagonal", place))
    return [(replace(a, term=mapped(a.term, change)), offset) for a, offset in everything] if used else everything


def without_constants(read: Iterable[tuple[Assignment, int | None]]) -> list[tuple[Assignment, int]]:
    """The equations of a step, with the values that have no time put in where they are used."""
    everything = list(read)
    constants = {assignment.name: assignment for assignment, offset in everything if offset is None}
    done: dict[str, Term] = {}

    def value(name: str, within: tuple[str, ...]) -> Term:
        if name in within:
            one = constants[name]
            raise one.fragment.error(f"{name} is defined by itself", one.start, one.end)
        if name not in done:
            done[name] = put_in(constants[name].term, (*within, name))
        return done[name]

    def put_in(term: Term, within: tuple[str, ...] = ()) -> Term:
        def change(part: Term) -> Term | None:
            constant = isinstance(part, Ref) and part.offset is None and part.name in constants
            return value(part.name, within) if isinstance(part, Ref) and constant else None

        return mapped(term, change)

    steps = [(a, offset) for a, offset in everything if offset is not None]
    if not steps:
        first = everything[0][0]
        raise first.fragment.error(
            f"{first.name} is assigned without a time index",
            first.start,
            first.end,
            f"write {said_at(first.name)} = ...",
        )
    timed = {a.name for a, _ in steps}
    for name, one in constants.items():
        if name in timed and any(ref.offset is not None for ref in references(one.term)):
            raise one.fragment.error(
                f"{name} is assigned both with and without a time index",
                one.start,
                one.end,
                "give one of them a name of its own",
            )
    used = {ref.name for a, _ in everything for ref in references(a.term) if ref.offset is None}
    for name, one in constants.items():
        if name not in used:
            raise one.fragment.error(
                f"{name} is assigned without a time index, and nothing uses it", one.start, one.end,
                f"write {said_at(name)} = ... if it is a value of a step",
            )  # fmt: skip
    return [(replace(a, term=put_in(a.term)), offset) for a, offset in steps] if constants else steps


def solved(
    assignments: Sequence[Assignment], roles: Roles, declared: Declared, document: Document
) -> tuple[list[Assignment], kinds.Solution | None]:
    """The kinds of all names; ⊗ is the outer product where that fits, else entry by entry."""

    def outer(term: Term) -> Term | None:
        if not isinstance(term, Outer):
            return None
        at = term.span
        return Multiply((mapped(term.left, outer), Transposed(mapped(term.right, outer), span=at)), False, span=at)

    def entrywise(term: Term) -> Term | None:
        if not isinstance(term, Outer):
            return None
        return Multiply((mapped(term.left, entrywise), mapped(term.right, entrywise)), True, span=term.span)

    given = [*roles.inputs, *declared.inputs, *declared.targets]

    def attempt(meant: Callable[[Term], Term | None]) -> tuple[list[Assignment], kinds.Solution | None]:
        read = [replace(a, term=mapped(a.term, meant)) for a in assignments]
        return read, kinds.solve(
            [kinds.Given(a.name, a.term) for a in read], declared.shapes, given, roles.states, declared.either
        )

    read, found = attempt(outer)
    if not any(isinstance(part, Outer) for a in assignments for part in tree.walk(a.term)):
        return read, found
    if found is None or kinds.unlikely(found, [kinds.Given(a.name, a.term) for a in read]):
        other, fitting = attempt(entrywise)
        if fitting is not None:
            guess = Guess("⊗ is taken entry by entry", "it is the outer product", "an outer product does not fit")
            document.guesses.append(guess)
            return other, fitting
    return read, found


def without_batch(assignments: Sequence[Assignment], roles: Roles, declared: Declared, document: Document) -> None:
    """X_t ∈ ℝ^{n×d} and H_t ∈ ℝ^{n×h} as rows, where n counts the examples: no parameter has it."""
    timed = {*roles.inputs, *(assignment.name for assignment in assignments)}
    shapes = {name: shape for name, shape in declared.shapes.items() if name in timed and ONE not in shape}
    firsts = {declared.sizes.find(shape[0]) for shape in shapes.values()}
    sizes = {declared.sizes.find(d) for name, shape in declared.shapes.items() if name not in shapes for d in shape}
    seconds = {declared.sizes.find(shape[1]) for shape in shapes.values()}
    if len(firsts) != 1 or firsts & (sizes | seconds):
        return
    small = seconds <= sizes and not any(map(capital, shapes))  # h_t ∈ ℝ^{n×h} beside W ∈ ℝ^{h×h} alone
    if not (small or any(name in roles.inputs for name in shapes)):
        return
    for name, shape in shapes.items():
        declared.shapes[name] = (ONE, shape[1])
    letter_ = declared.sizes.show(firsts.pop(), {})
    document.guesses.append(
        Guess(f"{letter_} counts the examples of a batch: each row is one", f"{letter_} is a size of the cell",
              "every value at a step has it first, and no parameter")
    )  # fmt: skip


def readouts_turned(assignments: Sequence[Assignment], found: kinds.Solution, document: Document) -> list[Assignment]:
    """The equations with readouts that are written as rows, o_t = q_t^T S_t, as columns."""
    turned = [a for a in assignments if found.kinds[a.name] == ROW]
    columns = Columns({name: kind for name, kind in found.kinds.items() if kind != ROW})
    for a in turned:
        found.kinds[a.name] = COLUMN
        document.guesses.append(
            Guess(
                f"{a.name} is written as a row and read as a column", "a transpose stands at the wrong place",
                "a row times a matrix is a row", a.fragment.place(a.start, a.end),
            )
        )  # fmt: skip
    return [replace(a, term=columns.flipped(a.term)) if a in turned else a for a in assignments]


def as_columns(
    assignments: Sequence[Assignment], found: kinds.Solution, declared: Declared, document: Document
) -> list[Assignment]:
    """The equations for columns, where vectors are written as rows."""
    columns = Columns(found.kinds)
    document.guesses.append(
        Guess(
            "vectors are rows: x W is read as W^⊤ x",
            "nothing else fits the products",
            "vectors stand left of the matrices",
        )
    )
    turned = []
    for a in assignments:
        as_row = found.kinds[a.name] == ROW
        turned.append(replace(a, term=columns.flipped(a.term) if as_row else columns.kept(a.term)))
    for name, kind in found.kinds.items():
        if kind == ROW:
            found.kinds[name] = COLUMN
            if name in declared.shapes and name not in declared.either:
                declared.shapes[name] = (declared.shapes[name][1], ONE)
    return turned
