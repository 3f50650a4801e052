"""The lowered programs of a cell as people can read them: as they were lowered, and after the passes.

1. `derive.targets.lowering.lowered`   the programs over a sequence and for one step
2. `derive.targets.passes`                 what the NumPy target prints of the sequence
"""

from derive.targets.program.page import page

__all__ = ["page"]
