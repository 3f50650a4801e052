"""The command line: one short function per command, no logic of its own.

Exit codes: 0 done (and everything holds), 1 something is wrong, 2 the input cannot be used, 3 a fault of the program.
"""

from __future__ import annotations

import gc
import io
import json
import math
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from derive.errors import InputError, ProgramFault

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text for people.")


def _cell_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """What a shell offers where a cell or a note is asked for."""
    from derive import catalogue

    known = [name for folder in ("cells", "heads", "networks") for name in catalogue.names(folder)]
    return [*(CompletionItem(name) for name in known if name.startswith(begun)), CompletionItem(begun, type="file")]


def _notation_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    from derive.notation import notations

    return [name for name in notations() if name.startswith(begun)]


def _mistake_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    from verify.mistakes import dictionary

    return [slug for one in dictionary.entries().values() if (slug := one.slug).startswith(begun)]


CELL: dict[str, Any] = {"metavar": "CELL|NOTE", "shell_complete": _cell_names}
LETTERS: dict[str, Any] = {"shell_complete": _notation_names}


LANG = click.option("--lang", type=click.Choice(["en", "zh"]), default="en", help="The language of what is said.")


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
                _print_json({"error": {"message": error.message, "place": place, "hint": error.hint}})
            click.echo(f"error: {error}", err=True)
            sys.exit(2)
        except BrokenPipeError:
            sys.stderr.close()  # the reader of our output went away, which is no mistake
            sys.exit(0)
        except click.ClickException:
            raise
        except Exception as error:  # nothing is answered: what was not foreseen is told as what it is
            fault = error if isinstance(error, ProgramFault) else _unforeseen(error)
            if kwargs.get("as_json"):
                _print_json({"fault": {"name": fault.name, "details": fault.details, "subject": fault.subject}})
            click.echo(f"error: {fault}", err=True)
            sys.exit(3)

    return run


def _unforeseen(error: Exception) -> ProgramFault:
    """An exception that no part of the program raises on purpose, with the calls that led to it."""
    *_, last = traceback.extract_tb(error.__traceback__)
    where = f"{Path(last.filename).name}:{last.lineno}"
    details = f"{type(error).__name__} at {where}: {error}"
    return ProgramFault("unforeseen", details, "".join(traceback.format_exception(error, limit=-8)))


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


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


def _rendered(
    made: Any,
    target: str,
    notation: str | None,
    origin: str,
    of: tuple[str, ...] = (),
    by: tuple[str, ...] = (),
    **options: Any,
) -> str:
    """A cell or network written by a target; with `of` and `by`, the part of its page that they ask for."""
    from derive import targets
    from derive.notation import find

    letters = find(notation) if notation else None
    if of or by:
        return targets.excerpt(made, target, of, by, notation=letters, origin=origin, **options)
    return targets.generate(made, target, notation=letters, origin=origin, **options)


def _chosen(argument: str | None, option: str | None) -> str:
    if (argument is None) == (option is None):
        raise InputError("give one cell or note", hint="as in: backproof generate lstm -o lstm.py")
    return argument or option or ""


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
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


def _table(title: str, header: list[str], rows: list[list[str]], caption: str = "") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, caption=caption, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.title_justify = table.caption_justify = "left"
    for number, name in enumerate(header):
        table.add_column(name, justify="left" if number == 0 else "right", no_wrap=number > 0)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


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


@main.command(epilog="Example:  backproof build --check")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if a generated file is not fresh.")
@click.option("--root", type=click.Path(path_type=Path), default=Path(), help="The checkout (default: this folder).")
@json_option
@guarded
def build(check: bool, root: Path, as_json: bool) -> int:
    """Regenerate derivations, docs and generated/ from the catalogue, and the pages of mistakes."""
    from derive import build as builder
    from verify.mistakes import dictionary

    builder.require_checkout(root)
    with _progress(2 * len(builder.names())) as progress:
        derived = builder.derivations(progress)
        files = {**builder.render(derived, progress), **dictionary.rendered()}
    if check:
        return _report_differences(builder.differences(files, root, [dictionary.FOLDER]), len(files), as_json)
    changed = builder.write(files, root, [dictionary.FOLDER])
    if as_json:
        _print_json({"files": list(files), "changed": changed})
        return 0
    rows = [
        [name, str(len(d.gradients)), str(len(d.steps)), str(files[f"generated/{name}.py"].count("\n"))]
        for name, d in derived.items()
    ]
    caption = f"{len(files)} files, {len(changed)} changed"
    _table("Derived and generated", ["cell or head", "gradients", "steps", "lines of NumPy"], rows, caption)
    return 0


def _report_differences(found: list[Any], total: int, as_json: bool) -> int:
    if as_json:
        listed = [{"path": d.path, "kind": d.kind, "diff": d.diff} for d in found]
        _print_json({"fresh": not found, "files": total, "differences": listed})
    elif not found:
        click.echo(f"{total} generated files are fresh")
    else:
        for difference in found:
            click.echo(f"{difference.path}: {difference.kind}")
            click.echo(difference.diff, nl=False)
        click.echo("run: backproof build")
    return 1 if found else 0


@main.command(epilog="Example:  backproof read my_cell.md")
@click.argument("note", **CELL)
@json_option
@guarded
def read(note: str, as_json: bool) -> None:
    """Print what was understood: equations, roles, shapes, the output, and every guess with its alternative."""
    from derive import catalogue

    found = catalogue.reading(note)
    if as_json:
        _print_json(found.to_json())
    else:
        click.echo(str(found))


def _read_as(name: str, made: Any) -> None:
    """How a person's note was read, on stderr."""
    if Path(name).is_file():
        from derive.reader.document.reading import told

        click.echo("read as:", err=True)
        for line in told(getattr(made, "cell", made)):
            click.echo(f"  {line}", err=True)


def _reading(name: str, made: Any) -> dict[str, Any]:
    """The same for JSON; nothing for the catalogue's own cells."""
    if not Path(name).is_file():
        return {}
    from derive.reader.document.reading import as_json

    return {"reading": as_json(getattr(made, "cell", made))}


@main.command(epilog="Example:  backproof derive lstm --notation deeplearning-ai --target text")
@click.argument("cell", **CELL)
@click.option("--notation", help="The letters to print in (default: those of the note).", **LETTERS)
@click.option("--target", type=click.Choice(["text", "markdown", "latex"]), help="Default: text, or that of -o.")
@LANG
@click.option("--of", multiple=True, metavar="NAME", help="The gradient of J by this quantity alone; repeatable.")
@click.option("--by", multiple=True, metavar="NAME", help="The same; with --of, the Jacobian of the one by the other.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@network_options
@json_option
@guarded
def derive(
    cell: str,
    notation: str | None,
    target: str | None,
    of: tuple[str, ...],
    by: tuple[str, ...],
    lang: str,
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Print the derivation of a cell or of a network of it, step by step; or that of one gradient.

    What -o names says the form: FILE.txt, .md, .tex, or .pdf (by pdflatex).
    """
    from derive import catalogue, targets
    from derive.build import replace

    made = catalogue.made(cell, **options)
    form = target or targets.for_file(output, ("text", "markdown", "latex"))
    if as_json:
        from derive.notation import find
        from derive.targets.record import of_any

        if of and by:
            raise InputError("JSON has the gradients of J", hint="give --of or --by alone, or leave out --json")
        found = of_any(made, find(notation) if notation else None, (*of, *by))
        _print_json({**found, **_reading(cell, made)})
        return
    _read_as(cell, made)
    as_pdf = output is not None and output.suffix == ".pdf"
    if as_pdf and lang != "en":
        raise InputError("a PDF is written in English alone so far", hint="write FILE.md or FILE.tex")
    text = _rendered(made, "latex" if as_pdf else form, notation, cell, of, by, lang=lang)
    if output is None:
        click.echo(text, nl=False)
    elif as_pdf:
        from derive.targets.pages.pdf import compiled

        replace(output, compiled(text).content)
        click.echo(f"{output}: an article on {made.title}", err=True)
    else:
        replace(output, text)
        click.echo(f"{output}: {targets.TARGETS[form].about} on {made.title}", err=True)


@main.command(epilog="Example:  backproof draw lstm --unrolled 3 --backward -o lstm.svg")
@click.argument("cell", **CELL)
@click.option("--unrolled", type=click.IntRange(1), metavar="N", help="Show N steps (networks: 3 without it).")
@click.option("--backward", is_flag=True, help="How gradients flow: the paths of the derivation and where they meet.")
@click.option("--notation", help="The letters to print in (default: those of the note).", **LETTERS)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="FILE.svg, FILE.tex to be put into a document, FILE.pdf.",
)
@network_options
@json_option
@guarded
def draw(
    cell: str,
    unrolled: int | None,
    backward: bool,
    notation: str | None,
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Draw the data flow of a cell or of a network of it, or its gradients, from the equations."""
    from derive import catalogue
    from derive.build import replace

    forms = {".svg": "svg", ".tex": "latex", ".pdf": "document"}
    if output is not None and output.suffix not in forms:
        raise InputError(f"{output} is no file for a picture", hint="name a file ending in .svg, .tex or .pdf")
    made = catalogue.made(cell, **options)
    form = forms[output.suffix] if output else "svg"
    picture = _rendered(made, "picture", notation, cell, unrolled=unrolled, backward=backward, form=form)
    _read_as(cell, made)
    if output is not None and form == "document":
        from derive.targets.pages.pdf import compiled

        replace(output, compiled(picture).content)
    elif output is not None:
        replace(output, picture)
    if as_json:
        _print_json(
            {"cell": made.name, **({"file": str(output)} if output else {"svg": picture}), **_reading(cell, made)}
        )
    elif output is None:
        click.echo(picture, nl=False)
    else:
        click.echo(f"{output}: a picture of {made.title}", err=True)


@main.command(epilog="Example:  backproof site -o build/site")
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

    with _progress(len(builder.names()) + 1) as progress:
        made = built(root, output, evidence, pdf, lang, progress)
    if as_json:
        _print_json({"folder": str(made.folder), "pages": made.pages, "warnings": list(made.warnings)})
    else:
        for warning in made.warnings:
            click.echo(warning, err=True)
        click.echo(f"{made.folder / 'index.html'}: {made.pages} pages")
    return 1 if made.warnings else 0


@main.command(epilog="Example:  backproof serve --open")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes a free one.")
@click.option("--time-limit", type=click.FloatRange(1, 600), default=20, show_default=True, help="Seconds per answer.")
@click.option("--open", "opened", is_flag=True, help="Open the page in a browser.")
@guarded
def serve(port: int, time_limit: float, opened: bool) -> None:
    """A page on this computer to type equations and formulas in: typeset, read, judged and derived as you type.

    It listens on 127.0.0.1 alone and answers only who has the token of its address. Ctrl + C ends it.
    """
    from verify.playground.server import Playground

    try:
        server = Playground(port, time_limit, "backproof.preload")
    except OSError as error:
        raise InputError(f"cannot listen on port {port}: {error.strerror}", hint="leave out --port") from None
    click.echo(server.url)
    click.echo("Ctrl + C ends it", err=True)
    if opened:
        import webbrowser

        webbrowser.open(server.url)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("ended", err=True)
    finally:
        server.server_close()


@main.command("list", epilog="Example:  backproof list cells")
@click.argument("kind", type=click.Choice(["cells", "heads", "networks", "notations", "mistakes"]), required=False)
@json_option
@guarded
def list_(kind: str | None, as_json: bool) -> None:
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
        _print_json(found)
        return
    for name, entries in found.items():
        click.echo(f"{name}:")
        width = max(map(len, entries))
        for entry, words in entries.items():
            click.echo(f"  {entry.ljust(width)}  {words}")


@main.command(epilog="Example:  backproof generate --cell gru --layers 2 --bidirectional --head softmax -o model.py")
@click.argument("cell", required=False, **CELL)
@click.option("--cell", "option", help="The same as the argument.", **CELL)
@click.option(
    "--target",
    type=click.Choice(
        ["numpy", "torch", "triton", "jax", "native", "onnx", "training", "program", "markdown", "latex", "text"]
    ),
    help="What to write (default: numpy, or what -o FILE.tex, .md, .txt, .onnx says); training: a script that trains.",
)
@click.option("--backward", is_flag=True, help="For onnx: all gradients too, from d_ys and those of the final states.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), help="For onnx: the type of arrays (float32).")
@click.option("--lengths", is_flag=True, help="For onnx: the steps of each sequence as an input.")
@click.option(
    "--params",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.npz",
    help="For onnx: arrays by the names of parameters, to stand in the model; all others are its inputs.",
)
@click.option("--notation", help="The letters to print in (default: those of the note).", **LETTERS)
@network_options
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file to write."
)
@click.option("--no-check", is_flag=True, help="Write without running the code against the complex step first.")
@json_option
@guarded
def generate(
    cell: str | None,
    option: str | None,
    target: str | None,
    notation: str | None,
    output: Path,
    no_check: bool,
    backward: bool,
    dtype: str | None,
    lengths: bool,
    params: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Write the code (or the page) of a cell, or of a network of it, to a file.

    Code is run first, at random sizes, and its gradients are compared with the complex step; what runs in torch, JAX,
    numba and onnxruntime is compared with the NumPy code.
    """
    from derive import catalogue
    from derive.build import replace
    from derive.targets import TARGETS, for_file

    name = _chosen(cell, option)
    target = target or for_file(output, ("numpy", "markdown", "latex", "text", "onnx"))
    made = catalogue.made(name, **options)
    own: dict[str, Any] = {
        key: value for key, value in {"backward": backward, "dtype": dtype, "lengths": lengths}.items() if value
    }
    text = _rendered(made, target, notation, Path(name).name, **own)
    written: str | bytes = text
    if target == "onnx" and output.suffix != ".onnxtxt":
        from derive.targets.onnx import encoded
        from verify.weights.files import arrays_in

        written = encoded(text, arrays_in(params) if params else None)
    elif params:
        raise InputError("--params belongs to --target onnx", hint="and to a file that is not .onnxtxt")
    if target in ("numpy", "training") and not no_check:
        from verify.numbers.written import checked

        if not checked(made, text):
            click.echo("not checked: no random point gave finite numbers", err=True)
    if target in ("torch", "triton", "jax", "native", "onnx") and not no_check:
        from verify.numbers.written import unchecked

        if why := unchecked(made, text, target):
            click.echo(f"not checked: {why}", err=True)
    replace(output, written)
    if as_json:
        names = {"parameters": made.parameters, "states": made.states}
        listed = {key: [quantity.name for quantity in some] for key, some in names.items()}
        _print_json({"cell": made.name, "file": str(output), "target": target, **listed, **_reading(name, made)})
    else:
        _read_as(name, made)
        regular = output.is_file() and not output.is_symlink()
        told = f"{output}: {TARGETS[target].about} for {made.title}, {text.count(chr(10))} lines"
        click.echo(told, err=not regular)  # what was written may be on its way to the same place


@main.command(epilog=r"Example:  backproof check '\frac{\partial J}{\partial c_t} = ...' --cell lstm")
@click.argument("formula")
@click.option(
    "--cell",
    "-c",
    required=True,
    metavar="CELL|NOTE",
    help="The cell that the formula is about.",
    shell_complete=_cell_names,
)
@click.option("--notation", help="The letters of the formula (default: those of the cell).", **LETTERS)
@click.option("--assume", multiple=True, metavar="FACT", help="A fact about the data (see below); repeatable.")
@LANG
@json_option
@guarded
def check(formula: str, cell: str, notation: str | None, assume: tuple[str, ...], lang: str, as_json: bool) -> int:
    """Say whether a gradient formula written by hand is right: one answer for every = in it.

    \b
    Facts that --assume takes, in the letters of the formula:
      'h_0 = 0'         a state starts at zero
      '\\sum y_t = 1'    the entries of a target or an input sum to 1
      'y_t one-hot'     one entry of a target or an input is 1, the others are 0

    Exit code 1 if something is wrong, else 2 if something cannot be read or decided; 3 for a fault of backproof.
    """
    from derive import catalogue
    from derive.languages import find as find_language
    from derive.notation import find
    from verify.formulas import faults
    from verify.formulas.claims import check as judge
    from verify.formulas.faults import ClaimsFault
    from verify.formulas.judgement import Judgement, exit_code, report
    from verify.formulas.telling import told

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
        _print_json({**report(judgements), "faults": [faults.as_json(fault) for fault in met]})
    else:
        click.echo("\n".join(told(judgement, find_language(lang).say) for judgement in judgements))
    for each in met:
        click.echo(f"error: {each}", err=True)
    return 3 if met else exit_code(judgements)


@main.command(epilog="Example:  backproof explain missing term")
@click.argument("name", nargs=-1, shell_complete=_mistake_names)
@json_option
@guarded
def explain(name: tuple[str, ...], as_json: bool) -> None:
    """Say what a named mistake is, with a smallest example; without a NAME list them all."""
    from verify.mistakes import dictionary

    if name:
        found = dictionary.entry(" ".join(name))
        _print_json(found.to_json()) if as_json else click.echo(dictionary.told(found))
        return
    found_all = dictionary.entries().values()
    if as_json:
        _print_json({"mistakes": [found.to_json() for found in found_all]})
    else:
        click.echo("\n".join(f"{found.name}: {found.sentence}" for found in found_all))


@main.command(epilog="Example:  backproof verify lstm my_cell.md;  backproof verify gru --layers 2 --bidirectional")
@click.argument("cells", metavar="[CELL|NOTE]...", nargs=-1, shell_complete=_cell_names)
@network_options
@json_option
@guarded
def verify(cells: tuple[str, ...], as_json: bool, **options: Any) -> int:
    """Show the evidence that derivation and code are right (default: the whole catalogue)."""
    from derive import catalogue
    from verify.numbers.apart import apart, here
    from verify.numbers.evidence import report
    from verify.numbers.network import evidence_of
    from verify.reports.evidence import table

    everything = [*catalogue.cells(), *([] if any(options.values()) else [*catalogue.heads(), *catalogue.networks()])]
    found = [catalogue.made(name, **options) for name in cells or everything]
    with _progress(len(found)) as progress:
        gathered = []
        for made in found:
            progress(made.name)
            gathered.append(evidence_of(made, apart if len(found) == 1 else here))
    if as_json:
        read = {made.name: _reading(name, made) for name, made in zip(cells, found, strict=False)}
        told = {name: one["reading"] for name, one in read.items() if one}
        _print_json({**report(gathered), **({"readings": told} if told else {})})
    else:
        for name, made in zip(cells, found, strict=False):
            _read_as(name, made)
        _table("Evidence", *table(gathered))
    return 0 if all(one.passed for one in gathered) else 1


@main.command(epilog="Example:  backproof which my_gru.md")
@click.argument("cell", **CELL)
@json_option
@guarded
def which(cell: str, as_json: bool) -> int:
    """Say which published or framework cell this is, and in what it differs (exit 1 where it is none of them)."""
    from derive import catalogue
    from verify.which import telling, which

    given = catalogue.find(cell)
    found = which(given)
    if as_json:
        _print_json(telling.to_json(found))
    else:
        click.echo("\n".join(telling.lines(found, given.title)))
    return 0 if found and found[0].proved else 1


@main.command(epilog="Example:  backproof norms rnn lstm gru -o norms.svg")
@click.argument("cells", metavar="CELL|NOTE...", nargs=-1, required=True, shell_complete=_cell_names)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A figure (FILE.svg), or a page (FILE.md) with its figure beside it.",
)
@click.option("--steps", type=click.IntRange(1, 1000), default=40, show_default=True, help="How far back to look.")
@click.option(
    "--radius",
    "radii",
    type=click.FloatRange(0, 100, min_open=True),
    multiple=True,
    default=(0.5, 1.0, 1.5),
    show_default=True,
    help="The norm, and spectral radius, of recurrent parameters.",
)
@json_option
@guarded
def norms(cells: tuple[str, ...], output: Path | None, steps: int, radii: tuple[float, ...], as_json: bool) -> None:
    """Show how far gradients reach: the norm of one state's response to an earlier one, measured and bounded."""
    from derive import catalogue
    from verify.gradient_norms.measure import measured
    from verify.gradient_norms.output import table, write

    if output and output.suffix not in (".svg", ".md"):
        raise InputError(f"{output} is neither a figure nor a page", hint="name a file ending in .svg or .md")
    found = [measured(catalogue.find(name), radii, steps) for name in cells]
    written = write(found, output) if output else []
    if as_json:
        _print_json({"steps": steps, "files": written, "cells": {one.cell.name: one.to_json() for one in found}})
    elif written:
        click.echo("\n".join(f"{path}: norms of {', '.join(one.cell.title for one in found)}" for path in written))
    else:
        _table("Norms of gradients", *table(found, steps))


@main.command(epilog="Example:  backproof bench lstm gru --size 50,32,64,128 --dtype float32 -o docs/speed.md")
@click.argument("cells", nargs=-1)
@click.option("--size", "sizes", multiple=True, metavar="T,B,D,H", help="Sizes of a point; without it a whole table.")
@click.option("--dtype", "dtypes", multiple=True, type=click.Choice(["float32", "float64"]), help="Number types.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), help="Threads of every peer.")
@click.option("--peer", "peers", multiple=True, metavar="NAME", help="What to measure (default: all columns).")
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1), help="Runs of every peer.")
@click.option("--gpu", is_flag=True, help="On a GPU, beside cuDNN, JAX and torch.compile.")
@click.option(
    "--minutes", default=10.0, show_default=True, help="Without CELL: no point is begun that would end later."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the table as a page, beside it a figure and JSON.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@guarded
def bench(
    cells: tuple[str, ...],
    sizes: tuple[str, ...],
    dtypes: tuple[str, ...],
    threads: int,
    peers: tuple[str, ...],
    rounds: int,
    gpu: bool,
    minutes: float,
    output: Path | None,
    as_json: bool,
) -> None:
    """Measure forward and all gradients of cells beside torch, JAX and the bare matrix products.

    Without CELL the points of docs/speed.md, or with --gpu those of a GPU, the most telling ones first.
    """
    from verify.bench import plans
    from verify.bench.measure import jobs, known, planned
    from verify.bench.report import header, machine, summary, table, written

    device = "gpu" if gpu else "cpu"
    named = jobs(cells, sizes, dtypes, threads, device)
    plan = [(job, known(peers, device)) for job in named] or (plans.on_gpu() if gpu else plans.on_cpu())
    command = " ".join(["backproof", *sys.argv[1:]])
    with _progress(len(plan)) as progress:

        def told(rows: Sequence[Any]) -> None:
            progress(rows[-1].label)
            if output:  # what was measured so far is kept
                written(rows, rounds, output, command)

        rows, left = planned(plan, rounds, math.inf if named else minutes, told)
    if output and left:
        written(rows, rounds, output, command, left)
    if as_json:
        _print_json({"machine": machine(), "rounds": rounds, "points": [row.to_json() for row in rows]})
    else:
        _table("Milliseconds", header(rows), table(rows), f"{machine()}. {summary(rows)}")


@main.command(epilog="Example:  backproof audit notes/*.md --format sarif")
@click.argument("notes", metavar="NOTE|FOLDER...", nargs=-1, required=True)
@click.option(
    "--cell",
    metavar="CELL|NOTE",
    help="The model (default: the note's own equations, or recognised).",
    shell_complete=_cell_names,
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
    with _progress(len(paths)) as progress:
        results = list(audits(paths, cell=cell, notation=notation, jobs=jobs, told=progress))
    found = [one for one in results if not isinstance(one, InputError)]
    errors = [one for one in results if isinstance(one, InputError)]
    form = "json" if as_json else form
    if form == "text":
        _print_audits(found, lang)
    else:
        click.echo(FORMATS[form](found, errors), nl=False)
    for unread in errors:
        click.echo(f"error: {unread}", err=True)
    for place, fault in (each for one in found for each in one.faults):
        click.echo(f"error: {place}: {fault}", err=True)
    if fix:
        _write_fixes(found, lambda path: audited(path, cell=cell, notation=notation))
    return code(found, len(errors), lenient)


def _print_audits(found: list[Any], lang: str) -> None:
    from derive.languages import find
    from verify.formulas.judgement import Word
    from verify.reports.text import counts, lines, summary

    colors = {Word.WRONG: "red", Word.HOLDS_IF: "yellow", Word.UNDECIDED: "blue", Word.UNREADABLE: "blue"}
    say = find(lang).say
    for line in lines(found, lambda word, text: click.style(text, fg=colors[word], bold=True), say):
        click.echo(line)
    if found:
        _table("Audit", *counts(found, say), summary(found, say))


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


@main.command()
@json_option
@guarded
def doctor(as_json: bool) -> int:
    """Say what backproof runs on here, what of the optional rest is there, and whether it works."""
    from backproof.doctor import findings

    found = list(findings())
    if as_json:
        _print_json({"findings": [one.to_json() for one in found]})
    else:
        signs = {True: "ok", False: "NO", None: "-"}
        _table("Doctor", ["", "", "found"], [[one.what, signs[one.ok], one.found] for one in found])
    return 1 if any(one.ok is False for one in found) else 0


@main.command("check-code", epilog="Example:  backproof check-code my_lstm.py:lstm_backward --cell lstm")
@click.argument("function", metavar="FILE[:TARGET]")
@click.option("--cell", help="The cell that the function belongs to.", **CELL)
@click.option("--gradients", is_flag=True, help="Judge the gradients by their own forward pass alone; no cell.")
@click.option("--as", "protocol", metavar="PROTOCOL", help="How it is called, where that cannot be told (see below).")
@click.option("--layout", default="", help="For f(params, x, d_ys): axes of x, as in: BTn, vectors=n1, gates=ifgo.")
@click.option("--names", default="", help="For f(params, x, d_ys): your arrays in the cell's names, as in: W_ih=W_*.")
@click.option("--tolerance", type=float, help="For --layout and --names: the largest relative error that is right.")
@click.option("--time-limit", type=click.FloatRange(1, 3600), default=20, show_default=True, help="Seconds per stage.")
@click.option("--skeleton", is_flag=True, help="Print an adapter for what could not be called.")
@network_options
@json_option
@guarded
def check_code(function: str, cell: str | None, protocol: str | None, as_json: bool, **options: Any) -> int:
    """Judge your own backward pass: by your own forward pass, explained by a cell. THIS RUNS YOUR CODE.

    TARGET is a function (its forward function is found beside it), a class with forward and backward, a loss function,
    or a torch Module or Function; FILE may be a notebook. It runs in a process of its own, with a limit of time.

    \b
    PROTOCOL: cs231n, deeplearning-ai, min-char-rnn, layer, framework, torch, functions, loss, predictions, one-function
    """
    from verify.code.running import careful

    if cell is None and not options["gradients"]:
        raise InputError("which cell does it belong to?", hint="name it with --cell lstm, or ask for --gradients alone")
    if protocol:
        from verify.code import protocols  # and with them SymPy: the process that runs the code loads it anyway

        if protocol not in protocols.names():
            raise InputError(f"no protocol is called {protocol}", hint=f"known: {', '.join(protocols.names())}")
    click.echo(f"running your code: {function}", err=True)
    names = ("layers", "bidirectional", "reverse", "dropout", "head", "loss", "last_step")
    network = {name: options.pop(name) for name in names}
    request = {"spec": function, "cell": cell, "as": protocol, "network": network, **options}
    request["limit"] = options["time_limit"]
    answer = careful.judged(request)
    for line in answer.get("printed", "").splitlines()[-20:]:
        click.echo(f"  | {line}", err=True)
    if "fault" in answer:
        raise ProgramFault("unforeseen", answer["fault"], answer["calls"])
    if "error" in answer:
        raise InputError(answer["message"], hint=answer["hint"])
    if answer["reason"]:
        click.echo(f"error: {answer['reason']}", err=True)
    if as_json:
        _print_json(answer["json"])
    elif answer["text"]:
        click.echo(answer["text"])
    return int(answer["code"])
