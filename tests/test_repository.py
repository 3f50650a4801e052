"""Rules about the repository itself."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType

import pytest

import derive
import verify
from derive import build, catalogue
from verify.mistakes import dictionary

ROOT = Path(__file__).parents[1]
SOURCES = [*ROOT.glob("derive/**/*"), *ROOT.glob("verify/**/*"), *ROOT.glob("backproof/**/*")]
PYTHON = [path for path in SOURCES if path.suffix == ".py"]


RUNS_THEIR_CODE = ROOT / "verify/code/running/loading.py"
"""Where a person's own file is run, in a process of its own, because they asked for it."""


def test_no_cell_is_named_in_the_engine() -> None:
    names = re.compile("|".join(f"{name.split('_')[0]}" for name in catalogue.cells()), re.IGNORECASE)
    notes = [ROOT / "derive" / folder for folder in ("cells", "heads", "networks", "languages")]  # data
    for path in SOURCES:
        if path.is_file() and "__pycache__" not in path.parts and path.parts[-3:-1] and "derive" in path.parts:
            if any(folder in path.parents for folder in notes):
                continue
            found = names.search(path.read_text(encoding="utf-8"))
            assert not found, f"{path.relative_to(ROOT)} names a cell: {found[0] if found else ''}"


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_text_never_becomes_code(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            asked_for = path == RUNS_THEIR_CODE and called in {"exec", "compile"}
            forbidden = {"eval", "exec", "parse_expr", "parse_latex", "compile"}
            assert called not in forbidden or asked_for or _is_regex(node), path
            if called == "sympify":
                assert path.parent == ROOT / "derive/nodes", f"{path}: sympify belongs to the checked constructors"
                assert [ast.unparse(keyword) for keyword in node.keywords] == ["strict=True"], f"{path} takes text"


def _is_regex(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id == "re"


def test_the_two_roads_share_no_code() -> None:
    truth = [ROOT / f"verify/truth/{name}.py" for name in ("exact", "field", "rates", "world")]
    for path in truth:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                assert module not in {
                    "derive.calculus.adjoint",
                    "derive.calculus.bptt",
                    "derive.calculus.simplify",
                    "derive.calculus.program",
                }, path


def test_generated_modules_need_numpy_alone() -> None:
    for path in ROOT.glob("generated/*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        optional = {node for part in ast.walk(tree) if isinstance(part, ast.Try) for node in ast.walk(part)}
        imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom) and n not in optional]
        names = {ast.unparse(n).split()[1].split(".")[0] for n in imports} - sys.stdlib_module_names
        assert names == (set() if path.stem == "__init__" else {"numpy"})


def test_generated_files_are_fresh() -> None:
    with build.everything() as made:
        files = {**build.collected(made), **dictionary.rendered()}
    assert build.differences(files, ROOT, [dictionary.FOLDER]) == []


@pytest.mark.parametrize("package", [derive, verify], ids=lambda package: package.__name__)
def test_every_public_name_can_be_imported(package: ModuleType) -> None:
    for name in package.__all__:
        assert not isinstance(getattr(package, name), ModuleType), name


def _imported(path: Path, modules: Mapping[str, Path]) -> Iterator[str]:
    """The modules of the project that one imports when it is imported itself."""
    waiting = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield from {f"{node.module}.{alias.name}", node.module} & {*modules}
        elif isinstance(node, ast.Import):
            yield from {alias.name for alias in node.names} & {*modules}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        elif isinstance(node, ast.If | ast.Try | ast.With):
            waiting += node.body


def test_no_module_imports_itself_by_way_of_others() -> None:
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in PYTHON if path.stem != "__init__"
    }
    TopologicalSorter({name: set(_imported(path, modules)) for name, path in modules.items()}).prepare()


def test_no_folder_is_flat_and_long() -> None:
    for folder in {path.parent for path in PYTHON}:
        assert len(list(folder.glob("*.py"))) <= 15, f"{folder.relative_to(ROOT)} wants rooms"
