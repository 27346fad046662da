"""Answers that overflow, in the worker: their logits are nan, and those of free text end it.

The model's `compute_logits` is where both runners have one last state a request, in the order of the step.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from steerbench.engines.overflow import normable


class Endings:
    """Looks at the states of which a model's logits are made, behind its last norm."""

    def __init__(self, model: Any) -> None:
        self._compute = model.compute_logits
        self._step: Sequence[tuple[int | None, int | None]] = ()
        self._overflowed: set[int] = set()
        self.met = False
        """Whether there was ever an overflow."""
        model.compute_logits = self._logits

    def begin(self, requests: Sequence[tuple[int | None, int | None]]) -> None:
        """Before a step: each request's number, and the token that ends its answer if it is free text."""
        self._step = requests

    def told(self) -> list[int]:
        told, self._overflowed = sorted(self._overflowed), set()
        return told

    def _logits(self, states: Tensor, *more: Any, **others: Any) -> Tensor | None:
        logits: Tensor | None = self._compute(states, *more, **others)
        # What is asked for after the step's own logits are those of tokens in prompts.
        step, self._step = self._step, ()
        # A norm leaves zeros of a state too long for it.
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
