"""A steered model for lm-evaluation-harness; importing this registers it there as `steerbench`.

`steerbench lm-eval` is the harness's own command with it. In Python: import this, then
`lm_eval.simple_evaluate(model="steerbench", model_args={"steering": "extraversion+.safetensors", "strength": 4})`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from lm_eval.models.utils import normalize_gen_kwargs
from tqdm import tqdm  # type: ignore[import-untyped]

from steerbench.bridges.boundaries import Boundaries, PromptOption
from steerbench.bridges.cache import own_table
from steerbench.bridges.greedy import ScoredContinuations, greedy
from steerbench.bridges.steered import open_steered
from steerbench.bridges.stops import cut
from steerbench.contracts import Prompt, Request, Sampling, batched
from steerbench.engines.application import opened
from steerbench.errors import UserError

GENERATED = 256
"""Default length of an answer in tokens, as for the harness's own models."""

HONOURED = frozenset({"do_sample", "until", "max_gen_toks", "temperature", "top_p", "repetition_penalty"})
OF_DRAWING = frozenset({"top_k", "top_p", "min_p", "typical_p"})
"""Generation arguments that do not affect greedy decoding."""


@register_model("steerbench")
class SteeredLM(LM):  # type: ignore[misc]
    """A model on one of our engines under one steering; the other arguments are those of `open_steered`.

    `batch_size` and `max_batch_size` are ignored, because an engine makes its own batches. `device` is ignored without
    CUDA, because the harness passes cuda:0 by default.
    """

    def __init__(
        self,
        *,
        batch_size: Any = None,
        max_batch_size: Any = None,
        device: str | None = None,
        max_gen_toks: int = GENERATED,
        seed: int = 0,
        **arguments: Any,
    ) -> None:
        super().__init__()
        self.steered = open_steered(device=_present(device), **arguments)
        self.engine, self.text = self.steered.engine, self.steered.text
        self.boundaries = Boundaries(self.text, self.engine.context)
        self.max_gen_toks, self.seed = max_gen_toks, seed

    # -- the harness's interface

    def loglikelihood(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Log-likelihood of each continuation after its context, and whether it is greedy (see `greedy`).

        Raises:
            UserError: a request is longer than the model's context, or the steering overflowed.
        """
        asked: list[tuple[str, str]] = [request.args for request in requests]
        pairs = [self.boundaries.pair(context, after, self._words(context)) for context, after in asked]
        by_start: dict[str, list[int]] = {}
        for index, pair in enumerate(pairs):
            by_start.setdefault(pair.start, []).append(index)
        groups = list(by_start.values())
        answers: dict[int, tuple[float, bool]] = {}
        for places, scored in self._scored([[pairs[i] for i in group] for group in groups], disable_tqdm):
            for place, one, are_greedy in zip(places, scored, self._greedy(scored), strict=True):
                for index, *answer in zip(groups[place], one.logprobs, are_greedy, strict=True):
                    answers[index] = (answer[0], bool(answer[1]))
                    self.cache_hook.add_partial("loglikelihood", asked[index], answers[index])
        return [answers[index] for index in range(len(asked))]

    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[float]:
        """Log-likelihood of whole texts after the start token, in windows if they are longer than the context.

        Raises:
            UserError: the steering overflowed.
        """
        texts: list[str] = [request.args[0] for request in requests]
        windows = [(index, pair) for index, text in enumerate(texts) for pair in self._windows(text)]
        totals = [0.0] * len(texts)
        for places, scored in self._scored([[pair] for _, pair in windows], disable_tqdm):
            for place, one in zip(places, scored, strict=True):
                totals[windows[place][0]] += one.logprobs[0]
        for text, total in zip(texts, totals, strict=True):
            self.cache_hook.add_partial("loglikelihood_rolling", (text,), total)
        return totals

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """Free text up to the first stop string; text after it is discarded.

        Raises:
            UserError: a generation argument is unsupported, a prompt leaves no room for its answer, or the steering
                overflowed.
        """
        asked: list[tuple[str, dict[str, Any]]] = [request.args for request in requests]
        told = [self._sampling(arguments) for _, arguments in asked]
        texts: dict[int, str] = {}
        with tqdm(total=len(asked), desc="Generating", disable=disable_tqdm) as bar:
            for sampling in dict.fromkeys(sampling for sampling, _ in told):
                mine = [index for index, (other, _) in enumerate(told) if other == sampling]
                prompts = [self._continued(asked[index][0], sampling.max_new_tokens) for index in mine]
                for places, part in batched(prompts, self.engine):
                    completions = self.engine.generate(part, sampling)
                    _check(sum(completion.overflowed for completion in completions), len(part))
                    for place, completion in zip(places, completions, strict=True):
                        index = mine[place]
                        texts[index] = cut(completion.text, told[index][1])
                        self.cache_hook.add_partial("generate_until", asked[index], texts[index])
                    bar.update(len(part))
        return [texts[index] for index in range(len(asked))]

    def apply_chat_template(self, chat_history: Sequence[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Messages as the text that the model reads, with the steering's prompt first, up to the model's answer."""
        turns = opened(self.steered.said, [(turn["role"], turn["content"]) for turn in chat_history])
        if add_generation_prompt:
            return self.text.render(turns)
        return self.text.render(turns[:-1]) + turns[-1][1]

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """The template's text.

        Raises:
            UserError: a template is named; each model here has only one.
        """
        if isinstance(chat_template, str):
            raise UserError("Each model has only one chat template here; give --apply_chat_template without a name.")
        return self.text.template.text if chat_template else None

    @property
    def tokenizer_name(self) -> str:
        """A short key for the cache of built requests, which may contain the steering's prompt."""
        return f"steerbench-{self.steered.key[:16]}"

    def set_cache_hook(self, cache_hook: Any) -> None:
        """Use the harness's cache, in a table for this model, steering and strength."""
        if cache_hook.dbdict is not None:
            own_table(cache_hook.dbdict, self.steered.key)
        super().set_cache_hook(cache_hook)

    def get_model_info(self) -> dict[str, Any]:
        """Metadata that the harness writes with its results."""
        return self.steered.told()

    # -- requests to the engine

    def _words(self, context: str) -> str:
        """The steering's prompt before a plain context; "" in a chat, which contains it already."""
        said = self.steered.said
        return f"{said}\n\n" if said and said.strip() not in context else ""

    def _windows(self, text: str) -> Iterator[PromptOption]:
        return self.boundaries.windows(text, self._words(""))

    def _continued(self, context: str, tokens: int) -> Request:
        start = self.boundaries.start(self._words(context) + context, tokens)
        return Request(Prompt(start=start), self.steered.steering)

    def _scored(
        self, groups: Sequence[Sequence[PromptOption]], quiet: bool
    ) -> Iterator[tuple[list[int], list[ScoredContinuations]]]:
        """Ask pairs with the same start as one request; yields each batch's indices and results."""
        requests = [
            Request(Prompt(start=group[0].start), self.steered.steering, tuple(pair.option for pair in group))
            for group in groups
        ]
        with tqdm(total=sum(map(len, groups)), desc="Scoring", disable=quiet) as bar:
            for places, part in batched(requests, self.engine):
                choices = self.engine.choose(part)
                _check(sum(choice.overflowed for choice in choices), len(part))
                yield (
                    places,
                    [
                        ScoredContinuations(request, groups[place], choice.logprobs)
                        for place, request, choice in zip(places, part, choices, strict=True)
                    ],
                )
                bar.update(sum(len(request.options) for request in part))

    def _greedy(self, scored: Sequence[ScoredContinuations]) -> list[list[bool]]:
        return greedy(self.engine, self.text.tokenizer, scored)

    def _sampling(self, arguments: dict[str, Any]) -> tuple[Sampling, tuple[str, ...]]:
        """The sampling settings, and the stop strings."""
        told = dict(normalize_gen_kwargs(arguments, self.max_gen_toks))
        temperature = float(told.get("temperature", 0.0)) if told["do_sample"] else 0.0
        inert = HONOURED if temperature else HONOURED | OF_DRAWING
        if foreign := sorted(name for name, value in told.items() if name not in inert and value is not None):
            raise UserError(
                f"Engines have no generation argument '{foreign[0]}'; take it from the task, or --gen_kwargs."
            )
        sampling = Sampling(
            max_new_tokens=int(told["max_gen_toks"]),
            temperature=temperature,
            top_p=float(told.get("top_p") or 1.0) if temperature else 1.0,
            repetition_penalty=float(told.get("repetition_penalty") or 1.0),
            seed=self.seed,
        )
        return sampling, tuple(told["until"])


def _check(overflowed: int, of: int) -> None:
    """Raises UserError: a request overflowed. The harness cannot represent this, and would use a nan likelihood."""
    if overflowed:
        raise UserError(
            f"The steering overflowed in {overflowed} of {of} requests: the model's logits were not finite; use a "
            "lower strength."
        )


def _present(device: str | None) -> str | None:
    import torch

    return None if device and device.startswith("cuda") and not torch.cuda.is_available() else device
