"""Handles rows whose numbers overflow: their answers end, and they do not affect other rows.

A mask weights a hidden token with 0, but 0 times nan is nan. So hidden tokens must not be nan.
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
    """Ends a row's answer when its next logits are not finite, and records its number of tokens by then."""

    def __init__(self, modules: Modules, rows: int, stop: int) -> None:
        self.modules, self.stop = modules, stop
        self.after = torch.full((rows,), NEVER, device=modules.device)
        self._step = 0
        self._normable: Tensor | None = None

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Context manager that checks each row's last state before the final norm, which may hide an overflow."""

        def look(_: Any, args: tuple[Any, ...]) -> None:
            self._normable = normable(args[0][:, -1])

        handle = self.modules.decoder.norm.register_forward_pre_hook(look)
        try:
            yield
        finally:
            handle.remove()

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores [rows, vocabulary], in which overflowed rows get probability 1 for the end of the answer.

        A state with one nan makes every logit nan, so checking one column suffices. A state that can be normalised has
        bounded length, so its logits are finite.
        """
        assert self._normable is not None
        ends = ~(self._normable & scores[:, 0].isfinite())
        self.after = torch.where(ends, self.after.clamp(max=self._step), self.after)
        self._step += 1
        # On a CPU checking for overflow is free; on a GPU it would synchronise.
        if scores.device.type == "cpu" and not ends.any():
            return scores
        end = torch.full_like(scores[0], -torch.inf)
        end[self.stop] = 0.0
        return torch.where(ends[:, None], end, scores)


@contextmanager
def blanked(modules: Modules, padding: Tensor) -> Iterator[None]:
    """Context manager that zeroes padding [rows, length] after every layer, while inputs have that shape.

    Padding is edited like the rest of its row and may overflow; zeros behind a mask are harmless.
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
    """Zero a transformers cache [rows, heads, tokens, dim] beyond each row's own length (`lengths` [rows])."""
    for layer in cache.layers:
        beyond = torch.arange(layer.keys.shape[2], device=lengths.device) >= lengths[:, None]
        for kept in (layer.keys, layer.values):
            kept.masked_fill_(beyond[:, None, :, None], 0)


class Containment:
    """Zeroes tokens that overflow during a pass through the layers, and reports them afterwards.

    `tokens` [rows, length] marks the tokens that overflowed in some layer.
    """

    def __init__(self) -> None:
        self.tokens: Tensor | None = None

    def clear(self, hidden: Tensor) -> Tensor:
        bad = ~hidden.isfinite().all(-1)
        self.tokens = bad if self.tokens is None else self.tokens | bad
        return hidden.masked_fill(bad[..., None], 0)

    def deal_out(self, spread: Tensor) -> None:
        """Expand the record from the distinct rows to all rows, as `forward.run` does with the states."""
        self.tokens = None if self.tokens is None else self.tokens.index_select(0, spread)

    def told(self, hidden: Tensor, seen: Tensor, prefix: Tensor | None) -> Tensor:
        """States [rows, length, width], with nan for every token that attends to an overflowed one, itself included.

        `seen` [rows, 1, length, prefix + length] is the mask; `prefix` [rows, prefix] marks overflowed prefix tokens.
        """
        assert self.tokens is not None
        bad = self.tokens if prefix is None else torch.cat([prefix, self.tokens], 1)
        return hidden.masked_fill((seen[:, 0] & bad[:, None, :]).any(-1)[..., None], torch.nan)
