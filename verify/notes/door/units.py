"""Networks of units and input lines, z_k = x_k for k ∈ I and y_k for k ∈ U, with z as one vector."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from derive.patterns import regex
from verify.notes.door.gates import changed
from verify.notes.files import Document, Formula

JOINED = "${joined}$ has the entries of ${units}$ before those of ${lines}$, and ${matrix}$ has the weights ${small}$"
TARGETS = "every unit has a target at every step"
OF_STEP = "what is written without a time here is of step t"
_S = r"(?:\s|\\[,;:! ]|&|\\q?quad(?![A-Za-z]))*"
_IF = rf"{_S},?{_S}(?:\\(?:text|mathrm)\s*\{{\s*(?:if|for|wenn|falls|si|若|当|當)?\s*\}})?{_S}"
_AT_T = rf"{_S}\({_S}t{_S}\)"
_UNIT = rf"_{_S}(?:[a-z](?![A-Za-z])|\{{{_S}[a-z]{_S}\}})"
_CASES = rf"(?P<cases>{_S}\\begin\{{cases\}}"
_JOINED = regex(
    rf"(?P<joined>[a-z]){_UNIT}{_AT_T}{_S}={_CASES}"
    rf"{_S}(?P<one>[a-z]){_UNIT}{_AT_T}{_IF}[a-z]{_S}\\in{_S}(?P<first>[A-Z]){_S},?{_S}\\\\"
    rf"{_S}(?P<two>[a-z]){_UNIT}{_AT_T}{_IF}[a-z]{_S}\\in{_S}(?P<second>[A-Z]){_S}[.,]?{_S}\\end\{{cases\}})"
)
_COMPARED = regex(
    rf"(?P<error>[a-z]){_UNIT}{_AT_T}{_S}={_CASES}(?P<said>{_S}[a-z]{_UNIT}{_AT_T}{_S}-{_S}[a-z]{_UNIT}{_AT_T})"
    rf"{_IF}[a-z]{_S}\\in{_S}[A-Z]{_S}(?:{_AT_T})?{_S},?{_S}\\\\{_S}0{_S},?{_S}"
    rf"(?:\\(?:text|mathrm)\s*\{{[^{{}}]*\}})?{_S}[.,]?{_S}\\end\{{cases\}})"
)
"""e_k(t) = d_k(t) - y_k(t) for k ∈ T(t), 0 otherwise"""
_NEXT = regex(rf"(?<![A-Za-z\\])([a-z]){_UNIT}{_S}\({_S}t{_S}\+{_S}1{_S}\){_S}=")
_AMONG = regex(rf"{_S}[a-z]{_S}\\in{_S}(?P<set>[A-Z]){_S}")
_LOSS = regex(rf"(?<![A-Za-z\\])([JEL]){_AT_T}{_S}=")
_SUM = rf"\\sum(?:\\limits)?\s*_\s*\{{{_S}(?P<l>[a-z])"


@dataclass(frozen=True)
class _Network:
    """The letters of such a network: z, y, x and w, the sets U and I, of what a time is left out, and its loss."""

    joined: str
    units: str
    lines: str
    weight: str
    all_units: str
    all_lines: str
    timed: str
    loss: str

    def changes(self, text: str) -> Iterator[tuple[int, int, str]]:
        """What stands where in a formula, and what it is with one vector z and one matrix."""
        for found in _JOINED.finditer(text):
            yield found.end("joined"), found.end("cases"), f"(t) = [{self.units}(t); {self.lines}(t)]"
        for found in _COMPARED.finditer(text):
            yield (*found.span("cases"), found["said"])
        both = _union(self.all_units, self.all_lines)
        sets = re.compile(rf"{_SUM}(?P<set>{_S}\\in{_S}(?:{both}|{self.all_units})){_S}\}}")
        yield from ((*found.span("set"), "") for found in sets.finditer(text))
        # the lines do not depend on the weights, so that the sum over all entries is that over the units
        of_changes = re.compile(
            rf"{_SUM}{_S}\\in{_S}{self.all_units}{_S}\}}{_S}{self.weight}_\{{{_S}[a-z]{_S}(?P=l){_S}\}}{_S}"
            rf"\\[dt]?frac\s*\{{\s*\\partial\s*(?P<units>{self.units})_\{{?{_S}(?P=l)(?![A-Za-z])"
        )
        yield from ((*found.span("units"), self.joined) for found in of_changes.finditer(text))
        yield from ((*found.span(), self.weight.upper()) for found in re.finditer(_letter(self.weight), text))

    def without_times(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Where ∂J/∂y_k = -e_k has no time at all."""
        if not re.search(r"\\partial", text) or re.search(r"\(|(?<![A-Za-z\\])t(?![A-Za-z])", text):
            return
        for found in re.finditer(rf"(?<![A-Za-z\\])(?:[{self.timed}]{_UNIT}|{self.loss}(?![A-Za-z_^]))", text):
            yield found.end(), found.end(), "(t)"

    def of_one(self, text: str, said: str) -> Iterator[tuple[int, int, str]]:
        """∂z_l/∂w_{ij} alone, before which `l ∈ I` or `l ∈ U` says whether x_l or y_l is meant; open else."""
        left = re.match(rf"{_S}(?:\\[dt]?frac\s*\{{\s*)?\\partial\s*(?P<joined>{self.joined}){_UNIT}", text)
        if left is None or r"\sum" in text:
            return
        among, kinds = _AMONG.fullmatch(said), {self.all_units: self.units, self.all_lines: self.lines}
        yield (*left.span("joined"), kinds.get(among["set"] if among else "", r"\Xi"))

    def restates(self, text: str) -> bool:
        """Whether this only says again what z_k is, of a unit or of a line."""
        other = f"[{self.units}{self.lines}]"
        return re.fullmatch(rf"{_S}{self.joined}{_UNIT}{_AT_T}{_S}={_S}{other}{_UNIT}{_AT_T}[\s.,]*", text) is not None


def with_units_joined(document: Document) -> Document:
    """The document with one vector of all that units read, and sums over sets of units as sums over entries."""
    every = [each.text for each in document.formulas if each.claims]
    network = _network(every)
    if network is None:
        return document
    said = ""
    partly = any(_COMPARED.search(text) for text in every)
    words = JOINED.format(
        joined=network.joined, units=network.units, lines=network.lines,
        matrix=network.weight.upper(), small=network.weight,
    )  # fmt: skip

    def read(each: Formula) -> Formula:
        nonlocal said
        if _AMONG.fullmatch(each.text):
            said = each.text
        if not each.claims or said is each.text:
            return each
        if network.restates(each.text):
            behind = each.text.index("="), len(each.text), ""
            return replace(each, fragment=changed(each.fragment, each.text, [behind]))
        among, said = said, ""
        made = [*network.changes(each.text), *network.of_one(each.text, among)]
        later = [*network.without_times(each.text)]
        fragment = changed(each.fragment, each.text, sorted({*made, *later}))
        given = (each.fragment.given, words if made else "", OF_STEP if later else "", TARGETS if partly else "")
        return replace(each, fragment=replace(fragment, given="; ".join(filter(None, given))))

    parts = (replace(part, formulas=tuple(map(read, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


def _network(every: Sequence[str]) -> _Network | None:
    """The network that the formulas describe, if they do, with a letter that is free for its matrix."""
    found = [one for text in every for one in _JOINED.finditer(text)]
    computed = {name for text in every for name in _NEXT.findall(text)}
    if len(found) != 1 or len({found[0]["one"], found[0]["two"]} & computed) != 1:
        return None
    (one,) = found
    ways = [(one["one"], one["first"]), (one["two"], one["second"])]
    (units, all_units), (lines, all_lines) = ways if one["one"] in computed else ways[::-1]
    summed = re.compile(
        rf"{_SUM}{_S}\\in{_S}{_union(all_units, all_lines)}{_S}\}}{_S}(?P<w>[a-z])_\{{{_S}[a-z]{_S}(?P=l){_S}\}}"
    )
    weights = {match["w"] for text in every for match in summed.finditer(text)}
    weight = weights.pop() if len(weights) == 1 else ""
    taken = re.compile(rf"(?<![A-Za-z\\]){weight.upper()}(?![A-Za-z])")
    if not weight or any(map(taken.search, every)):
        return None
    errors = {match["error"] for text in every for match in _COMPARED.finditer(text)}
    losses = {name for text in every for name in _LOSS.findall(text)}
    timed = "".join(sorted({units, lines, one["joined"], *errors}))
    loss = losses.pop() if len(losses) == 1 else r"(?!)"
    return _Network(one["joined"], units, lines, weight, all_units, all_lines, timed, loss)


def _union(one: str, other: str) -> str:
    return rf"(?:{one}{_S}\\cup{_S}{other}|{other}{_S}\\cup{_S}{one})"


def _letter(weight: str) -> str:
    """w where it has two indices."""
    return rf"(?<![A-Za-z\\]){weight}(?=_\{{{_S}[a-z]{_S},?{_S}[a-z]{_S}\}})"
