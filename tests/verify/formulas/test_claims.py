"""Formulas written by hand, true and false, in the spellings that people use."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from backproof.command_line import main
from derive import catalogue
from derive.cell import Cell
from derive.errors import Place
from derive.notation import find
from derive.reader import read_equations
from verify import check
from verify.formulas.judgement import Judgement, Word
from verify.formulas.readings.conventions import PRODUCTS

CARRY = r"\frac{\partial J}{\partial c_{t+1}} \odot f_{t+1}"
WITHOUT_CARRY = r"\frac{\partial J}{\partial c_t} = \frac{\partial J}{\partial h_t} \odot o_t \odot (1 - \tanh^2(c_t))"

TRUE = [
    ("lstm", f"{WITHOUT_CARRY} + {CARRY}"),
    ("lstm", r"\delta c_t = \delta h_t \odot o_t \odot \tanh'(c_t) + f_{t+1} \odot \delta c_{t+1}"),
    ("lstm", r"\delta c_t = \delta h_t \odot o_t \odot \tanh^{'}(c_t) + f_{t+1} \odot \delta c_{t+1}"),
    ("lstm", r"\frac{dJ}{dc_t} = \frac{dJ}{dh_t} \odot o_t \odot \operatorname{sech}^2(c_t) + " + CARRY),
    ("lstm", r"\nabla_{W_f} J = \sum_t (\nabla_{f_t} J \odot f_t \odot (1-f_t)) x_t^T"),
    ("lstm", r"J_{b_f} = \sum_t \delta_f^{(t)}"),
    ("lstm", r"\partial J/\partial b_f = \sum_t \partial J/\partial net_{f,t}"),
    ("lstm", r"dW_f \leftarrow \sum_t \delta_{f,t} x_t^T"),
    ("lstm", r"\boxed{\frac{\partial J}{\partial o_t} = \underbrace{\frac{\partial J}{\partial h_t}}_{\text{above}} "
     r"\odot \tanh(c_t)} \text{ for all } t"),
    ("lstm", r"\delta_{f,t} = \frac{\partial J}{\partial f_t} \odot \sigma'(W_f x_t + U_f h_{t-1} + b_f)"),
    ("lstm", r"\delta_{f,t} = \frac{\partial J}{\partial f_t} \odot \sigma(-W_f x_t - U_f h_{t-1} - b_f) \odot f_t"),
    ("lstm", r"f_t = \frac{1}{1 + e^{-W_f x_t - U_f h_{t-1} - b_f}}"),
    ("lstm", r"g_t = 2 \sigma(2 (W_g x_t + U_g h_{t-1} + b_g)) - 1"),
    ("lstm", r"W_f \in \mathbb{R}^{H \times D}"),
    ("lstm", r"\tanh(c_t) \in (-1, 1)"),
    ("rnn", r"\delta_t = (U^T \delta_{t+1} + \frac{\partial^+ J}{\partial h_t}) \odot (1-h_t^2)"),
    ("rnn", r"\frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1-h_t^2) U"),
    ("rnn", r"\frac{\partial h_t}{\partial h_k} = \frac{\partial h_t}{\partial h_{t-1}} \frac{\partial h_{t-1}}"
     r"{\partial h_{t-2}} \cdots \frac{\partial h_{k+1}}{\partial h_k}"),
    ("rnn", r"\frac{\partial E_t}{\partial h_k} = \left(\prod_{j=k+1}^t \frac{\partial h_j}{\partial h_{j-1}}\right)^T"
     r" \frac{\partial E_t}{\partial h_t}"),
    ("rnn", r"\frac{\partial L}{\partial U} = \sum_t \frac{\partial L_t}{\partial U}"),
    ("softmax_cross_entropy", r"\frac{\partial \hat y_i}{\partial z_j} = \hat y_i(\delta_{ij} - \hat y_j)"),
    ("softmax_cross_entropy", r"\frac{\partial \hat y_i}{\partial z_j} = \begin{cases} \hat y_i (1-\hat y_i) & "
     r"\text{if } i = j \\ -\hat y_i \hat y_j & \text{otherwise} \end{cases}"),
    ("softmax_cross_entropy", r"\frac{\partial \hat y_i}{\partial z_j} = -\hat y_i \hat y_j \quad (i \neq j)"),
    ("softmax_cross_entropy", r"\frac{\partial \hat y}{\partial z} = \mathrm{diag}(\hat y) - \hat y \hat y^T"),
    ("softmax_cross_entropy", r"\hat y_i = \frac{e^{z_i}}{\sum_j e^{z_j}}"),
    ("softmax_cross_entropy", r"\frac{\partial J}{\partial z_i} = - \frac{y_i}{\hat y_i} \hat y_i (1 - \hat y_i) + "
     r"\sum_{j \neq i} \frac{y_j}{\hat y_j} \hat y_i \hat y_j"),
]  # fmt: skip

HOLDS_IF = [
    ("lstm", r"\frac{\partial c_t}{\partial c_{t-1}} = \mathrm{diag}[f_t]", "held fixed"),
    ("lstm", r"\frac{\partial f_t}{\partial c_{t-1}} = \frac{\partial f_t}{\partial h_{t-1}}"
     r" \frac{\partial h_{t-1}}{\partial c_{t-1}}", "total derivative"),
    ("rnn", r"\frac{\partial h_t}{\partial h_k} = \prod_{j=k+1}^t \mathrm{diag}(1-h_j^2) U", "stands leftmost"),
    ("rnn", r"\frac{\partial h_t}{\partial U} = \sum_{k=1}^{t} \frac{\partial h_t}{\partial h_k}"
     r" \frac{\partial h_k}{\partial U}", "use in that one step"),
    ("rnn", r"dU = dh_t \odot (1 - h_t^2) h_{t-1}^\top", "⊙ is taken before the matrix product"),
    ("rnn", r"\frac{\partial h_t}{\partial h_{t-1}} = (1 - h_t^2) \odot U", "stands for the diagonal matrix"),
    ("rnn", r"\frac{\partial J}{\partial W} = \sum_t x_t^\top \delta_t", "row layout"),
    ("rnn", r"\frac{\partial J}{\partial W} = \sum_t \delta_t^\top x_t", "row layout"),
    ("lstm", r"\delta f_t = \delta c_t \odot c_{t-1} \odot f_t \odot (1 - f_t)", "gradient of its argument"),
    ("lstm", "dc_t = dh_t * o_t * (1 - tanh(c_t)**2) + dc_next * f_next", "f_next stands for f_{t+1}"),
    ("lstm", r"dc_{prev} = dc_{next} * f_t + o_t * (1 - \tanh^2(c_t)) * f_t * dh_{next}", "hands back"),
    ("rnn", r"\frac{\partial J}{\partial u} = \sum_t \delta_t h_{t-1}^\top", "u stands for U"),
    ("rnn", r"\frac{\partial J_t}{\partial U} = \sum_{k=1}^{t} \frac{\partial J_t}{\partial h_t}"
     r" \frac{\partial h_k}{\partial h_t} \frac{\partial h_k}{\partial U}", "is zero for $k < t$"),
    ("lstm", r"dc_t = dh_t o_t (1 - \tanh(c_t)^2) + dc_{t+1} f_{t+1}", "elementwise product meant"),
    ("lstm", r"c_t = f_t c_{t-1} + i_t g_t", "elementwise product meant"),
    ("gru", r"h_t = (1-z_t) h_{t-1} + z_t \tilde h_t", "elementwise product meant"),
    ("lstm", r"dW_f = \delta_{f,t} x_t^T", "the term of step t"),
    ("lstm", r"dW_f += \delta_{f,t} x_t^T", "the term of step t"),
    ("lstm", r"\frac{\partial c_t}{\partial c_{t-1}} = f_t", "diagonal matrix"),
    ("lstm", r"W_f \in \mathbb{R}^{D \times H}", "row layout"),
    ("lstm", r"\frac{\partial J}{\partial o_t} = \frac{\partial J}{\partial h_t} \frac{\partial h_t}{\partial o_t}",
     "numerator layout"),
    ("lstm", r"\frac{\partial J}{\partial c_T} = \frac{\partial J}{\partial h_T} \odot o_T \odot (1-\tanh^2(c_T))",
     "outputs only"),
    ("rnn", r"\frac{\partial h_t}{\partial h_{t-1}} = U^T \mathrm{diag}(1-h_t^2)", "denominator layout"),
    ("rnn", r"\frac{\partial E_3}{\partial U} = \sum_{k=1}^{3} \frac{\partial E_3}{\partial h_3} "
     r"\frac{\partial h_3}{\partial h_k} \frac{\partial^+ h_k}{\partial U}", "numerator layout"),
    ("rnn", r"\frac{\partial J}{\partial h_k} = \left(\frac{\partial h_t}{\partial h_k}\right)^T "
     r"\frac{\partial J}{\partial h_t}", "step t alone"),
    ("softmax_cross_entropy", r"\frac{\partial J}{\partial z_i} = \hat y_i - y_i", "sum to 1"),
    ("softmax_cross_entropy", r"dz = \hat y - y", "sum to 1"),
]  # fmt: skip

FALSE = [
    ("lstm", WITHOUT_CARRY),
    ("lstm", r"\frac{\partial J}{\partial c_t} = \frac{\partial J}{\partial h_t} \frac{\partial h_t}{\partial c_t}"),
    ("lstm", f"{WITHOUT_CARRY} + \\frac{{\\partial J}}{{\\partial c_{{t+1}}}} \\odot f_t"),
    ("lstm", r"\frac{\partial c_t}{\partial c_k} = \prod_{j=k+1}^{t} \mathrm{diag}(f_j)"),
    ("lstm", r"\frac{\partial c_t}{\partial h_{t-1}} = 0"),
    ("lstm", r"i_t = \sigma(W_i x_t + U_i h_{t-1})"),
    ("lstm", r"U_f \in \mathbb{R}^{H \times D}"),
    ("lstm", r"\tanh(c_t) \in (0, 1)"),
    ("lstm", r"\frac{\partial J}{\partial b_f} = \frac{1}{T} \sum_t \delta_{f,t}"),
    ("lstm", r"\frac{\partial J}{\partial W_f} = \sum_t x_t \delta_{f,t}^T"),
    ("rnn", r"\delta_t = U^T \delta_{t+1} \odot (1-h_t^2)"),
    ("rnn", r"\delta_t = (U \delta_{t+1} + \frac{\partial^+ J}{\partial h_t}) \odot (1-h_t^2)"),
    ("rnn", r"\frac{\partial J}{\partial h_{t-1}} = \frac{\partial J}{\partial h_t} \frac{\partial h_t}"
     r"{\partial h_{t-1}}"),
    ("rnn", r"\frac{\partial h_t}{\partial h_{t-1}} = U \mathrm{diag}(1-h_t^2)"),
    ("rnn", r"\frac{\partial h_t}{\partial h_k} = \prod_{j=k}^{t} \frac{\partial h_j}{\partial h_{j-1}}"),
    ("rnn", r"\frac{\partial J}{\partial x_t} = W \delta_t"),
    ("softmax_cross_entropy", r"\frac{\partial J}{\partial z_i} = y_i - \hat y_i"),
    ("softmax_cross_entropy", r"\frac{\partial \hat y_i}{\partial z_j} = \hat y_i (1 - \hat y_j)"),
    ("softmax_cross_entropy",
     r"\frac{\partial J}{\partial z_i} = (-\sum_j \frac{y_j}{\hat y_j}) \frac{\partial \hat y_j}{\partial z_i}"),
]  # fmt: skip


def cell(name: str) -> Cell:
    return catalogue.find(name)


def only(name: str, formula: str) -> Judgement:
    (judgement,) = check(formula, cell(name))
    return judgement


@pytest.mark.parametrize(("name", "formula"), TRUE)
def test_what_is_true_in_the_literal_reading_is_proved(name: str, formula: str) -> None:
    judgement = only(name, formula)
    assert (judgement.word, judgement.assumptions) == (Word.PROVED, ()), judgement


@pytest.mark.parametrize(("name", "formula", "assumption"), HOLDS_IF)
def test_what_needs_a_convention_names_it(name: str, formula: str, assumption: str) -> None:
    judgement = only(name, formula)
    assert judgement.word is Word.HOLDS_IF, judgement
    assert assumption in " ".join(judgement.assumptions)


@pytest.mark.parametrize(("name", "formula"), FALSE)
def test_what_is_false_is_wrong(name: str, formula: str) -> None:
    judgement = only(name, formula)
    assert judgement.word is Word.WRONG, judgement
    json.dumps(judgement.to_json())


def test_a_wrong_formula_comes_with_mistake_truth_special_case_and_counterexample() -> None:
    judgement = only("lstm", WITHOUT_CARRY)
    assert "missing term" in judgement.mistakes[0].name
    assert judgement.correct is not None
    assert check(WITHOUT_CARRY.split("=")[0] + "=" + judgement.correct, cell("lstm"))
    assert "T" in judgement.true_when
    assert judgement.counterexample is not None
    assert {"sizes", "T", "seed", "entry", "left", "right"} <= set(judgement.counterexample)


class TestChains:
    def test_every_equals_is_judged_by_itself_with_its_place(self) -> None:
        text = "\\begin{aligned} dc_t &= dh_t \\odot o_t \\\\\n &= o_t \\odot dh_t \\end{aligned}"
        first, second = check(text, cell("lstm"))
        assert first.word is Word.WRONG
        assert second.word is Word.PROVED
        assert first.place is not None
        assert second.place is not None
        assert (first.place.line, second.place.line) == (1, 2)

    def test_a_wrong_step_does_not_condemn_the_next(self) -> None:
        _, second = check(r"do_t = dh_t \odot h_t = dh_t \odot \tanh(c_t)", cell("lstm"))
        assert second.word is Word.PROVED
        assert "do_t" in second.reason

    def test_what_inherits_an_error_says_so(self) -> None:
        _, second = check(r"do_t = dh_t \odot h_t = h_t \odot dh_t", cell("lstm"))
        assert second.word is Word.PROVED
        assert "wrong step stands before it" in second.reason


class TestWords:
    @pytest.mark.parametrize("text", ["J = \\sum_t L_t", "q_t = W_q k_t", "h_0 = 0", "x_t", r"\alpha = 0.1"])
    def test_a_definition_is_no_claim(self, text: str) -> None:
        assert only("lstm", text).word is Word.NOT_A_CLAIM

    @pytest.mark.parametrize(
        "text", [r"\frac{\partial J", "a = +", "import os; __import__('os').system('x')", r"\foo = 1"]
    )
    def test_what_cannot_be_read_has_a_place_and_a_reason(self, text: str) -> None:
        (judgement,) = check(text, cell("lstm"))
        assert judgement.word is Word.UNREADABLE
        assert judgement.reason
        assert judgement.place is not None

    def test_an_unknown_letter_is_undecided(self) -> None:
        judgement = only("lstm", r"\frac{\partial J}{\partial c_t} = q_t")
        assert judgement.word is Word.UNDECIDED
        assert "q_t" in judgement.reason

    def test_an_empty_text_is_told_so(self) -> None:
        (judgement,) = check("  ", cell("lstm"))
        assert judgement.word is Word.UNREADABLE
        assert judgement.reason == "an empty formula"

    @pytest.mark.parametrize("text", [r"\frac{\partial h_t}{\partial h_{t-1}} =", "t < T", r"h_0 \to h_1 \to h_2"])
    def test_what_says_nothing_is_no_claim(self, text: str) -> None:
        assert {judgement.word for judgement in check(text, cell("rnn"))} == {Word.NOT_A_CLAIM}

    def test_the_place_of_a_formula_in_a_file_is_kept(self) -> None:
        (judgement,) = check("do_t = dh_t", cell("lstm"), place=Place("note.md", 7, 1, 7))
        assert judgement.place is not None
        assert (judgement.place.file, judgement.place.line) == ("note.md", 7)


def test_an_assumption_can_be_declared() -> None:
    formula = r"\frac{\partial J}{\partial z_t} = \hat y_t - y_t"
    (judgement,) = check(formula, cell("softmax_cross_entropy"), assume=["y_t one-hot"])
    assert judgement.word is Word.HOLDS_IF
    assert judgement.assumptions == ("y one-hot",)


def test_a_formula_in_other_letters() -> None:
    formula = (
        r"\frac{\partial J}{\partial c^{<t>}} = \frac{\partial J}{\partial a^{<t>}} \Gamma_o^{<t>} "
        r"(1 - \tanh(c^{<t>})^2) + \frac{\partial J}{\partial c^{<t+1>}} \Gamma_f^{<t+1>}"
    )
    (judgement,) = check(formula, cell("lstm"), notation=find("deeplearning-ai"))
    assert (judgement.word, judgement.assumptions) == (Word.HOLDS_IF, (PRODUCTS["elementwise"],)), judgement


def test_open_functions_and_their_slopes() -> None:
    plain = read_equations(["net_t = U x_t + W s_{t-1}", "s_t = f(net_t)"])
    (judgement,) = check(r"\frac{\partial net_t}{\partial net_{t-1}} = W \mathrm{diag}[f^{'}(net_{t-1})]", plain)
    assert judgement.word is Word.PROVED


class TestCommand:
    def run(self, *arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["check", *arguments])
        return result.exit_code, result.output

    def test_exit_codes(self) -> None:
        assert self.run(r"do_t = dh_t \odot \tanh(c_t)", "--cell", "lstm")[0] == 0
        assert self.run(r"do_t = dh_t", "--cell", "lstm")[0] == 1
        assert self.run(r"do_t = q_t", "--cell", "lstm")[0] == 2

    def test_a_person_reads_the_mistake_and_the_truth(self) -> None:
        _, output = self.run(WITHOUT_CARRY, "--cell", "lstm")
        for word in ("wrong:", "mistake: ", "true is: ", "counterexample: "):
            assert word in output

    def test_json(self) -> None:
        code, output = self.run(WITHOUT_CARRY, "--cell", "lstm", "--json")
        found = json.loads(output)
        assert (code, found["summary"]["wrong"], found["claims"][0]["verdict"]) == (1, 1, "wrong")
