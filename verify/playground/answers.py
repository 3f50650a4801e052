"""What the page asks, and what it is answered: plain data in, plain data and escaped HTML out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from derive import catalogue, targets
from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.errors import InputError, ProgramFault
from derive.lettering import lettered
from derive.networks.network import Network
from derive.nodes import Quantity
from derive.patterns import regex
from derive.reader import read_equations, reading_of
from derive.reader.document.reading import Reading
from derive.reader.text.note import KEYS, WHERE
from derive.targets.formula import latex
from derive.targets.mathml import mathml
from derive.targets.notebook import derivation_html, reading_html
from derive.targets.pictures import picture
from verify.formulas.claims import check
from verify.formulas.faults import ClaimsFault
from verify.formulas.judgement import Judgement
from verify.reports.notebook import judged

CODE = ("numpy", "torch", "jax", "latex", "markdown")
"""What the page offers to copy."""
_NOTE = regex(r"\$\$|\\\[|^#\s|```", re.MULTILINE)

Asked = Mapping[str, str]
Answer = dict[str, Any]


def answer(action: str, asked: Asked) -> Answer:
    """The answer to one request; an InputError becomes what a person is told, with its place."""
    try:
        return ACTIONS[action](asked)
    except InputError as error:
        place = error.place and {"line": error.place.line, "column": error.place.column}
        return {"error": error.message, "hint": error.hint or "", "place": place}


def cell_of(asked: Asked) -> Cell:
    """The cell that the page is about: one of the catalogue, or the equations that were typed."""
    return _reading(asked).cell


def _reading(asked: Asked) -> Reading:
    """No file is opened: a name is one of the catalogue, everything else is text."""
    text = asked.get("equations", "")
    if name := asked.get("cell"):
        found = catalogue.named(catalogue.spelled(name))
        if found is None:
            raise InputError(f"no cell is called {name}")
        return Reading(found)
    if _NOTE.search(text):
        return reading_of(text, "equations")
    lines = [line for line in text.splitlines() if line.strip()]
    declared = [line for line in lines if WHERE.match(line) or line.partition(":")[0].strip().lower() in KEYS]
    return Reading(read_equations([line for line in lines if line not in declared], declared, title="Your cell"))


def _cell(asked: Asked) -> Answer:
    """The equations of a cell of the catalogue, one a line, with as many declarations as it takes to read them back."""
    cell = cell_of(asked)
    letters = lettered(cell.notation, cell)
    lines = [f"{latex(e.symbol, letters)} = {latex(e.expression, letters)}" for e in cell.equations]
    output = f"output: ${latex(cell.output, letters)}$"
    sizes = [f"where ${latex(q, letters)} \\in \\mathbb{{R}}^{{{_size(q)}}}$" for q in cell.quantities.values()]
    text = "\n".join(lines)
    for more in ([], [output], [output, *sizes]):
        text = "\n".join([*lines, *more])
        try:
            if cell_of({"equations": text}).equations == cell.equations:
                break
        except InputError:
            continue
    return {"equations": text, "title": cell.title}


def _size(quantity: Quantity) -> str:
    return r" \times ".join(str(size) for size in quantity.shape)


def _typeset(asked: Asked) -> Answer:
    """Every line as MathML; one that cannot be parsed yet as it was typed."""
    lines = [line.strip().strip("$").strip() for line in asked.get("text", "").splitlines()]
    shown = (mathml(line, "block") or f"<code>{escape(line)}</code>" for line in lines if line)
    return {"html": "".join(f'<div class="formula">{one}</div>' for one in shown)}


def _read(asked: Asked) -> Answer:
    """The reading, with every guess."""
    found = _reading(asked)
    return {"html": reading_html(found), "reading": found.to_json()}


def _check(asked: Asked) -> Answer:
    """The judgements on a formula; what is missing is marked in the true formula, what is too much in the author's."""
    facts = [line for line in asked.get("assume", "").splitlines() if line.strip()]
    found: Sequence[Judgement]
    faults: Sequence[ProgramFault] = ()
    try:
        found = check(asked.get("formula", ""), cell_of(asked), assume=facts)
    except ClaimsFault as fault:
        found, faults = fault.judgements, fault.faults
    told = "".join(f'<p class="problem">{escape(str(fault))}</p>' for fault in faults)
    return {"html": "".join(map(marked, found)) + told, "claims": [one.to_json() for one in found]}


def marked(judgement: Judgement) -> str:
    """A judgement in which the terms that its mistakes name stand out."""
    html = judged(judgement)
    for mistake in judgement.mistakes:
        for term in re.findall(r"\$([^$]+)\$", mistake.detail):
            shown = mathml(term, "inline")
            inner = re.sub(r"^<math[^>]*>(.*)</math>$", r"\1", shown or "")
            signed = re.sub(r"^<mrow>(<mo>[−+]</mo>.*)</mrow>$", r"\1", inner)  # a sign stands beside its term in a sum
            for piece in {inner: None, signed: None}:
                if piece and _worth(piece):
                    html = _marked(html, piece)
    return html


def _worth(piece: str) -> bool:
    """Whether a piece of a formula is a term, not a mere letter."""
    return piece.count("<mi>") > 2


def _marked(html: str, piece: str) -> str:
    """The piece marked wherever a whole formula on a line of its own, or a true one, holds it and is not the piece."""

    def mark(found: re.Match[str]) -> str:
        begin, body, end = found.groups()
        if body in (piece, f"<mrow>{piece}</mrow>"):
            return found[0]
        return begin + body.replace(piece, f'<mrow class="marked">{piece}</mrow>') + end

    return re.sub(r"(<math [^>]*(?:block|displaystyle)[^>]*>)(.*?)(</math>)", mark, html, flags=re.DOTALL)


def _derive(asked: Asked) -> Answer:
    """The derivation, every gradient to be unfolded."""
    return {"html": derivation_html(differentiate(cell_of(asked)))}


def _draw(asked: Asked) -> Answer:
    """The pictures: data flow, gradients, three steps."""
    derivation = differentiate(cell_of(asked))
    pictures = [picture(derivation), picture(derivation, backward=True)]
    if derivation.cell.states:
        pictures.append(picture(derivation, unrolled=3))
    return {"html": "".join(f"<figure>{one}</figure>" for one in pictures)}


def _code(asked: Asked) -> Answer:
    """A file to be copied."""
    target = asked.get("target", CODE[0])
    if target not in CODE:
        raise InputError(f"there is no {target} here", hint=f"known: {', '.join(CODE)}")
    made: Cell | Network = cell_of(asked)
    return {"code": targets.generate(made, target, origin="the playground")}


ACTIONS: Mapping[str, Callable[[Asked], Answer]] = {
    "cell": _cell,
    "typeset": _typeset,
    "read": _read,
    "check": _check,
    "derive": _derive,
    "draw": _draw,
    "code": _code,
}
"""What can be asked, by the last part of the address."""
