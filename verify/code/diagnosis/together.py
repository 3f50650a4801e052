"""Several mistakes at once: the set of mistaken terms and loops that reproduces most of what was returned.

One step alone (T = 1) shows what is wrong within the step; there a set grows by one mistake at a time, as long as more
gradients come out as they were returned. What it cannot show, in the carry and the loop, is added over several steps.
A gradient that comes out up to a factor counts in part: the factor is found in it afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from verify.code.diagnosis.diagnose import Experiment, Flags
from verify.code.mistakes.registry import Variation

WIDTH, MOST = 3, 4
"""So many sets are followed at once, and so many mistakes may be in one."""

RUNS = 900
"""So many mistaken programs are run: by counts, so that the answer is the same on any machine."""

IN_PART = 0.4
"""What a gradient counts that is a multiple of what was returned."""

Together = tuple[Variation, ...]


@dataclass(frozen=True)
class _Score:
    """How much of what was returned a set reproduces, and in which segments it does not."""

    value: float
    open: Flags


class _Search:
    """Sets of mistakes over one experiment, and over the shorter one `before` it."""

    def __init__(
        self, experiment: Experiment, known: Sequence[Variation], left: list[int], before: _Search | None
    ) -> None:
        self.experiment, self.known, self.left, self.before = experiment, known, left, before
        self.affected = experiment.matrices(known)[0]

    def score(self, together: Together) -> _Score | None:
        """None where the mistakes exclude each other."""
        prediction = self.experiment.laboratory.predict(*together)
        shorter = self.before.score(together) if self.before is not None else _Score(0.0, np.zeros(0, bool))
        if prediction is None or shorter is None:
            return None
        same, scaled = self.experiment.agreement(prediction)
        value = float(same.sum() + IN_PART * (scaled & ~same).sum())
        return _Score(value + shorter.value, ~same)

    def grown(self, starts: Sequence[Together]) -> list[Together]:
        """The sets that reproduce most, the best first."""
        scored = {some: found for some in starts if (found := self.score(some)) is not None}
        followed = list(scored)
        for _ in range(MOST):
            new: dict[Together, _Score] = {}
            for some in followed:
                for more in self._one_more(some, scored[some]):
                    found = self.score(more)
                    if found is None or found.value <= scored[some].value:
                        continue
                    if not any(set(more) == set(other) for other in new):
                        new[more] = found
            if not new:
                break
            scored |= new
            followed = _best(new)
            if not scored[followed[0]].open.any():
                break
        return _best(scored)

    def _one_more(self, some: Together, score: _Score) -> Iterator[Together]:
        """The set with one mistake more, of those that reach what is open."""
        if len(some) >= MOST or not score.open.any():
            return
        reaching = (self.affected & score.open).any(axis=1)
        for k in np.flatnonzero(reaching).tolist():
            if self.known[k] in some or self.left[0] <= 0:
                continue
            self.left[0] -= len(some) > 0
            yield (*some, self.known[k])


def _best(scored: dict[Together, _Score]) -> list[Together]:
    return sorted(scored, key=lambda some: (-scored[some].value, len(some)))[:WIDTH]


def together(experiments: Sequence[Experiment], known: Sequence[Variation], first: Sequence[Together]) -> Together:
    """The set of mistakes that reproduces most over all experiments; `first` are sets to begin with."""
    left = [RUNS]
    search: _Search | None = None
    starts: list[Together] = [(), *first]
    for experiment in sorted(experiments, key=lambda e: e.case.T):
        search = _Search(experiment, known, left, search)
        starts = list(dict.fromkeys([*search.grown(starts), *first, ()]))
    return starts[0]


def needed(experiments: Sequence[Experiment], some: Together, ours: str) -> Together:
    """Those of a set of mistakes without which a gradient would be another."""
    kept = list(some)
    for one in some:
        rest = tuple(v for v in kept if v is not one)
        if all(_same(experiment, rest, tuple(kept), ours) for experiment in experiments):
            kept.remove(one)
    return tuple(kept)


def _same(experiment: Experiment, some: Together, other: Together, ours: str) -> bool:
    a, b = experiment.laboratory.predict(*some), experiment.laboratory.predict(*other)
    return a is not None and b is not None and experiment.close(a.gradients[ours], b.gradients[ours])
