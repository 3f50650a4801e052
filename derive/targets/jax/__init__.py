"""The JAX target: Derivation -> one standalone file with a function whose gradient is the derived one.

1. `derive.targets.lowering.lowered`   the programs over a sequence; their words are those of `jax.numpy`
2. `scan`                                  a loop that writes into arrays -> a function of one step for `lax.scan`
3. `module`                                statements and documentation put into the template
"""

from derive.targets.jax.module import module, network_module

__all__ = ["module", "network_module"]
