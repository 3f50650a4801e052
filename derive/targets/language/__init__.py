"""The small language between a derivation and printed code: what a program over arrays is made of.

- `code`    array expressions and statements, and their text in Python
- `names`   the variables of a cell, made distinct from everything else in sight
- `unread`  what nothing reads is dropped
"""
