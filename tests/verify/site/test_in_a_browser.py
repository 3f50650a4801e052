"""The whole site in a real browser, opened from disk: no error, no formula left, no broken link, and search answers.

It takes minutes, so it is built before: `backproof site -o build/site`, then BACKPROOF_SITE=build/site, as CI does.
Several are separated as paths are. Of those after the first, which are the same in other languages, every page is read
and some are opened; BACKPROOF_FULL_FIGURES=1 opens them all.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

import pytest

from derive.languages import find

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

playwright = pytest.importorskip("playwright.sync_api", reason="the extra docs is not installed")
SITES = list(filter(None, os.environ.get("BACKPROOF_SITE", "").split(os.pathsep)))
FULL = os.environ.get("BACKPROOF_FULL_FIGURES") == "1"
SAMPLE = 5
"""Of so many pages of a translation one is opened, and all that are written by hand."""
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed"),
    pytest.mark.skipif(not SITES, reason="BACKPROOF_SITE names no site"),
]

LOOK = """() => ({
    formulas: document.querySelectorAll("span.math, div.math").length,
    left: [...document.querySelectorAll("span.math, div.math")].filter((one) => !one.querySelector(".katex"))
        .map((one) => one.textContent),
    errors: [...document.querySelectorAll(".katex-error")].map((one) => one.title),
    wide: document.documentElement.scrollWidth > innerWidth + 1,
    raw: (document.querySelector("article").innerText.match(/\\$`|`\\$|\\{math\\}|\\\\\\(/g) || []),
})"""
TRY = """(formulas) => formulas.filter((one) => {
    try { katex.renderToString(one, { strict: "ignore" }); return false; } catch { return true; }
})"""


class Page(HTMLParser):
    """The links, the resources and the anchors of a page, and the letters of its notations."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.resources: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)
        self.quoted = re.findall(r'class="math[^"]*">`[^<]*', text)
        found = re.search(r'id="backproof-letters">(.*?)</script>', text)
        self.letters: dict[str, Any] = json.loads(found[1]) if found else {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if "id" in given:
            self.anchors.add(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in ("script", "img", "iframe") and "src" in given:
            self.resources.append(given["src"])
        if tag == "link" and given.get("rel") in ("stylesheet", "icon"):
            self.resources.append(given["href"])


def _broken(place: Path, page: Page, pages: dict[Path, Page]) -> list[str]:
    found = [f"{place}: {one} is not part of the site" for one in page.resources if "//" in one]
    found += [f"{place}: {one} has quotes around it" for one in page.quoted]
    for link in [*page.links, *page.resources]:
        if re.match(r"[a-z]+:", link) or link == "#":
            continue
        path, anchor = urldefrag(link.partition("?")[0])
        target = (place.parent / unquote(path)).resolve() if path else place
        if not target.exists():
            found.append(f"{place}: {link} leads nowhere")
        elif anchor and target in pages and unquote(anchor) not in pages[target].anchors:
            found.append(f"{place}: there is no {link}")
    return found


def _sampled(pages: list[Path]) -> list[Path]:
    """Some of the pages that are made from tables, and all that are written by hand."""
    made = [page for page in pages if page.parent.name in ("cells", "heads", "networks", "mistakes", "code", "audits")]
    return [page for page in pages if page not in made] + made[::SAMPLE]


@pytest.mark.parametrize("site", [Path(name) for name in SITES] or [None], ids=str)
def test_every_page(site):
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.resolve().rglob("*.html"))}
    assert len(pages) > 150
    assert [line for place, page in pages.items() for line in _broken(place, page, pages)] == []
    written = {one for page in pages.values() for table in page.letters.values() for one in table["formulas"].values()}
    assert len(written) > 1000

    said: list[str] = []
    formulas = 0
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": 390, "height": 844})
        view.on("console", lambda message: said.append(f"{view.url}: {message.type}: {message.text}"))
        view.on("pageerror", lambda error: said.append(f"{view.url}: {error}"))
        view.on("request", lambda asked: said.append(asked.url) if not asked.url.startswith(("file:", "data:")) else 0)
        for place in pages if FULL or site == Path(SITES[0]) else _sampled(list(pages)):
            view.goto(place.as_uri())
            view.wait_for_selector("html[data-formulas=done]", state="attached")
            seen = view.evaluate(LOOK)
            formulas += seen.pop("formulas")
            if any(seen.values()):
                said.append(f"{place.relative_to(site.resolve())}: {seen}")
        said += view.evaluate(TRY, sorted(written))

        view.goto(f"{(site / 'search.html').resolve().as_uri()}?q=peephole")
        view.wait_for_selector("#search-results li a[href*=peephole]")
        spoken = find(view.get_attribute("html", "lang").partition("-")[0])
        if spoken.name == "zh":
            view.goto(f"{(site / 'search.html').resolve().as_uri()}?q=随时间反向传播")
            view.wait_for_selector("#search-results li a[href*=bptt]")

        view.goto((site / "cells" / "lstm.html").resolve().as_uri())
        view.wait_for_selector("html[data-formulas=done]", state="attached")
        before, drawn = view.text_content("#eq-1 annotation"), view.text_content("[data-picture=back] svg")
        view.select_option("#notation", "torch")
        view.wait_for_selector("html[data-formulas=done]", state="attached")
        after = view.text_content("#eq-1 annotation")
        view.reload()
        view.wait_for_selector("html[data-formulas=done]", state="attached")
        assert before != after == view.text_content("#eq-1 annotation"), "the letters are switched and remembered"
        assert drawn != view.text_content("[data-picture=back] svg"), "pictures have the same letters"
        view.dispatch_event("#eq-1 [data-symbol]", "click")
        assert spoken.say("value within a step") in view.text_content("#symbol-tip")
        view.click(f"text={spoken.say('Open every step')}")
        assert view.evaluate("[...document.querySelectorAll('details.steps')].every((one) => one.open)")
        browser.close()
    assert said == []
    assert formulas > (10_000 if FULL or site == Path(SITES[0]) else 1_000)
    print(f"{len(pages)} pages, {formulas} formulas, {len(written)} in other letters")
