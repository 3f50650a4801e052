"""Other ways to mark formulas -> the usual ones, character for character in place: lines and columns stay.

GitHub's and MyST's dollars, doubled backslashes of Jekyll, reStructuredText, HTML with MathJax, formulas that are
images with their LaTeX in the address, and spaces inside a font.
"""

from __future__ import annotations

import html
import re
from urllib.parse import unquote, unquote_plus

from derive.patterns import regex
from derive.reader.dialects import components, concatenations, doxygen, scripts
from derive.reader.dialects.repairs import escapes, labels, ticks
from derive.reader.text.words import WORDS

_TICKED = regex(r"\$`([^`$\n]+)`\$")
_ROLE = regex(r"\{math\}`([^`$\n]+)`")
_MYST = regex(r"^(\s*(?:`{3,}|~{3,}))\{math\}(?P<options>[ \t]*(?:\n[ \t]*:[\w-]+:[^\n]*)*)", re.MULTILINE)
_DOUBLED = regex(r"(?<!\\)\\\\\[((?:(?!\\\\[\[\]]|\$\$)[\s\S])+?)\\\\\]")
_DOUBLED_INLINE = regex(r"(?<!\\)\\\\\(((?:(?!\\\\[()]|\$|\n\s*\n)[\s\S])+?)\\\\\)")
_SAME_LINE = regex(r"(?<![`\w])```math[ \t]+(?=[^`\n]*[\\=])((?:[^`\n]|\n(?!\s*\n))+?)(?:\\\\)?[ \t]*`{2,3}(?!`)")
_FENCED = regex(
    r"^(?P<indent>[ \t]*)(?P<mark>```|~~~)(?P<language>[^\n`]*)\n"
    r"(?P<body>(?:(?![ \t]*(?:```|~~~)).*\n)+)[ \t]*(?P=mark)(?P<behind>[ \t]*)$",
    re.MULTILINE,
)
_COMMAND, _SOURCE = regex(r"\\[A-Za-z]+"), regex(r"\\(?:documentclass|usepackage|begin\{document\})|\$|%")
_TWICE = regex(r"(?<![\\$])\$[ \t]*\\\[((?:(?!\\\]|\$).)+?)\\\][ \t]*\$(?!\$)")
_CLOSES = regex(
    r"^(?P<last>(?:(?:(?!\$\$).)*[^\s$\\])?[ \t]*\$\$)(?:[ \t]|[.,;:。，；：、)）]|(?<!\\)\\(?!\\))+$", re.MULTILINE
)
"""The last line of a display with nothing but punctuation, or a mark of a broken line, behind its dollars."""
_ON = regex(r"^([ \t]*)\$\$[ \t]+\$\$([ \t]*)$", re.MULTILINE)
"""The line between two displayed formulas where one ends and the next begins."""
_INDENTED = regex(r"^(?P<indent>(?: {4,}| *\t[ \t]*))\\\[(?P<tex>(?:(?!\\[\[\]]|\$|\n\s*\n)[\s\S])+)\\\]", re.MULTILINE)
"""A displayed formula too far from the margin to end a paragraph."""
_BRACED = regex(
    r"(?P<before>\$\$\s*)\{(?P<body>\s*\\begin\{(?P<kind>[a-z]+\*?)\}(?:(?!\$\$)[\s\S])*?\\end\{(?P=kind)\}\s*)\}(?P<behind>\s*\$\$)"
)
"""Braces around all rows of a displayed formula."""
_LABEL = regex(r"(\$\$)[ \t]*\{#[^{}\n]*\}")
_ADDRESS = (
    r"(?P<site>https?://(?:latex\.codecogs\.com/[^?\s\"')]*\?|(?:www\.)?zhihu\.com/equation\?tex=|"
    r"render\.githubusercontent\.com/render/math\?math=|chart\.googleapis\.com/chart\?cht=tx&(?:amp;)?chl=|"
    r"math\.vercel\.app/\?from=|i\.upmath\.me/svg/))"
)
_IMAGE = regex(
    rf"!\[[^\]\n]*\]\({_ADDRESS}(?P<tex>[^\s\"]*?)(?:\s+\"[^\"\n]*\")?\)(?=[\s.,;:!?]|$)"
    rf"|<img\b[^>\n]*?\bsrc\s*=\s*(?P<quote>[\"']){_ADDRESS.replace('site', 'place')}"
    r"(?P<source>(?:(?!(?P=quote)).)*)(?P=quote)[^>\n]*>",
    re.MULTILINE,
)
_LOOKS = regex(r"\\(?:dpi|bg|fg)\s*(?:\{[^{}]*\}|_\w+)|\\inline(?![A-Za-z])|&(?:amp;)?(?:mode|bg|fg|s)=[\w#%]*$")
_RST_ROLE = regex(r":math:`([^`]+)`")
_RST_BLOCK = regex(r"^(?P<indent>[ \t]*)\.\. math ?::(?P<here>[^\n]*)$", re.MULTILINE)
_RST_OPTION = regex(r"\s*:[a-z-]+:")
_RST_TITLE = regex(r"([=\-~^\"'`#*+.:_])\1{2,}\s*")
_RST_COMMENT = regex(r"^\.\. (backproof\s*:[^\n]*)$", re.MULTILINE)
_BETWEEN = regex(r"\\(?:short)?intertext\s*\{(?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*\}")
"""Words between the rows of a formula."""
_SCRIPT = regex(
    r"<script\b[^>]*\btype\s*=\s*[\"']math/tex(?P<display>;\s*mode=display)?[\"'][^>]*>(?P<tex>.*?)</script>",
    re.DOTALL | re.IGNORECASE,
)
_CODE = regex(r"<(script|style|pre|code|textarea)\b.*?</\1>", re.DOTALL | re.IGNORECASE)
_TAG = regex(r"</?(?P<name>[a-zA-Z][\w-]*)\b(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")
_HEADING = regex(r"<h(?P<level>[1-6])\b[^<>]*>(?P<title>[^\n]*?)</h(?P=level)>", re.IGNORECASE)
_UNDERLINED = regex(
    r"(?:\A|(?<=\n))(?P<matter>---[ \t]*\n(?:.*\n)*?---[ \t]*$)"
    r"|(?:\A|(?<=\n\n))(?P<title>(?![#>|`~$\\=\-*+\s])[^\n$\\|]*)\n(?P<line>={3,}|-{3,})[ \t]*$",
    re.MULTILINE,
)
"""A title with a line of = or - below, which stands behind a blank line; front matter has such lines too."""
_FONT_TIED = regex(r"(\\(?:mathrm|mathbf|mathit|mathsf|mathcal|boldsymbol|bm)\s*\{)~+([^{}~]*\})")
"""A space inside a font, W \\mathrm{~s}_t, as programs that read formulas from pictures write it."""
_TOGETHER = regex(r"(\\(?:operatorname|mathrm|text)\s*\{\s*)([A-Z])(?=diag\s*\})")
"""A matrix that stands with a diagonal in one font: \\operatorname{Wdiag}."""
_PADDED = regex(
    rf"(\\(?:operatorname|mathrm|text|mathbf)\s*\{{) +({'|'.join(sorted(WORDS))}) *(\}})(?=\s*(?:\\left)?\s*[(\[{{])"
)
"""A function with a space beside its name within its font: \\text{ diag}(v)."""
_ENTITY = regex(r"&(?:[a-zA-Z]+|#\d+|#x[0-9a-fA-F]+);")


def usual(text: str, suffix: str = ".md") -> str:
    """A text as Markdown with the marks that `derive.reader.text.note` knows; `suffix` is that of its file."""
    text = labels.without_labels(escapes.restored(text))
    if suffix in (".html", ".htm", ".xhtml"):
        text = from_html(text)
    elif suffix in (".rst", ".rest") or (_RST_BLOCK.search(text) and "$" not in text):
        text = from_rst(text)  # a docstring comes without a name of a file
    text = _UNDERLINED.sub(_title, text)
    text = doxygen.usual(concatenations.usual(components.usual(text)))
    text = _FENCED.sub(_fenced, without_words_between(text))
    text = _SAME_LINE.sub(_displayed, text)
    text = _TWICE.sub(lambda m: f"${m.group(1)}$".rjust(len(m.group())), text)
    text = _TICKED.sub(lambda m: f" ${m.group(1)}$ ", text)
    text = _ROLE.sub(lambda m: f"      ${m.group(1)}$", text)
    text = _MYST.sub(lambda m: f"{m.group(1)}math  {_blank_of(m.group('options'))}", text)
    text = _DOUBLED.sub(lambda m: f" \\[{m.group(1)} \\]", text)
    text = _DOUBLED_INLINE.sub(lambda m: f" \\({m.group(1)} \\)", text)
    text = _INDENTED.sub(lambda m: f"{m.group('indent')}$${m.group('tex')}$$", text)
    text = _BRACED.sub(r"\g<before> \g<body> \g<behind>", text)
    text = _ON.sub(lambda m: f"{m.group(1)}\\\\".ljust(len(m.group())), text)
    text = _CLOSES.sub(lambda m: m.group("last").ljust(len(m.group())), text)
    text = ticks.usual(_LABEL.sub(lambda m: m.group(1).ljust(len(m.group())), text))
    text = _FONT_TIED.sub(lambda m: f"{m.group(1)}{m.group(2)}".rjust(len(m.group())), text)
    text = _TOGETHER.sub(r"\2\1", text)
    text = _PADDED.sub(lambda m: "".join(m.groups()).rjust(len(m.group())), text)
    return scripts.usual(_IMAGE.sub(_image, text))


def _title(match: re.Match[str]) -> str:
    """A title with a line below it as one with marks before it."""
    before = match.string[: match.start()]
    if match.group("matter") or before.count("$$") % 2 or before.rfind("\\[") > before.rfind("\\]"):  # in a formula
        return match.group()
    return f"{'#' if match.group('line')[0] == '=' else '##'} {match.group('title')}\n"


def without_words_between(text: str) -> str:
    r"""The text with blanks for what \intertext puts between the rows of a formula."""
    return _BETWEEN.sub(_blank, text)


def _fenced(match: re.Match[str]) -> str:
    """A fence without a language in which nothing but formulas stand, a line each: displayed, as `math` fences are."""
    body = match.group("body")
    lines = body.splitlines()
    written = [line for line in lines if line.strip()]
    formulas = all("=" in line or _COMMAND.search(line) for line in written)
    if match.group("language").strip() or not formulas or not _COMMAND.search(body) or _SOURCE.search(body):
        return match.group()
    each = sum("=" in line for line in written) > 1 and not any(line.rstrip().endswith("\\\\") for line in written)
    if each and "\\begin" not in body:
        lines = [f"{line} \\\\" if line.strip() and line != written[-1] else line for line in lines]
    indent, opened = match.group("indent"), "$$" + " " * (1 + len(match.group("language")))
    return f"{indent}{opened}\n" + "\n".join(lines) + f"\n{indent}$$ {match.group('behind')}"


def _displayed(match: re.Match[str]) -> str:
    """A fence with its formula on the lines of its marks, which no renderer knows and people write: in dollars."""
    before = match.group().index(match.group(1))
    return ("$$".rjust(before) + match.group(1) + "$$").ljust(len(match.group()))


def _image(match: re.Match[str]) -> str:
    """The formula in an address, which is never longer than the address."""
    site = match.group("site") or match.group("place")
    written = match.group("tex") if match.group("tex") is not None else match.group("source")
    written = html.unescape(written)
    tex = unquote(written).replace("&space;", " ") if "codecogs" in site else unquote_plus(written)
    tex = " ".join(_LOOKS.sub("", tex).split()).strip()
    if not tex or "$" in tex or len(tex) + 2 > len(match.group()):
        return match.group()
    return f"${tex}$".ljust(len(match.group()))


def from_rst(text: str) -> str:
    """reStructuredText as Markdown: directives and roles of formulas, titles."""
    text = _RST_ROLE.sub(lambda m: f"      ${m.group(1)}$", text)
    text = _RST_COMMENT.sub(lambda m: f"<!-- {m.group(1)} -->", text)
    lines = text.split("\n")
    levels: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        if block := _RST_BLOCK.match(line):
            number = _directive(lines, number, block)
            continue
        title = lines[number - 1] if number else ""
        if title.strip() and _RST_TITLE.fullmatch(line) and len(line.rstrip()) >= len(title.rstrip()) - 1:
            levels += [] if line[0] in levels else [line[0]]
            lines[number - 1] = f"{'#' * min(levels.index(line[0]) + 1, 6)} {title}"
            lines[number] = ""
        number += 1
    return "\n".join(lines)


def _directive(lines: list[str], number: int, block: re.Match[str]) -> int:
    """Mark the formulas of one directive; the number of the line behind it."""
    indent = len(block.group("indent").expandtabs())
    here = block.group("here")
    end = number + 1
    while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent):
        end += 1
    while end > number + 1 and not lines[end - 1].strip():
        end -= 1
    body = [index for index in range(number + 1, end) if lines[index].strip()]
    options = [index for index in body if _RST_OPTION.match(lines[index])]
    for index in options:
        lines[index] = ""
    body = [index for index in body if index not in options]
    lines[number] = f"$${' ' * (len(lines[number]) - len(here) - 2)}{here}$$" if here.strip() else ""
    runs: list[list[int]] = []
    for index in body:
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    for run in runs:
        first, last = lines[run[0]], run[-1]
        room = len(first) - len(first.lstrip())
        lines[run[0]] = ("$$" + " " * (room - 2) if room >= 2 else "$$") + first.lstrip()
        lines[last] += " $$"
    return end


def from_html(text: str) -> str:
    """HTML with MathJax or KaTeX as Markdown: what is displayed, without tags and code."""
    text = _SCRIPT.sub(_script, text)
    text = _IMAGE.sub(_image, text)
    text = _CODE.sub(_blank, text)
    text = _HEADING.sub(lambda m: ("#" * int(m.group("level")) + " " + m.group("title")).ljust(len(m.group())), text)
    text = _TAG.sub(_blank, text)
    return _ENTITY.sub(lambda m: html.unescape(m.group()).ljust(len(m.group())), text)


def _script(match: re.Match[str]) -> str:
    mark = "$$" if match.group("display") else "$"
    room = match.start("tex") - match.start() - len(mark)
    before, behind = " " * room + mark, mark
    return (before + match.group("tex") + behind).ljust(len(match.group()))


def _blank(match: re.Match[str]) -> str:
    return _blank_of(match.group())


def _blank_of(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
