"""A person's own code: judged by its own forward pass, explained by the derivation of a cell.

1. `running`    a request -> an answer, from a process of its own (`careful`, `child`, `watch`): with a limit of time
   and without input, prints apart; a file or notebook -> a module (`loading`), and the target in it (`find`)
2. `protocols`  a target -> a plan: how it is called, which array is what (`calling.search` tries layouts,
   `calling.engine` calls)
3. `judging`    a plan -> right or wrong for every gradient, by differences of the code's own forward pass;
   `gradients`  the same of a loss, parameters and gradients, without a model
4. `matching`   a plan and a cell -> which block of which array is which parameter; or in what the forward pass differs
5. `diagnosis`  wrong gradients -> named mistakes: each gradient by itself (`explain`), all together (`covering`)
6. `programs`   derivation, case, way of the loop -> what a program computes that follows them; `truth` what is true
7. `mistakes`   the named mistakes as changes of such a program: `through_time`, `local`, `slopes`, `other_cells`;
   `results` those that show in a finished gradient
8. `answering`  all of these -> what `check-code` prints; `skeleton` an adapter for what could not be called
9. `layouts`    f(params, x, d_ys) in a layout that a person names; `layouts.handwritten` judges it
10. `report`    what the person is told; `asserting`, `plugin` the same in a test; `live` for what is in memory
"""
