"""The named mistakes of code, as changes of such a program; the dictionary of their names is `verify.mistakes`."""
