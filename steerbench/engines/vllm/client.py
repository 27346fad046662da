"""Runs vLLM in this process: steered sequences, in waves whose steerings fit its tables."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from steerbench.contracts.edits import Site
from steerbench.contracts.steering import Steering
from steerbench.engines.vllm.lowering import Width, lower
from steerbench.engines.vllm.schedule import NEUTRAL
from steerbench.engines.vllm.slots import Placement, SlotBook

WORKER = "steerbench.engines.vllm.worker.SteeringWorker"
CONFIG = "steerbench"
"""The key of our settings in vLLM's `additional_config`, and in a request's `extra_args`."""

OVERFLOW = "overflow"
"""The finish reason of an answer that the worker ended because of an overflow."""

GIB = 2**30

CPU_BLOCK, CPU_MEMORY = 32, 2
"""On a CPU: tokens per block, and GiB of the KV cache. Blocks are as small as possible, because cached prefixes are
whole blocks and statements are short."""


@dataclass(frozen=True, eq=False)
class Ask:
    """One sequence for vLLM: token ids, of which the first `prompt` are the prompt, and how to sample.

    `sampling` are fields of vLLM's SamplingParams; `seen` is what the worker observes (`worker.Following`).
    """

    tokens: Sequence[int]
    steering: Steering
    prompt: int
    sampling: Mapping[str, Any]
    seen: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class VLLMSettings:
    """vLLM's settings. `rows` is the number of rows per table, which bounds how many steerings fit.

    `eager` disables compiled code and CUDA graphs. `memory` is the size of the KV cache in GiB (None: 2 on a CPU, the
    free memory on CUDA). `context` is the longest sequence (None: what fits). `batched_tokens` is the limit per step.
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
    """Owns a `vllm.LLM` that uses our worker."""

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
                # An asynchronous scheduler reads one token past the end of an answer, which a survey would count.
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
        """vLLM's output for each sequence. They run together as far as their steerings fit the tables.

        Raises:
            UserError: a steering needs more rows than a table has.
        """
        # The cache is cleared, so that a batch gives the same bits whatever was asked before.
        self.llm.reset_prefix_cache()
        outputs: list[Any] = []
        try:
            for wave, slots in self._waves(asks):
                outputs += self._generate(wave, slots)
        except BaseException:
            # Steerings that have a slot but were not sent yet must not count as sent.
            self.book = SlotBook(self.book.size)
            raise
        return outputs

    def _waves(self, asks: Sequence[Ask]) -> Iterator[tuple[list[Ask], list[int]]]:
        """Consecutive sequences whose steerings fit the tables together, and their slots."""
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
        """Send new steerings to the worker, then return the wave."""
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

    # -- observing

    @contextmanager
    def capturing(self, sites: Sequence[Site]) -> Iterator[dict[str, NDArray[np.float32]]]:
        """Context manager that captures values. Fills the yielded dict on exit.

        `key/site` is [positions, layers, width].
        """
        self.llm.collective_rpc("steering_capture_begin", args=(list(sites),))
        found: dict[str, NDArray[np.float32]] = {}
        yield found
        ranks = [load(part) for part in self.llm.collective_rpc("steering_capture_end")]
        for name, value in ranks[0].items():
            # Every rank has the whole residual stream, but only its own heads and neurons.
            whole = name.endswith("/resid")
            found[name] = value if whole else np.concatenate([rank[name] for rank in ranks], axis=2)

    @contextmanager
    def counting(self, groups: int) -> Iterator[dict[str, NDArray[Any]]]:
        """Context manager that counts activations. Fills the yielded dict on exit.

        By group: `tokens` [1], `positive` and `p95` [layers, neurons].
        """
        self.llm.collective_rpc("steering_count_begin", args=(groups,))
        found: dict[str, NDArray[Any]] = {}
        yield found
        ranks = [load(part) for part in self.llm.collective_rpc("steering_count_end")]
        for name, value in ranks[0].items():
            whole = name.endswith("/tokens")
            found[name] = value if whole else np.concatenate([rank[name] for rank in ranks], axis=1)

    def close(self) -> None:
        """Free the model's memory and end its processes."""
        self.llm.llm_engine.engine_core.shutdown()


def additional_config(rows: int) -> dict[str, Any]:
    """Settings for our worker. They are part of the key of vLLM's compiled code, so they include our version."""
    from steerbench import __version__

    return {CONFIG: {"rows": rows, "version": __version__}}
