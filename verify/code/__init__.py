"""A person's own code: its gradients against their loss, or against the derivation of a cell.

1. `gradients`   loss, parameters, gradients -> a report, without a model
2. `layout`      a cell's arrays <-> a person's arrays: axes, stacked gates, names
3. `adapters`    a person's function, called on a case -> gradients by the cell's names
4. `run`         derivation, case, way of the loop -> what a program computes that follows them
5. `mistakes`    the registry of named mistakes: `through_time`, `local`, `slopes`, `other_cells`
6. `results`     the registry of mistakes that show in a finished gradient
7. `diagnose`    what was returned -> the mistakes that reproduce it
8. `report`      what the person is told
9. `asserting`   the same in a test;  `load_user`: the same from a file

`verify.handwritten` puts them together.
"""
