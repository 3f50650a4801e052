"""What closes the page of a cell: the evidence for its gradients, and how to use it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from derive.cell import Cell
from derive.languages import ENGLISH, Language
from derive.networks.network import Network
from verify.numbers.evidence import THRESHOLDS
from verify.site.plots import METHODS, errors, norms


def closing(
    made: Cell | Network,
    folder: str,
    module: str,
    evidence: Mapping[str, Any] | None,
    pdf: bool = False,
    language: Language = ENGLISH,
) -> str:
    """Markdown: evidence where there is some, the command that gathers it, how to import the module, and the PDF."""
    say = language.say
    parts = [*_norms(made, say)] if isinstance(made, Cell) and folder == "cells" else []
    parts += [f"## {say('Evidence')}", "", *_evidence(made.name, evidence, say)]
    parts += ["", f"## {say('Use it')}", "", *_use(made, folder, module, say)]
    parts += ["", f'<a href="../pdf/{made.name}.pdf">{say("This page as an article (PDF)")}</a>'] if pdf else []
    return "\n".join(parts)


def _norms(cell: Cell, say: Callable[[str], str]) -> list[str]:
    if not (figure := norms(cell, say)):
        return []
    about = say("How strongly the states respond to those some steps before, for random parameters of three norms:")
    more = f"[{say('What is measured, and other cells')}](../vanishing.md)"
    return [f"## {say('How far gradients reach')}", "", about, "", *_raw(figure), "", more, ""]


def _raw(figure: str) -> list[str]:
    return ["```{raw} html", f'<div class="picture">{figure.strip()}</div>', "```"]


def _evidence(name: str, evidence: Mapping[str, Any] | None, say: Callable[[str], str]) -> list[str]:
    command = ["```sh", f"backproof verify {name}", "```"]
    if evidence is None:
        return [
            say(
                "The derived gradients are compared with true rates of change in exact arithmetic, and the generated "
                "code with the complex step, central differences, torch and JAX:"
            ),
            "",
            *command,
        ]
    bounds = ", ".join(f"{METHODS[method]} {bound:.0e}" for method, bound in THRESHOLDS.items())
    rows = [
        f"| `{gradient}` | {say('proved' if found['proved'] else 'NOT PROVED')} | "
        + " | ".join("-" if found[method] is None else f"{found[method]:.0e}" for method in THRESHOLDS)
        + " |"
        for gradient, found in evidence["gradients"].items()
    ]
    return [
        say(
            "*Proved*: exact arithmetic shows the derived gradient equal to the true rate of change. The numbers are "
            "the largest relative errors of the generated code; they count up to {bounds}. To gather it anew:"
        ).replace("{bounds}", bounds),
        "",
        *command,
        "",
        f"| {say('Gradient')} | {say('Exact')} | " + " | ".join(METHODS[method] for method in THRESHOLDS) + " |",
        "| --- | --- |" + " ---: |" * len(THRESHOLDS),
        *rows,
        "",
        *_raw(errors(evidence, say)),
    ]


def _use(made: Cell | Network, folder: str, module: str, say: Callable[[str], str]) -> list[str]:
    name = made.name
    keywords = ", ".join(f"{size}={number}" for size, number in zip(_sizes(module), range(3, 30), strict=False))
    lines = ["```python", "import numpy as np", f"from generated import {name}", ""]
    lines += [f"params = {name}.init({keywords}{', ' if keywords else ''}rng=np.random.default_rng(0))", "```", ""]
    lines += [say("The module needs NumPy alone and can be copied out. A file of your own, and other frameworks:"), ""]
    if folder == "networks":
        return [*lines, "```sh", f"backproof derive {name}", f"backproof generate {name} -o {name}.py", "```"]
    commands = [f"backproof derive {name}", f"backproof generate {name} -o {name}.py"]
    commands += [f"backproof generate {name} --target {target} -o {name}_{target}.py" for target in ("torch", "jax")]
    return [*lines, "```sh", *commands, "```"]


def _sizes(module: str) -> list[str]:
    """The keywords of `init` that are sizes."""
    functions = [node for node in ast.parse(module).body if isinstance(node, ast.FunctionDef) and node.name == "init"]
    keywords = [argument.arg for node in functions for argument in node.args.kwonlyargs]
    return [name for name in keywords if name not in ("rng", "dtype")]
