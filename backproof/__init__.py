"""What a person meets first: the command line, and the plugin of pytest. The mathematics is in derive and verify."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

from backproof.own import found_first


def main() -> None:
    """The command line."""
    _write_everything()
    found_first()
    from backproof.command_line import main as command_line  # after ours can be found

    command_line()


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext backproof` in a notebook."""
    found_first()
    from backproof.magic import register

    register(shell)


def _write_everything() -> None:
    """A page or a module of code is UTF-8 wherever it is sent; a terminal shows what its letters allow."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            free = not stream.isatty() and not os.environ.get("PYTHONIOENCODING")
            stream.reconfigure(encoding="utf-8" if free else None, errors="backslashreplace")
