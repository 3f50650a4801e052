"""Commands that a document uses and defines elsewhere, as in `\\h_t` and `\\bs{x}`: what their names and uses say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from derive.patterns import regex
from derive.reader.dialects.macros import MACRO, USUAL, Macro
from derive.reader.text import words
from derive.reader.text.lexing.letters import BIG

_LETTER = regex(r"(?P<letter>[A-Za-z])")
_FACED = regex(r"(?:b|v|m(?=[A-Z])|bm|bs|bf|mb|vec|mat)(?P<letter>[A-Za-z])")
_DOUBLED = regex(r"(?P<letter>[A-Za-z])(?P=letter)")
_CURLY = regex(r"(?:c|cal|mc)(?P<letter>[A-Z])")
_STRUCK = regex(r"bb(?P<letter>[A-Z])")
_ACCENTED = regex(r"(?P<accent>hat|tilde|bar)(?P<letter>[A-Za-z])")
_GREEK = regex(rf"(?:b|v|bm|bs)(?P<greek>{'|'.join(sorted(words.GREEK, key=len, reverse=True))})")
_LETTERS = (
    (_LETTER, r"\g<letter>"), (_DOUBLED, r"\\mathbf{\g<letter>}"), (_CURLY, r"\\mathcal{\g<letter>}"),
    (_STRUCK, r"\\mathbb{\g<letter>}"), (_FACED, r"\\mathbf{\g<letter>}"),
    (_ACCENTED, r"\\\g<accent>{\g<letter>}"), (_GREEK, r"\\boldsymbol{\\\g<greek>}"),
)  # fmt: skip
"""Names of letters, and the letter that each names."""
_FACES = {
    **dict.fromkeys(words.listed("bs bb bd bld bv mb mbf mx mat matr vect vc v m"), "boldsymbol"),
    **dict.fromkeys(words.listed("cl mc mcal cal scr"), "mathcal"),
}
_DERIVATIVES = frozenset(words.listed("pd pdd pdv pder pderiv pardiff p pp d dd dv D"))
_SIGNS = {
    "cd": "cdot", "cds": "cdots", "lds": "ldots", "vds": "vdots", "dds": "ddots", "od": "odot", "had": "odot",
    "lag": "langle", "rag": "rangle", "lang": "langle", "rang": "rangle", "lv": "lVert", "rv": "rVert",
}  # fmt: skip
_OWN = frozenset(
    words.listed(
        "mp pm ni ll gg lg Re Im Pr wr wp ss SS aa AA ae AE oe OE ng em sf tt sc sl ht be ee ve vp vs vd vb bi bo "
        "ba bc begin end frac dfrac tfrac cfrac sqrt mid vdots lbrace rbrace vert Vert cr newline not forall prime "
        "Box square displaylines stackrel overset underset xrightarrow over substack star hbar limits"
    )
)
"""Commands of LaTeX, and of the reader: those of two letters, which could be taken for letters, above all."""
_KNOWN = frozenset(
    {
        *(_OWN - {"vd"}), *BIG, *words.GREEK, *words.ACCENTS, *words.WORD_FONTS, *words.LETTER_FONTS,
        *words.FUNCTION_COMMANDS, *words.COMMANDS, *words.OPENING, *words.CLOSING, *words.SPACING,
        *words.SKIPPED_ARGUMENTS, *words.BRACES, *words.DOUBLE_STRUCK, *words.AMBIGUOUS, *words.WORDS,
    }
)  # fmt: skip
_BRACE = regex(r"\s*\{")
_TWO = regex(r"\s*\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}\s*\{")
_WHOLE = regex(r"\s*(?:\{|\\[A-Za-z]|[A-Za-z])")
"""What stands behind a typeface."""
_SCRIPT = regex(r"\s*[_^']")
_OF_FRACTION = regex(r"\\[dtc]?frac\s*\{\s*\Z|\\[dtc]?frac\s*\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}\s*\{\s*\Z")
_TYPED = frozenset("tnr")
"""Letters that stand behind a backslash in programs, too: as commands they must have a script."""
_Use = tuple[str, str]
"""What stands before a command, and behind it."""


def with_assumed(formulas: Iterable[str], known: Mapping[str, Macro]) -> dict[str, Macro]:
    """The commands of a document, and those that its formulas use and neither it nor LaTeX defines, where their names
    and uses say one thing: a letter, a typeface, a sign or a derivative.
    """
    uses: dict[str, list[_Use]] = defaultdict(list)
    for text in formulas:
        for match in MACRO.finditer(text):
            name = match.group(1)
            if known.get(name) is USUAL.get(name) and name not in _KNOWN:
                uses[name].append((text[: match.start()], text[match.end() :]))
    read = {name: macro for name, here in uses.items() if (macro := _meant(name, here)) is not None}
    return {**known, **read}


def _meant(name: str, uses: Sequence[_Use]) -> Macro | None:
    """What a command is; nothing where one use contradicts another."""
    braced = [_BRACE.match(behind) is not None for _, behind in uses]
    if name in _DERIVATIVES:
        partial = name[0] in "p"
        if all(_TWO.match(behind) for _, behind in uses):
            sign = r"\partial" if partial else "d"
            return None if name in USUAL else _guess(name, rf"\frac{{{sign} #1}}{{{sign} #2}}", 2)
        if any(_OF_FRACTION.search(before) for before, _ in uses):
            apart = not any(_TWO.match(behind) for _, behind in uses)
            return _guess(name, r"\partial" if partial else "d") if apart else None
    if name in _SIGNS:
        return None if any(braced) else _guess(name, rf"\{_SIGNS[name]}")
    if name in _FACES and all(_WHOLE.match(behind) for _, behind in uses):
        return _guess(name, rf"\{_FACES[name]}{{#1}}", 1)
    typed = name in _TYPED and not all(_SCRIPT.match(behind) for _, behind in uses)
    if typed or any(braced):
        return None
    found = (match.expand(letter) for pattern, letter in _LETTERS if (match := pattern.fullmatch(name)))
    return next((_guess(name, letter) for letter in found), None)


def _guess(name: str, body: str, count: int = 0) -> Macro:
    letters = "ab" if count == 2 else "x"
    shown, meant = rf"\{name}", body
    for number in range(count):
        shown += f"{{{letters[number]}}}"
        meant = meant.replace(f"#{number + 1}", letters[number])
    return Macro(body, count, guess=f"{shown} = {meant}")
