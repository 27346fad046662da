"""Invented people, and poles of traits, to fit methods to."""

from collections.abc import Sequence

import numpy as np

from steerbench.contracts.targets import Answer, Others, Respondent, TraitPole, pole_named
from steerbench.toolkit.poles import statements


def people(count: int = 3, seed: int = 0) -> list[Respondent]:
    """People who ticked the embedded statements at random; each is shown what the others ticked, as `Others`."""
    items = tuple(statements())
    ticks = np.random.default_rng(seed).integers(1, 6, (count, len(items)))
    return [
        Respondent(
            f"person-{number}",
            tuple(Answer(item, int(tick)) for item, tick in zip(items, own, strict=True)),
            Others(items, np.delete(ticks, number, axis=0)),
        )
        for number, own in enumerate(ticks)
    ]


def poles(names: Sequence[str] = ("extraversion+", "extraversion-", "neuroticism+")) -> list[TraitPole]:
    """Ends of traits, told by the embedded statements."""
    return [pole_named(name, tuple(statements())) for name in names]
