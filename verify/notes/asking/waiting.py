"""What a judgement waits for, told from the reason that it has: an equation that is missing or cannot be used."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from derive.calculus.program import ARGUMENT, FACTOR
from derive.cell import Cell
from derive.errors import InputError
from derive.patterns import regex
from derive.reader.models.equations.equation import INPUTS, LOSSES, TRANSPOSES, Mention, mentions
from derive.reader.models.equations.gradients import derived_by
from derive.reader.models.equations.names import ABOUT, letter_name
from derive.reader.models.model import Model
from derive.reader.text.fragment import Fragment
from verify.formulas.judgement import NO_READING, Judgement, Word
from verify.notes import lint
from verify.notes.audited import Audited
from verify.notes.backward.unheld import OF_NO_MODEL
from verify.notes.models import holes
from verify.notes.models.resolve import NO_MODEL, OWN_WORD

_NONE = NO_MODEL.partition("}")[2]
_OWN = re.compile(r"line \d+" + re.escape(OWN_WORD.partition("}")[2].partition("{")[0]))
_HOLE = regex(r"depends on (?P<name>\S+): .*", re.DOTALL)
_UNKNOWN = regex(r"(?P<letter>.+?) is not known in this cell(?:; .*)?", re.DOTALL)
_GATES = regex(r"which gates \$(?P<letter>[^$]+)\$ stands for is not said: .*", re.DOTALL)
_UNREAD = "so that what follows from it is not known"
_UNWRITTEN = "which the note does not write"
_GIVEN = re.compile(
    rf"wrong if (?P<names>.+?){re.escape(holes.GIVEN.partition('}')[2].partition('{')[0])}.*", re.DOTALL
)
_BY_WEIGHT = regex(r"\}\s*\{\s*(?:\\partial|∂)\s*\{?\s*(?P<letter>[^{}]+(?:\{[^{}]*\})?)\}")
_MADE = regex(r"given_\d+|.*_before\d*")
"""Names of inputs that a model is given in place of what it lacks."""
WEIGHTS = frozenset(ascii_uppercase + "b")
"""First letters of weights and biases."""
SHARE, MOST = 3, 2
"""Of so many formulas one must wait for letters that nothing defines, if these are all that is lacking: values, and
weights alone.
"""


@dataclass(frozen=True)
class Wait:
    """What one judgement waits for: any model at all, or quantities by name; `letters` are unknown ones in it.

    Without any of these it waits for what reads a quantity that nothing reads.
    """

    model: bool = False
    names: tuple[str, ...] = ()
    letters: tuple[str, ...] = ()


def wait_of(audited: Audited, judgement: Judgement, lacking: Sequence[str]) -> Wait | None:
    """What a judgement waits for; None where it waits for no equation. `lacking` are quantities that have none.

    A letter that the model does not know waits for the quantity that it is a weight or the argument of, where that one
    has no equation, and else is unknown itself.
    """
    reason = judgement.reason
    if judgement.ignored or judgement.word not in (Word.UNDECIDED, Word.WRONG):
        return None
    if judgement.word is Word.WRONG:
        return _of_wrong(audited, judgement, lacking)
    if reason == OF_NO_MODEL or (audited.model is None and (reason.endswith(_NONE) or _OWN.match(reason))):
        return Wait(model=True)
    if audited.model is None:
        return None
    if (hole := _HOLE.fullmatch(reason)) and hole["name"] in {one.name for one in audited.model.holes}:
        return Wait(names=(hole["name"],))
    if given := _GIVEN.fullmatch(reason):
        return Wait(names=tuple(name for name in given["names"].split(", ") if name in audited.model.given))
    if reason.endswith(_UNREAD):
        return Wait(names=tuple(lacking))
    if reason.endswith(_UNWRITTEN) and lacking:
        mine = [name for name, _ in spoken(audited.formula.fragment) if name in lacking]
        return Wait(names=tuple(dict.fromkeys(mine or lacking)))
    if gates := _GATES.fullmatch(reason):
        mine = [name for name in lacking if name.partition("_")[0] == gates["letter"]]
        return Wait(names=tuple(mine)) if mine else None
    if unknown := _UNKNOWN.fullmatch(reason):
        return _of_letter(unknown["letter"], audited.model, lacking)
    return None


def _of_wrong(audited: Audited, judgement: Judgement, lacking: Collection[str]) -> Wait | None:
    """What is wrong waits where it has a gradient by a quantity without an equation on its right side.

    So does what fits no shapes, of a quantity that nothing reads, as nothing gives it a shape.
    """
    fragment = audited.formula.fragment
    equals = fragment.text.find("=")
    through = [_bare(one.name) for one in derived_by(fragment) if one.start > equals]
    if judgement.reason.startswith(NO_READING) and audited.model is not None:
        said = [name for name, _ in spoken(fragment)]
        through += said if holes.unread(audited.model.cell).intersection(said) else []
    names = tuple(dict.fromkeys(name for name in through if name in lacking))
    return Wait(names=names) if names else None


def _of_letter(latex: str, model: Model, lacking: Collection[str]) -> Wait | None:
    name = letter_name(latex)
    if not name or name in ABOUT:
        return None
    bare = _bare(name)
    label = bare if bare != name else name.partition("_")[2]
    given = (one.name for one in lint.undefined(model.cell) if not is_made(one.name))
    mine = [one for one in dict.fromkeys((*lacking, *given)) if label and _is_part(label, one)]
    others = {e.symbol.name for e in model.cell.equations} - {*lacking}
    if not mine and name[0] in WEIGHTS and not (label and any(_is_part(label, one) for one in others)):
        mine = list(lacking)
    if mine:
        return Wait(names=tuple(mine), letters=() if bare != name else (name,))
    return None if bare in model.cell.quantities else Wait(letters=(bare,))


def _bare(name: str) -> str:
    """The quantity whose argument or factor this is."""
    for prefix in (ARGUMENT, FACTOR):
        name = name.removeprefix(f"{prefix}_")
    return name


def _is_part(label: str, name: str) -> bool:
    """Whether a label names a quantity: z of W_z, zx of W_{zx}, h of W_h beside h̃."""
    base = name.partition("_")[0]
    return label in (name, name.replace("_", "")) or label.startswith(base) or label.endswith(base)


def lacking(model: Model, fragments: Collection[Fragment]) -> list[str]:
    """The quantities of a model without an equation, and its inputs that look like such, as its formulas show.

    They know the argument of these, or a value of them at another step than the model reads.
    """
    if model.recognised:
        return []
    found = [*(one.name for one in model.holes), *model.given, *_elsewhere(model.cell, fragments)]
    return [name for name in dict.fromkeys(found) if not is_made(name)]


def is_made(name: str) -> bool:
    """Whether this is an input or a state that a model is given in place of what it lacks."""
    return _MADE.fullmatch(name) is not None


def _elsewhere(cell: Cell, fragments: Collection[Fragment]) -> list[str]:
    inputs = [one.name for one in cell.inputs if one.time is not None and one not in cell.targets]
    if INPUTS.isdisjoint(inputs):
        return []
    known = {name for each in fragments for name, offset in spoken(each) if offset}
    known |= {bare for each in fragments for one in _mentions(each) if (bare := _bare(one.name)) != one.name}
    known |= {name.replace("_", "") for name in inputs if name.replace("_", "") in known}
    return [name for name in inputs if name in known - INPUTS]


def spoken(fragment: Fragment) -> Iterator[tuple[str, int | None]]:
    """The quantities of a formula with their steps, but for losses, errors and small d; nothing if it is not read."""
    for one in _mentions(fragment):
        if one.name.split("_")[0] not in {*ABOUT, *LOSSES}:
            yield _bare(one.name), one.offset


def acted_on(fragment: Fragment) -> Iterator[tuple[str, tuple[str, int]]]:
    """What a weight acts on, as the gradient by it ends in: h_{t-1} of ∂J/∂U = Σ_t δ_t h_{t-1}^⊤."""
    left, _, right = fragment.text.partition("=")
    by = _BY_WEIGHT.search(left)
    if by is None or TRANSPOSES.search(right) is None:
        return
    found, name = list(spoken(fragment)), letter_name(by["letter"])
    if found and found[-1][1] is not None and name and name[0].isupper():
        yield name, (found[-1][0], found[-1][1])


def _mentions(fragment: Fragment) -> list[Mention]:
    try:
        return mentions(fragment)
    except (InputError, RecursionError):
        return []
