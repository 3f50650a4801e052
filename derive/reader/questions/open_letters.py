"""The roles of letters and the output, and what the document leaves open: asked for, or marked as taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeGuard

from derive.cell import Roles, classify
from derive.errors import InputError
from derive.functions import ScalarFunction
from derive.notation import GREEK, said_at, timed
from derive.reader.document.outputs import candidates
from derive.reader.meaning.tree import Call, Multiply, Ref, Term, Transposed, references, walk
from derive.reader.meaning.where import Declared
from derive.reader.questions.asking import SHAPE
from derive.reader.questions.guesses import Guess, Question
from derive.reader.resolving.document import Document
from derive.reader.sizes import contexts, kinds
from derive.reader.sizes.joining import COLUMN, MATRIX, ROW, SCALAR
from derive.reader.sizes.sizing import Assignment

WEIGHTS = frozenset("wuvr")
"""First letters of weights; as small ones they may be matrices or numbers."""


def roles_of(assignments: Sequence[Assignment], declared: Declared, document: Document) -> Roles:
    """Inputs, states and parameters, and a complaint about what is neither assigned nor declared."""
    uses = [ref for assignment in assignments for ref in references(assignment.term)]
    assigned = list(dict.fromkeys(assignment.name for assignment in assignments))
    roles = classify(assigned, [(ref.name, ref.offset, ref.place) for ref in uses])
    known = {*assigned, *(ref.name for ref in uses), *declared.vocabulary.called, *declared.starts.values()}
    known |= document.counted
    for name, place in declared.places.items():
        if name not in known and name in declared.vocabulary.sizes:
            raise InputError(
                f"{name} is a size: it stays a letter, and code takes its number from the arrays", place,
                "remove the line",
            )  # fmt: skip
        if name not in known:
            raise InputError(f"{name} is declared, but no equation has it", place, "remove the line, or use the letter")
    calls = {part.function for one in assignments for part in walk(one.term) if isinstance(part, Call)}
    called = {f.name for f in calls if isinstance(f, ScalarFunction) and f.declared is not None}
    for name, slope in declared.slopes.items():
        if name not in called:
            raise InputError(f"the slope of {name} is declared, but no equation calls {name}", slope.place)
    for name in (*declared.inputs, *declared.targets):
        if name in assigned:
            raise InputError(f"{name} is declared as given, but an equation assigns it", declared.places[name])
    if declared.output is not None and declared.output not in assigned:
        raise InputError(
            f"the output {declared.output} is not assigned by any equation", declared.places[declared.output]
        )
    _ask_slips(assigned, uses, roles, declared, document)
    forgotten = _forgotten(uses, roles, declared, assignments, document)
    given = roles.inputs or declared.inputs or declared.targets
    if not (given or roles.states or forgotten):
        first = assignments[0]
        raise InputError(
            f"nothing that {said_at(first.name)} is computed from has a time index",
            first.fragment.place(first.start, first.end), "write x_t for an input and h_{t-1} for a state",
        )  # fmt: skip
    return roles


def _ask_slips(
    assigned: Sequence[str], uses: Sequence[Ref], roles: Roles, declared: Declared, document: Document
) -> None:
    """Ask whether c_{t_1} beside c_t is c_{t-1}."""
    for name in roles.parameters:
        base, _, behind = name.rpartition("_")
        if behind == "t1" and base in assigned and base not in roles.states and name not in declared.places:
            latex, letter = (declared.vocabulary.letters.get(one, one) for one in (name, base))
            document.questions.append(
                Question(
                    (latex,), f"{latex} stands beside {timed(letter)}: is it {timed(letter, 't-1')}?",
                    (f"write ${timed(letter, 't-1')}$ (or say what it is: where ${latex} \\in \\mathbb{{R}}^{{H}}$)",),
                    next(ref.place for ref in uses if ref.name == name),
                )
            )  # fmt: skip


def _forgotten(
    uses: Sequence[Ref], roles: Roles, declared: Declared, assignments: Sequence[Assignment], document: Document
) -> bool:
    """Ask for parameters that look like an input or a state without its t, where the cell would lack one."""
    where = contexts.contexts(assignment.term for assignment in assignments)
    acted_on = _acted_on(assignments)
    found = False
    given = roles.inputs or declared.inputs or declared.targets
    asked = {letter for question in document.questions for letter in question.letters}
    for name in roles.parameters:
        if name in declared.places or name not in acted_on or where[name] != {"right"}:
            continue
        if declared.vocabulary.letters[name] in asked:
            continue
        if given and contexts.capital(name):
            continue
        ref = next(ref for ref in uses if ref.name == name)
        latex = declared.vocabulary.letters[name]
        if not given or not roles.states or name == "x":
            found = True
            document.questions.append(
                Question(
                    (latex,),
                    f"{latex} has no time: is it the same at all steps, or is it {timed(latex)} "
                    f"or {timed(latex, 't-1')}",
                    (f"input: ${latex}$ (given once; or write ${timed(latex)}$ in the equation)",),
                    ref.place,
                )
            )
        else:
            document.guesses.append(
                Guess(
                    f"${latex}$ is a parameter", f"${timed(latex)}$ is given at every step", "it has no time", ref.place
                )
            )
    return found


def _acted_on(assignments: Sequence[Assignment]) -> frozenset[str]:
    """The letters left of which a letter of a matrix stands."""

    def acts(term: Term) -> bool:
        inner = term.body if isinstance(term, Transposed) else term
        return isinstance(inner, Ref) and inner.offset is None and contexts.capital(inner.name)

    products = (
        part
        for assignment in assignments
        for part in walk(assignment.term)
        if isinstance(part, Multiply) and not part.elementwise
    )
    pairs = (pair for product in products for pair in pairwise(product.factors))
    return frozenset(right.name for left, right in pairs if isinstance(right, Ref) and acts(left))


def output_of(
    assignments: Sequence[Assignment], roles: Roles, declared: Declared, document: Document, lines: Mapping[str, str]
) -> str | None:
    """The output, named or as the equations show it; a question where they leave a choice."""
    if declared.output is not None:
        return declared.output
    found = candidates(assignments, roles.states, lines)
    found = [name for name in found if name not in _unsplit(assignments, roles)] or found
    if len(found) > 1:
        letters = declared.vocabulary.letters
        last = next(a for a in reversed(assignments) if a.name == found[-1])
        names = " and ".join(timed(letters.get(name, name)) for name in found)
        document.questions.append(
            Question(
                tuple(letters.get(name, name) for name in found),
                f"nothing uses {names} in its step: which one is the output?",
                (f"output: ${timed(letters.get(found[-1], found[-1]))}$",),
                last.fragment.place(last.start, last.end),
                tuple(f"output: ${timed(letters.get(name, name))}$" for name in found),
            )
        )
    return found[0] if found else None


def _unsplit(assignments: Sequence[Assignment], roles: Roles) -> dict[str, list[str]]:
    """Values that nothing reads, with the letters that look like their parts: g_i, g_f and g_o of g."""
    read = {ref.name for a in assignments for ref in references(a.term)}
    parts = {
        a.name: [name for name in roles.inputs if name.rpartition("_")[0] == a.name]
        for a in assignments
        if a.name not in read
    }
    return {name: found for name, found in parts.items() if len(found) > 1}


def ask_shapes(
    found: kinds.Solution | None, assignments: Sequence[Assignment], roles: Roles, declared: Declared,
    document: Document,
) -> None:  # fmt: skip
    """Ask for the shapes that the equations leave open."""
    refs = {ref.name: ref for a in reversed(assignments) for ref in references(a.term)}
    weights = _weights(assignments, roles)
    rows = _rows(found, assignments, roles, declared) if found is not None else {}
    unusual = _unusual(found, roles, declared) if found is not None else []
    for name in dict.fromkeys((*found.open, *unusual, *rows)) if found is not None else ():
        latex = declared.vocabulary.letters.get(name, name)
        latex = latex if refs[name].offset is None else timed(latex)
        space = _space(name, found.possible.get(name, frozenset())) if found is not None else ""
        if name in unusual and contexts.capital(name):
            space = "\\mathbb{R}^{D}"
        space = rows.get(name, weights.get(name, space))
        if name in declared.vectors and "times" in space:
            space = f"\\mathbb{{R}}^{{1 \\times {'D' if 'D}' in space else 'H'}}}"
        document.questions.append(Question((latex,), SHAPE, (f"${latex} \\in {space}$",), refs[name].place))
    if found is not None:
        _ask_vectors(found, refs, roles, declared, document)


def _ask_vectors(
    found: kinds.Solution, refs: Mapping[str, Ref], roles: Roles, declared: Declared, document: Document
) -> None:
    """Ask what weights do that words call vectors, and that the products make matrices."""
    for name in roles.parameters:
        if name in declared.vectors and name not in declared.shapes and found.kinds.get(name) == MATRIX:
            latex = declared.vocabulary.letters.get(name, name)
            document.questions.append(
                Question(
                    (latex,), f"words call {latex} a vector: does it give a number, or act entry by entry?",
                    (f"where ${latex} \\in \\mathbb{{R}}^{{1 \\times H}}$   "
                     f"(entry by entry: ${latex} \\in \\mathbb{{R}}^{{H}}$)",), refs[name].place,
                )
            )  # fmt: skip


def _unusual(found: kinds.Solution, roles: Roles, declared: Declared) -> list[str]:
    """What nothing declares and the equations make more than it is called.

    Inputs that are matrices, small letters or all that a cell has; a length of time that is no number.
    """
    long = [n for n in roles.parameters if n == "dt" and n not in declared.shapes and found.kinds.get(n) != SCALAR]
    undeclared = [n for n in roles.inputs if n not in declared.shapes and found.kinds.get(n) == MATRIX]
    every = len(undeclared) == len(roles.inputs)
    inputs = [name for name in undeclared if every or not contexts.capital(name)]
    return [name for name in (*long, *inputs) if name not in found.open]


def _rows(found: kinds.Solution, assignments: Sequence[Assignment], roles: Roles, declared: Declared) -> dict[str, str]:
    """The spaces of inputs that are rows: K and V where K_t^⊤ V_t is added to a state, and Q in Q_t S_t.

    They are asked for where K would be a number or a matrix.
    """
    free = {name for name in roles.inputs if name not in declared.shapes}
    products = [p for one in assignments for p in walk(one.term) if isinstance(p, Multiply) and not p.elementwise]
    beside = [(left, right) for product in products for left, right in pairwise(product.factors)]
    spaces: dict[str, str] = {}
    for left, right in beside:
        if isinstance(left, Transposed) and isinstance(left.body, Ref) and isinstance(right, Ref):
            one, other = left.body.name, right.name
            if one in free and other in free and one != other and found.kinds[one] not in (COLUMN, ROW):
                spaces |= {one: "\\mathbb{R}^{1 \\times D}", other: "\\mathbb{R}^{1 \\times H}"}
    reading = [left.name for left, right in beside if isinstance(left, Ref) and _is_state(right, roles)]
    return spaces | {name: "\\mathbb{R}^{1 \\times D}" for name in reading if spaces and name in free}


def _is_state(term: Term, roles: Roles) -> bool:
    return isinstance(term, Ref) and term.name in roles.states


def _space(name: str, possible: frozenset[str]) -> str:
    """The space that a letter is in most often, of those that the equations allow."""
    if ROW in possible:
        return "\\mathbb{R}^{1 \\times D}"
    if not contexts.capital(name):
        return "\\mathbb{R}"
    return "\\mathbb{R}^{H \\times D}" if MATRIX in possible else "\\mathbb{R}^{H}"


def _weights(assignments: Sequence[Assignment], roles: Roles) -> dict[str, str]:
    """The spaces in which small letters of weights would be matrices, by what stands behind them: w_i x_t."""
    terms = [part for one in assignments for part in walk(one.term)]
    diagonals = [
        ref.name for part in terms if isinstance(part, Call) and part.function == "diag" for ref in references(part)
    ]
    found = {name: "\\mathbb{R}^{H}" for name in diagonals if name.partition("_")[0] not in GREEK}
    products = [part for part in terms if isinstance(part, Multiply)]
    entrywise = any(_starred(product) and all(map(_at_step, product.factors)) for product in products)
    for product in products:
        if _starred(product) and all(map(_at_step, product.factors)):
            found |= {ref.name: "\\mathbb{R}^{H}" for ref in references(product) if ref.name in roles.inputs}
        for left, right in pairwise(product.factors):
            if _is_weight(right, roles) and isinstance(left, Ref) and left.time is not None:
                found[right.name] = "\\mathbb{R}^{D \\times H}"
            if not _is_weight(left, roles):
                continue
            beside = (ref for ref in references(right) if ref.name in {*roles.inputs, *roles.states})
            if isinstance(right, Ref | Multiply) and (acted_on := list(beside)):
                size = "D" if all(ref.name in roles.inputs for ref in acted_on) else "H"
                found[left.name] = f"\\mathbb{{R}}^{{H \\times {size}}}"
                if entrywise and _starred(product):  # w * c_{t-1} beside f_t * c_{t-1}
                    found[left.name] = "\\mathbb{R}^{H}"
    return found


def _power(name: str, latex: str, assignments: Sequence[Assignment]) -> str:
    """The Greek letter above one that an equation assigns without it, as γ in r_t^γ; nothing for other letters."""
    base, _, above = name.rpartition("_")
    if above not in GREEK or f"^{{\\{above}}}" not in latex or all(one.name != base for one in assignments):
        return ""
    return f"\\{above}"


def _starred(product: Multiply) -> bool:
    """Whether a star stands between two factors of plain text, where people write it for products of entries."""
    left, right = (one.span for one in product.factors[:2])
    if len(product.factors) != 2 or left is None or right is None or not left.fragment.plain:
        return False
    return left.fragment.text[left.end : right.start].strip() == "*"


def _at_step(term: Term) -> bool:
    return isinstance(term, Ref) and term.time is not None


def _is_weight(term: Term, roles: Roles) -> TypeGuard[Ref]:
    return isinstance(term, Ref) and term.name in roles.parameters and term.name[0] in WEIGHTS


def say_inputs(assignments: Sequence[Assignment], roles: Roles, declared: Declared, document: Document) -> None:
    """Mark what is taken to be given because no equation assigns it."""
    if len(roles.inputs) < 2:
        return
    acted_on = _acted_on(assignments)
    letters = declared.vocabulary.letters
    parts: dict[str, str] = {}
    for whole, names in _unsplit(assignments, roles).items():
        if not declared.places.keys() & set(names):
            parts |= dict.fromkeys(names, whole)
            written = ", ".join(timed(letters.get(name, name)) for name in names)
            ref = next(ref for a in assignments for ref in references(a.term) if ref.name in names)
            document.questions.append(
                Question(
                    tuple(letters.get(name, name) for name in names),
                    f"{written} are never assigned, and nothing reads {timed(letters.get(whole, whole))}: "
                    "are they its parts?",
                    (f"$${written} = \\mathrm{{split}}({timed(letters.get(whole, whole))})$$",),
                    ref.place,
                )
            )
    for name in roles.inputs:
        if name in parts:
            continue
        ref = next(ref for a in assignments for ref in references(a.term) if ref.name == name)
        latex = letters.get(name, name)
        labelled = [state for state in roles.states if state.startswith(f"{name}_") and len(state) <= len(name) + 2]
        if len(labelled) > 1 and name not in declared.places:  # h_t beside the layers h_t^{(1)} and h_t^{(2)}
            which = ", ".join(f"${timed(letters.get(state, state))}$" for state in labelled)
            document.questions.append(
                Question(
                    (latex,),
                    f"{timed(latex)} is never assigned, only with labels",
                    (f"input: ${timed(latex)}$ (or write one of {which} in its place)",),
                    ref.place,
                )
            )
        elif name not in declared.places and (power := _power(name, latex, assignments)):
            document.questions.append(
                Question(
                    (latex,),
                    f"is {timed(latex)} a power, or a letter with a label?",
                    (f"where ${power} \\in \\mathbb{{R}}$   (or: input: ${timed(latex)}$)",),
                    ref.place,
                )
            )
        elif name not in declared.places and name not in acted_on:
            document.questions.append(
                Question(
                    (latex,),
                    f"{timed(latex)} is never assigned",
                    (f"input: ${timed(latex)}$",),
                    ref.place,
                    needed=False,
                )
            )
            document.guesses.append(
                Guess(
                    f"${timed(latex)}$ is an input",
                    f"an equation for ${timed(latex)}$ is missing",
                    "nothing assigns it",
                    ref.place,
                )
            )
