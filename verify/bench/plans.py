"""What is measured for a page: points in the order of their weight, so that a run that ends early has the first."""

from __future__ import annotations

from importlib import resources

from verify.bench import gpu
from verify.bench.job import Job

SIZES = ((50, 32, 64, 128), (100, 64, 128, 256), (35, 20, 650, 650), (200, 1, 32, 64), (28, 128, 28, 128), (10, 4, 8, 16), (1000, 1, 16, 16))  # fmt: skip # noqa: E501
"""(T, B, D, H) of a table: the sizes of papers and of examples, and two where calls cost more than numbers."""

LAYER_NORM = str(resources.files("verify.bench").joinpath("cells", "lstm_layer_norm_peephole.md"))
"""A note of a cell that no framework has: layer norm and peepholes."""

CUSTOM = ("mgu", LAYER_NORM, "deltanet")
"""Cells that no framework has: a minimal gated unit, an LSTM with layer norm and peepholes, linear attention."""

SHORT, SMALL = SIZES[0], SIZES[3]

CPU_PEERS = ("backproof", "native", "torch target", "torch", "torch loop", "jax")
LARGE_PEERS = (*CPU_PEERS, "products")


def on_cpu() -> list[tuple[Job, tuple[str, ...]]]:
    """The points of `docs/speed.md` with their peers, for about ten minutes on two quiet cores."""
    found: list[tuple[Job, tuple[str, ...]]]
    found = [(Job("lstm", *size, "float32", 1), LARGE_PEERS if size in SIZES[1:3] else CPU_PEERS) for size in SIZES]
    found += [(Job(cell, *SHORT, "float32", 1), CPU_PEERS) for cell in ("gru_reset_after", "rnn", *CUSTOM)]
    found += [(Job(cell, *SMALL, "float32", 1), CPU_PEERS) for cell in ("gru_reset_after", "rnn", *CUSTOM)]
    found += [(Job("lstm", *size, "float32", 2), CPU_PEERS) for size in (SHORT, SIZES[1], SMALL)]
    found += [(Job("lstm", *size, "float64", 1), CPU_PEERS) for size in (SHORT, SMALL)]
    found += [(Job(cell, *SIZES[4], "float32", 1), CPU_PEERS) for cell in ("gru_reset_after", "rnn", *CUSTOM)]
    found += [(Job(cell, *SHORT, "float32", 2), CPU_PEERS) for cell in ("gru_reset_after", "rnn", *CUSTOM)]
    return found


def on_gpu() -> list[tuple[Job, tuple[str, ...]]]:
    """The points on a GPU with their peers: an LSTM at all sizes, and the cells that no framework has at two."""
    every = tuple(gpu.PEERS)
    few = ("triton", "torch target", "torch loop", "jax")
    found = [(Job("lstm", *size, "float32", 1, "gpu"), every) for size in gpu.SIZES]
    found += [(Job(cell, *gpu.SIZES[0], "float32", 1, "gpu"), few) for cell in CUSTOM]
    return found + [(Job(cell, *gpu.SIZES[2], "float32", 1, "gpu"), few) for cell in CUSTOM]
