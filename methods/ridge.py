"""Ridge regression under many penalties at once, with what each would have predicted of people it had not seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_NOTHING = 1e-9


@dataclass(frozen=True, eq=False)
class Predictions:
    """By penalty: of each person learnt from, by the others alone (`held_out` [penalties, people, outputs]), and of
    those asked about (`asked` [penalties, asked, outputs])."""

    held_out: Array
    asked: Array


def ridge(features: Array, outputs: Array, asked: Array, penalties: Sequence[float]) -> Predictions:
    """Learn `outputs` [people, outputs] from `features` [people, features]; predict from `asked` [asked, features].

    Features are standardised over the people learnt from, and the intercept goes unpenalised. Leaving one out needs no
    second fit: with the hat matrix H, the residual of person i without them is their residual divided by 1 - H_ii
    (Allen 1974). One decomposition serves all penalties and outputs.
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
        # A single person leaves nobody to learn from, and nothing over: 0 / 0.
        without = np.maximum(1 - 1 / len(features) - left**2 @ kept, _NOTHING)
        held_out.append(outputs - residual / without[:, None])
        predicted.append(level + asked_turned @ (shrunk[:, None] * turned))
    return Predictions(np.stack(held_out), np.stack(predicted))
