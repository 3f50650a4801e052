"""What running text says in words: of letters, that they are numbers, vectors, a diagonal matrix, or a function with a
name; of layers, what function they use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from derive.functions import DEFINED, ENTRIES
from derive.patterns import regex

FORMULA = "\0"
"""What stands in words for a formula."""
NUMBER, VECTOR, DIAGONAL, FUNCTION = "number", "vector", "diagonal", "function"
SOME_DIAGONAL = "example"
"""One of several matrices that are called diagonal."""
_LIST = r"\0(?:\s*(?:,|，|、|and|or|和|与|及)+\s*(?:the\s+)?(?:[a-z]+\s+){0,2}\0)*"
_IS = r"\s*(?:\([^()\0]{0,30}\)\s*)?(?:is|are|be|denotes?|being|—|–|:|：|是|为|均为|都是|表示)\s*"
_ARTICLE = (
    r"(?:(?:both|all|a|an|the|some|given|learnable|learned|trainable|tunable|real|fixed|positive|一个|可学习的|为)\s*)*"
)
_EACH = (
    r"(?!\s*(?:per|(?:for|of)\s+(?:each|every))\s+"
    r"(?:channel|unit|neuron|feature|dimension|entry|element|component|cell))"
)
_NUMBER = regex(
    rf"(?P<letters>{_LIST}){_IS}{_ARTICLE}(?:scalars?\b|numbers?\b|hyper-?parameters?\b|标量|超参数){_EACH}",
    re.IGNORECASE,
)
_CALLED = regex(
    rf"(?<![-\w])(?:scalars?|标量)\s+(?:(?:gates?|rates?|weights?|coefficients?|factors?|门控?)\s+)?(?P<letters>{_LIST}){_EACH}",
    re.IGNORECASE,
)
"""The kind before the letters: per-token scalars α_t, β_t."""
_DIAGONAL = regex(
    rf"(?P<letters>{_LIST}){_IS}{_ARTICLE}(?:diagonal(?:\s+(?:\w+\s+)?matri(?:x|ces)\b|(?=\s*(?:[.,;，。；]|and\b|\Z)))|对角矩阵|对角阵)",
    re.IGNORECASE,
)
_VECTOR = regex(
    rf"(?P<letters>{_LIST}){_IS}{_ARTICLE}(?:[A-Z\0]-dimensional\s+)?(?:weights?\s+|parameters?\s+)?(?:vectors?\b|权重向量|参数向量)",
    re.IGNORECASE,
)
_NAMES = {
    word.lower(): entry.name
    for entry in ENTRIES.values()
    for word in (entry.name, *entry.words)
    if word.isascii() and word.isidentifier() and len(word) > 2
}
_NAMES |= {word.lower(): one.name for one in DEFINED.values() for word in (one.name, *one.words) if len(word) > 2}
_NAMES |= {"logistic sigmoid": "sigmoid", "logistic": "sigmoid", "hyperbolic tangent": "tanh", "rectifier": "relu"}
_NAMES |= {"heaviside step": "heaviside", "unit step": "heaviside"}
_NAME = "|".join(sorted(map(re.escape, _NAMES), key=len, reverse=True))
_FUNCTION = regex(
    rf"(?P<letters>{_LIST}){_IS}{_ARTICLE}(?P<name>{_NAME})s?\b"
    r"(?!\s*(?:size|length|width|number|count|index|between)\b)"
    rf"(?!\s*(?:or\b|of\b|/|或|gate|layer|(?:functions?\s*)?(?:,|and\b|和|与)\s*(?:{_ARTICLE})(?:{_NAME})\b))",
    re.IGNORECASE,
)
_SUPPOSED = regex(
    r"(?:\b(?:if|when|whenever|where\s+if|unless|suppose|assum\w+|like|e\.g\.)|如果|若|当|假设|例如|比如)\s*\Z", re.I
)

_BEHIND = regex(
    rf"\s*[,，;；]\s*(?P<letter>\\?[A-Za-z]+)\s*(?:是|为|\\text\s*\{{\s*(?:is|是|为)\s*\}})\s*\\?(?P<name>{_NAME}|softmax)"
    r"\s*(?:\(\s*\))?\s*(?:函数|\\text\s*\{\s*函数\s*\})?[\s.。]*\Z",
    re.IGNORECASE,
)
"""Behind an equation, within its dollars: which function a letter of it is."""

_SOME = regex(
    r"(?:\be\.g\.|\bsuch as\b|\blike\b|例如|比如)\W*(?P<letters>\0)[^\0.;]{0,20}?(?:is|are|是|为)\s+diagonal", re.I
)


COMPARED = "compared"
_TRUE = (
    r"(?:(?:one[\s-]?hot|encoded|true|actual|correct|ground[\s-]?truth|gold|target|desired|expected)s?\b"
    r"|(?:vraie?|véritable|cible|attendue?|verdader[oa]|objetivo|esperad[oa]|verdadeir[oa]|alvo|wahre?|tatsächliche)\b"
    r"|(?:prawdziw|rzeczywist|docelow|истинн|правильн|целев)\w*|真实|真實|目标|目標|正确|标签|標籤|正解|정답|실제|목표)"
)
_GUESSED = r"(?![^\0.;。；\n]{0,40}(?:predi|prédi|estimat|预测|預測|予測|예측|предсказ|прогноз|predyk|przewid|vorher))"
_OF_DATA = (
    r"(?:(?:labels?|class(?:es)?|values?|outputs?|distributions?|vectors?|words?|tokens?|targets?|étiquettes?|classe"
    r"|etiquetas?|salidas?|valor(?:es)?)\b|(?:的|标签|標籤|值|输出|輸出|分布|类别|概率|ラベル|레이블))"
)
_COMPARED_BEHIND = regex(
    r"(?P<letters>\0)\s*(?:\([^()\0]{0,30}\)\s*)?(?:\b(?:is|are|being|denotes?|represents?|est|es|ist|é|sont)\b"
    r"|[-—–:：=]|是|为|為|表示|は|은|는)\s*(?:(?:the|an?|l[ea]|el|der|die|das|o)\b|l')?\s*"
    rf"{_TRUE}{_GUESSED}",
    re.IGNORECASE,
)
_COMPARED_BEFORE = regex(rf"(?<![\w-]){_TRUE}\s*(?:{_TRUE}\s*)?(?:{_OF_DATA}\s*){{0,2}}(?P<letters>\0)", re.IGNORECASE)
"""What the words call the target: ŷ of `ŷ is the true label` and of `the true labels ŷ`."""


_PATTERNS = (
    (NUMBER, _NUMBER), (NUMBER, _CALLED), (VECTOR, _VECTOR), (DIAGONAL, _DIAGONAL), (FUNCTION, _FUNCTION),
    (COMPARED, _COMPARED_BEHIND), (COMPARED, _COMPARED_BEFORE),
)  # fmt: skip


def said(words: str) -> Iterator[tuple[str, list[int]]]:
    """What is said and the numbers of the formulas that it is said of, as `number`, `diagonal`, `function tanh`."""
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(words):
            if _SUPPOSED.search(words[: match.start()]):
                continue
            first = words.count(FORMULA, 0, match.start("letters"))
            several = list(range(first, first + match["letters"].count(FORMULA)))
            yield (f"{kind} {_NAMES[match['name'].lower()]}" if kind == FUNCTION else kind), several
    for match in _SOME.finditer(words):
        yield SOME_DIAGONAL, [words.count(FORMULA, 0, match.start("letters"))]


ACTIVATION = "activation"
HIDDEN, OUTPUT = "hidden", "output"
_USES = r"[^.,;，。；\n]{0,12}?(?:is|uses?|为|是|采用|使用|选用|选择|取|用)\s*(?:the\s+)?"
_LAYERS = {
    HIDDEN: regex(
        rf"(?:hidden\s+(?:layer|state|unit)s?|隐[藏含]?层|隐[藏]?状态|循环层)(?:的|'s)?\s*(?:activation(?:\s+function)?|激活函数)"
        rf"{_USES}(?P<name>tanh|sigmoid|relu)\b(?!\s*(?:or\b|/|或|、))",
        re.IGNORECASE | re.ASCII,
    ),
    OUTPUT: regex(
        rf"(?:output(?:\s+layer)?|输出层?)(?:的|'s)?\s*(?:activation(?:\s+function)?|激活函数)"
        rf"{_USES}(?P<name>softmax)\b(?!\s*(?:or\b|/|或|、))",
        re.IGNORECASE | re.ASCII,
    ),
}


def activations(words: str) -> Iterator[str]:
    """What a text says that the hidden layer and the output use: `activation hidden tanh`."""
    for layer, pattern in _LAYERS.items():
        for match in pattern.finditer(words):
            if not _SUPPOSED.search(words[: match.start()]):
                yield f"{ACTIVATION} {layer} {match['name'].lower()}"


def function_behind(formula: str) -> tuple[str, str, str]:
    """A formula without the words behind it that say which function a letter is, the letter, and what is said."""
    found = _BEHIND.search(formula)
    if found is None or found["letter"] not in formula[: found.start()]:
        return formula, "", ""
    name = found["name"].lower()
    kind = f"{ACTIVATION} {OUTPUT} {name}" if name == "softmax" else f"{FUNCTION} {_NAMES[name]}"
    return formula[: found.start()], found["letter"], kind
