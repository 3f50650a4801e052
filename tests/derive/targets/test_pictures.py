"""Pictures: all of the equations and of the derivation is in them, nothing lies upon anything else, text is data."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import zlib
from collections import Counter
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from random_cells import random_cell
from registry import ALL, EVERY

from backproof.command_line import main
from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.networks.network import Direction, Network, Reads
from derive.reader import read_note
from derive.targets import generate
from derive.targets.formula import text
from derive.targets.pages.pdf import compiled
from derive.targets.pictures import drawing, grid, pdftex
from derive.targets.pictures.drawing import Drawing, Role
from derive.targets.pictures.gradients import graph
from derive.targets.pictures.labels import runs, wrapped

ROOT = Path(__file__).parents[3]
SOME = EVERY if ALL else ["rnn", "lstm", "gru", "mlstm", "lstm_fgr", "softmax_cross_entropy"]


@cache
def derivation(name: str) -> Derivation:
    return differentiate(catalogue.find(name))


def clashes(found: Drawing) -> list[str]:
    """Everything that lies upon something else or beyond the border."""
    wrong = []
    for number, one in enumerate(found.boxes):
        if one.left < 0 or one.right > found.width or one.top < 0 or one.bottom > found.height:
            wrong.append(f"{one.box.lines} lies outside")
        for other in found.boxes[number + 1 :]:
            apart = one.right <= other.left or other.right <= one.left
            if not apart and one.top < other.bottom and other.top < one.bottom:
                wrong.append(f"{one.box.lines} lies upon {other.box.lines}")
    for wire in found.wires:
        points = list(wire.sampled())
        for one in found.boxes:
            inside = any(one.left < x < one.right and one.top < y < one.bottom for x, y in points)
            if one.box.key not in wire.ends and inside:
                wrong.append(f"a line from {wire.ends} runs through {one.box.lines}")
    return wrong


def words(picture: str) -> list[str]:
    """Every label of an SVG picture, without its subscripts' places."""
    return [
        "".join(element.itertext())
        for element in ElementTree.fromstring(picture).iter()
        if element.tag.endswith("text")
    ]


@pytest.mark.parametrize("name", EVERY)
def test_the_data_flow_shows_every_quantity_and_nothing_lies_upon_anything(name: str) -> None:
    cell = catalogue.find(name)
    found = drawing(Derivation(cell, cell, ()))
    assert clashes(found) == []
    shown = [placed.box.name for placed in found.boxes]
    assert {e.symbol.name for e in cell.equations} | {q.name for q in cell.inputs} <= set(shown)
    assert all(shown.count(state.name) == 3 for state in cell.states)  # before, computed, handed on
    written = " ".join(line for placed in found.boxes for line in (placed.box.tag, *placed.box.lines))
    assert [q.name for q in cell.parameters if text(q, cell.notation) not in written] == []


@pytest.mark.parametrize("name", SOME)
def test_the_backward_flow_shows_every_path_and_where_paths_meet(name: str) -> None:
    found = derivation(name)
    assert clashes(drawing(found, backward=True)) == []
    made = graph(found)
    incoming = Counter(end for _, end in made.edges)
    boxes = {box.name: box for box in made.boxes if box.role not in (Role.LATER, Role.LOSS, Role.TERM)}
    for gradient in found.gradients:
        if gradient.of.time is not None:
            box = boxes[gradient.of.name]
            assert incoming[box.key] == len(gradient.paths)
            assert (box.role is Role.MEETING) == (len(gradient.paths) > 1)
    terms = {" ".join(box.lines) for box in made.boxes if box.role is Role.TERM}
    assert len(terms) <= sum(path.via is not None for g in found.gradients for path in g.paths)


@pytest.mark.parametrize("name", catalogue.networks())
@pytest.mark.parametrize("backward", [False, True])
def test_networks_have_straight_lines_beside_all_boxes(name: str, backward: bool) -> None:
    assert clashes(grid.drawn(catalogue.networks()[name], 3, backward)) == []


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("name", ["lstm", "rnn_caption"])
def test_deep_bidirectional_networks_and_unrolled_cells(name: str, backward: bool) -> None:
    head = catalogue.find("softmax_cross_entropy")
    made = catalogue.find(name)
    for network in (
        Network(made),
        Network.of(made, layers=2, dropout=True),
        *(
            Network.of(made, direction=Direction.BIDIRECTIONAL, head=head, reads=reads, dropout=True)
            for reads in Reads
            if made.output.shape[1] == 1
        ),
    ):
        assert clashes(grid.drawn(network, 4, backward)) == []


def test_one_direction_ends_at_the_first_step_and_the_head_reads_it_there() -> None:
    network = Network.of(
        catalogue.find("rnn"),
        direction=Direction.BIDIRECTIONAL,
        head=catalogue.find("softmax_cross_entropy"),
        reads=Reads.LAST_STEP,
    )
    boxes = [placed.box.lines[0] for placed in grid.drawn(network, 3, False).boxes]
    assert [line for line in boxes if ";" in line] == ["[h^{(0)}_3; h^{(0)←}_1]"]


def test_gradients_meet_where_a_later_step_and_j_lead_to_one_box() -> None:
    roles = [placed.box.role for placed in grid.drawn(Network(catalogue.find("rnn")), 3, True).boxes]
    assert roles.count(Role.MEETING) == 2  # at the last step J alone


@pytest.mark.parametrize("seed", range(8))
def test_random_cells(seed: int) -> None:
    cell = read_note(random_cell(random.Random(seed).randrange).text)
    assert clashes(drawing(Derivation(cell, cell, ()))) == []


def test_the_same_bytes_in_another_process() -> None:
    script = "import sys; from backproof.command_line import main; main(['draw', 'lstm', '--backward'])"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, env=environment, check=True)
    assert other.stdout.decode() == generate(catalogue.find("lstm"), "picture", backward=True)


def test_a_picture_follows_the_theme_and_runs_nothing() -> None:
    picture = generate(catalogue.find("gru"), "picture")
    assert "prefers-color-scheme: dark" in picture
    assert '[data-theme="dark"]' in picture
    for name in ("<script", "href", "<image", "<foreignObject", "url(", " id="):
        assert name not in picture


def test_words_of_a_note_are_data() -> None:
    title = '<script>alert(1)</script> & "x" ]]> \u202e'
    cell = read_note(f"# {title}\n\n$$h_t = \\tanh(W x_t + U h_{{t-1}})$$\n")
    root = ElementTree.fromstring(generate(cell, "picture"))
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
        "svg", "title", "desc", "style", "rect", "text", "tspan", "path", "polygon", "g"
    }  # fmt: skip
    assert "alert(1)" in (root.findtext("{http://www.w3.org/2000/svg}title") or "")
    assert "\u202e" not in generate(cell, "picture")


def test_labels_put_indices_below_and_layers_above() -> None:
    assert [(run.text, run.level) for run in runs("h^{(l-1)}_{t-1}")] == [
        ("h", 0),
        ("(", 1),
        ("l", 1),
        ("−1)", 1),
        ("t", -1),
        ("−1", -1),
    ]
    assert [(run.text, run.italic) for run in runs("tanh U_iᵀ ĩ_t")] == [
        ("tanh", False), (" ", False), ("U", True), ("i", True), ("ᵀ ", False), ("ĩ", True), ("t", True)
    ]  # fmt: skip
    assert "".join(run.text for run in runs("h^<t>")) == "h⟨t⟩"


def test_long_terms_break_outside_of_brackets() -> None:
    assert wrapped("(a + b) ⊙ c - d", most=60) == ("(a + b)", "⊙ c - d")


def test_other_letters(tmp_path: Path) -> None:
    target = tmp_path / "lstm.svg"
    result = CliRunner().invoke(main, ["draw", "lstm", "--notation", "deeplearning-ai", "-o", str(target)])
    assert result.exit_code == 0, result.output
    assert "Γf" in " ".join(words(target.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lstm", "--unrolled", "99"], "1 to 12 steps"),
        (["squared_error", "--unrolled", "2"], "has no state"),
        (["lstm", "-o", "lstm.png"], "ending in .svg, .tex or .pdf"),
    ],
)
def test_what_cannot_be_drawn_is_said(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["draw", *arguments])
    assert result.exit_code == 2
    assert said in result.output


def test_labels_as_mathematics() -> None:
    assert pdftex.math("∂J/∂h̃_{i,t+1} ⊙ (1 - tanh²(c_t))") == (
        r"$\partial J/\partial \tilde{h}_{i,t+1}\ \odot \ (1\ -\ \mathrm{tanh}^{2}(c_{t}))$"
    )
    assert pdftex.math("U_hᵀ δ_{net_h}") == r"$U_{h}^{\top}\ \delta _{\mathrm{net}\_h}$"
    assert pdftex.words("50% of {x} \\input 中") == r"50\% of \{x\} $\backslash $input \dots{}"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_pictures_in_pdf_are_no_wider_than_the_text() -> None:
    names = ["lstm", "gru", "mlstm", "rnn_layer_norm", "softmax_cross_entropy"]
    pictures = [generate(catalogue.find(name), "picture", form="latex", backward=True) for name in names]
    pictures += [generate(catalogue.find(name), "picture", form="latex") for name in names]
    pictures += [generate(network, "picture", form="latex") for network in catalogue.networks().values()]
    head = "\\documentclass{article}\\usepackage{graphicx}\\begin{document}"
    made = compiled(head + "\n\n".join(pictures) + "\\end{document}")
    assert made.content.startswith(b"%PDF")
    assert made.overfull == 0


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_picture_is_a_page_of_its_size(tmp_path: Path) -> None:
    target = tmp_path / "mlstm.pdf"
    result = CliRunner().invoke(main, ["draw", "mlstm", "-o", str(target)])
    assert result.exit_code == 0, result.output
    packed = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", target.read_bytes(), re.DOTALL)
    written = b"".join(zlib.decompressobj().decompress(one) for one in packed if one[:1] == b"x")
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", written)
    assert box is not None
    wide, tall = map(float, box.groups())
    found = drawing(derivation("mlstm"))
    assert (wide, tall) == pytest.approx((found.width * 0.75, found.height * 0.75), abs=1)
