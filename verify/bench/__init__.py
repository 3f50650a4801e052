"""`backproof bench`: how long forward and all gradients take, beside what others make of the same cell.

1. `job`       one point of a table; `plans` the points of a page
2. `peers`     what is run: ours, torch, JAX, HIPS autograd, a textbook's steps, the bare products   Job -> a call
   `gpu`       the same on a GPU
3. `worker`    one peer in a process of its own, run when it is told to
4. `measure`   all peers in turn, medians                                                    Job -> Row
5. `report`    rows as a table, a page and JSON; `plot` as a figure
"""
