"""Weights people already have, to and from the parameters of a cell.

1. `tables/`      per framework and cell: which block of which array is which parameter    data
2. `blocks`       arrays -> parameters and back, as a table says
3. `of_torch`, `of_keras`, `of_onnx`    names, layers, directions and layouts of each framework

Parameters of a network are one flat dictionary; layer and direction stand behind a name as in torch: `W_i_l0`,
`W_i_l0_reverse`. Results are NumPy arrays of the caller's own.
"""

from verify.weights.blocks import part, suffixed
from verify.weights.of_keras import from_keras, to_keras
from verify.weights.of_onnx import from_onnx, onnx_arguments, onnx_cell, onnx_results, to_onnx
from verify.weights.of_torch import from_torch, to_torch

__all__ = [
    "from_keras",
    "from_onnx",
    "from_torch",
    "onnx_arguments",
    "onnx_cell",
    "onnx_results",
    "part",
    "suffixed",
    "to_keras",
    "to_onnx",
    "to_torch",
]
