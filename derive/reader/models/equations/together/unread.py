"""Arguments that nothing reads: f of h_t = f(z_t) and ŷ_t = softmax(o_t), found in what a document claims."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from derive.notation import spelled
from derive.patterns import regex
from derive.reader.models.equations.equation import TIMES, Equation
from derive.reader.models.equations.heads import CALLED, differences, loss_letter, statements_of
from derive.reader.models.equations.together.packed import Instead
from derive.reader.text.note import Found

UNWRITTEN = "{texts}, which the note does not write"
_FACED = regex(r"\\(?:mathbf|boldsymbol|bm|mathrm)\{([A-Za-z])\}")
_SIGNS = regex(r"\s|\\left|\\right|\\[,;:! ]")
_TIMES = r"(?:\\(?:odot|circ|cdot|times|ast|bullet)|\*|⊙|∘|·)?"
_SLOPES = {
    r"\sigma": (rf"H{_TIMES}\(1-H\)", rf"\(1-H\){_TIMES}H", r"\\sigma(?:'|\^\{?\\prime\}?)\(A\)"),
    r"\tanh": (
        r"1-(?:H|\(H\))\^\{?2",
        rf"1-H{_TIMES}H",
        r"\\tanh(?:'|\^\{?\\prime\}?)\(A\)",
        r"1-\\tanh\^\{?2\}?\(A\)",
    ),
}
"""The slopes of functions, at their value H and at their argument A."""
_NAMES = {r"\sigma": {"sigmoid", "logistic"}, r"\tanh": {"tanh", "双曲正切"}}


def unread_arguments(
    known: Sequence[Equation], formulas: Sequence[tuple[int, Found]], *, softmax: bool, named: Collection[str] = ()
) -> Instead | None:
    """What a document has for f of h_t = f(z_t) in its gradients alone: h_t ⊙ (1 - h_t), and ŷ_t - y_t of a softmax.

    None but for one state without an equation, and one argument of it, or one read-out. `named` are the functions that
    the document names: of these it must be one.
    """
    read = {m.name for e in known for m in e.used}
    targets = {e.target for e in known}
    unread = [e for e in known if e.offset == 0 and not (e.target in read or e.numbered or e.loss or e.at_end)]
    unread = [e for e in unread if not CALLED.match(e.right)]  # a_t = σ(o_t) is a value
    states = {m.name for e in known for m in e.used if m.offset == -1} - targets
    texts: list[tuple[str, str, Equation]] = []
    letters: set[str] = set()
    own = [e for e in unread if any(m.name in states and m.offset == -1 for m in e.used)]
    if len(states) == len(own) == 1:
        (state,), (source,) = states, own
        value, argument = _at_step(state, source), _at_step(source.target, source)
        functions = {name for _, each in formulas for name in _sloped(each.text, state, source.target)}
        if len(functions) == 1 and (not named or not _NAMES[min(functions)].isdisjoint(named)):
            texts.append((f"{value} = {functions.pop()}({argument})", state, source))
            letters |= {state, *source.names}
    elif states:
        return None
    computed = targets | states
    outputs = [e for e in unread if e not in own and any(m.offset == 0 and m.name in computed for m in e.used)]
    said = [(each, one) for each in formulas for one in statements_of(each[1])]
    pairs = {pair for _, one in said for pair in differences(one)}
    if softmax and len(pairs) == len(outputs) == 1 and not any(e.loss for e in known):
        ((predicted, target),), (output,) = pairs, outputs
        if not {predicted, target} & (targets | read):
            y_hat, y, loss = _at_step(predicted, output), _at_step(target, output), loss_letter(said)
            texts.append((rf"{y_hat} = \operatorname{{softmax}}({_at_step(output.target, output)})", predicted, output))
            texts.append((rf"{_at_step(loss, output)} = -{{{y}}}^\top \log {y_hat}", loss, output))
            letters |= {predicted, target, *output.names}
    if not texts:
        return None
    made = [replace(e.rewritten(text, name), space=None, whole=None, said="") for text, name, e in texts]
    shown = " and ".join(f"${text}$" for text, *_ in texts)
    return Instead((*known, *made), frozenset(letters), UNWRITTEN.format(texts=shown))


def _at_step(name: str, like: Equation) -> str:
    """A letter at its step, in the style of an equation."""
    letter = str(spelled(name))
    return f"{{{letter}}}{TIMES[like.style]}" if "_" in letter else f"{letter}{TIMES[like.style]}"


def _sloped(text: str, value: str, argument: str) -> Iterator[str]:
    """The functions whose slope stands in a text, at this value or at this argument."""
    bare_text = _FACED.sub(r"\1", _SIGNS.sub("", text))
    step = r"(?:_(?:\{t\}|t)|\^\{?\(t\)\}?)"
    at = {"H": f"{re.escape(str(spelled(value)))}{step}", "A": f"{re.escape(str(spelled(argument)))}{step}?"}
    for function, ways in _SLOPES.items():
        if any(re.search(re.sub(r"[HA]", lambda m: at[m.group()], way), bare_text) for way in ways):
            yield function
