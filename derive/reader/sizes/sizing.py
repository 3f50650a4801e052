"""Shapes for all names before and after inference: what is open, what collapsed, what the sizes are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from derive.cell import Roles
from derive.errors import ShapeError
from derive.functions import ScalarFunction
from derive.notation import timed
from derive.reader.meaning.tree import Call, Term, references, walk
from derive.reader.meaning.where import Declared
from derive.reader.sizes import contexts
from derive.reader.sizes.infer import Inference
from derive.reader.sizes.joining import COLUMN, MATRIX, ROW, SCALAR
from derive.reader.sizes.shapes import ONE
from derive.reader.text.fragment import Fragment


@dataclass(frozen=True)
class Assignment:
    """`name_t = term` as written, shifted to step t."""

    name: str
    term: Term
    fragment: Fragment
    start: int
    end: int


def in_order(assignments: Sequence[Assignment]) -> list[Assignment]:
    """Definitions before uses in the same step, so that a scalar is known as one when it multiplies."""
    open_ = Counter(assignment.name for assignment in assignments)
    missing = [
        {ref.name for ref in references(assignment.term) if ref.offset == 0 and ref.name in open_}
        for assignment in assignments
    ]
    readers: dict[str, list[int]] = {}
    for place, names in enumerate(missing):
        for name in names:
            readers.setdefault(name, []).append(place)
    ready = [place for place, names in enumerate(missing) if not names]
    ordered: list[int] = []
    while ready:
        ordered += ready
        open_.subtract(assignments[place].name for place in ready)
        known = {assignments[place].name for place in ready if not open_[assignments[place].name]}
        behind = {place for name in known for place in readers.get(name, ())}
        for place in behind:
            missing[place] -= known
        ready = sorted(place for place in behind if not missing[place])
    circular = sorted({*range(len(assignments))} - {*ordered})
    return [assignments[place] for place in (*ordered, *circular)]


def declare(
    assignments: Sequence[Assignment], roles: Roles, declared: Declared, inference: Inference,
    found: Mapping[str, str], *, rows_turned: bool = False,
) -> None:  # fmt: skip
    """Give every name the shape of its kind with sizes still open; a name without a kind is a column."""
    sizes = declared.sizes
    names = (*roles.inputs, *(a.name for a in assignments), *declared.inputs, *declared.targets, *roles.parameters)
    for name in dict.fromkeys(names):
        kind = found.get(name, COLUMN)
        rows = ONE if kind == SCALAR else sizes.fresh()
        cols = sizes.fresh() if kind == MATRIX else ONE
        if kind == ROW and name in roles.parameters and not rows_turned:  # a weight whose product is a number
            rows, cols = cols, rows
        inference.declare(name, *declared.shapes.get(name, (rows, cols)))
        if kind == MATRIX and name in roles.parameters and name not in declared.shapes:
            inference.wide += inference.shapes[name]
    for name in (*roles.states, *roles.inputs):
        if name not in declared.shapes and found.get(name) != SCALAR:
            inference.wide.append(inference.shapes[name][0])


def fallback(assignments: Sequence[Assignment], roles: Roles) -> dict[str, str]:
    """Kinds by where letters stand, for equations that no kinds satisfy: their sizes then say what clashes."""
    where = contexts.contexts(assignment.term for assignment in assignments)
    return {
        name: MATRIX if contexts.capital(name) and where.get(name, set()) & contexts.IN_A_PRODUCT else COLUMN
        for name in roles.parameters
    }


def refuse_collapse(
    assignments: Sequence[Assignment], roles: Roles, declared: Declared, inference: Inference, found: Mapping[str, str]
) -> None:
    """A state, input or matrix that the equations leave a single row or column is more often a slip than meant."""
    for ref in (ref for assignment in assignments for ref in references(assignment.term)):
        if ref.name in declared.shapes:
            continue
        collapsed = [inference.sizes.is_one(dim) for dim in inference.shapes[ref.name]]
        matrix = found.get(ref.name) == MATRIX
        carried = found.get(ref.name) != SCALAR and (
            ref.name in roles.states or (ref.name in roles.inputs and ref.name not in declared.places)
        )
        if (matrix and any(collapsed)) or (carried and all(collapsed)):
            rows, cols = (inference.sizes.show(dim, inference.names) for dim in inference.shapes[ref.name])
            latex = declared.vocabulary.letters[ref.name]
            latex = latex if ref.offset is None else timed(latex)
            raise ShapeError(
                f"the equations leave {latex} the shape {rows}×{cols}", ref.place,
                "is a transpose or a product wrong? If it is meant, declare it: "
                f"${latex} \\in \\mathbb{{R}}^{{{rows} \\times {cols}}}$",
            )  # fmt: skip


def name_sizes(
    assignments: Sequence[Assignment], roles: Roles, declared: Declared, inference: Inference, output: str | None = None
) -> None:
    """Letters for the sizes that the note leaves unnamed: D, H, then after their symbol."""
    sizes = declared.sizes
    assigned = list(dict.fromkeys(a.name for a in assignments))
    states = [name for name in assigned if name in roles.states]
    used = {part for shape in inference.shapes.values() for dim in shape for part in sizes.find(dim).variables}
    unused = {letter for letter, known in sizes.declared.items() if used.isdisjoint(sizes.find(known).variables)}
    called = (part.function for a in assignments for part in walk(a.term) if isinstance(part, Call))
    taken = {*map(str, sizes.letters.values()), *(one.name for one in called if isinstance(one, ScalarFunction))}
    preferred = [(output if output in states else _main_state(states, assignments, declared), "H")] if states else []
    preferred += [(name, "D") for name in roles.inputs[:1]]
    vectors = [name for name in roles.parameters if inference.shapes[name][1] == ONE]
    given = (*declared.inputs, *declared.targets)
    names = (*roles.inputs, *states, *assigned, *given, *vectors, *inference.shapes)
    for name, wanted in [*preferred, *((name, "") for name in names)]:
        for dim, prefix in zip(inference.shapes[name], "nm", strict=True):
            for variable in sizes.find(dim).variables:
                if variable in sizes.letters:
                    continue
                if wanted in unused:  # D = H, where nothing else says whose sizes these are
                    sizes.bound[variable] = sizes.find(sizes.declared[wanted])
                    continue
                chosen = wanted if wanted and wanted not in taken else f"{prefix}_{name}"
                while chosen in taken:
                    chosen += "_"
                sizes.letters[variable] = chosen
                taken.add(chosen)


def _main_state(states: Sequence[str], assignments: Sequence[Assignment], declared: Declared) -> str:
    """The state that is the output, where a state is: the one named, else the first that nothing in its step uses."""
    if declared.output in states:
        return str(declared.output)
    read = {ref.name for a in assignments for ref in references(a.term) if ref.offset == 0}
    unread = [a.name for a in assignments if a.name not in read]
    return unread[0] if unread and all(name in states for name in unread) else states[0]
