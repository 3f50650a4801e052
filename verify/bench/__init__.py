"""`backproof bench`: how long forward and all gradients take, beside what others make of the same cell.

1. `peers`     what is run: ours, torch, JAX, a textbook's steps, the bare matrix products   Job -> a call
2. `worker`    one peer in a process of its own, run when it is told to
3. `measure`   all peers in turn, medians                                                    Job -> Row
4. `report`    rows as a table, a page and JSON
"""
