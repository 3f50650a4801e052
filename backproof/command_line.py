"""The command line: the group of all commands, which stand in `backproof/commands`.

Exit codes: 0 done (and everything holds), 1 something is wrong, 2 the input cannot be used, 3 a fault of the program.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from pathlib import Path
from typing import Any

import click

from backproof.commands import asking, checkout, code, evidence, judging, playground, writing
from derive.errors import InputError


class _Commands(click.Group):
    def main(self, *arguments: Any, **options: Any) -> Any:
        """A page or a module of code is UTF-8 wherever it is sent; a terminal shows what its letters allow."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                free = not stream.isatty() and not os.environ.get("PYTHONIOENCODING")
                stream.reconfigure(encoding="utf-8" if free else None, errors="backslashreplace")
        return super().main(*arguments, **options)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="backproof")
@click.pass_context
def main(context: click.Context) -> None:
    """Derive the gradients of recurrent networks, write NumPy code for them, and prove both right."""
    gc.set_threshold(200_000, 30, 30)  # expressions are many and live long: the usual 700 cost a tenth of the time
    from backproof.settings import defaults

    try:
        context.default_map = defaults(Path.cwd())
    except InputError as error:
        click.echo(f"error: {error}", err=True)
        context.exit(2)


for command in (
    checkout.build,
    checkout.site,
    writing.derive,
    writing.draw,
    writing.generate,
    asking.read,
    asking.which,
    asking.list_,
    asking.explain,
    asking.doctor,
    judging.check,
    judging.audit,
    code.check_code,
    evidence.verify,
    evidence.norms,
    evidence.bench,
    playground.serve,
):
    main.add_command(command)
