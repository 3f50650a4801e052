"""Mistakes that the numbers of one gradient tell without a cell: a factor, a transpose, another's place."""

from __future__ import annotations

import numpy as np

from verify.code.judging import differences
from verify.code.judging.differences import Along
from verify.code.judging.judged import Judged, Seen
from verify.code.report import Standing
from verify.formulas.judgement import Mistake
from verify.numbers.case import Array

NEAR = 2e-5
"""How near the numbers must come to a simple mistake: they are compared with differences."""


def turned(one: Seen, label: str) -> bool:
    """Whether a gradient of the wrong shape is right when it is transposed."""
    got, value = np.asarray(one.got[label]), one.trial.values[one.of[label]]
    if got.ndim != 2 or got.T.shape != value.shape:
        return False
    return differences.factor_of(*_said(one, label, got.T)) == 1


def unsummed(one: Seen, label: str) -> Mistake | None:
    """The sum that is missing in a gradient with an axis too many, if its sum is right."""
    got, value = np.asarray(one.got[label]), one.trial.values[one.of[label]]
    setting = one.setting
    for name, length in (("t", setting.T), ("the batch", setting.B)):
        for axis in (0, got.ndim - 1):
            if got.ndim != value.ndim + 1 or got.shape[axis] != length or got.sum(axis).shape != value.shape:
                continue
            if is_one(differences.factor_of(*_said(one, label, got.sum(axis)))):
                detail = f"shape {got.shape}, expected {value.shape}: one for each part; their sum is right"
                return Mistake(f"missing sum over {name}", detail)
    return None


def _said(one: Seen, label: str, gradient: Array) -> tuple[Array, Along]:
    along = one.along.get(label) or differences.along(one.trial, one.of[label], one.single)
    return along.of(gradient), along


def is_one(factor: float | None) -> bool:
    """Whether a factor is 1, as far as differences tell."""
    return factor is not None and abs(factor - 1) < NEAR


def by_numbers(judged: Judged, label: str) -> Mistake | None:
    """A mistake that the numbers tell by themselves, the same in every setting in which the gradient is wrong."""
    names: list[set[str]] = []
    first: dict[str, Mistake] = {}
    for one in judged.seen:
        if one.standings.get(label) is not Standing.WRONG or one.setting.seeds != 1 or label not in one.along:
            continue
        options = {m.name + m.detail: m for m in _options(judged, one, label)}
        first = first or options
        names.append(set(options))
    common = set.intersection(*names) if names else set()
    return next((m for key, m in first.items() if key in common), None)


def _options(judged: Judged, one: Seen, label: str) -> list[Mistake]:
    got, along, setting = np.asarray(one.got[label], float), one.along[label], one.setting
    if not got.any():
        return [Mistake("left at zero", "the gradient is zero")]
    T, B = setting.T if judged.plan.timed else 1, setting.B if judged.plan.batched else 1
    named = [("-1", -1.0), ("1/B", 1 / B), ("B", B), ("1/T", 1 / T), ("T", T), ("1/(BT)", 1 / (B * T)), ("BT", B * T)]
    named += [("2", 2.0), ("1/2", 0.5), ("1/H", 1 / setting.H), ("H", setting.H), ("1/K", 1 / setting.K)]
    named += [("K/2", setting.K / 2), ("2/K", 2 / setting.K), ("K", setting.K), ("1/D", 1 / setting.D)]
    named += [("D", setting.D)]
    found: list[Mistake] = []
    said = along.of(got)
    factor = differences.factor_of(said, along)
    if factor is not None and factor != 0:
        found += [_scaled(name) for name, value in named if abs(factor - value) < NEAR * abs(value)]
        found.append(Mistake("constant factor", f"multiplied by {factor:.5g}"))
        if not found[:-1]:
            found.append(Mistake("constant factor", "multiplied by a number that is not the same for all sizes"))
    if got.ndim == 2 and got.shape[0] == got.shape[1] and is_one(differences.factor_of(along.of(got.T), along)):
        found.append(Mistake("transposed gradient", "the gradient is transposed"))
    value = one.trial.values[one.of[label]]
    apart, along_value = said - along.want, along.of(value)
    decay = float((apart * along_value).sum()) / float((along_value**2).sum() or 1)
    fits = np.abs(apart - decay * along_value).max() <= NEAR * np.abs(apart).max()
    if judged.plan.variables[one.of[label]].part == "weight" and fits:
        found.append(Mistake("weight decay added", f"{decay:.4g} times the weight is added, which is no part of J"))
    for other, name in one.of.items():
        there = one.along.get(other)
        same = other != label and there is not None and one.trial.values[name].shape == value.shape
        if same and there is not None and is_one(differences.factor_of(there.of(got), there)):
            found.append(Mistake("in another's place", f"the gradient of {name} in the place of {one.of[label]}"))
    return found


def _scaled(name: str) -> Mistake:
    if name == "-1":
        return Mistake("sign", "multiplied by -1")
    about = {
        "1/B": "averaged over the batch: the mean over the number of examples",
        "1/T": "the mean over the steps",
        "T": "T times",
    }
    return Mistake("constant factor", f"multiplied by {name}" + (f" ({about[name]})" if name in about else ""))
