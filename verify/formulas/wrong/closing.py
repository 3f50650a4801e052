"""A true formula is shown only after it was read back in the author's place, and proved there.

Of several ways to write it, the one nearest to what the author wrote comes first (`verify.formulas.wrong.restating`).
Where none is read as it was meant, none is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from verify.formulas.judgement import Judgement, Word
from verify.formulas.readings.conventions import HELD, LATEST
from verify.formulas.wrong.restating import exchanged, in_style, merged
from verify.formulas.wrong.typed import typed


@dataclass(frozen=True)
class Loop:
    """Where a wrong side stood: as it was written, in its statement, and what is said of another text in its place.

    `judged` gives the judgement on the same `=` with that text on its right; None where it cannot be read.
    """

    written: str
    statement: str
    judged: Callable[[str], Judgement | None]
    steps: int | None = None
    """How many steps the document says there are, if it does."""

    def closed(
        self, true: str, read: str | None, assumptions: tuple[str, ...], change: tuple[str, str] | None = None
    ) -> str | None:
        """The true formula, printed as `true`, in the author's writing; `read` is the wrong one as it was understood.

        With `change` one part of the author's is exchanged for another. None where no writing of it holds under what
        is assumed already.
        """
        for text in dict.fromkeys(self._writings(true, read, change)):
            found = self.judged(text)
            if found is None:
                continue
            said = {*assumptions, HELD, LATEST}
            if found.word is Word.PROVED or (found.word is Word.HOLDS_IF and {*found.assumptions} <= said):
                return text
        return None

    def _writings(self, true: str, read: str | None, change: tuple[str, str] | None) -> Iterator[str]:
        for style in (self._typed, self._in_style, lambda text: text):
            if change is not None and (both := [style(part) for part in change]) and None not in both:
                one = exchanged(self.written, *map(str, both))
                if one is not None:
                    yield one
            whole = style(true)
            if whole is None:
                continue
            before = style(read) if read is not None else None
            own = merged(self.written, before, whole) if before is not None else None
            if own is not None:
                yield own
            yield whole

    def _in_style(self, printed: str) -> str:
        return in_style(printed, self.statement, self.steps)

    def _typed(self, printed: str) -> str | None:
        return typed(self._in_style(printed), self.statement)
