"""A language model of a few hundred numbers, in NumPy: what the toy engine runs.

It has what a transformer has where steerings act: layers whose heads look back over windows of different lengths
(`head_out` is what they see), gated neurons (`mlp_act`) and a residual stream (`resid`). The three differ in width, so
that an edit at the wrong site is refused. Weights are random and always the same; its tokens are characters.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts.edits import Edit, Site, in_order, reference

Array = NDArray[np.float32]

LAYERS, HEADS, HEAD_WIDTH, NEURONS, STREAM = 4, 4, 4, 24, 12
WIDTHS: dict[Site, int] = {"head_out": HEADS * HEAD_WIDTH, "mlp_act": NEURONS, "resid": STREAM}
WINDOWS = (2, 8, 32, 1 << 30)
"""How many tokens back each head of a layer looks."""
PRINTABLE = [chr(code) for code in range(32, 127)] + ["\n"]
END, OTHER = len(PRINTABLE), len(PRINTABLE) + 1
"""The token that ends an answer, and the one of every character that is none of `PRINTABLE`."""
VOCABULARY = OTHER + 1
_TOKEN = {character: token for token, character in enumerate(PRINTABLE)}


def encode(text: str) -> list[int]:
    return [_TOKEN.get(character, OTHER) for character in text]


def decode(tokens: Iterable[int]) -> str:
    return "".join(PRINTABLE[token] if token < END else "?" for token in tokens)


@dataclass
class Reading:
    """One sequence as far as it was read. `seen` has, by site and layer, the last piece's values after the edits."""

    prompt_length: int
    length: int = 0
    sums: dict[int, Array] = field(default_factory=dict)
    """By layer, running sums of the heads' values up to each token, after a row of zeros."""
    seen: dict[tuple[Site, int], Array] = field(default_factory=dict)


class ToyModel:
    """Weights of a seed."""

    def __init__(self, seed: int = 0) -> None:
        random = np.random.default_rng(seed)

        def weights(*shape: int) -> Array:
            return np.asarray(random.normal(size=shape) / np.sqrt(shape[-2]), dtype=np.float32)

        self.embedding = np.asarray(random.normal(size=(VOCABULARY, STREAM)), dtype=np.float32)
        self.values, self.outputs = (
            weights(LAYERS, STREAM, WIDTHS["head_out"]),
            weights(LAYERS, WIDTHS["head_out"], STREAM),
        )
        self.gates, self.ups = weights(LAYERS, STREAM, NEURONS), weights(LAYERS, STREAM, NEURONS)
        self.downs = weights(LAYERS, NEURONS, STREAM)
        self.logits = weights(STREAM, VOCABULARY)
        self.logits[:, OTHER] = 0

    def read(self, reading: Reading, tokens: Sequence[int], edits: Sequence[Edit]) -> Array:
        """Read on, under the edits: log-probabilities [tokens, vocabulary] of what comes after each of the tokens.

        They are nan after numbers too large for a norm: the steering overflowed.
        """
        places = np.arange(reading.length, reading.length + len(tokens))
        reading.length += len(tokens)
        ordered = in_order(edits)

        def token(edit: Edit, x: Array, n: int) -> Array:
            after = max(int(places[n]) - reading.prompt_length + 1, 0)
            return reference.edited(edit, x, int(places[n]), after, lambda layer: reading.seen["resid", layer][n])

        def edited(site: Site, layer: int, found: Array) -> Array:
            for edit in ordered:
                if edit.layer == layer and edit.site == site:
                    found = np.stack([token(edit, x, n) for n, x in enumerate(found)])
            reading.seen[site, layer] = found
            return found

        with np.errstate(over="ignore", invalid="ignore"):
            stream = self.embedding[list(tokens)]
            for layer in range(LAYERS):
                looked = self._look_back(reading, layer, _normed(stream) @ self.values[layer])
                stream = stream + edited("head_out", layer, looked) @ self.outputs[layer]
                normed = _normed(stream)
                gate = normed @ self.gates[layer]
                active = edited("mlp_act", layer, gate / (1 + np.exp(-gate)))
                stream = edited("resid", layer, stream + (active * (normed @ self.ups[layer])) @ self.downs[layer])
            logits = _normed(stream) @ self.logits
            shifted = logits - logits.max(-1, keepdims=True)
            return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))

    def _look_back(self, reading: Reading, layer: int, values: Array) -> Array:
        """[tokens, heads x width]: of each head the mean of the values in its window."""
        before = reading.sums.get(layer, np.zeros((1, values.shape[1]), np.float32))
        sums = np.concatenate([before, before[-1] + values.cumsum(0, dtype=np.float32)])
        reading.sums[layer] = sums
        ends = np.arange(len(before), len(sums))
        means = [
            (sums[ends] - sums[np.maximum(ends - window, 0)])[:, head * HEAD_WIDTH : (head + 1) * HEAD_WIDTH]
            / np.minimum(ends, window)[:, None]
            for head, window in enumerate(WINDOWS)
        ]
        return np.asarray(np.concatenate(means, 1), dtype=np.float32)


def _normed(stream: Array) -> Array:
    squares = np.square(stream).sum(-1, keepdims=True)
    return np.asarray(np.where(np.isfinite(squares), stream / np.sqrt(squares / STREAM + 1e-6), np.nan), np.float32)
