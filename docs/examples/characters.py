"""A character model: guess the next character of a text, after Karpathy's min-char-rnn (2015).

Backpropagation is cut after a few characters and the state carried on, as the text is one long sequence.
Run it from the checkout: python docs/examples/characters.py
"""

from __future__ import annotations

import numpy as np

from generated import character_model

TEXT = "to be, or not to be, that is the question: whether 'tis nobler in the mind to suffer "
CHARACTERS = sorted(set(TEXT))
PIECE = 17
"""Steps after which backpropagation is cut."""


def batch() -> dict[str, np.ndarray]:
    """The text as one sequence: x (T, 1, characters) and y, the same one character later."""
    hot = np.eye(len(CHARACTERS))[[CHARACTERS.index(c) for c in TEXT]]
    return {"x": hot[:-1, None], "y": hot[1:, None]}


def train(epochs: int = 1500) -> tuple[dict[str, np.ndarray], list[float]]:
    """Parameters and the losses of all updates."""
    params = character_model.init(D=len(CHARACTERS), H=32, K=len(CHARACTERS), rng=np.random.default_rng(0))
    return character_model.sgd(params, [batch()], rate=0.2, epochs=epochs, clip=1.0, truncate=PIECE)


def written(params: dict[str, np.ndarray], first: str, count: int) -> str:
    """What the model writes by itself after the first character, always its best guess."""
    text, states = first, {}
    for _ in range(count):
        x = np.eye(len(CHARACTERS))[[CHARACTERS.index(text[-1])]][None]
        ys, states, _ = character_model.forward(params, x, **states)
        text += CHARACTERS[int(character_model.predict(ys)[0, 0].argmax())]
    return text


if __name__ == "__main__":
    params, losses = train()
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.5f} in {len(losses)} updates")
    print(written(params, TEXT[0], len(TEXT) - 1))
