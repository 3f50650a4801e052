"""Distrusts `derive`: a second road to the truth that shares no code with the derivation, and the two compared.

1. `field`     numbers modulo a prime, functions known by their slopes alone
2. `exact`     expression nodes -> values with their rates of change, in the field
3. `world`     cell -> random data and the true response of J to any disturbance, forwards
4. `proof`     derivation -> a verdict for every gradient; two expressions -> a verdict
5. `case`      cell -> random arrays, and J as a generated module computes it
6. `numeric`   module -> errors against the complex step and central differences
7. `oracles`   cell -> gradients by torch and JAX, from the equations
8. `load`      the text of a generated module -> the module
9. `evidence`  cell -> all of these together
10. `handwritten`, `code`  a person's gradients -> right or wrong, and the named mistake in them
11. `claims`    a formula written by hand -> a judgement for every `=` in it: `conventions`, `readings` (`parts`,
    `multiplying`) turn it into expressions under a reading, `sides` under every reading, `comparison`
    compares them, `deciding` chooses,
    `sizes` judges shapes and definitions, `operated` names what ∂/∂b is applied to, `assuming` reads the declared
    facts, `explaining` asks the dictionary of mistakes, `telling` prints
12. `mutate`, `diagnose` (`mistakes`)  a wrong formula -> the named mistakes that, undone, make it true
13. `notes` (`latex_notes`), `models`  a file -> its formulas with their places, and the model each is about
14. `audit`     a note -> judgements; `fixes` a corrected copy; `reports` text, JSON, SARIF, HTML, Markdown
15. `judgement`  what a person is told about a formula
16. `decimals` a second opinion with 50 digits before anything is called wrong; `relations` the identities among
    functions that then prove what decimals found equal
17. `weights`   arrays of torch, Keras and ONNX <-> the parameters of a cell
18. `which`      cell -> the published or framework cell that it is, or is nearest to, and in what it differs
19. `gradient_norms`  cell -> how far its gradients reach, in numbers, beside the derived bound; figure and page

Public names: `check` for formulas; `prove`, `identical`, `evidence`, `load`, `report`, `Verdict`, `Outcome`,
`Evidence`; for code written by hand `check_backward`, `check_gradients`, `assert_backward`, `assert_gradients`,
`Layout`, `Standing`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verify.claims import check
    from verify.code.asserting import assert_backward, assert_gradients
    from verify.code.gradients import check_gradients
    from verify.code.layout import Layout
    from verify.code.live import check_code
    from verify.code.report import CodeReport, GradientReport, Standing
    from verify.evidence import Evidence, GradientEvidence, evidence, report
    from verify.handwritten import check_backward
    from verify.load import load
    from verify.proof import identical, prove
    from verify.verdict import Counterexample, Outcome, Verdict

__all__ = [
    "CodeReport",
    "Counterexample",
    "Evidence",
    "GradientEvidence",
    "GradientReport",
    "Layout",
    "Outcome",
    "Standing",
    "Verdict",
    "assert_backward",
    "assert_gradients",
    "check",
    "check_backward",
    "check_code",
    "check_gradients",
    "evidence",
    "identical",
    "load",
    "prove",
    "report",
]

_ROOMS = {
    "check": "claims",
    "assert_backward": "code.asserting",
    "assert_gradients": "code.asserting",
    "check_gradients": "code.gradients",
    "Layout": "code.layout",
    "check_code": "code.live",
    "CodeReport": "code.report",
    "GradientReport": "code.report",
    "Standing": "code.report",
    "Evidence": "evidence",
    "GradientEvidence": "evidence",
    "report": "evidence",
    "check_backward": "handwritten",
    "identical": "proof",
    "prove": "proof",
    "Counterexample": "verdict",
    "Outcome": "verdict",
    "Verdict": "verdict",
}


class _Package(ModuleType):
    """Public names are imported when they are asked for: a person's file is run without waiting for SymPy.

    Two functions have the names of their rooms; the import of such a room must not hide them.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in _ROOMS:
            raise AttributeError(f"module verify has no {name}")
        return getattr(import_module(f"verify.{_ROOMS[name]}"), name)

    @property
    def evidence(self) -> Any:
        return import_module("verify.evidence").evidence

    @evidence.setter
    def evidence(self, room: ModuleType) -> None:
        """The import system puts the room here."""

    @property
    def load(self) -> Any:
        return import_module("verify.load").load

    @load.setter
    def load(self, room: ModuleType) -> None:
        """The import system puts the room here."""


sys.modules[__name__].__class__ = _Package
