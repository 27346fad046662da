"""A loaded model: generate text, read likelihoods, run plans on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steerbench.contracts import Engine, Prompt, Request, Sampling
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.application import opened
from steerbench.errors import UserError
from steerbench.models.embedded import EMBEDDED
from steerbench.records.plan import Plan
from steerbench.running.opening import open_engine


@dataclass(frozen=True, eq=False)
class Model:
    """A language model on an engine. `plan` holds the load options, which become part of any run on it."""

    engine: Engine
    plan: Plan

    @property
    def name(self) -> str:
        return self.plan.model or EMBEDDED

    def __repr__(self) -> str:
        return f"<Model {self.name} on {self.plan.engine}, {self.engine.layers} layers>"

    def generate(
        self,
        prompts: str | Sequence[str],
        steering: Steering | Sequence[Steering] | None = None,
        *,
        system: str = "",
        max_new_tokens: int = 100,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> list[str]:
        """The model's reply to each prompt, sent as the user's turn of a chat. Temperature 0 is greedy decoding.

        `steering` is one for all prompts, or a list with one per prompt; all run in one batch.

        Raises:
            UserError: the lists differ in length, a steering was fitted on another model, or a prompt is too long.
        """
        requests = self._requests(prompts, steering, system)
        sampling = Sampling(max_new_tokens=max_new_tokens, temperature=temperature, seed=seed)
        return [completion.text.strip() for completion in self.engine.generate(requests, sampling)]

    def likelihoods(
        self,
        prompts: str | Sequence[str],
        options: Sequence[str],
        steering: Steering | Sequence[Steering] | None = None,
        *,
        system: str = "",
        start: str = "",
    ) -> list[dict[str, float]]:
        """For each prompt, the log-likelihood (nats) of each option as the answer, following its `start`.

        Raises:
            UserError: as `generate`; or an option is empty.
        """
        requests = self._requests(prompts, steering, system, start, tuple(options))
        return [dict(zip(options, choice.logprobs, strict=True)) for choice in self.engine.choose(requests)]

    def _requests(
        self,
        prompts: str | Sequence[str],
        steering: Steering | Sequence[Steering] | None,
        system: str,
        start: str = "",
        options: tuple[str, ...] = (),
    ) -> list[Request]:
        texts = [prompts] if isinstance(prompts, str) else list(prompts)
        one = UNSTEERED if steering is None else steering
        steerings = [one] * len(texts) if isinstance(one, Steering) else list(one)
        if len(steerings) != len(texts):
            raise UserError(
                f"There are {len(texts)} prompts and {len(steerings)} steerings; give one for each, or one."
            )
        before = (("system", system),) if system else ()
        return [
            Request(Prompt(opened(own.prompt.as_message(), (*before, ("user", text))), start), own, options)
            for text, own in zip(texts, steerings, strict=True)
        ]


def load(
    model: str | Path | None = None,
    *,
    engine: str = "hf",
    dtype: str | None = None,
    device: str | None = None,
    chat_template: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Model:
    """Load a model by name (`steerbench list models`), folder, GGUF file or hub id; None is the built-in model.

    `parameters` are the engine's.

    Raises:
        UserError: the model cannot be loaded or is unsupported.
    """
    plan = Plan(
        methods=("none",),
        task="none",
        model=None if model is None else str(model),
        engine=engine,
        engine_parameters=dict(parameters or {}),
        dtype=dtype,
        chat_template=str(chat_template) if chat_template else None,
    )
    return Model(open_engine(plan, device), plan)
