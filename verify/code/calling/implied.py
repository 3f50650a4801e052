"""The loss that a backward pass with targets belongs to: a loss function of the same file, or one of the usual ones."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.patterns import regex
from verify.code.calling import words
from verify.code.calling.axes import Axes, Setting
from verify.code.calling.base import MisfitError, Target, calls, required
from verify.code.calling.engine import real_array
from verify.numbers.case import Array

PREDICTIONS = frozenset(
    {"y", "yhat", "ypred", "ypreds", "yp", "yt", "ys", "yhats", "o", "os", "out", "output", "outputs", "p", "ps"}
    | {"pred", "preds", "predictions", "prediction", "prob", "probs", "probabilities", "logits", "scores"}
)
"""What a prediction is called in public code."""

LOSS = regex(r"loss|cost|entropy|\bmse\b|error|nll|objective", re.IGNORECASE)


@dataclass(frozen=True)
class Loss:
    """A loss: in words, whether it is theirs, and its value for a prediction, a target, what was given, an object."""

    words: str
    theirs: bool
    value: Callable[[Any, Any, Mapping[str, Any], Any], Any]


def prediction(returned: Any, groups: list[list[str]]) -> Any:
    """The prediction among what forward returned: by its name, else the first array."""
    elements = list(returned) if isinstance(returned, tuple | list) and not _is_array(returned) else [returned]
    arrays = [k for k, value in enumerate(elements) if real_array(value) is not None]
    named = [k for k in arrays if k < len(groups) and groups[k] and words.plain(groups[k][0]) in PREDICTIONS]
    if not arrays:
        raise MisfitError("forward returned no array that could be a prediction")
    return elements[(named or arrays)[0]]


def _is_array(value: Any) -> bool:
    """Whether a list holds one array a step, as `real_array` reads it."""
    return real_array(value) is not None and isinstance(value, list)


@dataclass(frozen=True)
class Frame:
    """How a prediction lies: the axis of classes, and the axes of steps and examples with their letters."""

    classes: int
    lead: tuple[int, ...]
    letters: Axes

    @classmethod
    def of(cls, predicted: Any, setting: Setting) -> Frame:
        """The frame of a prediction in a setting where only an axis without a meaning has length one."""
        p = array_of(predicted).real
        sums = [k for k in range(p.ndim) if p.shape[k] > 1 and np.allclose(p.sum(k), 1)]
        longer = [k for k in range(p.ndim) if p.shape[k] > 1]
        place = (sums or longer[-1:] or [p.ndim - 1])[0]
        lead = tuple(k for k in longer if k != place)
        return cls(place, lead, tuple(setting.axes(p.shape)[k] for k in lead))

    def rows(self, value: Array) -> Array:
        """An array of the shape of the prediction with the classes along the last axis, after steps and examples."""
        kept = [*self.lead, self.classes]
        moved = np.moveaxis(value, kept, range(len(kept)))
        return moved.reshape(moved.shape[: len(kept)])


def array_of(predicted: Any) -> Array:
    """A prediction as an array; raises ValueError."""
    p = real_array(predicted)
    if p is None:
        raise ValueError("the prediction is no array")
    return p


@dataclass(frozen=True)
class Kind:
    """A kind of target, and how one is drawn for a prediction: the same for every prediction of that shape."""

    words: str
    draw: Callable[[Array, Frame, np.random.Generator], Any]

    def drawn(self, predicted: Any, frame: Frame) -> Any:
        """A target for a prediction."""
        p = array_of(predicted)
        found = self.draw(p.real, frame, np.random.default_rng(p.size))
        steps = isinstance(predicted, list | Mapping) and isinstance(found, np.ndarray) and found.dtype.kind == "f"
        return list(found) if steps else found


def _distribution(p: Array, frame: Frame, rng: np.random.Generator) -> Array:
    value = rng.random(p.shape) + 0.1
    return np.asarray(value / value.sum(frame.classes, keepdims=True)) if p.shape[frame.classes] > 1 else value


def _indices(p: Array, frame: Frame, rng: np.random.Generator) -> Array:
    *lead, classes = frame.rows(p).shape
    return rng.integers(classes, size=lead)


KINDS = (
    Kind("numbers in the shape of what is predicted", _distribution),
    Kind("indices of classes", _indices),
    Kind("a list of indices of classes", lambda p, frame, rng: _indices(p, frame, rng).tolist()),
    Kind("indices of classes, transposed", lambda p, frame, rng: _indices(p, frame, rng).T),
)
"""The kinds of target that are tried, in this order."""


def aligned(predicted: Any, wanted: Any, frame: Frame) -> tuple[Array, Array]:
    """A prediction and its target as rows of classes; indices become distributions."""
    rows = frame.rows(array_of(predicted))
    floats = real_array(wanted)
    if floats is not None:
        return rows, frame.rows(floats)
    y = np.asarray(wanted)
    y = y if y.shape == rows.shape[:-1] else y.T
    return rows, np.eye(rows.shape[-1])[y]


def losses(target: Target, owner: Any, frame: Frame) -> Iterator[Loss]:
    """The losses of the file, then the usual ones."""
    for name, function in list(target.space.items()):
        if inspect.isfunction(function) and LOSS.search(name) and len(required(calls(function))) == 2:
            for order in ((0, 1), (1, 0)):
                yield Loss(f"{name}, which stands in the file", True, _function(function, order))
    for name in dir(owner) if owner is not None else ():
        method = inspect.getattr_static(owner, name)
        if inspect.isfunction(method) and LOSS.search(name) and len(required(calls(method)[1:])) == 2:
            taken = [p.name for p in required(calls(method)[1:])]
            for wraps in (False, True):
                yield Loss(f"{name}, a method of the class", True, _method(name, taken, wraps))
            for order in ((0, 1), (1, 0)):
                yield Loss(f"{name}, a method of the class", True, _of_prediction(name, order))
    for about, value in USUAL.items():
        yield Loss(about, False, lambda p, y, given, made, value=value: value(*aligned(p, y, frame)))  # type: ignore[misc]


def _function(function: Any, order: tuple[int, int]) -> Callable[[Any, Any, Mapping[str, Any], Any], Any]:
    def value(predicted: Any, wanted: Any, given: Mapping[str, Any], made: Any) -> Any:
        return _number(function(*((predicted, wanted)[k] for k in order)))

    return value


def _method(name: str, taken: list[str], wraps: bool) -> Callable[[Any, Any, Mapping[str, Any], Any], Any]:
    """A method of what forward and backward are given, or of lists of such."""

    def value(predicted: Any, wanted: Any, given: Mapping[str, Any], made: Any) -> Any:
        sent = {n: [given[n]] if wraps else given[n] for n in taken if n in given}
        return _number(getattr(made, name)(**sent))

    return value


def _of_prediction(name: str, order: tuple[int, int]) -> Callable[[Any, Any, Mapping[str, Any], Any], Any]:
    def value(predicted: Any, wanted: Any, given: Mapping[str, Any], made: Any) -> Any:
        return _number(getattr(made, name)(*((predicted, wanted)[k] for k in order)))

    return value


def _number(found: Any) -> Any:
    value = np.asarray(found)
    if value.size != 1 or value.dtype.kind not in "fc":
        raise ValueError("the loss is no number")
    return value.reshape(())


# The usual losses, of a prediction and a target with the classes along the last axis


def _cross_entropy(p: Array, y: Array) -> Any:
    return -(y * np.log(p)).sum() if np.allclose(p.real.sum(-1), 1) else np.asarray(np.nan)


def _cross_entropy_of_scores(p: Array, y: Array) -> Any:
    top = p.real.max(-1, keepdims=True)
    return (y.sum(-1) * np.log(np.exp(p - top).sum(-1)) - (y * (p - top)).sum(-1)).sum()


def _binary(p: Array, y: Array) -> Any:
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum()


def _squared(p: Array, y: Array) -> Any:
    return ((p - y) ** 2).sum() / 2


USUAL: Mapping[str, Callable[[Array, Array], Any]] = {
    "the cross-entropy of what is predicted, summed over steps and examples": _cross_entropy,
    "half the squared error of what is predicted, summed": _squared,
    "the binary cross-entropy of what is predicted, summed": _binary,
    "the cross-entropy of the softmax of what is predicted, summed": _cross_entropy_of_scores,
}
