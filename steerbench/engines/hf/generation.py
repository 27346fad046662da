"""Free text from a batch of steered prompts, by transformers' own generation loop."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import DynamicCache, GenerationConfig

from steerbench.contracts import Completion, Sampling
from steerbench.engines.hf.branches import common_prefix
from steerbench.engines.hf.edits import Frame, compile_tables, steered
from steerbench.engines.hf.modules import Modules
from steerbench.steering import Steering

HEADROOM = 256
"""Tokens set aside in the budget for what a request may generate."""

GENERATION_ROOM = 8
"""How many more tokens a batch may hold while generating: only their keys and values are kept, none is recomputed."""

WORTH_SHARING = 32
"""Tokens in common from which a prefix is computed once for the batch."""


def generate(
    modules: Modules,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    steerings: Sequence[Steering],
    sampling: Sampling,
) -> list[Completion]:
    """Complete every prompt under its own steering, in one batch.

    When all rows have the same edits, the tokens they start with are computed once: the batch is laid out
    as [common prefix | padding | own tokens], and positions do not count the padding.
    """
    device = modules.decoder.embed_tokens.weight.device
    distinct = {s.edits_key: s for s in steerings}
    line = {key: number for number, key in enumerate(distinct)}
    frame = Frame(steering=torch.tensor([line[s.edits_key] for s in steerings], device=device))
    tables = compile_tables(list(distinct.values()), modules, device, modules.decoder.embed_tokens.weight.dtype)
    shared = _shared(prompts) if len(distinct) == 1 else 0
    ids, mask = _padded(prompts, shared, tokenizer.eos_token_id)
    lengths = torch.tensor([len(p) for p in prompts], device=device)
    with steered(modules, tables, frame), _following(modules, frame, lengths), _seeded(sampling, device):
        cache = _prefix_cache(modules, prompts, shared)
        out = modules.model.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            past_key_values=cache,
            generation_config=_config(modules, tokenizer, sampling),
        )
    return [_completion(row, tokenizer, _stops(modules, tokenizer)) for row in out[:, ids.shape[1] :].tolist()]


def _shared(prompts: Sequence[Sequence[int]]) -> int:
    if len(prompts) < 2:
        return 0
    common = min(common_prefix(prompts[0], p, min(len(prompts[0]), len(p)) - 1) for p in prompts[1:])
    return common if common >= WORTH_SHARING else 0


def _padded(prompts: Sequence[Sequence[int]], shared: int, pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask [rows, longest], padding between the shared prefix and each row's own tokens."""
    longest = max(len(p) for p in prompts)
    gaps = [longest - len(p) for p in prompts]
    ids = [[*p[:shared], *[pad] * gap, *p[shared:]] for p, gap in zip(prompts, gaps, strict=True)]
    mask = [[1] * shared + [0] * gap + [1] * (longest - shared - gap) for gap in gaps]
    return torch.tensor(ids), torch.tensor(mask)


def _prefix_cache(modules: Modules, prompts: Sequence[Sequence[int]], shared: int) -> DynamicCache | None:
    if not shared:
        return None
    cache = DynamicCache(config=modules.config)
    device = modules.decoder.embed_tokens.weight.device
    # Every row of the prefix pass is the batch's first: its edits and prompt length serve for all.
    modules.decoder(
        input_ids=torch.tensor([list(prompts[0][:shared])], device=device), past_key_values=cache, use_cache=True
    )
    cache.batch_repeat_interleave(len(prompts))
    return cache


@contextmanager
def _following(modules: Modules, frame: Frame, lengths: torch.Tensor) -> Iterator[None]:
    """Keep the frame told of the positions that each call of the decoder runs."""
    rows = frame.steering

    def before(_: Any, args: Any, kwargs: dict[str, Any]) -> None:
        ids = kwargs["input_ids"] if kwargs.get("input_ids") is not None else kwargs["inputs_embeds"]
        positions = kwargs.get("position_ids")
        if positions is None:
            positions = torch.arange(ids.shape[1], device=lengths.device)[None]
        frame.positions = positions.expand(ids.shape[0], -1)
        frame.steering = rows[: ids.shape[0]]
        frame.decode = frame.positions >= lengths[: ids.shape[0], None]

    handle = modules.decoder.register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _seeded(sampling: Sampling, device: torch.device) -> Iterator[None]:
    """Draw from the sampling's own seed and leave the global generators as they were."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(sampling.seed)
        yield


def _config(modules: Modules, tokenizer: Any, sampling: Sampling) -> GenerationConfig:
    drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p} if sampling.temperature else {}
    return GenerationConfig(
        max_new_tokens=sampling.max_new_tokens,
        do_sample=bool(sampling.temperature),
        repetition_penalty=sampling.repetition_penalty,
        eos_token_id=sorted(_stops(modules, tokenizer)),
        pad_token_id=tokenizer.eos_token_id,
        **drawn,
    )


def _stops(modules: Modules, tokenizer: Any) -> set[int]:
    """Tokens that end an answer: the tokenizer's, and those the model's generation config names."""
    named = modules.model.generation_config.eos_token_id
    more = named if isinstance(named, list) else [] if named is None else [named]
    return {tokenizer.eos_token_id, *more}


def _completion(tokens: Sequence[int], tokenizer: Any, stops: set[int]) -> Completion:
    end = next((i for i, token in enumerate(tokens) if token in stops), None)
    text = tokenizer.decode(tokens[:end], skip_special_tokens=True)
    return Completion(text, len(tokens) if end is None else end + 1, "length" if end is None else "stop")
