"""Forms of writing in notes: bars behind derivatives, words as letters, remarks, lines, labels, earlier inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from derive.reader import read_note
from verify import evidence
from verify.formulas.judgement import Word
from verify.notes.audit import audit
from verify.notes.claiming import _PARTS

RNN = "$$ h_t = \\tanh(W x_t + U h_{t-1} + b) $$\n\n"
READ_OUT = RNN + "$$ q_t = V h_t $$\n\n$$ L_t = \\frac12 \\|q_t - y_t\\|^2 $$\n\n$$ L = \\sum_t L_t $$\n\n"
LSTM = "".join(
    f"$$ {gate}_t = \\{function}(W_{gate} [h_{{t-1}}; x_t] + b_{gate}) $$\n\n"
    for gate, function in [("f", "sigma"), ("i", "sigma"), ("g", "tanh"), ("o", "sigma")]
)
LSTM += "$$ c_t = f_t \\odot c_{t-1} + i_t \\odot g_t $$\n\n$$ h_t = o_t \\odot \\tanh(c_t) $$\n\n"
AHEAD = "$$ H_{t+1} = \\tanh(W X_t + U H_t + b) $$\n\n"
BIAS = r"\D{b} = \sum_t \D{h_t} \odot (1 - h_t^2)"
SURE = {Word.PROVED, Word.HOLDS_IF}
RIGHT, WRONG, NEITHER = SURE, {Word.WRONG}, {Word.UNDECIDED, Word.UNREADABLE}


def words(tmp_path: Path, text: str) -> list[Word]:
    """The judgements on all that the note claims, in which \\D{q} and \\E{q} are ∂J/∂q and ∂L/∂q."""
    for short, loss in (("\\D{", "J"), ("\\E{", "L")):
        text = text.replace(short, rf"\frac{{\partial {loss}}}{{\partial ")
    path = tmp_path / "note.md"
    path.write_text(text, encoding="utf-8")
    return [j.word for j in audit(path).judgements if j.word is not Word.NOT_A_CLAIM]


@pytest.mark.parametrize(
    ("claim", "wanted"),
    [
        (
            r"\left. \E{W} \right|_{t} = ((V^\top (q_t - y_t)) \odot (1 - h_t^2)) x_t^\top",
            WRONG,
        ),
        (
            r"\E{W}\bigg|_{t} = \left(\E{h_t} \odot (1 - h_t^2)\right) x_t^\top",
            RIGHT,
        ),
        (
            r"\left. \E{W} \right|_{t} = (\E{h_t} \odot (1 - h_t^2)) x_{t-1}^\top",
            WRONG,
        ),
        (r"\E{W} = \sum_k \left. \E{W} \right|_{k}", RIGHT),
        (r"\E{W} = 2 \sum_k \left. \E{W} \right|_{k}", WRONG),
        (r"\E{b}|_k = \E{h_k} \odot (1 - h_k^2)", RIGHT),
        (r"\left.\frac{\partial L_t}{\partial h_t}\right|_{t} = V^\top (q_t - y_t)", RIGHT),
        (r"\left.\frac{\partial L_t}{\partial h_t}\right|_{h_t = 0} = V^\top (q_t - y_t)", NEITHER),
        (r"\left.\E{W}\right|_{U} = 0", NEITHER),
    ],
)
def test_a_bar_behind_a_derivative(tmp_path: Path, claim: str, wanted: set[Word]) -> None:
    assert set(words(tmp_path, f"{READ_OUT}$$ {claim} $$\n")) <= wanted


@pytest.mark.parametrize("name", [r"\text{net}", r"\text{ net }", r"\operatorname{net}"])
def test_words_as_letters(tmp_path: Path, name: str) -> None:
    text = f"$$ {name}_t = W x_t + U h_{{t-1}} + b $$\n\n$$ h_t = \\tanh({name}_t) $$\n\n"
    claim = rf"$$ \D{{{name}_t}} = \D{{h_t}} \odot SLOPE $$"
    assert set(words(tmp_path, text + claim.replace("SLOPE", "(1 - h_t^2)"))) <= SURE
    assert words(tmp_path, text + claim.replace("SLOPE", "(1 + h_t^2)")) == [Word.WRONG]


@pytest.mark.parametrize(
    ("remark", "wanted"),
    [
        (r"(\text{need this})", RIGHT),
        (r"(\text{by the chain rule})", RIGHT),
        (r"(\text{need } h_t)", RIGHT),
        (r"(\text{half of it})", NEITHER),
        (r"(\text{using } W = 0)", NEITHER),
        (r"(\text{need not } h_t)", NEITHER),
        (r"(\text{unless } t = T)", NEITHER),
    ],
)
def test_remarks_in_brackets(tmp_path: Path, remark: str, wanted: set[Word]) -> None:
    assert set(words(tmp_path, rf"{RNN}$$ {BIAS} \quad {remark} $$")) <= wanted


def test_a_word_in_brackets_may_be_an_argument(tmp_path: Path) -> None:
    text = "$$ \\text{state}_t = W x_t + U h_{t-1} $$\n\n$$ h_t = \\tanh(\\text{state}_t) $$\n\n"
    claim = r"$$ \D{\text{state}_t} = \D{h_t} \odot f $$"
    right = claim.replace("f $", r"(1 - \tanh(\text{state}_t)^2) $")
    assert set(words(tmp_path, text + right)) <= SURE
    assert words(tmp_path, text + right.replace("1 -", "1 +")) == [Word.WRONG]


def test_lines_without_a_sign_between_them(tmp_path: Path) -> None:
    second = r"\D{W} &= \sum_t \left(\D{h_t} \odot (1 - h_t^2)\right) x_t^\top"
    lines = "$$\n\\begin{aligned}\n" + BIAS.replace("=", "&=", 1) + "\n" + second + "\n\\end{aligned}\n$$\n"
    assert words(tmp_path, RNN + lines) == [Word.PROVED, Word.PROVED]
    model = "$$\nh_t = \\tanh(W x_t + U h_{t-1} + b)END\nq_t = V h_t\n$$\n\n"
    claim = r"$$ \D{V} = \sum_t \D{q_t} h_t^\top $$"
    for end in ("", " \\", " \\\\"):
        assert words(tmp_path, model.replace("END", end) + claim) == [Word.PROVED]


def test_a_chain_over_several_lines_is_one(tmp_path: Path) -> None:
    text = "$$\n\\D{b} = \\sum_t \\D{h_t}\n"
    text += "\\odot (1 - h_t^2) = \\sum_t \\operatorname{diag}(1 - h_t^2)\n\\D{h_t}\n$$"
    assert words(tmp_path, RNN + text) == [Word.PROVED, Word.PROVED]


@pytest.mark.parametrize(
    ("claim", "wanted"),
    [
        (
            r"\delta^{(c)}_t = \delta^{(h)}_t \odot o_t \odot (1 - \tanh(c_t)^2) + f_{t+1} \odot \delta^{(c)}_{t+1}",
            RIGHT,
        ),
        (r"\delta^{(c)}_t = \delta^{(h)}_t \odot o_t \odot (1 - \tanh(c_t)^2) + f_t \odot \delta^{(c)}_{t+1}", WRONG),
        (r"dh_{t-1} = (df_t W_f)_{[:H]} + (di_t W_i)_{[:H]} + (dg_t W_g)_{[:H]} + (do_t W_o)_{[:H]}", RIGHT),
        (r"dx_t = (df_t W_f)[H:] + (di_t W_i)[H:] + (dg_t W_g)[H:] + (do_t W_o)[H:]", RIGHT),
        (r"dx_t = (df_t W_f)[H:] + (di_t W_i)[H:] + (dg_t W_g)[H:] - (do_t W_o)[H:]", WRONG),
    ],
)
def test_labels_and_slices(tmp_path: Path, claim: str, wanted: set[Word]) -> None:
    assert set(words(tmp_path, f"{LSTM}$$ {claim} $$\n")) <= wanted


@pytest.mark.parametrize(
    ("claim", "wanted"),
    [
        (r"\delta_t^{next} = U^\top (\D{h_{t+1}} \odot (1 - h_{t+1}^2))", RIGHT),
        (r"\delta_t^{\text{next}} = U^\top \D{h_{t+1}}", WRONG),
    ],
)
def test_what_the_next_step_hands_back(tmp_path: Path, claim: str, wanted: set[Word]) -> None:
    assert set(words(tmp_path, f"{RNN}$$ {claim} $$\n")) <= wanted


@pytest.mark.parametrize(
    ("claim", "wanted"),
    [
        (r"\D{b} = \sum_t \D{H_{t+1}} \odot (1 - H_{t+1}^2)", RIGHT),
        (
            r"\D{X_t} = W^\top (\D{H_{t+1}} \odot (1 - H_{t+1}^2))",
            RIGHT,
        ),
        (r"\D{X_t} = W^\top (\D{H_t} \odot (1 - H_t^2))", WRONG),
        (
            r"\D{W} = \sum_t (\D{H_{t+1}} \odot (1 - H_{t+1}^2)) X_t^\top",
            RIGHT,
        ),
        (
            r"\D{W} = \sum_t (\D{H_{t+1}} \odot (1 - H_{t+1}^2)) X_{t+1}^\top",
            WRONG,
        ),
    ],
)
def test_inputs_a_step_before(tmp_path: Path, claim: str, wanted: set[Word]) -> None:
    assert set(words(tmp_path, f"{AHEAD}$$ {claim} $$\n")) <= wanted


LINEAR_ATTENTION = "\n\n".join(
    [
        r"$$ q_t = W_q x_t $$",
        r"$$ k_t = W_k x_t $$",
        r"$$ v_t = W_v x_t $$",
        r"$$ S_t = S_{t-1} + v_t k_t^\top $$",
        r"$$ o_t = ROOT $$",
        r"where $W_q \in \mathbb{R}^{d \times D}$, $W_k \in \mathbb{R}^{d \times D}$",
    ]
)


@pytest.mark.parametrize(
    "root", [r"\frac{1}{\sqrt{d}} S_t q_t", r"\frac{S_t q_t}{\sqrt{d}}", r"S_t \frac{q_t}{\sqrt d}"]
)
@pytest.mark.parametrize(
    ("claim", "wanted"),
    [
        (r"\D{q_t} = \frac{1}{\sqrt{d}} S_t^\top \D{o_t}", RIGHT),
        (r"\D{q_t} = \frac{\sqrt{d}}{d} S_t^\top \D{o_t}", RIGHT),
        (r"\D{q_t} = S_t^\top \D{o_t}", WRONG),
        (r"\D{q_t} = \sqrt{d} S_t^\top \D{o_t}", WRONG),
        (r"\D{q_t} = \frac{1}{d} S_t^\top \D{o_t}", WRONG),
    ],
)
def test_the_root_of_a_size(tmp_path: Path, root: str, claim: str, wanted: set[Word]) -> None:
    assert set(words(tmp_path, f"{LINEAR_ATTENTION.replace('ROOT', root)}\n\n$$ {claim} $$\n")[-1:]) <= wanted


def test_a_cell_with_the_root_of_a_size_is_proved_and_runs() -> None:
    note = "# Linear attention\n\n" + LINEAR_ATTENTION.replace("ROOT", r"\frac{1}{\sqrt{d}} S_t q_t")
    assert evidence(read_note(note, "note.md")).passed


def test_a_long_word_in_brackets_is_no_list_and_ends() -> None:
    """The pattern for lists of parts once doubled its work with every letter."""
    assert _PARTS.search(f"g_t = [{'a' * 200}!") is None
    assert _PARTS.search(r"g_t = [a_t, \beta_t, c]") is not None
