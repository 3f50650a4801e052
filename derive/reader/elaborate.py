"""A note's equations and declarations -> Cell."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from derive.cell import Assumption, Cell, Equation, Roles, classify
from derive.errors import InputError, Place, ShapeError
from derive.nodes import t
from derive.notation import Notation, TimeStyle
from derive.reader import kinds
from derive.reader.fragment import Fragment
from derive.reader.infer import Inference
from derive.reader.meaning import Reading
from derive.reader.note import Declaration
from derive.reader.parser import parse
from derive.reader.restated import without_restatements
from derive.reader.shapes import Sizes
from derive.reader.sizing import Assignment, declare, in_order, name_sizes, refuse_collapse
from derive.reader.symbols import Symbol, identifier, letter, number_of, symbol, time_of
from derive.reader.syntax import Chain, Group, Run, Syntax
from derive.reader.terms import Ref, depth_exceeds, references
from derive.reader.times import at_step
from derive.reader.typed import Typed
from derive.reader.vocabulary import Vocabulary
from derive.reader.where import Declared

NESTED = 120
"""Levels of operations an equation may have."""
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
    said = [*formulas, *(fragment for declaration in declarations for fragment in declaration.formulas)]
    if not said:
        raise InputError("no equation found", Place("<equations>", 1, 1, 1), AN_EQUATION)
    try:
        declared = Declared(Vocabulary(), Sizes())
        for declaration in declarations:
            declared.read(declaration)
        chains = [*_chains(formulas, declared), *declared.equations]
        if not chains:
            raise InputError("no equation found", said[0].place(0), AN_EQUATION)
        return _cell(chains, declared, name, title, source)
    except RecursionError:
        longest = max(said, key=lambda fragment: len(fragment.text))
        raise longest.error("operations are nested too deeply to be read", 0, len(longest.text)) from None


def _cell(chains: Sequence[tuple[Fragment, Chain]], declared: Declared, name: str, title: str, source: str) -> Cell:
    vocabulary = declared.vocabulary
    for fragment, chain in chains:
        target = _target(chain.sides[0], fragment)
        vocabulary.quantities.add(target.name)
        vocabulary.functions.pop(target.name, None)
        for side in chain.sides[1:]:
            vocabulary.survey(side, fragment)
    assignments = at_step([read for fragment, chain in chains for read in _assignments(chain, fragment, vocabulary)])
    roles = _roles(assignments, declared)
    inference = Inference(declared.sizes)
    declare(assignments, roles, declared, inference)
    typed = {id(assignment): _typed(assignment, inference) for assignment in in_order(assignments)}
    declared.sizes.settle()
    refuse_collapse(assignments, roles, declared, inference)
    name_sizes(assignments, roles, declared, inference)
    equations = [_built(assignment, typed[id(assignment)], inference) for assignment in assignments]
    return Cell.of(
        without_restatements(equations),
        name=name,
        title=title,
        output=declared.output,
        constants=[n for n in (*declared.inputs, *declared.targets) if n in roles.parameters],
        targets=list(declared.targets),
        assumptions=[Assumption(kind, inference.quantity(n, 0)) for kind, n in declared.facts],
        source=source,
        notation=_notation(vocabulary),
        numbers=sorted(vocabulary.constants.items()),
    )


def _chains(formulas: Sequence[Fragment], declared: Declared) -> list[tuple[Fragment, Chain]]:
    """The equations of the displayed formulas; definitions without a time among them are declarations."""
    found = []
    for fragment in formulas:
        for row in parse(fragment):
            for part in row:
                if not isinstance(part, Chain):
                    raise fragment.error(
                        f"expected '=' after {fragment.text[part.start : part.end].strip()!r}", part.start, part.end,
                        "an equation reads h_t = ...",
                    )  # fmt: skip
                relations = [relation.type for relation in part.relations]
                if relations == ["IN"]:
                    declared.relation(part, [], fragment)
                    continue
                if set(relations) != {"EQ"}:
                    wrong = next(r for r in part.relations if r.type != "EQ")
                    raise fragment.error(f"expected '=', not {wrong.word!r}", wrong.start, wrong.end)
                if _is_definition(part, fragment):
                    declared.relation(part, [], fragment)
                else:
                    found.append((fragment, part))
    return found


def _is_definition(chain: Chain, fragment: Fragment) -> bool:
    """Whether this says what a function or a constant is: f(a) = ..., σ = ReLU, α = 0.1."""
    left, right = chain.sides[0], chain.sides[1]
    if len(chain.sides) > 2:
        return False
    named = symbol(left, fragment) if letter(left) is not None else None
    if named is not None:
        if named.offset is not None or number_of(right) is not None:
            return named.offset is None
        meant = symbol(right, fragment) if letter(right) is not None else None
        return meant is not None and meant.offset is None
    if not (isinstance(left, Run) and len(left.factors) == 2 and isinstance(left.factors[1], Group)):
        return False
    found = symbol(left.factors[0], fragment) if letter(left.factors[0]) is not None else None
    return found is not None and found.offset is None and time_of(left.factors[1]) is None


def _target(left: Syntax, fragment: Fragment) -> Symbol:
    """The quantity on the left of an equation, with its time; a list of arguments behind it says nothing."""
    factors = left.factors if isinstance(left, Run) else (left,)
    found = symbol(factors[0], fragment) if letter(factors[0]) is not None else None
    hint = "an equation of a cell reads h_t = ..."
    if found is None or found.transposed or found.power is not None or len(factors) > 2:
        raise fragment.error("the left side must be one quantity", left.start, left.end, hint)
    if len(factors) == 2:
        group = factors[1]
        offset = time_of(group) if isinstance(group, Group) else None
        if not isinstance(group, Group) or (found.offset is None) == (offset is None):
            raise fragment.error("the left side must be one quantity", left.start, left.end, hint)
        if offset is not None:
            found.offset, found.style = offset, TimeStyle.PARENTHESES
    if found.offset is None:
        raise fragment.error(
            f"{found.name} is assigned without a time index", left.start, left.end, f"write {found.latex}_t = ..."
        )
    return found


def _assignments(chain: Chain, fragment: Fragment, vocabulary: Vocabulary) -> Iterable[tuple[Assignment, int]]:
    """One assignment for each right side as it is written, with the time of its left side relative to t."""
    target = _target(chain.sides[0], fragment)
    vocabulary.letters.setdefault(target.name, target.latex)
    if target.style is not None:
        vocabulary.styles[target.style] += 1
    reading = Reading(fragment, vocabulary)
    for side in chain.sides[1:]:
        term = reading.term(side)
        if depth_exceeds(term, NESTED):
            raise fragment.error(f"operations are nested more than {NESTED} deep", side.start, side.end)
        yield Assignment(target.name, term, fragment, chain.start, side.end), target.offset or 0


def _roles(assignments: Sequence[Assignment], declared: Declared) -> Roles:
    """Inputs, states and parameters, and a complaint about what is neither assigned nor declared."""
    uses = [ref for assignment in assignments for ref in references(assignment.term)]
    assigned = list(dict.fromkeys(assignment.name for assignment in assignments))
    roles = classify(assigned, [(ref.name, ref.offset, ref.place) for ref in uses])
    known = {*assigned, *(ref.name for ref in uses), *declared.vocabulary.called}
    for name, place in declared.places.items():
        if name not in known and name in declared.vocabulary.sizes:
            raise InputError(
                f"{name} is a size: it stays a letter, and code takes its number from the arrays", place,
                "remove the line",
            )  # fmt: skip
        if name not in known:
            raise InputError(f"{name} is declared, but no equation has it", place, "remove the line, or use the letter")
    for name in (*declared.inputs, *declared.targets):
        if name in assigned:
            raise InputError(f"{name} is declared as given, but an equation assigns it", declared.places[name])
    if declared.output is not None and declared.output not in assigned:
        raise InputError(
            f"the output {declared.output} is not assigned by any equation", declared.places[declared.output]
        )
    if not (roles.inputs or roles.states or declared.inputs or declared.targets):
        first = assignments[0]
        raise InputError(
            f"nothing that {first.name}_t is computed from has a time index",
            first.fragment.place(first.start, first.end), "write x_t for an input and h_{t-1} for a state",
        )  # fmt: skip
    if len(roles.inputs) > 1:
        acted = kinds.acted_on([assignment.term for assignment in assignments], declared.shapes)
        for name in roles.inputs:
            if name not in acted and name not in {*declared.places}:
                ref = next(ref for ref in uses if ref.name == name)
                latex = declared.vocabulary.letters[name]
                raise InputError(
                    f"{name}_t is never assigned", ref.place,
                    f"add an equation for it, or declare it: input: ${latex}_t$",
                )  # fmt: skip
    return roles


def _typed(assignment: Assignment, inference: Inference) -> Typed:
    """The right side with its shape, which is that of the left side."""
    typed = inference.typed(assignment.term)
    if typed.number is None:
        rows, cols = inference.shapes[assignment.name]
        left = Typed(
            Ref(assignment.fragment, assignment.start, assignment.start, assignment.name, 0), rows, cols, lambda: t
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
    quantity = inference.quantity(assignment.name, 0)
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
