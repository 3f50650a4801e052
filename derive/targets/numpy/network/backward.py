"""`backward` of a network: the parts' backward functions in the opposite order."""

from __future__ import annotations

from collections.abc import Iterator

from derive.targets.numpy.network.assembly import Assembly, turned
from derive.targets.numpy.pieces import Argument, Function, listed
from derive.targets.words import axes_text


def backward(net: Assembly) -> Function:
    """The parts' backward functions from above."""
    carries = [Argument(q.name, ("B", *axes_text(q)), True) for q in net.states.values()]
    body = [
        "sizes, dtype, lengths, caches = cache",
        "arrays = []",
        *listed([Argument("d_ys", net.output), *carries]),
        "_checked(arrays, sizes, dtype)",
        f"({', '.join(net.cached)},) = caches",
        *_from_top(net),
        *_down(net),
        *_gathered(net),
    ]
    details = (
        "A state by its name, layer and direction: the gradient of the final one, zero if None.",
        "Returns a dict with the gradients of parameters, inputs and states before the first step, by name.",
    )
    signature = f"backward({', '.join(['cache', 'd_ys', *(f'{a.name}=None' for a in carries)])})"
    return Function(signature, f"Gradients of J, given d_ys ({', '.join(net.output)}).", details, tuple(body))


def _from_top(net: Assembly) -> Iterator[str]:
    layer = net.network.layers - 1
    tops = [copy for copy in net.network.copies if copy.layer == layer]
    if net.last:
        yield "d_ys = d_ys[None]"
    elif net.network.readout is not None:
        yield "d_ys = cut(d_ys, lengths)"
    if net.network.readout is not None:
        yield "found_readout = readout_backward(cache_readout, d_ys)"
        yield f'd_ys = found_readout["{net.network.readout.inputs[0].name}"]'
    if net.network.meeting is not None:
        yield "met = meeting_backward(cache_meeting, d_ys)"
        arriving = ['met["a"]', 'met["b"]']
    else:
        arriving = ["d_ys"]
    for copy, arrived in zip(tops, arriving, strict=True):
        if net.last:
            yield f'd_y{copy.suffix} = at_last({arrived}, sizes["T"], lengths)'
        else:
            yield f"d_y{copy.suffix} = {turned(arrived, copy)}"


def _down(net: Assembly) -> Iterator[str]:
    for layer in reversed(range(net.network.layers)):
        yield f"# layer {layer}"
        copies = [copy for copy in net.network.copies if copy.layer == layer]
        for copy in reversed(copies):
            s = copy.suffix
            states = [f"{own.name}={own.name}{s}" for own in net.network.cell.states]
            yield f"found{s} = cell_backward({', '.join([f'cache{s}', f'd_y{s}', *states])})"
        below = " + ".join(turned(f'found{copy.suffix}["{net.x}"]', copy) for copy in copies)
        yield f"d_x_l{layer} = {below}"
        if layer:
            yield from _back_between(net, layer)


def _back_between(net: Assembly, layer: int) -> Iterator[str]:
    below = [copy for copy in net.network.copies if copy.layer == layer - 1]
    if net.network.mask is not None:
        yield f"if cache_mask_l{layer} is not None:"
        yield f'    d_x_l{layer} = dropout_backward(cache_mask_l{layer}, d_x_l{layer})["u"]'
    if net.network.meeting is not None:
        yield f"met = meeting_backward(cache_meeting_l{layer}, d_x_l{layer})"
        for copy, part in zip(below, "ab", strict=True):
            yield f"d_y{copy.suffix} = " + turned(f'met["{part}"]', copy)
    else:
        yield f"d_y{below[0].suffix} = {turned(f'd_x_l{layer}', below[0])}"


def _gathered(net: Assembly) -> Iterator[str]:
    yield "gradients = {}"
    for copy in net.network.copies:
        s = copy.suffix
        yield f'gradients |= {{f"{{key}}{s}": found{s}[key] for key in CELL_PARAMETERS}}'
    if net.network.readout is not None:
        yield "gradients |= {key: found_readout[key] for key in READOUT_PARAMETERS}"
    yield f'gradients["{net.x}"] = d_x_l0'
    for q in net.others:
        found = [f'found{copy.suffix}["{q.name}"]' for copy in net.network.copies]
        if q.time is not None:
            found = [turned(text, copy) for text, copy in zip(found, net.network.copies, strict=True)]
        yield f'gradients["{q.name}"] = {" + ".join(found)}'
    for (copy, own), q in net.states.items():
        yield f'gradients["{q.name}"] = found{copy.suffix}["{own}"]'
    yield "return gradients"
