"""The lines of backward programs beside formulas: every assignment to a gradient is a claim, as a formula is.

Programs are parsed, never run. `statements` has what they assign, loop by loop; `naming` which quantity of the model a
name is; `writing` an expression as a formula in letters that mean exactly one thing each; `meanings` which
gradients its names may be, `running` which they are, as most lines are right so; `judging` the judgements.
"""
