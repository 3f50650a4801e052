"""Powers of what may be a matrix: W^{-1} is no list of inverted entries unless W is declared a vector."""

from __future__ import annotations

from collections.abc import Sequence

from derive.cell import Roles
from derive.errors import InputError
from derive.reader.meaning.tree import Add, Identity, Multiply, Power, Ref, Term, walk
from derive.reader.meaning.where import Declared
from derive.reader.sizes.contexts import capital
from derive.reader.sizes.sizing import Assignment


def refuse_powers(assignments: Sequence[Assignment], roles: Roles, declared: Declared) -> None:
    """Raise InputError where a capital letter that nothing declares is inverted, a product with one last, or I + A."""
    for power in (part for one in assignments for part in walk(one.term) if isinstance(part, Power)):
        last = _last(power.base)
        parameter = isinstance(last, Ref) and last.name in roles.parameters and capital(last.name)
        known = {*declared.shapes, *declared.diagonal}
        unsaid = isinstance(last, Ref) and parameter and last.name not in known
        if not isinstance(last, Identity) and not (unsaid and (power.base is not last or power.exponent < 0)):
            continue
        hint = "give the result a letter of its own"
        if isinstance(last, Ref):
            latex = declared.vocabulary.letters.get(last.name, last.name)
            hint = (
                f"where ${latex} \\in \\mathbb{{R}}^{{H}}$ is a vector, or ${latex}$ is a diagonal matrix, say so; "
                "otherwise give the result a letter of its own"
            )
        raise InputError(
            "the inverse of a matrix cannot be read" if power.exponent < 0
            else "a power of what may be a matrix can mean two things",
            power.place,
            hint,
        )  # fmt: skip


def _last(base: Term) -> Term | None:
    """What makes a base a matrix: the last factor of a product, I in a sum, or a letter itself."""
    if isinstance(base, Add):
        return next((part for part in base.parts if isinstance(part, Identity)), None)
    if isinstance(base, Multiply):
        return None if base.elementwise else base.factors[-1]
    return base
