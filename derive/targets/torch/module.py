"""A standalone torch file: the lowered programs in torch's words, put into the template."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence

from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.networks.network import Network
from derive.targets.given import Given, choices_text, lowered_cell
from derive.targets.heads import LOSSES, Head, network_tables, refuse_two_meanings
from derive.targets.language.code import MEMORY, Blocks, Each, Statement, assigned, lines, read
from derive.targets.lowering.lowered import Lowered
from derive.targets.numpy.helpers import choices, helper_texts
from derive.targets.passes import fast_passes
from derive.targets.templates import environment
from derive.targets.torch.dialect import BATCHES, IN_MEMORY, in_torch, owned, text_in_torch, views_of
from derive.targets.torch.helpers import WRITTEN
from derive.targets.torch.in_numpy import NumPyLoop, numpy_loop
from derive.targets.torch.joins import joined
from derive.targets.words import names_text


def network_module(network: Network, origin: str = "") -> str:
    """The text of a standalone torch file with an `nn.Module` of the cell and one of its layers and directions.

    A head brings its readout, and `loss` and `predict`. `origin` is the file the equations come from. Raises InputError
    as `module` does.
    """
    return module(differentiate(network.cell), origin, network)


def module(derivation: Derivation, origin: str = "", network: Network | None = None) -> str:
    """The text of a standalone torch file with an `nn.Module` of the cell over a sequence.

    `origin` is the file the equations come from. The text depends on the derivation and `origin` alone.
    Raises InputError for a head, whose losses torch has modules for.
    """
    return TorchModule(lowered_cell(derivation, "torch"), derivation, network).text(origin)


class TorchModule(Given):
    """The parts of one file."""

    def __init__(self, low: Lowered, derivation: Derivation, network: Network | None) -> None:
        super().__init__(low, derivation)
        self.network = network
        self.sequence = fast_passes(low)
        self.head = Head(network, _printed) if network is not None and network.head is not None else None
        self._numpy_loops: list[NumPyLoop] = []
        self.views = views_of(self.sequence.forward, self.sequence.cached)

    def text(self, origin: str) -> str:
        values = {
            **self.tables(origin),
            "table": choices_text(self._all_opened),
            "name": class_name(self.cell.title, self.cell.name),
            "computed": self._computed(),
            "forward": self._forward(),
            "backward": self._backward(),
            "fused": self.fused(),
            "step": self._step(),
            "step_arguments": self._step_arguments(),
            "each_step": self._each_step(),
            "network": network_tables(self, self.network, self.head) if self.network is not None else None,
            "head": self.head.tables() if self.head is not None else None,
        }
        values["in_numpy"] = ["\n".join(loop.definition()) for loop in self._numpy_loops]
        values["helpers"] = self._helpers({name for name in (BATCHES, IN_MEMORY) if name in repr(values)})
        digest = hashlib.sha256(repr(sorted(values.items(), key=lambda pair: pair[0])).encode()).hexdigest()[:12]
        template = environment("derive.targets.torch").get_template("module.py.jinja")
        return template.render(operator=f"{self.cell.name}_{digest}", **values).rstrip() + "\n"

    def _computed(self) -> list[str]:
        """What backward reads and forward computes; of views the tensor that they are views of."""
        outside = {name for name, _ in (*self.inputs.values(), *self.parameters.values())}
        outside |= self.chosen_names
        outside |= {name for view in self.views for name in assigned([view])}
        read_there = dict.fromkeys([*self.sequence.cached, *read(self.views)])
        return [name for name in read_there if name not in outside]

    def _forward(self) -> list[str]:
        low, names = self.low, self.low.names
        body = joined(in_torch(owned(self.sequence.forward, self._computed())), self._computed())
        output = names.whole(low.program.output).name
        whole = f"{output}[1:]" if low.program.output in low.program.states else output
        final = [f"{names.whole(s).name}[T].clone()" for s in low.program.states]
        ending = [f"return [cut({whole}, lengths).clone(), {', '.join([*final, *self._computed()])}]"]
        printed = self._with_numpy(self.sequence.forward, body, "forward", self._computed())
        return [*self.opening([*printed, *ending], self.sequence.forward), *printed, *ending]

    def _with_numpy(
        self, statements: Sequence[Statement], body: Sequence[Statement], word: str, returned: Collection[str]
    ) -> list[str]:
        """The lines of a body; its loop may run in NumPy as well, of which the statements are given."""
        place = next((k for k, statement in enumerate(statements) if isinstance(statement, Each | Blocks)), None)
        if place is None:
            return lines(body)
        after = {*read(statements[place + 1 :]), *returned}
        loop = numpy_loop(statements[place], f"_{word}_in_numpy", self.low.program, after)
        if loop is None:
            return lines(body)
        self._numpy_loops.append(loop)
        return [*lines(body[:place]), *loop.around(lines([body[place]])), *lines(body[place + 1 :])]

    def _backward(self) -> list[str]:
        names = self.low.names
        backward = [*self.views, *self.sequence.backward]
        carries = [names.carry(s).name for s in self.low.program.states]
        gradients = self.sequence.gradients.values()
        body = joined(in_torch(owned(backward, gradients)), {*carries, *(text.split("[")[0] for text in gradients)})
        copied = "(d.clone(memory_format=torch.contiguous_format) for d in d_final)  # filled again at every step"
        arriving = [f"{names_text(carries)} = {copied}"] if carries else []
        ending = ["return [", *(f"    {text}," for text in self.gradient_texts(self.sequence.gradients)), "]"]
        returned = {*carries, *(text.split("[")[0] for text in gradients)}
        printed = self._with_numpy(backward, body, "backward", returned)
        head = self.opening([*printed, *ending], backward)
        return [*head, *arriving, "d_ys = cut(d_ys, lengths)", *printed, *ending]

    def fused(self) -> str:
        """Kernels that may run in place of torch's operators, and what launches them; empty where there are none."""
        return ""

    def gradient_texts(self, found: Mapping[str, str]) -> list[str]:
        """The gradient of everything given, each a tensor of its own."""
        program = self.low.program
        texts = []
        for quantity in (*program.inputs, *program.states, *program.parameters):
            text = found[quantity.name]
            shared = "[" in text or quantity in program.states
            texts.append(f"{text}.clone()" if shared else text)
        return texts

    def _step(self) -> list[str]:
        """One step with torch's own gradients, for second derivatives."""
        low, names = self.low, self.low.names
        body = lines(in_torch(low.step.forward))
        ending = [f"return {', '.join(names.now(q).name for q in (low.program.output, *low.program.states))}"]
        return [*self.sizes([*body, *ending]), *self.chosen(low.step.forward), *body, *ending]

    def _each_step(self) -> list[str]:
        """The arguments of a step, out of those of a sequence."""
        names, program = self.low.names, self.low.program
        inputs = [f"{names.whole(q).name}{'[t]' if q.time is not None else ''}" for q in program.inputs]
        return [*inputs, *(bound for bound, _ in self.states.values()), *(p for p, _ in self.parameters.values())]

    def _step_arguments(self) -> list[str]:
        names, program = self.low.names, self.low.program
        inputs = [names.now(q).name if q.time is not None else names.whole(q).name for q in program.inputs]
        return [*inputs, *(bound for bound, _ in self.states.values()), *(p for p, _ in self.parameters.values())]

    def _helpers(self, called: set[str]) -> list[str]:
        used = self.helpers | called
        if any(isinstance(statement, Blocks) for statement in self.sequence.backward):
            used.add("cached")
        own = list(self.low.own)
        for part in self.head.parts if self.head is not None else []:
            used |= part.made.helpers - LOSSES
            own += part.made.low.own
        refuse_two_meanings(own)
        definitions = choices()[0] if self._all_opened else []
        written = helper_texts({MEMORY}, ()) if IN_MEMORY in called else []
        written += [WRITTEN[name] for name in sorted(used) if name in WRITTEN]
        others = helper_texts({name for name in used if name not in WRITTEN}, own)
        return list(dict.fromkeys([*written, *map(text_in_torch, [*definitions, *others])]))

    @property
    def _all_opened(self) -> list[str]:
        """The functions that the cell and the head leave open."""
        return list(dict.fromkeys([*self.opened, *(self.head.opened if self.head is not None else [])]))


def _printed(statements: Sequence[Statement], given: Given, returned: Sequence[str]) -> list[str]:
    """The lines of a part of the head."""
    return lines(in_torch(owned(statements, returned)))


def class_name(title: str, name: str) -> str:
    """The title's words run together, or the cell's name, as the name of a class."""
    words = re.findall(r"[A-Za-z0-9]+", title) or re.findall(r"[A-Za-z0-9]+", name)
    joined = "".join(word[0].upper() + word[1:] for word in words)
    return joined if joined and not joined[0].isdigit() else f"Cell{joined}"
