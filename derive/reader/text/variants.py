"""Names that differ in the case of a letter or in the accent of a candidate: W_c typed for W_C."""

from __future__ import annotations

from collections.abc import Iterator

LONGEST = 3
"""Letters that a label may have of which one was typed in another case: W_xc for W_xC."""


def variants(letter: str) -> Iterator[str]:
    """A name with its first letter or its label in the other case, and with the other of two accents."""
    base, _, rest = letter.partition("_")
    cases = base[:1].swapcase() + base[1:]
    yield "_".join([cases, *([rest] if rest else [])])
    if len(rest) <= LONGEST and rest.isalpha():
        yield from (f"{base}_{label}" for label in sorted({_recased(rest), rest.lower()} - {rest}))
    for mark, other in (("tilde", "hat"), ("hat", "tilde")):
        if rest.split("_")[0] == mark:
            yield from ("_".join([each, other + rest.removeprefix(mark)]) for each in (base, cases))


def spelled(base: str, name: str) -> str:
    """The letter that was typed with this base, for one of another case: W_c for W_C."""
    own, _, rest = name.partition("_")
    return f"{base}_{_recased(rest)}" if base == own and 0 < len(rest) <= LONGEST else base


def _recased(label: str) -> str:
    """A label with its last letter in the other case: xc for xC."""
    return label[:-1] + label[-1].swapcase()
