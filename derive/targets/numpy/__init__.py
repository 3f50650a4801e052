"""The NumPy target: Derivation -> one standalone module.

1. `sweep`        the derivation cut into what code computes            Derivation -> expressions per quantity
2. `stacking`     parameters that act on one operand                    equations -> Layout
3. `plan`         before, in or after the loop; names; stacks           Sweep -> Plan
4. `forward`, `backward`, `single_step`                                 Plan -> statements of `code`
   `lengths`      what sequences of different lengths need besides
5. `passes`       what nothing reads is dropped                         statements -> statements
6. `module`       statements and checks put into the template           -> text
7. `network`      the parts of a network under one roof                 Network -> text
"""

from derive.targets.numpy.module import module
from derive.targets.numpy.network import network_module

__all__ = ["module", "network_module"]
