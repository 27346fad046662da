"""The vLLM engine: likelihoods of options, free text, neuron statistics and activations."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np

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
from steerbench.engines.answers import decoded
from steerbench.engines.branches import Branch, unpacked
from steerbench.engines.histograms import BINS, P95_ERROR
from steerbench.engines.prompts import PromptTokens
from steerbench.engines.validation import (
    check_counted,
    check_lengths,
    check_options,
    check_steerings,
)
from steerbench.engines.vllm.client import OVERFLOW, Ask, Client, VLLMSettings
from steerbench.engines.vllm.lowering import check_kinds
from steerbench.engines.vllm.options import NEXT_TOKEN, likelihoods, option_asks
from steerbench.engines.vllm.selftest import selftest
from steerbench.engines.vllm.support import check_architecture, import_vllm, vllm_version
from steerbench.engines.vllm.widths import Widths
from steerbench.errors import UserError
from steerbench.models.loading import DTYPES
from steerbench.models.text import ModelText, first_line, load_text

TOGETHER = 256
"""Requests per batch. A stopped run loses its current batch; larger batches hardly gain speed."""

MORE = "shorten it, or give more with --param vllm.context=N or --param vllm.memory=GIB"

COUNTED = 2**30
"""Most bytes of histograms that a survey holds at once."""


@dataclass(eq=False)
class VLLMEngine(RegisteredEngine):
    """Runs a model on vLLM, on CPU or CUDA, with a separate steering per request."""

    text: ModelText
    shape: Widths
    client: Client
    told: Mapping[str, str]
    name: str = "vllm"

    @classmethod
    def load(
        cls,
        spec: str,
        dtype: str | None = None,
        device: str | None = None,
        chat_template: Path | None = None,
        *,
        tensor_parallel: int = 1,
        eager: bool | None = None,
        rows: int = 512,
        memory: float | None = None,
        context: int | None = None,
        prefix_caching: bool = True,
        batched_tokens: int | None = None,
        date: str | None = None,
    ) -> Self:
        """Load a model by name, Hugging Face id or folder; the settings are those of `VLLMSettings`.

        `eager` defaults to true on a CPU. `date` is today's date for the chat template (`load_text`).

        Raises:
            UserError: vLLM is missing or unsupported, or the model cannot be found or is unsupported.
        """
        version = vllm_version()
        text = load_text(spec, chat_template, date)
        check_architecture(text.architecture, spec)
        if dtype is not None and dtype not in DTYPES:
            raise UserError(f"There is no dtype '{dtype}'; there are: {', '.join(DTYPES)}.")
        import_vllm()
        place = _device(device)
        settings = VLLMSettings(
            dtype or "bfloat16",
            place == "cpu" if eager is None else eager,
            rows,
            tensor_parallel,
            memory,
            context,
            prefix_caching,
            batched_tokens,
        )
        shape = Widths(text.folder)
        try:
            client = Client(str(text.folder), settings, shape.of)
            selftest(client, shape.layers)
        except (AssertionError, ImportError, NotImplementedError, RuntimeError, ValueError) as error:
            raise UserError(f"vLLM cannot run '{spec}' here: {first_line(error)}") from error
        # Settings that change the last bits of numbers.
        bits = ("eager", "tensor_parallel", "prefix_caching", "batched_tokens")
        how = {name: str(getattr(settings, name)) for name in bits}
        told = {"dtype": settings.dtype, "device": place, "vllm": version, **how}
        return cls(text, shape, client, told)

    def __post_init__(self) -> None:
        self.layers, self.heads = self.shape.layers, self.shape.heads
        self.neurons, self.width = self.shape.of("mlp_act"), self.shape.of("head_out")
        self.hidden = self.shape.of("resid")
        self.architecture, self.vocabulary = self.text.architecture.model_type, self.shape.vocabulary
        self.context = self.client.context
        self.tokens = PromptTokens(self.text)

    def identity(self) -> Mapping[str, str]:
        import torch

        return {**self.text.identity(), **self.told, "engine": self.name, "torch": torch.__version__}

    def close(self) -> None:
        """Free the model's memory and end its processes."""
        self.client.close()

    # -- requests as tokens

    def tokenize(self, prompt: Prompt) -> Sequence[int]:
        return self.tokens.ids(prompt)

    def lengths(self, requests: Sequence[Request]) -> Sequence[int]:
        return self.tokens.lengths(requests)

    def _branches(self, requests: Sequence[Request], last: bool = False) -> list[Branch]:
        return self._checked(requests, [self.tokens.branch(request, last) for request in requests])

    def _checked(self, requests: Sequence[Request], branches: list[Branch], room: int = 0) -> list[Branch]:
        """The requests' branches, after checking that they and their answers of `room` tokens fit the model."""
        check_steerings((request.steering for request in requests), self.layers, self.shape.of)
        check_kinds(request.steering for request in requests)
        # For likelihoods, vLLM also reads an option's last token and generates one more.
        longest = [one.longest + (0 if room else 1) for one in branches]
        check_lengths(requests, longest, self.context, room or 1, MORE)
        return branches

    def batches(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        """Indices by batch; requests with the same steering and prefix are adjacent, which suits the prefix cache."""
        branches = self._branches(requests)
        order = sorted(range(len(requests)), key=lambda i: (requests[i].steering.edits_digest, branches[i].prompt, i))
        return [order[start : start + TOGETHER] for start in range(0, len(order), TOGETHER)]

    # -- the contract

    def choose(self, requests: Sequence[Request]) -> Sequence[Choice]:
        """Log-likelihoods of every request's options (see `options` for how they are asked).

        Raises:
            UserError: a request has no options, or an option has no token.
        """
        check_options(requests)
        branches = self._branches(requests)
        asked = [option_asks(request, branch) for request, branch in zip(requests, branches, strict=True)]
        outputs = iter(self.client.run([ask for asks in asked for ask in asks]))
        return [
            Choice(likelihoods(branch, list(islice(outputs, len(asks)))))
            for branch, asks in zip(branches, asked, strict=True)
        ]

    def capture(self, requests: Sequence[Request], sites: Sequence[Site], front: int = 0) -> Activations:
        """Values at the sites, after the requests' own edits, as float32 (see `Activations` for the shapes).

        Raises:
            UserError: `front` is more tokens than a prompt has.
        """
        branches = self._branches(requests, last=True)
        asks: list[Ask] = []
        for number, (request, branch) in enumerate(zip(requests, branches, strict=True)):
            if front:
                if branch.prompt_length < front:
                    raise UserError(
                        f"The first {front} tokens of a prompt were asked for, but one has only {branch.prompt_length}."
                    )
                seen: dict[str, Any] = {"key": f"{number}.0", "positions": list(range(front))}
                # Cached tokens are not computed again, so their values could not be captured.
                sampling = NEXT_TOKEN | {"skip_reading_prefix_cache": True}
                asks.append(Ask(branch.path(front - 1), request.steering, branch.prompt_length, sampling, seen))
                continue
            for option, end in enumerate(branch.ends):
                path = branch.path(end)
                seen = {"key": f"{number}.{option}", "positions": [len(path) - 1]}
                asks.append(Ask(path, request.steering, branch.prompt_length, NEXT_TOKEN, seen))
        with self.client.capturing(sites) as found:
            self.client.run(asks)
        if front:
            return {site: np.stack([found[f"{n}.0/{site}"] for n in range(len(requests))]) for site in sites}
        ends = [range(len(branch.ends)) for branch in branches]
        return {
            site: np.stack([np.stack([found[f"{n}.{o}/{site}"][0] for o in options]) for n, options in enumerate(ends)])
            for site in sites
        }

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Sequence[Completion]:
        """Free text after each prompt; options are ignored."""
        return self.tokens.answers(requests, self._completions(self.client.run(self._asks(requests, sampling))))

    def survey(
        self, requests: Sequence[Request], sampling: Sampling, groups: Sequence[int]
    ) -> tuple[Sequence[Completion], NeuronStatistics]:
        """`generate`, with statistics of the neurons' activations after edits, by group.

        `groups` [requests] are numbered from 0.

        Raises:
            UserError: an answer overflowed.
        """
        count, shape = max(groups, default=-1) + 1, (self.layers, self.neurons)
        tokens = np.zeros(count, np.int64)
        positive, p95 = np.zeros((count, *shape), np.int64), np.zeros((count, *shape), np.float32)
        asks = self._asks(requests, sampling)
        completions: dict[int, Completion] = {}
        # As many groups at once as fit the memory for histograms.
        step = max(1, COUNTED // (4 * BINS * self.layers * self.neurons))
        for start in range(0, count, step):
            part = [i for i, group in enumerate(groups) if start <= group < start + step]
            counted = [_counted(asks[i], groups[i] - start) for i in part]
            with self.client.counting(min(step, count - start)) as found:
                completions |= zip(part, self._completions(self.client.run(counted)), strict=True)
            for group in range(start, min(start + step, count)):
                tokens[group] = found[f"{group - start}/tokens"][0]
                positive[group], p95[group] = found[f"{group - start}/positive"], found[f"{group - start}/p95"]
        check_counted(completions.values())
        said = self.tokens.answers(requests, [completions[i] for i in range(len(requests))])
        return said, NeuronStatistics(tokens, positive, p95, P95_ERROR)

    def _asks(self, requests: Sequence[Request], sampling: Sampling) -> list[Ask]:
        """One sequence per request. Equal prompts get different random seeds, which are the same in every run."""
        branches = self._checked(requests, [self.tokens.free(one) for one in requests], sampling.max_new_tokens)
        how = {
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "repetition_penalty": sampling.repetition_penalty,
            "stop_token_ids": self.tokens.stops,
        }
        met: Counter[tuple[str, bytes]] = Counter()
        asks = []
        for request, ids in zip(requests, (one.prompt for one in branches), strict=True):
            of = request.steering.edits_digest, ids
            seed = hashlib.sha256(repr((sampling.seed, met[of])).encode() + ids).digest()
            met[of] += 1
            drawn = how | {"seed": int.from_bytes(seed[:4], "big")} if sampling.temperature else how
            tokens: list[int] = unpacked(ids).tolist()
            asks.append(Ask(tokens, request.steering, len(tokens), drawn))
        return asks

    def _completions(self, outputs: Sequence[Any]) -> list[Completion]:
        return [self._completion(output.outputs[0].token_ids, output.outputs[0].finish_reason) for output in outputs]

    def _completion(self, tokens: Sequence[int], reason: str) -> Completion:
        end = next((i for i, token in enumerate(tokens) if token in self.tokens.stops), None)
        text = decoded(self.text.tokenizer, tokens[:end])
        if reason == OVERFLOW:
            # The last token was forced by the worker to end the answer.
            return Completion(text, len(tokens) - 1, "overflow")
        return Completion(text, len(tokens) if end is None else end + 1, "length" if end is None else "stop")


def _counted(ask: Ask, group: int) -> Ask:
    return Ask(ask.tokens, ask.steering, ask.prompt, ask.sampling, {"group": group})


def _device(asked: str | None) -> str:
    """The device type of the installed vLLM.

    Raises:
        UserError: another device was requested.
    """
    from vllm.platforms import current_platform

    here = str(current_platform.device_type)
    if asked is not None and asked.split(":")[0] != here:
        raise UserError(f"The installed vLLM runs on {here or 'nothing'}, not on '{asked}' (docs/how-to/install.md).")
    return here
