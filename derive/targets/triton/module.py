"""The torch file with kernels: the loops as they were lowered, each in one kernel or in some for every step.

Where the matrices of the recurrence are small, one kernel runs over all steps, so that nothing is launched in between.
Where they are large, a library multiplies by them, and what stands between two products is one kernel.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sympy import Expr

from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.networks.network import Network
from derive.targets.given import lowered_cell
from derive.targets.language.code import Assign, Buffer, Code, Loop, Statement, free_names, lines
from derive.targets.lowering.lowered import Lowered
from derive.targets.passes import products
from derive.targets.passes.hoisting import Hoisting
from derive.targets.passes.loops import Body, always_there, learn, opened
from derive.targets.passes.pipeline import arriving_shapes, given_shapes, learn_shapes
from derive.targets.passes.rewriting import substituted
from derive.targets.passes.shapes import Shapes
from derive.targets.templates import environment
from derive.targets.torch.dialect import in_torch, owned
from derive.targets.torch.module import TorchModule
from derive.targets.triton.helpers import PREFIX, NotFusedError, chosen_table, texts
from derive.targets.triton.loops import FusedLoop
from derive.targets.words import names_text


def network_module(network: Network, origin: str = "") -> str:
    """The text of a standalone torch file with kernels, with an `nn.Module` of the cell and one of its layers.

    `origin` is the file the equations come from. Raises InputError as `module` does.
    """
    return module(differentiate(network.cell), origin, network)


def module(derivation: Derivation, origin: str = "", network: Network | None = None) -> str:
    """The text of a standalone torch file whose loops are kernels of Triton, and torch's own operators elsewhere.

    `origin` is the file the equations come from. Raises InputError for a head, whose losses torch has modules for.
    """
    return _TritonModule(lowered_cell(derivation, "torch"), derivation, network).text(origin)


class _TritonModule(TorchModule):
    """The parts of one file."""

    def __init__(self, low: Lowered, derivation: Derivation, network: Network | None) -> None:
        super().__init__(low, derivation, network)
        self._local = low.names.local()
        self._kernels: list[str] = []
        self._called: set[str] = set()
        self._widest: dict[tuple[str, ...], None] = {}
        self.unfused = ""
        """Why there are no kernels."""

    def fused(self) -> str:
        """The kernels and what launches them."""
        low = self.low
        program, names, own = low.program, low.names, low.sequence
        sizes = {str(size): size for size in program.sizes}
        shapes = Shapes(given_shapes(program, names), sizes)
        try:
            forward = self._with_kernels(own.forward, shapes, "forward", (), sizes)
            shapes = Shapes(shapes.known | arriving_shapes(program, names), sizes)
            carried = [names.carry(s).name for s in program.states]
            backward = self._with_kernels(own.backward, shapes, "backward", carried, sizes)
            helpers = texts(self._called - {*self.chosen_names}, self.low.own)
        except NotFusedError as error:
            self.unfused = str(error)
            return ""
        if self.chosen_names & self._called:
            helpers += chosen_table()
        template = environment("derive.targets.triton").get_template("kernels.py.jinja")
        text = template.render(
            helpers=list(dict.fromkeys(helpers)),
            kernels=self._kernels,
            given=[bound for bound, _ in self.all()],
            computed=self._kept(),
            forward=self._launching_forward(forward),
            backward=self._launching_backward(backward),
            widest=[tuple(map(self.shown, axes)) for axes in self._widest],
        )
        return text.rstrip()

    def _kept(self) -> list[str]:
        outside = {name for name, _ in (*self.inputs.values(), *self.parameters.values())} | self.chosen_names
        return [name for name in self.low.sequence.cached if name not in outside]

    def _launching_forward(self, body: list[str | Statement]) -> list[str]:
        low, names = self.low, self.low.names
        statements = [s for s in body if not isinstance(s, str)]
        printed = self._printed(body, self._kept())
        output = names.whole(low.program.output).name
        whole = f"{output}[1:]" if low.program.output in low.program.states else output
        final = [f"{names.whole(s).name}[T].clone()" for s in low.program.states]
        ending = [f"return [cut({whole}, lengths).clone(), {', '.join([*final, *self._kept()])}]"]
        return [*self.opening([*printed, *ending], statements), *self._fused_chosen(printed), *printed, *ending]

    def _launching_backward(self, body: list[str | Statement]) -> list[str]:
        names, own = self.low.names, self.low.sequence
        statements = [s for s in body if not isinstance(s, str)]
        printed = self._printed(body, own.gradients.values())
        carries = [names.carry(s).name for s in self.low.program.states]
        copied = "(d.clone() for d in d_final)  # filled again at every step"
        arriving = [f"{names_text(carries)} = {copied}"] if carries else []
        ending = ["return [", *(f"    {text}," for text in self.gradient_texts(own.gradients)), "]"]
        head = self.opening([*printed, *ending], statements)
        return [*head, *self._fused_chosen(printed), *arriving, "d_ys = cut(d_ys, lengths)", *printed, *ending]

    def _printed(self, body: Sequence[str | Statement], returned: Collection[str]) -> list[str]:
        found: list[str] = []
        for one in body:
            found += [one] if isinstance(one, str) else lines(in_torch(owned([one], returned)))
        return found

    def _fused_chosen(self, printed: Sequence[str]) -> list[str]:
        text = "\n".join(printed)
        return [
            f"{PREFIX}{name}, {PREFIX}{name}_slope = FUSED[chosen[{k}]]"
            for k, name in enumerate(self.opened)
            if f"{PREFIX}{name}" in text
        ]

    def _with_kernels(
        self,
        statements: Sequence[Statement],
        shapes: Shapes,
        word: str,
        carried: Collection[str],
        sizes: Mapping[str, Expr],
    ) -> list[str | Statement]:
        place = next((k for k, statement in enumerate(statements) if isinstance(statement, Loop)), None)
        before = [one for statement in statements[:place] for one in always_there(statement)]
        learn_shapes(before, shapes)
        if place is None:
            return list(before)
        loop, after = statements[place], list(statements[place + 1 :])
        assert isinstance(loop, Loop)
        own = Shapes(shapes.known, sizes)
        longer = [array for array, shape in own.known.items() if shape and str(shape[0]) == "T + 1"]
        body = opened(loop, carried, longer, {})
        learn(body, own)
        body = products.split(body, own)
        further: list[Statement] = []
        if not loop.backwards:
            hoisting = Hoisting(body, own, self._local.numbered, blocked=False, labels={})
            body = _without_numbers(hoisting)
            further += [*hoisting.constants, *hoisting.over_steps]
            self.low.helpers.update(hoisting.helpers)
        learn(body, own)
        chosen = [f"{one}{slope}" for one in self.opened for slope in ("", "_slope")]
        note = [function.name for function in self.low.own]
        fused = FusedLoop(body, own, self._local, self.low.program.sizes, chosen, note)
        launched = fused.lines(word, [s.name for s in before if isinstance(s, Buffer)])
        learn_shapes(after, shapes)
        self._kernels += fused.kernels
        self._called |= fused.called
        self._widest |= fused.rows
        return [*before, *further, *fused.before, *launched, *after]


def _without_numbers(hoisting: Hoisting) -> Body:
    """The loop without what stands before it, where a constant that is only a number is written out."""
    body = hoisting.run()
    numbers: dict[Code, Code] = {
        target: statement.value
        for statement in hoisting.constants
        for target in statement.targets
        if not free_names(statement.value)
    }
    hoisting.constants = [s for s in hoisting.constants if not numbers.keys() & set(s.targets)]
    return body.with_statements([Assign(s.targets, substituted(s.value, numbers), s.formula) for s in body.statements])
