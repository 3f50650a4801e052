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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from derive.cell import Assumption, Cell, Equation, Roles, classify
from derive.errors import InputError, Place, ShapeError
from derive.nodes import t
from derive.notation import Notation, TimeStyle
from derive.reader import resolving
from derive.reader.document.asking import SHAPE, ask
from derive.reader.document.delays import with_delays
from derive.reader.document.outputs import candidates
from derive.reader.document.reading import Reading, Remark
from derive.reader.document.restated import without_restatements
from derive.reader.document.rows import Columns
from derive.reader.document.times import at_step
from derive.reader.meaning import tree
from derive.reader.meaning.lefts import Left, left_side, unpacked
from derive.reader.meaning.quantities import Meaning
from derive.reader.meaning.symbols import identifier, letter, number_of, only, symbol, time_of
from derive.reader.meaning.tree import Multiply, Outer, Ref, Span, Term, Transposed, depth_exceeds, mapped, references
from derive.reader.meaning.vocabulary import Vocabulary
from derive.reader.meaning.where import Declared
from derive.reader.resolving.document import Document
from derive.reader.resolving.guesses import Guess, Question
from derive.reader.sizes import kinds
from derive.reader.sizes.infer import Inference
from derive.reader.sizes.shapes import ONE, Sizes
from derive.reader.sizes.sizing import Assignment, declare, fallback, in_order, name_sizes, refuse_collapse
from derive.reader.sizes.typed import Typed
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.note import Declaration
from derive.reader.text.syntax import Big, Chain, Group, Mark, Name, Run

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
    return reading(formulas, declarations, name=name, title=title, source=source).cell


def reading(
    formulas: Sequence[Fragment],
    declarations: Sequence[Declaration],
    *,
    name: str = "cell",
    title: str = "",
    source: str = "",
) -> Reading:
    """What formulas and declarations say; raises InputError or ShapeError with the place."""
    said = [*formulas, *(fragment for declaration in declarations for fragment in declaration.formulas)]
    if not said:
        raise InputError("no equation found", Place("<equations>", 1, 1, 1), AN_EQUATION)
    try:
        document = resolving.document(formulas, declarations)
        declared = Declared(Vocabulary(), Sizes(), assigned=_assigned(document))
        for declaration, read in document.declarations:
            declared.read(declaration, [(formula.fragment, formula.rows) for formula in read])
        chains = [*_chains(document, declared), *declared.equations]
        if not chains:
            raise InputError("no equation found", said[0].place(0), AN_EQUATION)
        found = _cell(chains, declared, document, name, title, source)
        remarks = [
            Remark(" ".join(f.text[p.start : p.end].split()), f.place(p.start, p.end)) for f, p in document.remarks
        ]
        return Reading(found, tuple(remarks))
    except RecursionError:
        longest = max(said, key=lambda fragment: len(fragment.text))
        raise longest.error("operations are nested too deeply to be read", 0, len(longest.text)) from None


def _cell(
    chains: Sequence[tuple[Fragment, Chain]], declared: Declared, document: Document, name: str, title: str, source: str
) -> Cell:
    vocabulary = declared.vocabulary
    lefts = [left_side(chain.sides[0], fragment) for fragment, chain in chains]
    for left, (fragment, chain) in zip(lefts, chains, strict=True):
        for target in left.symbols:
            vocabulary.quantities.add(target.name)
            vocabulary.functions.pop(target.name, None)
        for side in chain.sides[1:]:
            vocabulary.survey(side, fragment)
    read = [
        one
        for left, (fragment, chain) in zip(lefts, chains, strict=True)
        for one in _assignments(left, chain, fragment, vocabulary)
    ]
    assignments, lines = with_delays(at_step(_without_constants(read)))
    roles = _roles(assignments, declared, document)
    _without_batch(assignments, roles, declared, document)
    assignments, found = _solved(assignments, roles, declared, document)
    output = _output(assignments, roles, declared, document, lines)
    _ask_shapes(found, assignments, declared, document)
    _say_inputs(assignments, roles, declared, document)
    ask(document.questions)
    if found is not None and found.rows:
        assignments = _as_columns(assignments, found, declared, document)
    meant = found.kinds if found is not None else fallback(assignments, roles)
    inference = Inference(declared.sizes)
    declare(assignments, roles, declared, inference, meant)
    typed = {id(assignment): _typed(assignment, inference) for assignment in in_order(assignments)}
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
                f"{state}_0 is given, but {state} is no state", place, f"read {state}_{{t-1}} in an equation"
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


# Which formulas are equations


def _assigned(document: Document) -> set[str]:
    """The names that some equation gives a value at a step."""
    found = set()
    for fragment, part in document.displayed():
        left = part.sides[0] if isinstance(part, Chain) else part
        factor = left.factors[0] if isinstance(left, Run) else left
        named = symbol(factor, fragment) if letter(factor) is not None else None
        if named is not None and (named.offset is not None or isinstance(left, Run)):
            found.add(named.name)
    return found


def _chains(document: Document, declared: Declared) -> list[tuple[Fragment, Chain]]:
    """The equations of the displayed formulas; definitions without a time among them are declarations."""
    found, claims = [], []
    for fragment, part in document.displayed():
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
        elif _is_claim(part):
            claims.append((fragment, part))
        else:
            found.append((fragment, part))
    if not found:
        return claims
    document.remarks += claims
    return found


def _is_claim(chain: Chain) -> bool:
    """Whether this is about a derivative, or about the loss of a sequence: no equation of a step."""
    for node in walk(chain):
        if isinstance(node, Mark) and node.kind == "partial":
            return True
        if isinstance(node, Big):
            for script in node.scripts:
                cell_ = only(script.rows)
                first = cell_.sides[0] if isinstance(cell_, Chain) else cell_
                if script.kind == "sub" and isinstance(first, Name) and first.word == "t":
                    return True
    return False


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


# Equations as terms


def _assignments(
    left: Left, chain: Chain, fragment: Fragment, vocabulary: Vocabulary
) -> Iterator[tuple[Assignment, int | None]]:
    """One assignment for each right side as it is written, with the time of its left side relative to t."""
    for target in left.symbols:
        vocabulary.letters.setdefault(target.name, target.latex)
        if target.style is not None:
            vocabulary.styles[target.style] += 1
    meaning = Meaning(fragment, vocabulary)
    for side in chain.sides[1:]:
        for name, offset, term in unpacked(left, side, meaning):
            if depth_exceeds(term, NESTED):
                raise fragment.error(f"operations are nested more than {NESTED} deep", side.start, side.end)
            yield Assignment(name, term, fragment, chain.start, side.end), offset


def _without_constants(read: Iterable[tuple[Assignment, int | None]]) -> list[tuple[Assignment, int]]:
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
            f"{first.name} is assigned without a time index", first.start, first.end, f"write {first.name}_t = ..."
        )
    timed = {a.name for a, _ in steps}
    for name, one in constants.items():
        if name in timed:
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
                f"write {name}_t = ... if it is a value of a step",
            )  # fmt: skip
    return [(replace(a, term=put_in(a.term)), offset) for a, offset in steps] if constants else steps


def _solved(
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
        return read, kinds.solve([kinds.Given(a.name, a.term) for a in read], declared.shapes, given, roles.states)

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


def _without_batch(assignments: Sequence[Assignment], roles: Roles, declared: Declared, document: Document) -> None:
    """X_t ∈ ℝ^{n×d} and H_t ∈ ℝ^{n×h} as rows, where n counts the examples: no parameter has it."""
    timed = {*roles.inputs, *(assignment.name for assignment in assignments)}
    shapes = {name: shape for name, shape in declared.shapes.items() if name in timed and ONE not in shape}
    firsts = {declared.sizes.find(shape[0]) for shape in shapes.values()}
    sizes = {declared.sizes.find(d) for name, shape in declared.shapes.items() if name not in shapes for d in shape}
    if len(firsts) != 1 or firsts & sizes or not any(name in roles.inputs for name in shapes):
        return
    if firsts & {declared.sizes.find(shape[1]) for shape in shapes.values()}:
        return
    for name, shape in shapes.items():
        declared.shapes[name] = (ONE, shape[1])
    letter_ = declared.sizes.show(firsts.pop(), {})
    document.guesses.append(
        Guess(f"{letter_} counts the examples of a batch: each row is one", f"{letter_} is a size of the cell",
              "every value at a step has it first, and no parameter")
    )  # fmt: skip


# Roles, output, and what is open


def _roles(assignments: Sequence[Assignment], declared: Declared, document: Document) -> Roles:
    """Inputs, states and parameters, and a complaint about what is neither assigned nor declared."""
    uses = [ref for assignment in assignments for ref in references(assignment.term)]
    assigned = list(dict.fromkeys(assignment.name for assignment in assignments))
    roles = classify(assigned, [(ref.name, ref.offset, ref.place) for ref in uses])
    known = {*assigned, *(ref.name for ref in uses), *declared.vocabulary.called, *declared.starts.values()}
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
    forgotten = _forgotten(uses, roles, declared, assignments, document)
    given = roles.inputs or declared.inputs or declared.targets
    if not (given or roles.states or forgotten):
        first = assignments[0]
        raise InputError(
            f"nothing that {first.name}_t is computed from has a time index",
            first.fragment.place(first.start, first.end), "write x_t for an input and h_{t-1} for a state",
        )  # fmt: skip
    return roles


def _forgotten(
    uses: Sequence[Ref], roles: Roles, declared: Declared, assignments: Sequence[Assignment], document: Document
) -> bool:
    """Ask for parameters that look like an input or a state without its t, where the cell would lack one."""
    where = kinds.contexts(assignment.term for assignment in assignments)
    found = False
    given = roles.inputs or declared.inputs or declared.targets
    for name in roles.parameters:
        if (
            name in declared.places
            or kinds.capital(name)
            or not _acted_on(name, assignments)
            or where[name] != {"right"}
        ):
            continue
        ref = next(ref for ref in uses if ref.name == name)
        latex = declared.vocabulary.letters[name]
        if not given or not roles.states:
            found = True
            document.questions.append(
                Question(
                    (latex,),
                    f"{latex} has no time: is it the same at all steps, or is it {latex}_t or {latex}_{{t-1}}",
                    (f"input: ${latex}$ (given once; or write ${latex}_t in the equation)",),
                    ref.place,
                )
            )
        else:
            document.guesses.append(
                Guess(f"${latex}$ is a parameter", f"${latex}_t$ is given at every step", "it has no time", ref.place)
            )
    return found


def _acted_on(name: str, assignments: Sequence[Assignment]) -> bool:
    """Whether a letter of a matrix stands left of it."""

    def acts(term: Term) -> bool:
        inner = term.body if isinstance(term, Transposed) else term
        return isinstance(inner, Ref) and inner.offset is None and kinds.capital(inner.name)

    def visit(term: Term) -> bool:
        if isinstance(term, Multiply) and not term.elementwise:
            for left, right in zip(term.factors, term.factors[1:], strict=False):
                if isinstance(right, Ref) and right.name == name and acts(left):
                    return True
        return any(map(visit, term.parts))

    return any(visit(assignment.term) for assignment in assignments)


def _output(
    assignments: Sequence[Assignment], roles: Roles, declared: Declared, document: Document, lines: Mapping[str, str]
) -> str | None:
    """The output, named or as the equations show it; a question where they leave a choice."""
    if declared.output is not None:
        return declared.output
    found = candidates(assignments, roles.states, lines)
    if len(found) > 1:
        letters = declared.vocabulary.letters
        last = next(a for a in reversed(assignments) if a.name == found[-1])
        names = " and ".join(f"{letters.get(name, name)}_t" for name in found)
        document.questions.append(
            Question(
                tuple(letters.get(name, name) for name in found),
                f"nothing uses {names} in its step: which one is the output?",
                (f"output: ${letters.get(found[-1], found[-1])}_t$",),
                last.fragment.place(last.start, last.end),
            )
        )
    return found[0] if found else None


def _ask_shapes(
    found: kinds.Solution | None, assignments: Sequence[Assignment], declared: Declared, document: Document
) -> None:
    refs = {ref.name: ref for a in reversed(assignments) for ref in references(a.term)}
    for name in found.open if found is not None else ():
        latex = declared.vocabulary.letters.get(name, name) + ("" if refs[name].offset is None else "_t")
        space = "\\mathbb{R}^{H \\times D}" if kinds.capital(name) else "\\mathbb{R}"
        document.questions.append(Question((latex,), SHAPE, (f"${latex} \\in {space}$",), refs[name].place))


def _say_inputs(assignments: Sequence[Assignment], roles: Roles, declared: Declared, document: Document) -> None:
    """Mark what is taken to be given because no equation assigns it."""
    if len(roles.inputs) < 2:
        return
    for name in roles.inputs:
        if name not in declared.places and not _acted_on(name, assignments):
            ref = next(ref for a in assignments for ref in references(a.term) if ref.name == name)
            latex = declared.vocabulary.letters.get(name, name)
            document.questions.append(
                Question((latex,), f"{latex}_t is never assigned", (f"input: ${latex}_t$",), ref.place, needed=False)
            )
            document.guesses.append(
                Guess(
                    f"${latex}_t$ is an input",
                    f"an equation for ${latex}_t$ is missing",
                    "nothing assigns it",
                    ref.place,
                )
            )


def _as_columns(
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
        as_row = found.kinds[a.name] == kinds.ROW
        turned.append(replace(a, term=columns.flipped(a.term) if as_row else columns.kept(a.term)))
    for name, kind in found.kinds.items():
        if kind == kinds.ROW:
            found.kinds[name] = kinds.COLUMN
            if name in declared.shapes:
                declared.shapes[name] = (declared.shapes[name][1], ONE)
    return turned


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
