"""Mistakes planted mechanically in right files: each is an edit of the syntax tree of the backward pass.

    python tests/verify/code/planting.py [NAME ...] [--singles N] [--pairs N] [--triples N] [--seed N]

prints for every file of `bases` how many of them are found and named. A mistake counts only where it changes a
gradient, and beside others only where it changes what they give; named is one whose word stands in the answer.
"""

from __future__ import annotations

import argparse
import ast
import copy
import inspect
import io
import itertools
import random
import re
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from verify.code import answering, protocols
from verify.code.calling.axes import FIRST
from verify.code.calling.base import MisfitError, RaisedError
from verify.code.running import find
from verify.code.running.loading import imported

BASES = Path(__file__).parent / "bases"
FILES = {
    "updates_rnn": ("ManyToOneRNN", "rnn"),
    "static_lstm": ("LSTM", "lstm"),
    "predictions_gru": ("gru_backward", "gru"),
    "bptt_rnn": ("LanguageModel", "rnn"),
    "method_lstm": ("CharLSTM", "lstm"),
    "rows_lstm": ("lstm_backward", "lstm"),
    "columns_lstm": ("lstm_backward", "lstm"),
    "globals_gru": ("lossFun", "gru"),
    "layer_rnn": ("TimeRNN", "rnn"),
    "framework_gru": ("GRU", "gru"),
    "single_rnn": ("backward_pass", "rnn"),
    "gradients_rnn": ("gradients", "rnn"),
    "torch_rnn": ("RNNFunction", "rnn"),
}
BACK = re.compile(r"back|bptt")
CARRY = re.compile(r"next$|^d[ac]?h?_?(prev|next)|prev_[hc]$|_prev$|next_[hc]$")
BEFORE = {"c_prev": "c", "prev_c": "next_c", "c_old": "c_next", "h_prev": "h_next", "prev_h": "next_h"}


@dataclass(frozen=True)
class Plant:
    """One edit: its name, words that an answer must hold, the path to the node, and what stands there then."""

    name: str
    words: str
    path: tuple[Any, ...]
    edit: Callable[[Any], Any] = field(compare=False)


def plants(tree: ast.Module) -> list[Plant]:
    """Every edit that can be made in the backward passes of a file."""
    found: list[Plant] = []
    for path, node in _regions(tree):
        carried = _carried(tree, node)
        for inner, part in _walk(node, path):
            if "slice" in inner and isinstance(part, ast.BinOp):
                continue  # t + 1 in an index is no sum of terms
            found += [Plant(n, w, inner, e) for n, w, e in _edits(part, carried)]
        if isinstance(node, ast.For):
            found += [Plant(n, w, path, e) for n, w, e in _loops(node, carried)]
    return found


def planted(text: str, chosen: list[Plant]) -> str:
    """The file with some edits; raises KeyError where one takes away the place of another."""
    tree = ast.parse(text)
    for plant in sorted(chosen, key=lambda p: -len(p.path)):
        owner: Any = tree
        *way, last = plant.path
        for step in way:
            owner = _step(owner, step)
        new = plant.edit(copy.deepcopy(_step(owner, last)))
        if isinstance(last, tuple):
            getattr(owner, last[0])[last[1]] = new
        else:
            setattr(owner, last, new)
    return ast.unparse(ast.fix_missing_locations(tree))


def _step(owner: Any, step: Any) -> Any:
    return getattr(owner, step[0])[step[1]] if isinstance(step, tuple) else getattr(owner, step)


def _walk(node: ast.AST, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], ast.AST]]:
    for name, value in ast.iter_fields(node):
        for step, child in (
            [((name, k), c) for k, c in enumerate(value)] if isinstance(value, list) else [(name, value)]
        ):
            if isinstance(child, ast.AST):
                yield (*path, step), child
                yield from _walk(child, (*path, step))


def _regions(tree: ast.Module) -> Iterator[tuple[tuple[Any, ...], ast.AST]]:
    """Loops that run backwards, and functions of a backward pass without one."""
    for path, node in _walk(tree):
        if (isinstance(node, ast.For) and _runs_back(node)) or (
            isinstance(node, ast.FunctionDef) and BACK.search(node.name) and not _has_loop(node)
        ):
            yield path, node


def _has_loop(node: ast.FunctionDef) -> bool:
    return any(isinstance(n, ast.For) and _runs_back(n) for n in ast.walk(node))


def _runs_back(node: ast.For) -> bool:
    text = ast.unparse(node.iter)
    return "reversed(" in text or "-1, -1)" in text


def _carried(tree: ast.Module, node: ast.AST) -> set[str]:
    """Names that go from step to step."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return {n for n in names if CARRY.search(n)}


def _is_slope(node: ast.AST) -> bool:
    """1 - a ** 2, 1 - a * a."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and isinstance(node.left, ast.Constant)):
        return False
    right = node.right
    if not isinstance(right, ast.BinOp):
        return False
    return isinstance(right.op, ast.Pow) or (
        isinstance(right.op, ast.Mult) and ast.unparse(right.left) == ast.unparse(right.right)
    )


def _is_complement(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and isinstance(node.right, ast.Name | ast.Subscript)
    )


def _parsed(text: str) -> Any:
    return ast.parse(text, mode="eval").body


def _edits(node: ast.AST, carried: set[str]) -> Iterator[tuple[str, str, Callable[[Any], Any]]]:
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        yield "overwritten", "overwritten", lambda n: ast.Assign([_stored(n.target)], n.value)
        for name, words, factor in (
            ("twice", "multiplied by 2|counted twice", "2"),
            ("sign", "-1|sign", "-1"),
            ("half", "1/2|0.5", "0.5"),
        ):
            yield (
                name,
                words,
                lambda n, f=factor: ast.AugAssign(n.target, n.op, _parsed(f"{f} * ({ast.unparse(n.value)})")),
            )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        for side, other in (("left", "right"), ("right", "left")):
            term = getattr(node, side)
            name = term.id if isinstance(term, ast.Name) else ""
            if name in carried:
                yield "carry", "carry", lambda n, other=other: getattr(n, other)
            elif not isinstance(term, ast.BinOp) or not isinstance(term.op, ast.Add):
                yield (
                    "term",
                    "missing term|left out|path|term|lacks|not added",
                    lambda n, other=other: getattr(n, other),
                )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        if _is_slope(node.right):
            yield "slope forgotten", "slope", lambda n: n.left
        elif _is_complement(node.right):
            yield "factor forgotten", "slope|factor", lambda n: n.left
    if _is_slope(node):
        yield "slope", "slope", lambda n: _parsed(f"1 - np.tanh({ast.unparse(n.right.left)}) ** 2")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        for side in ("left", "right"):
            part = getattr(node, side)
            if isinstance(part, ast.Attribute) and part.attr == "T":
                yield "transpose", "transpose|the other way", lambda n, side=side: _without(n, side)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in BEFORE:
        yield "time", "wrong time|time index|instead of|wrong quantity", lambda n: ast.Name(BEFORE[n.id], ast.Load())
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and ast.unparse(node.slice) == "t - 1":
        yield (
            "time",
            "wrong time|time index|instead of|wrong quantity",
            lambda n: ast.Subscript(n.value, _parsed("t"), ast.Load()),
        )


def _stored(node: Any) -> Any:
    found = copy.deepcopy(node)
    found.ctx = ast.Store()
    return found


def _without(node: Any, side: str) -> Any:
    setattr(node, side, getattr(node, side).value)
    return node


def _loops(node: ast.For, carried: set[str]) -> Iterator[tuple[str, str, Callable[[Any], Any]]]:
    steps = re.sub(r"^reversed\(range\((.*)\)\)$", r"\1", ast.unparse(node.iter))
    steps = re.sub(r"^range\((.*) - 1, -1, -1\)$", r"\1", steps)

    def over(text: str) -> Callable[[Any], Any]:
        def edit(n: Any) -> Any:
            n.iter = _parsed(text)
            return n

        return edit

    yield "first step", "first step|t = 0", over(f"reversed(range(1, {steps}))")
    yield "last step", "last step|one step off", over(f"reversed(range({steps} - 1))")
    yield "truncated", "truncat|last 4", over(f"reversed(range(max(0, {steps} - 4), {steps}))")
    for name in sorted(carried):

        def clip(n: Any, name: str = name) -> Any:
            n.body.append(ast.parse(f"{name} = {name}.clip(-0.1, 0.1)").body[0])
            return n

        yield "clip", "clip", clip


# Judging


class Judge:
    """A base file, and what is said of it with mistakes in it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.target, self.cell = FILES[name]
        self.text = (BASES / f"{name}.py").read_text(encoding="utf-8")
        self.source = imported(self._written(self.text))
        self.plan = protocols.bound(find.target(self.source, self.target, [self.cell]))
        self.known: dict[str, dict[str, Any] | None] = {}

    def _written(self, text: str) -> Path:
        path = self.folder / f"{self.name}.py"
        path.write_text(text, encoding="utf-8")
        return path

    def numbers(self, text: str) -> dict[str, Any] | None:
        """The gradients that a text gives, None where it does not run."""
        if text not in self.known:
            own = dict(_functions(vars(self.source.module)))
            space: dict[str, Any] = {"__name__": self.source.module.__name__}
            exec(compile(text, str(self.source.path), "exec"), space)  # noqa: S102  # an edited file of ours
            before = {name: function.__code__ for name, function in own.items()}
            try:
                for name, function in _functions(space):
                    own[name].__code__ = function.__code__
                self.known[text] = {n: np.asarray(v) for n, v in self.plan.trial(FIRST).gradients().items()}
            except (MisfitError, RaisedError, ValueError):
                self.known[text] = None
            finally:
                for name, code in before.items():
                    own[name].__code__ = code
        return self.known[text]

    def answer(self, text: str) -> dict[str, Any]:
        """What `check-code` says."""
        path = self._written(text)
        request = {"spec": f"{path}:{self.target}", "cell": self.cell}
        with redirect_stdout(io.StringIO()):
            try:
                found: dict[str, Any] = answering.answered(request, imported(path), lambda stage: None)["json"]
            except MisfitError as error:
                found = {"verdict": "cannot_tell", "mistakes": [], "nearest": str(error)}
        return found


def _functions(space: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The functions of a module and the methods of its classes, by name."""
    for name, value in space.items():
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value) and value.__module__ == space["__name__"]:
            for inner, member in vars(value).items():
                function = getattr(member, "__func__", member)
                if inspect.isfunction(function):
                    yield f"{name}.{inner}", function


def differ(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether any gradient differs, or is missing."""
    return a.keys() != b.keys() or any(
        a[n].shape != b[n].shape or not np.allclose(a[n], b[n], rtol=1e-6, atol=1e-9) for n in a
    )


def named(plant: Plant, answer: dict[str, Any]) -> bool:
    """Whether a mistake is named."""
    text = "; ".join(f"{m['name']}: {m['detail']}" for m in answer["mistakes"]).lower()
    return any(word in text for word in plant.words.split("|"))


def drawn(judge: Judge, rng: random.Random, size: int, count: int) -> Iterator[list[Plant]]:
    """Sets of mistakes that all show: without any of them the gradients would be others."""
    tree = ast.parse(judge.text)
    every = plants(tree)
    by_name = sorted({p.name for p in every})
    tried: set[tuple[Plant, ...]] = set()
    made = 0
    for attempt in itertools.count():
        if made >= count or attempt > 12 * count:
            return
        names = rng.sample(by_name, min(size, len(by_name)))
        if size == 1:  # each kind in its turn
            names = [by_name[attempt % len(by_name)]]
        chosen = [rng.choice([p for p in every if p.name == n]) for n in names]
        if len({p.path for p in chosen}) < size or tuple(chosen) in tried:
            continue
        tried.add(tuple(chosen))
        try:
            whole = judge.numbers(planted(judge.text, chosen))
            less = [judge.numbers(planted(judge.text, [q for q in chosen if q is not p])) for p in chosen]
        except (KeyError, AttributeError, IndexError, ValueError):
            continue  # one takes away the place of another
        if whole is None or any(one is None or differ(one, whole) is False for one in less):
            continue
        made += 1
        yield chosen


def rates(
    name: str, sizes: dict[int, int], seed: int = 0, say: Callable[[str], None] = lambda line: None
) -> Counter[str]:
    """How many sets of each size were wrong, and named."""
    rng, found = random.Random(f"{name} {seed}"), Counter[str]()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        judge = Judge(name, Path(folder))
        right = judge.answer(judge.text)
        found["false alarms"] += right["verdict"] != "right"
        for size, count in sizes.items():
            for chosen in drawn(judge, rng, size, count):
                text = planted(judge.text, chosen)
                start = time.process_time()
                answer = judge.answer(text)
                found[f"{size} tried"] += 1
                found["false rights"] += answer["verdict"] == "right"
                found["not judged"] += answer["verdict"] == "cannot_tell"
                good = answer["verdict"] == "wrong" and all(named(p, answer) for p in chosen)
                found[f"{size} named"] += good
                found["longest"] = max(found["longest"], round(time.process_time() - start, 1))  # type: ignore[assignment]
                if not good or answer["verdict"] != "wrong":
                    said = "; ".join(f"{m['name']}: {m['detail']}" for m in answer["mistakes"])
                    say(f"  {name} {[p.name for p in chosen]} {answer['verdict']}: {said} | {answer['nearest']}"[:400])
                    say("    " + " // ".join(_changed(judge.text, text)))
    return found


def _changed(before: str, after: str) -> list[str]:
    old = ast.unparse(ast.parse(before)).splitlines()
    return [line.strip() for line in after.splitlines() if line not in old][:4]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    for word, count in (("singles", 14), ("pairs", 8), ("triples", 6), ("seed", 0)):
        parser.add_argument(f"--{word}", type=int, default=count)
    parser.add_argument("-v", action="store_true")
    given = parser.parse_args()
    sizes = {1: given.singles, 2: given.pairs, 3: given.triples}
    total = Counter[str]()
    print(f"{'file':16} singles   pairs   triples  false rights  false alarms  not judged  longest", flush=True)
    for name in given.names or FILES:
        found = rates(name, sizes, given.seed, print if given.v else lambda line: None)
        _row(name, found)
        total += found
    _row("all", total)


def _row(name: str, found: Counter[str]) -> None:
    parts = [f"{found[f'{n} named']}/{found[f'{n} tried']}" for n in (1, 2, 3)]
    print(
        f"{name:16} {parts[0]:9} {parts[1]:7} {parts[2]:8} {found['false rights']:12} {found['false alarms']:13} "
        f"{found['not judged']:11} {found['longest']:8}",
        flush=True,
    )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))
    main()
