"""The README's Python runs as it stands, with what a reader of it has in hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from verify.numbers.load import load

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
IN_HAND = {
    "my_backward": """
        import numpy as np
        from generated import lstm

        def my_backward(params, x, d_ys):
            axes = (1, 0, 2)
            own = {f"{kind}_{gate}": part for kind, names in STACKED.items() for gate, part in split(params, names)}
            ys, final, cache = lstm.forward(own, x.transpose(axes))
            grads = lstm.backward(cache, d_ys.transpose(axes))
            joined = {name: np.concatenate([grads[f"{kind}_{gate}"] for gate in "ifgo"])
                      for kind, names in STACKED.items() for name in names}
            return {**joined, "x": grads["x"].transpose(axes)}

        STACKED = {"W": ["W_ih"], "U": ["W_hh"], "b": ["b_ih", "b_hh"]}

        def split(params, names):
            return zip("ifgo", np.split(sum(params[name] for name in names), 4))
    """,
    "module.state_dict": """
        import pytest
        torch = pytest.importorskip("torch", reason="the block is about torch")
        from generated import lstm
        module = torch.nn.LSTM(3, 5).double()
        x = torch.zeros(4, 2, 3, dtype=torch.float64).numpy()
    """,
    "lstm_torch": """
        import sys
        import pytest
        torch = pytest.importorskip("torch", reason="the block is about torch")
        from derive import find, generate
        from verify import load
        sys.modules["lstm_torch"] = load(generate(find("lstm"), "torch"))
    """,
}  # fmt: skip
"""What a block takes for granted, by a name in it."""


@pytest.mark.parametrize("block", BLOCKS, ids=[block.strip().split("\n")[0] for block in BLOCKS])
def test_examples_run(block):
    before = [text for name, text in IN_HAND.items() if name in block]
    lines = [re.sub(r"^ {8}", "", line) for text in before for line in text.split("\n")]
    load("\n".join([*lines, block]))
