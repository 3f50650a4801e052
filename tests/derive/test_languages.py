"""Every sentence that a page or a verdict may say stands in every language's table, with the same parts filled in."""

from __future__ import annotations

import os
import re
from collections import Counter

import pytest
from click.testing import CliRunner

from backproof.command_line import main
from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.errors import InputError
from derive.languages import ENGLISH, Language, find, languages
from derive.notation import notations
from derive.targets import pages
from derive.targets.site import BAR
from verify.formulas.telling import WORDS
from verify.reports.wording import TITLES

FULL = os.environ.get("BACKPROOF_FULL_FIGURES") == "1"
OTHERS = [language for language in languages().values() if language is not ENGLISH]
MADE = {**catalogue.cells(), **catalogue.heads()}
NAMES = {"PyTorch", "deeplearning.ai"}

every_language = pytest.mark.parametrize("language", OTHERS, ids=lambda language: language.name)


def bare(text: str) -> str:
    return re.sub(r"\$[^$]+\$", "$", text)


@every_language
def test_pages_say_nothing_that_is_not_in_the_table(language):
    missing: set[str] = set()

    class Noted(Language):
        def say(self, english: str) -> str:
            if language.find(english) is None:
                missing.add(english)
            return language.say(english)

    noted = Noted(language.name, language.title, language.sentences, language.gap)
    for made in list(MADE.values())[:: 1 if FULL else 11]:
        derivation = differentiate(made)
        pages.text(derivation, language=noted)
        for notation in notations().values() if FULL or made.name == "lstm" else ():
            pages.text(derivation, notation, (), language=noted)
    for network in list(catalogue.networks().values())[:: 1 if FULL else 2]:
        pages.of_network("text", network, language=noted)
    own = {bare(text) for made in MADE.values() for text in (made.title, made.source)} | NAMES
    assert {text for text in missing if re.sub(r"\{\d+\}", "$", text) not in own} == set()


@every_language
def test_a_sentence_has_the_parts_of_the_english_one(language):
    for english, sentence in language.sentences.items():
        parts, others = (Counter(re.findall(r"\{\w+\}", text)) for text in (english, sentence))
        assert parts == others, english
        assert sentence.strip(), english


@every_language
def test_verdicts_and_the_words_of_the_site_have_translations(language):
    for word in (*WORDS.values(), *TITLES.values(), *BAR):
        assert language.find(word) is not None, word


def test_patterns_and_several_sentences():
    made = Language("xx", "", {"go {n} steps": "{n} geh", "Two": "zwei", "One.": "Eins.", "A b.": "C."}, "")
    assert made.say("go Two steps") == "zwei geh"
    assert made.say("go 7 steps") == "7 geh"
    assert made.say("One. A b.") == "Eins.C."
    assert made.say("One. And more.") == "One. And more."
    assert made.find("And more.") is None


def test_braces_of_a_person_are_text():
    assert pages.TEXT.prose("a {b} $c$ {1}") == "a {b} c {1}"
    assert pages.TEXT.prose("{name}") == "{name}"


def test_commands_speak_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    page = run(main, ["derive", "rnn", "--of", "h", "--lang", "zh"]).stdout
    assert "h_t 影响 J 的途径：直接作为这一步的输出，以及在下一步经过 net_{h,t+1} (2)。" in page.replace("\n", "")
    verdict = run(main, ["check", r"\frac{\partial J}{\partial x_t} = W \delta_t", "--cell", "rnn", "--lang", "zh"])
    assert verdict.exit_code == 1
    assert verdict.stdout.startswith("错误: ")
    assert "正确的是：W^\\top" in verdict.stdout
    assert run(main, ["derive", "rnn", "--lang", "zh", "-o", "rnn.pdf"]).exit_code == 2
    with pytest.raises(InputError, match="no language 'xx'"):
        find("xx")
