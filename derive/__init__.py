"""Mathematics in, text out; runs no numerics. The stages, each with what goes in and what comes out:

1. `reader`     a note, in LaTeX or plain text          -> Cell; `from_sympy` SymPy expressions -> Cell
2. `cell`       equations                               -> Cell: roles inferred, ordered, validated
3. `program`    Cell                                    -> Cell with its pre-activations named
4. `adjoint`    Cell                                    -> Derivation, at a symbolic t; uses `simplify` and `softmax`
5. `bptt`       Derivation                              -> sections on Jacobians, products and sums over time
6. `vanishing`  Derivation                              -> bounds on gradients over many steps; uses `ranges`
7. `targets`    Derivation, Notation                    -> text: NumPy modules, pages, records
8. `build`      the catalogue                           -> every generated file

Beneath them: `nodes` (the closed set of expressions), `functions` (elementwise functions with derived slopes),
`notation` (names and letters), `lettering` (which letter of a notation for which part), `errors` (what a person is
told), `catalogue` (the notes that come along), `languages` (what pages say in other languages).

Public names: `Cell`, `Equation`, `Assumption`, `Network`, `Direction`, `Reads`, `Derivation`, `InputError`, `Notation`,
`TARGETS`, `differentiate`, `find`, `generate`, `quantity`, `t`, `read_equations`, `read_file`, `read_note`.
"""

from __future__ import annotations

import importlib
from typing import Any

_PUBLIC = {
    "Assumption": "derive.cell",
    "Cell": "derive.cell",
    "Derivation": "derive.calculus.derivation",
    "Direction": "derive.networks.network",
    "Equation": "derive.cell",
    "InputError": "derive.errors",
    "Network": "derive.networks.network",
    "Notation": "derive.notation",
    "Reads": "derive.networks.network",
    "TARGETS": "derive.targets",
    "differentiate": "derive.calculus.adjoint",
    "find": "derive.catalogue",
    "generate": "derive.targets",
    "quantity": "derive.from_sympy",
    "read_equations": "derive.reader",
    "read_file": "derive.reader",
    "read_note": "derive.reader",
    "t": "derive.nodes",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used: `backproof --help` need not wait for SymPy."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'derive' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)
