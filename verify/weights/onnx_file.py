"""The recurrent nodes of an `.onnx` file with their weights: which cell each computes, and its parameters."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from derive.errors import InputError
from verify.numbers.case import Array
from verify.weights.of_onnx import from_onnx, onnx_cell
from verify.weights.onnx_note import OnnxNote, onnx_note

_INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")


@dataclass(frozen=True)
class OnnxNode:
    """One node: the catalogue's cell that computes what it does, and its parameters, W_i_l0 and so on.

    Where its activations or clip are no cell's, `cell` is empty and `note` is the text of a note that computes it.
    `also_given` are its other inputs: sequence_lens, initial_h and initial_c, which `onnx_arguments` takes.
    """

    name: str
    operator: str
    cell: str
    direction: str
    layout: int
    params: Mapping[str, Array]
    also_given: tuple[str, ...]
    note: str = ""


def onnx_nodes(path: Path | str) -> list[OnnxNode]:
    """The RNN, LSTM and GRU nodes of a file, in its order.

    Raises InputError for a file that is none, for a node whose equations are not known, and for weights that the graph
    computes; the message names the node.
    """
    try:
        onnx: Any = importlib.import_module("onnx")
    except ImportError as error:
        raise InputError("reading .onnx files needs the package onnx", hint="pip install 'backproof[onnx]'") from error
    decoding: Any = importlib.import_module("google.protobuf.message")
    try:
        graph = onnx.load(str(path)).graph
    except (OSError, decoding.DecodeError) as error:
        raise InputError(f"cannot read {path} as an ONNX model: {error}") from error
    known = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        values = {attribute.name: attribute for attribute in node.attribute}
        if node.op_type == "Constant" and "value" in values:
            known[node.output[0]] = onnx.numpy_helper.to_array(values["value"].t)
        elif node.op_type == "Identity" and node.input[0] in known:
            known[node.output[0]] = known[node.input[0]]
    recurrent = [
        node for node in graph.node if node.op_type in ("RNN", "LSTM", "GRU") and node.domain in ("", "ai.onnx")
    ]
    return [_read(onnx, node, known) for node in recurrent]


def _read(onnx: Any, node: Any, known: Mapping[str, Array]) -> OnnxNode:
    name = node.name or node.output[0] or node.op_type
    given = {key: value for key, value in zip(_INPUTS, node.input, strict=False) if value}
    attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    direction = attributes.get("direction", b"forward").decode()
    tensors: dict[str, Array] = {}
    try:
        for key in ("W", "R", "B", "P"):
            if key in given and given[key] not in known:
                raise InputError(f"{key} is computed by the graph", hint="fold its constants before reading it")
            if key in given:
                tensors[key] = known[given[key]]
        cell, note = _cell_or_note(node.op_type, attributes, peepholes="P" in given)
        params = from_onnx(tensors, note.arrays if note else cell, direction=direction)
    except InputError as error:
        raise InputError(f"node {name}: {error.message}", hint=error.hint) from error
    text = note.text if note else ""
    others = tuple(key for key in ("sequence_lens", "initial_h", "initial_c") if key in given)
    return OnnxNode(name, node.op_type, cell, direction, int(attributes.get("layout", 0)), params, others, text)


def _cell_or_note(operator: str, attributes: Mapping[str, Any], *, peepholes: bool) -> tuple[str, OnnxNote | None]:
    try:
        return onnx_cell(operator, attributes, peepholes=peepholes), None
    except InputError:
        return "", onnx_note(operator, attributes, peepholes=peepholes)
