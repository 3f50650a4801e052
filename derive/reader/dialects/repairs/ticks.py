r"""LaTeX between single backticks, `z_t = W_{xh} x_t`, as formulas: in texts that mark none of running text else."""

from __future__ import annotations

import re

from derive.patterns import regex

_FENCE = regex(r"^[ \t]*(?P<mark>`{3,}|~{3,})[^\n]*\n(?:[\s\S]*?^[ \t]*(?P=mark)[`~]*[ \t]*$|[\s\S]*)", re.MULTILINE)
_DISPLAYED = regex(r"^[ \t>]*(?:(?:`{3,}|~{3,})[ \t]*(?:math|latex|tex)\b|\$\$)", re.MULTILINE)
_SPAN = regex(r"(?<![`\\])`(?P<inside>[^`\n]+)`(?!`)")
_IN_DOLLARS = regex(r"\$[^$]*\$|\\\(.*?\\\)")
_LATEX = regex(r"\\[A-Za-z]{2,}|[A-Za-z}]\s*[_^]\s*\{")
_LETTER = r"[A-Za-z](?:[_^](?:\w|\{[^{}]*\}))*(?![A-Za-z0-9_])"
_EQUATION = regex(
    rf"\s*{_LETTER}\s*=(?=[^=]*{_LETTER})(?:{_LETTER}|tanh|sigmoid|softmax|exp|log|\d+(?:\.\d+)?|[\s()+*/.,-])+"
)
"""An equation of letters alone, whose scripts need no braces: u = s_T D + d."""
_CODE = regex(r"[\"'#@$]|::|//|\bself\.|\*\*|\{\s*\}|:\\|\[[^\]]*:[^\]]*\]|\w\(\s*\)|\bnp\.|\btorch\.")
"""What stands in programs and addresses, and in no formula."""


def usual(text: str) -> str:
    """The text with dollars for the backticks of such formulas."""
    outside = _FENCE.sub("", text)
    latex = any(_is_latex(span["inside"]) for span in _SPAN.finditer(outside))
    if not latex or not _DISPLAYED.search(text) or _IN_DOLLARS.search(_SPAN.sub("", outside.replace("$$", ""))):
        return text
    parts: list[str] = []
    end = 0
    for fence in _FENCE.finditer(text):
        parts += [_SPAN.sub(_marked, text[end : fence.start()]), fence.group()]
        end = fence.end()
    return "".join([*parts, _SPAN.sub(_marked, text[end:])])


def _marked(span: re.Match[str]) -> str:
    inside = span["inside"]
    return f"${inside}$" if _is_latex(inside) or _EQUATION.fullmatch(inside) else span.group()


def _is_latex(inside: str) -> bool:
    return _LATEX.search(inside) is not None and _CODE.search(inside) is None
