"""Rows that overflow: their answers end, and no other token is computed from what is hidden from it.

A mask hides a token by weighting it with 0, and 0 times nan is nan. So what is no number must not stand behind a mask.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor

from steerbench.engines.hf.modules import Modules
from steerbench.engines.overflow import normable

NEVER = torch.iinfo(torch.int64).max


class Ending(LogitsProcessor):
    """Ends a row's answer where its next logits are no numbers, and keeps the number of its tokens by then."""

    def __init__(self, modules: Modules, rows: int, stop: int) -> None:
        self.modules, self.stop = modules, stop
        self.after = torch.full((rows,), NEVER, device=modules.device)
        self._step = 0
        self._normable: Tensor | None = None

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look at each row's last state before the last norm, behind which an overflow may not be seen."""

        def look(_: Any, args: tuple[Any, ...]) -> None:
            self._normable = normable(args[0][:, -1])

        handle = self.modules.decoder.norm.register_forward_pre_hook(look)
        try:
            yield
        finally:
            handle.remove()

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores [rows, vocabulary] with those of overflowed rows replaced by certainty that the answer ends.

        A state with one number that is none spoils its product with every column of the head: one column tells.
        A state that can be normalised is of limited length, and so are its logits.
        """
        assert self._normable is not None
        ends = ~(self._normable & scores[:, 0].isfinite())
        self.after = torch.where(ends, self.after.clamp(max=self._step), self.after)
        self._step += 1
        # On a CPU it costs nothing to ask whether there is anything to do; elsewhere it would wait for the device.
        if scores.device.type == "cpu" and not ends.any():
            return scores
        end = torch.full_like(scores[0], -torch.inf)
        end[self.stop] = 0.0
        return torch.where(ends[:, None], end, scores)


@contextmanager
def blanked(modules: Modules, padding: Tensor) -> Iterator[None]:
    """Put padding [rows, length] to zero after every layer, while that many tokens pass.

    It is edited as its row is and may overflow, but what attends to it past its mask then meets numbers.
    """
    rows, columns = padding.nonzero(as_tuple=True)

    def after(_: Any, __: Any, out: Any) -> None:
        hidden = out[0] if isinstance(out, tuple) else out
        if hidden.shape[1] == padding.shape[1]:
            hidden[rows, columns] = 0

    with ExitStack() as stack:
        for layer in modules.layers if len(rows) else ():
            stack.callback(layer.register_forward_hook(after).remove)
        yield


def forget_borrowed(cache: Any, lengths: Tensor) -> None:
    """Zero what a cache of transformers [rows, heads, tokens, dim] has beyond the rows' own `lengths` [rows]."""
    for layer in cache.layers:
        beyond = torch.arange(layer.keys.shape[2], device=lengths.device) >= lengths[:, None]
        for kept in (layer.keys, layer.values):
            kept.masked_fill_(beyond[:, None, :, None], 0)


class Containment:
    """A pass through the layers in which tokens that are no numbers are put to zero, and told afterwards.

    `tokens` [rows, length] are those that were at some layer.
    """

    def __init__(self) -> None:
        self.tokens: Tensor | None = None

    def clear(self, hidden: Tensor) -> Tensor:
        bad = ~hidden.isfinite().all(-1)
        self.tokens = bad if self.tokens is None else self.tokens | bad
        return hidden.masked_fill(bad[..., None], 0)

    def deal_out(self, spread: Tensor) -> None:
        """As the rows are (`forward.run`)."""
        self.tokens = None if self.tokens is None else self.tokens.index_select(0, spread)

    def told(self, hidden: Tensor, seen: Tensor, prefix: Tensor | None) -> Tensor:
        """States [rows, length, width] with nan for every token that sees a bad one: itself, or one before.

        `seen` [rows, 1, length, prefix + length], `prefix` [rows, prefix] whether its tokens were bad.
        """
        assert self.tokens is not None
        bad = self.tokens if prefix is None else torch.cat([prefix, self.tokens], 1)
        return hidden.masked_fill((seen[:, 0] & bad[:, None, :]).any(-1)[..., None], torch.nan)
