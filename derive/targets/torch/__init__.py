"""The torch target: Derivation -> one standalone file with an nn.Module whose backward pass is the derived one.

1. `derive.targets.lowering.lowered`   the programs, over a sequence and for one step
2. `dialect`                               the same statements in torch's words
3. `module`                                statements and documentation put into the template
"""

from derive.targets.torch.module import module, network_module

__all__ = ["module", "network_module"]
