"""Sphinx configuration of the site; `backproof site` puts the sources beside it and runs Sphinx."""

from __future__ import annotations

import re
from html import escape
from importlib.metadata import version as installed
from typing import Any

from docutils import nodes
from sphinx.environment.adapters.toctree import global_toctree_for_doc
from sphinx.search import SearchLanguage

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
html_js_files = [
    ("katex/katex.min.js", {"defer": "defer"}),
    ("words.js", {"defer": "defer"}),
    ("site.js", {"defer": "defer"}),
]
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


_whole: list[str] = []


def _one_tree(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """The theme resolves the whole tree anew for every page; here once, with the place of the page marked in it."""
    resolved = context["toctree"]

    def toctree(**options: Any) -> str:
        if not _whole:
            tree = global_toctree_for_doc(app.env, "index", app.builder, tags=app.tags, **options)
            _whole.append(app.builder.render_partial(tree)["fragment"])
        up = "../" * page.count("/")
        above = f"{page.rpartition('/')[0]}/index"

        def marked(found: re.Match[str]) -> str:
            of = found[3].removesuffix(".html")
            level = f"{found[1]} current" if of in (page, above) else found[1]
            reference = f"current {found[2]}" if of == page else found[2]
            return f'<li class="{level}"><a class="{reference}" href="{"#" if of == page else up + found[3]}"'

        return re.sub(r'<li class="([^"]*)"><a class="([^"]*)" href="([^"]*)"', marked, _whole[0])

    if resolved is not None:
        context["toctree"] = toctree


class ByPairs(SearchLanguage):
    """Search in Chinese without a dictionary: what stands between letters of other scripts is cut into pairs."""

    lang = "zh"
    language_name = "Chinese"
    js_splitter_code = """
function splitQuery(query) {
  const words = query.match(/[A-Za-z0-9_]+|[\\u3400-\\u9fff]+/g) || [];
  return words.flatMap((word) => /^[\\u3400-\\u9fff]{3,}$/.test(word)
    ? [...word].slice(1).map((letter, place) => word[place] + letter) : [word]);
}
"""

    def split(self, input: str) -> list[str]:
        words = re.findall(r"[A-Za-z0-9_]+|[\u3400-\u9fff]+", input)
        return [word[i : i + 2] for word in words for i in range(len(word) - 1) if word[0] > "z"] + [
            word for word in words if word[0] <= "z"
        ]

    def word_filter(self, stemmed_word: str) -> bool:
        return len(stemmed_word) > 1


def setup(app: Any) -> None:
    """Formulas are left as LaTeX for KaTeX, which travels with the site."""
    app.add_search_language(ByPairs)
    app.add_html_math_renderer("katex", (_inline, None), (_display, None))
    app.connect("html-page-context", _one_tree, priority=400)
    app.connect("autodoc-process-docstring", _with_double_backquotes)
