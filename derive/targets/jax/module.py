"""A standalone JAX file: the lowered programs as scans, put into the template."""

from __future__ import annotations

from collections.abc import Sequence

from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.networks.network import Network
from derive.targets.given import Given, choices_text, lowered_cell
from derive.targets.heads import LOSSES, Head, network_tables, refuse_two_meanings
from derive.targets.jax.scan import Scanned
from derive.targets.language.code import Statement
from derive.targets.lowering.lowered import Lowered
from derive.targets.numpy.helpers import choices, helper_texts
from derive.targets.passes.pipeline import arriving_shapes, given_shapes
from derive.targets.passes.shapes import Shapes
from derive.targets.templates import environment
from derive.targets.words import names_text

_WRITTEN = {
    "erf": '''def erf(a):
    """The error function, entry by entry."""
    return jax.scipy.special.erf(a)''',
    "rows_times": '''def rows_times(a, matrix):
    """a @ matrix for every step and example at once."""
    return a @ matrix''',
}
"""Helpers whose NumPy form JAX cannot trace."""


def network_module(network: Network, origin: str = "") -> str:
    """The text of a standalone JAX file with a network's `init` and `forward`, and with a head `loss` and `predict`.

    `origin` is the file the equations come from. Raises InputError as `module` does.
    """
    derivation = differentiate(network.cell)
    return _Module(lowered_cell(derivation, "jax"), derivation, network).text(origin)


def module(derivation: Derivation, origin: str = "") -> str:
    """The text of a standalone JAX file with the cell over a sequence as a function whose gradient is the derived one.

    `origin` is the file the equations come from. The text depends on the derivation and `origin` alone.
    Raises InputError for a head, whose losses JAX differentiates, and for a cell without an input at a step.
    """
    return _Module(lowered_cell(derivation, "jax"), derivation).text(origin)


class _Module(Given):
    """The parts of one file."""

    def __init__(self, low: Lowered, derivation: Derivation, network: Network | None = None) -> None:
        super().__init__(low, derivation)
        self.network = network
        self.head = Head(network, _printed) if network is not None and network.head is not None else None
        program, names = low.program, low.names
        sizes = {str(size): size for size in program.sizes}
        self._shapes = Shapes(given_shapes(program, names), sizes)
        self._arrays = {names.whole(s).name: names.before(s).name for s in program.states}
        """The variable of each state before, by the array of the state."""
        self._scanned = Scanned(low.sequence.forward, self._shapes, self._arrays, ()).lines()
        arriving = Shapes(self._shapes.known | arriving_shapes(program, names), sizes)
        carried = [names.carry(s).name for s in program.states]
        self._scanned_back = Scanned(low.sequence.backward, arriving, {}, carried).lines()

    def text(self, origin: str) -> str:
        template = environment("derive.targets.jax").get_template("module.py.jinja")
        values = {
            **self.tables(origin),
            "computed": self._computed(),
            "forward": self._forward(),
            "backward": self._backward(),
            "helpers": self._helpers(),
            "network": network_tables(self, self.network, self.head) if self.network is not None else None,
            "head": self.head.tables() if self.head is not None else None,
            "table": choices_text(self._all_opened),
            "chosen_in_head": names_text(self.head.opened) or "()" if self.head is not None else "",
            "own": "CELL_" if self.network is not None else "",
        }
        return template.render(**values).rstrip() + "\n"

    def _computed(self) -> list[str]:
        """What backward reads and forward computes."""
        outside = {name for name, _ in (*self.inputs.values(), *self.parameters.values())} | self.chosen_names
        return [name for name in self.low.sequence.cached if name not in outside]

    def _forward(self) -> list[str]:
        program, names = self.low.program, self.low.names
        output = names.whole(program.output).name
        ys = f"cut({output}{'[1:]' if program.output in program.states else ''}, lengths)"
        final = [f"{names.whole(s).name}[T]" for s in program.states]
        body = [*self._scanned, f"return ({', '.join([ys, *final])},), {names_text(self._computed())}"]
        return [*self.opening(body, self.low.sequence.forward), *body]

    def _backward(self) -> list[str]:
        program, names, found = self.low.program, self.low.names, self.low.sequence.gradients
        arriving = ", ".join(["d_ys", *(names.carry(s).name for s in program.states)])
        order = [q.name for q in (*program.inputs, *program.states, *program.parameters)]
        body = [
            f"{arriving}{',' if not program.states else ''} = asked",
            "d_ys = cut(d_ys, lengths)",
            *self._scanned_back,
            "return (",
            *(f"    {found[name]}," for name in order),
            ")",
        ]
        return [*self.opening(body, self.low.sequence.backward), *body]

    def _helpers(self) -> list[str]:
        used, own = self.helpers, list(self.low.own)
        for part in self.head.parts if self.head is not None else []:
            used |= part.made.helpers - LOSSES
            own += part.made.low.own
        refuse_two_meanings(own)
        definitions = choices()[0] if self._all_opened else []
        written = [_WRITTEN[name] for name in sorted(used) if name in _WRITTEN]
        others = helper_texts({name for name in used if name not in _WRITTEN}, own)
        return list(dict.fromkeys([*written, *definitions, *others]))

    @property
    def _all_opened(self) -> list[str]:
        """The functions that the cell and the head leave open."""
        return list(dict.fromkeys([*self.opened, *(self.head.opened if self.head is not None else [])]))


def _printed(statements: Sequence[Statement], given: Given, returned: Sequence[str]) -> list[str]:
    """The lines of a part of the head."""
    program, names = given.low.program, given.low.names
    shapes = Shapes(given_shapes(program, names) | arriving_shapes(program, names), {str(s): s for s in program.sizes})
    return Scanned(statements, shapes, {}, ()).lines()
