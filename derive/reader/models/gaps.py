"""Quantities that are used and never defined, where another letter of the document plainly stands for them."""

from __future__ import annotations

from collections.abc import Collection

from derive.notation import MARKS
from derive.reader.models.choice import Choice
from derive.reader.models.equations.equation import Equation


def fill_gaps(chosen: Choice) -> None:
    """Quantities that are used and never defined, where another letter plainly stands for them."""
    for name, offsets in chosen.used.items():
        if name in chosen.by_name or offsets == {None}:
            continue
        marked = next((e for e in chosen.nearest for m in MARKS if e.target == f"{name}_{m}"), None)
        if marked is not None:
            chosen.by_name.pop(marked.target, None)
            _adopt(chosen, marked, name, f"{marked.target} is taken to be {name}")
    for equation in [e for e in chosen.by_name.values() if e.loss]:
        _name_target(chosen, equation)
    for equation in [e for e in chosen.by_name.values() if e.loss]:
        for mention in equation.used:
            source = next((e for e in chosen.nearest if "softmax" in e.right and not e.loss), None)
            compared = {m.name for m in equation.used}
            if mention.name.endswith("_hat") and mention.name in chosen.by_name:
                _part_logits(chosen, mention.name, compared)
            if source is not None and source.target in compared and mention.name != f"{source.target}_hat":
                continue  # what is predicted stands there already
            if source is not None and _of_another(source, equation) and compared & set(chosen.by_name):
                continue  # what is predicted is computed here, and ŷ is what it is compared with
            if source is not None and equation.in_logarithm[:1] == [source.target]:
                continue  # -Σ ŷ log y, of a note that calls the target ŷ
            if mention.name.endswith("_hat") and mention.name not in chosen.by_name and source is not None:
                said = f"{mention.name} is taken to be {source.target}"
                if mention.name == f"{source.target}_hat" and source.target in compared:
                    chosen.by_name.pop(source.target, None)  # the loss compares y with it, so y is the target
                    said = f"the equation for {source.target} is taken to be one for {mention.name}"
                _adopt(chosen, source, mention.name, said)


def without_same_losses(chosen: Choice) -> None:
    """Leave out a loss that is written out under two letters, L = Σ_t ... beside ℓ_t: the one that is claimed stays."""
    found: dict[tuple[object, ...], list[Equation]] = {}
    for equation in chosen.by_name.values():
        if equation.loss and not any(equation.target in (m.name for m in e.used) for e in chosen.by_name.values()):
            key = "".join(equation.right.split()), equation.offset, equation.at_end, equation.whole or 1
            found.setdefault(key, []).append(equation)
    for same in found.values():
        kept = min(same, key=lambda e: (e.target not in chosen.wanted, e.index))
        for equation in same:
            if equation is not kept:
                del chosen.by_name[equation.target]


def _of_another(source: Equation, loss: Equation) -> bool:
    """Whether an equation stands behind a loss, in a section that is none of the loss's."""
    shared = source.section[: len(loss.section)] == loss.section
    return not shared and source.index > loss.index


def _name_target(chosen: Choice, loss: Equation) -> None:
    """Where p_t - e_t stands with an unknown letter behind what is predicted, it is what the loss compares with."""
    compared = [m.name for m in loss.used if m.offset == loss.offset]
    targets = {name for name in compared if chosen.is_data(name)}
    known = set(chosen.by_name) | set(chosen.used)
    other = {b for a, b in chosen.given.subtracted if a in compared and a in chosen.by_name and b not in known}
    if len(targets) == 1 and len(other) == 1 and not targets & {b for _, b in chosen.given.subtracted}:
        (old,), (new,) = targets, other
        chosen.by_name[loss.target] = loss.renamed({old: new})
        chosen.assumed.append(f"{new} is what the loss compares with, {old}")


def _part_logits(chosen: Choice, predicted: str, compared: Collection[str]) -> None:
    """Where a note calls both the target and the logits y, the loss that compares ŷ with y has the target."""
    name = predicted.removesuffix("_hat")
    equation = chosen.by_name.get(name)
    if name not in compared or equation is None or "softmax" in equation.right:
        return
    read = {mention.name for mention in chosen.by_name[predicted].used} & set(chosen.by_name) - {name}
    same = [predicted, *read]  # the logits stand in ŷ itself, or have a letter of their own
    if any("".join(equation.right.split()) in "".join(chosen.by_name[each].right.split()) for each in same):
        del chosen.by_name[name]
        line = equation.place[1]
        chosen.assumed.append(f"{name}, with which the loss compares {predicted}, is not what line {line} calls so")


def _adopt(chosen: Choice, equation: Equation, name: str, said: str) -> None:
    """Take an equation for another name, in the letters that are in use here."""
    known = set(chosen.by_name) | set(chosen.used) | set(chosen.wanted)
    letters = {
        m.name: m.name.swapcase()
        for m in equation.used
        if len(m.name) == 1 and m.offset is not None and m.name not in known and m.name.swapcase() in known
    }
    chosen.by_name[name] = equation.with_target(name).renamed(letters)
    chosen.assumed.append(said)
    chosen.assumed += [f"{old} is taken to be {new}" for old, new in letters.items()]
    chosen.take([m.name for m in chosen.by_name[name].used])
