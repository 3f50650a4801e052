"""Fences without a language that hold formulas and nothing else are read, in place; code is left alone."""

from __future__ import annotations

import pytest

from derive.reader import read_note
from derive.reader.dialects.marks import usual

NOTE = r"""# A unit

```
a_t = W x_t + U h_{t-1}
h_t = \tanh(a_t)
```

~~~
where nothing is said
~~~
"""
CODE = [
    "```\nfor t in steps:\n    h = np.tanh(a)  # \\tanh\n```",
    "```\nh = tanh(a)\n```",
    "```python\nh = \\tanh(a)\n```",
    "```\n\\usepackage{amsmath} = \n```",
    "```\n$h = \\tanh(a)$\n```",
]


def test_the_equations_of_a_fence_are_those_of_a_display() -> None:
    cell = read_note(NOTE)
    assert [str(equation.symbol) for equation in cell.equations] == ["a", "h"]


@pytest.mark.parametrize("text", CODE)
def test_what_is_no_formula_stays(text: str) -> None:
    assert usual(text) == text


def test_lines_and_columns_stay() -> None:
    text = "1. One:\n\n    ```\n    h_t = \\tanh(a_t)\n    ```\n\nafter $x$\n"
    before, after = text.split("\n"), usual(text).split("\n")
    assert [len(line) for line in before] == [len(line) for line in after]
    assert after[2:5] == ["    $$ ", "    h_t = \\tanh(a_t)", "    $$ "]


def test_a_long_text_of_fences_takes_time_linear_in_it() -> None:
    assert usual("```\n" + "a = b\n" * 20_000) == "```\n" + "a = b\n" * 20_000
