"""Sentiment: one answer at the end of a sentence (many to one), sentences of different lengths in one batch.

Run it from the checkout: python docs/examples/sentiment.py
"""

from __future__ import annotations

import numpy as np

from generated import sentiment

SENTENCES = [
    ("a fine film", "good"),
    ("not a fine film", "bad"),
    ("a dull film", "bad"),
    ("not a dull film", "good"),
    ("fine", "good"),
    ("dull", "bad"),
    ("not fine", "bad"),
    ("not dull", "good"),
    ("a fine story and a fine film", "good"),
    ("a dull story and a dull film", "bad"),
    ("not a fine story and not a fine film", "bad"),
    ("a very fine story", "good"),
]
WORDS = sorted({word for sentence, _ in SENTENCES for word in sentence.split()})
ANSWERS = ["bad", "good"]


def batch() -> dict[str, np.ndarray]:
    """All sentences as one batch: x (T, B, words), y (B, answers) and the lengths (B,)."""
    lengths = np.array([len(sentence.split()) for sentence, _ in SENTENCES])
    x = np.zeros((lengths.max(), len(SENTENCES), len(WORDS)))
    for b, (sentence, _) in enumerate(SENTENCES):
        for t, word in enumerate(sentence.split()):
            x[t, b, WORDS.index(word)] = 1
    y = np.eye(len(ANSWERS))[[ANSWERS.index(answer) for _, answer in SENTENCES]]
    return {"x": x, "y": y, "lengths": lengths}


def train(epochs: int = 1500) -> tuple[dict[str, np.ndarray], list[float]]:
    """Parameters and the losses of all updates."""
    params = sentiment.init(D=len(WORDS), H=8, K=len(ANSWERS), rng=np.random.default_rng(0))
    return sentiment.sgd(params, [batch()], rate=0.3, epochs=epochs, clip=5.0)


def answers(params: dict[str, np.ndarray]) -> list[str]:
    """What the network says of every sentence."""
    given = batch()
    ys, _, _ = sentiment.forward(params, given["x"], lengths=given["lengths"])
    return [ANSWERS[k] for k in sentiment.predict(ys).argmax(axis=-1)]


if __name__ == "__main__":
    params, losses = train()
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.5f} in {len(losses)} updates")
    for (sentence, _), answer in zip(SENTENCES, answers(params), strict=True):
        print(f"{answer:>5}  {sentence}")
