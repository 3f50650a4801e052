"""What a person is told about gradients of their code: a row for every gradient, and the mistake that explains them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NoReturn, cast

import numpy as np

from verify.formulas.judgement import Mistake
from verify.numbers.case import Array
from verify.numbers.numeric import FAILED


class Standing(Enum):
    """Right, wrong, or neither can be told; `NOT_GIVEN`: the code did not return it."""

    RIGHT = "right"
    WRONG = "wrong"
    CANNOT_TELL = "cannot tell"
    NOT_GIVEN = "not returned"

    def __bool__(self) -> NoReturn:
        raise TypeError("a standing is no bool: compare it, as in report.standing is Standing.RIGHT")


def declared_apart(names: Sequence[str]) -> str:
    """Why code cannot be judged by what it computes forwards, where the slopes of functions are declared."""
    return (
        f"the slope of {', '.join(names)} is declared, and no change of what your forward pass computes shows it: code "
        "with declared slopes is not judged yet; compare it with what `backproof generate` writes for this cell"
    )


@dataclass(frozen=True)
class Row:
    """One gradient: its relative error, and the worst entry with what was got and what was expected there."""

    label: str
    standing: Standing
    error: float | None = None
    index: tuple[int, ...] | None = None
    got: float | None = None
    expected: float | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        finite = {
            name: value if value is None or np.isfinite(value) else str(value)
            for name, value in (("error", self.error), ("got", self.got), ("expected", self.expected))
        }
        index = None if self.index is None else list(self.index)
        standing = self.standing.value.replace(" ", "_")
        return {"name": self.label, "verdict": standing, **finite, "index": index, "reason": self.reason}

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        if self.got is None or self.expected is None or self.standing is Standing.RIGHT:
            where, got, expected = "", "", ""
        else:
            where = f"[{', '.join(map(str, self.index or ()))}]"
            got, expected = f"{self.got:.6g}", f"{self.expected:.6g}"
        error = "" if self.error is None else "not a number" if self.error >= FAILED else f"{self.error:.1e}"
        return (self.label, self.standing.value, error, where, got, expected, self.reason)


def compared(label: str, got: Array, expected: Array, error: float, standing: Standing, reason: str = "") -> Row:
    """A row for two arrays of one shape, with the entry where they differ most."""
    if not expected.size:
        return Row(label, standing, error, reason=reason)
    apart = np.where(np.isfinite(got), np.abs(got - expected), np.inf)
    index = tuple(int(k) for k in np.unravel_index(int(np.argmax(apart)), expected.shape))
    return Row(label, standing, error, index, float(got[index]), float(expected[index]), reason)


def overall(standings: Sequence[Standing]) -> Standing:
    """Wrong if anything is wrong, else cannot tell if anything cannot be told, else right."""
    for standing in (Standing.WRONG, Standing.CANNOT_TELL):
        if standing in standings:
            return standing
    return Standing.RIGHT if Standing.RIGHT in standings else Standing.CANNOT_TELL


def table(rows: Sequence[Row]) -> str:
    """The rows in columns."""
    header = ("gradient", "verdict", "error", "worst at", "got", "expected", "")
    lines = [header, *(row.cells() for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(header))]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


class _Report:
    """No bool, and shown as a table in a notebook."""

    def __bool__(self) -> NoReturn:
        raise TypeError("a report is no bool: compare its standing, as in report.standing is Standing.RIGHT")

    def _repr_html_(self) -> str:
        from verify.reports import notebook

        return notebook.code_html(cast("CodeReport | GradientReport", self))


@dataclass(frozen=True)
class GradientReport(_Report):
    """Gradients compared with numerical derivatives of the person's own loss.

    `method` is `complex step` or `central differences`; `notes` say what else was seen.
    """

    rows: tuple[Row, ...]
    method: str
    notes: tuple[str, ...] = ()

    @property
    def standing(self) -> Standing:
        """The verdict on all gradients together."""
        return overall([row.standing for row in self.rows])

    @property
    def wrong(self) -> tuple[str, ...]:
        """The names of the wrong gradients."""
        return tuple(row.label for row in self.rows if row.standing is Standing.WRONG)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        verdict = self.standing.value.replace(" ", "_")
        rows = [row.to_json() for row in self.rows]
        return {"verdict": verdict, "method": self.method, "gradients": rows, "notes": list(self.notes)}

    def __str__(self) -> str:
        return "\n".join([f"{self.standing.value} (by {self.method})", table(self.rows), *self.notes])


@dataclass(frozen=True)
class CodeReport(_Report):
    """A backward function compared with the derivation of a cell.

    `mistakes` are the named mistakes (one, or several together) that reproduce all returned gradients; where other
    mistakes give the same numbers they are `alternatives`. `nearest` is for gradients that nothing explains: the
    mistake that reproduces most of them.
    """

    cell: str
    rows: tuple[Row, ...]
    mistakes: tuple[Mistake, ...] = ()
    alternatives: tuple[tuple[Mistake, ...], ...] = ()
    nearest: str = ""
    notes: tuple[str, ...] = ()
    undecided: str = ""
    protocol: str = ""
    forward: str = ""
    assumed: tuple[str, ...] = ()
    not_given: tuple[str, ...] = ()
    not_understood: tuple[str, ...] = ()
    method: str = ""

    @property
    def standing(self) -> Standing:
        """The verdict on all gradients together."""
        found = overall([row.standing for row in self.rows])
        return Standing.CANNOT_TELL if self.undecided and found is Standing.RIGHT else found

    @property
    def wrong(self) -> tuple[str, ...]:
        """The names of the wrong gradients."""
        return tuple(row.label for row in self.rows if row.standing is Standing.WRONG)

    def to_json(self) -> dict[str, Any]:
        """The report as `backproof check-code --json` prints it."""

        def listed(mistakes: tuple[Mistake, ...]) -> list[dict[str, str]]:
            return [mistake.to_json() for mistake in mistakes]

        return {
            "cell": self.cell,
            "verdict": self.standing.value.replace(" ", "_"),
            "gradients": [row.to_json() for row in self.rows],
            "mistakes": listed(self.mistakes),
            "alternatives": [listed(mistakes) for mistakes in self.alternatives],
            "nearest": self.nearest,
            "notes": [*self.notes, *filter(None, [self.undecided])],
            "protocol": self.protocol,
            "forward": self.forward,
            "assumed": list(self.assumed),
            "not_given": list(self.not_given),
            "not_understood": list(self.not_understood),
            "method": self.method,
        }

    def __str__(self) -> str:
        lines = [f"{self.cell or 'gradients'}: {self.standing.value}", *([table(self.rows)] if self.rows else [])]
        by = f", judged by {self.method}" if self.method else ""
        lines += [f"called as: {self.protocol}{by}"] if self.protocol else []
        lines += [f"the forward pass and {self.cell}: {self.forward}"] if self.forward else []
        for words, listed in (
            ("assumed", self.assumed),
            ("not judged", self.not_given),
            ("not understood", self.not_understood),
        ):
            lines += [f"{words}: {', '.join(listed)}"] if listed else []
        if self.mistakes and self.protocol:
            lines.append("Mistakes (each with the gradients in which it sits):")
            lines += [f"  {mistake.name}: {mistake.detail}" for mistake in self.mistakes]
            lines += [f"Nearest: {self.nearest}"] if self.nearest else []
        elif self.mistakes:
            lines.append(
                "This mistake reproduces every gradient that was returned:"
                if len(self.mistakes) == 1
                else "These mistakes together reproduce every gradient that was returned:"
            )
            lines += [f"  {mistake.name}: {mistake.detail}" for mistake in self.mistakes]
            for others in self.alternatives:
                words = "; ".join(f"{mistake.name}: {mistake.detail}" for mistake in others)
                lines.append(f"  or, with the same numbers: {words}")
        elif self.standing is Standing.WRONG:
            lines.append("No known mistake reproduces them.")
            lines += [f"Nearest: {self.nearest}"] if self.nearest else []
        return "\n".join([*lines, *self.notes, *filter(None, [self.undecided])])
