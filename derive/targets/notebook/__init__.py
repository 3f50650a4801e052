"""How cells, readings, derivations and gradients show themselves in a notebook: HTML, LaTeX and SVG.

Formulas are MathML, which browsers typeset by themselves. Everything else is text: it is escaped, and the frame around
it keeps a notebook from looking for mathematics in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from derive.calculus.derivation import Derivation, Gradient, Step
from derive.cell import Cell, Equation
from derive.lettering import lettered
from derive.networks.network import Network
from derive.nodes import Adjoint, Node, Quantity
from derive.notation import AS_WRITTEN, Notation
from derive.reader.document.reading import Reading, functions_of, shape, warnings
from derive.targets.formula import latex
from derive.targets.mathml import typeset

STYLE = """
.backproof-shown { overflow-x: auto; line-height: 1.5 }
.backproof-shown table { border-collapse: collapse; margin: .5em 0 }
.backproof-shown th, .backproof-shown td { text-align: left; padding: .15em .8em .15em 0 }
.backproof-shown tr { border-bottom: 1px solid #8884 }
.backproof-shown summary { cursor: pointer }
.backproof-shown .number { float: right; opacity: .65; margin-left: 2em }
.backproof-shown .formula { overflow-x: auto; padding: .15em 0 }
.backproof-shown math { font-size: 1.1em }
.backproof-shown .verdict { font-weight: 600 }
.backproof-shown .proved, .backproof-shown .right, .backproof-shown .holds_if { border-left: 4px solid #2da44e }
.backproof-shown .wrong { border-left: 4px solid #e5534b }
.backproof-shown .undecided, .backproof-shown .unreadable { border-left: 4px solid #7d80e8 }
.backproof-shown .cannot_tell { border-left: 4px solid #7d80e8 }
.backproof-shown article { padding: .2em .8em; margin: .5em 0 }
.backproof-shown dl { display: grid; grid-template-columns: max-content 1fr; gap: .1em .9em; margin: .3em 0 }
.backproof-shown dt { opacity: .7 } .backproof-shown dd { margin: 0 }
""".strip()


def framed(body: str) -> str:
    """A piece of HTML with its style, in a frame in which no notebook looks for LaTeX."""
    return f'<div class="backproof-shown tex2jax_ignore mathjax_ignore"><style>{STYLE}</style>{body}</div>'


def formula(node: Node, letters: Notation) -> str:
    """A node as MathML within a line."""
    return typeset(latex(node, letters), "large")


def cell_html(cell: Cell) -> str:
    """The equations and the roles of a cell, and its picture to be unfolded."""
    return framed(_cell(cell) + _folded("Picture", cell_svg(cell)))


def cell_latex(cell: Cell) -> str:
    """The equations of a cell."""
    letters = lettered(cell.notation, cell)
    return aligned(f"{latex(e.symbol, letters)} &= {latex(e.expression, letters)}" for e in cell.equations)


def cell_svg(made: Cell | Network) -> str:
    """The picture of the data flow, without the declaration of a document."""
    from derive.targets.pictures import network_picture, picture

    if isinstance(made, Network):
        return network_picture(made)
    return picture(Derivation(made, made, ()))


def network_html(network: Network) -> str:
    """A network in words, and its picture."""
    words = f"<p><b>{escape(network.title)}</b></p>" + (f"<p>{escape(network.about)}</p>" if network.about else "")
    return framed(f"{words}{cell_svg(network)}{_folded('One step of the cell', _cell(network.cell))}")


def reading_html(reading: Reading) -> str:
    """What was understood, every guess with its alternative, and the formulas beside the equations."""
    beside = (f"<li>{written(one.written)} (line {one.place.line})</li>" for one in reading.remarks)
    listed = "".join(beside)
    return framed(_cell(reading.cell) + (f"<p>Beside the equations:</p><ul>{listed}</ul>" if listed else ""))


def equation_latex(equation: Equation) -> str:
    """An equation as a display."""
    return f"$\\displaystyle {latex(equation.symbol)} = {latex(equation.expression)}$"


def step_html(step: Step) -> str:
    """A line of a derivation."""
    return framed(f"<p>{_step(step, AS_WRITTEN)}</p>")


def gradient_html(gradient: Gradient) -> str:
    """The gradient, its paths with the steps along each, and what was done to their sum."""
    return framed(_gradient(gradient, gradient.notation, opened=True))


def gradient_latex(gradient: Gradient) -> str:
    """The gradient as a display."""
    return f"$\\displaystyle {_equation(gradient, gradient.notation)}$"


def derivation_html(derivation: Derivation) -> str:
    """The equations, then every gradient, to be unfolded into its paths and steps."""
    letters = lettered(derivation.cell.notation, derivation.program)
    parts = "".join(_gradient(gradient, letters, opened=False) for gradient in derivation.gradients)
    picture = _folded("How gradients flow", derivation_svg(derivation))
    return framed(
        f"{_cell(derivation.cell)}<p><b>Gradients</b>, in the order of the reverse sweep:</p>{parts}{picture}"
    )


def derivation_latex(derivation: Derivation) -> str:
    """All gradients."""
    letters = lettered(derivation.cell.notation, derivation.program)
    return aligned(_equation(gradient, letters, " &=") for gradient in derivation.gradients)


def derivation_svg(derivation: Derivation) -> str:
    """The picture of the backward flow."""
    from derive.targets.pictures import picture

    return picture(derivation, backward=True)


def aligned(lines: Iterable[str]) -> str:
    """Lines with an `&` each as one display."""
    return "$\\displaystyle \\begin{aligned} " + " \\\\ ".join(lines) + " \\end{aligned}$"


def written(text: str) -> str:
    """A formula as its author wrote it: typeset where it can be, else as text."""
    return typeset(text.strip().strip("$"))


def _cell(cell: Cell) -> str:
    letters = lettered(cell.notation, cell)
    rows = "".join(
        f'<div class="formula"><span class="number">({number})</span>{typeset(_assignment(e, letters), "large")}</div>'
        for number, e in enumerate(cell.equations, 1)
    )
    table = "".join(
        f"<tr><td>{formula(q, letters)}</td><td>{escape(role)}</td><td>{escape(shape(q))}</td></tr>"
        for q, role in _roles(cell)
    )
    functions = "".join(f"<li>{escape(one.name)} is this note's own, or open</li>" for one in functions_of(cell))
    guesses = "".join(f"<li>{escape(str(guess))}</li>" for guess in cell.guesses)
    odd = "".join(f"<li>{escape(warning)}</li>" for warning in warnings(cell))
    return "".join(
        [
            f"<p><b>{escape(cell.title)}</b></p>{rows}",
            f"<p>Guesses:</p><ul>{guesses}</ul>" if guesses else "",
            f"<p>Worth a look:</p><ul>{odd}</ul>" if odd else "",
            f"<p>Functions:</p><ul>{functions}</ul>" if functions else "",
            _folded("Symbols and shapes", f"<table>{table}</table>"),
        ]
    )


def _assignment(equation: Equation, letters: Notation) -> str:
    return f"{latex(equation.symbol, letters)} = {latex(equation.expression, letters)}"


def _roles(cell: Cell) -> Iterator[tuple[Quantity, str]]:
    for quantity in cell.inputs:
        yield quantity, "target" if quantity in cell.targets else "input"
    for quantity in cell.states:
        yield quantity, "state and output" if quantity == cell.output else "state"
    if cell.output not in cell.states:
        yield cell.output, "output"
    for quantity in cell.parameters:
        yield quantity, "parameter"


def _equation(gradient: Gradient, letters: Notation, sign: str = " =") -> str:
    return f"{latex(Adjoint(gradient.of), letters)}{sign} {latex(gradient.value, letters)}"


def _gradient(gradient: Gradient, letters: Notation, opened: bool) -> str:
    points = []
    for path in gradient.paths:
        lead = "directly" if path.via is None else f"through {formula(path.via, letters)}"
        inner = "".join(f"<li>{_step(step, letters)}</li>" for step in path.steps)
        points.append(f"<li>{lead}: {formula(path.term, letters)}{f'<ol>{inner}</ol>' if inner else ''}</li>")
    points += [f"<li>{_step(step, letters)}</li>" for step in gradient.steps]
    assumed = "".join(
        f"<p>This holds if {formula(one.quantity, letters)} {escape(one.kind)}.</p>" for one in gradient.assumptions
    )
    body = f"<p>{escape(gradient.why)}</p><ul>{''.join(points)}</ul>{assumed}"
    return _folded(typeset(_equation(gradient, letters), "large"), body, opened)


def _step(step: Step, letters: Notation) -> str:
    why = f" ({escape(step.why)})" if step.why else ""
    return f"{escape(step.rule)}: {formula(step.after, letters)}{why}"


def _folded(title: str, body: str, opened: bool = False) -> str:
    """A piece to be unfolded; title and body are HTML."""
    return f"<details{' open' if opened else ''}><summary>{title}</summary>{body}</details>"
