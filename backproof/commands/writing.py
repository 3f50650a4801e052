"""derive, draw, generate: one cell, or a network of it, written by a target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from backproof.commands.answering import guarded, language, print_json
from backproof.commands.options import CELL, LANG, LETTERS, json_option, network_options
from backproof.commands.reading import read_as, reading_of
from derive.errors import InputError


@click.command(epilog="Example:  backproof derive lstm --notation deeplearning-ai --target text")
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
    as_pdf = output is not None and output.suffix == ".pdf"
    form = target or ("latex" if as_pdf else targets.for_file(output, ("text", "markdown", "latex")))
    if as_json:
        from derive.notation import find
        from derive.targets.record import of_any

        if of and by:
            raise InputError("JSON has the gradients of J", hint="give --of or --by alone, or leave out --json")
        found = of_any(made, find(notation) if notation else None, (*of, *by))
        print_json({**found, **reading_of(cell, made)})
        return
    read_as(cell, made)
    text = _rendered(made, "latex" if as_pdf else form, notation, cell, of, by, lang=lang)
    if output is None:
        click.echo(text, nl=False)
    elif as_pdf:
        from derive.targets.pages.pdf import compiled

        replace(output, compiled(text, font=language().font).content)
        click.echo(f"{output}: an article on {made.title}", err=True)
    else:
        replace(output, text)
        click.echo(f"{output}: {targets.TARGETS[form].about} on {made.title}", err=True)


@click.command(epilog="Example:  backproof draw lstm --unrolled 3 --backward -o lstm.svg")
@click.argument("cell", **CELL)
@click.option("--unrolled", type=click.IntRange(1), metavar="N", help="Show N steps (networks: 3 without it).")
@click.option("--backward", is_flag=True, help="How gradients flow: the paths of the derivation and where they meet.")
@LANG
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
    lang: str,
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
    if form != "svg" and lang != "en":
        raise InputError("LaTeX is written in English alone", hint="write FILE.svg")
    picture = _rendered(made, "picture", notation, cell, unrolled=unrolled, backward=backward, form=form, lang=lang)
    read_as(cell, made)
    if output is not None and form == "document":
        from derive.targets.pages.pdf import compiled

        replace(output, compiled(picture).content)
    elif output is not None:
        replace(output, picture)
    if as_json:
        print_json(
            {"cell": made.name, **({"file": str(output)} if output else {"svg": picture}), **reading_of(cell, made)}
        )
    elif output is None:
        click.echo(picture, nl=False)
    else:
        click.echo(f"{output}: a picture of {made.title}", err=True)


@click.command(epilog="Example:  backproof generate --cell gru --layers 2 --bidirectional --head softmax -o model.py")
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
        print_json({"cell": made.name, "file": str(output), "target": target, **listed, **reading_of(name, made)})
    else:
        read_as(name, made)
        regular = output.is_file() and not output.is_symlink()
        told = f"{output}: {TARGETS[target].about} for {made.title}, {text.count(chr(10))} lines"
        click.echo(told, err=not regular)  # what was written may be on its way to the same place


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
