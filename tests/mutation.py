"""Derivations spoilt by the named mistakes, and what finds them: `PYTHONPATH=.:tests python tests/mutation.py EACH`.

Each path of each gradient is changed in every single way of the dictionary (EACH of them, drawn with a fixed seed).
A mutant is *killed* where the exact proof refutes its gradient. Of those that it proves, a mutant is *equivalent* where
the numbers agree as well (the gradients of a program with it, entry by entry), and otherwise has *survived*. One that
names a step outside of the sequence has *no value*; what is not decided otherwise is *open*. Programs with the mistakes
of code are run in two cases. Writes docs/mutation.md but for what stands in it by hand, from `BY_HAND` on.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parent / "verify"))

from mutants import rebuilt, with_gradient

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation, Gradient
from derive.cell import Cell
from derive.nodes import Adjoint, Slice
from verify.code.mistakes.registry import Laboratory, variations
from verify.code.programs.run import Prediction
from verify.mistakes.context import Context
from verify.mistakes.mutate import mutants
from verify.numbers.case import Case
from verify.numbers.evidence import SEED as DRAWN
from verify.numbers.evidence import standard_case
from verify.truth.comparison import BATCH
from verify.truth.field import UnsupportedError
from verify.truth.proof import identical
from verify.truth.verdict import Outcome
from verify.truth.world import distinct_sizes

SEED = 7
CLOSE = 1e-9
SEEDS = 1000
KINDS = ("killed", "equivalent", "survived", "no value", "open")
IN_CODE = ("told apart", "told apart by the second case", "no difference", "cannot be run")
BY_HAND = "## "
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
    program, facts = derivation.program, derivation.cell.assumptions
    verdict = identical(Adjoint(wrong.of), wrong.value, program, assumptions=facts, numbers={BATCH: 3})
    if verdict.outcome is Outcome.REFUTED:
        return "killed"
    if verdict.outcome is not Outcome.PROVED:
        return "no value" if "has no value at" in verdict.reason else "open"
    same = same_numbers(with_gradient(derivation, wrong), laboratory)
    return "open" if same is None else "equivalent" if same else "survived"


def same_numbers(derivation: Derivation, laboratory: Laboratory) -> bool | None:
    """Whether a program of this derivation has the true gradients; None where it cannot be run."""
    try:
        return agree(laboratory.predict(), Laboratory(derivation, laboratory.case).predict())
    except UnsupportedError:
        return None


def agree(truth: Prediction | None, found: Prediction | None) -> bool | None:
    """Whether two programs have the same gradients; None where one of them cannot be run."""
    if truth is None or found is None:
        return None
    pairs = ((found.gradients[name], value) for name, value in truth.gradients.items())
    return all(a.shape == b.shape and np.allclose(a, b, CLOSE, CLOSE) for a, b in pairs)


def in_code(derivation: Derivation, laboratories: Sequence[Laboratory], each: int) -> tuple[Counter[str], Counter[str]]:
    """What becomes of the mistakes of code, and the names of those that change no gradient in any case."""
    made = variations(derivation)
    counts: Counter[str] = Counter()
    same: Counter[str] = Counter()
    for variation in random.Random(f"{SEED} code {derivation.cell.name}").sample(made, min(8 * each, len(made))):
        found = [agree(each.predict(), each.predict(variation)) for each in laboratories]
        became = IN_CODE[found.index(False) if False in found else 3 if None in found else 2]
        counts[became] += 1
        if became == "no difference":
            same[variation.mistake.name] += 1
            print(derivation.cell.name, variation.mistake, file=sys.stderr)
    return counts, same


def second_case(cell: Cell) -> Case:
    """Other sizes, other numbers, T = 7 and B = 4 instead of 5 and 3, and seeds that no clip leaves alone."""
    sizes = {str(letter): number + 3 for letter, number in distinct_sizes(cell).items()}
    case = Case.draw(cell, sizes, 7, 4, np.random.default_rng(DRAWN + 1))
    final = {name: SEEDS * seed for name, seed in case.d_final.items()}
    return replace(case, d_output=SEEDS * case.d_output, d_final=final)


def counted(cell: Cell, each: int) -> tuple[Counter[str], Counter[str], list[str], Counter[str]]:
    """The counts of a cell for its derivation and for code, what survived, and what makes no difference in code."""
    derivation = differentiate(cell)
    laboratories = [Laboratory(derivation, case) for case in (standard_case(cell), second_case(cell))]
    counts: Counter[str] = Counter()
    survivors = []
    for name, wrong in spoilt(derivation, each):
        became = decided(derivation, wrong, laboratories[0])
        counts[became] += 1
        if became == "survived":
            survivors.append(f"{cell.name}: {name} in the gradient of {wrong.of.name}")
    code, same = in_code(derivation, laboratories, each)
    return counts, code, survivors, same


def main(each: int, names: list[str]) -> None:
    """Write the page, a row after each cell."""
    rows, survivors, total, unseen = [], [], Counter(), Counter()
    for name in names or [*catalogue.cells(), *catalogue.heads()]:
        counts, code, left, same = counted(catalogue.find(name), each)
        cells = {"made": sum(counts.values()), **{kind: counts[kind] for kind in KINDS}}
        cells |= {"in code": sum(code.values()), **{kind: code[kind] for kind in IN_CODE}}
        rows.append(f"| `{name}` | {' | '.join(map(str, cells.values()))} |")
        total.update(cells)
        survivors += left
        unseen += same
        print(rows[-1], flush=True)
        PAGE.write_text(page(each, rows, total, survivors, unseen) + by_hand(), encoding="utf-8")


def by_hand() -> str:
    """What stands on the page by hand: it is kept."""
    _, mark, after = PAGE.read_text("utf-8").partition(f"\n{BY_HAND}")
    return mark + after


def page(each: int, rows: list[str], total: Counter[str], survivors: list[str], unseen: Counter[str]) -> str:
    """The page in Markdown, but for what stands there by hand."""
    columns = ("cell", "made", *KINDS, "in code", *IN_CODE)
    lines = [
        "# Mutation",
        "Derivations spoilt by the mistakes of the [dictionary](mistakes/README.md), and programs with those of code.",
        f"Drawn with a fixed seed: at most {each} mutants for each gradient, and {8 * each} programs for each cell.\n"
        f"Written by `PYTHONPATH=.:tests python tests/mutation.py {each}`.",
        "Killed: the exact proof refutes the gradient. Equivalent: it proves it, and a program with it has\n"
        "the true gradients. Survived: proved, with other numbers. No value: it names a step outside of the\n"
        "sequence, and is not told to be right. Open: not decided.\n"
        "In code: a program with that mistake gives other gradients in the first case (T = 5, B = 3), in\n"
        "the second only (T = 7, B = 4, other sizes, a J a thousand times as large), or in none.",
        "\n".join(
            [
                f"| {' | '.join(columns)} |",
                "|---" * len(columns) + "|",
                *rows,
                f"| all | {' | '.join(str(total[c]) for c in columns[1:])} |",
            ]
        ),
        "Survivors: " + ("none." if not survivors else "; ".join(survivors) + "."),
        "Mistakes of code that made no difference: "
        + ("none." if not unseen else "; ".join(f"{name} ({count})" for name, count in unseen.most_common()) + "."),
    ]
    return "\n\n".join(lines) + "\n"


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
