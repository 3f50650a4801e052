"""read, which, list, explain, doctor: what was understood, and what there is."""

from __future__ import annotations

from collections.abc import Callable

import click

from backproof.commands.answering import guarded, language, print_json, print_table, tell
from backproof.commands.options import CELL, LANG, json_option, mistake_names


@click.command(epilog="Example:  backproof read my_cell.md")
@click.argument("note", **CELL)
@LANG
@json_option
@guarded
def read(note: str, lang: str, as_json: bool) -> None:
    """Print what was understood: equations, roles, shapes, the output, and every guess with its alternative."""
    from derive import catalogue

    found = catalogue.reading(note)
    if as_json:
        print_json(found.to_json())
    else:
        tell(str(found))


@click.command(epilog="Example:  backproof which my_gru.md")
@click.argument("cell", **CELL)
@LANG
@json_option
@guarded
def which(cell: str, lang: str, as_json: bool) -> int:
    """Say which published or framework cell this is, and in what it differs (exit 1 where it is none of them)."""
    from verify.which import telling, which
    from verify.which.given import given

    read = given(cell)
    answers = [which(each) for each in read]
    found = min(answers, key=lambda matches: (not matches, matches[0].cost if matches else 0))
    if as_json:
        print_json(telling.to_json(found))
    else:
        tell("\n".join(telling.lines(found, read[0].title)))
    return 0 if found and found[0].proved else 1


@click.command("list", epilog="Example:  backproof list cells")
@click.argument("kind", type=click.Choice(["cells", "heads", "networks", "notations", "mistakes"]), required=False)
@LANG
@json_option
@guarded
def list_(kind: str | None, lang: str, as_json: bool) -> None:
    """List what comes with backproof, by the names that the other commands take."""
    from derive import catalogue, notation
    from verify.mistakes import dictionary

    tables: dict[str, Callable[[], dict[str, str]]] = {
        "cells": lambda: {name: cell.title for name, cell in catalogue.cells().items()},
        "heads": lambda: {name: cell.title for name, cell in catalogue.heads().items()},
        "networks": lambda: {name: network.title for name, network in catalogue.networks().items()},
        "notations": lambda: {name: one.title for name, one in notation.notations().items()},
        "mistakes": lambda: {name: one.sentence for name, one in dictionary.entries().items()},
    }
    found = {name: table() for name, table in tables.items() if kind in (None, name)}
    if as_json:
        print_json(found)
        return
    for name, entries in found.items():
        tell(f"{name}:")
        width = max(map(len, entries))
        for entry, words in entries.items():
            click.echo(f"  {entry.ljust(width)}  {language().say(words)}")


@click.command(epilog="Example:  backproof explain missing term")
@click.argument("name", nargs=-1, shell_complete=mistake_names)
@LANG
@json_option
@guarded
def explain(name: tuple[str, ...], lang: str, as_json: bool) -> None:
    """Say what a named mistake is, with a smallest example; without a NAME list them all."""
    from verify.mistakes import dictionary

    if name:
        found = dictionary.entry(" ".join(name))
        print_json(found.to_json()) if as_json else click.echo(dictionary.told(found, language().say))
        return
    found_all = dictionary.entries().values()
    if as_json:
        print_json({"mistakes": [found.to_json() for found in found_all]})
    else:
        say = language().say
        click.echo("\n".join(f"{found.name}: {say(found.sentence)}" for found in found_all))


@click.command()
@json_option
@guarded
def doctor(as_json: bool) -> int:
    """Say what backproof runs on here, what of the optional rest is there, and whether it works."""
    from backproof.doctor import findings

    found = list(findings())
    if as_json:
        print_json({"findings": [one.to_json() for one in found]})
    else:
        signs = {True: "ok", False: "NO", None: "-"}
        print_table("Doctor", ["", "", "found"], [[one.what, signs[one.ok], one.found] for one in found])
    return 1 if any(one.ok is False for one in found) else 0
