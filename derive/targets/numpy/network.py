"""A network as one standalone module: the functions of its parts, and four that put them together.

The parts (cell, meeting of two directions, dropout, readout, loss) are lowered as they are for modules of their own;
`forward` calls them from below, `backward` calls their backward functions in the opposite order.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from derive.adjoint import differentiate
from derive.cell import Cell
from derive.errors import InputError
from derive.network import Copy, Network, Reads
from derive.nodes import Quantity
from derive.targets.numpy import loss_text
from derive.targets.numpy.functions_text import LENGTHS_DETAILS
from derive.targets.numpy.module import Parts, equation_lines, parts, plain, source_line, template
from derive.targets.numpy.pieces import Argument, Function, axes_text, init_function, listed, tuple_text


def network_module(network: Network, origin: str = "", *, training: bool = False) -> str:
    """The text of a standalone NumPy module with `init`, `forward`, `backward`, and with a head `predict` and `loss`.

    `training` adds `sgd` and makes the module a script that trains on a file of arrays. `origin` is where the equations
    come from. The text depends on these alone. Raises InputError for training without a head.
    """
    if training and network.head is None:
        raise InputError("training needs a loss", hint="add a head, as in --head softmax --loss cross-entropy")
    text = _Text(network)
    used = text.parts
    helpers: dict[str, None] = {}
    for part in used.values():
        helpers.update(dict.fromkeys(part.helpers))
    _refuse_two_meanings(helpers)
    table: dict[str, str] = {}
    for part in used.values():
        table.update(part.table)
    functions = [text.init(), text.forward(), text.backward()]
    if network.head is not None:
        functions += [text.loss(), text.predict()]
    for name, part in used.items():
        functions += [part.forward] if name == "prediction" else [part.forward, part.backward]
    heads = [network.head] if network.head is not None else []
    return template("network.py.jinja").render(
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
        training=text.training() if training else None,
    )


def _refuse_two_meanings(helpers: Mapping[str, None]) -> None:
    seen: dict[str, str] = {}
    for text in helpers:
        name = text.partition("(")[0].removeprefix("def ")
        if name in seen:
            raise InputError(f"the cell and the head define {name} in two ways", hint="rename one of the two")
        seen[name] = text


@dataclass(frozen=True)
class _Text:
    """Writes the functions that put the parts together."""

    network: Network

    @cached_property
    def parts(self) -> dict[str, Parts]:
        """The functions of every part, by its role."""
        n = self.network
        present = {
            "cell": n.cell,
            "meeting": n.meeting,
            "dropout": n.mask,
            "readout": n.readout,
            "loss": n.loss,
            "prediction": n.prediction,
        }
        return {role: parts(differentiate(cell), f"{role}_") for role, cell in present.items() if cell is not None}

    @cached_property
    def cells(self) -> dict[Copy, Cell]:
        return {copy: self.network.cell_of(copy) for copy in self.network.copies}

    @cached_property
    def states(self) -> dict[tuple[Copy, str], Quantity]:
        """The states of every copy, by the copy and the cell's name for it."""
        return {
            (copy, own.name): state
            for copy, cell in self.cells.items()
            for own, state in zip(self.network.cell.states, cell.states, strict=True)
        }

    @property
    def _x(self) -> str:
        return str(self.network.cell.inputs[0].name)

    @property
    def _others(self) -> tuple[Quantity, ...]:
        return self.network.cell.inputs[1:]

    @property
    def _opened(self) -> list[str]:
        return [function.name for function in self.network.cell.open_functions]

    @property
    def _masks(self) -> list[str]:
        return [f"mask_l{layer}" for layer in range(1, self.network.layers)] if self.network.mask else []

    @property
    def _last(self) -> bool:
        return self.network.reads is Reads.LAST_STEP

    @property
    def _leading(self) -> tuple[str, ...]:
        return ("B",) if self._last and self.network.head is not None else ("T", "B")

    @cached_property
    def _output(self) -> tuple[str, ...]:
        """The axes of ys."""
        readout, width = self.network.readout_in_place, self.network.width
        return (
            *self._leading,
            *(axes_text(readout.output) if readout is not None else (str(width).replace("*", " * "),)),
        )

    def _sizes(self) -> list[str]:
        letters = [str(letter) for letter in self.network.cell.sizes]
        if self.network.readout_in_place is not None:
            letters += [str(letter) for letter in self.network.readout_in_place.sizes if str(letter) not in letters]
        return letters

    def init(self) -> Function:
        """Random parameters."""
        return init_function(self._sizes())

    def _given(self) -> list[Argument]:
        arguments = [Argument(self._x, ("T", "B", *axes_text(self.network.cell.inputs[0])))]
        for q in self._others:
            arguments.append(Argument(q.name, (*(("B",) if q.time is None else ("T", "B")), *(axes_text(q) or ("1",)))))
        arguments += [Argument(q.name, ("B", *axes_text(q)), True) for q in self.states.values()]
        width = str(self.network.width).replace("*", " * ")
        return arguments + [Argument(mask, ("T", "B", width), True) for mask in self._masks]

    def forward(self) -> Function:
        """All layers from below, then the readout."""
        given = self._given()
        states = [f"{q.name}=None" for q in self.states.values()]
        keywords = [q.name for q in self._others] + ["lengths=None"] + [f"{mask}=None" for mask in self._masks]
        keywords += [f'{name}="tanh"' for name in self._opened]
        body = [
            'arrays = [(f"params[{key!r}]", _parameter(params, key), axes) for key, axes in PARAMETERS.items()]',
            *listed(given),
            "sizes, dtype = _checked(arrays)",
            'lengths = _lengths(lengths, sizes["T"], sizes["B"])',
            *self._layers(),
            *self._top(),
        ]
        final = ", ".join(f'"{q.name}": final{copy.suffix}["{own}"]' for (copy, own), q in self.states.items())
        body += [
            f"cache = (sizes, dtype, lengths, ({', '.join(self._cached)},))",
            f"return ys, {{{final}}}, cache",
        ]
        details = [
            f"{self._x}: (T, B, {', '.join(axes_text(self.network.cell.inputs[0]))}).",
            *(f"{a.name}: ({', '.join(a.axes)}), the same for all layers." for a in given[1 : 1 + len(self._others)]),
            "A state by its name, layer and direction: the one before the first step, zero if None.",
            *LENGTHS_DETAILS,
            *(
                f"{mask}: ({', '.join(given[-1].axes)}), multiplies what layer {k + 1} reads."
                for k, mask in enumerate(self._masks)
            ),
            *(f"{name}: the name of the function to use, one of FUNCTIONS." for name in self._opened),
            f"Returns the outputs ({', '.join(self._output)}), the final states by name, and a cache for `backward`.",
        ]
        signature = f"forward({', '.join(['params', self._x, *states])}, *, {', '.join(keywords)})"
        return Function(signature, "Run the network over a batch of sequences.", tuple(details), tuple(body))

    def _layers(self) -> Iterator[str]:
        below = self._x
        opened = [f"{name}={name}" for name in self._opened]
        for copy in self.network.copies:
            s = copy.suffix
            if not copy.reverse or len(self.network.senses) == 1:
                yield f"# layer {copy.layer}"
            others = [f"{q.name}={_turned(q.name, copy) if q.time is not None else q.name}" for q in self._others]
            states = [f"{own.name}={own.name}{s}" for own in self.network.cell.states]
            called = ", ".join(
                [
                    f'own(params, "{s}")',
                    _turned(below, copy),
                    *states,
                    *others,
                    "lengths=lengths",
                    *opened,
                ]
            )
            yield f"y{s}, final{s}, cache{s} = cell_forward({called})"
            if copy.reverse == self.network.senses[-1] and copy.layer < self.network.layers - 1:
                yield from self._between(copy.layer)
                below = f"x_l{copy.layer + 1}"

    def _between(self, layer: int) -> Iterator[str]:
        above, source = f"x_l{layer + 1}", f"y{Copy(layer, self.network.senses[0]).suffix}"
        if self.network.meeting is not None:
            yield (
                f"{above}, _, cache_meeting_l{layer + 1} = "
                f"meeting_forward({{}}, y_l{layer}, b=turned(y_l{layer}_reverse, lengths))"
            )
        else:
            yield f"{above} = {_turned(source, Copy(layer, self.network.senses[0]))}"
        if self.network.mask is not None:
            mask = f"mask_l{layer + 1}"
            yield f"cache_{mask} = None"
            yield f"if {mask} is not None:"
            yield f"    {above}, _, cache_{mask} = dropout_forward({{}}, {above}, mask={mask})"

    def _top(self) -> Iterator[str]:
        layer = self.network.layers - 1
        tops = [copy for copy in self.network.copies if copy.layer == layer]
        seen = [f"y{c.suffix}" if self._last else _turned(f"y{c.suffix}", c) for c in tops]
        if self._last:
            yield "# the last step of each copy in its own order"
            seen = [f"last(y{c.suffix}, lengths)" for c in tops]
        if self.network.meeting is not None:
            yield f"ys, _, cache_meeting = meeting_forward({{}}, {seen[0]}, b={seen[1]})"
        else:
            yield f"ys = {seen[0]}"
        if self.network.readout is not None:
            names = ", ".join(f'"{q.name}": params["{q.name}"]' for q in self.network.readout.parameters)
            yield f"ys, _, cache_readout = readout_forward({{{names}}}, ys)"
        if self._last:
            yield "ys = ys[0]"
        elif self.network.readout is not None:
            yield "ys = cut(ys, lengths)"

    @cached_property
    def _cached(self) -> list[str]:
        names = [f"cache{copy.suffix}" for copy in self.network.copies]
        for layer in range(1, self.network.layers):
            names += [f"cache_meeting_l{layer}"] * (self.network.meeting is not None)
            names += [f"cache_mask_l{layer}"] * (self.network.mask is not None)
        names += ["cache_meeting"] * (self.network.meeting is not None)
        return names + ["cache_readout"] * (self.network.readout is not None)

    def backward(self) -> Function:
        """The parts' backward functions from above."""
        carries = [Argument(q.name, ("B", *axes_text(q)), True) for q in self.states.values()]
        body = [
            "sizes, dtype, lengths, caches = cache",
            "arrays = []",
            *listed([Argument("d_ys", self._output), *carries]),
            "_checked(arrays, sizes, dtype)",
            f"({', '.join(self._cached)},) = caches",
            *self._from_top(),
            *self._down(),
            *self._gathered(),
        ]
        details = (
            "A state by its name, layer and direction: the gradient of the final one, zero if None.",
            "Returns a dict with the gradients of parameters, inputs and states before the first step, by name.",
        )
        signature = f"backward({', '.join(['cache', 'd_ys', *(f'{a.name}=None' for a in carries)])})"
        return Function(signature, f"Gradients of J, given d_ys ({', '.join(self._output)}).", details, tuple(body))

    def _from_top(self) -> Iterator[str]:
        layer = self.network.layers - 1
        tops = [copy for copy in self.network.copies if copy.layer == layer]
        if self._last:
            yield "d_ys = d_ys[None]"
        elif self.network.readout is not None:
            yield "d_ys = cut(d_ys, lengths)"
        if self.network.readout is not None:
            yield "found_readout = readout_backward(cache_readout, d_ys)"
            yield f'd_ys = found_readout["{self.network.readout.inputs[0].name}"]'
        if self.network.meeting is not None:
            yield "met = meeting_backward(cache_meeting, d_ys)"
            arriving = ['met["a"]', 'met["b"]']
        else:
            arriving = ["d_ys"]
        for copy, arrived in zip(tops, arriving, strict=True):
            if self._last:
                yield f'd_y{copy.suffix} = at_last({arrived}, sizes["T"], lengths)'
            else:
                yield f"d_y{copy.suffix} = {_turned(arrived, copy)}"

    def _down(self) -> Iterator[str]:
        for layer in reversed(range(self.network.layers)):
            yield f"# layer {layer}"
            copies = [copy for copy in self.network.copies if copy.layer == layer]
            for copy in reversed(copies):
                s = copy.suffix
                states = [f"{own.name}={own.name}{s}" for own in self.network.cell.states]
                yield f"found{s} = cell_backward({', '.join([f'cache{s}', f'd_y{s}', *states])})"
            below = " + ".join(_turned(f'found{copy.suffix}["{self._x}"]', copy) for copy in copies)
            yield f"d_x_l{layer} = {below}"
            if layer:
                yield from self._back_between(layer)

    def _back_between(self, layer: int) -> Iterator[str]:
        below = [copy for copy in self.network.copies if copy.layer == layer - 1]
        if self.network.mask is not None:
            yield f"if cache_mask_l{layer} is not None:"
            yield f'    d_x_l{layer} = dropout_backward(cache_mask_l{layer}, d_x_l{layer})["u"]'
        if self.network.meeting is not None:
            yield f"met = meeting_backward(cache_meeting_l{layer}, d_x_l{layer})"
            for copy, part in zip(below, "ab", strict=True):
                yield f"d_y{copy.suffix} = " + _turned(f'met["{part}"]', copy)
        else:
            yield f"d_y{below[0].suffix} = {_turned(f'd_x_l{layer}', below[0])}"

    def _gathered(self) -> Iterator[str]:
        yield "gradients = {}"
        for copy in self.network.copies:
            s = copy.suffix
            yield f'gradients |= {{f"{{key}}{s}": found{s}[key] for key in CELL_PARAMETERS}}'
        if self.network.readout is not None:
            yield "gradients |= {key: found_readout[key] for key in READOUT_PARAMETERS}"
        yield f'gradients["{self._x}"] = d_x_l0'
        for q in self._others:
            found = [f'found{copy.suffix}["{q.name}"]' for copy in self.network.copies]
            if q.time is not None:
                found = [_turned(text, copy) for text, copy in zip(found, self.network.copies, strict=True)]
            yield f'gradients["{q.name}"] = {" + ".join(found)}'
        for (copy, own), q in self.states.items():
            yield f'gradients["{q.name}"] = found{copy.suffix}["{own}"]'
        yield "return gradients"

    def loss(self) -> Function:
        """J of the outputs, and its gradient with respect to them."""
        loss = self.network.loss
        assert loss is not None
        targets = [q.name for q in loss.targets]
        one = "[None]" if self._last else ""
        keywords = ["weights"] if self._last else ["lengths", "weights"]
        given = ["lengths=lengths", "weights=weights"]
        if self._last:
            given = ["weights=None if weights is None else np.asarray(weights)[None]"]
        opened = [function.name for function in loss.open_functions]
        given += ["reduction=reduction", *(f"{name}={name}" for name in opened)]
        called = ", ".join(["{}", f"ys{one}", *(f"{name}{one}" for name in targets), *given])
        body = [
            'if reduction not in ("sum", "mean"):',
            "    raise ValueError(f\"reduction is {reduction!r}, expected 'sum' or 'mean'\")",
            *([f"{name} = np.asarray({name})" for name in targets] if self._last else []),
            f"J, values, cache = loss_forward({called})",
            f'd_ys = loss_backward(cache)["{loss.inputs[0].name}"]',
        ]
        if self._last:
            body.append("return J, d_ys[0], {key: value[0] for key, value in values.items()}")
        else:
            body.append("return J, d_ys, values")
        shapes = {q.name: (*self._leading, *axes_text(q)) for q in loss.targets}
        classes = {q.name for q in loss.targets if loss_text.is_class(q, loss)}
        leading = ", ".join(self._leading)
        indices = f", or indices of classes ({leading})"
        details = (
            f"ys: ({', '.join(self._output)}), what `forward` returned.",
            *(f"{name}: ({', '.join(axes)}){indices if name in classes else ''}." for name, axes in shapes.items()),
            *(() if self._last else ("lengths: as for `forward`; steps past the end do not count.",)),
            f"weights: what each loss is multiplied by ({leading}), numbers or a mask; None: 1 for all.",
            'reduction: the "sum" of the losses or their weighted "mean".',
            *(f"{name}: the name of the function to use, one of FUNCTIONS." for name in opened),
            "Returns J, its gradient d_ys for `backward`, and every named value by name.",
        )
        listed_keywords = [*(f"{name}=None" for name in keywords), 'reduction="sum"']
        listed_keywords += [f'{name}="tanh"' for name in opened]
        signature = f"loss({', '.join(['ys', *targets, '*', *listed_keywords])})"
        return Function(signature, "J and its gradient with respect to the outputs.", details, tuple(body))

    def training(self) -> dict[str, object]:
        """What the training loop needs to know."""
        assert self.network.loss is not None
        x, targets = self.network.cell.inputs[0], self.network.loss.targets
        x_axes, y_axes = axes_text(x), self._output[len(self._leading) :]
        known = {axis for axis in (*x_axes, *y_axes) if axis.isidentifier()}
        timed = [q.name for q in (*self.network.cell.inputs, *targets) if q.time is not None]
        return {
            "x": self._x,
            "targets": [q.name for q in targets],
            "timed": timed + self._masks,
            "free": [letter for letter in self._sizes() if letter not in known],
            "x_axes": x_axes,
            "y_axes": y_axes,
            "carries": not any(self.network.senses) and not self._last,
        }

    def predict(self) -> Function:
        """What the head makes of the outputs without a target."""
        prediction = self.network.prediction
        opened = [function.name for function in prediction.open_functions] if prediction is not None else []
        given = "".join(f", {name}={name}" for name in opened)
        keywords = ", ".join(["ys", *(["*"] if opened else []), *(f'{name}="tanh"' for name in opened)])
        if prediction is None:
            body = "return ys"
        elif self._last:
            body = f"return prediction_forward({{}}, ys[None]{given})[0][0]"
        else:
            body = f"return prediction_forward({{}}, ys{given})[0]"
        return Function(f"predict({keywords})", "The network's answer to the outputs of `forward`.", (), (body,))


def _turned(name: str, copy: Copy) -> str:
    return f"turned({name}, lengths)" if copy.reverse else name
