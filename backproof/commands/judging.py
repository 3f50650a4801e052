"""check, audit: formulas judged, one or all of a note."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from backproof.commands.answering import guarded, language, print_json, print_table, progress_bar
from backproof.commands.options import LANG, LETTERS, cell_names, json_option
from derive.errors import InputError, ProgramFault


@click.command(epilog=r"Example:  backproof check '\frac{\partial J}{\partial c_t} = ...' --cell lstm")
@click.argument("formula")
@click.option(
    "--cell",
    "-c",
    metavar="CELL|NOTE",
    help="The cell that the formula is about.",
    shell_complete=cell_names,
)
@click.option("--notation", help="The letters of the formula (default: those of the cell).", **LETTERS)
@click.option("--assume", multiple=True, metavar="FACT", help="A fact about the data (see below); repeatable.")
@LANG
@json_option
@guarded
def check(
    formula: str, cell: str | None, notation: str | None, assume: tuple[str, ...], lang: str, as_json: bool
) -> int:
    """Say whether a gradient formula written by hand is right: one answer for every = in it.

    \b
    Facts that --assume takes, in the letters of the formula:
      'h_0 = 0'         a state starts at zero
      '\\sum y_t = 1'    the entries of a target or an input sum to 1
      'y_t one-hot'     one entry of a target or an input is 1, the others are 0

    Exit code 1 if something is wrong, else 2 if something cannot be read or decided; 3 for a fault of backproof.
    """
    from derive import catalogue
    from derive.notation import find
    from verify.formulas import faults
    from verify.formulas.claims import check as judge
    from verify.formulas.faults import ClaimsFault
    from verify.formulas.judgement import Judgement, exit_code, report
    from verify.formulas.telling import told

    if cell is None:
        hint = "name it: --cell lstm, --cell my_note.md (backproof list cells: all that come with it)"
        raise InputError("which cell is the formula about?", hint=hint)
    if len(formula) < 256 and Path(formula).is_file():
        raise InputError(f"{formula} is a file, not a formula", hint=f"backproof audit {formula}")
    letters = find(notation) if notation else None
    met: tuple[ProgramFault, ...] = ()
    judgements: tuple[Judgement, ...]
    try:
        judgements = judge(formula, catalogue.find(cell), assume=assume, notation=letters)
    except ClaimsFault as fault:
        judgements, met = fault.judgements, fault.faults
    if not judgements and not met:
        raise InputError("the formula is empty", hint="write an equation, as in: c = a + b")
    if as_json:
        print_json({**report(judgements), "faults": [faults.as_json(fault) for fault in met]})
    else:
        click.echo("\n".join(told(judgement, language().say) for judgement in judgements))
    for each in met:
        click.echo(f"error: {each}", err=True)
    return 3 if met else exit_code(judgements)


@click.command(epilog="Example:  backproof audit notes/*.md --format sarif")
@click.argument("notes", metavar="NOTE|FOLDER...", nargs=-1, required=True)
@click.option(
    "--cell",
    metavar="CELL|NOTE",
    help="The model (default: the note's own equations, or recognised).",
    shell_complete=cell_names,
)
@click.option("--notation", help="The letters that the note uses.", **LETTERS)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "html", "markdown"]),
    default="text",
    show_default=True,
)
@LANG
@click.option("--fix", is_flag=True, help="Write a corrected copy, note.fixed.md, beside each wrong note.")
@click.option("--lenient", is_flag=True, help="Exit with 0 for what cannot be read or decided.")
@click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True, help="How many notes are judged at the same time."
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Notes in folders that are left out; repeatable.")
@json_option
@guarded
def audit(
    notes: tuple[str, ...],
    cell: str | None,
    notation: str | None,
    form: str,
    lang: str,
    fix: bool,
    lenient: bool,
    jobs: int,
    exclude: tuple[str, ...],
    as_json: bool,
) -> int:
    """Judge every formula in notes (Markdown, Jupyter notebooks, LaTeX), or in all notes of a folder.

    Exit codes: 0 nothing is wrong, 1 something is wrong, 2 something cannot be read or decided, 3 a fault of backproof.
    """
    from verify.notes.audit import audit as audited
    from verify.notes.audit import code
    from verify.notes.together import audits, notes_in
    from verify.reports import FORMATS

    paths = notes_in(notes, exclude)
    with progress_bar(len(paths)) as progress:
        results = list(audits(paths, cell=cell, notation=notation, jobs=jobs, told=progress))
    found = [one for one in results if not isinstance(one, InputError)]
    errors = [one for one in results if isinstance(one, InputError)]
    form = "json" if as_json else form
    if form == "text":
        _print_audits(found)
    else:
        click.echo(FORMATS[form](found, errors, language()), nl=False)
    for unread in errors:
        click.echo(f"error: {unread}", err=True)
    for place, fault in (each for one in found for each in one.faults):
        click.echo(f"error: {place}: {fault}", err=True)
    if fix:
        _write_fixes(found, lambda path: audited(path, cell=cell, notation=notation))
    return code(found, len(errors), lenient)


def _print_audits(found: list[Any]) -> None:
    from verify.formulas.judgement import Word
    from verify.reports.text import counts, lines, summary

    colors = {Word.WRONG: "red", Word.HOLDS_IF: "yellow", Word.UNDECIDED: "blue", Word.UNREADABLE: "blue"}
    say = language().say
    for line in lines(found, lambda word, text: click.style(text, fg=colors[word], bold=True), say):
        click.echo(line)
    if found:
        print_table("Audit", *counts(found, say), summary(found, say))


def _write_fixes(found: list[Any], again: Callable[[Path], Any]) -> None:
    from derive.build import replace
    from verify.notes.fixes import corrected, fixed_path

    for one in found:
        copy = corrected(one, again)
        if copy.corrected:
            target, number = fixed_path(one.file), len(copy.corrected)
            replace(target, copy.text)
            click.echo(f"{target}: {number} formula{'s' * (number != 1)} corrected", err=True)
        for judgement in copy.left:
            click.echo(f"{judgement.place}: left as it is: nothing was found that is true in its place", err=True)
