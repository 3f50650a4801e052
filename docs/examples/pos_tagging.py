"""Part-of-speech tagging: one tag for every word of a sentence, sentences of different lengths in one batch.

Run it from the checkout: python docs/examples/pos_tagging.py
"""

from __future__ import annotations

import numpy as np

from generated import tagger

SENTENCES = [
    ("我 吃 苹果", "pronoun verb noun"),
    ("她 喝 茶", "pronoun verb noun"),
    ("他 看 书", "pronoun verb noun"),
    ("我 很 高兴", "pronoun adverb adjective"),
    ("苹果 很 甜", "noun adverb adjective"),
    ("茶 很 热", "noun adverb adjective"),
    ("她 吃 甜 苹果", "pronoun verb adjective noun"),
    ("他 喝 热 茶", "pronoun verb adjective noun"),
    ("我 看 书", "pronoun verb noun"),
    ("书 好", "noun adjective"),
    ("她 跑", "pronoun verb"),
    ("他 很 好 我 很 高兴", "pronoun adverb adjective pronoun adverb adjective"),
]
WORDS = sorted({word for sentence, _ in SENTENCES for word in sentence.split()})
TAGS = sorted({tag for _, tags in SENTENCES for tag in tags.split()})


def batch() -> dict[str, np.ndarray]:
    """All sentences as one batch: x (T, B, words), y (T, B, tags) and the lengths (B,)."""
    lengths = np.array([len(sentence.split()) for sentence, _ in SENTENCES])
    x = np.zeros((lengths.max(), len(SENTENCES), len(WORDS)))
    y = np.zeros((lengths.max(), len(SENTENCES), len(TAGS)))
    for b, (sentence, tags) in enumerate(SENTENCES):
        for t, (word, tag) in enumerate(zip(sentence.split(), tags.split(), strict=True)):
            x[t, b, WORDS.index(word)] = 1
            y[t, b, TAGS.index(tag)] = 1
    return {"x": x, "y": y, "lengths": lengths}


def train(epochs: int = 400) -> tuple[dict[str, np.ndarray], list[float]]:
    """Parameters and the losses of all updates."""
    params = tagger.init(D=len(WORDS), H=8, K=len(TAGS), rng=np.random.default_rng(0))
    return tagger.sgd(params, [batch()], rate=2.0, epochs=epochs, clip=5.0)


def tags(params: dict[str, np.ndarray]) -> list[list[str]]:
    """What the tagger says of every sentence."""
    given = batch()
    ys, _, _ = tagger.forward(params, given["x"], lengths=given["lengths"])
    best = tagger.predict(ys).argmax(axis=-1)
    return [[TAGS[k] for k in best[:length, b]] for b, length in enumerate(given["lengths"])]


if __name__ == "__main__":
    params, losses = train()
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.5f} in {len(losses)} updates")
    for (sentence, _), found in zip(SENTENCES, tags(params), strict=True):
        print("  ".join(f"{word}/{tag}" for word, tag in zip(sentence.split(), found, strict=True)))
