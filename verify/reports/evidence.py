"""Evidence as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from verify.numbers.evidence import THRESHOLDS, Evidence


def table(gathered: Sequence[Evidence]) -> tuple[list[str], list[list[str]], str]:
    """Header, a row for each cell, and what the columns mean."""
    rows = []
    for one in gathered:
        verdicts = [gradient.verdict for gradient in one.gradients.values()] + list(one.intermediates.values())
        proved = f"{sum(verdict.proved for verdict in verdicts)} of {len(verdicts)}"
        worst = [one.worst(method) for method in THRESHOLDS]
        errors = ["-" if error is None else f"{error:.0e}" for error in worst]
        rows.append([one.cell, proved, *errors, "yes" if one.passed else "NO"])
    header = ["cell or head", "proved", "complex", "central", "torch", "jax", "holds"]
    bounds = ", ".join(f"{method.replace('_', ' ')} {bound:.0e}" for method, bound in THRESHOLDS.items())
    caption = (
        "proved: derived gradients that exact arithmetic shows equal to the truth. The other columns: the worst "
        "relative error over all gradients of the generated module, for sequences of one length and (but for JAX) of "
        f"several; bounds: {bounds}. -: that engine is not installed."
    )
    for one in gathered:
        if one.declared:
            caption += (
                f" {one.cell}: declared slope of {', '.join(one.declared)}; proof, complex step and engines follow the "
                "equations with the declared slope, of which central differences know nothing (-)."
            )
    return header, rows, caption
