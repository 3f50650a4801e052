"""Second derivatives from a generated module as it is: `backward` on complex arrays.

A gradient computed at θ + i ε v has the imaginary part ε H v, with nothing cancelled; so a Hessian-vector product costs
one gradient on complex arrays and is exact to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from verify.numbers.case import Array
from verify.numbers.numeric import COMPLEX_STEP


def hessian_vector_product(
    module: ModuleType,
    params: Mapping[str, Array],
    given: Mapping[str, Any],
    along: Mapping[str, Array],
    d_ys: Array | Callable[[Array], Array] | None = None,
    final: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """The derivative of every gradient of J along a direction: H v by name, in the shapes of the gradients.

    `given` are the further arguments of `module.forward` by name. `along` is v: arrays by the names of parameters,
    inputs and states; what is left out does not move. `d_ys` is what J asks of the outputs: an array, or a function of
    the outputs, ∂J/∂ys, that accepts complex arrays; None for the losses of a head. `final` is that of final states.
    Raises ValueError for a name in `along` that is none, and as the module does.
    """
    unknown = sorted(set(along) - {*params, *given})
    if unknown:
        raise ValueError(f"along has {', '.join(unknown)}, expected names of parameters or of what is given")

    def moved(name: str, value: Any) -> Any:
        return value + 1j * COMPLEX_STEP * along[name] if name in along else value

    ys, _, cache = module.forward(
        {name: moved(name, value) for name, value in params.items()},
        **{name: moved(name, value) for name, value in given.items()},
    )
    asked = d_ys(ys) if callable(d_ys) else d_ys
    gradients = module.backward(cache, asked, **(final or {}))
    return {name: np.imag(gradient) / COMPLEX_STEP for name, gradient in gradients.items()}
