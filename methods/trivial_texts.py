"""Trivial baselines for tasks that rate free text: replies without a model. A method is of use only if it beats
them."""

from collections.abc import Sequence

from steerbench.contracts import Engine, Method
from steerbench.contracts.steering import Reply, Steering
from steerbench.contracts.targets import Target
from steerbench.toolkit.adjectives import adjectives, leaning_traits, listed
from steerbench.toolkit.trait_answers import trait_scores

NOTHING_TO_CHOOSE = (1.0, 1.0)
NO_LEANING = "I am like most people."


class Echo(Method):
    """Repeats the question, which shows how a judge rates the question alone."""

    name = "echo"
    role = "constant"
    needs_model, strengths = False, NOTHING_TO_CHOOSE

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        return [Steering(reply=Reply(echo=True))] * len(targets)


class FixedText(Method):
    """States the target's adjectives whatever the question: the trait at its most explicit, without an answer."""

    name = "fixed-text"
    role = "reference"
    needs_model, strengths = False, NOTHING_TO_CHOOSE

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        return [Steering(reply=Reply(text=introduction(target))) for target in targets]


def introduction(target: Target) -> str:
    """One sentence with the adjectives of all poles that the target leans to."""
    words = [word for trait, high in leaning_traits(trait_scores(target)).items() for word in adjectives(trait, high)]
    return f"I am {listed(words)}." if words else NO_LEANING
