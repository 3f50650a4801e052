"""The triton target: the torch file with kernels that run its loops on a GPU.

1. `steps`      the statements of a step, cut where a library multiplies matrices
2. `registers`  expressions of arrays as expressions of values in registers
3. `kernel`     a kernel for a step, or for all steps
4. `module`     kernels, and the functions that launch them, put into the torch file
"""

from derive.targets.triton.module import module, network_module

__all__ = ["module", "network_module"]
