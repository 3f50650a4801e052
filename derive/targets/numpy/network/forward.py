"""`forward` of a network: all layers from below, then the readout."""

from __future__ import annotations

from collections.abc import Iterator

from derive.networks.network import Copy
from derive.targets.numpy.functions_text import LENGTHS_DETAILS
from derive.targets.numpy.network.assembly import Assembly, turned
from derive.targets.numpy.pieces import Function, listed
from derive.targets.words import axes_text


def forward(net: Assembly) -> Function:
    """All layers from below, then the readout."""
    given = net.given()
    states = [f"{q.name}=None" for q in net.states.values()]
    keywords = [q.name for q in net.others] + ["lengths=None"] + [f"{mask}=None" for mask in net.masks]
    keywords += [f'{name}="tanh"' for name in net.opened]
    body = [
        'arrays = [(f"params[{key!r}]", _parameter(params, key), axes) for key, axes in PARAMETERS.items()]',
        *listed(given),
        "sizes, dtype = _checked(arrays)",
        'lengths = _lengths(lengths, sizes["T"], sizes["B"])',
        *_layers(net),
        *_top(net),
    ]
    final = ", ".join(f'"{q.name}": final{copy.suffix}["{own}"]' for (copy, own), q in net.states.items())
    body += [
        f"cache = (sizes, dtype, lengths, ({', '.join(net.cached)},))",
        f"return ys, {{{final}}}, cache",
    ]
    details = [
        f"{net.x}: (T, B, {', '.join(axes_text(net.network.cell.inputs[0]))}).",
        *(f"{a.name}: ({', '.join(a.axes)}), the same for all layers." for a in given[1 : 1 + len(net.others)]),
        "A state by its name, layer and direction: the one before the first step, zero if None.",
        *LENGTHS_DETAILS,
        *(
            f"{mask}: ({', '.join(given[-1].axes)}), multiplies what layer {k + 1} reads."
            for k, mask in enumerate(net.masks)
        ),
        *(f"{name}: the name of the function to use, one of FUNCTIONS." for name in net.opened),
        f"Returns the outputs ({', '.join(net.output)}), the final states by name, and a cache for `backward`.",
    ]
    signature = f"forward({', '.join(['params', net.x, *states])}, *, {', '.join(keywords)})"
    return Function(signature, "Run the network over a batch of sequences.", tuple(details), tuple(body))


def _layers(net: Assembly) -> Iterator[str]:
    below = net.x
    opened = [f"{name}={name}" for name in net.opened]
    for copy in net.network.copies:
        s = copy.suffix
        if not copy.reverse or len(net.network.senses) == 1:
            yield f"# layer {copy.layer}"
        others = [f"{q.name}={turned(q.name, copy) if q.time is not None else q.name}" for q in net.others]
        states = [f"{own.name}={own.name}{s}" for own in net.network.cell.states]
        called = ", ".join(
            [
                f'own(params, "{s}")',
                turned(below, copy),
                *states,
                *others,
                "lengths=lengths",
                *opened,
            ]
        )
        yield f"y{s}, final{s}, cache{s} = cell_forward({called})"
        if copy.reverse == net.network.senses[-1] and copy.layer < net.network.layers - 1:
            yield from _between(net, copy.layer)
            below = f"x_l{copy.layer + 1}"


def _between(net: Assembly, layer: int) -> Iterator[str]:
    above, source = f"x_l{layer + 1}", f"y{Copy(layer, net.network.senses[0]).suffix}"
    if net.network.meeting is not None:
        yield (
            f"{above}, _, cache_meeting_l{layer + 1} = "
            f"meeting_forward({{}}, y_l{layer}, b=turned(y_l{layer}_reverse, lengths))"
        )
    else:
        yield f"{above} = {turned(source, Copy(layer, net.network.senses[0]))}"
    if net.network.mask is not None:
        mask = f"mask_l{layer + 1}"
        yield f"cache_{mask} = None"
        yield f"if {mask} is not None:"
        yield f"    {above}, _, cache_{mask} = dropout_forward({{}}, {above}, mask={mask})"


def _top(net: Assembly) -> Iterator[str]:
    layer = net.network.layers - 1
    tops = [copy for copy in net.network.copies if copy.layer == layer]
    seen = [f"y{c.suffix}" if net.last else turned(f"y{c.suffix}", c) for c in tops]
    if net.last:
        yield "# the last step of each copy in its own order"
        seen = [f"last(y{c.suffix}, lengths)" for c in tops]
    if net.network.meeting is not None:
        yield f"ys, _, cache_meeting = meeting_forward({{}}, {seen[0]}, b={seen[1]})"
    else:
        yield f"ys = {seen[0]}"
    if net.network.readout is not None:
        names = ", ".join(f'"{q.name}": params["{q.name}"]' for q in net.network.readout.parameters)
        yield f"ys, _, cache_readout = readout_forward({{{names}}}, ys)"
    if net.last:
        yield "ys = ys[0]"
    elif net.network.readout is not None:
        yield "ys = cut(ys, lengths)"
