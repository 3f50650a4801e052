"""Buffers and second names that nothing reads are dropped: statements in, statements out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from derive.targets.language.code import Assign, Buffer, Code, Index, Loop, Name, Statement, WithLengths, read


def without_unread(statements: Sequence[Statement], also_read: Collection[str]) -> list[Statement]:
    """Drop buffers and second names that neither the statements nor anyone else (`also_read`) reads."""
    buffers = {statement.name for statement in statements if isinstance(statement, Buffer)}
    wanted = set(read(statements)) | set(also_read) | (_filled(statements) - buffers)
    unread = buffers - wanted

    def kept(target: Code) -> bool:
        if isinstance(target, Name):
            return target.name in wanted
        return not (isinstance(target, Index) and isinstance(target.of, Name) and target.of.name in unread)

    def cleaned(block: Sequence[Statement]) -> list[Statement]:
        found: list[Statement] = []
        for statement in block:
            match statement:
                case Buffer(name) if name in unread:
                    continue
                case Loop(backwards, body):
                    found.append(Loop(backwards, tuple(cleaned(body))))
                case WithLengths(body, why):
                    kept_body = tuple(s for s in cleaned(body) if isinstance(s, Assign))
                    if kept_body:
                        found.append(WithLengths(kept_body, why))
                case Assign(targets, value, formula):
                    targets = tuple(filter(kept, targets))
                    if targets:
                        found.append(Assign(targets, value, formula))
                case _:
                    found.append(statement)
        return found

    return cleaned(statements)


def _filled(statements: Sequence[Statement]) -> set[str]:
    """The names that are written into: what is no buffer among them is a view of one."""
    found: set[str] = set()
    for statement in statements:
        match statement:
            case Assign(targets):
                found |= {t.of.name for t in targets if isinstance(t, Index) and isinstance(t.of, Name)}
            case Loop(_, body) | WithLengths(body):
                found |= _filled(body)
    return found
