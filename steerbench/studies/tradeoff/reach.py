"""How far a method reaches, the best of several doses: an interval over all doses at once, and how much was luck."""

import math

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric
from steerbench.statistics.bootstrap import CONFIDENCE
from steerbench.studies.tradeoff.matching import resampled_means

Array = NDArray[np.float64]

DRAWS = 10_000


def reach(effects: Array, seed: int) -> tuple[int, Metric]:
    """The dose of the largest mean effect, and that effect, from effects [doses, questions].

    The best of several doses looks better than it is, so its interval holds for all doses at once: it is as wide as the
    largest of all their studentised errors asks for (max-t, Hothorn, Bretz and Westfall 2008, section 3). It lies above
    0 in at most 2.5 % of cases if no dose has an effect. The doses share their questions, and the draws keep their
    correlation. There is no interval for a single question, or if a dose has the same effect on every question.
    """
    best = int(np.round(effects.mean(axis=1), 10).argmax())
    value, questions = float(effects[best].mean()), effects.shape[1]
    if questions < 2 or np.ptp(effects[best]) == 0:
        return best, Metric(value, n=questions)
    half = _largest_error(effects, seed) * effects[best].std(ddof=1) / math.sqrt(questions)
    return best, Metric(value, value - half, value + half, questions)


def shrinkage(effects: Array, seed: int) -> Metric | None:
    """By how much the best dose's effect is expected to shrink on other questions, from effects [doses, questions].

    In each resample of the questions the best dose is chosen anew; the mean over resamples of how much better it looks
    there than on all questions is the optimism of choosing (Efron and Tibshirani 1993, section 17.6). None where there
    is nothing to choose: a single dose or a single question.
    """
    doses, questions = effects.shape
    if doses < 2 or questions < 2:
        return None
    means = resampled_means(effects.T, np.random.default_rng(seed))
    best = means.argmax(axis=1)
    chosen = np.take_along_axis(means, best[:, None], axis=1)[:, 0]
    return Metric(float((chosen - effects.mean(axis=1)[best]).mean()), n=questions)


def _largest_error(effects: Array, seed: int) -> float:
    """The value that the largest studentised error over the doses exceeds in 2.5 % of draws of a multivariate t."""
    rng, questions = np.random.default_rng(seed), effects.shape[1]
    varying = effects[np.ptp(effects, axis=1) > 0]
    errors = varying - varying.mean(axis=1, keepdims=True)
    scaled = errors / np.linalg.norm(errors, axis=1, keepdims=True)
    # Normal multipliers of the questions' errors have the doses' own correlation, even if that is singular.
    largest = (rng.standard_normal((DRAWS, questions)) @ scaled.T).max(axis=1)
    spread = np.sqrt(rng.chisquare(questions - 1, DRAWS) / (questions - 1))
    return float(np.quantile(largest / spread, (1 + CONFIDENCE) / 2))
