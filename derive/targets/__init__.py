"""Outputs: what is written from a derivation. One folder (or file) each, and a row in this table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.errors import InputError
from derive.networks.network import Network
from derive.notation import Notation


@dataclass(frozen=True)
class Target:
    """One output: what it is, the suffix of its files, and how it is written.

    `render` takes the derivation, the notation (None: the letters of the note), the file the equations come from, and
    its own options; `render_network` does the same for a network.
    """

    about: str
    suffix: str
    render: Callable[..., str]
    render_network: Callable[..., str]
    options: tuple[str, ...] = ()
    """What else `render` takes, by keyword."""


def _numpy(derivation: Derivation, notation: Notation | None, origin: str) -> str:
    from derive.targets.numpy import module

    return module(derivation, origin)


def _numpy_network(network: Network, notation: Notation | None, origin: str) -> str:
    from derive.targets.numpy import network_module

    return network_module(network, origin)


def _torch(derivation: Derivation, notation: Notation | None, origin: str) -> str:
    from derive.targets.torch import module

    return module(derivation, origin)


def _torch_network(network: Network, notation: Notation | None, origin: str) -> str:
    from derive.targets.torch import network_module

    return network_module(network, origin)


def _triton(derivation: Derivation, notation: Notation | None, origin: str) -> str:
    from derive.targets.triton import module

    return module(derivation, origin)


def _triton_network(network: Network, notation: Notation | None, origin: str) -> str:
    from derive.targets.triton import network_module

    return network_module(network, origin)


def _jax(derivation: Derivation, notation: Notation | None, origin: str) -> str:
    from derive.targets.jax import module

    return module(derivation, origin)


def _jax_network(network: Network, notation: Notation | None, origin: str) -> str:
    from derive.targets.jax import network_module

    return network_module(network, origin)


def _onnx(
    derivation: Derivation,
    notation: Notation | None,
    origin: str,
    *,
    dtype: str = "float32",
    backward: bool = False,
    lengths: bool = False,
) -> str:
    from derive.targets.onnx import module

    return module(derivation, origin, dtype=dtype, backward=backward, lengths=lengths)


def _onnx_network(network: Network, notation: Notation | None, origin: str, **_: Any) -> str:
    raise InputError("a network has no ONNX model yet", hint="use the model of its cell once for each copy")


def _program(derivation: Derivation, notation: Notation | None, origin: str) -> str:
    from derive.targets.program import page

    return page(derivation, origin)


def _program_network(network: Network, notation: Notation | None, origin: str) -> str:
    raise InputError("a network is several programs", hint="use --target program for its cell")


def _native(derivation: Derivation, notation: Notation | None, origin: str) -> str:
    from derive.targets.native import module

    return module(derivation, origin)


def _native_network(network: Network, notation: Notation | None, origin: str) -> str:
    from derive.targets.native import network_module

    return network_module(network, origin)


def _training(derivation: Derivation, notation: Notation | None, origin: str) -> str:
    raise InputError("training needs a network with a loss", hint="add a head, as in --head softmax")


def _training_network(network: Network, notation: Notation | None, origin: str) -> str:
    from derive.targets.numpy import network_module

    return network_module(network, origin, script=True)


def _picture(
    derivation: Derivation, notation: Notation | None, origin: str, *, lang: str = "en", **options: Any
) -> str:
    from derive.languages import find
    from derive.targets.pictures import picture

    return picture(derivation, notation, language=find(lang), **options)


def _picture_network(
    network: Network, notation: Notation | None, origin: str, *, lang: str = "en", **options: Any
) -> str:
    from derive.languages import find
    from derive.targets.pictures import network_picture

    return network_picture(network, notation, language=find(lang), **options)


def _page(form: str) -> Callable[..., str]:
    def render(derivation: Derivation, notation: Notation | None, origin: str, *, lang: str = "en") -> str:
        from derive.languages import find
        from derive.targets import pages

        write: Callable[..., str] = getattr(pages, form)
        return write(derivation, notation, origin=origin, language=find(lang))

    return render


def _network_page(form: str) -> Callable[..., str]:
    def render(network: Network, notation: Notation | None, origin: str, *, lang: str = "en") -> str:
        from derive.languages import find
        from derive.targets import pages

        return pages.of_network(form, network, notation, origin, find(lang))

    return render


def _pages(form: str) -> tuple[Callable[..., str], Callable[..., str]]:
    return _page(form), _network_page(form)


# Each target is imported when it is first used: a command pays only for what it writes.
TARGETS = {
    "numpy": Target("a standalone NumPy module", ".py", _numpy, _numpy_network),
    "torch": Target("a standalone torch module with the derived backward pass", ".py", _torch, _torch_network),
    "triton": Target("the torch module with kernels that run its loops on a GPU", ".py", _triton, _triton_network),
    "jax": Target("a standalone JAX module whose gradient is the derived one", ".py", _jax, _jax_network),
    "native": Target("a standalone NumPy module whose loops numba compiles", ".py", _native, _native_network),
    "onnx": Target("an operator graph for ONNX", ".onnx", _onnx, _onnx_network, ("dtype", "backward", "lengths")),
    "training": Target("a standalone NumPy script that trains", ".py", _training, _training_network),
    "program": Target("the lowered programs, before and after the passes", ".txt", _program, _program_network),
    "markdown": Target("a page with formulas, for code hosts", ".md", *_pages("markdown"), ("lang",)),
    "latex": Target("an article for pdflatex", ".tex", *_pages("latex"), ("lang",)),
    "text": Target("plain text for a terminal", ".txt", *_pages("text"), ("lang",)),
    "picture": Target("a picture", ".svg", _picture, _picture_network, ("unrolled", "backward", "form", "lang")),
}


def generate(
    made: Cell | Network, target: str = "numpy", *, notation: Notation | None = None, origin: str = "", **options: Any
) -> str:
    """The text that a target writes for a cell or a network; `origin` is the file that its equations come from.

    `options` are the target's own. Raises InputError for an unknown target or option and for a cell that cannot be
    differentiated.
    """
    if target not in TARGETS:
        raise InputError(f"there is no target {target!r}", hint="known targets: " + ", ".join(TARGETS))
    for option in options:
        if option not in TARGETS[target].options:
            able = [name for name, one in TARGETS.items() if option in one.options]
            raise InputError(f"{target} has no option {option}", hint=f"it belongs to {', '.join(able) or 'no target'}")
    if isinstance(made, Network):
        return TARGETS[target].render_network(made, notation, origin, **options)
    from derive.calculus.adjoint import differentiate

    return TARGETS[target].render(differentiate(made), notation, origin, **options)


def excerpt(
    made: Cell | Network,
    target: str,
    of: Sequence[str],
    by: Sequence[str] = (),
    *,
    notation: Notation | None = None,
    origin: str = "",
    lang: str = "en",
) -> str:
    """The part of a cell's page on the gradients of J by what is named, or on the Jacobians of `of` by `by`.

    Raises InputError for a network, for a target that is no page, and for names that the cell does not have.
    """
    if isinstance(made, Network):
        raise InputError("one gradient is asked of a cell, not of a network", hint="leave out the network's options")
    from derive.calculus.adjoint import differentiate
    from derive.languages import find
    from derive.targets import pages

    if target not in pages.FORMS:
        raise InputError(f"{target} has no part for one gradient", hint="targets: " + ", ".join(pages.FORMS))
    return pages.excerpt(target, differentiate(made), of, by, notation, origin, find(lang))


def for_file(path: Path | None, among: Sequence[str]) -> str:
    """The first of those targets that writes files with that suffix; without one, the first.

    Raises InputError for a suffix that none of them has.
    """
    if path is None or not path.suffix:
        return among[0]
    suffixes = {TARGETS[name].suffix: name for name in reversed(among)}
    if path.suffix not in suffixes:
        known = ", ".join(sorted(suffixes))
        raise InputError(
            f"{path}: nothing is written to files of that ending", hint=f"name --target, or one of {known}"
        )
    return suffixes[path.suffix]
