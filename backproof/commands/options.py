"""Arguments and options that several commands share, and the names that a shell completes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text for people.")


def cell_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """What a shell offers where a cell or a note is asked for."""
    from derive import catalogue

    known = [name for folder in ("cells", "heads", "networks") for name in catalogue.names(folder)]
    return [*(CompletionItem(name) for name in known if name.startswith(begun)), CompletionItem(begun, type="file")]


def notation_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """What a shell offers where a notation is asked for."""
    from derive.notation import notations

    return [name for name in notations() if name.startswith(begun)]


def mistake_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """What a shell offers where a mistake is asked for."""
    from verify.mistakes import dictionary

    return [slug for one in dictionary.entries().values() if (slug := one.slug).startswith(begun)]


CELL: dict[str, Any] = {"metavar": "CELL|NOTE", "shell_complete": cell_names}
LETTERS: dict[str, Any] = {"shell_complete": notation_names}
LANG = click.option(
    "--lang",
    type=click.Choice(["en", "zh"]),
    default="en",
    envvar="BACKPROOF_LANG",
    help="The language of what is said (default: that of BACKPROOF_LANG, or English).",
)


def network_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that make a network of a cell."""
    for option in reversed(
        [
            click.option("--layers", type=click.IntRange(1), help="Copies of the cell above each other."),
            click.option("--bidirectional", is_flag=True, help="Run each layer in both directions."),
            click.option("--reverse", is_flag=True, help="Run from the last step to the first."),
            click.option("--dropout", is_flag=True, help="Take masks between the layers."),
            click.option("--head", metavar="HEAD|NOTE", help="What stands on top: softmax, sigmoid, linear."),
            click.option("--loss", help="The loss of that head: cross-entropy, binary-cross-entropy, squared-error."),
            click.option("--last-step", is_flag=True, help="The head reads the last step only (many to one)."),
        ]
    ):
        command = option(command)
    return command
