"""Which mistaken programs reproduce the gradients that are wrong: as few mistakes as explain as many as can be.

First the mistakes one by one, then those found in finished gradients, then several at once (`together`). What explains
a few steps must explain many: a loop over the last four steps looks, over five, like one without the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from verify.code.calling.axes import SETTINGS, Setting
from verify.code.calling.base import RaisedError
from verify.code.diagnosis.diagnose import Experiment, explanations, nearest
from verify.code.diagnosis.together import Together, needed, together
from verify.code.judging.judged import Judged
from verify.code.layouts.adapters import Observation, Observed
from verify.code.matching.match import Match
from verify.code.mistakes.registry import Laboratory, Variation, variations
from verify.code.mistakes.results import Spot
from verify.code.mistakes.through_time import clipped, last_only, truncated
from verify.code.programs.run import Prediction
from verify.formulas.judgement import Mistake

SHORT, ONE, LONGER = Setting(5, 3, 4, 6, 13), Setting(1, 3, 4, 6, 13), Setting(16, 3, 4, 6, 13)
"""The cases on which programs with a mistake are run."""

PAIRS = 300
"""So many pairs of mistakes are run where neither shows alone."""

Found = dict[str, tuple[Mistake, ...]]


@dataclass(frozen=True)
class Reason:
    """Why one gradient is what it is: mistakes of the program, and mistakes in what it then gives back."""

    program: Together
    results: tuple[Mistake, ...] = ()

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """All of them."""
        return (*(variation.mistake for variation in self.program), *self.results)


Reasons = dict[str, Reason]
"""By the label of a gradient, or of a block of one."""


def by_cell(
    judged: Judged, match: Match, wrong: Sequence[str], simple: set[str], computing: Callable[[], None]
) -> tuple[Found, str]:
    """The mistakes in the wrong gradients by label, and in words the nearest one where they are not explained.

    `simple`: labels of which the numbers alone tell something. `computing` is called before their code is left alone.
    """
    settings = [SHORT, ONE] if judged.plan.timed else [SHORT]
    experiments = [e for s in settings if (e := _experiment(judged, match, s)) is not None]
    if not experiments:
        return {}, ""
    if all(part.right for part in _parts(experiments[0])):
        return _late(judged, match)
    longer = _experiment(judged, match, LONGER) if judged.plan.timed else None
    computing()
    known = variations(match.derivation)
    if not judged.plan.timed:
        known = [variation for variation in known if not variation.over_steps]
    hidden = not all(_shows(experiments[0], label) for label in wrong)
    found, near = ({}, "") if hidden and longer is not None else _explained(experiments, known)
    if longer is not None and (hidden or not _holds(longer, found)):
        more = [*last_only(match.derivation, range(7, 16)), *truncated(match.derivation, range(7, 16))]
        again, further = _explained([longer, *experiments[1:]], [*known, *more])
        if len(again) >= len(found):
            found, near, experiments = again, further, [longer, *experiments[1:]]
    by_label = _by_label(found, wrong, experiments[0])
    if not all(label in by_label or label in simple for label in wrong):
        pairs = explanations(experiments, known, PAIRS)
        if pairs and len(pairs[0].mistakes) <= 2:
            return dict.fromkeys(wrong, pairs[0].mistakes), ""
    return by_label, "" if all(label in by_label or label in simple for label in wrong) else near


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
    laboratory = Laboratory(match.derivation, match.case(trial))
    return Experiment(laboratory, Observation(tuple(observed), None, ()), 1e-4 if single else 1e-8)


@dataclass(frozen=True)
class _Part:
    observed: Observed
    right: bool


def _parts(experiment: Experiment) -> list[_Part]:
    return [_Part(one, experiment.is_same(one, experiment.truth)) for one in experiment.observed]


def _shows(experiment: Experiment, label: str) -> bool:
    """Whether a gradient is wrong in an experiment."""
    return any(not part.right and _of(part.observed.label, label) for part in _parts(experiment))


def _late(judged: Judged, match: Match) -> tuple[Found, str]:
    """Right for few steps: truncated after more, or clipped where gradients are large."""
    wrong = judged.wrong()
    long = next(s for s in SETTINGS if s.seeds != 1)
    for setting, lengths in ((LONGER, range(4, 16)), (replace(long, seeds=1.0), range(16, long.T)), (long, range(0))):
        experiment = _experiment(judged, match, setting)
        if experiment is None or all(part.right for part in _parts(experiment)):
            continue
        derivation = match.derivation
        known: list[Variation] = [*last_only(derivation, lengths)]
        known += truncated(derivation, lengths, ("from the end", "from the start") if lengths else ())
        known += [] if lengths else [*clipped(derivation)]
        found, near = _explained([experiment], known)
        if not found and setting is LONGER:
            found, near = _explained([experiment], list(truncated(derivation, lengths, ("each output",))))
        if found:
            return _by_label(found, wrong, experiment), ""
        return {}, near
    return {}, ""


def _by_label(found: Reasons, wrong: Sequence[str], experiment: Experiment) -> Found:
    """Mistakes of parts as mistakes of their gradients; a gradient counts when all its wrong parts are explained."""
    result: Found = {}
    for label in wrong:
        parts = [p for p in _parts(experiment) if not p.right and _of(p.observed.label, label)]
        if parts and all(p.observed.label in found for p in parts):
            result[label] = tuple(dict.fromkeys(m for p in parts for m in found[p.observed.label].mistakes))
    return result


def _of(part: str, label: str) -> bool:
    return part == label or (part.startswith(f"{label}[") and part.endswith("]"))


def _holds(experiment: Experiment, found: Reasons) -> bool:
    """Whether every reason explains another experiment, too."""
    for one in experiment.observed:
        reason = found.get(one.label)
        if reason is None:
            continue
        prediction = experiment.laboratory.predict(*reason.program)
        if prediction is None:
            return False
        options = experiment.options(one, Spot(one.ours, prediction, experiment.case))
        names = {mistake.name for mistake in reason.results}
        if not any(names.issuperset(mistake.name for mistake in some) for some in options):
            return False
    return True


@dataclass
class _Cover:
    """The reasons found so far for the wrong parts, over some experiments."""

    experiments: Sequence[Experiment]
    known: Sequence[Variation]
    found: Reasons = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = _parts(self.experiments[0])
        self.wrong = [p.observed for p in parts if not p.right]
        self.right = [p.observed for p in parts if p.right]
        # One step first: it takes least time and excludes most.
        self.cheapest = sorted(self.experiments, key=lambda e: e.case.T)

    def pending(self) -> list[Observed]:
        """What has no reason yet."""
        return [one for one in self.wrong if one.label not in self.found]

    def fits(self, one: Observed, some: Together) -> bool:
        """Whether a program with these mistakes gives what was returned, in every experiment."""
        for experiment in self.cheapest:
            same = _there(experiment, one)
            prediction = experiment.laboratory.predict(*some)
            if same is None or prediction is None or not experiment.is_same(same, prediction):
                return False
        return True

    def one_by_one(self) -> list[Variation]:
        """Single mistakes, of a program or of a finished gradient, the one that explains most first; those chosen."""
        matching = {k: [one for one in self.wrong if self.fits(one, (v,))] for k, v in enumerate(self.known)}
        broken = {
            k: sum(not self.fits(one, (self.known[k],)) for one in self.right) for k, some in matching.items() if some
        }
        results = {one.label: self.finished(one, ()) for one in self.wrong}
        chosen: list[Variation] = []
        while self.pending():
            counts = {k: sum(one.label not in self.found for one in some) for k, some in matching.items() if some}
            best = max(counts, key=lambda k: (counts[k], -broken[k], -k), default=None)
            # A mistake in the finished gradient (one step, in another's place) that explains as much comes first.
            names: dict[str, list[tuple[str, tuple[Mistake, ...]]]] = {}
            for one in self.pending():
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
                    self.found.setdefault(one.label, Reason((self.known[best],)))
                chosen.append(self.known[best])
            else:
                for label, mistakes in finished:
                    self.found.setdefault(label, Reason((), mistakes))
        return chosen

    def at_once(self, chosen: Iterable[Variation]) -> Reasons:
        """The reasons by the set of mistakes that reproduces most."""
        some = together(self.experiments, self.known, [(v,) for v in chosen])
        found: Reasons = {}
        for one in self.wrong:
            if self.fits(one, some):
                found[one.label] = Reason(needed(self.experiments, some, one.ours))
            elif options := self.finished(one, some):
                found[one.label] = Reason(needed(self.experiments, some, one.ours), options[0])
        return found

    def finished(self, one: Observed, some: Together) -> list[tuple[Mistake, ...]]:
        """Mistakes in a finished gradient that lead from a prediction to it; some leave no trace for a single step."""
        options: list[list[tuple[Mistake, ...]]] = []
        for experiment in self.experiments:
            same = _there(experiment, one)
            prediction: Prediction | None = experiment.laboratory.predict(*some)
            if same is None or prediction is None:
                return []
            options.append(experiment.options(same, Spot(same.ours, prediction, experiment.case)))
        names = [[{m.name for m in ways} for ways in here] for here in options]
        leading = max(range(len(options)), key=lambda k: self.experiments[k].case.T)
        return [
            ways
            for ways in options[leading]
            if ways and all(any(other <= {m.name for m in ways} for other in here) for here in names)
        ]


def _there(experiment: Experiment, one: Observed) -> Observed | None:
    return next((o for o in experiment.observed if o.label == one.label), None)


def _explained(experiments: Sequence[Experiment], known: Sequence[Variation]) -> tuple[Reasons, str]:
    """For every wrong part its reason, and in words the nearest mistake where some have none."""
    cover = _Cover(experiments, known)
    chosen = cover.one_by_one()
    if cover.pending():
        at_once = cover.at_once(chosen)
        if len(at_once) >= len(cover.found):
            cover.found = {**cover.found, **at_once}
        else:
            cover.found = {**at_once, **cover.found}
    return cover.found, "" if not cover.pending() else nearest(experiments[0], known)
