"""Formulas are found where they stand: in Markdown, notebooks and LaTeX, to the column."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from derive.errors import InputError
from derive.reader.text.fragment import Fragment
from verify.notes.files import Document, Formula, continued, piece, read

MARKDOWN = r"""# Netz 循环 $h$

文字 $W$ 和 $$a_t = b_t$$，然后 $W_{ax}$。`$code$` $x$ W, $W$

$$
h_t = \tanh(W x_t)
$$

> 引用
> $$
> s_t = f(u)
> $$

* 一
  * $k = 1$
    $$
    \begin{aligned}
    c &= d \\
      &= e
    \end{aligned}
    $$

## LSTM

直接
$$
y = z
$$
后面 \(p = q\)

\[ m = n \]

```math
u = v
```

```python
# $not = math$
```

<!-- $hidden = 1$ -->
### Deep

$$a$$ 和 $$b$$

\begin{align}
l &= r
\end{align}
"""


def write(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def found(path: Path) -> list[Formula]:
    return list(read(path).formulas)


def check_places(document: Document) -> None:
    """The text of every formula stands at its place in the file, line by line."""
    for part in document.parts:
        lines = part.text.split("\n")
        for formula in part.formulas:
            fragment = formula.fragment
            assert fragment.file == part.file
            offset = 0
            for line in fragment.text.split("\n"):
                if line.strip():
                    start = offset + len(line) - len(line.lstrip())
                    place = fragment.place(start)
                    assert lines[place.line - 1][place.column - 1 :].startswith(line.strip()), (place, line)
                offset += len(line) + 1


def test_markdown_formulas_with_places_and_sections(tmp_path: Path) -> None:
    document = read(write(tmp_path, "note.md", MARKDOWN))
    check_places(document)
    formulas = [" ".join(f.text.split()) for f in document.formulas]
    assert formulas == [
        "h", "W", "a_t = b_t", "W_{ax}", "x", "W", r"h_t = \tanh(W x_t)", "s_t = f(u)", "k = 1",
        r"\begin{aligned} c &= d \\ &= e \end{aligned}", "y = z", "p = q", "m = n", "u = v", "a", "b",
        r"\begin{align} l &= r \end{align}",
    ]  # fmt: skip
    places = {text: (f.place.line, f.place.column) for text, f in zip(formulas, document.formulas, strict=True)}
    assert places["a_t = b_t"] == (3, 12)
    assert places["W"] == (3, MARKDOWN.split("\n")[2].rindex("$W$") + 2), "not the W in the words before it"
    assert places["s_t = f(u)"] == (11, 3)
    assert places["k = 1"] == (15, 6)
    sections = {text: f.section[-1] for text, f in zip(formulas, document.formulas, strict=True)}
    assert sections["k = 1"] == "Netz 循环 $h$"
    assert sections["y = z"] == "LSTM"
    assert document.formulas[-1].section == ("Netz 循环 $h$", "LSTM", "Deep")
    assert [f.displayed for f in document.formulas][:4] == [False, False, True, False]


def test_a_display_ends_the_paragraph_before_it(tmp_path: Path) -> None:
    text = "文字\n$$\n\\begin{align}\na &= b \\\\\n- c\n\\end{align}\n$$\n中间 $x$\n$$\n* d = e\n$$\n"
    document = read(write(tmp_path, "note.md", text))
    check_places(document)
    assert [f.place.line for f in document.formulas] == [3, 8, 10]


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_line_ends_do_not_move_places(tmp_path: Path, ends: str) -> None:
    path = tmp_path / "note.md"
    path.write_bytes(MARKDOWN.replace("\n", ends).encode())
    expected = [(f.text, f.place.line, f.place.column) for f in found(write(tmp_path, "other.md", MARKDOWN))]
    assert [(f.text, f.place.line, f.place.column) for f in found(path)] == expected


def test_front_matter_is_no_text(tmp_path: Path) -> None:
    (formula,) = found(write(tmp_path, "note.md", "---\ntitle: $x$\n---\n\n$y = z$\n"))
    assert formula.place.line == 5


def test_what_claims_something(tmp_path: Path) -> None:
    text = r"$x_t$ $W_{ax}$ $a = b$ $W \in \mathbb{R}^{n}$ $n \times m$ $\hat{y}_1, \cdots$ $h \leftarrow g$ $\tanh$"
    assert [f.claims for f in found(write(tmp_path, "n.md", text))] == [
        False,
        False,
        True,
        True,
        False,
        False,
        True,
        False,
    ]


def test_comments_speak_for_what_follows(tmp_path: Path) -> None:
    text = "$a=1$\n\n<!-- backproof: cell=lstm notation=deeplearning-ai -->\n\n$b=1$\n\n"
    text += "<!-- backproof: cell=rnn -->\n$c=1$\n"
    settings = [dict(f.settings) for f in found(write(tmp_path, "n.md", text))]
    assert settings == [{}, {"cell": "lstm", "notation": "deeplearning-ai"}, {"cell": "rnn"}]


@pytest.mark.parametrize("said", ["cells=lstm", "lstm", "cell="])
def test_a_comment_that_cannot_be_understood(tmp_path: Path, said: str) -> None:
    with pytest.raises(InputError, match="cannot understand") as caught:
        read(write(tmp_path, "n.md", f"text\n\n  <!-- backproof: {said} -->\n"))
    assert (caught.value.place.line, caught.value.place.column) == (3, 3)


def notebook(*cells: tuple[str, str | list[str]]) -> str:
    return json.dumps({"cells": [{"cell_type": kind, "source": source} for kind, source in cells], "nbformat": 4})


def test_notebooks_name_the_cell(tmp_path: Path) -> None:
    text = notebook(
        ("markdown", ["# RNN\n", "<!-- backproof: cell=rnn -->\n", "文字 $a = b$\n"]),
        ("code", "x = '$c = d$'"),
        ("markdown", "## Backward\n\n$$\ne = f\n$$\n"),
    )
    path = write(tmp_path, "n.ipynb", text)
    document = read(path)
    check_places(document)
    assert [(f.place.file, f.place.line) for f in document.formulas] == [(f"{path}#cell1", 3), (f"{path}#cell3", 4)]
    assert document.formulas[1].section == ("RNN", "Backward")
    assert dict(document.formulas[1].settings) == {"cell": "rnn"}


@pytest.mark.parametrize("text", ["{", "[]", '{"cells": 1}', "[" * 100_000])
def test_what_is_no_notebook(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="no notebook"):
        read(write(tmp_path, "n.ipynb", text))


TEX = r"""\documentclass{article}
\newcommand{\hid}{\mathbf{h}} % a comment $x = 1$
\newcommand{\two}[1]{#1}
\def\tanhh{\tanh}
\begin{document}
\section[short]{RNN}
50\% 中文 $a = b$ and \(c = d\)
\begin{align*}
  \hid_t &= \tanhh(W x_t) \\ % $no = math$
  o_t &= V \hid_t
\end{align*}
\subsection{B}
% backproof: cell=lstm
\[ e = f \] \verb|$x=2$|
\begin{equation}
g = h
\end{equation}
\begin{verbatim}
$i = j$
\end{verbatim}
\begin{alignat}{2} k &= l \end{alignat}
$$ m = n $$
\begin{multline*} p = q \end{multline*}
\begin{gather} r = s \end{gather}
\end{document}
"""


def test_latex_formulas_with_places_and_sections(tmp_path: Path) -> None:
    formulas = found(write(tmp_path, "n.tex", TEX))
    flat = [" ".join(f.text.split()) for f in formulas]
    assert flat == [
        "a = b", "c = d", r"\mathbf{h}_t &= \tanh(W x_t) \\ o_t &= V \mathbf{h}_t", "e = f", "g = h", "k &= l",
        "m = n", "p = q", "r = s",
    ]  # fmt: skip
    lines = TEX.split("\n")
    for formula in formulas:
        assert lines[formula.place.line - 1][formula.place.column - 1 :].startswith(formula.text.split()[0][:1])
    assert formulas[2].section == ("RNN",)
    assert formulas[3].section == ("RNN", "B")
    assert dict(formulas[3].settings) == {"cell": "lstm"}
    fragment = formulas[2].fragment
    place = fragment.place(fragment.text.index("W x_t"))
    assert lines[place.line - 1][place.column - 1 :].startswith("W x_t"), "a macro before it does not move it"


def test_macros_in_circles_end(tmp_path: Path) -> None:
    (formula,) = found(write(tmp_path, "n.tex", r"\def\a{\b\b}\def\b{\a\a} $\a = 1$"))
    assert "= 1" in formula.text


def test_a_formula_that_begins_with_a_relation_goes_on_from_the_one_before(tmp_path: Path) -> None:
    first, second, third = found(write(tmp_path, "n.md", "$a=b_t +c$\n\n文 $=d$ $e=f$"))
    fragment = continued(second, first)
    assert fragment.text == "b_t +c =d"
    place = fragment.place(fragment.text.index("=d"))
    assert (place.line, place.column) == (3, 4)
    assert continued(third, second) is third.fragment
    assert continued(second, None) is second.fragment


def test_a_piece_knows_its_place() -> None:
    fragment = Fragment.of("a &= b \\\\\n c &= d", "n.md", line=7)
    start = fragment.text.index("c")
    cut = piece(fragment, start, len(fragment.text))
    assert (cut.text, cut.place(0).line, cut.place(0).column) == ("c &= d", 8, 2)


@pytest.mark.parametrize("name", ["n.md", "n.ipynb", "n.tex"])
def test_files_that_cannot_be_used(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for content, message in ((b"\x00\x01", "binary"), (b"ab\n\xff\xfe", "UTF-8"), (b" \n", "empty")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            read(path)
        assert caught.value.place.file == str(path)
    with pytest.raises(InputError, match="cannot open"):
        read(tmp_path / f"missing-{name}")
    with pytest.raises(InputError, match="cannot open"):
        read(tmp_path)
