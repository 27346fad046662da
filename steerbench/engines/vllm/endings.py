"""Handles overflow in the worker: logits of overflowed requests become nan, and free text ends there.

This hooks the model's `compute_logits`, where both runners have one final state per request, in the step's order.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from steerbench.engines.overflow import normable


class Endings:
    """Checks the states from which the logits are computed, after the final norm."""

    def __init__(self, model: Any) -> None:
        self._compute = model.compute_logits
        self._step: Sequence[tuple[int | None, int | None]] = ()
        self._overflowed: set[int] = set()
        self.met = False
        """Whether any request has overflowed so far."""
        model.compute_logits = self._logits

    def begin(self, requests: Sequence[tuple[int | None, int | None]]) -> None:
        """Call before a step, with each request's number and, for free text, the token that ends its answer."""
        self._step = requests

    def told(self) -> list[int]:
        told, self._overflowed = sorted(self._overflowed), set()
        return told

    def _logits(self, states: Tensor, *more: Any, **others: Any) -> Tensor | None:
        logits: Tensor | None = self._compute(states, *more, **others)
        # Later calls in the same step are for the logits of prompt tokens.
        step, self._step = self._step, ()
        # A norm turns a state that is too long into zeros.
        lost = ~normable(states) | ~states.any(-1)
        if logits is None or not lost.any():
            return logits
        self.met = True
        logits = logits.masked_fill(lost[:, None], torch.nan)
        if len(step) == len(logits):
            for row in lost.nonzero()[:, 0].tolist():
                self._end(logits[row], *step[row])
        return logits

    def _end(self, logits: Tensor, number: int | None, end: int | None) -> None:
        if number is not None:
            self._overflowed.add(number)
        if end is not None:
            logits.fill_(-torch.inf)
            logits[end] = 0.0
