"""The cell that equations of a document make, and what they leave open."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from derive import nodes
from derive.cell import Cell
from derive.errors import InputError, Place, ShapesOpenError
from derive.notation import GREEK, spelled
from derive.patterns import regex
from derive.reader.claims.meant import Loss, Meant
from derive.reader.document.elaborate import cell as elaborated
from derive.reader.models.aliases import aliases, carried, shorthands, slips, with_aliases, with_carried, without_slips
from derive.reader.models.choice import Choice, Refused, nearest, without_later_losses
from derive.reader.models.commuting import acting_in, commuting, divided, turned_before, valued
from derive.reader.models.declaring import ACCENTED, declarations, declared_name, said_shapes, text_of, within
from derive.reader.models.dependences import OPEN, gating, moves, some_function
from derive.reader.models.equations.equation import INPUTS, LOSSES, TRANSPOSES, Equation
from derive.reader.models.equations.filters import PLAINER, as_said, plainer, without_layout, without_shadowed
from derive.reader.models.equations.gradients import derived_elsewhere
from derive.reader.models.equations.losses import example_of
from derive.reader.models.equations.names import counted_in, letter_name, stripped
from derive.reader.models.equations.remarks import has_small
from derive.reader.models.equations.together.norms import with_norms
from derive.reader.models.gaps import fill_gaps, without_same_losses
from derive.reader.models.holes import find_holes, give, holes_of, is_made_of_data, leave_open, of_others, set_aside
from derive.reader.models.model import Lost, Model
from derive.reader.models.written import Written
from derive.reader.text.usual import length_of

LATER = "{name} is as in line {line}, which stands behind what is said of it here; line {general} leaves it open"
NUMBER = "{letter} is a number, which the note does not say"
NUMBERS = "the letters are numbers, as {one} and {other} are multiplied in either order"
SMALL = "the letters are numbers, as all weights are small letters"
DIVIDED = "the letters are numbers, as line {line} divides by a number with {letter} in it"
VALUED = "the letters are numbers, as line {line} gives one"
TURNED = "capital letters are square matrices and small ones numbers, as a transpose before another letter shows"
SAID_SMALL = "the letters are numbers, as the words of the note say"
OF_TWO = "{name} is {entry} alone, though {other} has an equation of its own"
FIRST_OF_TWO = "{name} is the first of the values that line {line} gives it"
GUARDED = "logarithms are read without the small number that keeps them finite"
GUARDED_OFTEN = "logarithms are read without the small number that keeps them finite, which other formulas may have"
FROM_ZERO = "steps are counted from 0, as the loss sums them, so that T - 1 is the last one"
HARMLESS = frozenset([SMALL, TURNED, GUARDED, FROM_ZERO])
"""Guesses that make nothing wrong: that all sizes are 1, or a small number 0, in what is said of any; that something
is a number of which no derivative speaks; how the loss of the document itself counts.
"""
SLIPPED = "{letter} stands for {other}, in which alone its equation differs from a part of another"
CARRIED = "what reads {value} is meant to read {state}, which is the same and which alone is spoken of"
NO_EQUATION = "the note has no equation for {names}"
NO_EQUATIONS = "the note has no equation of a model"
IS_OPEN = "{name} is open: {reason}"
NO_MODEL = "the equations in lines {lines} make no model: {reason}"
IN_USE = "{name} is a matrix where it is used, which its equation may not give"
MADE_OF_DATA = "{name} is given at every step, whatever data line {line} puts it together from"
SQUARED = "the square of a vector in {letter} is the sum of the squares of its entries"

MOST_ATTEMPTS = 200
"""How often the equations are read with something more settled, before they make no model."""
MOST_NAMED = 3
"""Letters that are named where no model is found."""
_CAPITAL = regex(r"[A-Z](?![a-z])")
_GATES = frozenset("fiogzr")
_STEP = regex(r"(?P<of>.+)_\d+")
"""h_3 where an equation for h stands before: h at step 3, whatever is called h_3 behind."""
_MATRIX = regex(r"(?:\\mathbb\s*\{?\s*R\s*\}?|\\R(?![A-Za-z])|ℝ)\s*\^\s*\{[^{}]*(?:\\times|×)[^{}]*\}")
"""The space of matrices that a letter is said to be from."""
_SINGLE = regex(
    r"[^,]*(?:\\in(?![A-Za-z])|∈)\s*(?:\{?\s*\\mathbb\s*\{?\s*R\s*\}?\s*\}?|\\R|ℝ|[(\[]\s*0\s*,\s*1\s*[)\]])[\s.,;]*"
)
"""That a letter is a number, perhaps between 0 and 1."""
_FACTOR = regex(
    r"(?:_(?:t|\{t\}))?\s*(?:\\(?:cdot|,|;)\s*|\*\s*)?(?P<next>(?:\\(?:mathbf|bm|boldsymbol)\s*\{[A-Z]\}|[A-Z]))(?=\s*_)"
)
"""What a letter stands left of: a capital letter with a step."""
_BRACKET = regex(r"\s*(?:\\left|\\[bB]ig+l?)?\s*[(\[]")


def own(
    given: Written,
    section: tuple[str, ...],
    names: Collection[str],
    at: int,
    beside: Collection[str] = (),
    claimed: Collection[str] = (),
) -> Model | Lost:
    """The cell that defines the quantities called `names`, by the equations of the section or the nearest others.

    `at` is the number of the section's first formula, `beside` what is claimed in the sections beside it, `claimed`
    are the names in what defines nothing.

    An equation that cannot be used is a hole of the model. Where none can be used, why.
    """
    model, chosen = _own(given, section, names, at, beside, claimed)
    if isinstance(model, Lost) or not (gates := _given(chosen, model.cell)):
        return model
    moved = [name for name in gates if moves(name, given.claiming, model.cell.states)]
    equations = _computed(chosen, model.cell, moved or gates, known=not moved)
    other, _ = _own(replace(given, equations=[*given.equations, *equations]), section, names, at, beside, claimed)
    usable = isinstance(other, Model) and not other.holes
    if moved and usable and isinstance(other, Model):
        said = (*other.assumed, *(OPEN.format(name=name) for name in moved))
        return replace(other, assumed=said, given=tuple(moved), computed=model.cell, moved=True)
    return replace(model, given=gates, computed=other.cell if usable and isinstance(other, Model) else None)


def _own(
    given: Written,
    section: tuple[str, ...],
    names: Collection[str],
    at: int,
    beside: Collection[str],
    claimed: Collection[str],
) -> tuple[Model | Lost, Choice]:
    given = replace(given, equations=_without_later_examples(given.equations, section, at))
    usable = without_later_losses(without_shadowed(given.equations, section), given.general, section, at)
    ordered = nearest(usable, section, at)
    pairs = list(plainer(ordered, section, given.in_gradients))
    longer = [one for one, _ in pairs]
    ordered, usable = ([e for e in each if all(e is not one for one in longer)] for each in (ordered, usable))
    chosen = Choice(given, ordered, names, section, frozenset(beside))
    wanted = {e.target for e in usable if e.section == section} | _its_loss(usable)
    known = {e.target for e in usable if e.section == section or e.index < at}
    steps = {name: step["of"] for name in names if (step := _STEP.fullmatch(name)) and step["of"] in known}
    spoken = {name if name in known else steps.get(name, name) for name in names}
    chosen.take([*sorted(wanted), *sorted({*spoken, *map(stripped, spoken)} - wanted)])
    if not chosen.by_name:  # a gradient by b_n alone is about what reads b_n
        chosen.take([e.target for e in chosen.nearest if not chosen.claimed.isdisjoint(e.names)][:1])
    chosen.take_loss()
    chosen.take_readers()
    without_same_losses(chosen)
    fill_gaps(chosen)
    find_holes(chosen)
    chosen.leave_apart(claimed)
    chosen.doubts += [_plainer(*pair) for pair in pairs if chosen.by_name.get(pair[0].target) is pair[1]]
    if not chosen.by_name:
        letters = ", ".join(f"{spelled(name)}" for name in sorted(set(names) - LOSSES)[:MOST_NAMED])
        return Lost(NO_EQUATION.format(names=letters) if letters else NO_EQUATIONS), chosen
    if (below := next(divided(e.fragment for e in chosen.by_name.values()), None)) is not None:
        chosen.single += dict.fromkeys((*chosen.by_name, *chosen.used))
        chosen.doubts.append(DIVIDED.format(letter=f"${spelled(below[0])}$", line=below[1]))
    for _ in range(MOST_ATTEMPTS):
        set_aside(chosen)
        if not chosen.by_name:  # all are inputs
            return Lost(NO_EQUATIONS), chosen
        if set(chosen.by_name) <= set(chosen.open):
            why = [IS_OPEN.format(name=name, reason=reason) for name, reason in chosen.open.items()]
            return Lost("; ".join(why[:MOST_NAMED]), tuple(holes_of(chosen))), chosen
        try:
            cell = elaborated(*text_of(chosen), name="note", title="the note's own equations")
        except InputError as error:
            if not _settle(chosen, error):
                lines = ", ".join(map(str, sorted({e.place[1] for e in chosen.by_name.values()})))
                refused = tuple(Refused.of(error, e.at) for e in chosen.by_name.values())
                return Lost(NO_MODEL.format(lines=lines, reason=error.message), refused=refused), chosen
            continue
        cell = without_slips(_minimised(chosen, cell), slipped := slips(cell, chosen.kept))
        cell = with_carried(cell, passed := carried(cell, claimed))
        short = [name for name in shorthands(cell) if name not in chosen.kept and cell.states]
        chosen.shorthands |= set(short)
        more = [name for name in (*aliases(cell, chosen.kept), *short) if name not in chosen.aliases]
        if more:  # they are no output, which is chosen again
            chosen.aliases += more
            continue
        if not _settled(chosen, cell):
            said = (*_said(chosen), *map(str, cell.guesses))
            try:
                named = with_aliases(cell, chosen.aliases)
            except InputError:  # names of parts that would read each other
                named = cell
            named = replace(named, notation=replace(named.notation, later=chosen.late))
            numbers = (NUMBER.format(letter=letter) for letter in chosen.numbers)
            meant = [SLIPPED.format(letter=spelled(a), other=spelled(b)) for a, b in slipped.items()]
            meant += [CARRIED.format(state=spelled(a), value=spelled(b)) for a, b in passed.items()]
            meant += [*_later(chosen, at), *_of_two(chosen), *_or_else(chosen), *_guarded(chosen)]
            doubts = (*chosen.doubts, *numbers, *meant, *chosen.instead.values())
            places = _places(chosen) | of_others(chosen) | chosen.of_data
            model = Model(
                named, _origin(chosen), said, places, tuple(holes_of(chosen)),
                doubts, _meant(chosen, cell), unusable=tuple(chosen.contradicted),
            )  # fmt: skip
            return model, chosen
    return Lost(NO_EQUATIONS), chosen


def _plainer(longer: Equation, other: Equation) -> str:
    letters = sorted({m.name for m in longer.used} - {m.name for m in other.used})
    return PLAINER.format(
        name=longer.target,
        line=other.place[1],
        other=longer.place[1],
        letters=", ".join(map(str, map(spelled, letters))),
    )


def _given(chosen: Choice, cell: Cell) -> tuple[str, ...]:
    """The inputs that are called like a gate or a candidate, or carried: what they are computed from is not known."""
    names = [one.name for one in cell.inputs if not chosen.is_data(one.name)]
    gates = _GATES | gating(cell) | _carried(chosen, cell)
    return tuple(name for name in names if cell.states and (name in gates or name.endswith(ACCENTED)))


def _carried(chosen: Choice, cell: Cell) -> frozenset[str]:
    """The inputs beside x by which formulas take the gradient at another step than t: what is given has none there."""
    names = {one.name for one in cell.inputs if not chosen.is_data(one.name)}
    said = {letter_name(f.text) for d in chosen.given.declarations if d.key == "input" for f in d.formulas}
    if not names & INPUTS:
        return frozenset()
    return frozenset(chain.from_iterable(map(derived_elsewhere, chosen.given.claiming))) & names - INPUTS - said


def _computed(chosen: Choice, cell: Cell, gates: Collection[str], *, known: bool) -> Iterator[Equation]:
    """Equations for gates that have none: each of all inputs and of all states before; by σ if `known`."""
    source = next(e for e in chosen.by_name.values() if not e.loss)
    read = [one.name for one in cell.inputs if one.name not in gates and not chosen.is_data(one.name)]
    before, kept = [state.name for state in cell.states], _carried(chosen, cell)
    for gate in gates:
        terms = [rf"W_{{given{number}}} {spelled(name)}_t" for number, name in enumerate(read)]
        terms += [
            rf"U_{{given{number}}} {spelled(name)}_{{t-1}}" for number, name in enumerate((*before, *({gate} & kept)))
        ]
        function = r"\sigma" if known else some_function(gate)
        yield source.in_latex(rf"{spelled(gate)}_t = {function}({' + '.join(terms)})", gate)


def _later(chosen: Choice, at: int) -> list[str]:
    """What a section leaves open, and another one behind it writes out, perhaps for another model."""
    found = []
    for name, equation in chosen.by_name.items():
        open_ = [e for e in chosen.given.general if e.target == name and e.index < equation.index]
        if open_ and equation.section != chosen.section and equation.index > at:
            found.append(LATER.format(name=name, line=equation.place[1], general=open_[-1].place[1]))
    return found


def _of_two(chosen: Choice) -> list[str]:
    """Letters of two layers that are told by their index alone, where this model has the one: a_k beside a_h."""
    found = []
    for name, equation in chosen.by_name.items():
        beside = [e for e in chosen.given.equations if e.section == equation.section] if equation.entry else []
        counted = {index for e in beside for index in counted_in(e.fragment.text)} - {equation.entry}
        other = next((e for e in beside if e.target in {f"{name}_{index}" for index in counted}), None)
        if other is not None:
            entry = f"${spelled(f'{name}_{equation.entry}')}$"
            found.append(OF_TWO.format(name=f"${spelled(name)}$", entry=entry, other=f"${spelled(other.target)}$"))
    return found


def _or_else(chosen: Choice) -> list[str]:
    """Letters with two values, of which the first is taken: h_t = tanh(z_t) or ReLU(z_t)."""
    found = [(name, e.place[1]) for name, e in chosen.by_name.items() if e.or_else]
    return [FIRST_OF_TWO.format(name=f"${spelled(name)}$", line=line) for name, line in found]


def _guarded(chosen: Choice) -> list[str]:
    """That logarithms are read without what keeps them finite: ε of log(ŷ + ε)."""
    if not any(e.guarded for e in chosen.by_name.values()):
        return []
    return [GUARDED_OFTEN if any(has_small(one.text) for one in chosen.given.claiming) else GUARDED]


def _of_another_example(equation: Equation, section: tuple[str, ...]) -> bool:
    """Whether this is the loss of an example of so many steps, L = ½ h_3², in another section."""
    numbered = equation.at_end and bool(equation.loss) and length_of(equation.fragment.times) is not None
    example = example_of(equation.section)
    return numbered and section[: len(example)] != example


def _without_later_examples(given: Sequence[Equation], section: tuple[str, ...], at: int) -> list[Equation]:
    """The equations without the losses of other examples, and without what those behind this section compute anew."""
    losses = [e for e in given if _of_another_example(e, section)]
    examples = [example_of(e.section) for e in losses if e.index > at]

    def apart(equation: Equation) -> bool:
        return any(equation.section[: len(one)] == one for one in examples)

    known = {e.target for e in given if not apart(e)}
    return [e for e in given if e not in losses and not (apart(e) and e.target in known)]


def _its_loss(given: Sequence[Equation]) -> set[str]:
    """The loss of a note that has one model, or what it reads out of the last step: its gradients are of that."""
    ways: dict[str, dict[str, Equation]] = {}
    for equation in given:
        ways.setdefault(equation.target, {})[as_said(equation)] = equation
    single = {
        name: one for name, (one, *others) in ((name, [*each.values()]) for name, each in ways.items()) if not others
    }
    several = any(len({_in_full(one, single) for one in each.values()}) > 1 for each in ways.values())
    losses = {e.target for e in given if e.loss}
    return set() if several else losses or {e.target for e in given if e.at_end}


DEEPEST = 8
"""Parts within parts of an equation."""


def _in_full(equation: Equation, single: Mapping[str, Equation], depth: int = DEEPEST) -> str:
    """What an equation says with the only values of its parts for their letters: tanh(W x_t + U h) of tanh(z_t)."""
    text = equation.right
    for mention in reversed(equation.used) if depth and not equation.loss else ():
        part = single.get(mention.name)
        if part is not None and mention.offset == equation.offset:
            start, end = mention.start - equation.right_start, mention.end - equation.right_start
            text = f"{text[:start]}{_in_full(part, single, depth - 1)}{text[end:]}"
    return without_layout(text)


def _settle(chosen: Choice, error: InputError) -> bool:
    """Deal with what stands in the way: take a letter to be a number, drop a declaration, leave a quantity open."""
    place = error.place
    for number, declaration in enumerate(declarations(chosen)):
        of_an_equation = any(e.space is declaration.formulas[0] for e in chosen.by_name.values())
        if of_an_equation or place is None or not within(place, declaration.formulas[0]):
            continue  # of the two, it is the equation that cannot be used
        if number not in chosen.unused:
            chosen.unused.add(number)
            chosen.contradicted.append((error.message, place))
            chosen.assumed.append(f"the declaration in line {place.line} could not be used ({error.message})")
            return True
    if isinstance(error, ShapesOpenError) and (name := _scales_a_matrix(chosen, place)):
        single = any(
            _SINGLE.fullmatch(f.text) and declared_name(f) == name
            for d in chosen.given.declarations
            for f in d.formulas
        )
        (chosen.single if single else chosen.numbers).append(name)
        return True
    if said := set(said_shapes(chosen)) - chosen.unused:  # which may be what is wrong
        chosen.unused |= said
        return True
    settled = chosen.doubts or SAID_SMALL in chosen.assumed
    if isinstance(error, ShapesOpenError) and _take_matrices(chosen, error, settled=bool(settled)):
        return True
    if isinstance(error, ShapesOpenError) and not settled and (why := _all_numbers(chosen)):
        chosen.single += dict.fromkeys((*chosen.by_name, *chosen.used))
        (chosen.assumed if why == SAID_SMALL else chosen.doubts).append(why)
        return True
    if isinstance(error, ShapesOpenError) and (factors := _factors(chosen, error)):
        chosen.numbers += factors
        return True
    if isinstance(error, ShapesOpenError) and (matrix := _matrix_in_use(chosen)):
        leave_open(chosen, matrix.target, Refused(matrix.at, IN_USE.format(name=matrix.target)))
        give(chosen, matrix)
        return True
    guilty = next((n for n, e in chosen.by_name.items() if place and within(place, e.fragment)), None)
    if guilty is None or place is None or guilty in chosen.open:
        last = next((name for name in reversed(chosen.by_name) if name not in chosen.open), None)
        if last is not None:
            leave_open(chosen, last, Refused.of(error, chosen.by_name[last].at))
        return last is not None
    letter = place.text[place.column - 1 : place.column - 1 + place.length].strip()
    name = letter_name(letter, plain=chosen.by_name[guilty].fragment.plain)
    timeless = chosen.used.get(name) == {None}
    called = _BRACKET.match(place.text, place.column - 1 + place.length)
    if name and timeless and name not in chosen.numbers and not called and _is_small(letter):
        chosen.numbers.append(name)
        return True
    equation = chosen.by_name[guilty]
    compared = {m.name for m in equation.used if m.offset == equation.offset and chosen.is_data(m.name)}
    if equation.loss == "other" and compared and not compared & set(chosen.single):
        chosen.single += sorted(compared)
        return True
    if equation.loss == "cross-entropy" and guilty not in chosen.rewritten:
        chosen.rewritten[guilty] = False
        return True
    if is_made_of_data(chosen, equation):
        del chosen.by_name[guilty]
        chosen.of_data.add(equation.place)
        chosen.assumed.append(MADE_OF_DATA.format(name=guilty, line=equation.place[1]))
    elif not chosen.take_another(equation, error.message):
        leave_open(chosen, guilty, Refused.of(error, equation.at))
    return True


def _scales_a_matrix(chosen: Choice, place: Place | None) -> str:
    """A small letter of which it is open what it is, where something is declared to be a matrix.

    It has no step, or stands left of that matrix.
    """
    if place is None or not _is_small(letter := place.text[place.column - 1 : place.column - 1 + place.length].strip()):
        return ""
    end = place.column - 1 + place.length
    behind = _FACTOR.match(place.text, end)
    name, matrix = letter_name(letter), "" if behind is None else letter_name(behind["next"])
    said = {
        declared_name(one.formulas[0])
        for number, one in enumerate(declarations(chosen))
        if number not in chosen.unused and _MATRIX.search(one.formulas[0].text)
    } & {n for n, times in chosen.used.items() if times != {None}}
    meant = matrix in said or (bool(said) and chosen.used.get(name) == {None} and not _BRACKET.match(place.text, end))
    return name if meant and name in chosen.used and name not in chosen.numbers else ""


def _matrix_in_use(chosen: Choice) -> Equation | None:
    """A_t of h_t = h_{t-1} A_t^⊤, a matrix that an equation computes at every step, perhaps as one row of it."""
    for reader in chosen.by_name.values():
        carried = {m.name for m in reader.used if m.offset is not None and m.offset < reader.offset}
        for mention in reader.used if reader.target in carried else ():
            own = chosen.by_name.get(mention.name)
            text = reader.fragment.text[mention.start : mention.end] + reader.fragment.text[mention.end :][:12]
            if own is None or own.target in chosen.open or mention.name in carried or not _CAPITAL.match(mention.name):
                continue
            if TRANSPOSES.search(text) and mention.offset == reader.offset:
                return own
    return None


def _factors(chosen: Choice, error: ShapesOpenError) -> list[str]:
    """The letters of which alone it is open what they are, if all are Greek ones without a step: α of α (x - h), Δt."""
    names = list(dict.fromkeys(letter_name(letter) for letter in error.letters))
    greek = all(name == "Delta_t" or (name in GREEK and _is_small(name)) for name in names)
    return names if greek and all(chosen.used.get(name) == {None} for name in names) else []


def _take_matrices(chosen: Choice, error: ShapesOpenError, *, settled: bool) -> bool:
    """Take capital letters to be matrices and small ones numbers, where one capital letter shows that it is one."""
    if chosen.matrices:
        open_ = dict.fromkeys(letter_name(letter) for letter in error.letters)
        taken = {*chosen.matrices, *chosen.numbers, *chosen.single}
        small = [name for name in open_ if name in chosen.used and name not in taken and _is_small(name)]
        matrices = [name for name in open_ if name in chosen.used and name not in taken and not _is_small(name)]
    else:
        matrices = [] if settled else _matrices(chosen)
        small = [name for name, times in chosen.used.items() if matrices and times == {None}]
        chosen.doubts += [TURNED] * bool(matrices)
    chosen.matrices += matrices
    chosen.single += [name for name in small if name not in chosen.given.in_gradients]
    chosen.numbers += [name for name in small if name in chosen.given.in_gradients]
    return bool(matrices or small)


def _matrices(chosen: Choice) -> list[str]:
    """The capital letters of a step that act on a state before, and that formulas transpose before something.

    None where a weight is a capital letter, which shows by itself what is a matrix.
    """
    if not all(_is_small(name) for name, times in chosen.used.items() if times == {None}):
        return []
    turned = {name for one in chosen.given.claiming for name in turned_before(one)}
    acting = (name for reader in chosen.by_name.values() for name in acting_in(reader))
    return [name for name in dict.fromkeys(acting) if name in turned]


def _all_numbers(chosen: Choice) -> str:
    """Why all letters may be numbers: two are multiplied in either order, all weights are small, or have numbers."""
    known = {*chosen.by_name, *chosen.used}
    pair = min((sorted(pair) for pair in commuting(chosen.given.claiming) if pair <= known), default=None)
    if pair is not None:
        one, other = (f"${spelled(name)}$" for name in pair)
        return NUMBERS.format(one=one, other=other)
    weights = [name for name, times in chosen.used.items() if times == {None}]
    if weights and all(map(_is_small, weights)):
        return SAID_SMALL if chosen.given.words.numbers else SMALL
    given = dict(valued(chosen.given.claiming))
    lines = [line for name, line in given.items() if name in (weights or known)]
    return VALUED.format(line=lines[0]) if lines and all(_is_small(one) or one in given for one in weights) else ""


def _minimised(chosen: Choice, cell: Cell) -> Cell:
    """The cell with L = ½ h_T², which compares nothing, as its loss."""
    loss = chosen.by_name.get(cell.output.name)
    alone = loss is not None and loss.at_end and bool(loss.loss) and cell.output.shape == (1, 1)
    return replace(cell, minimised=True) if alone and not cell.is_loss else cell


def _settled(chosen: Choice, cell: Cell) -> bool:
    """Whether something had to be changed after all: a loss must be a number."""
    loss = chosen.output()
    if not loss.loss or loss.target in chosen.open:
        return False
    written = with_norms(loss.fragment.text, plain=loss.fragment.plain)
    if not cell.is_loss and loss.loss == "squared" and written == loss.fragment.text:
        del chosen.by_name[loss.target]  # J_t = w (1 - h_t^2) compares nothing: it is no loss
        return True
    if not cell.is_loss:
        leave_open(chosen, loss.target, Refused(loss.at, "nothing is compared in it"))
        return True
    if cell.output.shape == (1, 1):
        return False
    plain = [q.name for q in (*cell.inputs, *cell.states, *cell.parameters) if q.name not in chosen.numbers]
    if chosen.numbers and plain and not any(name[0].isupper() for name in plain):  # no letter of the note is a matrix
        chosen.numbers += plain
        return True
    if loss.loss == "squared" and written != loss.fragment.text:
        chosen.by_name[loss.target] = loss.rewritten(written)
        chosen.assumed.append(SQUARED.format(letter=loss.target))
    elif loss.loss == "other" and (predicted := _predicted(chosen, loss)):
        chosen.single += predicted
        chosen.assumed.append(f"{' and '.join(chosen.single)} are numbers, as the loss compares them")
    elif loss.loss == "cross-entropy" and not chosen.rewritten.get(loss.target):
        chosen.rewritten[loss.target] = loss.target in chosen.rewritten or r"^\top \log" in loss.right
    else:
        leave_open(chosen, loss.target, Refused(loss.at, "the loss is no number"))
    return True


def _predicted(chosen: Choice, loss: Equation) -> list[str]:
    """What a loss compares with numbers, where it is not yet known to be one: ŷ of y log ŷ + (1 - y) log(1 - ŷ)."""
    here = {m.name for m in loss.used if m.offset == loss.offset}
    return sorted((here & set(chosen.by_name)) - set(chosen.single)) if here & set(chosen.single) else []


def _is_small(letter: str) -> bool:
    """Whether a letter looks like a number: Greek or Latin and small."""
    return letter.removeprefix("\\")[:1].islower()


def _said(chosen: Choice) -> list[str]:
    """What was assumed to complete the cell."""
    every = [e.numbered for e in chosen.by_name.values() if e.numbered]
    open_ = [name for name in chosen.used if name not in chosen.by_name and name.endswith(ACCENTED)]
    granted = [e.said for e in chosen.by_name.values() if e.said]
    said = [f"the equation for {step} is taken for every step" for step in every]
    holes = [IS_OPEN.format(name=name, reason=reason) for name, reason in chosen.open.items()]
    numbers = [NUMBER.format(letter=letter) for letter in chosen.numbers]
    given = [f"{name} has no equation and is taken as given" for name in open_ if name not in chosen.open]
    said += [
        f"{name} is a name for what stands right of it, which J does not read"
        if name in chosen.shorthands
        else f"{name} names a part of another equation"
        for name in chosen.aliases
    ]
    return chosen.assumed + granted + said + given + numbers + holes


def _meant(chosen: Choice, cell: Cell) -> Meant:
    """The losses that count with a factor or at the last step, and the letters that stand for that step."""
    ends = {name for name, e in chosen.by_name.items() if e.at_end}
    read = {m.name for name in ends for m in chosen.by_name[name].used if m.offset == 0}
    data = {name for name in read if chosen.is_data(name)}
    uses: dict[str, set[int | None]] = {}
    for mention in (m for e in chosen.by_name.values() for m in e.used):
        uses.setdefault(mention.name, set()).add(mention.offset)
    behind = {
        name
        for name, e in chosen.by_name.items()
        if e.offset == -1 and uses.get(name) == {-1} and any(m.offset == 0 for m in e.used)
    }
    late = chosen.late
    before = set() if late else chosen.before
    losses = {name: Loss(None, e.whole) for name, e in chosen.by_name.items() if e.whole not in (None, 1)}
    losses |= {name: Loss(nodes.T) for name in ends if name == cell.output.name}
    return Meant(
        tuple(losses.items()),
        moments=tuple((name, nodes.T) for name in sorted(ends | data)),
        ahead=bool(before),
        behind=frozenset(behind | before),
        late=late,
        dependences=tuple((e.depends[0], name, e.depends[1]) for name, e in chosen.by_name.items() if e.depends),
    )


def _places(chosen: Choice) -> frozenset[tuple[str, int, int]]:
    """Where the equations stand, the same ones elsewhere too; one for step 3 is a claim about step 3."""
    own_ = [e for e in (*chosen.by_name.values(), *chosen.apart) if not e.numbered]
    losses = {_said_in(e) for e in own_ if e.loss}
    return frozenset(e.place for e in (*own_, *(e for e in chosen.given.equations if _said_in(e) in losses)))


def _said_in(equation: Equation) -> tuple[str, int, str]:
    return equation.target, equation.offset, "".join(equation.right.split())


def _origin(chosen: Choice) -> str:
    """Which equations these are, by their lines."""
    lines = sorted({e.place[1] for e in chosen.by_name.values()})
    return f"the note's own equations in line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"
