"""Plain functions on tensors of torch: arrays go in as tensors in float64, and come back as arrays.

Importing this module imports torch: it is used only for a file that has imported torch itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from verify.numbers.case import Array


def to_theirs(value: Array) -> Any:
    """An array as a tensor; what the code makes by itself is float64, too."""
    torch.set_default_dtype(torch.float64)
    return torch.tensor(np.asarray(value, np.float64))


def from_theirs(value: Any) -> Any:
    """Tensors as arrays, within lists, tuples and dicts."""
    if isinstance(value, torch.Tensor):
        return value.detach().numpy()
    if isinstance(value, Mapping):
        return {k: from_theirs(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [from_theirs(v) for v in value]
    return value
