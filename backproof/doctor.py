"""What backproof runs on, what of the optional rest is there, and whether it works: the first lines of a report."""

from __future__ import annotations

import locale
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from backproof.own import HERE, PACKAGES, hidden
from derive.patterns import regex

OPTIONAL = {
    "torch": "another engine for the evidence, and --target torch",
    "jax": "another engine for the evidence, and --target jax",
    "numba": "--target native",
    "onnx": "--target onnx",
    "onnxruntime": "the check of an ONNX model that was written",
    "pytest": "the fixture backproof",
}
_NAME = regex(r"[\w.-]+")
PROGRAMS = {"pdflatex": "PDF files"}
TRUE, FALSE = (
    rf"\frac{{\partial J}}{{\partial b}} = \sum_t \frac{{\partial J}}{{\partial h_t}} \odot (1 {sign} h_t^2)"
    for sign in "-+"
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `ok` is None for what is optional and absent."""

    what: str
    found: str
    ok: bool | None = True

    def to_json(self) -> dict[str, Any]:
        """As it is."""
        return asdict(self)


def findings() -> Iterator[Finding]:
    """Everything that was looked at, what is needed first."""
    yield Finding("Python", f"{platform.python_version()} on {platform.system()}", sys.version_info >= (3, 11))
    yield Finding("backproof", f"{_version('backproof') or 'not installed, run from its folder'}, in {HERE}")
    yield Finding("text", f"{sys.stdout.encoding}, files {locale.getpreferredencoding(False)}")
    for name in PACKAGES:
        if hidden(name):
            yield Finding(name, "a file of this name stands in its way; the command line is not disturbed by it", None)
    for name in _needed():
        found = _version(name)
        yield Finding(name, found or "absent", found is not None)
    for name, use in OPTIONAL.items():
        found = _version(name)
        yield Finding(name, found or f"absent: needed for {use}", None if found is None else True)
    for name, use in PROGRAMS.items():
        there = shutil.which(name)
        yield Finding(name, there or f"absent: needed for {use}", None if there is None else True)
    yield _works()


def _works() -> Finding:
    """Whether a true formula is proved here and a false one refuted."""
    from derive import catalogue
    from verify.formulas.claims import check

    cell = catalogue.find("rnn")
    said = [check(formula, cell)[-1].word.value for formula in (TRUE, FALSE)]
    return Finding("a true and a false formula", ", ".join(said), said == ["proved", "wrong"])


def _needed() -> list[str]:
    try:
        lines = requires("backproof") or []
    except PackageNotFoundError:
        return []
    return [name[0] for line in lines if "extra ==" not in line and (name := _NAME.match(line))]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
