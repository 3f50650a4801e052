"""The textual form of a model as the file that runtimes load, by the package onnx, which is imported when it runs."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from derive.errors import InputError


def encoded(text: str, params: Mapping[str, Any] | None = None) -> bytes:
    """The bytes of an `.onnx` file for the text of a model, after `onnx.checker` has read it.

    `params` are arrays by name: these inputs become constants of the model, in its type.
    Raises InputError where the package onnx is not installed, and for an array that is no input of that shape.
    """
    try:
        onnx: Any = importlib.import_module("onnx")
        parser: Any = importlib.import_module("onnx.parser")
    except ImportError as error:
        raise InputError(
            "an .onnx file is written by the package onnx, which is not installed",
            hint="pip install 'backproof[onnx]', or write the model as text: -o FILE.onnxtxt",
        ) from error
    model = parser.parse_model(text)
    if params:
        _fix(onnx, model.graph, params)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _fix(onnx: Any, graph: Any, params: Mapping[str, Any]) -> None:
    """Inputs as constants, and the sizes that they settle as numbers wherever they stand."""
    inputs = {one.name: one for one in graph.input}
    sizes: dict[str, int] = {}
    for name, array in params.items():
        if name not in inputs:
            raise InputError(f"the model has no input called {name}", hint="it has " + ", ".join(inputs))
        axes = [axis.dim_param or axis.dim_value for axis in inputs[name].type.tensor_type.shape.dim]
        fits = len(axes) == array.ndim
        for axis, length in zip(axes, array.shape, strict=False):
            fits = fits and length == (sizes.setdefault(axis, length) if isinstance(axis, str) else axis)
        if not fits:
            known = ", ".join(f"{axis} = {length}" for axis, length in sizes.items())
            wanted = f"({', '.join(map(str, axes))})" + (f" where {known}" if known else "")
            raise InputError(f"{name} has shape {array.shape}, expected {wanted}")
        kind = onnx.helper.tensor_dtype_to_np_dtype(inputs[name].type.tensor_type.elem_type)
        graph.initializer.append(onnx.numpy_helper.from_array(array.astype(kind), name))
        graph.input.remove(inputs[name])
    for one in (*graph.input, *graph.output):
        for axis in one.type.tensor_type.shape.dim:
            if axis.dim_param in sizes:
                axis.dim_value = sizes[axis.dim_param]
