"""Imported once in the process from which workers are forked: what every answer needs is loaded and read already."""

from verify.playground import answers

answers.answer("check", {"cell": "rnn", "formula": r"\frac{\partial J}{\partial b} = x_t"})
