"""A second opinion with 50 digits: both sides of a claim as decimals at random real points.

The exact arithmetic knows functions by their slopes and a few relations; it takes log(exp(z)) and z for two things.
Nothing is called wrong before both sides were computed here too. No calculus of `derive` is used: a rate of change is
that of every single operation, carried along with its value.

1. `scalars`  scalar SymPy expressions -> values with their rates of change
2. `matrices` expression nodes -> matrices of decimals with their rates of change
3. `trial`    cell -> random data and the response of J to any disturbance
4. `opinion`  two expressions -> whether they agree
5. `rerun`    cell and numbers -> values and derivatives as differences, for a person who looks again
"""

from verify.truth.decimals.opinion import WORDS, Opinion, opinion

__all__ = ["WORDS", "Opinion", "opinion"]
