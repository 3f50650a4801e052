"""The engine changed in one place at a time, and whether its tests see it: `python tests/engine_mutation.py EACH`.

A mutation tool: cosmic-ray makes the changes (the nearest other operator, number, condition; a loop that runs never, a
decorator gone), EACH of them for every module, drawn with a fixed seed; `pip install -e .[mutation]`. A mutant never
touches a file: a child of this process compiles the changed text in place of the module and runs the module's tests.
Killed: a test fails, or they take SECONDS of CPU. What survives is printed with its line, to be explained in
docs/mutation.md or met by a new test. With a name of a module, only that one is changed.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import os
import random
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

import numpy  # noqa: F401  imported once, not in every child
import pytest
import sympy  # noqa: F401
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

SEED = 7
SECONDS = 60
ROOT = Path(__file__).parents[1]
TESTS = {
    "derive/calculus/adjoint.py": ["tests/derive/test_adjoint.py", "-k", "not Softmax1 and not MatMul2"],
    "derive/calculus/simplify.py": ["tests/derive/test_simplify.py"],
    "verify/truth/exact.py": ["tests/verify/truth/test_exact.py"],
    "verify/truth/world.py": ["tests/verify/truth/test_world.py", "-k", "not spread"],
    "verify/truth/comparison.py": ["tests/verify/truth/test_comparison.py"],
}
"""The tests that should see a change of a module, without the slowest: arguments of pytest."""
OPERATORS = [
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Add", "Div_Mul", "FloorDiv_Mul")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Mod_Mul", "Pow_Mul", "BitOr_BitAnd", "BitAnd_BitOr")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_GtE", "Gt_LtE", "Is_IsNot", "IsNot_Is")),
    *(f"ReplaceUnaryOperator_{pair}" for pair in ("USub_UAdd", "Delete_USub", "Delete_Not")),
    *("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ExceptionReplacer", "NumberReplacer"),
    *("RemoveDecorator", "ZeroIterationForLoop"),
]


@dataclass(frozen=True)
class Mutant:
    """One change: which operator, the how-manyeth place for it, and the line it is on."""

    operator: str
    occurrence: int
    line: int


def mutants(source: str) -> Iterator[Mutant]:
    """All changes of a module; annotations are text here, so that changing them changes nothing."""
    text = [span for node in ast.walk(ast.parse(source)) for span in _annotations(node)]
    nodes = list(ast_nodes(get_ast(source)))
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        places = [place for node in nodes for place in operator.mutation_positions(node)]
        for occurrence, (start, _) in enumerate(places):
            if not any(first <= start < last for first, last in text):
                yield Mutant(name, occurrence, start[0])


def _annotations(node: ast.AST) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
        if isinstance(part, ast.expr) and part.end_lineno is not None and part.end_col_offset is not None:
            yield (part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)


class _Changed(importlib.machinery.SourceFileLoader):
    """A module compiled from another text than that of its file."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self.text = text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.text, self.path, "exec")


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, module: str, text: str) -> None:
        self.name, self.path, self.text = module.removesuffix(".py").replace("/", "."), str(ROOT / module), text

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != self.name:
            return None
        loader = _Changed(name, self.path, self.text)
        return importlib.machinery.ModuleSpec(name, loader, origin=self.path)


def passes(module: str, text: str) -> bool:
    """Whether the module's tests pass with that text in its place."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        sys.dont_write_bytecode = True
        os.chdir(ROOT)
        sys.path.insert(0, str(ROOT))
        sys.meta_path.insert(0, _Finder(module, text))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os._exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *TESTS[module]]))
    return os.waitpid(child, 0)[1] == 0


def main(each: int, modules: list[str]) -> None:
    """Print what survives, and a row of the table for every module; an interrupt ends a module with its row so far."""
    for module in modules or TESTS:
        source = (ROOT / module).read_text("utf-8")
        if not passes(module, source):
            sys.exit(f"{module}: its tests fail without any change")
        made = list(mutants(source))
        run, survived = 0, 0
        with suppress(KeyboardInterrupt):
            for mutant in random.Random(f"{SEED} {module}").sample(made, min(each, len(made))):
                changed = mutate_code(source, get_operator(f"core/{mutant.operator}")(), mutant.occurrence) or source
                survives = passes(module, changed)
                run, survived = run + 1, survived + survives
                if survives:
                    told(module, mutant, source, changed)
        print(f"| `{module}` | {len(made)} | {run} | {run - survived} | {survived} |", flush=True)


def told(module: str, mutant: Mutant, source: str, changed: str) -> None:
    """Print the line of a mutant before and after."""
    lines = enumerate(zip(source.splitlines(), changed.splitlines(), strict=True), 1)
    number, (was, now) = next((found for found in lines if found[1][0] != found[1][1]), (mutant.line, ("", "")))
    print(f"{module}:{number}: {mutant.operator}\n  - {was.strip()}\n  + {now.strip()}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
