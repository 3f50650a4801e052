"""Weights people already have, to and from the parameters of a cell.

1. `tables/`      per framework and cell: which block of which array is which parameter    data
2. `blocks`       arrays -> parameters and back, as a table says
3. `of_torch`, `of_keras`, ...    names, layers, directions and layouts of each framework
   `onnx_file`    the recurrent nodes of an `.onnx` file with their weights
   `onnx_note`    a note for such a node where its functions or clip are those of no cell

Parameters of a network are one flat dictionary; layer and direction stand behind a name as in torch: `W_i_l0`,
`W_i_l0_reverse`. Results are NumPy arrays of the caller's own.
"""

from verify.weights.blocks import part, suffixed
from verify.weights.of_coreml import from_coreml, to_coreml
from verify.weights.of_keras import from_keras, to_keras
from verify.weights.of_onnx import from_onnx, onnx_arguments, onnx_cell, onnx_results, to_onnx
from verify.weights.of_tf1 import from_tf1, to_tf1
from verify.weights.of_torch import from_torch, to_torch
from verify.weights.onnx_file import OnnxNode, onnx_nodes
from verify.weights.onnx_note import OnnxNote, onnx_note

__all__ = [
    "OnnxNode",
    "OnnxNote",
    "from_coreml",
    "from_keras",
    "from_onnx",
    "from_tf1",
    "from_torch",
    "onnx_arguments",
    "onnx_cell",
    "onnx_nodes",
    "onnx_note",
    "onnx_results",
    "part",
    "suffixed",
    "to_coreml",
    "to_keras",
    "to_onnx",
    "to_tf1",
    "to_torch",
]
