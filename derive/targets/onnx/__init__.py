"""The ONNX target: Derivation -> the text of one operator graph with the cell over a sequence, and its gradients.

1. `derive.targets.lowering.lowered`   the programs over a sequence, as every target reads them
2. `derive.targets.passes.scans`       loops as functions of one step, here the bodies of Scan operators
3. `dialect`, `helpers`                expressions -> operators; the functions that programs call
4. `module`                            inputs, outputs and documentation around them

The text is ONNX's own textual form, which `onnx.parser` reads; `encoded` makes the file that runtimes load.
"""

from derive.targets.onnx.encoding import encoded
from derive.targets.onnx.module import module

__all__ = ["encoded", "module"]
