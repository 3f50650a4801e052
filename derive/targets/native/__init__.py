"""The compiled target: Derivation -> a NumPy module whose loops over t numba compiles.

1. `derive.targets.lowering.lowered`   the programs over a sequence                        Derivation -> Lowered
2. `derive.targets.passes`             products cut, and hoisted out of the loop forwards  Body -> Body
   `terms`                             the biases of what was hoisted, back into the loop
3. `entries`                           an entry of an array expression as numbers          expression -> expression
4. `kernel`                            a loop over t as one function of numbers            Body -> text
   `helpers`                           the functions of numbers that it calls
5. `module`                            the NumPy module where it calls these functions     -> text

What cannot be compiled stays in NumPy: single statements outside the loop always, the loop itself where numba is
missing, the numbers are neither float32 nor float64, or a construct has no form here; the module says which.
"""

from derive.targets.native.module import module, network_module

__all__ = ["module", "network_module"]
