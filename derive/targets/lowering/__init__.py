"""Derivation -> programs over arrays, which every target of code reads.

1. `stable`, `exponentials`   forms that neither overflow nor cancel           expression -> expression
   `sweep`                    the derivation cut into what code computes       Derivation -> expressions per quantity
2. `stacking`                 parameters that act on one operand               equations -> Layout
3. `plan`                     before, in or after the loop; names; stacks      Sweep -> Plan
4. `frame`, `expressions`, `scalars`   column vectors -> batches of rows       expression -> `language.code`
5. `forward`, `backward`, `single_step`                                        Plan -> statements
   `lengths`                  what sequences of different lengths need besides
6. `scopes`                   every value read is the one of the step that is meant
7. `lowered`                  all of these                                     Derivation -> Lowered
"""
