"""What the pages of the site are made of, without building it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from backproof.command_line import main
from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.errors import InputError
from derive.languages import find
from derive.notation import notations
from derive.targets.site import cell_page, network_page
from verify.numbers.evidence import THRESHOLDS
from verify.site import build
from verify.site.closing import closing
from verify.site.plots import norms
from verify.site.sources import for_myst

ROOT = Path(__file__).parents[3]


def module(name: str) -> str:
    return (ROOT / "generated" / f"{name}.py").read_text(encoding="utf-8")


def page(name: str) -> str:
    made = {**catalogue.cells(), **catalogue.heads()}[name]
    return cell_page(differentiate(made), module(name), "")


def tables(text: str) -> dict:
    return json.loads(re.search(r'id="backproof-letters">(.*?)</script>', text)[1])


@pytest.mark.parametrize("name", ["gru", "softmax_cross_entropy", "rnn_general"])
def test_every_number_is_an_anchor_and_every_reference_leads_to_one(name):
    text = page(name)
    anchors = re.findall(r'id="(eq-\d+)"', text)
    assert len(anchors) == len(set(anchors)) > 10
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(anchors)


def test_code_stands_under_its_formula_once():
    text = page("gru")
    blocks = re.findall(r"```\{math\}\n(.*?)\n```.*?(?=```python\n(.*?)\n```\n\n</div>|</div>)", text, re.DOTALL)
    found = dict(blocks)
    assert found[r"h_t = (1 - z_t) \odot h_{t-1} + z_t \odot \tilde{h}_t"].startswith("h_t = (1 - z_t) * h_prev")
    gradient = r"\frac{\partial J}{\partial W_z} = \sum_{t=1}^{T} \delta_{z,t} x_t^\top"
    assert found[gradient] == "d_W_z = d_net_z_t.T @ x_t"
    lines = [code for _, code in blocks if code]
    assert len(lines) == len(set(lines))


def test_the_letters_of_every_notation_are_on_the_page():
    found = tables(page("lstm"))
    assert list(found) == ["", *notations()]
    assert found[""]["formulas"] == {}
    formulas = found["goodfellow"]["formulas"]
    assert formulas[r"\frac{\partial J}{\partial c_{t+1}}"] == r"\frac{\partial J}{\partial s^{(t+1)}}"
    (row,) = (row for row in found["torch"]["symbols"] if row[3] == "W_i")
    assert row == [["W_{ii}"], "parameter", r"$H \times D$", "W_i"]


def test_the_parts_of_a_network_have_anchors_of_their_own():
    text = network_page(catalogue.networks()["sentiment"], "")
    anchors = re.findall(r'id="(part-\d+-eq-\d+)"', text)
    assert len(anchors) == len(set(anchors)) > 50
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(anchors)


def test_evidence_is_a_table_where_there_is_some():
    errors = dict.fromkeys(THRESHOLDS, 1.25e-16)
    evidence = {"gradients": {"W": {"proved": True, **errors}, "U": {"proved": False, **errors, "jax": None}}}
    text = closing(catalogue.find("rnn"), "cells", module("rnn"), evidence)
    assert "| `W` | proved | 1e-16 | 1e-16 | 1e-16 | 1e-16 |" in text
    assert "| `U` | NOT PROVED | 1e-16 | 1e-16 | 1e-16 | - |" in text
    assert "rnn.init(D=3, H=4, rng=" in text
    assert "backproof-evidence" in text
    assert "| `W`" not in closing(catalogue.find("rnn"), "cells", module("rnn"), None)


def test_a_page_has_the_norms_of_its_gradients_where_there_are_some():
    assert norms(catalogue.find("rnn"), str).count("<polyline") == 6  # the bound and what is measured, for three norms
    assert norms(catalogue.find("deltanet"), str) == ""
    assert "推导出的上界" in norms(catalogue.find("rnn"), find("zh").say)


def test_pages_for_a_code_host_become_pages_of_the_site():
    assert for_myst("a $`W_i x`$ and `$x$`, `$y$`") == "a {math}`W_i x` and `$x$`, `$y$`"
    assert for_myst("```math\nx\n```\n\nof $`y`$, $`z`$") == "```math\nx\n```\n\nof {math}`y`, {math}`z`"
    assert for_myst("[all](../mistakes/README.md)") == "[all](../mistakes/index.md)"


def test_what_cannot_be_built_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="no checkout"):
        build.built(tmp_path, tmp_path / "site")
    with pytest.raises(InputError, match=r"holds something else|the site needs"):
        build.built(ROOT, tmp_path)
    with pytest.raises(InputError, match="holds no evidence"):
        build.gathered(tmp_path / "mine.txt")
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_a_derivation_is_written_as_a_pdf(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("derive.targets.pages.pdf.shutil.which", lambda program: None)
    done = CliRunner().invoke(main, ["derive", "rnn", "-o", "rnn.pdf"])
    assert done.exit_code == 2
    assert "needs pdflatex" in done.output
    assert not Path("rnn.pdf").exists()
