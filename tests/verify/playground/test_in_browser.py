"""The playground in a real browser, by keyboard alone: typeset, read, judged, derived, without an error anywhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest

from verify.playground.server import Playground

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
WAIT = 60_000


@pytest.fixture(scope="module")
def server() -> Iterator[Playground]:
    with Playground() as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Any, server: Playground, request: pytest.FixtureRequest) -> Iterator[Any]:
    scheme, width = getattr(request, "param", ("light", 1280))
    opened = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    wrong: list[str] = []
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.goto(server.url)
    opened.wait_for_selector("#reading math", timeout=WAIT)
    yield opened
    opened.close()
    assert wrong == []


@pytest.mark.parametrize("page", [("light", 1280), ("dark", 390)], indirect=True)
def test_a_formula_is_judged_by_keyboard_and_nothing_runs_over_the_edge(page: Any) -> None:
    page.focus("#formula")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#verdict article.wrong .marked", timeout=WAIT)
    assert "missing term" in page.inner_text("#verdict")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert ink != paper


def test_what_is_typed_is_typeset_read_and_never_run(page: Any) -> None:
    page.fill("#equations", "h_t = \\tanh(W x_t + U h_{t-1})")
    playwright.expect(page.locator("#reading")).to_contain_text("Your cell", timeout=WAIT)
    assert page.locator("#equations-typeset math").count() == 1
    page.fill("#formula", "<img src=x onerror=alert(1)> = \\frac{\\partial J}{\\partial W}")
    playwright.expect(page.locator("#formula-typeset")).to_contain_text("onerror", timeout=WAIT)
    page.click("#check")
    page.wait_for_selector("#verdict article", timeout=WAIT)
    assert page.locator("img").count() == 0
    page.fill("#equations", "h_t = \\tanh(W x_t")
    page.wait_for_selector("#reading .problem", timeout=WAIT)
    assert page.get_attribute("#equations", "aria-invalid") == "true"


def test_derivation_pictures_and_code_unfold_by_keyboard(page: Any) -> None:
    for part, expected in (("derive", "details math"), ("draw", "svg"), ("code", "pre")):
        page.focus(f"details[data-ask={part}] > summary")
        page.keyboard.press("Enter")
        page.wait_for_selector(f"details[data-ask={part}] .answer {expected}", state="attached", timeout=WAIT)
    assert "def backward" in page.inner_text("details[data-ask=code] pre")
    page.select_option("#target", "latex")
    playwright.expect(page.locator("details[data-ask=code] pre")).to_contain_text("documentclass", timeout=WAIT)
    page.select_option("#known", "gru")
    playwright.expect(page.locator("details[data-ask=code] pre")).to_contain_text("GRU", timeout=WAIT)


def test_every_control_has_a_name_and_is_reached_by_tab(page: Any) -> None:
    unnamed = page.evaluate(
        "[...document.querySelectorAll('textarea, select')].filter((one) => !one.labels.length).map((one) => one.id)"
    )
    assert unnamed == []
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"known", "equations", "formula", "check", "SUMMARY"} <= reached
