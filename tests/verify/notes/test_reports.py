"""Audits as text, JSON, SARIF, HTML and Markdown."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from derive.errors import InputError, Place
from derive.reader.text.fragment import Fragment
from derive.targets.mathml import mathml
from verify.formulas.judgement import Judgement, Mistake, Word
from verify.notes.audit import Audit, Audited, audit
from verify.notes.files import Document, Formula, Part, read
from verify.reports import FORMATS
from verify.reports.pages import fenced, plain
from verify.reports.text import counts, lines, summary
from verify.reports.wording import MARKS, TITLES, details, headline, shown

NOTES = Path(__file__).parents[2] / "data/notes"
DOCS = Path(__file__).parents[3] / "docs/audits"
PLACE = Place("docs/my note.md", 7, 3, 8, "text", 4)
EVERY = (
    Judgement("a = b", Word.PROVED, place=PLACE),
    Judgement("a = c", Word.HOLDS_IF, ("vectors are rows",), reading="row layout", place=PLACE),
    Judgement(
        "\\frac{a}{<b>} &= d", Word.WRONG, correct="d + <e>", true_when="t = T", reason="T = 1", place=PLACE,
        mistakes=(Mistake("missing term", "missing term $f_{t+1}$: two paths & more"),),
        counterexample={"sizes": {"H": 2}, "T": 3, "entry": [2, 1], "left": 0.5, "right": 0.25, "big": [0] * 99},
    ),
    Judgement("a = e", Word.UNDECIDED, reason="no model", place=PLACE),
    Judgement("a = {", Word.UNREADABLE, reason="'{' is never closed", place=Place("nb.ipynb#cell3", 2, 1, 2)),
    Judgement("W_f", Word.NOT_A_CLAIM, reason="a mention", place=PLACE),
)  # fmt: skip


def made(*judgements: Judgement, file: str = "docs/my note.md") -> Audit:
    formula = Formula(Fragment.of("a = b", file), True)
    return Audit(Document(file, (Part(file, "a = b", (formula,)),)), (Audited(formula, None, judgements),))


ALL = made(*EVERY)


def test_every_word_has_a_title_and_a_mark() -> None:
    assert set(TITLES) == set(MARKS) == set(Word)
    assert MARKS[Word.UNDECIDED] == MARKS[Word.UNREADABLE]
    assert MARKS[Word.PROVED] not in (MARKS[Word.UNDECIDED], MARKS[Word.WRONG])


def test_lines_read_like_a_compiler() -> None:
    found = list(lines([ALL]))
    assert "docs/my note.md:7:3: wrong: missing term $f_{t+1}$: two paths & more" in found
    assert "    true formula: d + <e>" in found
    assert "    true only when: t = T" in found
    assert "docs/my note.md:7:3: holds if: vectors are rows" in found
    assert "nb.ipynb#cell3:2:1: unreadable: '{' is never closed" in found
    assert not any("proved" in line for line in found)


def test_summary_and_counts() -> None:
    assert summary([ALL]) == "5 claims: 1 proved, 1 hold under an assumption, 1 wrong, 1 undecided, 1 unreadable"
    assert summary([made()]) == "no claims found"
    assert summary([made(EVERY[2])]) == "1 claim: 1 wrong"
    header, (row,) = counts([ALL])
    assert dict(zip(header, row, strict=True))["wrong"] == "1"


def test_wording() -> None:
    wrong = EVERY[2]
    assert headline(wrong) == "missing term $f_{t+1}$: two paths & more"
    said = {detail.label: detail.text for detail in details(wrong)}
    told = "H=2, T=3: entry (2, 1) is 0.5 on the left, 0.25 on the right"
    assert said["counterexample"] == told, "data and seeds are left to the JSON"
    assert shown("a &= b \\\\\n &= c \\\\") == "a = b = c"
    assert shown("\\begin{aligned} a &= b") == "a = b"
    assert shown("\\begin{matrix} a & b \\end{matrix}") == "\\begin{matrix} a & b \\end{matrix}"


# SARIF: the required properties of version 2.1.0, and what code hosts ask for.


def sarif(*audits: Audit, errors: tuple[InputError, ...] = ()) -> Any:
    return json.loads(FORMATS["sarif"](audits, errors))


def test_sarif_has_what_the_schema_requires() -> None:
    log = sarif(ALL)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "backproof"
    rules = driver["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in {"none", "note", "warning", "error"}
    assert run["columnKind"] in {"utf16CodeUnits", "unicodeCodePoints"}
    assert [result["level"] for result in run["results"]] == ["note", "error", "warning", "warning"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        for location in result["locations"]:
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri), uri
            region = location["physicalLocation"].get("region")
            if region is not None:
                assert region["startLine"] >= 1
                assert region["startColumn"] >= 1
                assert region["endLine"] >= region["startLine"]
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_sarif_places() -> None:
    results = sarif(ALL)["runs"][0]["results"]
    physical = results[0]["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "docs/my%20note.md"
    assert physical["region"] == {"startLine": 7, "startColumn": 3, "endLine": 8}
    notebook = results[3]["locations"][0]
    assert "region" not in notebook["physicalLocation"], "the lines of a cell are not those of the file"
    assert notebook["logicalLocations"][0]["name"] == "cell3"


def test_sarif_says_what_could_not_be_read() -> None:
    log = sarif(errors=(InputError("binary", Place("a.md", 1, 1, 1)),))
    (invocation,) = log["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "binary"


# Pages.


class Tags(HTMLParser):
    """Checks that tags are balanced, and keeps what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.fetched += [value or "" for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_balanced_escaped_and_self_contained() -> None:
    page = FORMATS["html"]([ALL], ())
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.fetched == []
    assert "<e>" not in page
    assert "d + &lt;e&gt;" in page
    for word in ("✓ proved", "✓ holds if", "✗ wrong", "? undecided", "? unreadable"):
        assert word in page


def test_markdown_shows_formulas_as_mathematics() -> None:
    page = FORMATS["markdown"]([ALL], ())
    assert "**✗ wrong**, line 7" in page
    assert "```math\nd + <e>\n```" in page
    assert "```tex\na = {\n```" in page, "what cannot be read cannot be typeset"
    assert page.count("```") % 2 == 0
    assert "cell3 line 2" in page


def test_nothing_in_words_is_markup() -> None:
    assert plain("a *b* [c](d) <e>") == r"a \*b\* \[c\](d) \<e\>"
    assert plain("see $f_{t+1}$ twice") == "see $`f_{t+1}`$ twice"
    assert fenced("a ``` b").count("```") == 2


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\frac{\partial J}{\partial W_f}", "<mfrac>"),
        (r"\hat{y}^{\langle t \rangle}", '<mover accent="true"><mi>y</mi>'),
        (r"a \odot b^\top - 2", "<mo>⊙</mo>"),
        (r"\sum_{t=1}^{T} \mathbf{W}_{xi} x_t", "<munderover>"),
        (r"\left[\begin{matrix} a & b \\ c & d \end{matrix}\right]", "<mtable>"),
        (r"h' = \sqrt{\lVert x \rVert} / 3 \cdot \Gamma_u \in R", "Γ"),
        (r"\boldsymbol{\delta}_t \odot \mathbf{\tilde{c}}", '<mi style="font-weight: bold">δ</mi>'),
        (r"\nabla_W \ell_t \to \infty", "∇"),
        (r"\text{<script>}", None),
        ("a = {", None),
        ("", None),
    ],
)
def test_formulas_are_typeset_without_a_script(formula: str, expected: str | None) -> None:
    found = mathml(formula)
    if expected is None:
        assert found is None or "<script" not in found
    else:
        assert found is not None
        assert expected in found
        ElementTree.fromstring(found)


def test_what_is_typeset_is_well_formed() -> None:
    for path in sorted(NOTES.glob("0*.md")):
        for formula in read(path).formulas:
            found = mathml(shown(formula.text))
            if found is not None:
                said = "".join(ElementTree.fromstring(found).itertext())
                assert "\\" not in said, said


def test_lines_of_a_program_are_no_mathematics() -> None:
    line = "dLdU[:, x[step]] += delta_t"
    found = audit(NOTES.parent / "note_cases/program_back_in_time_with_slips.md")
    assert f"```python\n{line}\n```" in FORMATS["markdown"]([found], ())
    page = FORMATS["html"]([found], ())
    assert f"<code>{line}</code>" in page
    assert "colon" not in page  # as the line would be set as a formula


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_takes_nothing(form: str) -> None:
    assert FORMATS[form]([], ())
    assert FORMATS[form]([made()], ())


@pytest.mark.parametrize("number", ["000", "001", "002", "003", "004"])
def test_the_audits_hold_no_words_of_the_notes(number: str) -> None:
    for path in (DOCS / f"{number}.md", NOTES / f"{number}.md"):
        assert not re.search(r"[\u3400-\u9fff]", path.read_text(encoding="utf-8")), path
