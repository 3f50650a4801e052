"""What `forward` and `backward` keep in a workspace between calls: memory and the views that loops run through.

Of the statements before a loop some depend on sizes and the dtype alone; they are put into one branch that a later call
with the same workspace leaves out. What a call computes or is given, and a loop runs through, is copied into memory of
the workspace, so that the views of its steps stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from derive.targets.language.code import (
    WIDTH,
    Blocks,
    Each,
    Statement,
    assigned,
    blocks_lines,
    each_lines,
    lines,
    listed,
    size_text,
)
from derive.targets.numpy.staying import Split, behind, binds, units, words, written_constants
from derive.targets.words import names_text

TURN = "turn"
"""What a call is that writes into a workspace; its cache holds it."""


@dataclass(frozen=True)
class Kept:
    """The lines of a program with its workspace, and the names of what the workspace holds."""

    lines: list[str]
    names: set[str]


@dataclass(frozen=True)
class Workspace:
    """The workspace of one program: `fixed` are the sizes and what is in it already, `own` what a call returns (not a
    copy of it), `later` what is read behind the program."""

    fixed: frozenset[str]
    own: frozenset[str]
    later: frozenset[str]

    def program(self, statements: Sequence[Statement]) -> Kept:
        """The lines of a program."""
        own = behind(statements, self.own) | written_constants(statements)
        return Workspace(self.fixed, frozenset(own), self.later)._around(statements)

    def _around(self, statements: Sequence[Statement], block: str = "") -> Kept:
        """The lines of statements with a loop; `block` is the variable that tells the blocks of steps they stand in."""
        at = next((k for k, statement in enumerate(statements) if isinstance(statement, Each | Blocks)), None)
        if at is None:
            return Kept(lines(statements), set())
        rest = lines(statements[at + 1 :])
        match statements[at]:
            case Blocks() as loop:
                return self._around_blocks(statements[:at], loop, rest) or Kept(lines(statements), set())
            case Each() as each:
                return self._around_steps(statements[:at], each, rest, block) or Kept(lines(statements), set())
        raise TypeError(f"no loop: {type(statements[at]).__name__}")

    def _around_blocks(self, before: Sequence[Statement], loop: Blocks, rest: list[str]) -> Kept | None:
        inside = assigned([one for one in loop.body if not isinstance(one, Each)])
        over = [array for one in loop.body if isinstance(one, Each) for _, array in one.over]
        fixed = {*self.fixed, "block"}
        split = Split(units([*before, *loop.made]), fixed, {*self.own}, over, inside)
        if not split.found():
            return None
        known = fixed | split.names | {*split.landed, "start", "stop"}
        inner = Workspace(frozenset(known), self.own, self.later)._around(loop.body, "start")
        first = [f"block = 1 + {loop.cached} // (1 + {size_text(loop.entries)})"]
        return self._printed(split, first, [], [*blocks_lines(loop, inner.lines), *rest], "")

    def _around_steps(self, before: Sequence[Statement], loop: Each, rest: list[str], block: str) -> Kept | None:
        over = [array for _, array in loop.over]
        split = Split(units(before), {*self.fixed}, {*self.own}, over)
        if not split.found():
            return None
        if over and all(map(split.stays, over)):
            head, made = each_lines(loop, "steps")
            body = [*head, *(f"    {line}" for line in lines(loop.body)), *rest]
            return self._printed(split, [], made, body, block)
        split = Split(units(before), {*self.fixed}, {*self.own}, [])
        return self._printed(split, [], [], [*lines([loop]), *rest], block) if split.found() else None

    def _printed(self, split: Split, first: list[str], made: list[str], body: list[str], block: str) -> Kept:
        """The statements before a loop, in which those that stay are one branch, and the loop."""
        after = [line for unit in split.after for line in lines(unit)]
        live = words("\n".join([*after, *body])) | self.later
        names = [name for unit in split.kept for name in binds(unit[-1]) if name in live]
        names += ["steps"] if made else []
        found = [*first, *(line for unit in split.before for line in lines(unit))]
        kept = [*(line for unit in split.kept for line in lines(unit)), *made]
        if names:
            key = block or ('"steps"' if made else '"memory"')
            found += [_landed(name, block) for name in split.landed]
            found += _branch(names, f"room[{key}]", f"{key} in room", kept)
        else:
            found += kept
        return Kept([*found, *after, *body], split.names | ({*split.landed} if names else set()))


def _landed(name: str, block: str) -> str:
    key = f'("{name}", {block})' if block else f'"{name}"'
    return f"{name} = landed(room, {key}, {name})"


def _branch(names: Sequence[str], place: str, known: str, kept: Iterable[str]) -> list[str]:
    return [
        f"if room and {known}:  # of an earlier call with this workspace",
        *(f"    {line}" for line in _filled("", names, f" = {place}")),
        "else:",
        *(f"    {line}" for line in kept),
        "    if room is not None:",
        *(["        steps = [*steps]"] if "steps" in names else []),
        *(f"        {line}" for line in _filled(f"{place} = ", names, "")),
    ]


def _filled(start: str, names: Sequence[str], end: str) -> list[str]:
    """A line with a tuple of names, or several."""
    line = f"{start}{names_text(names)}{end}"
    return [line] if len(line) <= WIDTH - 8 else [f"{start}(", *listed(names), f"){end}"]
