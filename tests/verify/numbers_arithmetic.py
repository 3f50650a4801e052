"""What the second judge computes with: columns of numbers, ones whose size a neighbour tells, and strict shapes."""

from __future__ import annotations

import numpy as np


class UnreadError(ValueError):
    """Not in the language that the pages print."""


class MisfitError(ValueError):
    """The shapes do not fit."""


class BeyondError(ValueError):
    """A quantity at a step at which it does not exist."""


def transposed(value):
    if isinstance(value, str):
        return "lying ones" if value == "ones" else "ones"
    return value if isinstance(value, int) else value.T


def column(value):
    if isinstance(value, str | int):
        raise UnreadError("a function of a constant")
    return value


def laid(value, shape):
    if isinstance(value, str):
        if (value == "ones" and shape[1] != 1) or (value == "lying ones" and shape[0] != 1):
            raise MisfitError("ones")
        return np.ones(shape)
    return np.full(shape, value, dtype=complex) if isinstance(value, int) else value


def added(parts):
    shaped = [value for _, value in parts if not isinstance(value, str | int)]
    if not shaped:
        if all(isinstance(value, int) for _, value in parts):
            return sum(sign * value for sign, value in parts)
        raise UnreadError("constants")
    if any(value.shape != shaped[0].shape for value in shaped):
        raise MisfitError("a sum")
    return sum(sign * laid(value, shaped[0].shape) for sign, value in parts)


def elementwise(values):
    shaped = [value for value in values if not isinstance(value, str | int)]
    if not shaped:
        raise UnreadError("constants")
    shape = max((value.shape for value in shaped), key=np.prod)
    result = np.ones(shape, dtype=complex)
    for value in values:
        if not isinstance(value, str | int) and value.shape not in (shape, (1, 1)):
            raise MisfitError("⊙")
        result = result * laid(value, shape)
    return result


def multiplied(values):
    scale = 1
    for value in values:
        scale = scale * value if isinstance(value, int) else scale
    matrices = [value for value in values if not isinstance(value, int)]
    if not matrices:
        return scale
    result = matrices[0]
    for position, value in enumerate(matrices[1:], 1):
        if isinstance(result, str):
            if isinstance(value, str):
                raise UnreadError("constants")
            lying = result == "lying ones"
            if not lying and value.shape[0] != 1:
                raise UnreadError("ones whose number nothing tells")
            result = np.ones((1, value.shape[0])) if lying else ones(value)
        if isinstance(value, str):
            value = np.ones((result.shape[1], 1) if value == "ones" else (1, ones(result)))
        if (1, 1) in (result.shape, value.shape) and result.shape[1] != value.shape[0]:
            result = result * value
        elif result.shape == value.shape and value.shape[1] == 1:
            result = result * value  # two columns have no other product
        elif result.shape[1] != value.shape[0]:
            raise MisfitError(f"product at {position}")
        else:
            result = result @ value
    return result if isinstance(result, str) else scale * result


def ones(_value):
    raise UnreadError("ones whose number nothing tells")


def divided(above, below):
    if isinstance(below, np.ndarray) and (below == 0).any():
        raise UnreadError("division by zero")
    if isinstance(above, int) and isinstance(below, int):
        raise UnreadError("a number")
    if isinstance(above, str) or isinstance(below, str):
        raise UnreadError("ones in a fraction")
    if isinstance(below, int):
        if below == 0:
            raise UnreadError("division by zero")
        return above / below
    if isinstance(above, int):
        return above / below
    if above.shape != below.shape:
        raise MisfitError("a quotient")
    return above / below


def softmax(z):
    if z.shape[1] != 1:
        raise MisfitError("softmax")
    e = np.exp(z)
    return e / e.sum()


FUNCTIONS = {
    "tanh": np.tanh,
    "sigma": lambda z: 1 / (1 + np.exp(-z)),
    "log": np.log,
    "softmax": softmax,
    "g": lambda z: np.sin(z) + 0.3 * z**2,  # any smooth function will do
    "g'": lambda z: np.cos(z) + 0.6 * z,
}
