"""The environment of every template: what is undefined is an error, and blocks leave no line behind."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment(package: str, folder: str = "templates", **filters: Callable[..., object]) -> Environment:
    """The templates in a folder of a package, with these filters; what goes into HTML and SVG is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader(package, folder), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=lambda name: name is not None and (".html" in name or ".svg" in name),
    )  # fmt: skip
    made.filters.update(filters)
    return made
