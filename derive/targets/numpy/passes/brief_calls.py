"""Calls of a loop by local names, memory last: to look functions up and to name memory is a fifth of a small call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from derive.targets.language.code import Apply, Assign, Blocks, Each, Name, Number, Remark, Statement, Tuple


def brief_calls(statements: Sequence[Statement], fresh: Callable[[str], Name]) -> list[Statement]:
    """The statements where a loop calls NumPy's functions by names bound before it."""
    place = next((k for k, statement in enumerate(statements) if isinstance(statement, Each | Blocks)), None)
    if place is None:
        return list(statements)
    brief = _Brief(fresh)
    loop = brief.of(statements[place])
    return [*statements[:place], *brief.bound(), loop, *statements[place + 1 :]]


@dataclass
class _Brief:
    fresh: Callable[[str], Name]
    names: dict[str, Name] = field(default_factory=dict)

    def of(self, statement: Statement) -> Statement:
        """The statement with brief calls in its loop over steps."""
        match statement:
            case Blocks(_, body):
                return replace(statement, body=tuple(map(self.of, body)))
            case Each(_, _, body):
                return replace(statement, body=tuple(map(self._call, body)))
        return statement

    def _call(self, statement: Statement) -> Statement:
        match statement:
            case Apply(function, keywords="") if function.startswith("np."):
                if function not in self.names:
                    self.names[function] = self.fresh(f"{function.removeprefix('np.')}_into")
                return replace(statement, function=self.names[function].name, brief=True)
            case Apply(".dot", keywords=""):
                return replace(statement, brief=True)
        return statement

    def bound(self) -> list[Statement]:
        """What stands before the loop."""
        if not self.names:
            return []
        names, functions = tuple(self.names.values()), tuple(map(Number, self.names))
        made = Assign((names[0],), functions[0]) if len(names) == 1 else Assign((Tuple(names),), Tuple(functions))
        return [Remark("each call of the loop writes into what is named last"), made]
