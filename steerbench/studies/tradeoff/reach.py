"""A method's largest effect over several doses: a simultaneous interval, and the optimism of choosing the best."""

import math

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric
from steerbench.statistics.bootstrap import CONFIDENCE
from steerbench.studies.tradeoff.matching import resampled_means

Array = NDArray[np.float64]

DRAWS = 10_000


def reach(effects: Array, seed: int) -> tuple[int, Metric]:
    """The dose with the largest mean effect, and that effect, from effects [doses, questions].

    The best of several doses looks better than it is. So its interval is simultaneous over all doses: its width follows
    from the largest of their studentised errors (max-t; Hothorn, Bretz and Westfall 2008, section 3). If no dose has an
    effect, it lies above 0 in at most 2.5 % of cases. The draws keep the doses' correlation, because they share their
    questions. There is no interval for a single question, or if the best dose has the same effect on every question.
    """
    best = int(np.round(effects.mean(axis=1), 10).argmax())
    value, questions = float(effects[best].mean()), effects.shape[1]
    if questions < 2 or np.ptp(effects[best]) == 0:
        return best, Metric(value, n=questions)
    half = _largest_error(effects, seed) * effects[best].std(ddof=1) / math.sqrt(questions)
    return best, Metric(value, value - half, value + half, questions)


def shrinkage(effects: Array, seed: int) -> Metric | None:
    """How much the best dose's effect is expected to shrink on other questions, from effects [doses, questions].

    The best dose is chosen again in each resample of the questions. The mean excess of its resampled effect over its
    effect on all questions is the optimism (Efron and Tibshirani 1993, section 17.6). None with a single dose or
    question, where nothing is chosen.
    """
    doses, questions = effects.shape
    if doses < 2 or questions < 2:
        return None
    means = resampled_means(effects.T, np.random.default_rng(seed))
    best = means.argmax(axis=1)
    chosen = np.take_along_axis(means, best[:, None], axis=1)[:, 0]
    return Metric(float((chosen - effects.mean(axis=1)[best]).mean()), n=questions)


def _largest_error(effects: Array, seed: int) -> float:
    """The 97.5 % quantile of the largest studentised error over the doses, from draws of a multivariate t."""
    rng, questions = np.random.default_rng(seed), effects.shape[1]
    varying = effects[np.ptp(effects, axis=1) > 0]
    errors = varying - varying.mean(axis=1, keepdims=True)
    scaled = errors / np.linalg.norm(errors, axis=1, keepdims=True)
    # Normal multipliers of the questions' errors reproduce the doses' correlation, even if it is singular.
    largest = (rng.standard_normal((DRAWS, questions)) @ scaled.T).max(axis=1)
    spread = np.sqrt(rng.chisquare(questions - 1, DRAWS) / (questions - 1))
    return float(np.quantile(largest / spread, (1 + CONFIDENCE) / 2))
