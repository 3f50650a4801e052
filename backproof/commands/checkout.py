"""build, site: everything that is made from a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from backproof.commands.answering import guarded, print_json, print_table, progress_bar
from backproof.commands.options import LANG, json_option


@click.command(epilog="Example:  backproof build --check")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if a generated file is not fresh.")
@click.option("--root", type=click.Path(path_type=Path), default=Path(), help="The checkout (default: this folder).")
@json_option
@guarded
def build(check: bool, root: Path, as_json: bool) -> int:
    """Regenerate derivations, docs and generated/ from the catalogue, and the pages of mistakes."""
    from derive import build as builder
    from verify.mistakes import dictionary

    builder.require_checkout(root)
    made = {}
    with builder.everything(shared=True) as parts, progress_bar(len(builder.names())) as progress:
        for one in parts:
            made[one.name] = one
            progress(one.name)
    files = {**builder.collected(made.values()), **dictionary.rendered()}
    if check:
        return _report_differences(builder.differences(files, root, [dictionary.FOLDER]), len(files), as_json)
    changed = builder.write(files, root, [dictionary.FOLDER])
    if as_json:
        print_json({"files": list(files), "changed": changed})
        return 0
    rows = [
        [name, str(one.gradients), str(one.steps), str(files[f"generated/{name}.py"].count("\n"))]
        for name in builder.names()
        if (one := made.get(name, builder.Made(name, {}))).gradients
    ]
    caption = f"{len(files)} files, {len(changed)} changed"
    print_table("Derived and generated", ["cell or head", "gradients", "steps", "lines of NumPy"], rows, caption)
    return 0


def _report_differences(found: list[Any], total: int, as_json: bool) -> int:
    if as_json:
        listed = [{"path": d.path, "kind": d.kind, "diff": d.diff} for d in found]
        print_json({"fresh": not found, "files": total, "differences": listed})
    elif not found:
        click.echo(f"{total} generated files are fresh")
    else:
        for difference in found:
            click.echo(f"{difference.path}: {difference.kind}")
            click.echo(difference.diff, nl=False)
        click.echo("run: backproof build")
    return 1 if found else 0


@click.command(epilog="Example:  backproof site -o build/site")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/site"),
    show_default=True,
    help="The folder to write.",
)
@click.option(
    "--evidence",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="What `backproof verify --json` printed, to be shown on the pages.",
)
@LANG
@click.option("--pdf", is_flag=True, help="Add every derivation as a PDF, and all of them as a book (by pdflatex).")
@click.option("--root", type=click.Path(path_type=Path), default=Path(), help="The checkout (default: this folder).")
@json_option
@guarded
def site(output: Path, evidence: Path | None, pdf: bool, lang: str, root: Path, as_json: bool) -> int:
    """Build the site from a checkout: all derivations and docs as pages to be opened from disk, without a network."""
    from derive import build as builder
    from verify.site import built

    with progress_bar(len(builder.names()) + 1) as progress:
        made = built(root, output, evidence, pdf, lang, progress)
    if as_json:
        print_json({"folder": str(made.folder), "pages": made.pages, "warnings": list(made.warnings)})
    else:
        for warning in made.warnings:
            click.echo(warning, err=True)
        click.echo(f"{made.folder / 'index.html'}: {made.pages} pages")
    return 1 if made.warnings else 0
