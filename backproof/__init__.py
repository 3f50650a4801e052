"""What a person meets first: the command line, and the plugin of pytest. The mathematics is in derive and verify."""

from __future__ import annotations

from typing import Any

from backproof.own import found_first


def main() -> None:
    """The command line."""
    found_first()
    from backproof.command_line import main as command_line  # after ours can be found

    command_line()


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext backproof` in a notebook."""
    found_first()
    from backproof.magic import register

    register(shell)
