"""Pictures made from the equations: the data flow of a cell, its backward pass, the steps, layers and directions of a
network, as SVG that is legible in light and dark. Nothing in a picture is typed in.

`flow` and `gradients` make a graph of a cell and of its derivation, `layered` places it; `grid` places the steps of a
network; `labels` writes formulas as text with subscripts; `svg` and `pdftex` write what was placed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from derive.calculus.derivation import Derivation
from derive.languages import ENGLISH, Language
from derive.lettering import lettered
from derive.networks.network import Network
from derive.notation import Notation
from derive.targets.pictures import flow, gradients, grid, pdftex
from derive.targets.pictures.drawing import Drawing
from derive.targets.pictures.layered import layered
from derive.targets.pictures.svg import svg

FORMS: Mapping[str, Callable[[Drawing], str]] = {"svg": svg, "latex": pdftex.latex, "document": pdftex.document}
"""SVG, LaTeX to be put into a document, and LaTeX of a page that is the picture."""
STEPS = 3
"""Steps that the picture of a network shows if none are asked for."""


def picture(
    derivation: Derivation,
    notation: Notation | None = None,
    *,
    unrolled: int | None = None,
    backward: bool = False,
    form: str = "svg",
    language: Language = ENGLISH,
) -> str:
    """The data flow of one step of a cell, or of `unrolled` ones; `backward`: how gradients flow; `form`: see FORMS."""
    if unrolled:
        drawn = grid.drawn(Network(_in_letters(derivation, notation).cell), unrolled, backward)
    else:
        drawn = drawing(derivation, notation, backward)
    return FORMS[form](drawn.said(language.say))


def drawing(derivation: Derivation, notation: Notation | None = None, backward: bool = False) -> Drawing:
    """The picture of one step, placed and not yet written."""
    found = _in_letters(derivation, notation)
    if backward:
        return layered(gradients.graph(found), downwards=True)
    return layered(flow.graph(found.cell))


def network_picture(
    network: Network,
    notation: Notation | None = None,
    *,
    unrolled: int | None = None,
    backward: bool = False,
    form: str = "svg",
    language: Language = ENGLISH,
) -> str:
    """The copies of a network's cell over some steps with what stands between and above them; `form`: see FORMS."""
    found = network.in_letters(notation) if notation else network
    return FORMS[form](grid.drawn(found, unrolled or STEPS, backward).said(language.say))


def _in_letters(derivation: Derivation, notation: Notation | None) -> Derivation:
    letters = lettered(notation or derivation.cell.notation, derivation.program)
    cell, program = replace(derivation.cell, notation=letters), replace(derivation.program, notation=letters)
    return replace(derivation, cell=cell, program=program)
