"""How a command answers: its exit code, JSON, tables, progress."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from derive.errors import InputError, ProgramFault

if TYPE_CHECKING:
    from derive.languages import Language


def guarded(command: Callable[..., int | None]) -> Callable[..., None]:
    """Turn an InputError into its message and exit code 2, a ProgramFault into exit code 3, a number into the code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            sys.exit(command(*args, **kwargs) or 0)
        except InputError as error:
            if kwargs.get("as_json"):
                place = error.place and {
                    "file": error.place.file,
                    "line": error.place.line,
                    "column": error.place.column,
                }
                print_json({"error": {"message": error.message, "place": place, "hint": error.hint}})
            told = InputError(language().say(error.message), error.place, language().say(error.hint))
            click.echo(f"{language().say('error: ')}{told}", err=True)
            sys.exit(2)
        except BrokenPipeError:
            sys.stderr.close()  # the reader of our output went away, which is no mistake
            sys.exit(0)
        except click.ClickException:
            raise
        except Exception as error:  # nothing is answered: what was not foreseen is told as what it is
            fault = error if isinstance(error, ProgramFault) else _unforeseen(error)
            if kwargs.get("as_json"):
                print_json({"fault": {"name": fault.name, "details": fault.details, "subject": fault.subject}})
            click.echo(f"error: {fault}", err=True)
            sys.exit(3)

    return run


def language() -> Language:
    """That of --lang in the command that runs; English where it has none."""
    from derive.languages import ENGLISH, find

    context = click.get_current_context(silent=True)
    name = context.params.get("lang") if context else None
    return find(name) if name else ENGLISH


def tell(text: str, err: bool = False) -> None:
    """Lines for a person, in the language of the command."""
    click.echo(language().lines(text), err=err)


def _unforeseen(error: Exception) -> ProgramFault:
    """An exception that no part of the program raises on purpose, with the calls that led to it."""
    *_, last = traceback.extract_tb(error.__traceback__)
    where = f"{Path(last.filename).name}:{last.lineno}"
    details = f"{type(error).__name__} at {where}: {error}"
    return ProgramFault("unforeseen", details, "".join(traceback.format_exception(error, limit=-8)))


def print_json(value: object) -> None:
    """A value as JSON on stdout; NaN and infinities are refused with ValueError."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


@contextmanager
def progress_bar(total: int) -> Iterator[Callable[[str], None]]:
    """A progress bar on a terminal, nothing elsewhere; call it with the name of what comes next."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        started = False

        def advance(name: str) -> None:
            nonlocal started
            bar.update(task, description=name, advance=1 if started else 0)
            started = True

        yield advance


def print_table(title: str, header: list[str], rows: list[list[str]], caption: str = "") -> None:
    """A table at the terminal's width, its caption below it."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    say = language().say
    table = Table(title=say(title), caption=say(caption), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.title_justify = table.caption_justify = "left"
    for number, name in enumerate(header):
        table.add_column(say(name), justify="left" if number == 0 else "right", no_wrap=number > 0)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
