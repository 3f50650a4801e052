"""A note whose loss is a mean or sum over the examples of a batch, in the letters of one example."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

from derive.patterns import regex
from verify.notes.files import Document, Formula

OF_ONE = "{size} counts the examples of a batch: there is one"
_S = r"(?:\s|\\[,;:! ])*"
_SUM = regex(
    rf"(?:\\sum|∑)(?:\\limits)?{_S}_{_S}(?:\{{{_S}(?P<index>[a-z]){_S}(?:={_S}[01]{_S})?\}}|(?P<bare>[a-z])(?![A-Za-z]))"
    rf"(?:{_S}\^{_S}(?:\{{{_S}(?P<last>[A-Za-z]){_S}\}}|(?P<end>[A-Za-z])(?![A-Za-z])))?"
)
_PAIR = (
    rf"\\sum(?:\\limits)?{_S}_{_S}\{{{_S}(?:(?P<first>[ins]){_S},{_S}(?P<then>[cjk])"
    rf"|(?P<before>[cjk]){_S},{_S}(?P<last>[ins])){_S}\}}"
)
"""Σ_{i,c} over examples and classes"""
_LOSS = r"(?:\\(?:mathcal|mathrm|text)\s*\{\s*[LJEC]\s*\}|\\ell|\\mathcal\s+[LJEC]|(?<![A-Za-z\\])[LJECl](?![A-Za-z]))"
_PAIRED = regex(rf"{_PAIR}(?P<behind>[^=]*)")
_MEAN = regex(
    rf"(?P<loss>{_LOSS})[^=]{{0,40}}=\s*&?\s*-?{_S}\\[dt]?frac\s*\{{[^{{}}]*\}}\s*\{{{_S}\d*{_S}(?P<size>[A-Za-z]){_S}\}}"
)
_WHOLE = regex(
    rf"\s*(?P<loss>{_LOSS})\s*(?:\([^=]*\)\s*)?&?\s*=\s*&?\s*(?:\\[dt]?frac\s*\{{\s*1\s*\}}\s*\{{\s*1\s*\}})?\s*(?P<one>{_LOSS})"
    r"(?P<behind>\s*(?:\\left\s*)?(?:\([^=]*\))?[\s.,;]*)"
)
"""J = L, which was J = 1/m Σ_i L^{(i)}."""
_SPACE = regex(r"\\in\s*\\mathbb\s*\{?\s*R\s*\}?\s*\^\s*\{[^{}]*\}")
_ALONG = regex(
    r"(?P<name>\\(?:text|mathrm|mathtt|operatorname)\s*\{\s*(?:np\s*\.\s*)?sum\s*\}|np\s*\.\s*sum|\\sum|(?<![A-Za-z.\\])sum)\s*"
    r"\((?P<body>(?:[^(),=]|\([^()]*\))*(?:\\partial|\\delta|[∂δ]|(?<![A-Za-z\\])d\s?\\?[A-Za-z])(?:[^(),=]|\([^()]*\))*)"
    r"(?P<axis>,[^()]*axis[^()]*)\)"
)
"""np.sum(da_t, axis=0), of errors: over the examples, wherever a gradient is meant."""
_METHOD = regex(r"(?<=[A-Za-z_}\])0-9])\s*\.\s*(?:\\(?:text|mathrm)\s*\{\s*)?sum\s*\(\s*(?:\\text\{)?axis[^()]*\)\}?")
_BAR = r"(?:\\\||\\[lr]?Vert(?![A-Za-z])|‖|\|\|)"
_NORM = rf"{_S}(?:\\left{_S})?{_BAR}(?P<inside>[^=|‖]{{1,80}}?)(?:\\right{_S})?{_BAR}"
"""‖y_i - ŷ_i‖ behind a sum, of vectors that i counts."""
_SAID = regex(
    r"(?:[Bb]atch(?:es)?(?:\s+size)?|examples?|samples?|sequences?)(?:\s+of)?\s*\$([A-Za-z])\$"
    r"|\$([A-Za-z])\$(?:\s+is\s+the|\s+training|\s+independent)?\s+(?:examples|samples|sequences|(?:mini-?)?batch\s+size)"
    r"|(?:shape|size)\s+\$?`?\(([A-Z]),|(?:one|1|single)\s+(?:sample|example),?\s+\$([A-Za-z])\s*=\s*1\$"
)
"""The number of examples in words: a batch of $N$."""
_SHARE = regex(
    r"(?<==)(?:\s|&)*(?:\\[dt]?frac\s*\{\s*1\s*\}\s*\{\s*(?P<below>[mMNB])\s*\}"
    r"|\(?\s*(?:1\s*/\s*(?P<behind>[mMNB])(?![A-Za-z_^])|(?P<power>[mMNB])\s*\^\s*\{\s*-\s*1\s*\}))"
)
"""= 1/m and = m^{-1}, which begins a mean."""
_WRITTEN = regex(rf"[\s&]*{_LOSS}(?:[^=\\]|\\(?!partial|nabla)){{0,30}}=")
"""L = and L_t =, a loss that is written."""
_STEPS = r"[^.\n$]{0,40}\b(?:steps?|lengths?)\b"
_OF_BRACKET = r"\)\s*_\s*(?:(?:INDEX)(?![A-Za-z])|\{\s*(?:INDEX)\s*\})"
"""(dz_t)_i, which is that of example i where i runs up to their number."""
LEFT_OUT = "the sum over the batch is left out: there is one example"
_ONES = regex(
    r"(?:\\(?:mathbf|mathbb|boldsymbol|bm)\s*(?:\{\s*1\s*\}|1)|(?<![\w.])1)\s*_\s*(?:\{\s*(?P<size>[mMNB])\s*\}|(?P<bare>[mMNB]))"
    r"\s*\^\s*(?:\\top(?![A-Za-z])|T(?![A-Za-z])|\{\s*(?:\\top|T)\s*\})(?=[\s({]*(?:\\left\s*\(\s*)?(?:\\[dt]?frac\s*\{\s*\\partial|\\delta|δ|\\nabla|d\s?[A-Za-z]))"
)
"""𝟏_N^⊤ before a gradient: the sum over N examples."""
_EQUALS = regex(r"=(?![^{}]*\})")
"""Between sides, not below a sum."""
_QUANTITY = regex(r"\\partial|\\delta|\\nabla|[∂δ∇]|(?<![A-Za-z\\])d\s?\\?[A-Za-z]")


@dataclass(frozen=True)
class _Batch:
    """What a note counts its examples with: the letters of one, that of how many there are, and the loss of all."""

    indices: frozenset[str]
    sizes: frozenset[str]
    losses: frozenset[str]
    defines: bool
    """Whether error letters are gradients of the loss of all."""

    def of_one(self, text: str) -> str:
        """A formula for one example, as long as it was; one whose sums run over entries with that index as it is."""
        index = "|".join(sorted(self.indices))
        text = _PAIRED.sub(self._without_examples, text)
        text = self._without_vectors(text)
        if any(_index(match) in self.indices and _last(match) in self.sizes for match in _SUM.finditer(text)):
            text = re.sub(_OF_BRACKET.replace("INDEX", index), lambda m: ")".ljust(len(m.group())), text)
        of_loss = rf"(?P<loss>{_LOSS})_\s*(?:(?:{index})(?![A-Za-z])|\{{\s*(?:{index})\s*\}})"
        below = rf"_\s*(?:(?:{index})(?![A-Za-z])|\{{(?:[^{{}}=]*(?<![A-Za-z\\]))?(?:{index})(?![A-Za-z])[^{{}}=]*\}})"
        if re.search(below, _SUM.sub("", re.sub(of_loss, "", text))):
            return text
        for match in reversed(list(_SUM.finditer(text))):
            if _index(match) in self.indices and (_last(match) in self.sizes or not _last(match)):
                text = _blank(text, match.start(), match.end())
        label = rf"\(\s*(?:{index})\s*\)"
        above = rf"\^\s*(?:{label}|\{{\s*{label}\s*\}})|(?<=\{{)\s*{label}(?=[^{{}}]*\}})"
        text = re.sub(above, lambda m: " " * len(m.group()), text)
        text = re.sub(of_loss, lambda m: m.group("loss").ljust(len(m.group())), text)
        if _QUANTITY.search(text):
            text = _SPACE.sub(lambda m: m.group() if not self.counts(m.group()) else " " * len(m.group()), text)
        return self.divided(text)

    def _without_examples(self, pair: re.Match[str]) -> str:
        """Σ_{i,c} y_{c,i} as Σ_c y_c, as long as it was."""
        example, kept = pair["first"] or pair["last"], pair["then"] or pair["before"]
        if example not in self.indices:
            return pair.group()
        both = rf"_{_S}\{{{_S}(?:{example}{_S},?{_S}{kept}|{kept}{_S},?{_S}{example}){_S}\}}"
        behind = re.sub(both, lambda m: f"_{{{kept}}}".ljust(len(m.group())), pair["behind"])
        return rf"\sum_{{{kept}}}".ljust(pair.start("behind") - pair.start()) + behind

    def _without_vectors(self, text: str) -> str:
        """Σ_i ‖y_i - ŷ_i‖² = Σ_i Σ_j (y_{ij} - ŷ_{ij})² as ‖y - ŷ‖² = Σ_j (y_j - ŷ_j)², as long as it was."""
        for index in sorted(self.indices):
            if any(index in _of_vectors(text, match) for match in _SUM.finditer(text)):
                alone = rf"_{_S}(?:{index}(?![A-Za-z])|\{{{_S}{index}{_S}\}})"
                text = re.sub(alone, lambda m: " " * len(m.group()), text)
                among = rf"_{_S}\{{{_S}{index}{_S},?{_S}(?P<kept>[a-z]){_S}\}}"
                text = re.sub(among, lambda m: f"_{{{m['kept']}}}".ljust(len(m.group())), text)
        return text

    def counts(self, space: str) -> bool:
        return any(re.search(rf"(?<![A-Za-z\\_]){size}(?![A-Za-z_^])", space) for size in self.sizes)

    def divided(self, text: str) -> str:
        size = "|".join(sorted(self.sizes))
        below = re.compile(rf"(\\[dt]?frac\s*\{{[^{{}}]*\}}\s*\{{[^{{}}]*?)(?<![A-SU-Za-z\\])({size})(?![A-SU-Za-z_^])")
        text = below.sub(lambda m: m.group(1) + (" " if re.search(r"[\dT]\s*\Z", m.group(1)) else "1"), text)
        return re.sub(
            rf"(?<=/)(\s*)({size})(?![A-Za-z_^])|(?<![A-Za-z\\])({size})(?=\s*\^\s*\{{\s*-\s*1\s*\}})", r"\g<1>1", text
        )

    def _derived(self) -> list[str]:
        of_one = rf"(?!\s*[_^]\s*\{{?\s*\(?\s*(?:{'|'.join(self.indices)}))"
        return [rf"\\partial\s*(?:\{{\s*)?{re.escape(loss)}{of_one}" for loss in self.losses]

    def of_all(self, text: str) -> bool:
        """Whether a formula has a derivative of the loss of all."""
        return any(re.search(letter, text) for letter in self._derived())

    def times_all(self, text: str) -> str:
        """A formula with N for Σ_{i=1}^N, as long as it was, where no side of it has the 1/N of the mean; else as is.

        Nothing in such a side may be of the mean itself.
        """
        sides = _EQUALS.split(text)
        if not self.of_all(text) or any(self.divided(side) != side for side in sides):
            return text
        for side in sides:
            if self.of_all(side) or (self.defines and re.search(r"\\delta|δ", side)):
                continue
            changed = _SUM.sub(self._number, side)
            text = text.replace(side, changed) if self.of_all(sides[0]) else text
        return text

    def _number(self, match: re.Match[str]) -> str:
        every = _index(match) in self.indices and _last(match) in self.sizes
        return _last(match).ljust(len(match.group())) if every else match.group()

    def left(self, text: str) -> bool:
        """Whether a formula is left as it is: one side alone has the 1/N that is in the gradient of the mean."""
        letters = self._derived()
        if not self.of_all(text):
            return False
        sides = _EQUALS.split(text)
        divided = [side for side in sides if self.divided(side) != side]
        if not divided:
            return not _QUANTITY.search(sides[-1])
        letters += [r"\\delta|δ"] * self.defines
        terms = [term for side in divided for term in _terms(side) if self.divided(term) != term]
        return any(re.search(letter, term) for letter in letters for term in terms)


def _terms(side: str) -> Iterator[str]:
    """The terms of a sum: what stands between its signs."""
    depth = start = 0
    for at, sign in enumerate(side):
        depth += (sign in "{([") - (sign in "})]")
        if sign in "+-" and depth == 0:
            yield side[start:at]
            start = at
    yield side[start:]


def of_one_example(document: Document) -> Document:
    """The document for one example, where its loss is summed over those of a batch."""
    document = _mapped(document, _along_axes)
    batch = _batch(document)
    if batch is None:
        return _of_one_in_ones(_of_one_in_means(document))
    said = OF_ONE.format(size=min(batch.sizes))

    def one(each: Formula) -> Formula:
        clocks = any(_is_clock(index, each.text) for index in batch.indices)
        if each.fragment.plain or batch.left(each.text) or clocks:
            return each
        if (times := batch.times_all(each.text)) != each.text:
            return _made(each, batch.of_one(times), "")
        text = batch.of_one(each.text)
        return _made(each, text, said) if text != each.text or batch.of_all(each.text) else each

    return _with_one_loss(_mapped(document, one))


def _of_one_in_means(document: Document) -> Document:
    """The document for one example, where m stands nowhere but in gradients that are means: dW = 1/m dz h^T.

    Of a loss that is written without a mean they would not be right.
    """
    texts = [each.text for each in document.formulas if each.claims]
    sizes = {size for text in texts for match in _SHARE.finditer(text) for size in match.groups() if size}
    if len(sizes) != 1 or any(map(_WRITTEN.match, texts)):
        return document
    (size,) = sizes
    alone = re.compile(rf"(?<![A-Za-z\\_{{]){size}(?![A-Za-z])")
    words = re.compile(rf"(?<![A-Za-z\\]){size}(?![A-Za-z]){_STEPS}")
    means = {text for text in texts if _SHARE.search(text) and _QUANTITY.search(text.partition("=")[0])}
    if any(alone.search(_SHARE.sub("", text) if text in means else text) for text in texts):
        return document
    if any(words.search(part.text) for part in document.parts):
        return document

    def one(each: Formula) -> Formula:
        changed = _SHARE.sub(lambda m: re.sub(rf"(?<![A-Za-z\\]){size}", "1", m.group()), each.text)
        return each if each.text not in means else _made(each, changed, OF_ONE.format(size=size))

    return _mapped(document, one)


def _of_one_in_ones(document: Document) -> Document:
    """The document for one example, where N stands in 𝟏_N^⊤ before gradients, and else in shapes and below 1 alone."""
    texts = [each.text for each in document.formulas if each.claims]
    sizes = {match["size"] or match["bare"] for text in texts for match in _ONES.finditer(text)}
    if len(sizes) != 1:
        return document
    batch = _Batch(frozenset(), frozenset(sizes), frozenset(), defines=False)

    def without(text: str) -> str:
        text = _ONES.sub(lambda m: " " * len(m.group()), text)
        return batch.divided(
            _SPACE.sub(lambda m: m.group() if not batch.counts(m.group()) else " " * len(m.group()), text)
        )

    (size,) = sizes
    if any(re.search(rf"(?<![A-Za-z\\]){size}(?![A-Za-z])", without(text)) for text in texts):
        return document
    said = OF_ONE.format(size=size)
    return _mapped(
        document, lambda each: each if without(each.text) == each.text else _made(each, without(each.text), said)
    )


def _with_one_loss(document: Document) -> Document:
    """The document with one letter for the loss of an example and that of all, of which there is one: J = L."""
    whole = filter(None, (_WHOLE.fullmatch(each.text) for each in document.formulas if each.fragment.given))
    same = next(whole, None)
    if same is None or same.group("loss") == same.group("one"):
        return document
    kept, other = sorted((same.group("loss"), same.group("one")), key=len)
    letter = re.compile(rf"(?<![A-Za-z\\]){re.escape(other)}(?![A-Za-z])")

    def one(each: Formula) -> Formula:
        text = _WHOLE.sub(lambda m: m.group("one").rjust(m.start("behind")) + m.group("behind"), each.text)
        text = letter.sub(kept.ljust(len(other)), text)
        return each if text == each.text or each.fragment.plain else _made(each, text, "")

    return _mapped(document, one)


def _mapped(document: Document, change: Callable[[Formula], Formula]) -> Document:
    parts = (replace(part, formulas=tuple(map(change, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


def _along_axes(each: Formula) -> Formula:
    """A formula without its sums along the axis of the examples, for one of them."""
    text = _ALONG.sub(_of_body, each.text)
    if _QUANTITY.search(text):
        text = _METHOD.sub(lambda m: " " * len(m.group()), text)
    return each if text == each.text else _made(each, text, LEFT_OUT)


def _of_body(match: re.Match[str]) -> str:
    return f"{' ' * len(match.group('name'))}({match.group('body')}".ljust(len(match.group()) - 1) + ")"


def _made(each: Formula, text: str, given: str) -> Formula:
    fragment = each.fragment
    said = "; ".join(filter(None, (fragment.given, given)))
    return replace(each, fragment=replace(fragment, text=text, as_written=fragment.written, given=said))


def _batch(document: Document) -> _Batch | None:
    texts = [each.text for each in document.formulas if each.claims and not each.fragment.plain]
    said = {letter for part in document.parts for found in _SAID.findall(part.text) for letter in found if letter}
    found = {pair for text in texts for pair in _summed(text, said)}
    indices = {index for index, _ in found if not any(_is_clock(index, text) for text in texts)}
    pairs = {pair for text in texts for pair in _in_pairs(text, said)}
    found, indices = found | pairs, indices | {index for index, _ in pairs}
    sizes = {size for index, size in found if index in indices}
    others = {_last(match) for text in texts for match in _SUM.finditer(text) if _index(match) not in indices}
    if not indices or sizes & others:
        return None
    means = {m.group("loss") for text in texts for m in _MEAN.finditer(text) if m.group("size") in sizes}
    defines = any(
        re.search(rf"\\delta[^=]{{0,40}}=\s*&?\s*\\[dt]?frac\s*\{{\s*\\partial\s*(?:\{{\s*)?{re.escape(loss)}", text)
        for loss in means
        for text in texts
    )
    return _Batch(frozenset(indices), frozenset(sizes), frozenset(means), defines)


def _summed(text: str, said: Collection[str]) -> Iterator[tuple[str, str]]:
    """The sums over examples in a formula: their index, in brackets above a letter or below some, and its last value.

    `said` are letters that words call the number of examples.
    """
    for match in _SUM.finditer(text):
        index, last = _index(match), _last(match)
        behind = text[match.end() :]
        above = re.search(rf"\^\s*\{{?\s*\(\s*{index}\s*\)", behind)
        if last in said:
            above = above or re.search(_OF_BRACKET.replace("INDEX", index), behind)
        of_loss = re.match(rf"{_S}{_LOSS}{_S}_\s*\{{?\s*{index}(?![A-Za-z])", behind)
        mean = _MEAN.search(text[: match.start()])
        size = mean.group("size") if mean else last if last in said else ""
        vectors = mean and last == size and size in said and _of_vectors(text, match)
        if size and (above or vectors or (of_loss and mean)) and last in ("", size):
            yield index, size


def _of_vectors(text: str, match: re.Match[str]) -> str:
    """The index of a sum over norms that have it below every letter; empty where it is no such sum."""
    index, norm = _index(match), re.match(_NORM, text[match.end() :])
    inside = norm["inside"] if norm is not None else ""
    return index if re.search(rf"_{_S}(?:{index or '-'}(?![A-Za-z])|\{{{_S}{index or '-'}{_S}\}})", inside) else ""


def _in_pairs(text: str, said: Collection[str]) -> Iterator[tuple[str, str]]:
    """The index of the examples in a mean over these and classes, and the letter for their number, which words name."""
    for pair in _PAIRED.finditer(text):
        example, mean = pair["first"] or pair["last"], _MEAN.search(text[: pair.start()])
        if mean is not None and mean.group("size") in said and re.search(rf"_{_S}\{{[^{{}}]*{example}", pair["behind"]):
            yield example, mean.group("size")


def _index(match: re.Match[str]) -> str:
    return match.group("index") or match.group("bare") or ""


def _last(match: re.Match[str]) -> str:
    return match.group("last") or match.group("end") or ""


def _is_clock(index: str, text: str) -> bool:
    """Whether a letter counts steps: t, or one that something is read before or after."""
    return index == "t" or re.search(rf"[_^]\s*\{{?\s*[(<]?\s*(?:\\langle\s*)?{index}\s*[-+]\s*1", text) is not None


def _blank(text: str, start: int, end: int) -> str:
    return text[:start] + " " * (end - start) + text[end:]
