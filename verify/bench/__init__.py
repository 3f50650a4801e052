"""`backproof bench`: how long forward and all gradients take, beside what others make of the same cell.

1. `peers`     what is run: ours, torch, JAX, a textbook's steps, the bare matrix products   Job -> a call
2. `scan_text` the cell as a JAX scan                                                        Derivation -> text
3. `worker`    one peer in a process of its own, run when it is told to
4. `measure`   all peers in turn, medians                                                    Job -> Row
5. `report`    rows as a table, a page and JSON
"""
