"""vLLM in this process: sequences under steerings, in waves that its tables have room for."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from steerbench.contracts.steering import Site, Steering
from steerbench.engines.vllm.lowering import Width, lower
from steerbench.engines.vllm.schedule import NEUTRAL
from steerbench.engines.vllm.slots import Placement, SlotBook

WORKER = "steerbench.engines.vllm.worker.SteeringWorker"
CONFIG = "steerbench"
"""The name of our settings in vLLM's `additional_config`, and of a request's in its `extra_args`."""

OVERFLOW = "overflow"
"""The reason for which an answer ended that the worker had to end."""

GIB = 2**30

CPU_BLOCK, CPU_MEMORY = 32, 2
"""On a CPU: tokens of a block, the fewest it has, for a cached prefix is whole blocks and a statement is short; and GiB
of the cache."""


@dataclass(frozen=True, eq=False)
class Ask:
    """One sequence for vLLM: token ids, the first `prompt` of which are the prompt proper, and how to go on.

    `sampling` are fields of vLLM's SamplingParams, `seen` what the worker is to look at (`worker.Following`).
    """

    tokens: Sequence[int]
    steering: Steering
    prompt: int
    sampling: Mapping[str, Any]
    seen: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class VLLMSettings:
    """How vLLM is set up. `rows` is the room for steerings: what a table has at every site.

    `eager` computes without compiled code and CUDA graphs; `memory` is that of the KV cache in GiB (2 on a CPU if None,
    what is free on CUDA), `context` the longest sequence (what fits if None), `batched_tokens` those of one step.
    """

    dtype: str
    eager: bool
    rows: int
    tensor_parallel: int = 1
    memory: float | None = None
    context: int | None = None
    prefix_caching: bool = True
    batched_tokens: int | None = None


class Client:
    """Owns a `vllm.LLM` with our worker."""

    def __init__(self, folder: str, settings: VLLMSettings, width: Width) -> None:
        from vllm import LLM
        from vllm.platforms import current_platform

        memory = settings.memory or (CPU_MEMORY if current_platform.is_cpu() else None)
        optional = {"max_num_batched_tokens": settings.batched_tokens} if settings.batched_tokens else {}
        if current_platform.is_cpu():
            optional["block_size"] = CPU_BLOCK
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self.llm = LLM(
                folder,
                dtype=settings.dtype,
                skip_tokenizer_init=True,
                generation_config="vllm",
                enforce_eager=settings.eager,
                tensor_parallel_size=settings.tensor_parallel,
                kv_cache_memory_bytes=int(memory * GIB) if memory else None,
                max_model_len=settings.context or -1,
                enable_prefix_caching=settings.prefix_caching,
                # An asynchronous scheduler reads one token past an answer's end, which a survey would count.
                async_scheduling=False,
                disable_log_stats=True,
                use_tqdm_on_load=False,
                worker_cls=WORKER,
                additional_config=additional_config(settings.rows),
                **optional,
            )
        self.width = width
        self.book = SlotBook(settings.rows)
        self.context: int = self.llm.llm_engine.model_config.max_model_len

    def run(self, asks: Sequence[Ask]) -> list[Any]:
        """vLLM's output for each, all of them together as far as the tables have room for their steerings.

        Raises:
            UserError: a steering is larger than a table.
        """
        # What a batch finds in the cache must not depend on what was asked before it: the same batch, the same bits.
        self.llm.reset_prefix_cache()
        outputs: list[Any] = []
        try:
            for wave, slots in self._waves(asks):
                outputs += self._generate(wave, slots)
        except BaseException:
            # What was given a place but not sent yet must not pass for sent.
            self.book = SlotBook(self.book.size)
            raise
        return outputs

    def _waves(self, asks: Sequence[Ask]) -> Iterator[tuple[list[Ask], list[int]]]:
        """Neighbours whose steerings are in the tables together, and their slots."""
        wave: list[Ask] = []
        slots: list[int] = []
        new: list[Placement] = []
        for ask in asks:
            taken = self._take(ask.steering, new)
            if taken is None:
                yield self._ready(wave, new), slots
                wave, slots, new = [], [], []
                taken = self._take(ask.steering, new)
                assert taken is not None, "an empty table has room for any steering that the book accepts"
            wave.append(ask)
            slots.append(taken)
        if wave:
            yield self._ready(wave, new), slots

    def _take(self, steering: Steering, new: list[Placement]) -> int | None:
        if not steering.edits:
            return NEUTRAL
        key = steering.edits_digest
        found = self.book.use(key, None if self.book.holds(key) else lower(steering, self.width))
        if found is None:
            return None
        slot, placement = found
        if placement is not None:
            new.append(placement)
        return slot

    def _ready(self, wave: list[Ask], new: Sequence[Placement]) -> list[Ask]:
        """The wave, once the worker has its steerings."""
        if new:
            self.llm.collective_rpc("steering_put", args=([astuple(placement) for placement in new],))
        return wave

    def _generate(self, wave: Sequence[Ask], slots: Sequence[int]) -> list[Any]:
        from vllm import SamplingParams, TokensPrompt

        prompts: list[Any] = []
        samplings: list[Any] = []
        for ask, slot in zip(wave, slots, strict=True):
            prompt = TokensPrompt(prompt_token_ids=list(ask.tokens))
            if slot != NEUTRAL:
                prompt["cache_salt"] = ask.steering.edits_digest
            about = {"slot": slot, "prompt": ask.prompt, "number": len(prompts), **ask.seen}
            if stops := ask.sampling.get("stop_token_ids"):
                about["end"] = stops[0]
            prompts.append(prompt)
            samplings.append(SamplingParams(**ask.sampling, detokenize=False, extra_args={CONFIG: about}))
        outputs: list[Any] = self.llm.generate(prompts, samplings, use_tqdm=False)
        for number in set().union(*self.llm.collective_rpc("steering_overflowed")):
            outputs[number].outputs[0].finish_reason = OVERFLOW
        for ask in wave:
            if ask.steering.edits:
                self.book.done(ask.steering.edits_digest)
        return outputs

    # -- looking on

    @contextmanager
    def capturing(self, sites: Sequence[Site]) -> Iterator[dict[str, NDArray[np.float32]]]:
        """Fills what it yields, at its end: `key/site` is [positions, layers, width], of each request's positions."""
        self.llm.collective_rpc("steering_capture_begin", args=(list(sites),))
        found: dict[str, NDArray[np.float32]] = {}
        yield found
        ranks = [load(part) for part in self.llm.collective_rpc("steering_capture_end")]
        for name, value in ranks[0].items():
            # Every rank has the whole residual stream, and its own heads and neurons.
            whole = name.endswith("/resid")
            found[name] = value if whole else np.concatenate([rank[name] for rank in ranks], axis=2)

    @contextmanager
    def counting(self, groups: int) -> Iterator[dict[str, NDArray[Any]]]:
        """Fills what it yields, at its end: by group, `tokens` [1], `positive` and `p95` [layers, neurons]."""
        self.llm.collective_rpc("steering_count_begin", args=(groups,))
        found: dict[str, NDArray[Any]] = {}
        yield found
        ranks = [load(part) for part in self.llm.collective_rpc("steering_count_end")]
        for name, value in ranks[0].items():
            whole = name.endswith("/tokens")
            found[name] = value if whole else np.concatenate([rank[name] for rank in ranks], axis=1)

    def close(self) -> None:
        """Give the model's memory and processes back."""
        self.llm.llm_engine.engine_core.shutdown()


def additional_config(rows: int) -> dict[str, Any]:
    """What our worker is told; it is part of the key of vLLM's compiled code, so our version is in it."""
    from steerbench import __version__

    return {CONFIG: {"rows": rows, "version": __version__}}
