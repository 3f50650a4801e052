"""What a network with a head has besides: its loss, its answers, and what a training loop needs to know."""

from __future__ import annotations

from derive.targets.lowering.lowered import is_class
from derive.targets.numpy.network.assembly import Assembly
from derive.targets.numpy.pieces import Function
from derive.targets.words import axes_text


def loss(net: Assembly) -> Function:
    """J of the outputs, and its gradient with respect to them."""
    loss = net.network.loss
    assert loss is not None
    targets = [q.name for q in loss.targets]
    one = "[None]" if net.last else ""
    keywords = ["weights"] if net.last else ["lengths", "weights"]
    given = ["lengths=lengths", "weights=weights"]
    if net.last:
        given = ["weights=None if weights is None else np.asarray(weights)[None]"]
    opened = [function.name for function in loss.open_functions]
    given += ["reduction=reduction", *(f"{name}={name}" for name in opened)]
    called = ", ".join(["{}", f"ys{one}", *(f"{name}{one}" for name in targets), *given])
    body = [
        'if reduction not in ("sum", "mean"):',
        "    raise ValueError(f\"reduction is {reduction!r}, expected 'sum' or 'mean'\")",
        *([f"{name} = np.asarray({name})" for name in targets] if net.last else []),
        f"J, values, cache = loss_forward({called})",
        f'd_ys = loss_backward(cache)["{loss.inputs[0].name}"]',
    ]
    if net.last:
        body.append("return J, d_ys[0], {key: value[0] for key, value in values.items()}")
    else:
        body.append("return J, d_ys, values")
    shapes = {q.name: (*net.leading, *axes_text(q)) for q in loss.targets}
    classes = {q.name for q in loss.targets if is_class(q, loss)}
    leading = ", ".join(net.leading)
    indices = f", or indices of classes ({leading})"
    details = (
        f"ys: ({', '.join(net.output)}), what `forward` returned.",
        *(f"{name}: ({', '.join(axes)}){indices if name in classes else ''}." for name, axes in shapes.items()),
        *(() if net.last else ("lengths: as for `forward`; steps past the end do not count.",)),
        f"weights: what each loss is multiplied by ({leading}), numbers or a mask; None: 1 for all.",
        'reduction: the "sum" of the losses or their weighted "mean".',
        *(f"{name}: the name of the function to use, one of FUNCTIONS." for name in opened),
        "Returns J, its gradient d_ys for `backward`, and every named value by name.",
    )
    listed_keywords = [*(f"{name}=None" for name in keywords), 'reduction="sum"']
    listed_keywords += [f'{name}="tanh"' for name in opened]
    signature = f"loss({', '.join(['ys', *targets, '*', *listed_keywords])})"
    return Function(signature, "J and its gradient with respect to the outputs.", details, tuple(body))


def predict(net: Assembly) -> Function:
    """What the head makes of the outputs without a target."""
    prediction = net.network.prediction
    opened = [function.name for function in prediction.open_functions] if prediction is not None else []
    given = "".join(f", {name}={name}" for name in opened)
    keywords = ", ".join(["ys", *(["*"] if opened else []), *(f'{name}="tanh"' for name in opened)])
    if prediction is None:
        body = "return ys"
    elif net.last:
        body = f"return prediction_forward({{}}, ys[None]{given})[0][0]"
    else:
        body = f"return prediction_forward({{}}, ys{given})[0]"
    return Function(f"predict({keywords})", "The network's answer to the outputs of `forward`.", (), (body,))


def training_needs(net: Assembly) -> dict[str, object]:
    """What the training loop needs to know."""
    assert net.network.loss is not None
    x, targets = net.network.cell.inputs[0], net.network.loss.targets
    x_axes, y_axes = axes_text(x), net.output[len(net.leading) :]
    known = {axis for axis in (*x_axes, *y_axes) if axis.isidentifier()}
    timed = [q.name for q in (*net.network.cell.inputs, *targets) if q.time is not None]
    return {
        "x": net.x,
        "targets": [q.name for q in targets],
        "timed": timed + net.masks,
        "free": [letter for letter in net.sizes() if letter not in known],
        "x_axes": x_axes,
        "y_axes": y_axes,
        "carries": not any(net.network.senses) and not net.last,
    }
