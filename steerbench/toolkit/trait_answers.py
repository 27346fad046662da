"""A target's answers, and its score on each trait."""

import numpy as np

from steerbench.contracts.targets import TRAITS, Answer, Blend, Respondent, Target, TraitPole

HIGHEST, LOWEST = 5, 1


def shown_answers(target: Target) -> tuple[Answer, ...]:
    """A respondent's own answers. For a pole, full agreement with statements that lean to it and rejection of
    others."""
    if isinstance(target, Respondent):
        return target.shown
    return tuple(Answer(item, HIGHEST if lean > 0 else LOWEST) for item, lean in target.leanings().items())


def trait_scores(target: Target) -> dict[str, float]:
    """Mean keyed score, 1 to 5, of each trait with shown answers: the Big Five in the order of TRAITS, then others.

    A pole has the end of the scale on its trait, a blend that of each of its poles.
    """
    if isinstance(target, Blend):
        return {trait: score for pole in target.poles for trait, score in trait_scores(pole).items()}
    if isinstance(target, TraitPole):
        return {target.trait: float(HIGHEST if target.high else LOWEST)}
    by_trait: dict[str, list[float]] = {trait: [] for trait in TRAITS}
    for answer in target.shown:
        by_trait.setdefault(answer.item.trait, []).append(answer.item.keyed(answer.tick))
    return {trait: float(np.mean(scores)) for trait, scores in by_trait.items() if scores}
