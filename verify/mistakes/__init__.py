"""The rules behind the named mistakes: what a person may change in a formula, at one place at a time.

1. `places`    a rule applied at every place of a formula, or at all of them at once
2. `context`   cell and left side -> the true forms, and the terms, factors and slopes a mistake may draw on
3. `terms`, `products`, `indices`, `letters`, `slopes`, `exchanges`    the rules

The dictionary itself is `verify.mistakes.mutate`; `verify.formulas.wrong.diagnose` reads it backwards.
"""
