"""Other text around the equations of a note: words, headings, other models, what cannot be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from restyled import ADDED
from restyled.others import LINES, MODELS

if TYPE_CHECKING:
    from restyled import Way

_DERIVED = re.compile(
    r"\\partial|\\nabla|\\delta|\\Delta|\\frac\s*\{\s*(?:\\mathrm\s*)?\{?d|\bd[A-Za-z]|\\bar|\\overline"
)
_ENVIRONMENT = re.compile(r"\\begin\{(?:align|equation|gather|eqnarray|multline)\*?\}")
_GOES_ON = re.compile(r"\$*\s*(?:\\begin\{[a-z]+\*?\})?\s*&?\s*(?:=|\\(?:approx|Rightarrow|implies))")
_SAYS_MUCH = re.compile(
    r"[$`<|\\]|last|final|only|depend|hot|concat|element|entr|bar|where|let|denot|assum|if|diag|not|column|row|sum|through"
    r"|net|RNN|LSTM|GRU|^\s*[-*\d>]|[^\x00-\x7f]",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Block:
    """Lines that stand together: a `display`, a `heading`, `code`, `text` or a `blank` line."""

    kind: str
    text: str

    @property
    def derived(self) -> bool:
        return self.kind == "display" and _DERIVED.search(self.text) is not None


def _blocks(note: str) -> Iterator[_Block]:
    inside, held = "", list[str]()
    for line in note.splitlines(keepends=True):
        bare = line.strip()
        held.append(line)
        if inside:
            over = bare.endswith(inside) if inside != "\\end" else bare.startswith(inside)
            if over:
                yield _Block("code" if inside[0] in "`~" else "display", "".join(held))
                inside, held = "", []
            continue
        if bare.startswith(("```", "~~~")):
            inside = bare[:3]
        elif bare.startswith("$$") and bare.count("$$") == 1:
            inside = "$$"
        elif bare.startswith("\\[") and not bare.endswith("\\]"):
            inside = "\\]"
        elif _ENVIRONMENT.match(bare):
            inside = "\\end"
        else:
            one = bare.startswith("$$") and bare.endswith("$$") and bare.count("$$") == 2
            one = one or (bare.startswith("\\[") and bare.endswith("\\]"))
            kind = "display" if one else "heading" if re.match(r"#{1,6}\s", line) else "text" if bare else "blank"
            yield _Block(kind, line)
            held = []
    if held:
        yield _Block("code", "".join(held))


Blocks = list[_Block]
BLANK = _Block("blank", "\n")


def _text(blocks: Blocks) -> str:
    return "".join(block.text for block in blocks)


def _added(text: str) -> _Block:
    return _Block("added", "".join(f"{line}{ADDED}\n" for line in text.strip("\n").split("\n")))


def _parts(note: str) -> tuple[Blocks, Blocks, Blocks] | None:
    """What stands before the forward equations of a note that derives behind them, these, and what is behind them."""
    blocks = list(_blocks(note if note.endswith("\n") else note + "\n"))
    kinds = [block.kind == "display" for block in blocks]
    derived = next((n for n, block in enumerate(blocks) if block.derived), None)
    if derived is None or True not in kinds[:derived]:
        return None
    first = kinds.index(True)
    last = max(n for n in range(derived) if kinds[n])
    if any("backproof" in block.text for block in blocks):
        return None  # says itself what a section is about
    return blocks[:first], blocks[first : last + 1], blocks[last + 1 :]


def _apart(make: Callable[[Blocks, Blocks, Blocks], str | None]) -> Way:
    """A way by the parts of a note: what stands before its forward equations, these, what stands behind them."""

    def way(note: str) -> str | None:
        parts = _parts(note)
        return None if parts is None else make(*parts)

    return way


def _shift(blocks: Blocks, by: int) -> Blocks:
    """The blocks with headings that are so much deeper."""
    return [_Block(b.kind, "#" * by + b.text) if b.kind == "heading" else b for b in blocks]


# Words


def without_words(note: str) -> str | None:
    """No words between the formulas, where they are of the kind of "The error is:"."""
    blocks = list(_blocks(note))
    words = [block.text for block in blocks if block.kind == "text"]
    if not words or any(map(_SAYS_MUCH.search, words)):
        return None
    return _text([block for block in blocks if block.kind != "text"])


ENGLISH = (
    "Next we compute the derivative:",
    "By the chain rule,",
    "It is easy to see that the following holds.",
    "Substituting the previous result, we get",
    "Here is the next formula, which we will need later on:",
)
OTHERS = (
    "由链式法则可得：",
    "接下来我们计算梯度。",
    "Nach der Kettenregel gilt",
    "Por la regla de la cadena tenemos:",
    "D'après la règle de dérivation en chaîne,",
    "連鎖律より、次の式が得られる。",
    "연쇄 법칙에 의해 다음과 같다.",
    "По правилу дифференцирования сложной функции имеем:",
)


def _with_sentences(sentences: tuple[str, ...]) -> Way:
    def way(note: str) -> str:
        turn = cycle(sentences)
        blocks = list(_blocks(note))
        return "".join(
            f"\n{next(turn)}\n\n{b.text}" if b.kind == "display" and not _GOES_ON.match(b.text) else b.text
            for b in blocks
        )

    return way


# Headings


def _headings(note: str, change: Callable[[str], str]) -> str | None:
    blocks = list(_blocks(note))
    if not any(b.kind == "heading" for b in blocks):
        return None
    return _text([_Block(b.kind, change(b.text)) if b.kind == "heading" else b for b in blocks])


def _has_sections(blocks: Blocks) -> bool:
    return sum(block.kind == "heading" for block in blocks) > 1


def without_headings(note: str) -> str | None:
    return None if _has_sections(list(_blocks(note))) else _headings(note, lambda _: "\n")


def bold_headings(note: str) -> str | None:
    """Headings as lines in bold letters."""
    bold = re.compile(r"^#+\s*(.*?)\s*$")
    return None if _has_sections(list(_blocks(note))) else _headings(note, lambda line: bold.sub(r"**\1**\n", line))


def one_level(note: str) -> str | None:
    return _headings(note, lambda line: re.sub(r"^#+", "##", line))


def numbered(note: str) -> str | None:
    count = iter(range(1, 1000))
    return _headings(note, lambda line: re.sub(r"^(#+)\s*", lambda m: f"{m[1]} 3.{next(count)} ", line))


def titled(note: str) -> str:
    return "# Notes on recurrent networks\n\nThese are my notes.\n\n" + _text(_shift(list(_blocks(note)), 1))


_LEADING = re.compile(r"^((?!where|with|其中|[$\\\s])[^\n#]*[^.。\n])\n(\s*)(### Step \d+\n)", re.MULTILINE)
"""Words that lead to the formula behind them, of which they would be cut off by its heading."""


def heading_each(note: str) -> str:
    count = iter(range(1, 1000))
    other = "".join(
        f"\n### Step {next(count)}\n\n{b.text}" if b.kind == "display" and not _GOES_ON.match(b.text) else b.text
        for b in _blocks(note)
    )
    return _LEADING.sub(r"\n\3\n\1\n\2", other)


@_apart
def passes(before: Blocks, forward: Blocks, behind: Blocks) -> str | None:
    """A heading for the forward equations and one for the gradients."""
    if _has_sections([*before, *forward, *behind]):
        return None
    return f"{_text(before)}\n## Forward pass\n\n{_text(forward)}\n## Backward pass\n\n{_text(behind)}"


@_apart
def exercise(before: Blocks, forward: Blocks, behind: Blocks) -> str | None:
    if _has_sections([*before, *forward, *behind]):
        return None
    return (
        f"{_text(before)}\n## Exercise 4\n\nConsider the following network.\n\n{_text(forward)}\n"
        f"Compute all gradients.\n\n## Solution\n\n{_text(behind)}"
    )


# Other models, and lines that say nothing of the model


def _in_front(model: str) -> Way:
    def way(before: Blocks, forward: Blocks, behind: Blocks) -> str:
        heading = _Block("heading", "\n## The model of this note\n\n")
        return _text([_added("# Networks\n" + model), heading, *_shift([*before, *forward, *behind], 2)])

    return _apart(way)


def _behind(model: str) -> Way:
    def way(before: Blocks, forward: Blocks, behind: Blocks) -> str:
        heading = _Block("heading", "# Networks\n\n## The model of this note\n\n")
        return _text([heading, *_shift([*before, *forward, *behind], 2), BLANK, _added(model)])

    return _apart(way)


def _with_line(line: str) -> Way:
    return _apart(lambda before, forward, behind: _text([*before, *forward, BLANK, _added(line), BLANK, *behind]))


def _line_in_front(line: str) -> Way:
    return _apart(lambda before, forward, behind: _text([*before, _added(line), BLANK, *forward, *behind]))


def _line_within(line: str) -> Way:
    """The line behind the first forward equation, and before the second gradient."""

    def way(before: Blocks, forward: Blocks, behind: Blocks) -> str | None:
        derived = [n for n, block in enumerate(behind) if block.derived and not _GOES_ON.match(block.text)]
        at = derived[1] if len(derived) > 1 else 0
        line_ = [BLANK, _added(line), BLANK]
        return _text([*before, forward[0], *line_, *forward[1:], *behind[:at], *line_, *behind[at:]])

    return _apart(way)


def _beside(model: str) -> Way:
    """Another model in the section of the note's own, in front of it."""
    bare = re.sub(r"^#.*$", "", model, flags=re.MULTILINE)
    return _apart(lambda before, forward, behind: _text([*before, _added(bare), BLANK, *forward, *behind]))


# What is said again, or in another place


def _displays(blocks: Blocks) -> str:
    return "".join(block.text for block in blocks if block.kind == "display")


@_apart
def forward_again(before: Blocks, forward: Blocks, behind: Blocks) -> str:
    """The forward equations again behind everything."""
    return _text([*before, *forward, *behind, BLANK, _added(f"To sum up:\n\n{_displays(forward)}")])


@_apart
def forward_in_summary(before: Blocks, forward: Blocks, behind: Blocks) -> str:
    """The forward equations again behind everything, under a heading."""
    return _text([*before, *forward, *behind, BLANK, _added(f"## Summary\n\n{_displays(forward)}")])


@_apart
def forward_in_bold(before: Blocks, forward: Blocks, behind: Blocks) -> str | None:
    """The forward equations first in bold letters."""
    if re.search(r"\\(?:math|bold|bm|text|operator)|\\begin", again := _displays(forward)):
        return None
    bold = re.sub(r"(?<![A-Za-z\\{])([A-Za-z])(?=_|\s)", r"\\mathbf{\1}", again)
    return _text([*before, _added(bold), BLANK, *forward, *behind])


def _moves(before: Blocks, forward: Blocks, behind: Blocks) -> bool:
    """Whether the forward equations stand alone, so that they can be moved."""
    alone = all(block.kind in ("display", "blank") for block in forward)
    return alone and not _has_sections([*before, *forward, *behind]) and not _GOES_ON.match(behind[0].text)


@_apart
def definitions_behind(before: Blocks, forward: Blocks, behind: Blocks) -> str | None:
    """All forward equations behind the gradients."""
    if not _moves(before, forward, behind):
        return None
    return _text([*before, *behind, _Block("text", "\nwhere\n\n"), *forward])


@_apart
def backward_first(before: Blocks, forward: Blocks, behind: Blocks) -> str | None:
    """A section with the gradients before one with the model."""
    if not _moves(before, forward, behind):
        return None
    return f"{_text(before)}\n## Backward\n\n{_text(behind)}\n## Forward\n\n{_text(forward)}"


def running(note: str) -> str | None:
    """Displays of one line as formulas in sentences."""

    def sentence(match: re.Match[str]) -> str:
        return f"Here ${match['body'].strip().rstrip('.,')}$ holds."

    if re.search(r"\\tag|\\\\", note):
        return None
    return re.sub(r"^\$\$(?P<body>[^$\n&]+)\$\$[ \t]*$", sentence, note, flags=re.MULTILINE)


@_apart
def one_paragraph(before: Blocks, forward: Blocks, behind: Blocks) -> str | None:
    """The forward equations in one sentence."""
    bodies = [b.text.strip().strip("$").strip(" .,\n") for b in forward if b.kind == "display"]
    if not _moves(before, forward, behind) or any(re.search(r"\\begin|\\\\|\\tag|&|\\\[", body) for body in bodies):
        return None
    return _text([*before, _Block("text", "The network is " + " and ".join(f"${b}$" for b in bodies) + ".\n"), *behind])


SYMBOLS = {
    "x_t": "the input at time t", "h_t": "the hidden state at time t", "s_t": "the state at time t",
    "c_t": "the memory", "o_t": "the output", "y_t": "the target", "W": "a weight matrix", "b": "the bias",
}  # fmt: skip


def symbols(*, front: bool) -> Way:
    """A list of symbols."""

    def way(before: Blocks, forward: Blocks, behind: Blocks) -> str | None:
        text = _text(forward)
        out = {"y_t"} if "hat" not in text else set()
        out |= {"o_t"} if "c_t" in text else set()
        listed = "\n".join(
            f"- ${letter}$: {words}"
            for letter, words in SYMBOLS.items()
            if re.search(rf"(?<![A-Za-z\\]){letter}(?![A-Za-z_])", text) and letter not in out
        )
        if not listed:
            return None
        if front:
            return _text([*before, _added(listed), BLANK, *forward, *behind])
        return _text([*before, *forward, BLANK, _added("where\n\n" + listed), BLANK, *behind])

    return _apart(way)


_PLAIN = re.compile(
    r"(?<![A-Za-z_{}\\])(?P<s>[hs])_t\s*=\s*(?:\\tanh|\\sigma|f|\\phi|g)\s*\(\s*"
    r"(?P<W>[A-Z](?:_\{?\w+\}?)?) (?P<x>x)_t \+ "
    r"(?P<U>[A-Z](?:_\{?\w+\}?)?) (?P=s)_\{t-1\}(?: \+ (?P<b>b(?:_\w)?))?\)"
)


def shapes(*, listed: bool) -> Way:
    """What sizes the letters of a plain cell have, in a sentence or a list."""

    def way(before: Blocks, forward: Blocks, behind: Blocks) -> str | None:
        note, found = _text([*before, *forward, *behind]), _PLAIN.search(_text(forward))
        if found is None or re.search(r"mathbb|\\in(?![a-z])|(?<![A-Za-z\\])[mn](?![A-Za-z])", note):
            return None
        sizes = {f"{found['x']}_t": "n", f"{found['s']}_t": "m", found["W"]: r"m \times n", found["U"]: r"m \times m"}
        sizes |= {found["b"]: "m"} if found["b"] else {}
        said = [rf"${letter} \in \mathbb{{R}}^{{{size}}}$" for letter, size in sizes.items()]
        text = "\n".join(f"- {each}" for each in said) if listed else f"Here {', '.join(said)} are the sizes."
        return _text([*before, *forward, BLANK, _added(text), BLANK, *behind])

    return _apart(way)


@_apart
def introduced(before: Blocks, forward: Blocks, behind: Blocks) -> str | None:
    """An introduction that mentions letters."""
    if re.search(r"(?<![A-Za-z\\])[kKNn](?![A-Za-z])", _text([*before, *forward, *behind])):
        return None
    said = (
        "We study sequences of length $T$ with steps $t = 1, \\dots, T$ and classes $k = 1, \\dots, K$. There are $N$ "
        "examples, and the loss $L$ is minimised over all weights $W$."
    )
    return _text([*before, _added(said), BLANK, *forward, *behind])


def twice(*, first: bool) -> Way:
    """Two copies of the note under two titles."""

    def way(before: Blocks, forward: Blocks, behind: Blocks) -> str:
        copy = _text(_shift([*before, *forward, *behind], 1))
        one, two = (copy, _added(copy).text) if first else (_added(copy).text, copy)
        return f"# One reading\n\n{one}\n# Another reading\n\n{two}"

    return _apart(way)


_ACTIVATED = re.compile(
    r"^\$\$\s*(?P<left>\\?[a-z]+(?P<time>_t|\^\{\(t\)\}))\s*=\s*(?P<f>\\tanh|\\sigma|f|\\phi)\s*\((?P<in>[^()$=]+)\)"
    r"\s*[.,]?\s*\$\$[ \t]*$",
    re.MULTILINE,
)


def split(note: str) -> str | None:
    """The argument of an activation under a letter of its own."""
    free = [letter for letter in "zau" if not re.search(rf"(?<![A-Za-z\\]){letter}(?![A-Za-z])", note)]
    if not free or len(_ACTIVATED.findall(note)) != 1 or _parts(note) is None:
        return None

    def apart(match: re.Match[str]) -> str:
        inner = free[0] + match["time"]
        return f"$$ {inner} = {match['in'].strip()} $${ADDED}\n$$ {match['left']} = {match['f']}({inner}) $$"

    return _ACTIVATED.sub(apart, note)


def _in_turn(ways: Iterable[Way]) -> Way:
    """One of several ways, by the length of the note: each note is written one way, and all notes in all."""
    every = tuple(ways)
    return lambda note: every[len(note) % len(every)](note)


WAYS: dict[str, Way] = {
    "without words": without_words,
    "sentences": _with_sentences(ENGLISH),
    "sentences of other languages": _with_sentences(OTHERS),
    "other headings": _in_turn((without_headings, one_level, numbered, bold_headings, titled)),
    "a heading for each formula": heading_each,
    "forward and backward pass": _in_turn((passes, exercise)),
    "another model in front": _in_turn(map(_in_front, MODELS.values())),
    "another model behind": _in_turn(map(_behind, MODELS.values())),
    "a line behind the model": _in_turn(map(_with_line, LINES.values())),
    "a line in front of the model": _in_turn(map(_line_in_front, LINES.values())),
    "a line within the model": _in_turn(map(_line_within, LINES.values())),
    "another model beside": _in_turn(_beside(MODELS[name]) for name in ("rnn of other letters", "optimizer", "loss")),
    "forward again": _in_turn((forward_again, forward_in_summary, forward_in_bold)),
    "definitions behind": _in_turn((definitions_behind, backward_first)),
    "running text": _in_turn((running, one_paragraph)),
    "symbols": _in_turn((symbols(front=True), symbols(front=False))),
    "shapes": _in_turn((shapes(listed=False), shapes(listed=True))),
    "introduction": introduced,
    "twice": _in_turn((twice(first=True), twice(first=False))),
    "split": split,
}

MENDED = tuple(
    ("a heading for each formula", note)
    for note in ("powers", "two_plain_models", "gru_other_way", "fixed_step", "diagonal_shorthand")
)
"""Notes that were once read otherwise in a style."""
