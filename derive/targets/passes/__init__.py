"""Passes over the lowered program of a sequence, each preserving what it computes; the target prints what comes out.

1. `loops`      what is loaded at t is written out                                  Loop -> Body
2. `products`   products cut and split, so that more can stand before the loop      Body -> Body
3. `linear`     backwards: coefficients of the adjoints meet                        Body -> Body
4. `hoisting`   what the loop does not change stands before it                      Body -> statements, Body
5. `gates`      forwards: nets and gates in one array, one tanh for several of them Body -> statements, Body
6. `in_place`   calls that write into memory, over views that the loop runs through Body -> Each

At the end what nothing reads is dropped (`language.unread`).

`shapes` and `rewriting` serve them all. A pass that cannot tell the shape of a value leaves it as it was.
"""

from derive.targets.passes.pipeline import fast_passes

__all__ = ["fast_passes"]
