"""NPTI, Neuron-based Personality Trait Induction (Deng et al. 2024).

FFN neurons that are active more often at the target's end of a trait are boosted, those of the other end are
suppressed.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from methods.neurons import REPETITION_PENALTY, NeuronSearch, TraitNeurons, searched
from methods.published_neurons import published_neurons
from steerbench.contracts import Engine, Method
from steerbench.contracts.edits import Boost, Cap, Edit, Positions
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import MIDDLE, TRAITS, Target
from steerbench.errors import UserError
from steerbench.toolkit.adjectives import leaning_traits, listed
from steerbench.toolkit.layers import Layers, checked_layers, parsed_layers
from steerbench.toolkit.search_descriptions import COUNTS
from steerbench.toolkit.search_questions import Source
from steerbench.toolkit.trait_answers import trait_scores

FULL_LEAN = 2
"""Distance from the middle of the answer scale to its ends."""

PUBLISHED_LEAST, PUBLISHED_KEPT, PUBLISHED_THRESHOLD = 2000, 0.9, 0.1
PUBLISHED_SAMPLING = 500, 1.1
"""Maximum new tokens and repetition penalty of the search's answers."""


@dataclass(frozen=True)
class NPTI(Method):
    """Boosts the FFN neurons of the target's end of a trait and suppresses those of the other end.

    A neuron belongs to an end of a trait if its probability of being active is higher there by `threshold` or more.
    The probabilities are measured over answers given as a person high and as a person low on the trait.

    To steer to a pole, the other pole's neurons are capped at 0. The pole's own neurons get gamma (the strength) times
    their 95th percentile, times a logistic function of the difference; `weighting="none"` omits this function (the
    ablation in the paper's Figure 3a). A respondent gets the poles of all traits on which their score is off the
    middle. The boost is scaled by the distance from the middle; the cap is not.

    The search asks `questions` (of the embedded bank, or those published for it; `per_trait` of each trait, or all).
    Each is asked under `personas` descriptions of the pole, drawn by seed from `descriptions` (the bank has eight, the
    published set eighty). Answers have at most `max_new_tokens` and a `repetition_penalty`. `neurons="published"` takes
    the paper's lists for Llama-3-8B-Instruct instead. `layers` restricts the edits, not the choice of neurons.
    `positions="all"` edits the prompt too. Answers that are read as likelihoods of options need this, because the
    prompt's last token decides an option's first token.

    `variant="published"` adds what is only in the paper's code. A pole has at least 2,000 neurons if that many differ
    in its direction at all. At every position a random tenth of them is left out. Only positions after the prompt are
    edited. A layer without boosted neurons suppresses none. Defaults change too: one published description per question
    and answers of 500 tokens, instead of four descriptions of the bank and 100 tokens.
    """

    threshold: Annotated[float, Field(ge=0, lt=1)] = 0.1
    variant: Literal["plain", "published"] = "plain"
    neurons: Literal["search", "published"] = "search"
    weighting: Literal["logistic", "none"] = "logistic"
    layers: Layers = None
    positions: Literal["decode", "all"] = "decode"
    descriptions: Source | None = None
    personas: Annotated[int, Field(ge=1)] | None = None
    max_new_tokens: Annotated[int, Field(ge=2)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, allow_inf_nan=False)] = REPETITION_PENALTY
    questions: Source = "bank"
    per_trait: Annotated[int, Field(ge=1)] | None = None
    seed: int = 0

    name = "npti"
    needs_model = True
    strengths = (0.0, 2.0)
    published_strengths = tuple(n / 10 for n in range(6, 16))
    symbols: ClassVar[dict[str, str]] = {"gamma": "strength"}

    def __post_init__(self) -> None:
        parsed_layers(self.name, self.layers)
        if self.variant == "published" and self.positions != "decode":
            raise UserError("npti.variant=published means positions=decode; leave it as it is.")
        if self.search.personas > (most := COUNTS[self.search.descriptions]):
            raise UserError(
                f"npti.personas is {self.personas}, but there are only {most} descriptions of a pole "
                f"(descriptions={self.search.descriptions}); choose fewer."
            )

    @property
    def search(self) -> NeuronSearch:
        """The settings of the neuron search, with defaults filled in."""
        published = self.variant == "published"
        descriptions = self.descriptions or ("published" if published else "bank")
        return NeuronSearch(
            self.personas or (1 if descriptions == "published" else 4),
            self.max_new_tokens or (500 if published else 100),
            self.seed,
            self.questions,
            self.per_trait,
            descriptions,
            self.repetition_penalty,
        )

    @property
    def deviations(self) -> Sequence[str]:
        """How this method's settings deviate from the published protocol."""
        told = ["strength 0 is among those tried"]
        if self.variant != "published":
            told.append("npti.variant is plain")
        if self.threshold != PUBLISHED_THRESHOLD:
            told.append(f"the threshold is {self.threshold:g}, not {PUBLISHED_THRESHOLD:g}")
        if self.weighting != "logistic":
            told.append("values are not weighted")
        if self.layers is not None:
            told.append("only some layers are edited")
        return tuple(told + self._search_deviations() if self.neurons == "search" else told)

    def _search_deviations(self) -> list[str]:
        search, told = self.search, []
        if search.questions != "published" or search.per_trait is not None:
            told.append("neurons are searched on other questions, or fewer")
        if (search.descriptions, search.personas) != ("published", 1):
            told.append("the search does not ask each question under one of the published descriptions")
        if (search.max_new_tokens, search.repetition_penalty) != PUBLISHED_SAMPLING:
            tokens, penalty = PUBLISHED_SAMPLING
            told.append(
                f"the search's answers have other limits than {tokens} tokens and a repetition penalty of {penalty}"
            )
        return [*told, "the search's prompts are this project's own words, and its percentiles have no end at 3"]

    def adapted(self, engine: Engine) -> Mapping[str, int]:
        """Raises UserError: the model has no such layer."""
        checked_layers(self.name, self.layers, engine)
        return {}

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        """Steerings of unit strength (gamma 1). A target with every trait score in the middle gets no edit.

        Raises:
            UserError: the model lacks a layer asked for, a target leans on a trait outside the Big Five, or the
                published neurons are for another model or do not include a trait that is needed.
        """
        layers = checked_layers(self.name, self.layers, engine)
        scores = [trait_scores(target) for target in targets]
        wanted = [leaning_traits(of_one) for of_one in scores]
        poles = {(trait, high) for one in wanted for trait, high in one.items()}
        if not poles:
            return [Steering() for _ in targets]
        traits = sorted({trait for trait, _ in poles})
        if others := [trait for trait in traits if trait not in TRAITS]:
            raise UserError(f"npti steers only the Big Five, and not {listed(others)}; run this task without npti.")
        known = published_neurons(traits, engine) if self.neurons == "published" else searched(engine, self.search)
        towards = {(trait, high): self.towards(known[trait], high, layers) for trait, high in poles}
        return [
            sum((towards[t, high].scaled(abs(of_one[t] - MIDDLE) / FULL_LEAN) for t, high in one.items()), Steering())
            for of_one, one in zip(scores, wanted, strict=True)
        ]

    def towards(self, trait: TraitNeurons, high: bool, layers: Collection[int]) -> Steering:
        """The steering of unit strength to one end of a trait, in these layers."""
        published = self.variant == "published"
        least, kept = (PUBLISHED_LEAST, PUBLISHED_KEPT) if published else (0, 1.0)
        # Seen from the pole: neurons that are active more often there have a positive delta.
        delta = trait.delta if high else -trait.delta
        own, other = (chosen(side, self.threshold, least) for side in (delta, -delta))
        values = trait.high_p95 if high else trait.low_p95
        if self.weighting == "logistic":
            values = values * weight(delta)
        at = Positions(self.positions)
        edits: list[Edit] = []
        for layer in sorted(layers):
            held, driven = np.flatnonzero(other[layer]), np.flatnonzero(own[layer])
            if held.size and (driven.size or not published):
                edits.append(Cap(layer, held, 0.0, at))
            if driven.size:
                edits.append(Boost(layer, driven, values[layer, driven].astype(np.float32), at, kept=kept))
        return Steering(tuple(edits))


def chosen(delta: NDArray[np.float32], threshold: float, least: int = 0) -> NDArray[np.bool_]:
    """[layers, neurons]: the neurons of one end of a trait.

    These are the neurons with a delta of at least `threshold`. If they are fewer than `least`, they are the `least`
    neurons with the largest positive delta, or all that have one.
    """
    # A neuron that is active equally often at both ends belongs to neither, even at threshold 0.
    above = (delta >= threshold) & (delta > 0)
    if above.sum() < least:
        order = np.argsort(-delta, axis=None, kind="stable")[:least]
        above = np.zeros_like(above)
        above.flat[order] = True
        above &= delta > 0
    return above


def weight(delta: NDArray[np.float32]) -> NDArray[np.float32]:
    """The factor on a neuron's 95th percentile: 0.5 where the difference is 0.15, close to 1 from 0.5 on."""
    return np.asarray(1 / (1 + np.exp(-10 * (np.abs(delta) - 0.15))), np.float32)
