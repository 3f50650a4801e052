"""ONNX models in numbers: run by onnxruntime on the arrays of a case, inputs and outputs by their names."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from derive.targets.onnx import encoded
from verify.numbers.case import Array, Arrays, Case
from verify.numbers.oracles import imported

LIMITS = {"float": 1e-4, "double": 1e-9}
"""How far a model may be from the NumPy module, by the type of its arrays."""


def installed() -> bool:
    """Whether models can be made and run here."""
    return imported("onnx") is not None and imported("onnxruntime") is not None


class Model:
    """A model as a session of onnxruntime."""

    def __init__(self, source: str | bytes) -> None:
        """`source`: its text or its file. Raises NotImplementedError where the runtime lacks an operator for a type."""
        runtime: Any = importlib.import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        data = encoded(source) if isinstance(source, str) else source
        try:
            self._session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except runtime.capi.onnxruntime_pybind11_state.NotImplemented as error:
            raise NotImplementedError(str(error)) from error
        self._types: dict[str, str] = {
            one.name: one.type.removeprefix("tensor(").removesuffix(")") for one in self._session.get_inputs()
        }

    @property
    def kind(self) -> str:
        """float or double."""
        return next(iter(self._types.values()))

    @property
    def inputs(self) -> list[str]:
        """The names of what is given."""
        return list(self._types)

    def __call__(self, **given: Array) -> dict[str, Array]:
        """All outputs by name."""
        dtypes = {"float": np.float32, "double": np.float64, "int64": np.int64}
        feed = {name: np.asarray(given[name], dtypes[kind]) for name, kind in self._types.items()}
        names = [one.name for one in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, feed), strict=True))

    def on(self, case: Case) -> dict[str, Array]:
        """All outputs for a case."""
        asked = {"d_losses" if case.cell.is_loss else "d_ys": case.d_output}
        asked |= {f"d_{name}_final": value for name, value in case.d_final.items()}
        steps = np.full(case.B, case.T) if case.lengths is None else case.lengths
        known = {**case.given, **asked, "lengths": steps}
        return self(**{name: value for name, value in known.items() if name in self._types})


def expected(case: Case, outputs: Array, final: Arrays, gradients: Arrays) -> dict[str, Array]:
    """What the NumPy module computed, by the names that a model has for it."""
    states = {state.name for state in case.cell.states}
    ends = {f"{name}_final" if name in states else name: value for name, value in final.items()}
    found = {"losses" if case.cell.is_loss else "ys": outputs, **ends}
    return found | {f"d_{name}": value for name, value in gradients.items()}
