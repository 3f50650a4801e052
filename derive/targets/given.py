"""What a file of a framework is given: inputs, states and parameters by name, with their axes and their variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from derive.calculus.derivation import Derivation
from derive.errors import InputError
from derive.nodes import Quantity
from derive.targets.language.code import Statement, read
from derive.targets.lowering.lowered import Lowered, lowered
from derive.targets.numpy.helpers import choices
from derive.targets.words import axes_text, equation_lines, plain, source_line, tuple_text


def lowered_cell(derivation: Derivation, framework: str) -> Lowered:
    """The lowered programs; raises InputError for what has no file in that framework: heads, cells without input."""
    low = lowered(derivation)
    if not any(q.time is not None for q in low.program.inputs):
        raise InputError(
            f"{derivation.cell.title} has no input at a step: a {framework} module takes its steps from one",
            hint="give it one, as in + W x_t, or use --target numpy, whose forward takes the number of steps",
        )
    if low.program.is_loss:
        raise InputError(
            f"a head has no {framework} module of its own",
            hint=f"put it on a cell, as in generate CELL --head softmax, use losses of {framework}, or --target numpy",
        )
    return low


def choices_text(opened: Sequence[str]) -> dict[str, str]:
    """The functions that may be chosen, value and slope, where any is left open."""
    return {name: f"({', '.join(pair)})" for name, pair in (choices()[1] if opened else {}).items()}


class Given:
    """The names and axes of one cell."""

    def __init__(self, low: Lowered, derivation: Derivation) -> None:
        self.low = low
        self.cell = derivation.cell
        self.public = derivation.program
        program, names = low.program, low.names
        self.inputs = {q.name: (names.whole(q).name, self._input_axes(q)) for q in program.inputs}
        self.states = {s.name: (names.before(s).name, ("B", *axes_text(s))) for s in program.states}
        self.parameters = {q.name: (names.whole(q).name, axes_text(q)) for q in program.parameters}
        self.starts = dict(self.cell.starts)
        """The parameters that states start from, by the states."""
        self.opened = [function.name for function in program.open_functions]

    def tables(self, origin: str) -> dict[str, object]:
        """What every template shows of them."""
        program = self.low.program
        return {
            "title": plain(self.cell.title),
            "source": source_line(self.cell.source),
            "origin": plain(origin),
            "equations": equation_lines(self.cell),
            "parameters": {q.name: tuple_text(axes_text(q)) for q in self.public.parameters},
            "starts": self.starts,
            "start_axes": {start: tuple_text(axes_text(self.public.quantities[s])) for s, start in self.starts.items()},
            "states": {q.name: tuple_text(axes_text(q)) for q in self.public.states},
            "inputs": {name: tuple_text(map(self.shown, axes)) for name, (_, axes) in self.inputs.items()},
            "letters": [self.shown(str(letter)) for letter in program.sizes],
            "output_axes": ", ".join(map(self.shown, axes_text(program.output))),
            "opened": self.opened,
            "given": [bound for bound, _ in self.all()],
            "carried": [bound for bound, _ in self.states.values()],
            "timed": self.timed,
            "output": tuple_text(map(self.shown, axes_text(program.output))),
            "table": choices_text(self.opened),
        }

    @staticmethod
    def _input_axes(quantity: Quantity) -> tuple[str, ...]:
        leading = ("B",) if quantity.time is None else ("T", "B")
        return (*leading, *(axes_text(quantity) or ("1",)))

    def all(self) -> list[tuple[str, tuple[str, ...]]]:
        """Everything that comes in, in order: the variable that holds it, and its axes."""
        return [*self.inputs.values(), *self.states.values(), *self.parameters.values()]

    @property
    def timed(self) -> list[str]:
        """The variables of inputs at every step."""
        return [bound for bound, axes in self.inputs.values() if axes[0] == "T"]

    def opening(self, body: Iterable[str], statements: Sequence[Statement]) -> list[str]:
        """Sizes, chosen functions and inputs without what stands past the end of a sequence."""
        repeated = [f"{name} = repeated({name}, lengths)" for name in self.timed if name in read(statements)]
        return [*self.sizes([*body, *repeated]), *self.chosen(statements), *repeated]

    def sizes(self, body: Iterable[str]) -> list[str]:
        """The size letters that the body uses, out of the shapes of what was given."""
        code = [line for line in body if not line.lstrip().startswith("#")]
        words = {word for line in code for word in re.findall(r"(?<![.\w])\w+", line)}
        return [
            f'{letter} = sizes["{self.shown(letter)}"]'
            for letter in ("T", "B", *map(str, self.low.program.sizes))
            if letter in words
        ]

    def chosen(self, statements: Sequence[Statement]) -> list[str]:
        """The functions that the equations leave open, and their slopes."""
        used = set(read(statements))
        return [
            f"{name}, {name}_slope = FUNCTIONS[chosen[{k}]]"
            for k, name in enumerate(self.opened)
            if not used.isdisjoint({name, f"{name}_slope"})
        ]

    @property
    def helpers(self) -> set[str]:
        """The helper functions that are called, without those that are chosen."""
        return self.low.helpers - self.chosen_names

    @property
    def chosen_names(self) -> set[str]:
        """The variables of chosen functions and slopes."""
        return {f"{name}{slope}" for name in self.opened for slope in ("", "_slope")}

    def shown(self, axis: str) -> str:
        """An axis in public letters."""
        public = {str(local): str(letter) for letter, local in self.low.letters.items()}
        return re.sub(r"\w+", lambda word: public.get(word[0], word[0]), axis)
