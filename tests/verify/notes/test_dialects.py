r"""The same note in every dialect: the formulas are found, with their places, and judged alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from derive.errors import InputError
from verify.formulas.judgement import Word
from verify.notes.audit import audit

MODEL = r"h_t = \tanh(W x_t + U h_{t-1} + b)"
RIGHT = r"\frac{\partial J}{\partial b} = \sum_t \frac{\partial J}{\partial h_t} \odot (1 - h_t^2)"
WRONG = r"\frac{\partial J}{\partial b} = \sum_t \frac{\partial J}{\partial h_t}"
ADDRESS = str.maketrans({" ": "%20", "+": "%2B", "\\": "%5C", "{": "%7B", "}": "%7D", "^": "%5E", "=": "%3D"})
COMMANDS = r"""\newcommand{\pd}[2]{\frac{\partial #1}{\partial #2}}
\newcommand*\grad[2][J]{\pd{#1}{#2}}
\renewcommand{\vec}[1]{\mathbf{#1}}
\def\had{\odot}
\def\squared#1{#1^2}
\DeclareMathOperator{\squash}{tanh}
"""
NOTES = {
    "dollars.md": f"# Note\n\n$$ {MODEL} $$\n\n$$ {RIGHT} $$\n\n$$ {WRONG} $$\n",
    "ticks.md": f"# Note\n\n$`{MODEL}`$\n\n$`{RIGHT}`$\n\n$`{WRONG}`$\n",
    "jekyll.md": f"# Note\n\n\\\\[ {MODEL} \\\\]\n\n\\\\[ {RIGHT} \\\\]\n\n\\\\[ {WRONG} \\\\]\n",
    "book.md": "# Note\n\n" + "".join(
        f"````{{math}}\n:label: eq-{number}\n:nowrap:\n\n{each}\n````\n\n"
        for number, each in enumerate((MODEL, RIGHT, WRONG))
    ),
    "kramdown.md": f"# Note\n\nFrom $${MODEL}$$ we get $${RIGHT}$$ and not\n$${WRONG}$$\n",
    "quarto.qmd": f"# Note\n\n$$\n{MODEL}\n$$ {{#eq-model}}\n\n$$\n{RIGHT}\n$$ {{#eq-right}}\n\n$$\n{WRONG}\n$$\n",
    "codecogs.md": "# Note\n\n" + "\n\n".join(
        f"![](https://latex.codecogs.com/svg.latex?\\large&space;{each.translate(ADDRESS)})"
        for each in (MODEL, RIGHT, WRONG)
    ) + "\n",
    "zhihu.md": "# Note\n\n" + "\n\n".join(
        f'<img src="https://www.zhihu.com/equation?tex={each.translate(ADDRESS).replace("%20", "+")}" alt="x">'
        for each in (MODEL, RIGHT, WRONG)
    ) + "\n",
    "directive.rst": (
        f"Note\n====\n\n.. math:: {MODEL}\n\nThen\n\n.. math::\n   :label: right\n\n   {RIGHT}\n\n   {WRONG}\n\nDone.\n"
    ),
    "role.rst": f"Note\n====\n\nFrom :math:`{MODEL}` we get :math:`{RIGHT}`,\nand not :math:`{WRONG}`.\n",
    "page.html": (
        f"<html><head><script>let a = '\\\\[ x \\\\]';</script></head><body>\n<h1>Note</h1>\n<p>\\[ {MODEL} \\]</p>\n"
        f"<p class=\"a\">Then \\( {RIGHT} \\), not</p>\n<div>$$ {WRONG} $$</div>\n</body></html>\n"
    ),
    "script.html": "<html><body>\n" + "\n".join(
        f'<p><script type="math/tex; mode=display">{each}</script></p>' for each in (MODEL, RIGHT, WRONG)
    ) + "\n</body></html>\n",
    "article.tex": (
        COMMANDS + "\\begin{document}\n"
        r"\[ \vec{h}_t = \squash(\vec{W} \vec x_t + \vec{U} \vec{h}_{t-1} + \vec{b}) \]" "\n"
        r"\[ \grad{\vec b} = \sum_t \pd{J}{\vec{h}_t} \had (1 - \squared{\vec{h}_t}) \]" "\n"
        r"\[ \grad[J]{\vec b} = \sum_t \pd J{\vec{h}_t} \]" "\n\\end{document}\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTES)
def test_every_dialect_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(NOTES[name], encoding="utf-8")
    found = audit(path).judgements
    assert [each.word for each in found] == [Word.NOT_A_CLAIM, Word.PROVED, Word.WRONG], found
    lines = NOTES[name].splitlines()
    for judgement in found:
        assert judgement.place is not None
        line = lines[judgement.place.line - 1][judgement.place.column - 1 :]
        direct = judgement.formula.split()[0] in line or name in ("article.tex", "codecogs.md", "zhihu.md")
        assert direct, (judgement.formula, line)


@pytest.mark.parametrize(
    "text",
    [
        f"# Note\n\n[tex] {MODEL} [/tex]\n\n[tex] {RIGHT} [/tex]\n",
        f"# Note\n\n    {MODEL}\n\n    {WRONG}\n",
        f"# Note\n\n[latex]{RIGHT}[/latex]\n",
    ],
)
def test_formulas_that_nobody_read_are_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "note.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="line"):
        audit(path)


def test_a_command_that_multiplies_or_wants_more_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "note.tex"
    doubling = "\n".join(
        f"\\newcommand{{\\a{chr(97 + i)}}}[1]{{\\a{chr(98 + i)}{{#1#1}}\\a{chr(98 + i)}{{#1}}}}" for i in range(20)
    )
    path.write_text(
        f"{doubling}\n\\newcommand{{\\two}}[2]{{#1 + #3}}\n\\[ y_t = \\aa{{x_t}} \\]\n\\[ z_t = \\two{{x_t}} \\]\n"
    )
    assert {each.word for each in audit(path).judgements} <= {Word.UNREADABLE, Word.UNDECIDED, Word.NOT_A_CLAIM}
