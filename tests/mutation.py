"""Derivations spoilt by the named mistakes, and what finds them: `PYTHONPATH=.:tests python tests/mutation.py EACH`.

Each path of each gradient is changed in every single way of the dictionary (EACH of them, drawn with a fixed seed).
A mutant is *killed* where the exact proof refutes its gradient. Of those that it proves, a mutant is *equivalent* where
the numbers agree as well (the gradients of a program with it, entry by entry), and otherwise has *survived*. Mutants
for which no point has a value are *open*. Writes docs/mutation.md.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parent / "verify"))

from mutants import rebuilt, with_gradient

from derive import catalogue
from derive.adjoint import differentiate
from derive.cell import Cell
from derive.derivation import Derivation, Gradient
from derive.nodes import Adjoint, Slice
from verify.code.mistakes import Laboratory, variations
from verify.evidence import standard_case
from verify.mistakes.context import Context
from verify.mutate import mutants
from verify.proof import identical
from verify.verdict import Outcome

SEED = 7
CLOSE = 1e-9
KINDS = ("killed", "equivalent", "survived", "open")
PAGE = Path(__file__).parents[1] / "docs" / "mutation.md"


def spoilt(derivation: Derivation, each: int) -> Iterator[tuple[str, Gradient]]:
    """The gradients with one path changed, and by which mistake."""
    for gradient in derivation.gradients:
        context = Context(derivation, Adjoint(gradient.of))
        made = []
        for k, path in enumerate(gradient.paths):
            others = [p for j, p in enumerate(gradient.paths) if j != k]
            made.append(("missing term", rebuilt(gradient, others)))
            for mistake, change in mutants(path.term, context):
                if all(_inside(part) for part in change.node.atoms(Slice)):
                    paths = [replace(p, term=change.node) if j == k else p for j, p in enumerate(gradient.paths)]
                    made.append((mistake.name, rebuilt(gradient, paths)))
        made = [(name, wrong) for name, wrong in made if wrong.value != Adjoint(gradient.of)]  # says nothing
        chosen = random.Random(f"{SEED} {derivation.cell.name} {gradient.of.name}")
        yield from chosen.sample(made, min(each, len(made)))


def _inside(part: Slice) -> bool:
    """Whether a block lies in its operand; one beyond the end is no formula."""
    return (part.operand.shape[part.axis] - part.start - part.length).is_negative is not True


def decided(derivation: Derivation, wrong: Gradient, laboratory: Laboratory) -> str:
    """What becomes of one mutant."""
    verdict = identical(
        Adjoint(wrong.of), wrong.value, derivation.program, assumptions=derivation.cell.assumptions, trials=1
    )
    if verdict.outcome is Outcome.REFUTED:
        return "killed"
    if verdict.outcome is not Outcome.PROVED:
        return "open"
    same = same_numbers(with_gradient(derivation, wrong), laboratory)
    return "open" if same is None else "equivalent" if same else "survived"


def same_numbers(derivation: Derivation, laboratory: Laboratory) -> bool | None:
    """Whether a program of this derivation has the true gradients; None where it cannot be run."""
    truth, found = laboratory.predict(), Laboratory(derivation, laboratory.case).predict()
    if truth is None or found is None:
        return None
    return all(np.allclose(found.gradients[name], value, CLOSE, CLOSE) for name, value in truth.gradients.items())


def in_code(derivation: Derivation, laboratory: Laboratory, each: int) -> Counter[str]:
    """The mistakes of code that change a gradient, and those that change none in the case that is run."""
    made = variations(derivation)
    truth = laboratory.predict()
    counts: Counter[str] = Counter()
    for variation in random.Random(f"{SEED} code {derivation.cell.name}").sample(made, min(8 * each, len(made))):
        found = laboratory.predict(variation)
        if found is not None and truth is not None:
            pairs = ((found.gradients[name], value) for name, value in truth.gradients.items())
            same = all(a.shape == b.shape and np.allclose(a, b, CLOSE, CLOSE) for a, b in pairs)
            counts["no difference" if same else "told apart"] += 1
    return counts


def counted(cell: Cell, each: int) -> tuple[Counter[str], Counter[str], list[str]]:
    """The counts of a cell for its derivation and for code, and the names of what survived."""
    derivation = differentiate(cell)
    laboratory = Laboratory(derivation, standard_case(cell))
    counts: Counter[str] = Counter()
    survivors = []
    for name, wrong in spoilt(derivation, each):
        became = decided(derivation, wrong, laboratory)
        counts[became] += 1
        if became == "survived":
            survivors.append(f"{cell.name}: {name} in the gradient of {wrong.of.name}")
    return counts, in_code(derivation, laboratory, each), survivors


def main(each: int, names: list[str]) -> None:
    """Write the page, a row after each cell."""
    rows, survivors, total = [], [], Counter()
    for name in names or [*catalogue.cells(), *catalogue.heads()]:
        counts, code, left = counted(catalogue.find(name), each)
        made = sum(counts.values())
        cells = [made, *(counts[kind] for kind in KINDS), sum(code.values()), code["told apart"], code["no difference"]]
        rows.append(f"| `{name}` | {' | '.join(map(str, cells))} |")
        total.update(dict(zip(("made", *KINDS, "run", "told", "same"), cells, strict=True)))
        survivors += left
        print(rows[-1], flush=True)
        PAGE.write_text(page(each, rows, total, survivors), encoding="utf-8")


def page(each: int, rows: list[str], total: Counter[str], survivors: list[str]) -> str:
    """The page in Markdown."""
    header = "| cell | made | killed | equivalent | survived | open | in code | told apart | no difference |"
    columns = ("made", *KINDS, "run", "told", "same")
    lines = [
        "# Mutation",
        "Derivations spoilt by the mistakes of the [dictionary](mistakes/README.md), and programs with those of code.",
        f"Drawn with a fixed seed: at most {each} mutants for each gradient, and {8 * each} programs for each cell.\n"
        f"Written by `PYTHONPATH=.:tests python tests/mutation.py {each}`.",
        "Killed: the exact proof refutes the gradient. Equivalent: it proves it, and a program with it has\n"
        "the true gradients. Survived: proved, with other numbers. Open: it has no value, as it names a\n"
        "step outside of the sequence or a letter of the programs (1/B), which the mathematics does not have.\n"
        "A cell that has no row was not counted.\n"
        "In code: a program with that mistake gives other gradients, or the same in the case that is run.",
        "\n".join([header, "|---" * 9 + "|", *rows, f"| all | {' | '.join(str(total[c]) for c in columns)} |"]),
        "Survivors: " + ("none." if not survivors else "; ".join(survivors) + "."),
    ]
    return "\n\n".join(lines) + "\n"


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
