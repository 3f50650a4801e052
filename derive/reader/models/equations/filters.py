"""Which equations of a document count: each filter leaves out those that say less, or another thing, than others."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from derive.notation import spelled
from derive.patterns import regex
from derive.reader.meaning.letters import ENTRY_LETTERS
from derive.reader.models.equations.equation import INPUTS, Equation
from derive.reader.models.equations.finding import is_value
from derive.reader.models.equations.names import letter_name, stripped

_LAID_OUT = regex(r"\\(?:[,;:! ]|(?:left|right|[bB]igg?[lr]?)(?![A-Za-z]))")
"""Space, and how large a bracket is."""
_BOLD = regex(r"\\(?:mathbf|boldsymbol|bm|pmb|bf)(?![A-Za-z])")
_DIFFERENTIAL = regex(r"d_?(?P<of>[A-Za-z]\w*?)(?:_(?:next|prev|raw|new|pre))?")
_ABSTRACT = regex(r"\s*[A-Z]\s*\((?:[^()]|\([^()]*\))*\)[\s.,;]*")
_POWER = regex(r"[A-Z](?:_(?:\w|\{[^{}]*\}))?\^(?:t|\{t\})(?:_(?:\w|\{[^{}]*\}))?")
_NUMBER = r"(?:\s|\{|\\math[a-z]+)*[-+−]?\s*\d*\.?\d+[\s}]*"
_NUMBERS = rf"{_NUMBER}(?:(?:[,;&]|\\\\){_NUMBER})+"
_MATRIX = rf"\\begin\{{[bp]matrix\}}{_NUMBERS}\\end\{{[bp]matrix\}}"
_LIST_OF_NUMBERS = regex(
    rf"(?:\s|\\left)*(?:[\[(]{_NUMBERS}(?:\\right)?[\])]|{_MATRIX})"
    r"(?:\s*\^\s*\{?\s*(?:\\top|T)\s*\}?)?[\s.,;]*"
)
_A_NUMBER = regex(rf"{_NUMBER}[\s.,;]*")
_OF_A_NUMBER = regex(
    r"\s*(?:\\(?:sigma|tanh|(?:text|mathrm|operatorname)\s*\{\s*[a-z]+\s*\})|sigmoid|tanh|σ)\s*(?:\\left\s*)?"
    rf"\({_NUMBER}(?:\\right\s*)?\)[\s.,;]*"
)
_WITH_NUMBERS = regex(_MATRIX)
_DOTS = regex(r"\\[cl]?dots(?![A-Za-z])|\.\.\.|…|⋯")


def without_abbreviated(given: Sequence[Equation]) -> list[Equation]:
    """The equations without those with dots, or with a number alone, of what the note writes in full elsewhere."""

    def in_full(equation: Equation) -> bool:
        return bool(equation.used) and not _DOTS.search(equation.right)

    full = {e.target for e in given if in_full(e)}
    return [e for e in given if e.target not in full or in_full(e)]


def without_powers(given: Sequence[Equation]) -> list[Equation]:
    """The equations without W^t_{hh} = U Σ^t V^T, a power where other equations read W_{hh} without a step.

    Nor those that only read one, as the kernel K_t = C A^t B of a convolution does, where no other equation reads them.
    """
    constant = {m.name for e in given for m in e.used if m.offset is None and m.name != e.target}
    raised = {id(e): {m.name for m in e.used if _is_power(e.fragment.text[m.start : m.end])} for e in given}
    stepped = {m.name for e in given for m in e.used if m.offset is not None and m.name not in raised[id(e)]}
    read = {m.name for e in given for m in e.used if m.name != e.target}

    def power(equation: Equation) -> bool:
        own = equation.target in constant - stepped and _is_power(equation.fragment.text[: equation.left_end])
        within = raised[id(equation)] & (constant - stepped) and equation.target not in read
        return bool(own or within)

    return [e for e in given if not power(e)]


def _is_power(written: str) -> bool:
    return _POWER.fullmatch("".join(written.split()).strip("&")) is not None


def without_rates(given: Sequence[Equation]) -> list[Equation]:
    """The equations without \\dot h(t) = A h(t) + B x(t), a differential equation, which is no step.

    A letter with a dot that another equation reads is one of its own: h_t = h_{t-1} + Δ \\dot h_t.
    """
    read = {m.name for e in given for m in e.used}

    def rate(equation: Equation) -> bool:
        base, dot, _ = equation.target.rpartition("_dot")
        itself = any(m.name == base and m.offset == equation.offset for m in equation.used)
        return bool(dot) and equation.target not in read and itself

    return [e for e in given if not rate(e)]


_OF_AN_ENTRY = regex(
    r"[\s&]*(?P<of>\\?[A-Za-z]+(?:\s*\{\s*[A-Za-z]\s*\})?)\s*_\s*\{\s*t\s*,\s*(?P<at>[a-su-z])\s*\}\s*&?="
)


def says_an_entry(text: str, computed: Collection[str]) -> bool:
    """Whether this says r_{t,j} = h_t^⊤ e_j beside r_t = E h_t: an entry by a row, said once more."""
    found = _OF_AN_ENTRY.match(text)
    if found is None or letter_name(found["of"]) not in computed:
        return False
    at = found["at"]
    return re.search(rf"_\s*(?:{at}(?![A-Za-z])|\{{\s*{at}\s*\}})", text[found.end() :]) is not None


_JACOBIAN = regex(r"J(?:_\w+)?")
_OF_JACOBIANS = regex(
    r"(?<![A-Za-z])diag(?![A-Za-z])|\\otimes(?![A-Za-z])|⊗|(?<![A-Za-z\\])(?:I|\\mathbf\s*\{I\})(?![A-Za-z])"
)


def without_jacobians(given: Sequence[Equation]) -> list[Equation]:
    """The equations without J = λ diag(1 - h_t²) and J_1 = α I, which nothing reads: Jacobians by their letter."""
    read = {m.name for e in given for m in e.used}

    return [e for e in given if e.target in read or not is_jacobian(e.target, e.right)]


def is_jacobian(name: str, value: str) -> bool:
    """Whether this letter has the value of a Jacobian."""
    return _JACOBIAN.fullmatch(name) is not None and _OF_JACOBIANS.search(value) is not None


_DECIMAL = regex(r"\d\.\d")
_FUNCTIONS = regex(r"\\(?:sigma|tanh|exp|sigmoid)(?![A-Za-z])|σ|\btanh\b")
_OF_DECIMALS = regex(
    r"(?:\\(?:ln|log|exp|tanh|sigma)(?![A-Za-z])|σ)\s*(?:\\left\s*)?\((?=[^()]*\d\.\d)[\s\d.+−-]+(?:\\right\s*)?\)"
)


def without_worked(given: Sequence[Equation]) -> list[Equation]:
    """The equations without those of an example: a list of numbers alone, c_t = [0.8, 0.1], is a value at some step.

    A function of a number alone, i_t = σ(1.0), is one too, a number that an input is, x_t = 1, and decimals alone.

    So are numbers behind the equation of one step, where the note writes a recurrence for all, and the equation of
    a step with numbers for what another one reads there.
    """
    given = [e for e in given if not _decimals(e.right)]
    given = without_decimals(given)
    written = {e.target for e in given if not _WITH_NUMBERS.search(e.right)}
    given = [e for e in given if e.target not in written or not _WITH_NUMBERS.search(e.right)]
    recurrent = any(bool(_carried([e])) for e in given if not e.numbered and not e.general)
    given = [e for e in given if not (recurrent and e.valued)]
    return [e for e in given if not _is_worked(e)]


def without_decimals(given: Sequence[Equation]) -> list[Equation]:
    """The equations without L = -ln(1 - 0.52), a function of decimals, of what the note has in letters."""
    in_letters = {e.target for e in given if not _OF_DECIMALS.search(e.right)}
    return [e for e in given if e.target not in in_letters or not _OF_DECIMALS.search(e.right)]


def _is_worked(equation: Equation) -> bool:
    right = equation.right
    number = equation.target in INPUTS and _A_NUMBER.fullmatch(right)
    return bool(number or _LIST_OF_NUMBERS.fullmatch(right) or _OF_A_NUMBER.fullmatch(right))


def _decimals(right: str) -> bool:
    return _DECIMAL.search(right) is not None and is_value(_FUNCTIONS.sub("", right))


def without_closed_forms(given: Sequence[Equation]) -> list[Equation]:
    """The equations without h_t = W^t h_0, which follows from a recurrence that the note writes."""
    carried = {e.target for e in given if any((m.name, m.offset) == (e.target, e.offset - 1) for m in e.used)}

    def closed(equation: Equation) -> bool:
        return equation.target in carried and any(
            m.name == f"{equation.target}_0" and m.offset is None for m in equation.used
        )

    return [e for e in given if not closed(e)]


def without_kept(given: Sequence[Equation]) -> list[Equation]:
    """The equations without h_t = h_{t-1}, which running text says of a case, of what the note computes."""
    computed = {e.target for e in given if len(e.used) > 1}

    def kept(equation: Equation) -> bool:
        alone = [(m.name, m.offset) for m in equation.used] == [(equation.target, equation.offset - 1)]
        return alone and not equation.displayed and equation.target in computed

    return [e for e in given if not kept(e)]


_NUMBERED = regex(r"_\s*(?:\d|\{\s*\d\s*\})")


def without_unrolled(given: Sequence[Equation]) -> list[Equation]:
    """The equations without those of a numbered step that still name another one, of what others say for every step.

    h_2 = f(x_2, f(x_1, h_0)) has h_0 wherever it is written.
    """
    plain = {e.target for e in given if not (e.numbered and _NUMBERED.search(e.right))}
    return [e for e in given if not (e.numbered and _NUMBERED.search(e.right) and e.target in plain)]


_LAYER = regex(r"\^\s*(?:l|\\ell(?![A-Za-z])|\{\s*[(\[]?\s*(?:l|\\ell)\s*[)\]]?\s*\})")


def without_layers(given: Sequence[Equation]) -> list[Equation]:
    """The equations without those that say again for layer l what others say: c_t^l = f ⊙ c_{t-1}^l + i ⊙ g.

    What the layer below hands up is the input of those without a layer: x_t of x_t^l = f(z_t^{l-1}).
    """

    def said(text: str) -> str:
        return "".join(text.split()).rstrip(".,;\\")

    plain = {said(e.fragment.text) for e in given}
    without = [(e, said(_LAYER.sub("", e.fragment.text))) for e in given]
    kept = [e for e, text in without if text == said(e.fragment.text) or text not in plain]
    targets = {e.target for e in kept}
    read = {m.name for e in kept for m in e.used if m.offset == 0}

    def handed_up(equation: Equation) -> str:
        name = equation.target.removesuffix("_l")
        of_below = any(m.name.endswith("_lminus1") for m in equation.used)
        return name if of_below and equation.target not in read and name in read - targets else ""

    return [e.with_target(name) if (name := handed_up(e)) else e for e in kept]


def without_general(given: Sequence[Equation]) -> list[Equation]:
    """The equations without h_t = f(x_t, h_{t-1}) of what the note writes out, and y_t = G(s_t) beside ŷ_t."""
    written_out = {e.target for e in given if not e.general}
    said = {e.target for e in given}
    given = [e for e in given if not (_ABSTRACT.fullmatch(e.right) and f"{e.target}_hat" in said)]
    return [e for e in given if not e.general or e.target not in written_out]


def without_compared(given: Sequence[Equation]) -> list[Equation]:
    """The equations without y_t = g(V h_t) before a loss that compares y_t with a ŷ_t that has an equation too."""
    said = {e.target for e in given}
    targets = {
        (name, loss.index)
        for loss in given
        if loss.loss
        for name in {m.name for m in loss.used}
        if name in said and f"{name}_hat" in said & {m.name for m in loss.used}
    }
    return [e for e in given if not any(e.target == name and e.index <= index for name, index in targets)]


def without_entries(given: Sequence[Equation]) -> list[Equation]:
    """The equations without those for an entry, ŷ_i = e^{z_i} / Σ_j e^{z_j}, of what the note writes as a whole."""
    targets = {e.target for e in given}

    def entry(equation: Equation) -> bool:
        whole, _, index = equation.target.rpartition("_")
        indexed = whole in targets and index in ENTRY_LETTERS - {"l", *targets}  # l counts layers, r is a gate here
        if indexed and {f"{whole}_f", f"{whole}_o"} <= targets:  # the input gate's beside the others
            return False
        return indexed and re.search(rf"(?<![A-Za-z\\]){index}(?![A-Za-z])", equation.right) is not None

    return [e for e in given if not entry(e)]


def gradients_in_words(given: Sequence[Equation]) -> Callable[[str], bool]:
    """Which names are gradients, dh typed as one word, of an h that the note computes or reads, or made of such.

    What an equation for another thing reads is none: x_t = x_{t-1} + dx_t.
    """
    others = [e for e in given if not (e.fragment.plain and _DIFFERENTIAL.fullmatch(e.target))]
    known = {e.target for e in others} | {m.name for e in others for m in e.used}

    def gradient(name: str) -> bool:
        found = _DIFFERENTIAL.fullmatch(name)
        of = found.group("of") if found else ""
        return name not in known and (name in made or bool({of, of.split("_")[0]} & known))

    made: set[str] = set()
    waiting = [e for e in given if e not in others]
    while more := {e.target for e in waiting if any(gradient(m.name) for m in e.used)} - made:
        made |= more  # draw = dh * (1 - h * h), where the note has no letter for what tanh is of
    return gradient


def with_one_example(given: Sequence[Equation]) -> list[Equation]:
    """The equations, those for a batch, H_t = tanh(W X_t + U H_{t-1}), in the letters of one example that has them too.

    Both must read the same parameters.
    """
    targets = {e.target for e in given}
    both = {name.lower() for name in targets if _is_capital(name) and name.lower() in targets}
    batch = [e for e in given if _is_capital(e.target)]
    weights = {m.name for e in batch for m in e.used if m.offset is None}
    if (
        not both
        or not weights
        or weights != {m.name for e in given if e.target in both for m in e.used if m.offset is None}
    ):
        return list(given)
    timed = {m.name for e in batch for m in e.used if m.offset is not None and _is_capital(m.name)}
    letters = {name: name.lower() for name in timed | {e.target for e in batch}}
    return [e.renamed(letters) if e in batch else e for e in given]


def in_one_face(given: Sequence[Equation]) -> list[Equation]:
    """The equations without h_t = tanh(w h_{t-1}) beside bold letters: an example with numbers, which are others.

    Only of what the note has in its usual typeface too, and with weights that nothing in that reads.
    """
    bold = [_BOLD.search(e.fragment.text, 0, e.left_end) is not None for e in given]
    computing = [one for e, one in zip(given, bold, strict=True) if e.used]
    usual = 2 * sum(computing) > len(computing)
    kept = [e for e, one in zip(given, bold, strict=True) if one == usual]
    targets, read = {(e.target, e.section) for e in kept}, {m.name for e in kept for m in e.used}

    def example(equation: Equation) -> bool:
        weights = {m.name for m in equation.used if m.offset is None}
        return (equation.target, equation.section) in targets and bool(weights) and weights.isdisjoint(read)

    return [e for e in given if e in kept or not example(e)]


def without_cycles(given: Sequence[Equation]) -> list[Equation]:
    """The equations, with c_{t-1} for what c_t = f_t ⊙ c_t + i_t ⊙ g_t reads of itself, which no equation can."""
    return [_of_the_step_before(each) for each in given]


def _of_the_step_before(equation: Equation) -> Equation:
    left = "".join(equation.fragment.text[: equation.left_end].split())
    itself = [m for m in equation.used if "".join(equation.fragment.text[m.start : m.end].split()) == left]
    before = any(m.name == equation.target and m.offset != equation.offset for m in equation.used)
    alone = all(m.name == equation.target or m.offset is None for m in equation.used)  # i_t = σ(i_t)
    if not itself or before or alone or equation.offset != 0:
        return equation
    text = equation.fragment.text
    for mention in reversed(itself):
        step = re.sub(r"(?<![A-Za-z\\])t(?![A-Za-z])", "{t-1}", text[mention.start : mention.end])
        if step == text[mention.start : mention.end]:
            return equation
        text = f"{text[: mention.start]}{step.replace('{{t-1}}', '{t-1}')}{text[mention.end :]}"
    said = f"what {equation.target} reads of itself in line {equation.place[1]} is that of the step before"
    return replace(
        equation, fragment=replace(equation.fragment, text=text, lines=equation.fragment.lines[:1]), said=said
    )


def with_one_case(given: Sequence[Equation]) -> list[Equation]:
    """The equations, with a_t = W x_t in the place of a_t = w x_t where h_t = f(W x_t) and nothing else reads w.

    And with s_{t-1} for S_{t-1} where only s_t has an equation.
    """
    return [_in_the_case_of(each, given) for each in given]


def _in_the_case_of(short: Equation, given: Sequence[Equation]) -> Equation:
    written = "".join(short.right.split()).rstrip(".,;")
    targets = {e.target for e in given}
    slips = {m.name for m in short.used if m.offset is None and len(m.name) > 1}
    slips |= {m.name for m in short.used if m.offset is not None and m.name.swapcase() in targets} - targets
    others = (e for e in given if "".join(e.right.split()).rstrip(".,;") != written)
    slips -= {m.name for e in others for m in e.used}
    for full in given if slips and len(short.used) > 1 else ():
        places = [i for i, character in enumerate(full.right) if not character.isspace()]
        whole = "".join(full.right.split())
        at = whole.lower().find(written.lower())
        if full is not short and at >= 0 and written not in whole:
            left = short.fragment.text[: short.left_end].strip().rstrip("&= ")
            said = f"{', '.join(sorted(slips))} in line {short.place[1]} is written as in line {full.place[1]}"
            part = full.right[places[at] : places[at + len(written) - 1] + 1]
            found = short.rewritten(f"{left} = {part}")
            return replace(found, said=said) if {m.name for m in found.used}.isdisjoint(slips) else short
    return short


def _is_capital(name: str) -> bool:
    return len(name) == 1 and name.isupper()


def without_slips(given: Sequence[Equation]) -> list[Equation]:
    """The equations without h_{t+1} = f(x_t, h_t) beside h_t = f(x_t, h_{t-1}): one step is wrong."""

    def spelled_out(equation: Equation) -> tuple[str, str]:
        text = equation.right
        for mention in reversed(equation.used):
            if mention.offset is not None:
                start, end = mention.start - equation.right_start, mention.end - equation.right_start
                text = f"{text[:start]}<{mention.name}>{text[end:]}"
        return equation.target, re.sub(r"[\s{}]", "", text).strip(".,;")

    def steps(equation: Equation) -> list[tuple[str, int | None]]:
        return [(m.name, None if m.offset is None else m.offset - equation.offset) for m in equation.used]

    usual = {spelled_out(e): steps(e) for e in reversed(given) if e.offset == 0}
    return [e for e in given if e.offset == 0 or usual.get(spelled_out(e), steps(e)) == steps(e)]


BIAS_SLIPPED = "{wrong} in the equation of {name} in line {line} stands for {meant}"


def with_labelled_biases(given: Sequence[Equation]) -> list[Equation]:
    """The equations with b_f for b_t in f_t = σ(W_f x_t + b_t), where other gates have a bias with their own label."""
    own = {f"b_{stripped(e.target)}" for e in given} & {m.name for e in given for m in e.used if m.offset is None}
    if len(own) < 2 or any(e.target == "b" for e in given):
        return list(given)
    return [e if f"b_{stripped(e.target)}" in own else _with_own_bias(e) for e in given]


def _with_own_bias(equation: Equation) -> Equation:
    text = equation.fragment.text
    biases = [m for m in equation.used if m.name.partition("_")[0] == "b"]
    if [(m.name, m.offset) for m in biases] != [("b", 0)] or not text[: biases[0].start].rstrip(" &{").endswith("+"):
        return equation
    start, end = biases[0].start, biases[0].end
    meant = str(spelled(f"b_{stripped(equation.target)}"))
    said = BIAS_SLIPPED.format(wrong=text[start:end], name=equation.target, line=equation.place[1], meant=meant)
    return replace(equation.rewritten(f"{text[:start]}{meant}{text[end:]}"), said=said)


def without_shadowed(given: Sequence[Equation], section: tuple[str, ...]) -> list[Equation]:
    """The equations that a model of this section may have: no ŷ = softmax(o) of logits o where o is a gate here.

    A state of both, which a readout may be shared with, shadows nothing.
    """
    own = {e.target: e for e in given if e.section == section}
    carried = _carried(e for e in given if e.section == section)
    kept = list(given)
    for other in {e.section for e in given} - {section}:
        theirs = [e for e in given if e.section == other]
        states = _carried(theirs) | carried
        lost = {e.target for e in theirs if e.target in own and not _restates(own[e.target], e)} - states
        while more := {e.target for e in theirs if {m.name for m in e.used} & lost} - lost - set(own) - states:
            lost |= more
        kept = [e for e in kept if e.section != other or e.target not in lost]
    return kept


PLAINER = "{name} is as line {line} has it: no gradient speaks of {letters}, which line {other} reads beside"


def plainer(
    given: Sequence[Equation], section: tuple[str, ...], spoken: Collection[str]
) -> Iterator[tuple[Equation, Equation]]:
    """Equations of other sections, the nearest first, with a plainer one: tanh(…) of m_t ⊙ tanh(…) + (1 - m_t) h_{t-1}.

    Of a state, where the first reads at its step what nothing computes and no gradient speaks of.
    """
    targets = {e.target for e in given}
    for number, e in enumerate(given):
        if e.loss or e.section == section[: len(e.section)] or section == e.section[: len(section)]:
            continue
        timed = {m.name for m in e.used if m.offset == e.offset} - INPUTS - targets - set(spoken)
        read = {(m.name, m.offset) for m in e.used}
        for other in given[number + 1 :]:
            others = {(m.name, m.offset) for m in other.used}
            more = {name for name, _ in read - others}
            carried = (e.target, e.offset - 1) in others
            if (other.target, other.offset) == (e.target, e.offset) and others < read and more <= timed and carried:
                yield e, other
                break


def _restates(equation: Equation, other: Equation) -> bool:
    """Whether an equation says the same as another one, or leaves out a bias of it: z_t = V h_t of V h_t + c."""
    if as_said(equation) == as_said(other):
        return True
    read, others = ({(m.name, m.offset) for m in each.used} for each in (equation, other))
    return read < others and all(offset is None for _, offset in others - read) and bool(read)


def as_said(equation: Equation) -> str:
    """What an equation says, however it is laid out."""
    return without_layout(equation.right)


def without_layout(text: str) -> str:
    """A text without its space, and without how large its brackets are."""
    return "".join(_LAID_OUT.sub("", text).split())


def _carried(equations: Iterable[Equation]) -> set[str]:
    found: set[str] = set()
    for equation in equations:
        found |= {m.name for m in equation.used if m.offset is not None and m.offset < equation.offset}
    return found
