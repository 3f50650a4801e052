"""Functions on arrays of JAX: arrays go in as theirs in double precision, and come back as arrays of NumPy.

Importing this module imports jax: it is used only for a file that has imported jax itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from verify.numbers.case import Array


def to_theirs(value: Array) -> Any:
    """An array as one of JAX."""
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_traceback_filtering", "off")  # it takes longer than the calls that do not fit
    return jax.numpy.asarray(value)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function compiled as a whole, which is far quicker than step by step; as it is where it cannot be."""
    whole = jax.jit(function)

    @functools.wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        try:
            return whole(*arguments, **named)
        except Exception as error:  # it branches on values, slices by them, or keeps what is no array
            if type(error) in (TypeError, ValueError) and "JAX type" not in str(error):
                raise  # shapes that do not fit do so as it is, too
            return function(*arguments, **named)

    return called


def from_theirs(value: Any) -> Any:
    """Arrays of JAX as arrays, within lists, tuples and dicts."""
    if isinstance(value, jax.Array):
        return np.array(value)
    if isinstance(value, Mapping):
        return {k: from_theirs(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [from_theirs(v) for v in value]
    return value
