"""The mistakes in a wrong backward pass, each gradient by itself.

First what the numbers alone tell (a factor, a transpose, a bound, weight decay, one example, one step); then programs
with a mistake of the dictionary, run on the same numbers: as few mistakes as explain all wrong gradients.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from verify.code import differences
from verify.code.adapters import Observation, Observed
from verify.code.diagnose import Experiment, explanations, nearest
from verify.code.differences import Along
from verify.code.judged import Judged, Seen
from verify.code.match import Match
from verify.code.mistakes import Laboratory, Variation, variations
from verify.code.protocols.axes import SETTINGS, Setting
from verify.code.protocols.base import RaisedError
from verify.code.report import Standing
from verify.code.results import Spot
from verify.code.run import Prediction
from verify.code.through_time import clipped, last_only, truncated
from verify.formulas.judgement import Mistake
from verify.numbers.case import Array

NEAR = 2e-5
"""How near the numbers must come to a simple mistake: they are compared with differences."""

SHORT, ONE, LONGER = Setting(5, 3, 4, 6, 13), Setting(1, 3, 4, 6, 13), Setting(16, 3, 4, 6, 13)
"""The cases on which programs with a mistake are run."""

ALONE, PAIRS = 150, 400
"""So many mistakes beside one in the finished gradient, and so many pairs, are run for what no single one explains."""

Found = dict[str, tuple[Mistake, ...]]


def explained(
    judged: Judged, match: Match | None, computing: Callable[[], None] = lambda: None
) -> tuple[tuple[Mistake, ...], str]:
    """The mistakes that explain the wrong gradients, and the nearest one in words where they are not explained.

    `computing` is called once their code is called no more: the limit of its time is over then.
    """
    wrong = judged.wrong()
    if judged.kept or not wrong:
        return (), ""
    found = _special(judged, wrong)
    left = [label for label in wrong if label not in found]
    simple = {label: m for label in left if (m := _by_numbers(judged, label)) is not None}
    near = ""
    # A gradient of zero may be one that keeps the first step alone: the cell knows.
    if match is not None and any(label not in simple or simple[label].name == "left at zero" for label in left):
        by_cell, near = _by_cell(judged, match, left, set(simple), computing)
        # What one mistake of a program explains for all is said once; what the numbers tell of one gradient, else.
        for label in left:
            if label in by_cell:
                found[label] = by_cell[label]
            elif label in simple:
                found[label] = (simple[label],)
    else:
        found |= {label: (m,) for label, m in simple.items()}
    open_ = [label for label in wrong if label not in found]
    if open_:
        near = "; ".join(filter(None, (f"no known mistake explains {', '.join(open_)}", near)))
    return _told(found, wrong), near


def _told(found: Found, wrong: Sequence[str]) -> tuple[Mistake, ...]:
    """One line for every mistake, with the gradients it explains."""
    labels: dict[Mistake, list[str]] = {}
    for label in wrong:
        for mistake in found.get(label, ()):
            labels.setdefault(mistake, []).append(label)
    return tuple(Mistake(m.name, f"{m.detail} ({', '.join(some)})") for m, some in labels.items())


# What needs no cell


def _special(judged: Judged, wrong: Sequence[str]) -> Found:
    """Gradients that are wrong for one example only, or for one step only."""
    found: Found = {}
    for label in wrong:
        seen = [one for one in judged.seen if label in one.standings]
        bad = [one for one in seen if one.standings[label] is Standing.WRONG]
        if len(bad) == 1 and len(seen) > 1:
            if bad[0].setting.label == "B = 1":
                detail = (
                    "right for several examples, wrong for B = 1, a batch of one example: an axis of length one is lost"
                )
                found[label] = (Mistake("wrong for one example", detail),)
            elif bad[0].setting.label == "T = 1" and judged.plan.timed:
                detail = "right for several steps, wrong for T = 1, a sequence of one step"
                found[label] = (Mistake("wrong for one step", detail),)
        if label not in found and _right_unmasked(judged, bad[0], label):
            detail = "right for sequences of full length, wrong where one ends before the others: at its masked steps"
            found[label] = (Mistake("wrong where a sequence has ended", detail),)
        reason = bad[0].reasons.get(label, "")
        if reason.startswith(("shape", "dtype", "not finite")) and label not in found:
            found[label] = (Mistake("wrong shape" if reason.startswith("shape") else "not a gradient", reason),)
            turned = _turned(bad[0], label)
            if turned:
                found[label] = (Mistake("transposed gradient", f"the gradient is transposed: {reason}"),)
    return found


def _right_unmasked(judged: Judged, one: Seen, label: str) -> bool:
    """Whether a gradient is right where no sequence ends before the others."""
    plan = judged.plan
    if not any(v.part in ("mask", "lengths") for v in plan.variables.values()) or label not in one.along:
        return False
    trial = plan.trial(one.setting, seed=8).unmasked()
    try:
        got = np.asarray(trial.gradients()[label], float)
        seen = differences.along(trial, one.of[label], one.single)
    except (RaisedError, KeyError):
        return False
    return _is_one(differences.factor_of(seen.of(got), seen))


def _turned(one: Seen, label: str) -> bool:
    """Whether a gradient of the wrong shape is right when it is transposed."""
    got, value = np.asarray(one.got[label]), one.trial.values[one.of[label]]
    if got.ndim != 2 or got.T.shape != value.shape:
        return False
    return differences.factor_of(*_said(one, label, got.T)) == 1


def _said(one: Seen, label: str, gradient: Array) -> tuple[Array, Along]:
    along = one.along.get(label) or differences.along(one.trial, one.of[label], one.single)
    return along.of(gradient), along


def _is_one(factor: float | None) -> bool:
    return factor is not None and abs(factor - 1) < NEAR


def _by_numbers(judged: Judged, label: str) -> Mistake | None:
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
    found: list[Mistake] = []
    said = along.of(got)
    factor = differences.factor_of(said, along)
    if factor is not None and factor != 0:
        found += [_scaled(name) for name, value in named if abs(factor - value) < NEAR * abs(value)]
        found.append(Mistake("constant factor", f"multiplied by {factor:.5g}"))
        if not found[:-1]:
            found.append(Mistake("constant factor", "multiplied by a number that is not the same for all sizes"))
    if got.ndim == 2 and got.shape[0] == got.shape[1] and _is_one(differences.factor_of(along.of(got.T), along)):
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
        if same and there is not None and _is_one(differences.factor_of(there.of(got), there)):
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


# What programs with a mistake tell


def _experiment(judged: Judged, match: Match, setting: Setting) -> Experiment | None:
    plan = judged.plan
    trial = plan.trial(setting, seed=7).unmasked()
    try:
        passed = trial.run(trial.values)
        trial.objective(trial.values)
        got = trial.gradients(passed)
    except RaisedError:  # it ran in the settings that were judged; a case it does not run in tells nothing here
        return None
    observed = []
    for label, value in got.items():
        name = plan.variable_of(label, value.shape, trial.setting)
        if name is None or value.dtype.kind not in "fiu":
            continue
        for part, ours, block in match.parts(label, name, value, trial.setting):
            observed.append(Observed(part, ours, np.asarray(block)))
    single = any(one.single for one in judged.seen)
    case = match.case(trial)
    return Experiment(
        Laboratory(match.derivation, case), Observation(tuple(observed), None, ()), 1e-4 if single else 1e-8
    )


def _by_cell(
    judged: Judged, match: Match, wrong: Sequence[str], simple: set[str], computing: Callable[[], None]
) -> tuple[Found, str]:
    settings = [SHORT, ONE] if judged.plan.timed else [SHORT]
    experiments = [e for s in settings if (e := _experiment(judged, match, s)) is not None]
    if not experiments:
        return {}, ""
    known = variations(match.derivation)
    if all(part.right for part in _judged_parts(experiments[0])):
        return _late(judged, match)
    computing()
    found, near = _cover(experiments, known)
    by_label = _by_label(found, wrong, experiments[0])
    if len({m for ms in by_label.values() for m in ms}) <= 2 and all(label in by_label for label in wrong):
        return by_label, ""
    pairs = explanations(experiments, known)
    if pairs and len(pairs[0].mistakes) <= 2:
        return dict.fromkeys(wrong, pairs[0].mistakes), ""
    return by_label, "" if all(label in by_label or label in simple for label in wrong) else near


@dataclass(frozen=True)
class _Part:
    observed: Observed
    right: bool


def _judged_parts(experiment: Experiment) -> list[_Part]:
    return [_Part(one, experiment.is_same(one, experiment.truth)) for one in experiment.observed]


def _late(judged: Judged, match: Match) -> tuple[Found, str]:
    """Right for few steps: truncated after more, or clipped where gradients are large."""
    wrong = judged.wrong()
    long = next(s for s in SETTINGS if s.seeds != 1)
    for setting, lengths in ((LONGER, range(4, 16)), (replace(long, seeds=1.0), range(16, long.T)), (long, range(0))):
        experiment = _experiment(judged, match, setting)
        if experiment is None or all(part.right for part in _judged_parts(experiment)):
            continue
        derivation = match.derivation
        known: list[Variation] = [*last_only(derivation, lengths)]
        known += truncated(derivation, lengths, ("from the end", "from the start") if lengths else ())
        known += [] if lengths else [*clipped(derivation)]
        found, near = _cover([experiment], known)
        if not found and setting is LONGER:
            found, near = _cover([experiment], list(truncated(derivation, lengths, ("each output",))))
        if found:
            return _by_label(found, wrong, experiment), ""
        return {}, near
    return {}, ""


def _by_label(found: dict[str, tuple[Mistake, ...]], wrong: Sequence[str], experiment: Experiment) -> Found:
    """Mistakes of parts as mistakes of their gradients; a gradient counts when all its wrong parts are explained."""
    result: Found = {}
    for label in wrong:
        parts = [p for p in _judged_parts(experiment) if not p.right and _of(p.observed.label, label)]
        if parts and all(p.observed.label in found for p in parts):
            result[label] = tuple(dict.fromkeys(m for p in parts for m in found[p.observed.label]))
    return result


def _of(part: str, label: str) -> bool:
    return part == label or (part.startswith(f"{label}[") and part.endswith("]"))


def _cover(experiments: Sequence[Experiment], known: Sequence[Variation]) -> tuple[dict[str, tuple[Mistake, ...]], str]:
    """For every wrong part the mistakes that reproduce it: as few different ones as explain as many as can be."""
    first = experiments[0]
    parts = _judged_parts(first)
    wrong = [p.observed for p in parts if not p.right]
    right = [p.observed for p in parts if p.right]
    found: dict[str, tuple[Mistake, ...]] = {}

    # One step first: it takes least time and excludes most.
    cheapest = sorted(experiments, key=lambda e: e.case.T)

    def fits(one: Observed, together: Sequence[Variation]) -> bool:
        for experiment in cheapest:
            same = next((o for o in experiment.observed if o.label == one.label), None)
            prediction = experiment.laboratory.predict(*together)
            if same is None or prediction is None or not experiment.is_same(same, prediction):
                return False
        return True

    matching = {k: [one for one in wrong if fits(one, [v])] for k, v in enumerate(known)}
    broken = {k: sum(not fits(one, [known[k]]) for one in right) for k, some in matching.items() if some}
    chosen: list[Variation] = []

    def pending() -> list[Observed]:
        return [one for one in wrong if one.label not in found]

    results = {one.label: _finished(one, experiments, ()) for one in wrong}
    while pending():
        counts = {k: sum(one.label not in found for one in some) for k, some in matching.items() if some}
        best = max(counts, key=lambda k: (counts[k], -broken[k], -k), default=None)
        # A mistake in the finished gradient (one step, in another's place) that explains as much comes first.
        names: dict[str, list[tuple[str, tuple[Mistake, ...]]]] = {}
        for one in pending():
            for mistakes in results[one.label]:
                names.setdefault(" and ".join(m.name for m in mistakes), []).append((one.label, mistakes))
        finished = max(names.values(), key=lambda some: len({label for label, _ in some}), default=[])
        covered = len({label for label, _ in finished})
        most = 0 if best is None else counts[best]
        if not most and not covered:
            break
        clean = best is not None and broken[best] == 0
        several = best is not None and len({one.label.split("[")[0] for one in matching[best]}) > 1
        if best is not None and (most > covered or (most == covered and clean and several)):
            for one in matching[best]:
                found.setdefault(one.label, (known[best].mistake,))
            chosen.append(known[best])
        else:
            for label, mistakes in finished:
                found.setdefault(label, mistakes)
    together: list[tuple[Variation, ...]] = [(v,) for v in chosen]
    left = {1: ALONE, 2: PAIRS}
    # First the gradients in which one step alone shows a mistake: they say what to try for the others.
    for one in sorted(pending(), key=lambda one: not _shows(one, cheapest)):
        tries = itertools.chain(together, _plausible(one, cheapest, known))
        for some in tries:
            left[len(some)] -= 1
            if left[len(some)] < 0:
                continue
            mistakes = tuple(v.mistake for v in some)
            if fits(one, some):
                found[one.label] = mistakes
            elif (len(some) == 1 or some in together) and (options := _finished(one, experiments, some)):
                found[one.label] = (*mistakes, *options[0])
            else:
                continue
            if some not in together:
                together.insert(0, some)
            break
    return found, "" if not pending() else nearest(first, known)


def _shows(one: Observed, cheapest: Sequence[Experiment]) -> bool:
    """Whether a gradient is wrong for one step already."""
    short = cheapest[0]
    here = next((o for o in short.observed if o.label == one.label), None)
    return here is not None and not short.is_same(here, short.truth)


def _plausible(
    one: Observed, cheapest: Sequence[Experiment], known: Sequence[Variation]
) -> Iterator[tuple[Variation, ...]]:
    """Mistakes that reach a gradient, one alone and two together, the likeliest first.

    With one step, what is wrong within the step shows without what is wrong from step to step: of two mistakes, one
    must do there what was seen, or the other must.
    """
    short, full = cheapest[0], cheapest[-1]
    reaching = [v for v in known if _reaches(full, v, one)]
    yield from ((v,) for v in reaching)
    here = next((o for o in short.observed if o.label == one.label), None)
    if here is None or short is full:
        return
    as_seen = [v for v in known if (p := short.laboratory.predict(v)) is not None and short.is_same(here, p)]
    inner = [v for v in as_seen if _reaches(short, v, here)]
    later = [v for v in reaching if not _reaches(short, v, here)]
    if inner:
        pairs = itertools.product(inner, [*later, *(v for v in reaching if v not in later)])
    else:  # the truth for one step: both are in what goes from step to step
        pairs = itertools.combinations(later, 2)  # type: ignore[assignment]
    yield from ((v, w) for v, w in pairs if v is not w)


def _reaches(experiment: Experiment, variation: Variation, one: Observed) -> bool:
    prediction = experiment.laboratory.predict(variation)
    truth = experiment.truth.gradients[one.ours]
    return prediction is not None and not np.array_equal(prediction.gradients[one.ours], truth)


def _finished(
    one: Observed, experiments: Sequence[Experiment], together: Sequence[Variation]
) -> list[tuple[Mistake, ...]]:
    """Mistakes in a finished gradient that lead from a prediction to it, in every experiment where it is wrong."""
    options: list[list[tuple[Mistake, ...]]] = []
    for experiment in experiments:
        same = next((o for o in experiment.observed if o.label == one.label), None)
        prediction: Prediction | None = experiment.laboratory.predict(*together)
        if same is None or prediction is None:
            return []
        here = experiment.options(same, Spot(same.ours, prediction, experiment.case))
        if () in here:
            continue  # a factor 1/T leaves no trace for T = 1
        options.append(here)
    if not options:
        return []
    names = [{tuple(m.name for m in some) for some in here} for here in options[1:]]
    return [some for some in options[0] if all(tuple(m.name for m in some) in other for other in names)]
