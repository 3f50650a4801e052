"""The playground: a page on this computer in which a person types equations and formulas and sees what they come to.

`server` answers the browser, and nobody else: this address, this token, this page's own requests. Each request is
answered by `answers` in a process of its own (`workers`), which is ended when it takes too long. What a person types
is read, never run.
"""
