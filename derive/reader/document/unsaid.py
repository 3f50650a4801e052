"""What an equation leaves unsaid and is taken as most people mean it, each marked as a guess."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from derive.cell import Roles
from derive.notation import GREEK
from derive.patterns import regex
from derive.reader.meaning.tree import Add, Call, Constant, Divide, Multiply, SizeOf, Term, references, walk
from derive.reader.meaning.where import Declared
from derive.reader.questions.guesses import Guess
from derive.reader.resolving.document import Document
from derive.reader.sizes import contexts, kinds
from derive.reader.sizes.joining import COLUMN, MATRIX, ROW
from derive.reader.sizes.sizing import Assignment

_OPENING = regex(r"[(\[{|]|\\[lr]?[vV]ert")
_STAR = regex(r"\s*(?:\*|∗|\\ast(?![A-Za-z]))\s*")


def say_unsaid(
    assignments: Sequence[Assignment],
    found: kinds.Solution | None,
    roles: Roles,
    declared: Declared,
    document: Document,
) -> None:
    """Mark products without a sign, stars, arguments without brackets and the order of ⊙, the first of each kind."""
    if found is None:
        return
    known = kinds.Kinds([], {name: frozenset({kind}) for name, kind in found.kinds.items()}, frozenset(found.kinds))
    guesses = [guess for a in assignments for guess in (*_products(a.term, known), *_arguments(a.term, known))]
    first: dict[str, Guess] = {}
    for guess in guesses:
        first.setdefault(guess.why, guess)
    document.guesses.extend(first.values())
    document.guesses.extend(_spread(assignments, found.kinds, roles, declared))


def _kind(term: Term, known: kinds.Kinds) -> str:
    """The kind of a part, empty where it has several."""
    of = known.of(term)
    return next(iter(of)) if len(of) == 1 else ""


def _products(term: Term, known: kinds.Kinds) -> Iterator[Guess]:
    for part in walk(term):
        if not isinstance(part, Multiply):
            continue
        for left, right in pairwise(part.factors):
            pair = _kind(left, known), _kind(right, known)
            written = f"${_balanced(left.written + _between(left, right) + right.written)}$"
            if part.elementwise:
                if _is_run(left) and _kind(left.parts[0], known) == MATRIX and pair[0] in (COLUMN, ROW):
                    last = left.parts[-1].written
                    taken = f"${left.written}$ is multiplied before ⊙"
                    otherwise = f"${left.parts[0].written}$ acts on ${last} \\odot {right.written}$"
                    yield Guess(taken, otherwise, "a product without brackets stands before ⊙", left.place)
            elif pair in ((COLUMN, COLUMN), (ROW, ROW)):
                yield Guess(
                    f"{written} is taken entry by entry", "it is another product of two vectors",
                    "two vectors of one kind stand side by side", left.place,
                )  # fmt: skip
            elif part.signed and pair[0] == MATRIX and _STAR.fullmatch(_between(left, right)):
                yield Guess(
                    f"{written} is the matrix product", "the star is a convolution",
                    "a star stands between a matrix and what it acts on", left.place,
                )  # fmt: skip


def _balanced(text: str) -> str:
    """A product with the brackets that its first factor begins with, or its last one ends with."""
    opened, closed = text.count("("), text.count(")")
    return "(" * (closed - opened) + text + ")" * (opened - closed)


def _is_run(term: Term) -> bool:
    """Whether factors stand next to each other without signs and brackets."""
    return isinstance(term, Multiply) and not (term.elementwise or term.signed or term.bracketed)


def _between(left: Term, right: Term) -> str:
    one, other = left.span, right.span
    return "" if one is None or other is None else one.fragment.text[one.end : other.start]


def _arguments(term: Term, known: kinds.Kinds) -> Iterator[Guess]:
    """Functions of a product without brackets around it."""
    followed = {id(part) for each in walk(term) if isinstance(each, Add) for part in each.parts[:-1]}
    for part in walk(term):
        if not isinstance(part, Call) or len(part.arguments) != 1 or not _is_run(part.arguments[0]):
            continue
        (argument,) = part.arguments
        first = next((each for each in argument.parts if not isinstance(each, Constant | SizeOf)), argument.parts[0])
        if part.span is None or argument.span is None or part.span.fragment is not argument.span.fragment:
            continue  # what a function of the document's own is put in for
        name = part.span.fragment.text[part.span.start : argument.span.start]
        if _OPENING.search(name) or not name.strip():
            continue
        if id(part) in followed:
            otherwise = "of the whole sum"
        elif _kind(first, known) != MATRIX:
            otherwise = f"of ${first.written}$ alone"
        else:
            continue
        taken = f"${name.strip()}$ is of ${argument.written}$"
        yield Guess(taken, otherwise, "no brackets stand around its argument", part.place)


def _spread(
    assignments: Sequence[Assignment], found: Mapping[str, str], roles: Roles, declared: Declared
) -> Iterator[Guess]:
    """Parameters that could as well be one number for all entries: Greek ones in sums, any that divides."""
    terms = [part for a in assignments for part in walk(a.term)]
    factors = [part for each in terms if isinstance(each, Multiply) and each.elementwise for part in each.factors]
    alone = [{ref.name for ref in references(part)} for part in factors]
    entrywise = {name for names in alone if len(names) == 1 for name in names}
    where = contexts.contexts(a.term for a in assignments)
    below = {ref.name for each in terms if isinstance(each, Divide) for ref in references(each.below)}
    for name in roles.parameters:
        if name in declared.shapes or name in entrywise or found.get(name) not in (COLUMN, ROW):
            continue
        if where.get(name, set()) & (contexts.MULTIPLIED | {"stacked", "stacked left"}):
            continue
        if name.split("_")[0] in GREEK or name in below:
            latex = declared.vocabulary.letters.get(name, name)
            ref = next(ref for a in assignments for ref in references(a.term) if ref.name == name)
            yield Guess(
                f"${latex}$ is a vector", f"it is a number: add where ${latex} \\in \\mathbb{{R}}$",
                "what it is added to, or divides, is one", ref.place,
            )  # fmt: skip
