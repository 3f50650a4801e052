"""What a document writes: its equations, those that cannot be used, its declarations and its habits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from derive.errors import Place
from derive.patterns import regex
from derive.reader.claims.meant import Habit, Meant
from derive.reader.document.words import SAYS_NOTHING, Words
from derive.reader.models.dependences import dependences_instead, with_dependences
from derive.reader.models.entropies import in_words, named_entropy
from derive.reader.models.equations.activations import with_spoken_functions
from derive.reader.models.equations.arguments import arguments_of_its_step, with_lost_steps, with_named_arguments
from derive.reader.models.equations.equation import LOGARITHM, Equation
from derive.reader.models.equations.filters import (
    gradients_in_words,
    in_one_face,
    is_jacobian,
    with_labelled_biases,
    with_one_case,
    with_one_example,
    without_abbreviated,
    without_closed_forms,
    without_compared,
    without_cycles,
    without_decimals,
    without_entries,
    without_general,
    without_jacobians,
    without_kept,
    without_layers,
    without_powers,
    without_rates,
    without_slips,
    without_unrolled,
    without_worked,
)
from derive.reader.models.equations.finding import (
    DERIVATIVE,
    PICKED,
    Unread,
    equations,
    open_losses,
    parts_of_derivatives,
    rough_suppositions,
    stands_alone,
    suppositions,
    unread,
)
from derive.reader.models.equations.gradients import BAR, barred, gradient_families, gradient_letters, total_gradients
from derive.reader.models.equations.heads import unwritten_head
from derive.reader.models.equations.losses import (
    at_the_end,
    averaged,
    of_an_entry,
    of_inputs,
    of_itself,
    of_the_step,
    open_sums,
    split_losses,
    untimed_targets,
    whole,
)
from derive.reader.models.equations.losses import unused as unused_losses
from derive.reader.models.equations.names import letter_name, names, stripped
from derive.reader.models.equations.other_names import applied_twice, under_other_names
from derive.reader.models.equations.remarks import guards
from derive.reader.models.equations.supposing import flat
from derive.reader.models.equations.together.blocks import lists_blocks, with_blocks
from derive.reader.models.equations.together.called import called
from derive.reader.models.equations.together.chained import chained
from derive.reader.models.equations.together.constants import computed_parameters
from derive.reader.models.equations.together.jacobians import unwritten_state
from derive.reader.models.equations.together.labelled import labelled
from derive.reader.models.equations.together.packed import Instead, packed
from derive.reader.models.equations.together.stacks import named_stacks
from derive.reader.models.equations.together.unpacked import unpacked
from derive.reader.models.equations.together.unread import unread_arguments
from derive.reader.models.equations.together.updates import unwritten_update
from derive.reader.models.equations.units import of_units
from derive.reader.models.equations.wholes import (
    declared_weights,
    lists_entries,
    of_diagonals,
    of_entries,
    of_softmax,
    with_defined_softmax,
)
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import Declaration, Found
from derive.reader.text.said import COMPARED

_TRANSPOSED = regex(r"\\top|\\intercal|\^\s*\{?\s*(?:\\(?:mathrm|text|mathsf|rm)\s*\{?\s*)?T\b|⊤|ᵀ|\.T\b|\)'")
_LIMITS = regex(r"\\(?:sum|prod)(?:\\limits)?(?:\s*[_^]\s*(?:\{[^{}]*\}|\w)){1,2}")
_AT_T = r"\s*_\s*(?:t(?![A-Za-z])|\{\s*t\s*\})"
_SUBTRACTED = regex(rf"(?P<one>\\?[A-Za-z]+){_AT_T}\s*-\s*(?P<other>\\?[A-Za-z]+){_AT_T}")
_LABEL = r"\{(?:(?!(?<![A-Za-z])t(?![A-Za-z]))[^{}]|\{[^{}]*\})*\}"
_WEIGHT = rf"(?:(?<![A-Za-z\\])|(?<=mathbf\{{)|(?<=bm\{{))[A-Z]\}}?(?:\s*[_^]\s*(?:{_LABEL}|[A-Za-su-z]))*"
_COLUMN = r"(?:\\[A-Za-z]+\s*\{)?[a-z]\}?\s*_\s*\{?\s*t(?![A-Za-z])"
_SIGN = r"\s*(?:\\(?:cdot|,)\s*)?"
_UPRIGHT = regex(rf"{_WEIGHT}{_SIGN}(?:\\left)?\[?\s*{_COLUMN}")
_LYING = regex(rf"{_COLUMN}(?:\s*-\s*1)?\s*\}}?\s*\]?{_SIGN}{_WEIGHT}")
_SIZES = frozenset("HD")
"""What the sizes of states and inputs are called where a document does not say."""
_SPACE = regex(
    r"\\mathbb\s*\{?\s*R|ℝ|(?<![A-Za-z])R\s*\^|\\in(?![A-Za-z])|(?<![A-Za-z])[A-Z]\s*(?:\\times|×)\s*\d*[A-Z](?![A-Za-z])"
)
_CAPITAL = regex(r"(?<![A-Za-z\\])[A-Z](?![A-Za-z])")
_SLOPES = regex(r"(?:sigma|tanh)\s*(?:'|\^\s*\{?\s*\\prime\s*\}?)\s*\(\s*(?!.{0,20}[-+])([^()=]{1,20}?)\s*\)")


_NARROWING: tuple[Callable[[Sequence[Equation]], list[Equation]], ...] = (
    without_layers, without_rates, without_unrolled, without_closed_forms, without_kept, without_worked, without_powers,
    without_cycles, in_one_face, with_one_example, without_abbreviated, without_general, without_entries, without_slips,
    with_one_case, with_named_arguments,
)  # fmt: skip
"""What leaves equations out, or puts them in another form, one behind the other."""


@dataclass(frozen=True)
class Written:
    """What one document writes.

    `families` are letters that with a quantity below them are its gradient, `totals` quantities whose whole gradient
    has a label; with `bars` a bar over a quantity is its gradient, said in words or not; `general` are equations that
    only say what a quantity depends on; `ended` are equations that were written without a time, by the place of their
    formula.
    """

    equations: Sequence[Equation] = ()
    unread: Sequence[Unread] = ()
    declarations: Sequence[Declaration] = ()
    families: frozenset[str] = frozenset()
    totals: frozenset[str] = frozenset()
    bars: bool = False
    habits: frozenset[Habit] = frozenset()
    general: Sequence[Equation] = ()
    subtracted: frozenset[tuple[str, str]] = frozenset()
    """Letters at t of which one is subtracted from the other: p and e of p_t - e_t."""
    instead: tuple[Instead, ...] = ()
    """Other equations that the document may mean: with a read-out that it only claims gradients of, packed gates, or
    parameters that it computes."""
    chained: Instead | None = None
    """Equations of any recurrence, where the document has the chain rule alone."""
    ended: Mapping[Place, Sequence[Equation]] = field(default_factory=dict)
    supposed: Sequence[Equation] = ()
    """What running text supposes for what stands behind it: if f_t = 1."""
    supposed_roughly: Sequence[Equation] = ()
    """The same of f_t ≈ 1, for what is said to be roughly so."""
    flat: Sequence[tuple[str, Found]] = ()
    """Functions whose slope is supposed to be roughly 1, each with the formula that says so."""
    onward: frozenset[str] = frozenset()
    """Letters for the losses from a step on."""
    gradients: frozenset[str] = frozenset()
    """Letters for gradients."""
    losses: tuple[Place, ...] = ()
    """Where a loss has a value that makes no equation of a model."""
    words: Words = SAYS_NOTHING
    claiming: tuple[Fragment, ...] = ()
    """All formulas that say something."""
    unsaid: frozenset[str] = frozenset()
    """Usual letters of sizes that the document does not speak of as sizes."""

    @cached_property
    def in_gradients(self) -> frozenset[str]:
        """The letters of formulas with derivatives."""
        return frozenset().union(*(names(one) for one in self.claiming if DERIVATIVE.search(one.text)))

    def defined(self, formula: Found) -> list[Equation]:
        """The forward equations in a formula; one that splits a value is there once."""
        every = [*_defined(formula, 0, self.families), *self.ended.get(formula.place, ())]
        found = {(e.place, e.fragment.text): e for e in reversed(every)}.values()
        return [e for e in reversed(found) if not (self.bars and e.target.endswith(BAR))]

    def meaning(self, meant: Meant) -> Meant:
        """What letters of a model stand for, with the habits of the whole document."""
        said = self.words
        noticed = self.habits | ({Habit.BASIS} if said.basis else frozenset())
        return replace(
            meant, bars=self.bars and said.bars, blocks=said.blocks, families=self.families, totals=self.totals,
            onward=self.onward, habits=meant.habits | noticed, stacking=said.stacking, rows=said.rows,
            unsaid=self.unsaid,
        )  # fmt: skip


def written(
    formulas: Sequence[Found],
    declarations: Sequence[Declaration] = (),
    words: Words = SAYS_NOTHING,
) -> Written:
    """What the formulas and declarations of a document write, where its words say so much beside."""
    claiming = [(index, formula) for index, formula in enumerate(formulas) if formula.claims]
    families = gradient_families(formula for _, formula in claiming)
    stated = [e for index, formula in claiming for e in _defined(formula, index, families)]
    stated += [e for e in called(formulas) if all(e.target != other.target for other in stated)]
    compared = {letter_name(one.text) for each in declarations if each.key == COMPARED for one in each.formulas}
    stated, declarations = with_spoken_functions(stated, [each for each in declarations if each.key != COMPARED])
    stated, onward = split_losses(stated)
    gradient = gradients_in_words(stated)
    stated, units = of_units(with_defined_softmax(of_softmax(of_diagonals(of_entries(labelled(stated)))), formulas))
    declarations = [*declarations, *declared_weights(stated), *units]
    orders = [lists_blocks(*formula.text.partition("=")[::2]) for _, formula in claiming]
    stated = unpacked([e for e in stated if not (e.fragment.plain and gradient(e.target))], claiming)
    every = said = with_blocks(stated, orders)
    for narrowed in _NARROWING:
        every = narrowed(every)
    every = with_labelled_biases(with_dependences(every))
    states = {m.name for e in every for m in e.used if m.offset == -1}
    gradients = gradient_letters((formula for _, formula in claiming), states)
    timed = [e for e in every if e.target not in gradients]
    over = barred(timed, said=words.bars)
    if over:
        bare = {e.target for e in timed}
        timed = [e for e in timed if not (e.target.endswith(BAR) and e.target.removesuffix(BAR) in bare)]
    timeless = [(formula, e) for formula, e in at_the_end(claiming, timed) if not gradient(e.target)]
    lettered = without_decimals([e for _, e in timeless])
    timeless = [(formula, e) for formula, e in timeless if e in lettered]
    every_time = [*timed, *(equation for _, equation in timeless)]
    here = [*of_itself(claiming, every_time)]
    every_time += [equation for _, equation in here]
    here += named_stacks(every_time, claiming)
    here += [(formula, e) for formula, e in of_the_step(claiming, every_time) if not gradient(e.target)]
    here = [one for one in here if not any(gradient(m.name) for m in one[1].used)]  # d_tanh = dh_t ⊙ o_t
    rest = without_jacobians([*timed, *(equation for _, equation in (*timeless, *here))])
    timed = [e for e in timed if e in rest]
    timeless, here = ([one for one in found if one[1] in rest] for found in (timeless, here))
    steps = {equation.target for _, equation in here} | of_inputs(claiming, timed)
    timed = [e.with_steps(steps) for e in timed]
    named = list(named_entropy(claiming, timed))
    timed = [e for e in timed if (e.index, e.target) not in {(one.index, one.target) for one in named}] + named
    timed = [with_lost_steps(e, timed) for e in timed]
    timed = [e.with_steps(untimed_targets(e, timed) | arguments_of_its_step(e, timed)) for e in timed]
    ended: dict[Place, list[Equation]] = {}
    for formula, equation in (*timeless, *here):
        ended.setdefault(formula.place, []).append(equation)
    timed = _forward(timed, {name for _, formula in claiming for name in parts_of_derivatives(formula)})
    found = [*timed, *(equation for _, equation in (*timeless, *here))]
    found += in_words(found, claiming, called=words.entropy)
    found = [replace(e, guarded=bool(LOGARITHM.search(e.right) and guards(formulas[e.index].text))) for e in found]
    found = without_compared(found)
    of_entries_alone = of_an_entry(found)
    found = [e for e in found if e not in of_entries_alone]
    gates = packed(found, claiming)
    found = found if gates is None else gates.leave(found)
    softmax = words.entropy or any("softmax" in formula.text for formula in formulas)
    unwritten = unwritten_head(found, claiming, softmax=softmax, compared=compared)
    unwritten = unwritten or unread_arguments(found, claiming, softmax=softmax, named=words.functions)
    state = unwritten_state(found, claiming)
    texts = [formula.text for _, formula in claiming]
    return Written(
        found,
        [
            each
            for each in _unread(claiming, timed, families)
            if not gradient(each.name) and stripped(each.name) not in gradients  # g_3 of g_t = ∂L/∂h_t
        ],
        declarations,
        families,
        total_gradients(texts, families),
        over,
        frozenset(_habits(texts, [e.right for e in said])),
        [
            *(e for e in said if e.general),
            *(e for index, formula in claiming for e in (*open_losses(formula, index), *open_sums(formula, index))),
        ],
        frozenset(_subtracted(texts)),
        (
            *(other for other in (gates, unwritten, state) if other is not None),
            *under_other_names(found, claiming),
            *computed_parameters(found, claiming),
            *dependences_instead([e for e in said if e.general], found),
            *applied_twice(found),
            *unwritten_update(found, claiming),
        ),
        chained(found, claiming),
        ended,
        supposed=[e for index, formula in claiming for e in suppositions(formula, index)],
        flat=[(function, formula) for _, formula in claiming if (function := flat(formula))],
        supposed_roughly=[e for index, formula in claiming for e in rough_suppositions(formula, index)],
        onward=frozenset(e.target for e in onward),
        gradients=frozenset(gradients),
        losses=(*unused_losses(claiming, ended), *(formulas[e.index].place for e in of_entries_alone)),
        words=words,
        claiming=tuple(formula.fragment for _, formula in claiming),
        unsaid=_SIZES - _sizes_said(formulas, declarations),
    )


def _sizes_said(formulas: Sequence[Found], declarations: Sequence[Declaration]) -> set[str]:
    """The capital letters that stand in the shapes of a document."""
    texts = [each.text for each in formulas if _SPACE.search(each.text) or not each.claims]
    texts += [text for each in declarations for text in (each.words, *(one.text for one in each.formulas))]
    return {letter for text in texts for letter in _CAPITAL.findall(text)}


def _subtracted(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for match in (match for text in texts for match in _SUBTRACTED.finditer(text)):
        yield letter_name(match.group("one")), letter_name(match.group("other"))


def _habits(texts: Sequence[str], equations: Sequence[str]) -> Iterator[Habit]:
    """The habits of writing that show in the formulas and in the equations among them."""
    if any(map(_UPRIGHT.search, equations)) and not any(map(_LYING.search, equations)):
        yield Habit.UPRIGHT
    if not any(_TRANSPOSED.search(_LIMITS.sub("", text)) for text in texts):
        yield Habit.UNTRANSPOSED
    if len({match for text in texts for match in _SLOPES.findall(text)}) > 1:
        yield Habit.SLOPES


def _forward(given: list[Equation], derived: Collection[str]) -> list[Equation]:
    """The equations without those that read a part of a derivative, J_t = D_t W with D_t = diag(σ'(z_t))."""
    # J_t = w, which reads no step, is only what such a part is in a case
    derived = set(derived) - {e.target for e in given if any(m.offset is not None for m in e.used)}
    while more := {e.target for e in given if e.target not in derived and derived & {m.name for m in e.used}}:
        derived |= more
    return [e for e in given if e.target not in derived]


def _unread(
    claiming: Sequence[tuple[int, Found]], timed: Sequence[Equation], families: Collection[str]
) -> Iterator[Unread]:
    """The equations that cannot be used, without gradients and sums over the steps of what is known."""
    summed = {(e.place[0], e.place[1], e.target) for e in timed if e.whole is not None}
    for _, formula in claiming:
        if any(lists(*formula.text.partition("=")[::2]) for lists in (lists_entries, lists_blocks)):
            continue
        sums = {name for name, _ in averaged(formula)}
        for each in unread(formula):
            letter = each.name.split("_")[0]
            known = letter in {*families, "d"} or each.name in sums
            known = known or is_jacobian(each.name, formula.text.partition("=")[2])
            if not known and (each.place.file, each.place.line, letter) not in summed:
                yield each


def _defined(formula: Found, index: int, families: Collection[str]) -> Iterator[Equation]:
    for found in (*equations(formula, index), *whole(formula, index)):
        letter, _, behind = found.target.partition("_")
        if (letter in families and behind) or PICKED.fullmatch(found.fragment.text):
            continue  # g_{c_t}^{total} beside g_y = ∂L/∂y
        if stands_alone(found.fragment):  # a row of cases that give several letters a value does not
            yield found
