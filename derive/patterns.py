"""Regular expressions that are compiled when they are first used: a command uses a quarter of those it imports."""

from __future__ import annotations

import re
from typing import Any, cast

_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "split", "sub", "subn", "pattern", "flags")


class _Late:
    def __init__(self, written: str, flags: int) -> None:
        self._written, self._flags = written, flags

    def __getattr__(self, name: str) -> Any:  # not found here: the first use
        compiled = re.compile(self._written, self._flags)
        vars(self).update({method: getattr(compiled, method) for method in _METHODS})
        return getattr(compiled, name)


def regex(written: str, flags: int = 0) -> re.Pattern[str]:
    """`re.compile`, when one of its methods is first used. Raises re.error then."""
    return cast("re.Pattern[str]", _Late(written, flags))
