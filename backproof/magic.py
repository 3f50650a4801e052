"""The command line in a notebook: `%backproof check '...' --cell lstm`."""

from __future__ import annotations

import shlex
from typing import Any

import click

from backproof.command_line import main
from backproof.own import ours


def register(shell: Any) -> None:
    """Give a shell of IPython the magic, for a line or for a formula in the cell below it.

    Quotes keep backslashes; what stands in braces is never evaluated: it is part of a formula. `_exit_code` is the exit
    code of the last one.
    """
    from IPython.core.magic import no_var_expand

    @no_var_expand
    def backproof(line: str, cell: str | None = None) -> None:
        arguments = shlex.split(line)
        if cell is not None:
            arguments.insert(1, cell.strip())
        try:
            with ours():
                main(arguments, prog_name="%backproof", standalone_mode=False)
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        shell.user_ns["_exit_code"] = code

    shell.register_magic_function(backproof, "line_cell", "backproof")
