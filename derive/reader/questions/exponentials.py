"""exp of what may be a matrix, before what it multiplies: the exponential of a matrix is not that of its entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from derive.cell import Roles
from derive.errors import InputError
from derive.reader.meaning.tree import Call, Multiply, Ref, Term, references, walk
from derive.reader.meaning.walk import entry
from derive.reader.meaning.where import Declared
from derive.reader.questions.asking import SHAPE
from derive.reader.questions.guesses import Question
from derive.reader.resolving.document import Document
from derive.reader.sizes.joining import MATRIX, SCALAR
from derive.reader.sizes.kinds import Kinds, Solution
from derive.reader.sizes.sizing import Assignment


def ask_exponentials(
    assignments: Sequence[Assignment], found: Solution | None, roles: Roles, declared: Declared, document: Document
) -> None:
    """Ask for the letters in exp(A) h that nothing declares; raises InputError where A is declared a matrix."""
    if found is None:
        return
    known = Kinds([], {name: frozenset({kind}) for name, kind in found.kinds.items()}, frozenset(found.kinds))
    given = {one.name: one.term for one in assignments if is_exp(one.term)}
    for assignment in assignments:
        for called in _factors(assignment.term, known, given):
            inside = [ref for part in called.arguments for ref in references(part)]
            matrices = [ref for ref in inside if found.kinds.get(ref.name) == MATRIX]
            unsaid = [ref for ref in matrices if ref.name in roles.parameters and ref.name not in declared.shapes]
            if not unsaid:
                raise InputError(
                    "the exponential of a matrix cannot be read", called.place,
                    "for a diagonal matrix write the vector on its diagonal: \\exp(a) \\odot h_{t-1}; "
                    "a matrix that is the same at all steps can be a letter of its own",
                )  # fmt: skip
            for ref in unsaid:
                latex = declared.vocabulary.letters.get(ref.name, ref.name)
                document.questions.append(
                    Question((latex,), SHAPE, (f"${latex} \\in \\mathbb{{R}}^{{H}}$",), ref.place)
                )


def is_exp(term: Term) -> bool:
    """Whether this is exp of something."""
    return isinstance(term, Call) and term.function == entry("exp")


def _factors(term: Term, known: Kinds, given: dict[str, Term]) -> Iterator[Call]:
    """The exponentials of matrices that stand beside another factor that is no number."""
    for part in walk(term):
        if not isinstance(part, Multiply) or part.elementwise:
            continue
        shaped = [one for one in part.factors if not known.of(one) <= {SCALAR, "number"}]
        if len(shaped) < 2:
            continue
        for one in shaped:
            called = given.get(one.name) if isinstance(one, Ref) else one
            if isinstance(called, Call) and is_exp(called) and known.of(called) == {MATRIX}:
                yield called
