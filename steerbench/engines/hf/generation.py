"""Generates free text from a batch of steered prompts, with transformers' generation loop."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, GenerationConfig, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from steerbench.contracts import Completion, Sampling
from steerbench.engines.answers import decoded
from steerbench.engines.branches import group
from steerbench.engines.hf.edits import steered
from steerbench.engines.hf.forward_rows import ForwardRows
from steerbench.engines.hf.modules import Modules
from steerbench.engines.hf.overflow import Ending, blanked, forget_borrowed
from steerbench.engines.hf.scoring import Batch

WORTH_SHARING = 32
"""Length in tokens from which a common prefix is computed once for its requests."""


Watching = Callable[[ForwardRows, Sequence[int]], AbstractContextManager[list[StoppingCriteria]]]
"""An observer of generation. Takes the frame and the stop tokens; returns a context manager around the loop, which
yields stopping criteria that are called with every token."""


def unwatched(frame: ForwardRows, stops: Sequence[int]) -> AbstractContextManager[list[StoppingCriteria]]:
    return nullcontext([])


def generate(
    modules: Modules,
    tokenizer: Any,
    stops: Sequence[int],
    batch: Batch,
    sampling: Sampling,
    watching: Watching = unwatched,
) -> list[Completion]:
    """Complete every prompt under its own steering, in one batch, each up to a stop token.

    A common prefix of prompts with the same edits is computed once. The batch is laid out as [prefix | padding | own
    tokens], and positions do not count the padding. A row whose numbers overflow ends there.
    """
    prefixes = _prefixes(modules, batch, sampling)
    ids, mask = _padded([b.tokens().tolist() for b in batch.branches], prefixes)
    tables = batch.tables(modules)
    lines = tables.lines(batch.steerings, modules.device)
    lengths = torch.tensor([b.prompt_length for b in batch.branches], device=modules.device)
    frame, ending = ForwardRows(), Ending(modules, len(ids), stops[0])
    padding = mask[:, prefixes.length :].to(modules.device) == 0
    with steered(modules, tables, frame), _seeded(batch, sampling, modules), _own_defaults(modules):
        cache = _prefix_cache(modules, batch, prefixes, lines, frame)
        with (
            _following(modules, frame, lines, lengths),
            _head_on_rows(modules),
            blanked(modules, padding),
            ending.looking(),
            watching(frame, stops) as told,
        ):
            out = modules.model.generate(
                input_ids=ids.to(modules.device),
                attention_mask=mask.to(modules.device),
                past_key_values=cache,
                generation_config=_config(sampling, stops),
                logits_processor=LogitsProcessorList([ending]),
                stopping_criteria=StoppingCriteriaList(told),
            )
    said = out[:, ids.shape[1] :].tolist()
    return [_completion(row, tokenizer, stops, after) for row, after in zip(said, ending.after.tolist(), strict=True)]


@dataclass(frozen=True)
class _Prefixes:
    """The shared prefixes of a batch.

    `first` is one request per prefix, `of` each request's prefix, and `shared` the number of its tokens in that prefix.
    """

    first: Sequence[int]
    of: Sequence[int]
    shared: Sequence[int]

    @property
    def length(self) -> int:
        """Number of tokens of the longest prefix."""
        return max(self.shared)


def _prefixes(modules: Modules, batch: Batch, sampling: Sampling) -> _Prefixes:
    """Prefixes worth sharing; none if a sliding window would count the padding after them as tokens."""
    count = len(batch.branches)
    of, shared = [0] * count, [0] * count
    first: list[int] = []
    longest = max(b.prompt_length for b in batch.branches)
    # The widest row is the longest prefix plus the most own tokens of any prompt.
    fits = not modules.slides or 2 * longest + sampling.max_new_tokens <= (modules.window or 0)
    for one in group(batch.branches, batch.keys):
        if fits and one.shared >= WORTH_SHARING:
            for member in one.members:
                of[member], shared[member] = len(first), one.shared
            first.append(one.members[0])
    return _Prefixes(first, of, shared)


def _padded(prompts: Sequence[Sequence[int]], prefixes: _Prefixes) -> tuple[Tensor, Tensor]:
    """Token ids and mask [rows, width], with padding between the prefix and each row's own tokens.

    A row is padded with one of its own tokens, so that the repetition penalty affects no additional token.
    """
    own = max(len(prompt) - shared for prompt, shared in zip(prompts, prefixes.shared, strict=True))
    width = prefixes.length + own
    ids, mask = [], []
    for prompt, shared in zip(prompts, prefixes.shared, strict=True):
        gap = width - len(prompt)
        ids.append([*prompt[:shared], *(prompt[0] for _ in range(gap)), *prompt[shared:]])
        mask.append([1] * shared + [0] * gap + [1] * (len(prompt) - shared))
    return torch.tensor(ids), torch.tensor(mask)


def _prefix_cache(
    modules: Modules, batch: Batch, prefixes: _Prefixes, lines: Tensor, frame: ForwardRows
) -> DynamicCache | None:
    """Keys and values of each request's prefix; a request without a prefix gets another one, hidden by its mask."""
    if not prefixes.first:
        return None
    rows = [batch.branches[i].tokens()[: prefixes.shared[i]] for i in prefixes.first]
    ids = torch.zeros(len(rows), prefixes.length, dtype=torch.long)
    for row, tokens in zip(ids, rows, strict=True):
        row[: len(tokens)] = torch.from_numpy(tokens)
    cache = DynamicCache(config=modules.config)
    frame.steering = lines[list(prefixes.first)]
    frame.positions = torch.arange(prefixes.length, device=modules.device).expand(len(rows), -1)
    frame.after = torch.zeros_like(frame.positions)
    ends = torch.tensor([len(tokens) for tokens in rows], device=modules.device)
    with blanked(modules, frame.positions >= ends[:, None]):
        modules.decoder(input_ids=ids.to(modules.device), past_key_values=cache, use_cache=True)
    cache.batch_select_indices(torch.tensor(prefixes.of, device=modules.device))
    forget_borrowed(cache, torch.tensor(prefixes.shared, device=modules.device))
    return cache


@contextmanager
def _following(modules: Modules, frame: ForwardRows, lines: Tensor, lengths: Tensor) -> Iterator[None]:
    """Context manager that sets the frame's positions before each call of the decoder."""
    frame.steering = lines

    def before(_: Any, args: Any, kwargs: dict[str, Any]) -> None:
        frame.positions = kwargs["position_ids"].expand(len(lines), -1)
        frame.after = (frame.positions - lengths[:, None] + 1).clamp(min=0)

    handle = modules.decoder.register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _head_on_rows(modules: Modules) -> Iterator[None]:
    """Context manager that passes the prompts' last hidden states to the head as one contiguous matrix.

    They are a strided slice of all hidden states. For such a batch torch copies the head's weight once per row, which
    takes gigabytes and longer than the rest of the prompt.
    """
    handle = modules.model.lm_head.register_forward_pre_hook(lambda _, args: (args[0].contiguous(),))
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _seeded(batch: Batch, sampling: Sampling, modules: Modules) -> Iterator[None]:
    """Context manager that samples from the seed and restores the global generators on exit.

    Different batches draw different numbers; a batch that is run again draws the same.
    """
    state = hashlib.sha256(repr(sampling.seed).encode())
    for one in batch.branches:
        state.update(one.prompt)
    with torch.random.fork_rng([modules.device] if modules.device.type == "cuda" else []):
        torch.manual_seed(int.from_bytes(state.digest()[:8], "big", signed=True))
        yield


@contextmanager
def _own_defaults(modules: Modules) -> Iterator[None]:
    """Context manager without the model's generation defaults, which transformers would merge into the settings."""
    theirs = modules.model.generation_config
    modules.model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        modules.model.generation_config = theirs


def _config(sampling: Sampling, stops: Sequence[int]) -> GenerationConfig:
    # top_k=0, because transformers' default samples only from the 50 likeliest tokens.
    drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0} if sampling.temperature else {}
    return GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=sampling.max_new_tokens,
        do_sample=bool(sampling.temperature),
        repetition_penalty=sampling.repetition_penalty,
        eos_token_id=list(stops),
        pad_token_id=stops[0],
        **drawn,
    )


def _completion(tokens: Sequence[int], tokenizer: Any, stops: Sequence[int], overflowed_after: int) -> Completion:
    end = next((i for i, token in enumerate(tokens) if token in stops), None)
    text = decoded(tokenizer, tokens[:end])
    # A row that has ended is fed padding, which may overflow too.
    if end == overflowed_after:
        return Completion(text, overflowed_after, "overflow")
    return Completion(text, len(tokens) if end is None else end + 1, "length" if end is None else "stop")
