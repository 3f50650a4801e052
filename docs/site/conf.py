"""Sphinx configuration of the site; `backproof site` puts the sources beside it and runs Sphinx."""

from __future__ import annotations

import re
from html import escape
from importlib.metadata import version as installed
from typing import Any

from docutils import nodes

project = "backproof"
author = "the authors of backproof"
copyright = author
version = release = installed("backproof")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns: list[str] = []
nitpicky = False

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
myst_fence_as_directive = ["math"]
suppress_warnings = ["myst.header"]

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_mock_imports = ["torch", "jax", "onnx", "numba"]
add_module_names = False

html_theme = "furo"
html_title = "backproof"
html_static_path = ["static"]
html_css_files = ["katex/katex.min.css", "site.css"]
html_js_files = [("katex/katex.min.js", {"defer": "defer"}), ("site.js", {"defer": "defer"})]
html_math_renderer = "katex"
html_show_search_summary = False  # it fetches pages, which a browser refuses for files
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "native"


def _inline(self: Any, node: Any) -> None:
    self.body.append(f'<span class="math notranslate nohighlight">{escape(node.astext())}</span>')
    raise nodes.SkipNode


def _display(self: Any, node: Any) -> None:
    self.body.append(f'<div class="math notranslate nohighlight">{escape(node.astext())}</div>')
    raise nodes.SkipNode


def _with_double_backquotes(app: Any, what: str, name: str, object_: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are written for readers of code: nothing in them but a name in backquotes is markup."""
    for number, line in enumerate(lines):
        pieces = re.split(r"(`[^`]+`)", line if line.lstrip().startswith("- ") else line.strip())
        pieces[::2] = [re.sub(r"([\\*|_])", r"\\\1", piece) for piece in pieces[::2]]
        pieces[1::2] = [f"`{piece}`" for piece in pieces[1::2]]
        lines[number] = "".join(pieces)


def setup(app: Any) -> None:
    """Formulas are left as LaTeX for KaTeX, which travels with the site."""
    app.add_html_math_renderer("katex", (_inline, None), (_display, None))
    app.connect("autodoc-process-docstring", _with_double_backquotes)
