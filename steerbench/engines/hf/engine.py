"""The engine on transformers, on CPU or CUDA: many requests in one batch, each under its own steering."""

import gc
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import torch

from steerbench.contracts import (
    Activations,
    Choice,
    Completion,
    NeuronStatistics,
    Prompt,
    RegisteredEngine,
    Request,
    Sampling,
)
from steerbench.contracts.edits import Site
from steerbench.engines.branches import Branch, branch
from steerbench.engines.contextual import neutrals
from steerbench.engines.hf.attention import share_heads
from steerbench.engines.hf.batching import GENERATION, SCORING, BatchMeasure, size_of, split
from steerbench.engines.hf.generation import generate
from steerbench.engines.hf.memory import is_out_of_memory, measured_budget
from steerbench.engines.hf.modules import Modules
from steerbench.engines.hf.scoring import Batch, captured, scored
from steerbench.engines.hf.survey import NeuronCounts, Survey
from steerbench.engines.prompts import PromptTokens
from steerbench.engines.validation import (
    check_counted,
    check_lengths,
    check_options,
    check_steerings,
)
from steerbench.errors import UserError
from steerbench.models.loading import LoadedModel, load_model

T = TypeVar("T")


@dataclass(eq=False)
class HFEngine(RegisteredEngine):
    """Runs a transformers model, on CPU or CUDA.

    `token_budget` is the number of tokens computed at once. It is halved whenever memory runs out.
    """

    loaded: LoadedModel
    token_budget: int
    name: str = "hf"

    @classmethod
    def load(
        cls,
        spec: str,
        dtype: str | None = None,
        device: str | None = None,
        chat_template: Path | None = None,
        token_budget: int | None = None,
        date: str | None = None,
    ) -> Self:
        """Load a model by name, Hugging Face id or folder; `date` is today's date for its chat template (`load_text`).

        Raises:
            UserError: the model cannot be found, its architecture is unsupported, or it has no chat template.
        """
        loaded = load_model(spec, dtype=dtype, device=device, chat_template=chat_template, date=date)
        return cls(loaded, token_budget or measured_budget(Modules(loaded.model, loaded.architecture)))

    def __post_init__(self) -> None:
        share_heads(self.loaded.model)
        self.modules = Modules(self.loaded.model, self.loaded.architecture)
        self.tokens = PromptTokens(self.loaded.text)
        self.layers = len(self.modules.layers)
        self.heads = int(self.modules.config.num_attention_heads)
        self.neurons = self.modules.width("mlp_act")
        self.width = self.modules.width("head_out")
        self.hidden = self.modules.width("resid")
        self.architecture = self.loaded.architecture.model_type
        self.vocabulary = int(self.modules.config.vocab_size)
        self.context = int(self.modules.config.max_position_embeddings)

    def identity(self) -> Mapping[str, str]:
        return {**self.loaded.identity(), "engine": self.name, "torch": torch.__version__}

    # -- requests as tokens

    def tokenize(self, prompt: Prompt) -> Sequence[int]:
        """A prompt's token ids: its messages through the chat template, then `start`; or `start` as plain text."""
        return self.tokens.ids(prompt)

    def lengths(self, requests: Sequence[Request]) -> Sequence[int]:
        return self.tokens.lengths(requests)

    def _branches(self, requests: Sequence[Request], last: bool = False) -> list[Branch]:
        return self._checked(requests, [self.tokens.branch(request, last) for request in requests])

    def _checked(self, requests: Sequence[Request], branches: list[Branch], room: int = 0) -> list[Branch]:
        """The requests' branches, after checking that they and their answers of `room` tokens fit the model."""
        check_steerings((request.steering for request in requests), self.layers, self.modules.width)
        check_lengths(requests, [one.longest for one in branches], self.context, room)
        return branches

    def batches(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        """Indices of the requests by batch. Asked alone, the requests of a batch are one batch again.

        A batch has room for its neutral prompts (`Request.neutral`), unless a single group had to be split.
        """
        measure = SCORING if any(request.options for request in requests) else GENERATION
        beside = neutrals(requests)
        asked = [*requests, *beside]
        branches = [self.tokens.branch(one) if one.options else self.tokens.free(one) for one in asked]
        split = self._split(_Job(asked, self._checked(asked, branches), _edits(asked), measure))
        own = [[place for place in batch if place < len(requests)] for batch in split]
        return [batch for batch in own if batch]

    # -- the contract

    def choose(self, requests: Sequence[Request]) -> Sequence[Choice]:
        """Log-likelihoods of every request's options.

        Raises:
            UserError: a request has no options, or an option has no token.
        """
        check_options(requests)
        job = _Job(requests, self._branches(requests), _edits(requests), SCORING)
        return [
            Choice(tuple(options)) for options in self._in_batches(job, lambda batch, _: scored(self.modules, batch))
        ]

    def capture(self, requests: Sequence[Request], sites: Sequence[Site], front: int = 0) -> Activations:
        """Values at the sites, after the requests' own edits, as float32 (see `Activations` for the shapes).

        Raises:
            UserError: `front` is more tokens than a prompt has.
        """
        branches, keys = self._branches(requests, last=True), _edits(requests)
        if front:
            short = min(b.prompt_length for b in branches)
            if short < front:
                raise UserError(f"The first {front} tokens of a prompt were asked for, but one has only {short}.")
            branches = [replace(branch(b.prompt[: 4 * front], ()), ends=tuple(range(front))) for b in branches]
            # Each request is its own group, because values in a shared prefix cannot be captured.
            keys = list(enumerate(keys))
        seen = self._in_batches(
            _Job(requests, branches, keys, SCORING), lambda batch, _: captured(self.modules, batch, sites)
        )
        return {site: np.stack([one[site] for one in seen]) for site in sites}

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Sequence[Completion]:
        """Free text after each prompt; options are ignored."""
        job, tokenizer, stops = self._generation(requests, sampling), self.loaded.tokenizer, self.tokens.stops
        said = self._in_batches(job, lambda batch, _: generate(self.modules, tokenizer, stops, batch, sampling))
        return self.tokens.answers(requests, said)

    def survey(
        self, requests: Sequence[Request], sampling: Sampling, groups: Sequence[int]
    ) -> tuple[Sequence[Completion], NeuronStatistics]:
        """`generate`, with statistics of the neurons' activations after edits, by group.

        `groups` [requests] are numbered from 0.

        Raises:
            UserError: an answer overflowed.
        """
        survey = Survey(self.modules, max(groups, default=-1) + 1)

        def surveyed(batch: Batch, part: Sequence[int]) -> list[Completion]:
            counts = NeuronCounts(self.modules, [groups[i] for i in part])
            how = (self.tokens.stops, batch, sampling, counts.watching)
            completions = generate(self.modules, self.loaded.tokenizer, *how)
            survey.add(counts)
            return completions

        completions = self._in_batches(self._generation(requests, sampling), surveyed)
        check_counted(completions)
        return self.tokens.answers(requests, completions), survey.statistics()

    def _generation(self, requests: Sequence[Request], sampling: Sampling) -> "_Job":
        plain = [Request(request.prompt, request.steering) for request in requests]
        branches = self._checked(plain, [self.tokens.free(one) for one in plain], sampling.max_new_tokens)
        return _Job(plain, branches, _edits(plain), GENERATION)

    # -- in batches

    def _split(self, job: "_Job") -> list[list[int]]:
        if not job.requests:
            return []
        # Generation shares no layers.
        scoring = job.measure is SCORING
        layers = [r.steering.first_layer if scoring else 0 for r in job.requests]
        first = [self.layers if layer is None else layer for layer in layers]
        return split(job.branches, job.keys, first, job.measure, self.token_budget)

    def _in_batches(self, job: "_Job", do: Callable[[Batch, Sequence[int]], Sequence[T]]) -> list[T]:
        """Call `do` on each batch and its request indices; results are in the order of the requests.

        When memory runs out, the budget is halved and the remaining requests are batched again.
        """
        results: dict[int, T] = {}
        waiting = self._split(job)
        while waiting:
            part = waiting[0]
            try:
                with torch.inference_mode():
                    results.update(zip(part, do(job.batch(part), part), strict=True))
                waiting = waiting[1:]
                continue
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if len(part) == 1:
                    raise UserError(
                        "One request alone does not fit into memory; use a smaller model or shorter prompts."
                    ) from error
            # Memory can be freed only here, after the error and the frames that it references are gone.
            gc.collect()
            torch.cuda.empty_cache()
            taken = size_of(part, job.branches, job.keys, job.measure)
            self.token_budget = max(min(self.token_budget, taken) // 2, 1)
            rest = [index for part in waiting for index in part]
            waiting = [[rest[i] for i in batch] for batch in self._split(job.part(rest))]
        return [results[i] for i in range(len(job.requests))]


@dataclass(frozen=True, eq=False)
class _Job:
    """Requests to be run in batches: their tokens, the keys of those that may share a pass, and the measure of size."""

    requests: Sequence[Request]
    branches: Sequence[Branch]
    keys: Sequence[Hashable]
    measure: BatchMeasure

    def part(self, indices: Sequence[int]) -> "_Job":
        requests, branches, keys = ([all[i] for i in indices] for all in (self.requests, self.branches, self.keys))
        return _Job(requests, branches, keys, self.measure)  # type: ignore[arg-type]

    def batch(self, indices: Sequence[int]) -> Batch:
        part = self.part(indices)
        return Batch(part.branches, part.keys, [request.steering for request in part.requests])


def _edits(requests: Sequence[Request]) -> list[Hashable]:
    return [request.steering.edits_key for request in requests]
