"""A new cell is one note: from a folder of one's own it goes the whole way, and nothing else changes."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from backproof.command_line import main
from derive import build, catalogue
from verify import evidence

ROOT = Path(__file__).parents[1]
NAME = "two_speeds"
NOTE = r"""# Two speeds

Source: made up for this test

$$
\begin{aligned}
z'_t &= \sigma(A x_t + B s_{t-1} + b) \\
f_{t+1} &= \max(0, f_t + \Delta t (C x_{t+1} - f_t)) \\
s_t &= z'_t \odot s_{t-1} + (1 - z'_t) \odot \frac{E f_t}{1 + \lVert f_t \rVert} \\
\end{aligned}
$$

where $x_t \in \mathbb{R}^{D}$, $s_t \in \mathbb{R}^{H}$, $f_t \in \mathbb{R}^{M}$, $\Delta t = 0.1$
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The catalogue's notes with one more."""
    for kind in ("cells", "heads", "networks"):
        shutil.copytree(ROOT / "derive" / kind, tmp_path / "derive" / kind)
    (tmp_path / "derive" / "cells" / f"{NAME}.md").write_text(NOTE, encoding="utf-8")
    monkeypatch.setattr(catalogue, "files", lambda package: tmp_path / package)
    catalogue._notes.cache_clear()
    yield tmp_path
    catalogue._notes.cache_clear()


def test_a_note_is_all_that_a_new_cell_needs(folder: Path) -> None:
    with build.everything() as made:
        files = build.collected(made)
    own = {f"generated/{NAME}.py", f"docs/cells/{NAME}.md", f"docs/tex/{NAME}.tex"}
    changed = {difference.path for difference in build.differences(files, ROOT)}
    assert changed == own | {"generated/__init__.py"}, "the other cells are as they were"

    build.write({path: files[path] for path in own}, folder)
    spec = importlib.util.spec_from_file_location(NAME, folder / "generated" / f"{NAME}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    params = module.init(D=2, H=3, M=4, rng=np.random.default_rng(0))
    ys, final, cache = module.forward(params, np.random.default_rng(1).normal(size=(5, 2, 2)))
    assert (ys.shape, final["f"].shape) == ((5, 2, 3), (2, 4))
    gradients = module.backward(cache, np.ones_like(ys))
    assert set(gradients) == {*module.PARAMETERS, "x", "s", "f"}

    page = (folder / "docs" / "cells" / f"{NAME}.md").read_text(encoding="utf-8")
    assert "# Two speeds" in page
    assert r"\Delta t" not in page, "a constant is its number"
    found = evidence(catalogue.find(NAME))
    assert found.passed, found.to_json()


def test_the_commands_take_a_note_from_anywhere(tmp_path: Path) -> None:
    note, module = tmp_path / f"{NAME}.md", tmp_path / "model.py"
    note.write_text(NOTE, encoding="utf-8")
    for arguments in (["derive", "--target", "markdown"], ["generate", "-o", str(module)], ["verify", "--json"]):
        result = CliRunner().invoke(main, [arguments[0], str(note), *arguments[1:]])
        assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["cells"][NAME]["passed"] is True
    assert "def step_backward(" in module.read_text(encoding="utf-8")
