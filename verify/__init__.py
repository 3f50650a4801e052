"""Distrusts `derive`: a second road to the truth that shares no code with the derivation, and the two compared.

1. `field`     numbers modulo a prime, functions known by their slopes alone
2. `exact`     expression nodes -> values with their rates of change, in the field
3. `world`     cell -> random data and the true response of J to any disturbance, forwards
4. `proof`     derivation -> a verdict for every gradient; two expressions -> a verdict
5. `case`      cell -> random arrays, and J as a generated module computes it
6. `numeric`   module -> errors against the complex step and central differences
7. `oracles`   cell -> gradients by torch and JAX, from the equations
8. `load`      the text of a generated module -> the module
9. `evidence`  cell -> all of these together

Public names: `prove`, `identical`, `evidence`, `Verdict`, `Outcome`, `Evidence`, `report`.
"""

from verify.evidence import Evidence, GradientEvidence, evidence, report
from verify.proof import identical, prove
from verify.verdict import Counterexample, Outcome, Verdict

__all__ = [
    "Counterexample",
    "Evidence",
    "GradientEvidence",
    "Outcome",
    "Verdict",
    "evidence",
    "identical",
    "prove",
    "report",
]
