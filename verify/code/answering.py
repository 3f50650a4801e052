"""From a loaded file to the answer that `backproof check-code` prints: find the protocol, judge, match, explain.

A request is a dict: `spec` FILE[:TARGET], `cell`, `as` PROTOCOL, `layout` and `names` as written on the command line,
`tolerance`, `limit` in seconds, `gradients` (no cell is asked for), `skeleton`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from derive import catalogue
from derive.cell import Cell
from derive.errors import InputError
from derive.networks.network import Direction, Network
from verify.code import protocols
from verify.code.calling.base import MisfitError, RaisedError, Target
from verify.code.calling.engine import CallPlan
from verify.code.diagnosis import explain
from verify.code.judging import judge
from verify.code.layouts.handwritten import check_backward
from verify.code.layouts.layout import read_layout, read_names
from verify.code.matching import fit
from verify.code.matching.heads import HEADS
from verify.code.matching.match import Match
from verify.code.report import CodeReport, Standing, declared_apart
from verify.code.running import find
from verify.code.running.loading import Source, UnusableError, split_target, told
from verify.code.skeleton import skeleton
from verify.formulas.judgement import Mistake


def refused(request: dict[str, Any], reason: str) -> dict[str, Any]:
    """The answer where nothing can be told."""
    report = CodeReport(request.get("cell") or "", (), undecided=reason)
    return {"code": 2, "json": report.to_json(), "text": "", "reason": f"{request['spec']}: {reason}"}


def answered(request: dict[str, Any], source: Source, stage: Callable[[str], None]) -> dict[str, Any]:
    """The answer for a file that has been loaded."""
    _, name = split_target(request["spec"])
    if request.get("cell"):
        _made(request)  # a cell that nobody knows is said first
    if request.get("layout") or request.get("names") or (not name and "PARAMETERS" in source.module.__dict__):
        return _as_layout(request, source, name, stage)
    target = find.target(source, name, [request.get("cell") or ""])
    if request.get("skeleton"):
        if not request.get("cell"):
            raise UnusableError("a skeleton has the names of a cell: name it with --cell")
        text = skeleton(target, catalogue.find(request["cell"]), request.get("as") or "")
        return {"code": 0, "json": {"skeleton": text}, "text": text, "reason": ""}
    report = reported(target, request, stage)
    code = {Standing.RIGHT: 0, Standing.WRONG: 1}.get(report.standing, 2)
    return {"code": code, "json": report.to_json(), "text": str(report), "reason": ""}


def reported(target: Target, request: dict[str, Any], stage: Callable[[str], None] = lambda name: None) -> CodeReport:
    """The report on a target."""
    stage(f"{target.name} is called for the first time")
    try:
        plan = protocols.bound(target, request.get("as") or "")
    except MisfitError as error:
        failed = f"; {target.source.failures[0]}" if target.source.failures else ""
        raise MisfitError(f"{error}{failed}") from None
    if request.get("cell") and not plan.loss and all(v.part == "input" for v in plan.variables.values()):
        outputs = ", ".join(f"{o.name} ({' '.join(o.axes)})" for o in plan.weighed)
        raise MisfitError(
            f"{target.name}: forward has its input alone and returns {outputs}, which are no states; "
            "--gradients judges it without a cell"
        )
    if _last_step(request) and not plan.loss and any("T" in output.axes for output in plan.weighed):
        plan.last_only = True
        plan.assumed.append("J reads the last output only, as asked")
    try:
        judged = judge.judge(plan, lambda case: stage(f"{target.name} is called, {case}"))
    except RaisedError as error:
        raise MisfitError(f"{target.name}: {told(error.error, target.source.path)}") from None
    rows = judge.rows(judged)
    mistakes = tuple(Mistake(name, detail) for name, detail in judged.mistakes)
    forward, assumed, near = "", tuple(plan.assumed), ""
    if not judged.undecided or judged.wrong():
        stage(f"{target.name} is compared with {request.get('cell') or 'its own forward pass'}")
        try:
            match, forward, assumed = _compared(plan, request)
            judged.not_given += _never_given(plan, match)
            stage(f"{target.name} is called to find its mistakes")
            found, near = explain.explained(judged, match, lambda: stage(""))
        except RaisedError as error:  # with arrays of other sizes
            raise MisfitError(f"{target.name}: {told(error.error, target.source.path)}") from None
        mistakes += found
        assumed = (*plan.assumed, *assumed)
    if plan.unproved and (near or not mistakes):
        raise MisfitError(plan.unproved)
    stage("")
    return CodeReport(
        request.get("cell") or "",
        rows,
        mistakes,
        nearest=near,
        notes=(*target.source.notes, *plan.notes, *judged.notes),
        undecided=judged.undecided,
        protocol=plan.protocol,
        forward=forward,
        assumed=assumed,
        not_given=tuple(judged.not_given),
        not_understood=tuple(judged.not_understood),
        method=judged.method,
    )


def _compared(plan: CallPlan, request: dict[str, Any]) -> tuple[Match | None, str, tuple[str, ...]]:
    """The match with a cell or network, what the forward pass is to it in words, and what was found out for it."""
    if not request.get("cell"):
        return None, "", ()
    made = _made(request)
    cell = made.cell if isinstance(made, Network) else made
    heads: tuple[str, ...] = HEADS
    if isinstance(made, Network):
        if made.layers > 1 or made.direction is not Direction.FORWARD:
            return None, "not compared: a network of several layers or directions is judged by its own forward pass", ()
        heads = (made.head.name,) if made.head is not None else HEADS
    match, words = fit.matched(plan, cell, heads, _last_step(request))
    return match, words, match.assumed if match is not None else ()


def _last_step(request: dict[str, Any]) -> bool:
    return bool((request.get("network") or {}).get("last_step"))


def _made(request: dict[str, Any]) -> Cell | Network:
    """The cell or network that is asked for; the last step of what has no head is that of J alone."""
    options = dict(request.get("network") or {})
    if not options.get("head"):
        options.pop("last_step", None)
    made = catalogue.made(request["cell"], **options)
    if declared := (made.cell if isinstance(made, Network) else made).declared_slopes:
        raise UnusableError(declared_apart(declared))
    return made


def _never_given(plan: CallPlan, match: Match | None) -> list[str]:
    """States of the cell that the code was never given, and gradients of final states that it never saw."""
    if match is None or match.cell.is_loss:
        return []
    given, seen = set(match.states.values()), {name for name, when in match.outputs.values() if when != "all"}
    found = [f"the initial state {s.name}, which is zero" for s in match.cell.states if s.name not in given]
    if not plan.timed or any(when == "last" for _, when in match.outputs.values()):
        found = [words for words in found if plan.timed]
    if plan.timed:
        found += [f"a gradient of the final state {s.name}" for s in match.cell.states if s.name not in seen]
    return found


def _as_layout(request: dict[str, Any], source: Source, name: str, stage: Callable[[str], None]) -> dict[str, Any]:
    """The answer for f(params, x, d_ys), or forward and backward, in a layout that a person names."""
    cell = catalogue.find(request["cell"])
    layout, names = read_layout(request.get("layout") or ""), read_names(request.get("names") or "")
    function: Any = source.module
    for word in filter(None, name.split(".")):
        if not hasattr(function, word):
            raise UnusableError(find.absent(source, name))
        function = getattr(function, word)
    stage(f"{name or source.path.name} is called")
    try:
        function = function() if isinstance(function, type) else function
        report = check_backward(function, cell, layout=layout, names=names, tolerance=request.get("tolerance"))
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # whatever a person's code may raise
        raise UnusableError(told(error, source.path)) from None
    code = {Standing.RIGHT: 0, Standing.WRONG: 1}.get(report.standing, 2)
    return {"code": code, "json": report.to_json(), "text": str(report), "reason": ""}
