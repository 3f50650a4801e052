"""A cell as JAX code: one `lax.scan` over its loop, with what does not recur before and behind it.

The text is made of the lowered program without the passes, which are NumPy's alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from derive.calculus.derivation import Derivation
from derive.targets.numpy.code import Assign, Code, Index, Loop, Name, Statement, lines
from derive.targets.numpy.helpers import choices, helper_texts
from derive.targets.numpy.module import Lowered, called, lowered
from derive.targets.passes.loops import opened
from derive.targets.passes.rewriting import mapped, substituted, within


def scan_text(derivation: Derivation) -> str:
    """A module with `forward(params, inputs, states)`, which gives the outputs; sizes come with `sizes`."""
    low = lowered(derivation)
    program, names = low.program, low.names
    before, loop, after = _parts(low.sequence.forward)
    body = [f'{names.whole(q).name} = params["{q.name}"]' for q in program.parameters]
    body += [f'{names.whole(q).name} = inputs["{q.name}"]' for q in program.inputs]
    body += [f'{names.before(s).name} = states["{s.name}"]' for s in program.states]
    letters = ["T", "B", *map(str, program.sizes)]
    body += [f'{letter} = sizes["{letter}"]' for letter in letters]
    for k, function in enumerate(program.open_functions):
        body.append(f'{function.name}, {function.name}_slope = FUNCTIONS["tanh"]  # {k}')
    body += lines([s for s in before if isinstance(s, Assign) and not isinstance(s.targets[0], Index)])
    if loop is not None:
        body += _scan(loop, low)
    body += lines(after)
    whole = names.whole(program.output).name
    body.append(f"return {whole}{'[1:]' if program.output in program.states else ''}")
    helpers = helper_texts(low.helpers - _open_names(low), called(program))
    tables = choices() if program.open_functions else ([], {})
    table = ", ".join(f'"{name}": ({", ".join(pair)})' for name, pair in tables[1].items())
    text = [
        "import jax.numpy as np",
        "from jax import lax",
        "",
        "",
        "def forward(params, inputs, states, sizes, dtype):",
    ]
    text += [f"    {line}" for line in body]
    return "\n\n\n".join(["\n".join(text), *dict.fromkeys([*tables[0], *helpers]), f"FUNCTIONS = {{{table}}}"]) + "\n"


def _open_names(low: Lowered) -> set[str]:
    return {f"{function.name}{slope}" for function in low.program.open_functions for slope in ("", "_slope")}


def _parts(statements: Sequence[Statement]) -> tuple[list[Statement], Loop | None, list[Statement]]:
    for k, statement in enumerate(statements):
        if isinstance(statement, Loop):
            return list(statements[:k]), statement, list(statements[k + 1 :])
    return list(statements), None, []


def _scan(loop: Loop, low: Lowered) -> list[str]:
    program, names = low.program, low.names
    body = opened(loop, (), (), {})
    state_names = {names.whole(s).name: s for s in program.states}
    seen: dict[Code, Name] = {}
    kept: dict[str, str] = {}

    def at_step(code: Code) -> Code | None:
        if not (isinstance(code, Index) and code.index in ("t", "t + 1") and isinstance(code.of, Name)):
            return None
        if code.of.name in state_names:
            state = state_names[code.of.name]
            return names.before(state) if code.index == "t" else names.now(state)
        if code.of.name in body.filled:
            return Name(kept[code.of.name])
        return seen.setdefault(code, Name(f"{code.of.name}_now"))

    inner: list[str] = []
    for statement in body.statements:
        value = mapped(statement.value, at_step)
        targets: list[Code] = []
        for target in statement.targets:
            if isinstance(target, Index):
                (array,) = [part.name for part in within(target) if isinstance(part, Name)]
                own = names.now(state_names[array]).name if array in state_names else f"{array}_now"
                kept[array] = own
                targets.append(Name(own))
            else:
                targets.append(target)
        inner += lines([Assign(tuple(dict.fromkeys(targets)), substituted(value, {}))])
    before = [names.before(s).name for s in program.states]
    now = [names.now(s).name for s in program.states]
    over = [re.sub(r"\[.*", "", code.of.name) for code in seen if isinstance(code, Index) and isinstance(code.of, Name)]
    arrays = [*dict.fromkeys(kept)]
    found = [
        "def one(carry, now):",
        f"    {_tuple(before)} = carry",
        *([f"    {_tuple([name.name for name in seen.values()])} = now"] if seen else []),
        *(f"    {line}" for line in inner if not line.startswith("#")),
        f"    return {_tuple(now)}, {_tuple([kept[array] for array in arrays])}",
        f"_, {_tuple(arrays)} = lax.scan(one, {_tuple(before)}, {_tuple(over) if over else None}, length=T)",
    ]
    for array in arrays:
        if array in state_names:
            start = names.before(state_names[array]).name
            found.append(f"{array} = np.concatenate(({start}[None], {array}))")
    return found


def _tuple(words: Sequence[str]) -> str:
    return f"({', '.join(words)}{',' if len(words) == 1 else ''})"
