"""The command for a person's own file: verdicts, exit codes, messages with the line in their file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import verify
from backproof.command_line import main
from derive.errors import InputError
from verify import Layout, Standing, assert_backward, assert_gradients, check_backward

EXAMPLES = Path(__file__).parent / "examples"
GENERATED = Path(__file__).parents[3] / "generated"
NAMES = "W_ih=W_*; W_hh=U_*; b_ih=b_*; b_hh=b_*"

RNN = """import numpy as np

def backward(params, x, d_ys):
    W, U, b = params["W"], params["U"], params["b"]
    hs = [np.zeros((x.shape[1], len(b)))]
    for t in range(len(x)):
        hs.append(np.tanh(x[t] @ W.T + hs[-1] @ U.T + b))
    g = {k: np.zeros_like(v) for k, v in params.items()}
    carry = 0
    for t in reversed(range(len(x))):
        d = (d_ys[t] + carry) * (1 - hs[t + 1] ** 2)
        g["W"] += d.T @ x[t]
        g["U"] += d.T @ hs[t]
        g["b"] += d.sum(0)
        carry = d @ U
    return g
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check-code", *arguments])


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    return f"{path}:backward"


def test_help_has_an_example_and_says_that_code_is_run() -> None:
    result = run("--help")
    assert "Example:  backproof check-code" in result.output
    assert "THIS RUNS YOUR CODE" in result.output


@pytest.mark.parametrize("name", ["lstm", "gru", "softmax_cross_entropy"])
def test_generated_modules_are_right(name: str) -> None:
    result = run(str(GENERATED / f"{name}.py"), "--cell", name)
    assert result.exit_code == 0, result.output
    assert "running your code" in result.stderr


def test_right_function_with_layout_and_names() -> None:
    path = f"{EXAMPLES / 'stacked_class.py'}:backward"
    result = run(path, "--cell", "lstm", "--layout", "BTn, gates=ifgo", "--names", NAMES, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["verdict"] == "right"
    assert {row["name"] for row in found["gradients"]} >= {"W_ih[W_i]", "b_hh[b_o]"}


def test_wrong_function_names_the_mistake(tmp_path: Path) -> None:
    spec = written(tmp_path, RNN.replace("carry = d @ U", "carry = d @ U.T"))
    result = run(spec, "--cell", "rnn", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["verdict"] == "wrong"
    assert found["mistakes"][0]["name"] == "missing transpose"
    assert run(written(tmp_path, RNN), "--cell", "rnn").exit_code == 0


UNUSABLE = [
    (RNN.replace("d.T @ x[t]", "d.T @ nothing"), "mine.py:12", "NameError: name 'nothing' is not defined"),
    (RNN.replace("d.T @ x[t]", "d @ x[t]"), "mine.py:12", "ValueError: matmul"),
    (RNN.replace("import numpy as np", "import numpy as np)"), "mine.py:1", "unmatched"),
    (RNN.replace("import numpy as np", "import sys, numpy as np\nsys.exit(0)"), "", "has no backward"),
    (RNN.replace("return g", "return 3"), "", "none of which names a gradient"),
    (RNN.replace("def backward", "def forwards"), "", "it has forwards"),
]


@pytest.mark.parametrize(("text", "place", "message"), UNUSABLE)
def test_unusable_code_gives_one_message_with_its_place(tmp_path: Path, text: str, place: str, message: str) -> None:
    result = run(written(tmp_path, text), "--cell", "rnn")
    assert result.exit_code == 2
    assert message in result.stderr
    assert place in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.py:f", "--cell", "rnn"], "there is no file nowhere.py"),
        (["mine", "--cell", "rnn"], "names no function in a Python file"),
        ([f"{EXAMPLES / 'loss_function.py'}:make", "--cell", "nothing"], "no cell or note is called nothing"),
        ([f"{EXAMPLES / 'loss_function.py'}:make", "--cell", "rnn", "--layout", "XYZ"], "axes 'XYZ' are not known"),
        ([f"{EXAMPLES / 'loss_function.py'}:make", "--cell", "rnn", "--names", "W"], "the name 'W' is not understood"),
        ([f"{EXAMPLES / 'loss_function.py'}:make", "--cell", "rnn", "--names", "W=Q"], "which rnn does not have"),
    ],
)
def test_wrong_use_gives_one_message(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_wrong_shape_and_missing_gradients(tmp_path: Path) -> None:
    result = run(written(tmp_path, RNN.replace("return g", 'return {**g, "b": g["b"][:, None]}')), "--cell", "rnn")
    assert result.exit_code == 1
    assert "expected (" in result.stdout
    result = run(written(tmp_path, RNN.replace("return g", 'del g["b"]; return g')), "--cell", "rnn")
    assert result.exit_code == 2
    assert "returned no gradient of b" in result.stdout


def test_what_the_code_prints_does_not_spoil_the_json(tmp_path: Path) -> None:
    text = RNN.replace("    carry = 0\n", "    carry = 0\n    print('hello')\n")
    result = run(written(tmp_path, text), "--cell", "rnn", "--json")
    assert json.loads(result.stdout)["verdict"] == "right"


def test_neighbouring_files_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "beside_mine.py").write_text("scale = 2.0\n", encoding="utf-8")
    text = "from beside_mine import scale\n" + RNN.replace("return g", 'g["b"] *= scale; return g')
    result = run(written(tmp_path, text), "--cell", "rnn")
    assert result.exit_code == 1
    assert "multiplied by 2 (b)" in result.stdout


def rnn() -> Any:
    space: dict[str, Any] = {}
    exec(RNN, space)  # noqa: S102  # the text above
    return space["backward"]


def test_helpers_raise_with_the_table() -> None:
    assert_backward(rnn(), "rnn")
    with pytest.raises(AssertionError, match=r"constant factor: multiplied by 1/B"):
        assert_backward(lambda p, x, d: {k: v / x.shape[1] for k, v in rnn()(p, x, d).items()}, "rnn")
    with pytest.raises(AssertionError, match=r"x\s+wrong"):
        assert_gradients(lambda p: (p["x"] ** 2).sum(), {"x": np.ones(3)}, {"x": np.ones(3)})
    assert {"assert_backward", "assert_gradients", "check_backward", "check_gradients"} <= set(verify.__all__)


def test_what_cannot_be_told_is_not_right() -> None:
    rng = np.random.default_rng(0)

    def noisy(params: Any, x: Any, d_ys: Any) -> Any:
        return {name: value * (1 + 1e-12 * rng.normal()) for name, value in rnn()(params, x, d_ys).items()}

    report = check_backward(noisy, "rnn")
    assert report.standing is Standing.CANNOT_TELL
    assert "different results" in str(report)
    near = check_backward(lambda p, x, d: {k: v * (1 + 1e-8) for k, v in rnn()(p, x, d).items()}, "rnn")
    assert near.standing is Standing.CANNOT_TELL
    single = check_backward(lambda p, x, d: {k: v.astype(np.float32) for k, v in rnn()(p, x, d).items()}, "rnn")
    assert single.standing is Standing.RIGHT
    with pytest.raises(TypeError, match="no bool"):
        bool(report)


def test_arguments_that_are_written_to_are_named() -> None:
    def writing(params: Any, x: Any, d_ys: Any) -> Any:
        found = rnn()(params, x, d_ys)
        d_ys *= 0
        return found

    assert "writes to what it is given: d_ys" in str(check_backward(writing, "rnn"))


def test_code_for_one_length_only_is_said_so() -> None:
    def six(params: Any, x: Any, d_ys: Any) -> Any:
        assert len(x) == 6, "six steps"
        return rnn()(params, x, d_ys)

    report = check_backward(six, "rnn")
    assert "not checked for T = 1: AssertionError: six steps" in str(report)


def test_not_a_number_is_wrong() -> None:
    report = check_backward(lambda p, x, d: {k: v * np.nan for k, v in rnn()(p, x, d).items()}, "rnn")
    assert report.standing is Standing.WRONG
    assert json.dumps(report.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    "value", [None, "text", 1j, [1.0, [2.0]], {"a": 1}, 0, 1.5, np.zeros((0, 3)), np.ones(3, object)]
)
def test_whatever_is_returned_ends_in_a_verdict_or_a_message(value: Any) -> None:
    try:
        report = check_backward(lambda p, x, d: {**rnn()(p, x, d), "b": value}, "rnn")
    except InputError:
        return
    assert report.standing in (Standing.WRONG, Standing.CANNOT_TELL)
    assert json.dumps(report.to_json(), allow_nan=False)


def test_a_head_in_another_layout() -> None:
    from generated import softmax_cross_entropy as head

    def function(params: Any, h: Any, d_losses: Any, y: Any) -> Any:
        turned = [np.ascontiguousarray(np.swapaxes(a, 0, 1)) for a in (h, d_losses, y)]
        losses, _, cache = head.forward(params, turned[0], turned[2])
        grads = head.backward(cache, turned[1])
        return losses.T, grads | {"h": grads["h"].swapaxes(0, 1)}

    report = check_backward(function, "softmax_cross_entropy", layout=Layout("BTn"))
    assert report.standing is Standing.RIGHT, str(report)
    assert report.rows[0].label == "outputs"


def test_right_gradients_of_a_wrong_forward_pass() -> None:
    from generated import rnn as module

    def function(params: Any, x: Any, d_ys: Any) -> Any:
        ys, _, cache = module.forward(params, x)
        return ys + 1, module.backward(cache, d_ys)

    report = check_backward(function, "rnn")
    assert report.wrong == ("outputs",)
    assert "the gradients are right, but the forward pass" in str(report)


def test_layouts_that_make_no_sense() -> None:
    with pytest.raises(InputError, match="axes 'TTn'"):
        Layout("TTn")
    with pytest.raises(InputError, match="of vectors"):
        Layout(vectors="m")
