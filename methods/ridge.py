"""Ridge regression for many penalties at once, with leave-one-out predictions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_NOTHING = 1e-9


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions by penalty: leave-one-out ones of the training people (`held_out` [penalties, people, outputs]), and
    those of the people asked about (`asked` [penalties, asked, outputs])."""

    held_out: Array
    asked: Array


def ridge(features: Array, outputs: Array, asked: Array, penalties: Sequence[float]) -> Predictions:
    """Fits `outputs` [people, outputs] on `features` [people, features] and predicts from `asked` [asked, features].

    Features are standardised over the training people, and the intercept is not penalised. Leave-one-out predictions
    need no refitting: with the hat matrix H, the held-out residual of person i is their residual divided by 1 - H_ii
    (Allen 1974). One singular value decomposition serves all penalties and outputs.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > _NOTHING, spread, 1.0)
    level = outputs.mean(axis=0)
    left, singular, right = np.linalg.svd((features - mean) / spread, full_matrices=False)
    turned, asked_turned = left.T @ (outputs - level), (asked - mean) / spread @ right.T
    held_out, predicted = [], []
    for penalty in penalties:
        shrunk = singular / (singular**2 + penalty)
        kept = singular * shrunk
        residual = outputs - level - left @ (kept[:, None] * turned)
        # With a single training person this would be 0 / 0.
        without = np.maximum(1 - 1 / len(features) - left**2 @ kept, _NOTHING)
        held_out.append(outputs - residual / without[:, None])
        predicted.append(level + asked_turned @ (shrunk[:, None] * turned))
    return Predictions(np.stack(held_out), np.stack(predicted))
