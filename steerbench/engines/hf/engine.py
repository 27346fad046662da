"""The engine on transformers, on CPU or CUDA: many requests in one batch, each under its own steering."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steerbench.contracts import Activations, Choice, Completion, Prompt, Request, Sampling
from steerbench.engines.hf.branches import Branch, Group, branch, group
from steerbench.engines.hf.edits import Frame, compile_tables, steered, watched
from steerbench.engines.hf.forward import Layout, lay_out, run
from steerbench.engines.hf.generation import GENERATION_ROOM, HEADROOM, generate
from steerbench.engines.hf.memory import is_out_of_memory, token_budget
from steerbench.engines.hf.modules import Modules
from steerbench.engines.hf.packing import split_generation, split_to_budget
from steerbench.errors import UserError
from steerbench.models.loading import LoadedModel, load_model
from steerbench.steering import UNSTEERED, Site, Steering

T = TypeVar("T")


@dataclass
class HFEngine:
    """Runs a loaded model. `token_budget` is how many tokens are computed at once; it only ever shrinks,
    when memory runs out."""

    loaded: LoadedModel
    token_budget: int
    name: str = "hf"
    _tokens: dict[str, tuple[int, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def load(
        cls,
        spec: str,
        dtype: str | None = None,
        device: str | None = None,
        chat_template: Path | None = None,
        token_budget: int | None = None,
    ) -> "HFEngine":
        """Load a model by name, Hugging Face id or folder.

        Raises:
            UserError: it cannot be had, its architecture is not supported, or it has no chat template.
        """
        loaded = load_model(spec, dtype=dtype, device=device, chat_template=chat_template)
        return cls(loaded, token_budget or measured_budget(loaded))

    def __post_init__(self) -> None:
        self.modules = Modules(self.loaded.model, self.loaded.architecture)
        self.layers = len(self.modules.layers)
        self.heads = int(self.modules.config.num_attention_heads)
        self.width = self.modules.width("head_out")

    def identity(self) -> Mapping[str, str]:
        return {**self.loaded.identity(), "engine": self.name, "torch": torch.__version__}

    # -- requests as tokens

    def tokenize(self, prompt: Prompt) -> tuple[int, ...]:
        """A prompt's token ids: its messages through the chat template, then `start`; or `start` as plain text."""
        text = self.loaded.render(prompt.messages) + prompt.start if prompt.messages else prompt.start
        return self._encode(text, special=not prompt.messages)

    def _encode(self, text: str, special: bool) -> tuple[int, ...]:
        key = f"{int(special)}{text}"
        if key not in self._tokens:
            self._tokens[key] = tuple(self.loaded.tokenizer(text, add_special_tokens=special)["input_ids"])
        return self._tokens[key]

    def _branches(self, requests: Sequence[Request], last: bool = False) -> list[Branch]:
        return [
            branch(self.tokenize(r.prompt), [self._encode(option, special=False) for option in r.options], last)
            for r in requests
        ]

    def _groups(self, requests: Sequence[Request], branches: Sequence[Branch]) -> list[Group]:
        """Groups of like prompts under the same edits, those that share the most layers first."""
        keys = [request.steering.edits_key for request in requests]
        first = {key: request.steering.first_layer for key, request in zip(keys, requests, strict=True)}
        return sorted(group(branches, keys), key=lambda g: -_layer_or(first[g.key], self.layers))

    def batches(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        branches = self._branches(requests)
        groups = self._groups(requests, branches)
        if requests and not requests[0].options:
            lengths = [len(b.tokens) + HEADROOM for b in branches]
            return split_generation(groups, lengths, GENERATION_ROOM * self.token_budget)
        return split_to_budget(groups, branches, self.token_budget)

    # -- the contract

    def choose(self, requests: Sequence[Request]) -> Sequence[Choice]:
        """Log-likelihoods of every request's options.

        Raises:
            UserError: a request has no options, or an option has no token.
        """
        for request in requests:
            if not request.options or not all(request.options):
                raise UserError(f"A choice needs options that are not empty; got {request.options!r}.")
        branches = self._branches(requests)
        scores = self._in_batches(
            requests, lambda part: self._score([requests[i] for i in part], [branches[i] for i in part])
        )
        return [Choice(tuple(score)) for score in scores]

    def text_logprob(self, texts: Sequence[str]) -> Sequence[float]:
        """Log-likelihood (nats) of each text's tokens; its first token is given unless the model has a start token."""
        ids = [self._encode(text, special=True) for text in texts]
        requests = [Request(Prompt(start=text)) for text in texts]
        branches = [branch(tokens[:1], [tokens[1:]], last=False) for tokens in ids]
        scores = self._in_batches(
            requests, lambda part: self._score([requests[i] for i in part], [branches[i] for i in part])
        )
        return [score[0] for score in scores]

    def capture(self, requests: Sequence[Request], sites: Sequence[Site], front: int = 0) -> Activations:
        if front:
            branches = [branch(self.tokenize(r.prompt), ()) for r in requests]
            short = min(len(b.tokens) for b in branches)
            if short < front:
                raise UserError(f"The first {front} tokens of a prompt were asked for, but one has only {short}.")
            wanted = [tuple(range(front))] * len(requests)
        else:
            branches = self._branches(requests, last=True)
            wanted = [b.ends for b in branches]

        def see(part: Sequence[int]) -> list[dict[Site, NDArray[np.float32]]]:
            return self._capture(
                [requests[i] for i in part], [branches[i] for i in part], [wanted[i] for i in part], sites, front
            )

        seen = self._in_batches(requests, see)
        return {site: np.stack([one[site] for one in seen]) for site in sites}

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Sequence[Completion]:
        prompts = [self.tokenize(request.prompt) for request in requests]
        return self._in_batches(
            requests,
            lambda part: generate(
                self.modules,
                self.loaded.tokenizer,
                [prompts[i] for i in part],
                [requests[i].steering for i in part],
                sampling,
            ),
        )

    # -- one batch

    def _in_batches(self, requests: Sequence[Request], do: Callable[[Sequence[int]], Sequence[T]]) -> list[T]:
        """`do` on each batch, results in the order of the requests. Out of memory: half the budget, and on."""
        results: dict[int, T] = {}
        waiting = [list(part) for part in self.batches(requests)]
        while waiting:
            part = waiting.pop(0)
            try:
                with torch.inference_mode():
                    results.update(zip(part, do(part), strict=True))
                continue
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if len(part) == 1:
                    raise UserError(
                        "One request alone does not fit into memory; use a smaller model or shorter prompts."
                    ) from error
            gc.collect()
            torch.cuda.empty_cache()
            self.token_budget = max(self.token_budget // 2, 1)
            waiting[:0] = [part[: len(part) // 2], part[len(part) // 2 :]]
        return [results[i] for i in range(len(requests))]

    def _prepare(self, requests: Sequence[Request], branches: Sequence[Branch]) -> tuple[Layout, list[Steering]]:
        layout = lay_out(self._groups(requests, branches), branches)
        return layout, [requests[g.members[0]].steering for g in layout.groups]

    def _score(self, requests: Sequence[Request], branches: Sequence[Branch]) -> list[list[float]]:
        """Per request, the log-likelihood of each option."""
        layout, steerings = self._prepare(requests, branches)
        frame = Frame()
        tables = compile_tables(steerings, self.modules, self.loaded.device, self.loaded.dtype)
        first = min((_layer_or(s.first_layer, self.layers) for s in steerings), default=self.layers)
        with steered(self.modules, tables, frame):
            hidden = run(self.modules, layout, first, frame)
        asked = sorted(
            {
                (*layout.place(g, member, place), token)
                for g, grp in enumerate(layout.groups)
                for member in grp.members
                for pairs in branches[member].scored
                for place, token in pairs
            }
        )
        known = dict(zip(asked, self._logprobs(hidden, asked), strict=True))
        scores: list[list[float]] = [[] for _ in requests]
        for g, grp in enumerate(layout.groups):
            for member in grp.members:
                for pairs in branches[member].scored:
                    scores[member].append(sum(known[*layout.place(g, member, place), token] for place, token in pairs))
        return scores

    def _logprobs(self, hidden: Tensor, asked: Sequence[tuple[int, int, int]], slab: int = 1024) -> list[float]:
        """Log-probability of `token` after (row, column), for each asked triple; the head runs once a place."""
        places = sorted({(row, column) for row, column, _ in asked})
        number = {place: i for i, place in enumerate(places)}
        index = torch.tensor(places, device=hidden.device)
        at = torch.tensor([number[row, column] for row, column, _ in asked], device=hidden.device)
        token = torch.tensor([t for *_, t in asked], device=hidden.device)
        found = torch.empty(len(asked), dtype=torch.float32)
        for start in range(0, len(places), slab):
            part = index[start : start + slab]
            logits = self.modules.logits(hidden[part[:, 0], part[:, 1]])
            mine = (at >= start) & (at < start + slab)
            picked = logits[at[mine] - start, token[mine]] - torch.logsumexp(logits, -1)[at[mine] - start]
            found[mine.cpu()] = picked.cpu()
        return [float(value) for value in found]

    def _capture(
        self,
        requests: Sequence[Request],
        branches: Sequence[Branch],
        wanted: Sequence[Sequence[int]],
        sites: Sequence[Site],
        front: int,
    ) -> list[dict[Site, NDArray[np.float32]]]:
        """Per request and site, [wanted tokens, layers, dim]."""
        layout, steerings = self._prepare(requests, branches)
        if front:
            # The first tokens must be in rows, not in a prefix that was computed for the group.
            layout = lay_out([replace(g, shared=0) for g in layout.groups], branches)
        frame = Frame()
        tables = compile_tables(steerings, self.modules, self.loaded.device, self.loaded.dtype)
        places = torch.tensor(
            [layout.place(g, m, w) for g, grp in enumerate(layout.groups) for m in grp.members for w in wanted[m]]
        ).to(self.loaded.device)
        kept: dict[tuple[Site, int], Tensor] = {}

        def see(site: Site, layer: int, x: Tensor) -> None:
            if frame.own:
                kept[site, layer] = x[places[:, 0], places[:, 1]].float().cpu()

        with steered(self.modules, tables, frame), watched(self.modules, sites, see):
            run(self.modules, layout, 0, frame)
        result: list[dict[Site, Any]] = [{} for _ in requests]
        order = [m for grp in layout.groups for m in grp.members]
        for site in sites:
            stacked = torch.stack([kept[site, layer] for layer in range(self.layers)], 1).numpy()
            start = 0
            for member in order:
                result[member][site] = stacked[start : start + len(wanted[member])]
                start += len(wanted[member])
        return result


def _layer_or(first: int | None, otherwise: int) -> int:
    return otherwise if first is None else first


def measured_budget(loaded: LoadedModel) -> int:
    """Tokens that fit into the memory free now (see `memory.token_budget`)."""
    return token_budget(loaded.model.config, loaded.device, loaded.dtype)


__all__ = ["UNSTEERED", "HFEngine"]
