"""Replies without a model, for tasks that rate free text. A method that does not beat them has shown nothing."""

from collections.abc import Sequence

from steerbench.contracts import Engine
from steerbench.contracts.steering import Reply, Steering
from steerbench.contracts.targets import Target
from steerbench.toolkit.adjectives import adjectives, leaning_traits, listed
from steerbench.toolkit.trait_answers import trait_scores

NOTHING_TO_CHOOSE = (1.0, 1.0)
NO_LEANING = "I am like most people."


class Echo:
    """Repeats the question: what a judge reads out of the question alone."""

    name = "echo"
    needs_model, strengths = False, NOTHING_TO_CHOOSE

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        return [Steering(reply=Reply(echo=True))] * len(targets)


class FixedText:
    """Says the target's adjectives, whatever the question: the trait at its plainest, and no answer."""

    name = "fixed-text"
    needs_model, strengths = False, NOTHING_TO_CHOOSE

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        return [Steering(reply=Reply(text=introduction(target))) for target in targets]


def introduction(target: Target) -> str:
    """One sentence: all adjectives of the poles the target stands at or leans to."""
    words = [word for trait, high in leaning_traits(trait_scores(target)).items() for word in adjectives(trait, high)]
    return f"I am {listed(words)}." if words else NO_LEANING
