"""How far gradients reach: ‖∂s_t/∂s_k‖ in numbers, beside the bound that `derive.calculus.vanishing` states.

1. `numbers`   module, case -> the Jacobians over the steps; bound, case -> its value
2. `measure`   cell -> curves over the number of steps, for parameters of several norms
3. `figure`    curves -> SVG
4. `page`      curves -> Markdown with the figure, a table and the derived statements
"""
