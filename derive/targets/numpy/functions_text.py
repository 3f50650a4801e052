"""The public functions of a generated module: signature, documentation, checks at the door, lowered body."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from derive.cell import Cell
from derive.nodes import Quantity
from derive.targets.language.code import MEMORY, Assign, Call, Name, Statement, Tuple, lines, read, size_text
from derive.targets.language.names import Names
from derive.targets.lowering.lowered import is_class
from derive.targets.lowering.single_step import Passes
from derive.targets.numpy import examples_text
from derive.targets.numpy.loss_text import DETAILS, KEYWORDS, choose_weights, loss_gradient, returned_losses
from derive.targets.numpy.pieces import Argument, Function, init_function, listed
from derive.targets.numpy.staying import words
from derive.targets.numpy.workspaces import TURN, Workspace
from derive.targets.words import axes_text, names_text, tuple_text

LENGTHS_DETAILS = (
    "lengths: the steps of each sequence (B,), 0 to T, or a boolean mask (T, B), true up to each end; None: T for all.",
    "Past its end a sequence has outputs of zero, reads no input and keeps its states.",
)
BLOCKS_DETAILS = (
    "cache: False where no `backward` follows: the cache is None, and the steps take little memory.",
    "checkpoint: the number of steps between the states that the cache holds; `backward` computes the rest again.",
)
WORKSPACE_DETAILS = (
    "workspace: a Workspace, whose memory this call writes into; the cache is valid up to the next call with it.",
)


class Functions:
    """Writes `init`, `forward`, `backward`, `step` and `step_backward` of one program."""

    def __init__(
        self,
        program: Cell,
        names: Names,
        letters: Mapping[str, str],
        prefix: str = "",
        cut: bool = True,
        workspaces: bool = False,
    ) -> None:
        """`letters` are the public letters of the sizes that have another name inside.

        `prefix` stands before the functions' names where a module holds several programs; `cut`: whether the batch of a
        loop may be cut into parts, `workspaces`: whether they may write into a workspace.
        """
        self._program = program
        self._prefix = prefix
        self._table = f"{prefix.upper()}PARAMETERS"
        self._names = names
        self._public = letters
        self._sizes = [str(symbol) for symbol in program.sizes]
        self._opened = [function.name for function in program.open_functions]
        self._counted = not any(q.time is not None for q in program.inputs)
        """Whether nothing is given at every step, so that `forward` takes the number of steps."""
        self._remembered = ["lengths"] if program.states or not program.is_loss else []
        self._remembered += ["weights", "reduction"] if program.is_loss else []
        learned = dict(program.starts)
        self._starts = {names.whole(s).name: learned[s.name] for s in program.states if s.name in learned}
        """The parameters that states start from, by the names of their arguments."""
        self._remembered += [f"from_{start}" for start in dict.fromkeys(self._starts.values())]
        self._in_blocks = bool(program.states) and not (program.is_loss or self._counted or prefix)
        """Whether `forward` can run block by block of steps."""
        self.packs = bool(program.parameters) and not (program.is_loss or prefix)
        """Whether parameters may be given as `pack` makes them."""
        self.has_workspaces = workspaces and self._in_blocks and self.packs
        """Whether `forward` takes a workspace."""
        self._held: set[str] = set()
        """What of the cache is memory of the workspace."""
        self.stacks: list[tuple[str, ...]] = []
        """The parameters, by name, that `forward` reads as one array each."""
        self._in_parts = cut and bool(program.states) and not (program.is_loss or self._counted)
        """Whether `forward` can run part by part of the batch."""
        self.helpers = {"forward_in_parts", "backward_in_parts"} if self._in_parts else set()
        self.helpers |= {"forward_by_blocks", "backward_by_blocks"} if self._in_blocks else set()
        self.helpers |= set() if program.is_loss else {"copied"}

    def init(self) -> Function:
        """Random parameters."""
        return init_function([self._shown(letter) for letter in self._sizes])

    def forward(self, passes: Passes) -> Function:
        """The whole sequence."""
        program, names = self._program, self._names
        self._ask_memory(passes.forward)
        given = self._inputs(now=False)
        output = names.whole(program.output).name
        stacked, statements = self._stacked(passes.forward)
        body = [
            "lengths = _lengths(lengths, T, B)",
            *self._by_blocks(given),
            *self._bound(given, self._starts),
            *self._by_parts(given),
            *self._chosen(),
            *self._repeated(given),
            *self._in_one_dtype(given),
            *self._unpacked(replace(passes, forward=statements)),
            *stacked,
            *self._sequence(statements, passes.cached),
        ]
        body.append(f"cache = (sizes, dtype, {', '.join(self._remembered)}, {names_text(self._cached(passes))})")
        if program.is_loss:
            others = [q for q in self._assigned() if q != program.output and q not in program.states]
            ends = [f'"{s.name}": {names.whole(s).name}[T].copy()' for s in program.states]
            others_named = _named({q.name: passes.named[q.name] for q in others}, passes, "cut({}, lengths)")
            named = ", ".join(filter(None, [*ends, others_named]))
            body += returned_losses(output, named)
            shown = "final states and every other named value" if program.states else "every named value"
            returns = f"Returns the losses (T, B) or the one, {shown} by name, and a cache for `backward`, which"
        else:
            ys = f"copied(cut({output}{'[1:]' if program.output in program.states else ''}, lengths))"
            final = ", ".join(f'"{s.name}": {names.whole(s).name}[T].copy()' for s in program.states)
            body.append(f"return {ys}, {{{final}}}, cache")
            shape = self._axes(("T", "B", *axes_text(program.output)))
            returns = f"Returns the outputs {shape}, the final states by name, and a cache for `backward`, which"
        details = [
            *self._described(given, self._starts),
            *self._counts(whole=True),
            *LENGTHS_DETAILS,
            *(BLOCKS_DETAILS if self._in_blocks else ()),
            *(WORKSPACE_DETAILS if self.has_workspaces else ()),
            *(DETAILS if program.is_loss else ()),
            returns,
            "refers to the arrays given here. Raises ValueError for an array of the wrong shape or dtype.",
        ]
        summary = "The losses of a sequence." if program.is_loss else "Run the cell over a sequence."
        body = self._with_sizes(["T", "B", *self._sizes], self._door(given, whole=True), body)
        further: tuple[str, ...] = (
            KEYWORDS if program.is_loss else ("cache=True", "checkpoint=None") if self._in_blocks else ()
        )
        further += ("workspace=None",) if self.has_workspaces else ()
        signature = self._signature(given, "lengths=None", *further, whole=True)
        return Function(f"{self._prefix}forward({signature})", summary, tuple(details), tuple(body))

    def backward(self, passes: Passes) -> Function:
        """Gradients over the whole sequence."""
        program = self._program
        self._ask_memory(passes.backward)
        immediate = self._immediate("d_losses" if program.is_loss else "d_ys", ("T", "B"))
        body = [
            *self._arrived(immediate, passes, whole=True),
            *self._sequence_back(passes),
            *self._returned(passes, whole=True),
        ]
        body = self._with_sizes(["T", "B", *self._sizes], self._gradient_door(immediate, whole=True), body)
        if program.is_loss:
            summary = "Gradients of J: the sum of the losses returned, each times its entry in d_losses if given."
        else:
            summary = f"Gradients of J, given d_ys {self._axes(immediate.axes)}, what J asks of the outputs."
        return Function(self._back_signature("backward", immediate), summary, self._back_details("final"), tuple(body))

    def _sequence(self, statements: Sequence[Statement], cached: Collection[str]) -> list[str]:
        """The lines of `forward` between its doors."""
        if not self.has_workspaces:
            return lines(statements)
        ends = frozenset(self._names.whole(q).name for q in (self._program.output, *self._program.states))
        kept = Workspace(frozenset(("T", "B", *self._sizes)), frozenset(), ends.union(cached)).program(statements)
        self._held = kept.names & {*cached}
        one = size_text(examples_text.passing(self._program.states))
        numbers = f"T * B * ({one})" if " + " in one else f"T * B * {one}"
        begun = [
            f"{TURN} = None if workspace is None else turn_of(workspace, sizes, dtype, {numbers})",
            f'room = {TURN} and {TURN}.room("forward")',
        ]
        return [*begun, *kept.lines]

    def _sequence_back(self, passes: Passes) -> list[str]:
        """The lines of `backward` between its doors."""
        if not self.has_workspaces:
            return lines(passes.backward)
        returned = frozenset[str]().union(*map(words, passes.gradients.values()))
        fixed = frozenset(("T", "B", *self._sizes, *self._held))
        kept = Workspace(fixed, returned, returned).program(passes.backward)
        return [f"room = {TURN} and {TURN}.room(dtype)", *kept.lines]

    def _cached(self, passes: Passes) -> tuple[str, ...]:
        """What the cache of `forward` holds."""
        return (*passes.cached, TURN) if self.has_workspaces else tuple(passes.cached)

    def _ask_memory(self, statements: Sequence[Statement]) -> None:
        if f"{MEMORY}(" in "\n".join(lines(statements)):
            self.helpers.add(MEMORY)

    def step(self, passes: Passes) -> Function:
        """One step, equation by equation."""
        program, names = self._program, self._names
        given = self._inputs(now=True)
        output = names.now(program.output).name
        body = [
            *self._bound(given),
            *self._chosen(),
            *self._unpacked(passes),
            *lines(passes.forward),
            self._cache(passes),
        ]
        if program.is_loss:
            others = [q for q in self._assigned() if q != program.output]
            named = _named({q.name: passes.named[q.name] for q in others}, passes)
            body.append(f"return {output}[..., 0], {{{named}}}, cache")
            returns = "Returns the losses (B,), every named value by name, and a cache for `step_backward`."
        else:
            states = ", ".join(f'"{s.name}": {names.now(s).name}' for s in program.states)
            body.append(f"return {output}, {{{states}}}, cache")
            returns = "Returns the output, the new states by name, and a cache for `step_backward`."
        details = (*self._described(given), *self._counts(whole=False), returns)
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
        main, rest = program.inputs[:1], program.inputs[1:]
        targets = [q for q in rest if q in program.targets]
        self._positional = [names.whole(q).name for q in (*main, *targets)]
        arguments = []
        for q in (*main, *targets, *(q for q in rest if q not in targets)):
            leading = ("B",) if now or q.time is None else ("T", "B")
            bound = names.now(q).name if now and q.time is not None else ""
            shape = (*leading, *(axes_text(q) or ("1",)))
            arguments.append(Argument(names.whole(q).name, shape, bound=bound, classes=is_class(q, program)))
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

    def _signature(self, given: Sequence[Argument], *further: str, whole: bool = False) -> str:
        counted = ["T"] if whole and self._counted else []
        if not self._program.inputs:
            further = ("B=None", *further)
        parts = ["params", *self._positional, *counted, *(f"{a.name}=None" for a in given if a.optional)]
        keywords = [a.name for a in given if not a.optional and a.name not in self._positional]
        keywords += [*further, *(f'{name}="tanh"' for name in self._opened)]
        return ", ".join([*parts, *(["*", *keywords] if keywords else [])])

    def _back_signature(self, name: str, immediate: Argument) -> str:
        first = f"{immediate.name}=None" if immediate.optional else immediate.name
        return f"{self._prefix}{name}({', '.join(['cache', first, *(f'{a.name}=None' for a in self._carries())])})"

    def _described(self, given: Sequence[Argument], starts: Mapping[str, str] = MappingProxyType({})) -> list[str]:
        return [
            f"{a.name}: {self._axes(a.axes)}"
            + (f", or indices of classes {self._axes(a.axes[:-1])}" if a.classes else "")
            + (f", the state before the first step, {starts.get(a.name, 'zero')} if None." if a.optional else ".")
            for a in given
        ] + [f"{name}: the name of the function to use, one of FUNCTIONS." for name in self._opened]

    def _counts(self, *, whole: bool) -> list[str]:
        """What stands for the axes that no array has."""
        steps = ["T: the number of steps."] if whole and self._counted else []
        return steps + (
            ["B: the number of examples; None: that of the states, else 1."] if not self._program.inputs else []
        )

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

    def _stacked(self, statements: Sequence[Statement]) -> tuple[list[str], list[Statement]]:
        """The line that joins parameters as `pack` has joined them, and the other statements."""
        if not self.packs:
            return [], [*statements]
        keys = {self._names.whole(q): q.name for q in self._program.parameters}
        names: list[Name] = []
        others: list[Statement] = []
        for statement in statements:
            match statement:
                case Assign((Name() as name,), Call("np.concatenate", (Tuple(parts),), "")) if {*parts} <= {*keys}:
                    names.append(name)
                    self.stacks.append(tuple(keys.pop(part) for part in parts if isinstance(part, Name)))
                case _:
                    others.append(statement)
        joined = [f"{names_text([name.name for name in names])} = _stacked(params)"] if names else []
        return joined, others

    def _door(self, given: Sequence[Argument], *, whole: bool = False) -> list[str]:
        """Checks on everything that comes in; `whole`: of a sequence."""
        if whole and self.packs:
            return [*_begun(self._listed(given)), *self._checked(whole=True)]
        every = f'(f"params[{{key!r}}]", _parameter(params, key), axes) for key, axes in {self._table}.items()'
        return [f"arrays = [{every}]", *self._listed(given), *self._checked(whole=whole)]

    def _checked(self, *, whole: bool) -> list[str]:
        """The sizes, with those that no array has."""
        packs = whole and self.packs
        made, call = ("sizes, dtype, params", "_given(params, arrays") if packs else ("sizes, dtype", "_checked(arrays")
        if not (self._counted and whole) and self._program.inputs:
            return [f"{made} = {call})"]
        lines = ["sizes = {}"]
        if whole and self._counted:
            lines += [
                "if not isinstance(T, (int, np.integer)) or T < 0:",
                '    raise ValueError(f"T is {T!r}, expected a number of steps")',
                'sizes["T"] = int(T)',
            ]
        if not self._program.inputs:
            lines += ["if B is not None:", '    sizes["B"] = B']
        lines.append(f"{made} = {call}, sizes)")
        if not self._program.inputs:
            lines.append('sizes.setdefault("B", 1)')
        return lines

    def _bound(self, given: Sequence[Argument], starts: Mapping[str, str] = MappingProxyType({})) -> list[str]:
        """The names the body uses, and zeros for states that were not given."""
        body = [
            f"from_{start} = ({', '.join(f'{name} is None' for name in starts if starts[name] == start)},)"
            for start in dict.fromkeys(starts.values())
        ]
        for a in given:
            if a.name in starts:
                shape = names_text(a.axes)
                start = f'np.broadcast_to(params["{starts[a.name]}"], {shape}).astype(dtype)'
                body.append(f"{a.bound} = {start} if {a.name} is None else {a.name}")
            elif a.optional:
                body.append(f"{a.bound} = np.zeros({names_text(a.axes)}, dtype) if {a.name} is None else {a.name}")
            elif a.bound:
                body.append(f"{a.bound} = {a.name}")
        return body

    def _chosen(self) -> list[str]:
        """The functions that were chosen."""
        return [f'{name}, {name}_slope = _choice("{name}", {name})' for name in self._opened]

    def _by_blocks(self, given: Sequence[Argument]) -> list[str]:
        """The way to `forward_by_blocks`."""
        if not self._in_blocks:
            return []

        def table(names: Iterable[str]) -> str:
            return "{" + ", ".join(f'"{name}": {name}' for name in names) + "}"

        timed = table(a.name for a in given if a.axes[0] == "T")
        passed = [*self._opened, *(["workspace"] if self.has_workspaces else [])]
        others = table([*(a.name for a in given if a.axes[0] != "T" and not a.optional), *passed])
        states = table(a.name for a in given if a.optional)
        return [
            "if checkpoint is not None or not cache:",
            f"    run = forward_by_blocks(params, {timed}, {others}, {states}, lengths, checkpoint)",
            "    return run if cache else (*run[:2], None)",
        ]

    def _by_parts(self, given: Sequence[Argument]) -> list[str]:
        """The way to `forward_in_parts`."""
        if not self._in_parts:
            return []
        timed = [a.name for a in given if a.axes[0] == "T"]
        others = [*(a.name for a in given if a.axes[0] != "T"), "lengths"]
        tables = (timed, others, self._opened)
        name, states = f"{self._prefix}forward", self._program.states
        return examples_text.to_forward(name, states, self._remembered, tables)

    def _timed(self) -> str:
        """The inputs at every step, by the names of their gradients."""
        return tuple_text(q.name for q in self._program.inputs if q.time is not None)

    def _repeated(self, given: Sequence[Argument]) -> list[str]:
        """What is given at every step, without what stands past the end of a sequence."""
        timed = [a.name for a in given if a.axes[0] == "T"]
        weights = [choose_weights()] if self._program.is_loss else []
        repeated = (f"{name} = repeated({name}, lengths)" for name in timed)
        return [*weights, *repeated]

    def _in_one_dtype(self, given: Sequence[Argument]) -> list[str]:
        """Parameters and inputs in the common dtype, which is what the loop writes."""
        casts = [f"{a.name} = {a.name}.astype(dtype, copy=False)" for a in given if not a.optional]
        table = f"params = {{key: params[key].astype(dtype, copy=False) for key in {self._table}}}"
        return [table, *casts] if self._program.parameters and not self.packs else casts

    def _gradient_door(self, immediate: Argument, *, whole: bool = False) -> list[str]:
        """Checks on the gradients that come in; `whole`: of a sequence."""
        arriving = self._listed([immediate, *self._carries()])
        if whole and self._program.is_loss:
            arriving = [line.replace('("T", "B")', '("T", "B") if reduction is None else ()') for line in arriving]
        remembered = self._remembered if whole else []
        by_blocks = []
        if whole and self._in_blocks:
            states = ", ".join(f'"{a.name}": {a.name}' for a in self._carries())
            by_blocks = [
                "if len(cache) == 2:  # of `forward_by_blocks`",
                f"    return backward_by_blocks(cache, {immediate.name}, {{{states}}}, {self._timed()})",
            ]
        by_parts = []
        if whole and self._in_parts:
            apart = tuple_text(
                q.name
                for q in (*self._program.inputs, *self._program.states)
                if q.time is None or q in self._program.states
            )
            name = f"{self._prefix}backward"
            by_parts = examples_text.to_backward(
                name, immediate.name, [a.name for a in self._carries()], self._timed(), apart
            )
        return [
            *by_blocks,
            f"{', '.join(['sizes', 'dtype', *remembered, 'values'])} = cache",
            *_begun(arriving),
            "_, dtype = _checked(arrays, sizes, dtype)",
            *by_parts,
        ]

    def _arrived(self, immediate: Argument, passes: Passes, *, whole: bool = False) -> list[str]:
        """What was not given, nothing asked where nothing counts, and the cached values; `whole`: of a sequence."""
        body = []
        if self._program.is_loss:
            body += loss_gradient(immediate, whole)
        elif whole:
            body.append(f"{immediate.name} = cut({immediate.name}, lengths).astype(dtype, copy=False)")
        wanted = {*read(passes.backward), *passes.gradients.values()}
        own = '.astype(dtype, order="C")' if whole else ""  # a copy: the loop writes into it
        for a in self._carries():
            if a.bound in wanted:
                body.append(f"{a.bound} = np.zeros({names_text(a.axes)}, dtype) if {a.name} is None else {a.name}{own}")
        return [*body, f"{names_text(self._cached(passes) if whole else passes.cached)} = values"]

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
        values = ", ".join(f'sizes["{letter}"]' for letter in public)
        return [*head, f"{', '.join(used)} = {values}", *body]

    def _unpacked(self, passes: Passes) -> list[str]:
        wanted = {*read(passes.forward), *passes.cached}
        names = [(q.name, self._names.whole(q).name) for q in self._program.parameters]
        return [f'{name} = params["{key}"]' for key, name in names if name in wanted]

    @staticmethod
    def _cache(passes: Passes) -> str:
        return f"cache = (sizes, dtype, {names_text(passes.cached)})"

    def _returned(self, passes: Passes, *, whole: bool = False) -> list[str]:
        program = self._program
        before = {
            self._names.whole(s).name: passes.gradients[s.name] for s in program.states if s.name in passes.gradients
        }
        started = []
        for start in dict.fromkeys(self._starts.values()) if whole else ():
            arriving = [before[name] for name, its in self._starts.items() if its == start]
            terms = [f"from_{start}[{k}] * {gradient}.sum(axis=0)" for k, gradient in enumerate(arriving)]
            started.append(f'    "{start}": {" + ".join(terms)},')
        order = [q.name for q in (*program.parameters, *program.inputs, *program.states)]
        pairs = [f'    "{key}": {passes.gradients[key]},' for key in order if key in passes.gradients]
        return ["return {", *started, *pairs, "}"]


def _begun(lines: Sequence[str]) -> list[str]:
    """The lines that list arrays, from an empty list on or from the first array."""
    first = re.fullmatch(r"arrays\.append\((.*)\)", lines[0]) if lines else None
    return [f"arrays = [{first[1]}]", *lines[1:]] if first else ["arrays = []", *lines]


def _named(values: Mapping[str, str], passes: Passes, shown: str = "{}") -> str:
    """Entries of a dictionary; what the cache holds too is copied, so that the caller may change what was returned."""
    own = {
        key: f"{shown.format(name)}.copy()" if name.split("[")[0] in passes.cached else shown.format(name)
        for key, name in values.items()
    }
    return ", ".join(f'"{key}": {value}' for key, value in own.items())
