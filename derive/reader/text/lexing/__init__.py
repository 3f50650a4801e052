"""Lexers: LaTeX with its commands, plain text, runs of letters; text to tokens."""
