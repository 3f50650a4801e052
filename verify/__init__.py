"""Distrusts `derive`: a second road to the truth that shares no code with the derivation, and the two compared.

- `truth`     `field` (numbers modulo a prime), `exact` (nodes -> values with their rates of change), `rates` (slopes of
    its own), `scales` (two sets of numbers for T and the sizes), `world` (random data and the true response of J),
    `proof` (a derivation, or two expressions -> a verdict), `comparison` (two sides of a claim), `decimals` (a second
    opinion with 50 digits before anything is called wrong), `relations` (identities that prove what decimals found)
- `numbers`   generated modules: `case` (random arrays), `numeric` (complex step, differences), `oracles` (torch, JAX),
    `load`, `written` (one look before a module is written), `second_order` (Hessian-vector products), `evidence` and
    `network` (all of these together)
- `formulas`  a formula written by hand -> a judgement for every `=`: `claims` is the way through, `equation` one `=`
    under the guesses as they stand; `readings` turns it into expressions under every reading, `deciding` compares
    and chooses, `sizes` and `bounds` judge shapes and inequalities, `wrong` says what is wrong, what is true, and where
    one sees it
- `mistakes`  the dictionary of named mistakes: making them (`mutate`), undoing them, their pages
- `notes`     a file -> its formulas with their places (`files`), the model each is about (`models`), a judgement on
    each (`audit`), a corrected copy (`fixes`)
- `code`      a person's functions: how to call them, their gradients, the named mistake in each wrong one
- `reports`   text, JSON, SARIF, HTML, Markdown
- `weights`   arrays of torch, Keras and ONNX <-> the parameters of a cell
- `which`     cell -> the published or framework cell that it is, or is nearest to, and in what it differs
- `site`      derivations, docs and chapters -> the site; the exercises of its course
- `gradient_norms`  cell -> how far its gradients reach, in numbers, beside the derived bound; figure and page

Public names: `check` for formulas; `rerun` for a cell at given numbers; `prove`, `identical`, `evidence`, `load`,
`report`, `Verdict`, `Outcome`, `Evidence`; for code written by hand `check_backward`, `check_gradients`,
`assert_backward`, `assert_gradients`, `Layout`, `Standing`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verify.code.asserting import assert_backward, assert_gradients
    from verify.code.judging.gradients import check_gradients
    from verify.code.layouts.handwritten import check_backward
    from verify.code.layouts.layout import Layout
    from verify.code.live import check_code
    from verify.code.report import CodeReport, GradientReport, Standing
    from verify.formulas.claims import check
    from verify.numbers.evidence import Evidence, GradientEvidence, evidence, report
    from verify.numbers.load import load
    from verify.numbers.second_order import hessian_vector_product
    from verify.truth.decimals.rerun import rerun
    from verify.truth.proof import identical, prove
    from verify.truth.verdict import Counterexample, Outcome, Verdict

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
    "hessian_vector_product",
    "identical",
    "load",
    "prove",
    "report",
    "rerun",
]

_ROOMS = {
    "check": "formulas.claims",
    "assert_backward": "code.asserting",
    "assert_gradients": "code.asserting",
    "check_gradients": "code.judging.gradients",
    "Layout": "code.layouts.layout",
    "check_code": "code.live",
    "CodeReport": "code.report",
    "GradientReport": "code.report",
    "Standing": "code.report",
    "Evidence": "numbers.evidence",
    "GradientEvidence": "numbers.evidence",
    "report": "numbers.evidence",
    "evidence": "numbers.evidence",
    "load": "numbers.load",
    "hessian_vector_product": "numbers.second_order",
    "rerun": "truth.decimals.rerun",
    "check_backward": "code.layouts.handwritten",
    "identical": "truth.proof",
    "prove": "truth.proof",
    "Counterexample": "truth.verdict",
    "Outcome": "truth.verdict",
    "Verdict": "truth.verdict",
}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are asked for: a person's file is run without waiting for SymPy."""
    if name not in _ROOMS:
        raise AttributeError(f"module verify has no {name}")
    return getattr(import_module(f"verify.{_ROOMS[name]}"), name)
