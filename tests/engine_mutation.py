"""The engine changed in one place at a time, and whether its tests see it: `python tests/engine_mutation.py EACH`.

A mutation tool: cosmic-ray makes the changes (the nearest other operator, number, condition; a loop that runs never, a
decorator gone), the first EACH of them for every module in an order drawn with a fixed seed; `pip install -e
.[mutation]`. A mutant never touches a file: a child of this process compiles the changed text in place of the module
and runs the module's tests, those first that saw most of the changes before, then the fastest. The parent has imported
whatever does not depend on the module. Killed: a test fails, or they take SECONDS of CPU. What survives is printed with
its line, to be explained in docs/mutation.md or met by a new test. With a name of a module, only that one is changed.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import random
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType

import hypothesis  # noqa: F401  imported once, not in every child
import numpy  # noqa: F401
import pytest
import sympy  # noqa: F401
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

SEED = 7
SECONDS = 60
ROOT = Path(__file__).parents[1]
TESTS = {
    "derive/calculus/adjoint.py": ["tests/derive/test_adjoint.py"],
    "derive/calculus/simplify.py": ["tests/derive/test_simplify.py"],
    "verify/truth/exact.py": ["tests/verify/truth/test_exact.py"],
    "verify/truth/world.py": ["tests/verify/truth/test_world.py"],
    "verify/truth/comparison.py": ["tests/verify/truth/test_comparison.py"],
    "verify/truth/proof.py": ["tests/verify/truth/test_proof.py"],
    **{
        f"verify/truth/decimals/{name}.py": ["tests/verify/truth/test_decimals.py"]
        for name in ("opinion", "matrices", "scalars", "trial")
    },
}
"""The tests that should see a change of a module: files for pytest."""
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
        self.name, self.path, self.text = _name(module), str(ROOT / module), text

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != self.name:
            return None
        loader = _Changed(name, self.path, self.text)
        return importlib.machinery.ModuleSpec(name, loader, origin=self.path)


def _name(module: str) -> str:
    return module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imports(name: str, file: Path) -> set[str]:
    """All that a file imports when it is run, wherever in it, and the packages of these."""
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    found = {name}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {".".join(parts[:n]) for parts in (one.split(".") for one in found) for n in range(1, len(parts) + 1)}


def independent(module: str) -> list[str]:
    """The modules of the project that do not import this one, however indirectly."""
    files = [file for room in ("derive", "verify") for file in (ROOT / room).rglob("*.py")]
    reads = {name: _imports(name, file) for file in files for name in [_name(str(file.relative_to(ROOT)))]}
    reads["by_hand"] = _imports("by_hand", ROOT / "tests/verify/by_hand.py")
    spoilt = {_name(module)}
    while more := {name for name, read in reads.items() if name not in spoilt and read & spoilt}:
        spoilt |= more
    return sorted(reads.keys() - spoilt)


@dataclass
class Watch:
    """A plugin of pytest: orders the tests, and knows what each took and which one failed."""

    order: dict[str, int] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    failed: str | None = None
    passed: bool = False
    read: list[str] = field(default_factory=list)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self.order.get(item.nodeid, 0))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.took[report.nodeid] = self.took.get(report.nodeid, 0) + report.duration
        self.failed = report.nodeid if report.failed else self.failed


def tried(module: str, text: str, first: list[str]) -> Watch | None:
    """What the module's tests say with that text in its place, run in that order; None: they did not end in time."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        sys.meta_path.insert(0, _Finder(module, text))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        watch = Watch({test: place for place, test in enumerate(first)})
        quiet = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist"]
        passed = pytest.main([*quiet, *TESTS[module]], plugins=[watch]) == 0
        with os.fdopen(writing, "w") as out:
            json.dump({"passed": passed, "failed": watch.failed, "took": watch.took, "read": [*sys.modules]}, out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return Watch(**json.loads(answer)) if answer else None


def run(module: str, each: int) -> None:
    """Print what survives of a module's first mutants, and its row of the table; an interrupt ends it with the row."""
    source = (ROOT / module).read_text("utf-8")
    base = tried(module, source, [])
    if base is None or not base.passed:
        sys.exit(f"{module}: its tests fail without any change")
    for name in sorted(set(base.read) & set(independent(module))):
        importlib.import_module(name)
    made = list(mutants(source))
    done, survived, kills = 0, 0, Counter[str]()
    with suppress(KeyboardInterrupt):
        for mutant in random.Random(f"{SEED} {module}").sample(made, len(made))[:each]:
            changed = mutate_code(source, get_operator(f"core/{mutant.operator}")(), mutant.occurrence) or source
            found = tried(module, changed, sorted(base.took, key=lambda test: (-kills[test], base.took[test])))
            done += 1
            if found and found.passed:
                survived += 1
                tell(module, mutant, source, changed)
            elif found and found.failed:
                kills[found.failed] += 1
    print(f"| `{module}` | {len(made)} | {done} | {done - survived} | {survived} |", flush=True)


def tell(module: str, mutant: Mutant, source: str, changed: str) -> None:
    """Print the line of a mutant before and after."""
    lines = enumerate(zip(source.splitlines(), changed.splitlines(), strict=True), 1)
    number, (was, now) = next((found for found in lines if found[1][0] != found[1][1]), (mutant.line, ("", "")))
    print(f"{module}:{number}: {mutant.operator}\n  - {was.strip()}\n  + {now.strip()}", flush=True)


if __name__ == "__main__":
    sys.path[:0] = map(str, (ROOT, ROOT / "tests", ROOT / "tests/verify"))
    os.chdir(ROOT)
    if len(sys.argv) == 3:
        run(sys.argv[2], int(sys.argv[1]))
    else:  # each in a process of its own: what one does not depend on may depend on the other
        for one in TESTS:
            subprocess.run([sys.executable, __file__, sys.argv[1], one], check=True)
