"""The public functions of a generated module: signature, documentation, checks at the door, lowered body."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from derive.cell import Cell
from derive.nodes import Node, Quantity
from derive.targets.numpy.code import folded, lines, read, size_text
from derive.targets.numpy.forward import axes
from derive.targets.numpy.names import Names
from derive.targets.numpy.single_step import Passes

LENGTHS_DETAILS = (
    "lengths: the steps of each sequence (B,), 0 to T, or a boolean mask (T, B), true up to each end; None: T for all.",
    "Past its end a sequence has outputs of zero, reads no input and keeps its states.",
)


@dataclass(frozen=True)
class Function:
    """One function of the module, as text."""

    signature: str
    summary: str
    details: tuple[str, ...]
    body: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", tuple(part for line in self.body for part in folded(line)))


@dataclass(frozen=True)
class Argument:
    """An array argument: its name, its axes, whether it may be None, and the variable the body knows it by."""

    name: str
    axes: tuple[str, ...]
    optional: bool = False
    bound: str = ""


def tuple_text(items: Iterable[str]) -> str:
    """A tuple of strings as Python text."""
    quoted = [f'"{item}"' for item in items]
    return f"({', '.join(quoted)}{',' if len(quoted) == 1 else ''})"


def axes_text(node: Node) -> tuple[str, ...]:
    """The axes of one value behind the leading ones; a scalar parameter has none, a scalar quantity one of length 1."""
    if node.shape == (1, 1):
        return () if isinstance(node, Quantity) and node.time is None else ("1",)
    return tuple(map(size_text, axes(node)))


def listed(arguments: Sequence[Argument]) -> list[str]:
    """The statements that add arguments to the arrays which are checked."""
    body = []
    for a in arguments:
        line = f'arrays.append(("{a.name}", {a.name}, {tuple_text(a.axes)}))'
        body += [f"if {a.name} is not None:", f"    {line}"] if a.optional else [line]
    return body


def init_function(letters: Sequence[str]) -> Function:
    """`init` for sizes of these letters."""
    sizes = ", ".join(f'"{letter}": {letter}' for letter in letters)
    body = (
        f"sizes = {{{sizes}}}",
        "params = {}",
        "for name, axes in PARAMETERS.items():",
        "    shape = tuple(_length(axis, sizes) for axis in axes)",
        "    bound = 1.0 / np.sqrt(shape[-1] if shape else 1)",
        "    params[name] = np.asarray(rng.uniform(-bound, bound, shape), dtype)",
        "return params",
    )
    return Function(
        f"init(*, {', '.join([*letters, 'rng'])}, dtype=np.float64)",
        "Random parameters by name, every entry uniform in ±1/√m.",
        ("m: the length of the last axis (1 for a scalar).", "rng: a numpy.random.Generator."),
        body,
    )


class Functions:
    """Writes `init`, `forward`, `backward`, `step` and `step_backward` of one program."""

    def __init__(self, program: Cell, names: Names, letters: Mapping[str, str], prefix: str = "") -> None:
        """`letters` are the public letters of the sizes that have another name inside.

        `prefix` stands before the functions' names where a module holds several programs.
        """
        self._program = program
        self._prefix = prefix
        self._table = f"{prefix.upper()}PARAMETERS"
        self._names = names
        self._public = letters
        self._sizes = [str(symbol) for symbol in program.sizes]
        self._opened = [function.name for function in program.open_functions]

    def init(self) -> Function:
        """Random parameters."""
        return init_function([self._shown(letter) for letter in self._sizes])

    def forward(self, passes: Passes) -> Function:
        """The whole sequence."""
        program, names = self._program, self._names
        given = self._inputs(now=False)
        output = names.whole(program.output).name
        body = [*self._bound(given), *self._repeated(given), *self._unpacked(passes), *lines(passes.forward)]
        body.append(f"cache = (sizes, dtype, lengths, {_names(passes.cached)})")
        if program.is_loss:
            others = [q for q in self._assigned() if q != program.output]
            named = _named({q.name: names.whole(q).name for q in others}, passes, "cut({}, lengths)")
            body.append(f"return cut({output}[..., 0], lengths), {{{named}}}, cache")
            returns = "Returns the losses (T, B), every named value by name, and a cache for `backward`, which"
        else:
            ys = f"cut({output}{'[1:]' if program.output in program.states else ''}, lengths).copy()"
            final = ", ".join(f'"{s.name}": {names.whole(s).name}[T].copy()' for s in program.states)
            body.append(f"return {ys}, {{{final}}}, cache")
            shape = self._axes(("T", "B", *axes_text(program.output)))
            returns = f"Returns the outputs {shape}, the final states by name, and a cache for `backward`, which"
        details = [
            *self._described(given),
            *LENGTHS_DETAILS,
            returns,
            "refers to the arrays given here. Raises ValueError for an array of the wrong shape or dtype.",
        ]
        summary = "The losses of a sequence." if program.is_loss else "Run the cell over a sequence."
        body = self._with_sizes(["T", "B", *self._sizes], self._door(given), body)
        signature = self._signature(given, "lengths=None")
        return Function(f"{self._prefix}forward({signature})", summary, tuple(details), tuple(body))

    def backward(self, passes: Passes) -> Function:
        """Gradients over the whole sequence."""
        program = self._program
        immediate = self._immediate("d_losses" if program.is_loss else "d_ys", ("T", "B"))
        body = [*self._arrived(immediate, passes, "lengths"), *lines(passes.backward), *self._returned(passes)]
        body = self._with_sizes(["T", "B", *self._sizes], self._gradient_door(immediate, "lengths"), body)
        if program.is_loss:
            summary = "Gradients of J, the sum of all losses, or of their sum weighted by d_losses (T, B)."
        else:
            summary = f"Gradients of J, given d_ys {self._axes(immediate.axes)}, what J asks of the outputs."
        return Function(self._back_signature("backward", immediate), summary, self._back_details("final"), tuple(body))

    def step(self, passes: Passes) -> Function:
        """One step, equation by equation."""
        program, names = self._program, self._names
        given = self._inputs(now=True)
        output = names.now(program.output).name
        body = [*self._bound(given), *self._unpacked(passes), *lines(passes.forward), self._cache(passes)]
        if program.is_loss:
            others = [q for q in self._assigned() if q != program.output]
            named = _named({q.name: names.now(q).name for q in others}, passes)
            body.append(f"return {output}[..., 0], {{{named}}}, cache")
            returns = "Returns the losses (B,), every named value by name, and a cache for `step_backward`."
        else:
            states = ", ".join(f'"{s.name}": {names.now(s).name}' for s in program.states)
            body.append(f"return {output}, {{{states}}}, cache")
            returns = "Returns the output, the new states by name, and a cache for `step_backward`."
        details = (*self._described(given), returns)
        body = self._with_sizes(["B", *self._sizes], self._door(given), body)
        return Function(
            f"{self._prefix}step({self._signature(given)})", "One step, equation by equation.", details, tuple(body)
        )

    def step_backward(self, passes: Passes) -> Function:
        """Gradients of one step."""
        immediate = self._immediate("d_losses" if self._program.is_loss else "d_y", ("B",))
        body = [*self._arrived(immediate, passes), *lines(passes.backward), *self._returned(passes)]
        body = self._with_sizes(["B", *self._sizes], self._gradient_door(immediate), body)
        summary = "Gradients through one step, equation by equation in reverse."
        return Function(
            self._back_signature("step_backward", immediate), summary, self._back_details("new"), tuple(body)
        )

    def _shown(self, axis: str) -> str:
        """An axis in public letters."""
        return re.sub(r"\w+", lambda word: self._public.get(word[0], word[0]), axis)

    def _axes(self, axes: Iterable[str]) -> str:
        """Axes in public letters, for the documentation."""
        return f"({', '.join(map(self._shown, axes))})"

    def _assigned(self) -> list[Quantity]:
        return [equation.symbol for equation in self._program.equations]

    def _inputs(self, *, now: bool) -> list[Argument]:
        """The main input, targets, states, then everything else by keyword."""
        program, names = self._program, self._names
        first, *rest = program.inputs
        targets = [q for q in rest if q in program.targets]
        self._positional = [names.whole(q).name for q in (first, *targets)]
        arguments = []
        for q in (first, *targets, *(q for q in rest if q not in targets)):
            leading = ("B",) if now or q.time is None else ("T", "B")
            bound = names.now(q).name if now and q.time is not None else ""
            arguments.append(Argument(names.whole(q).name, (*leading, *(axes_text(q) or ("1",))), bound=bound))
        for s in program.states:
            arguments.append(Argument(names.whole(s).name, ("B", *axes_text(s)), True, names.before(s).name))
        return arguments

    def _immediate(self, name: str, leading: tuple[str, ...]) -> Argument:
        if self._program.is_loss:
            return Argument(name, leading, True)
        return Argument(name, (*leading, *axes_text(self._program.output)))

    def _carries(self) -> list[Argument]:
        names = self._names
        return [
            Argument(names.whole(s).name, ("B", *axes_text(s)), True, names.carry(s).name) for s in self._program.states
        ]

    def _signature(self, given: Sequence[Argument], *further: str) -> str:
        parts = ["params", *self._positional, *(f"{a.name}=None" for a in given if a.optional)]
        keywords = [a.name for a in given if not a.optional and a.name not in self._positional]
        keywords += [*further, *(f'{name}="tanh"' for name in self._opened)]
        return ", ".join([*parts, *(["*", *keywords] if keywords else [])])

    def _back_signature(self, name: str, immediate: Argument) -> str:
        first = f"{immediate.name}=None" if immediate.optional else immediate.name
        return f"{self._prefix}{name}({', '.join(['cache', first, *(f'{a.name}=None' for a in self._carries())])})"

    def _described(self, given: Sequence[Argument]) -> list[str]:
        return [
            f"{a.name}: {self._axes(a.axes)}"
            + (", the state before the first step, zero if None." if a.optional else ".")
            for a in given
        ] + [f"{name}: the name of the function to use, one of FUNCTIONS." for name in self._opened]

    def _back_details(self, which: str) -> tuple[str, ...]:
        carries = [
            f"{a.name}: gradient of the {which} state {self._axes(a.axes)}, zero if None." for a in self._carries()
        ]
        keys = "parameters and inputs" + (" (not the targets)" if self._program.is_loss else "")
        states = ", and of each state before by its name" if self._program.states else ""
        return (
            *carries,
            f"Returns a dict with the gradients of {keys} by name{states};",
            "what the batch shares is summed over it. Raises ValueError for an array of the wrong shape or dtype.",
        )

    def _door(self, given: Sequence[Argument]) -> list[str]:
        """Checks on everything that comes in."""
        every = f'(f"params[{{key!r}}]", _parameter(params, key), axes) for key, axes in {self._table}.items()'
        return [f"arrays = [{every}]", *self._listed(given), "sizes, dtype = _checked(arrays)"]

    def _bound(self, given: Sequence[Argument]) -> list[str]:
        """The names the body uses, zeros for states that were not given, and the functions that were chosen."""
        body = []
        for a in given:
            if a.optional:
                body.append(f"{a.bound} = np.zeros({_names(a.axes)}, dtype) if {a.name} is None else {a.name}")
            elif a.bound:
                body.append(f"{a.bound} = {a.name}")
        return body + [f'{name}, {name}_slope = _choice("{name}", {name})' for name in self._opened]

    def _repeated(self, given: Sequence[Argument]) -> list[str]:
        """What is given at every step, without what stands past the end of a sequence."""
        timed = [a.name for a in given if a.axes[0] == "T"]
        return ["lengths = _lengths(lengths, T, B)", *(f"{name} = repeated({name}, lengths)" for name in timed)]

    def _gradient_door(self, immediate: Argument, *further: str) -> list[str]:
        """Checks on the gradients that come in; `further` names what the cache holds besides."""
        arriving = self._listed([immediate, *self._carries()])
        return [
            f"{', '.join(['sizes', 'dtype', *further, 'values'])} = cache",
            "arrays = []",
            *arriving,
            "_, dtype = _checked(arrays, sizes, dtype)",
        ]

    def _arrived(self, immediate: Argument, passes: Passes, lengths: str = "") -> list[str]:
        """Zeros for the gradients not given (ones for losses), then the cached values."""
        body = []
        value = immediate.name
        if self._program.is_loss:
            value = f"(np.ones({_names(immediate.axes)}, dtype) if {value} is None else {value})[..., None]"
        if lengths:
            value = f"cut({value}, {lengths})"
        if value != immediate.name:
            body.append(f"{immediate.name} = {value}")
        for a in self._carries():
            body.append(f"{a.bound} = np.zeros({_names(a.axes)}, dtype) if {a.name} is None else {a.name}")
        return [*body, f"{_names(passes.cached)} = values"]

    def _listed(self, arguments: Sequence[Argument]) -> list[str]:
        return listed([replace(a, axes=tuple(map(self._shown, a.axes))) for a in arguments])

    def _with_sizes(self, letters: Sequence[str], head: Sequence[str], body: Sequence[str]) -> list[str]:
        """`head`, the sizes that `body` uses, `body`."""
        words = {
            word for line in body if not line.lstrip().startswith("#") for word in re.findall(r"(?<![.\w])\w+", line)
        }
        used = [letter for letter in letters if letter in words]
        if not used:
            return [*head, *body]
        public = list(map(self._shown, used))
        values = f"(sizes[axis] for axis in {tuple_text(public)})" if len(used) > 1 else f'sizes["{public[0]}"]'
        return [*head, f"{', '.join(used)} = {values}", *body]

    def _unpacked(self, passes: Passes) -> list[str]:
        wanted = {*read(passes.forward), *passes.cached}
        names = [(q.name, self._names.whole(q).name) for q in self._program.parameters]
        return [f'{name} = params["{key}"]' for key, name in names if name in wanted]

    @staticmethod
    def _cache(passes: Passes) -> str:
        return f"cache = (sizes, dtype, {_names(passes.cached)})"

    def _returned(self, passes: Passes) -> list[str]:
        program = self._program
        order = [q.name for q in (*program.parameters, *program.inputs, *program.states)]
        pairs = [f'    "{key}": {passes.gradients[key]},' for key in order if key in passes.gradients]
        return ["return {", *pairs, "}"]


def _named(values: Mapping[str, str], passes: Passes, shown: str = "{}") -> str:
    """Entries of a dictionary; what the cache holds too is copied, so that the caller may change what was returned."""
    own = {
        key: f"{shown.format(name)}.copy()" if name in passes.cached else shown.format(name)
        for key, name in values.items()
    }
    return ", ".join(f'"{key}": {value}' for key, value in own.items())


def _names(names: Sequence[str]) -> str:
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"
