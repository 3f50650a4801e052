"""The NumPy target: Derivation -> one standalone module.

1. `derive.targets.lowering`   the programs over a sequence and for one step      Derivation -> Lowered
2. `derive.targets.passes`     those that make it fast                            Lowered -> statements
3. `functions_text`, `loss_text`, `pieces`   signatures, checks, documentation    statements -> functions
   `helpers`                   what the statements call
   `workspaces`, `staying`     what calls keep for the next                       statements -> lines
4. `module`                    functions put into the template                    -> text
5. `network`                   the parts of a network under one roof              Network -> text
"""

from derive.targets.numpy.module import module
from derive.targets.numpy.network import network_module

__all__ = ["module", "network_module"]
