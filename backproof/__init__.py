"""What a person meets first: the command line, and the plugin of pytest. The mathematics is in derive and verify."""

from __future__ import annotations

from typing import Any

from backproof.own import found_first, ours


def __getattr__(name: str) -> Any:
    """`main`, the command line: our packages are found first, and nothing of it is imported where it is not asked for.

    Raises AttributeError for any other name.
    """
    if name != "main":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found_first()
    from backproof.command_line import main

    return main


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext backproof` in a notebook."""
    with ours():
        from backproof.magic import register

        register(shell)
