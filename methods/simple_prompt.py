"""Simple prompt: adjectives for the person's traits, graded by how far each score is from the middle.

Papers on prompting call this baseline naive or simple prompting. The words and the grading are our own.
"""

from collections.abc import Sequence

from steerbench.contracts import Engine, Method
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.contracts.targets import Target
from steerbench.toolkit.adjectives import graded
from steerbench.toolkit.trait_answers import trait_scores

WORDINGS = (
    "You are {0}.",
    "You are a person who is {0}. Answer as this person would.",
    "Here is your character: you are {0}. Everything you say shows it.",
    "People who know you well say that you are {0}, and they are right.",
    "Imagine that you are somebody else. You are {0}, and you think, feel and answer accordingly.",
)
"""The first is the default; calibration may choose one of the others."""


class SimplePrompt(Method):
    """One sentence about the person's traits. A person in the middle of every scale gets no prompt."""

    name = "simple-prompt"
    needs_model = True
    strengths = (1.0, 1.0)

    def fit(self, engine: Engine | None, targets: Sequence[Target]) -> Sequence[Steering]:
        return [_steering(target) for target in targets]


def _steering(target: Target) -> Steering:
    phrases = graded(trait_scores(target))
    if not phrases:
        return Steering()
    first, *others = [PromptChange(system=wording.format("; ".join(phrases))) for wording in WORDINGS]
    return Steering(prompt=first, alternatives=tuple(others))
