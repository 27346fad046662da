"""ActAdd, Activation Addition (Turner et al. 2023).

The vector is the difference between the activations of two short prompts, token by token. It is added to the residual
stream at the first tokens of every prompt.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from steerbench.contracts import Engine, Method, Prompt, Request
from steerbench.contracts.edits import Add, Positions
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Target
from steerbench.toolkit.adjectives import adjectives, leaning_traits, listed
from steerbench.toolkit.layers import checked_layer
from steerbench.toolkit.trait_answers import trait_scores

DEPTH = 0.2
"""Share of the model's depth. The paper finds early to middle layers best; its example takes layer 6 of GPT-2-XL's
48."""
FILLERS = (" ", " ,")
"""Padding tokens. The paper pads with spaces; " ," serves tokenizers that merge several spaces into one token."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class ActAdd(Method):
    """Adds the difference between "You are kind, ..." and "You are cold, ..." after `layer` (counted from 0).

    The adjectives are those of the traits on which the target's score is off the middle. The difference is not
    rescaled, as in the paper. It acts on the first tokens of the prompt; with a chat template these belong to the
    system message. A target in the middle of every trait's scale gets no edit.
    """

    layer: Annotated[int, Field(ge=0)] | None = None

    name = "actadd"
    needs_model = True
    strengths = (0.0, 10.0)

    def adapted(self, engine: Engine) -> Mapping[str, int]:
        """Raises UserError: the model has no such layer."""
        checked_layer(self.name, self.layer, DEPTH, engine)
        return {}

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        """Steerings of unit strength.

        Raises:
            UserError: the model has no such layer.
            ValueError: padding cannot bring a pair of prompts to the same number of tokens.
        """
        layer = checked_layer(self.name, self.layer, DEPTH, engine)
        pairs = [contrast_prompts(target) for target in targets]
        vectors = {pair: _difference(engine, pair, layer) for pair in dict.fromkeys(pairs) if pair}
        return [Steering((_edit(layer, vectors[pair]),)) if pair else Steering() for pair in pairs]


def contrast_prompts(target: Target) -> Pair | None:
    """The prompts that describe the target and its opposite; None if every trait score is in the middle."""
    leanings = leaning_traits(trait_scores(target)).items()
    if not leanings:
        return None
    own = listed([word for trait, high in leanings for word in adjectives(trait, high)])
    opposite = listed([word for trait, high in leanings for word in adjectives(trait, not high)])
    return f"You are {own}.", f"You are {opposite}."


def aligned(pair: Pair, count: Callable[[str], int]) -> tuple[Pair, int]:
    """Pads the shorter text on the right until both have the same number of tokens; returns the pair and that number.

    Raises:
        ValueError: no filler gives the same number of tokens.
    """
    first, second = count(pair[0]), count(pair[1])
    wanted, missing = max(first, second), abs(first - second)
    for filler in FILLERS:
        filled = (pair[0] + filler * max(second - first, 0), pair[1] + filler * max(first - second, 0))
        if count(filled[0]) == count(filled[1]) == wanted:
            return filled, wanted
    raise ValueError(
        f"{pair} cannot be padded to the same number of tokens: {missing} fillers do not make {missing} tokens"
    )


def _difference(engine: Engine, pair: Pair, layer: int) -> NDArray[np.float32]:
    """[tokens, dim]: activations after `layer` of the pair's first text minus those of its second.

    Each pair is captured in its own batch, because the last bits of an activation depend on the rest of the batch.
    """
    filled, length = aligned(pair, lambda text: len(engine.tokenize(Prompt(start=text))))
    requests = [Request(Prompt(start=text)) for text in filled]
    own, opposite = engine.capture(requests, ["resid"], front=length)["resid"][:, :, layer]
    return np.asarray(own - opposite)


def _edit(layer: int, vector: NDArray[np.float32]) -> Add:
    return Add("resid", layer, vector, Positions("front", len(vector)))
