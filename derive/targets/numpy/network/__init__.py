"""A network as one standalone module: the functions of its parts, and four that put them together.

The parts (cell, meeting of two directions, dropout, readout, loss) are lowered as they are for modules of their own;
`forward` calls them from below, `backward` calls their backward functions in the opposite order.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from derive.errors import InputError
from derive.networks.network import Network, Reads
from derive.targets.numpy import examples_text
from derive.targets.numpy.module import filled
from derive.targets.numpy.network.assembly import Assembly
from derive.targets.numpy.network.backward import backward
from derive.targets.numpy.network.forward import forward
from derive.targets.numpy.network.head import loss, predict, training_needs
from derive.targets.numpy.pieces import init_function
from derive.targets.words import axes_text, equation_lines, plain, source_line, tuple_text


def network_module(network: Network, origin: str = "", *, script: bool = False) -> str:
    """The text of a standalone NumPy module: `init`, `forward`, `backward`; with a head `loss`, `predict` and `sgd`.

    `script` makes it a program that trains on a file of arrays. `origin` is where the equations come from. The text
    depends on these alone. Raises InputError for a script without a head.
    """
    if script and network.head is None:
        raise InputError("training needs a loss", hint="add a head, as in --head softmax --loss cross-entropy")
    return whole(Assembly(network), origin, script=script)


def whole(net: Assembly, origin: str, *, script: bool = False, imports: Sequence[str] = (), compiled: str = "") -> str:
    """The text of a module; `compiled` is what stands at its end where the loops of its cell are compiled."""
    network, used = net.network, net.parts
    helpers: dict[str, None] = {}
    for part in used.values():
        helpers.update(dict.fromkeys(part.helpers))
    _refuse_two_meanings(helpers)
    table: dict[str, str] = {}
    for part in used.values():
        table.update(part.table)
    functions = [init_function(net.sizes()), forward(net), backward(net)]
    if network.head is not None:
        functions += [loss(net), predict(net)]
    for name, part in used.items():
        functions += [part.forward] if name == "prediction" else [part.forward, part.backward]
    heads = [network.head] if network.head is not None else []
    return filled(
        "network.py.jinja",
        title=textwrap.fill(plain(network.title), 110),
        sources=[source_line(cell.source) for cell in (network.cell, *heads) if cell.source],
        origin=plain(origin),
        equations=[line for cell in (network.cell, *heads) for line in equation_lines(cell)],
        parameters={q.name: tuple_text(axes_text(q)) for q in network.parameters},
        states={q.name: tuple_text(axes_text(q)) for q in network.states},
        tables={f"{name.upper()}_PARAMETERS": part.parameters for name, part in used.items()},
        functions=functions,
        helpers=list(helpers),
        table=table,
        turns=any(network.senses),
        last=network.reads is Reads.LAST_STEP,
        training=training_needs(net) if network.head is not None else None,
        script=script,
        imports=examples_text.imports(helpers, imports),
        compiled=compiled,
    )


def _refuse_two_meanings(helpers: Mapping[str, None]) -> None:
    seen: dict[str, str] = {}
    for text in helpers:
        name = text.partition("(")[0].removeprefix("def ")
        if name in seen:
            raise InputError(f"the cell and the head define {name} in two ways", hint="rename one of the two")
        seen[name] = text
