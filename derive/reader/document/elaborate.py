"""A document's equations and declarations -> what it says of a cell.

1. resolving: every letter, time and left side in one form
2. declarations: shapes, functions, constants, roles, facts
3. assignments: equations as terms at step t; constants put in, delay lines made
4. roles, kinds: what is given, carried, the same at all steps; number, vector or matrix
5. what is open is asked for, all in one message
6. sizes by unification, defaults last; nodes by the checked constructors
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace

from derive.cell import Assumption, Cell, Equation, Guess, Roles
from derive.errors import InputError, Place, ShapeError
from derive.nodes import t
from derive.notation import Notation, TimeStyle, said_at
from derive.reader import resolving
from derive.reader.document.assigning import (
    as_columns,
    assignments_of,
    parts_named,
    readouts_turned,
    solved,
    with_diagonals,
    without_batch,
    without_constants,
)
from derive.reader.document.delays import with_delays
from derive.reader.document.equations import assigned_in, equations_in, names_in
from derive.reader.document.legends import without_legends
from derive.reader.document.reading import Reading, Remark
from derive.reader.document.restated import without_restatements
from derive.reader.document.times import at_step
from derive.reader.document.unsaid import say_unsaid
from derive.reader.meaning.defined import with_numbers, with_slopes
from derive.reader.meaning.lefts import left_side
from derive.reader.meaning.letters import identifier
from derive.reader.meaning.tree import Ref, Span
from derive.reader.meaning.vocabulary import Vocabulary
from derive.reader.meaning.where import Declared
from derive.reader.questions.asking import ask
from derive.reader.questions.exponentials import ask_exponentials
from derive.reader.questions.flat import tell_flat
from derive.reader.questions.following import StillOpenError, followed
from derive.reader.questions.open_letters import ask_shapes, output_of, roles_of, say_inputs
from derive.reader.questions.powers import refuse_powers
from derive.reader.resolving.document import Document
from derive.reader.sizes.infer import Inference
from derive.reader.sizes.shapes import Sizes
from derive.reader.sizes.sizing import Assignment, declare, fallback, in_order, name_sizes, refuse_collapse
from derive.reader.sizes.typed import Typed
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import Declaration
from derive.reader.text.syntax import Chain

AN_EQUATION = "write at least one equation such as $$h_t = \\tanh(W x_t + U h_{t-1})$$"


def cell(
    formulas: Sequence[Fragment],
    declarations: Sequence[Declaration],
    *,
    name: str = "cell",
    title: str = "",
    source: str = "",
) -> Cell:
    """The cell that formulas and declarations say; raises InputError or ShapeError with the place."""
    return reading(formulas, declarations, name=name, title=title, source=source).cell


def reading(
    formulas: Sequence[Fragment],
    declarations: Sequence[Declaration],
    *,
    name: str = "cell",
    title: str = "",
    source: str = "",
    guesses: Sequence[Guess] = (),
) -> Reading:
    """What the formulas and declarations of a document say; raises InputError or ShapeError with the place."""
    formulas, declarations, words = without_legends(formulas, declarations)
    found = _reading(formulas, declarations, name, title, source, guesses)
    return replace(found, remarks=(*found.remarks, *words))


def _reading(
    formulas: Sequence[Fragment], declarations: Sequence[Declaration], name: str, title: str, source: str,
    guesses: Sequence[Guess], *, answered: bool = False,
) -> Reading:  # fmt: skip
    def again(more: Sequence[Declaration]) -> Reading:
        return _reading(formulas, [*declarations, *more], name, title, source, guesses, answered=True)

    said = [*formulas, *(fragment for declaration in declarations for fragment in declaration.formulas)]
    if not said:
        raise InputError("no equation found", Place("<equations>", 1, 1, 1), AN_EQUATION)
    try:
        document = resolving.document(formulas, declarations)
        document.guesses += guesses
        document.guesses += dict.fromkeys(guess for fragment in said for guess in fragment.assumed)
        declared = Declared(Vocabulary(), Sizes(), assigned=assigned_in(document), used=names_in(document))
        for declaration, read in document.declarations:
            declared.read(declaration, [(formula.fragment, formula.rows) for formula in read])
        document.remarks += declared.beside
        chains = [*equations_in(document, declared), *declared.equations]
        if not chains:
            raise InputError("no equation found", said[0].place(0), AN_EQUATION)
        found = _cell(chains, declared, document, name, title, source, None if answered else again)
        remarks = [
            Remark(" ".join(f.text[p.start : p.end].split()), f.place(p.start, p.end)) for f, p in document.remarks
        ]
        return Reading(found, tuple(remarks))
    except RecursionError:
        longest = max(said, key=lambda fragment: len(fragment.text))
        raise longest.error("operations are nested too deeply to be read", 0, len(longest.text)) from None


def _cell(
    chains: Sequence[tuple[Fragment, Chain]], declared: Declared, document: Document, name: str, title: str,
    source: str, again: Callable[[Sequence[Declaration]], Reading] | None,
) -> Cell:  # fmt: skip
    vocabulary = declared.vocabulary
    lefts = [left_side(chain.sides[0], fragment) for fragment, chain in chains]
    for left, (fragment, chain) in zip(lefts, chains, strict=True):
        for target in left.symbols:
            vocabulary.quantities.add(target.name)
            if target.offset is None:  # f may be a function beside a gate f_t
                vocabulary.functions.pop(target.name, None)
        for side in chain.sides[1:]:
            vocabulary.survey(side, fragment)
        for side in chain.sides[2:]:
            if (parts := parts_named(left, side, fragment)) is not None:
                vocabulary.quantities |= {one.name for one in parts.symbols}
    with_numbers(vocabulary, declared.written, frozenset({*declared.assigned, *declared.shapes}))
    document.guesses += with_slopes(vocabulary, declared.slopes, declared.written)
    read = [
        one
        for left, (fragment, chain) in zip(lefts, chains, strict=True)
        for one in assignments_of(left, chain, fragment, vocabulary)
    ]
    read = with_diagonals(read, declared, document)
    assignments, lines = with_delays(at_step(without_constants(read)), declared.inputs)
    roles = roles_of(assignments, declared, document)
    refuse_powers(assignments, roles, declared)
    without_batch(assignments, roles, declared, document)
    assignments, found = solved(assignments, roles, declared, document)
    output = output_of(assignments, roles, declared, document, lines)
    ask_shapes(found, assignments, roles, declared, document)
    ask_exponentials(assignments, found, roles, declared, document)
    say_inputs(assignments, roles, declared, document)
    say_unsaid(assignments, found, roles, declared, document)
    if any(question.needed for question in document.questions):
        tell_flat(assignments, roles, document)
        if again is None:
            raise StillOpenError(document.questions)
        ask(followed(document.questions, again))
    if found is not None and found.rows:
        assignments = as_columns(assignments, found, declared, document)
    elif found is not None:
        assignments = readouts_turned(assignments, found, document)
    meant = found.kinds if found is not None else fallback(assignments, roles)
    inference = Inference(declared.sizes)
    declare(assignments, roles, declared, inference, meant, rows_turned=found is not None and found.rows)
    typed = {id(assignment): _typed(assignment, inference) for assignment in in_order(assignments)}
    inference.even_splits()
    inference.ends_of_cuts()
    declared.sizes.settle()
    refuse_collapse(assignments, roles, declared, inference, meant)
    name_sizes(assignments, roles, declared, inference, output)
    equations = [_built(assignment, typed[id(assignment)], inference) for assignment in assignments]
    constant = [n for n in (*declared.inputs, *declared.targets) if n in roles.parameters]
    return Cell.of(
        without_restatements(equations, document.guesses),
        name=name,
        title=title,
        output=output,
        constants=constant,
        targets=list(declared.targets),
        assumptions=[Assumption(kind, inference.quantity(n, t)) for kind, n in declared.facts],
        source=source,
        notation=_notation(vocabulary),
        numbers=sorted(vocabulary.constants.items()),
        starts=_starts(declared, roles, inference),
        guesses=document.guesses,
    )


def _starts(declared: Declared, roles: Roles, inference: Inference) -> list[tuple[str, str]]:
    """The states that start from a parameter, h_0 = θ; raises InputError where that is no start of its own."""
    for state, start in declared.starts.items():
        place = declared.places[start]
        if state not in roles.states:
            raise InputError(
                f"{state}_0 is given, but {state} is no state", place, f"read {said_at(state, 't-1')} in an equation"
            )
        if start in inference.shapes:
            raise InputError(
                f"{state} starts from {start}, which the equations have too", place,
                f"give the start a letter of its own, or call forward with {state}",
            )  # fmt: skip
        if start in declared.shapes:
            clash = InputError(f"{start} has another shape than {state}, which starts from it", place)
            for ours, theirs in zip(declared.shapes[start], inference.shapes[state], strict=True):
                if inference.sizes.find(ours) != inference.sizes.find(theirs):
                    raise clash
    return list(declared.starts.items())


# Shapes and nodes


def _typed(assignment: Assignment, inference: Inference) -> Typed:
    """The right side with its shape, which is that of the left side."""
    typed = inference.typed(assignment.term)
    if typed.number is None:
        rows, cols = inference.shapes[assignment.name]
        left = Typed(
            Ref(assignment.name, t, span=Span(assignment.fragment, assignment.start, assignment.start)),
            rows,
            cols,
            lambda: t,
        )

        def failure() -> ShapeError:
            shape = inference.shape_text(left).strip()
            return ShapeError(
                f"{assignment.name}_t {shape} is assigned {inference.shape_text(typed)}",
                assignment.fragment.place(assignment.start, assignment.end),
            )

        inference.sizes.unify(rows, typed.rows, failure)
        inference.sizes.unify(cols, typed.cols, failure)
    return typed


def _built(assignment: Assignment, typed: Typed, inference: Inference) -> Equation:
    quantity = inference.quantity(assignment.name, t)
    place = assignment.fragment.place(assignment.start, assignment.end)
    try:
        if typed.number is not None:
            left = Typed(assignment.term, *inference.shapes[assignment.name], lambda: quantity)
            return Equation(quantity, inference.filled(typed.number, left), place)
        return Equation(quantity, typed.build(), place)
    except InputError as error:
        error.place = error.place or place
        raise


def _notation(vocabulary: Vocabulary) -> Notation:
    style = vocabulary.styles.most_common(1)
    return Notation("as written", tuple(vocabulary.letters.items()), style[0][0] if style else TimeStyle.SUBSCRIPT)


def slug(title: str) -> str:
    """A title as a Python identifier, `My cell (2)` as my_cell_2; empty if nothing is left of it."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    word = re.sub(r"[^a-z0-9]+", "_", ascii_only.lower()).strip("_")
    return identifier(f"cell_{word}" if word[:1].isdigit() else word)
