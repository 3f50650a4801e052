"""A person's own code: judged by its own forward pass, explained by the derivation of a cell.

1. `careful`    a request -> an answer, from a process of its own (`child`, `watch`): with
   a limit of time and without input, prints apart
2. `loading`    a file or notebook -> a module; `find` the target in it
3. `protocols`  a target -> a plan: how it is called, which array is what (`search` tries layouts, `engine` calls)
4. `judging`    a plan -> right or wrong for every gradient, by differences of the code's own forward pass
5. `matching`   a plan and a cell -> which block of which array is which parameter; or in what the forward pass differs
6. `explain`    wrong gradients -> named mistakes, each gradient by itself
7. `answering`  all of these -> what `check-code` prints; `skeleton` an adapter for what could not be called
8. `run`        derivation, case, way of the loop -> what a program computes that follows them; `truth` what is true
9. `mistakes`   the registry of named mistakes: `through_time`, `local`, `slopes`, `other_cells`; `results` those
   that show in a finished gradient; `diagnose` what was returned -> the mistakes that reproduce it
10. `gradients`  loss, parameters, gradients -> a report, without a model
11. `layout`, `adapters`  f(params, x, d_ys) in a layout that a person names; `verify.code.handwritten` judges it
12. `report`     what the person is told;  `asserting`, `plugin` the same in a test
"""
