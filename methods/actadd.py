"""ActAdd, Activation Addition (Turner et al. 2023): the difference between two short prompts, token by token, added
to the residual stream over the first tokens of every prompt."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from steerbench.contracts import Engine, Prompt, Request
from steerbench.contracts.steering import Add, Positions, Steering
from steerbench.contracts.targets import Target
from steerbench.toolkit.adjectives import adjectives, leaning_traits, listed
from steerbench.toolkit.layers import checked_layer
from steerbench.toolkit.trait_answers import trait_scores

DEPTH = 0.2
"""The paper finds early to middle layers best; its worked example takes layer 6 of the 48 of GPT-2-XL."""
FILLERS = (" ", " ,")
"""The paper fills with spaces. Tokenizers that join spaces into one token need something that stays apart."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class ActAdd:
    """Contrasts "You are kind, ..." with "You are cold, ...", as the target leans, after `layer` (counted from 0).

    The difference is not rescaled, as in the paper. It acts on the first tokens of a prompt whatever they
    are: with a chat template those of the system message. A target in the middle of every trait's scale gets no edit.
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
        """
        layer = checked_layer(self.name, self.layer, DEPTH, engine)
        pairs = [contrast_prompts(target) for target in targets]
        vectors = {pair: _difference(engine, pair, layer) for pair in dict.fromkeys(pairs) if pair}
        return [Steering((_edit(layer, vectors[pair]),)) if pair else Steering() for pair in pairs]


def contrast_prompts(target: Target) -> Pair | None:
    """A description of the target and of its opposite; None if it leans nowhere."""
    leanings = leaning_traits(trait_scores(target)).items()
    if not leanings:
        return None
    own = listed([word for trait, high in leanings for word in adjectives(trait, high)])
    opposite = listed([word for trait, high in leanings for word in adjectives(trait, not high)])
    return f"You are {own}.", f"You are {opposite}."


def aligned(pair: Pair, count: Callable[[str], int]) -> tuple[Pair, int]:
    """The pair with the shorter text filled up on the right to as many tokens as the longer, and their number."""
    first, second = count(pair[0]), count(pair[1])
    wanted, missing = max(first, second), abs(first - second)
    for filler in FILLERS:
        filled = (pair[0] + filler * max(second - first, 0), pair[1] + filler * max(first - second, 0))
        if count(filled[0]) == count(filled[1]) == wanted:
            return filled, wanted
    raise ValueError(
        f"{pair} cannot be brought to the same number of tokens: {missing} fillers are not {missing} tokens"
    )


def _difference(engine: Engine, pair: Pair, layer: int) -> NDArray[np.float32]:
    """[tokens, dim]: what tells a pair's texts apart after `layer`.

    Captured pair by pair: activations depend, in their last bits, on what they are computed beside.
    """
    filled, length = aligned(pair, lambda text: len(engine.tokenize(Prompt(start=text))))
    requests = [Request(Prompt(start=text)) for text in filled]
    own, opposite = engine.capture(requests, ["resid"], front=length)["resid"][:, :, layer]
    return np.asarray(own - opposite)


def _edit(layer: int, vector: NDArray[np.float32]) -> Add:
    return Add("resid", layer, vector, Positions("front", len(vector)))
