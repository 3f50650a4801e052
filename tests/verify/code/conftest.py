"""Code that is judged in this process, not in one of its own as users' is, leaves torch's default type as it was."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _type_of_torch() -> Iterator[None]:
    before = sys.modules["torch"].get_default_dtype() if "torch" in sys.modules else None
    yield
    if "torch" in sys.modules:
        import torch

        torch.set_default_dtype(before or torch.float32)
