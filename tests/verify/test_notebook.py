"""In a notebook: everything shows itself, text is data, the magic is the command line, the tutorials run."""

from __future__ import annotations

import json
import os
import re
import tempfile
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import sympy

import verify
from derive import Cell, InputError, differentiate, find, read_note
from derive.catalogue import networks
from derive.errors import Place
from derive.nodes import Adjoint, Jacobian, t
from derive.reader import reading_of
from derive.reader.document.reading import Reading, Remark
from verify.code.report import CodeReport, Row, Standing
from verify.formulas.judgement import Judgement, Judgements, Mistake, Word
from verify.notes.audit import audit

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> $\\href{javascript:alert(3)}{x}$ \\(y\\)"


class Elements(HTMLParser):
    """The elements of a piece of HTML with their attributes, and the text that a notebook looks for LaTeX in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag  # every element is closed where it belongs


def harmless(html: str) -> None:
    found = Elements(html).found
    assert found[0][0] == "div"
    assert "mathjax_ignore" in str(found[0][1]["class"])
    for tag, attributes in found:
        assert tag not in ("script", "img", "iframe", "object", "embed", "link", "a", "form", "base", "meta")
        assert not [name for name in attributes if name.startswith("on") or name in ("href", "src", "xlink:href")]


@cache
def lstm() -> Any:
    return differentiate(find("lstm"))


def audited() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder) / "note.md"
        note.write_text("# RNN\n\n$$h_t = \\tanh(W x_t + U h_{t-1} + b)$$\n\n$$\\delta_t = h_t$$\n", encoding="utf-8")
        return audit(note)


SHOWN = {
    "cell": lambda: find("rnn"),
    "reading": lambda: reading_of("# Mine\n\n$$h_t = \\tanh(W x_t + U h_{t-1})$$\n", "mine.md"),
    "derivation": lambda: lstm(),
    "gradient": lambda: lstm()["W_f"],
    "step": lambda: lstm()["c"].paths[1].steps[0],
    "judgements": lambda: verify.check(r"\frac{\partial J}{\partial b} = \sum_t x_t", find("rnn")),
    "judgement": lambda: verify.check(r"h_t = h_t", find("rnn"))[0],
    "audit": audited,
    "network": lambda: networks()["character_model"],
    "code": lambda: CodeReport("rnn", (Row("W", Standing.WRONG, 0.5, (0, 1), 1.0, 2.0),)),
}


@pytest.mark.parametrize("name", SHOWN)
def test_everything_shows_itself(name: str) -> None:
    harmless(SHOWN[name]()._repr_html_())


def test_evidence_shows_itself() -> None:
    verdict = verify.Verdict(verify.Outcome.PROVED)
    found = verify.GradientEvidence(verdict, 1e-16, 1e-9, None, 1e-16)
    harmless(verify.Evidence("lstm", {"W": found}, {}, 0.0)._repr_html_())


def test_pictures_show_the_data_flow_and_the_backward_flow() -> None:
    assert "one step" in find("gru")._repr_svg_()
    assert "gradients of one step" in lstm()._repr_svg_()
    assert "over time" in networks()["tagger"]._repr_svg_()


def test_one_gradient_by_its_name() -> None:
    assert lstm()["W_f"] is lstm().by_name["W_f"]
    with pytest.raises(InputError, match="no quantity 'W_q'"):
        lstm()["W_q"]
    with pytest.raises(KeyError):
        lstm()["W_q"]


def test_gradients_are_shown_in_the_letters_of_the_note() -> None:
    cell = read_note("# Mine\n\n$$\\mathbf{h}_t = \\tanh(\\mathbf{W} x_t + U \\mathbf{h}_{t-1})$$\n")
    assert r"\mathbf{W}" in differentiate(cell)["W"]._repr_latex_()


@pytest.mark.parametrize("name", ["rnn", "mlstm", "softmax_cross_entropy"])
def test_every_formula_is_typeset(name: str) -> None:
    derivation = differentiate(find(name))
    html = derivation._repr_html_()
    assert "<code>" not in html  # what cannot be typeset would be code
    assert html.count("<math") > len(derivation.gradients)


def test_words_of_others_are_data() -> None:
    cell = read_note(f"# {HOSTILE}\n\nSource: {HOSTILE}\n\n$$h_t = \\tanh(W x_t + U h_{{t-1}})$$\n")
    place = Place("x<b>.md", 1, 1, 1)
    said = Judgement(
        HOSTILE,
        Word.WRONG,
        (HOSTILE,),
        HOSTILE,
        (Mistake("missing term", HOSTILE),),
        HOSTILE,
        HOSTILE,
        None,
        HOSTILE,
        place,
    )
    for one in (
        cell,
        differentiate(cell),
        differentiate(cell)["W"],
        Reading(cell, (Remark(HOSTILE, place),)),
        said,
        Judgements((said,)),
        CodeReport(HOSTILE, (Row(HOSTILE, Standing.WRONG, reason=HOSTILE),), notes=(HOSTILE,), undecided=HOSTILE),
    ):
        harmless(one._repr_html_())
        assert "\\href" not in re.sub(r"<code>.*?</code>", "", getattr(one, "_repr_latex_", str)())


def test_letters_of_sympy_are_data() -> None:
    x, h = sympy.MatrixSymbol("x_t", sympy.Symbol("D"), 1), sympy.MatrixSymbol("h_t", sympy.Symbol("D"), 1)
    bad = sympy.MatrixSymbol(r"\href{javascript:alert(1)}{b}", sympy.Symbol("D"), 1)
    try:
        cell = Cell.from_sympy([(h, x + bad)])
    except InputError:
        return
    harmless(cell._repr_html_())
    assert "href" not in cell._repr_latex_()


def test_sympys_printers_write_our_nodes() -> None:
    adjoint, value = Adjoint(find("lstm").quantities["c"]), lstm()["W_f"].value
    assert str(adjoint) == "∂J/∂c_t"
    assert sympy.latex(adjoint) == r"\frac{\partial J}{\partial c_t}"
    assert sympy.pretty(adjoint) == "∂J/∂c_t"
    assert sympy.latex(value).startswith(r"\sum_{t=1}^{T} ")
    h = find("lstm").quantities["h"]
    assert str(Jacobian(h, h.at(t - 1))) == "∂h_t/∂h_{t-1}"
    assert sympy.latex(sympy.MatMul(2, adjoint)) == r"2 \frac{\partial J}{\partial c_t}"


@pytest.mark.parametrize("name", ["lstm", "mlstm", "rnn_layer_norm", "mamba", "deltanet"])
def test_sympys_printers_write_every_gradient(name: str) -> None:
    for gradient in differentiate(find(name)).gradients:
        for write in (str, sympy.latex, sympy.pretty, sympy.srepr):
            assert write(gradient.value)


@cache
def shell() -> Any:
    interactive = pytest.importorskip("IPython.core.interactiveshell")
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp()  # nothing of the person's own settings
    return interactive.InteractiveShell.instance()


def ran(source: str) -> Any:
    result = shell().run_cell(source)
    result.raise_error()
    return result.result


def test_the_magic_is_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    ran("%load_ext backproof")
    ran(r"%backproof check '\frac{\partial J}{\partial b} = \sum_t x_t' --cell rnn")
    assert "wrong" in capsys.readouterr().out
    assert ran("_exit_code") == 1
    ran("%backproof list heads")
    assert ran("_exit_code") == 0
    ran("%backproof derive no_such_cell")
    assert "no cell or note is called" in capsys.readouterr().err
    assert ran("_exit_code") == 2
    ran("%backproof nonsense")
    assert "No such command" in capsys.readouterr().err


def test_the_magic_evaluates_nothing_in_braces(capsys: pytest.CaptureFixture[str]) -> None:
    ran("%load_ext backproof\nJ = 'seen'")
    ran(r"%backproof check '\frac{J}{J} = $J' --cell rnn --json")
    assert "seen" not in capsys.readouterr().out


def test_the_formula_may_stand_below(capsys: pytest.CaptureFixture[str]) -> None:
    ran("%load_ext backproof")
    formula = r"\frac{\partial J}{\partial b} = \sum_{t=1}^{T} \frac{\partial J}{\partial h_t} \odot (1 - h_t^2)"
    ran(f"%%backproof check --cell rnn\n{formula}\n")
    assert "proved" in capsys.readouterr().out


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_tutorials_run(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert all(not cell.get("outputs") for cell in cells)  # outputs are made by whoever runs it
    shell().reset(new_session=False)
    for cell in cells:
        if cell["cell_type"] == "code":
            result = ran("".join(cell["source"]))
            if hasattr(result, "_repr_html_"):
                harmless(result._repr_html_())
    assert "Traceback" not in capsys.readouterr().out
