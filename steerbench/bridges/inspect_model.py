"""A steered model for Inspect."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from inspect_ai._util.error import PrerequisiteError
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ContentText,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    StopReason,
)
from inspect_ai.tool import ToolChoice, ToolInfo
from rich.markup import escape

from steerbench.bridges.gathering import Gathering
from steerbench.bridges.steered import Steered, open_steered
from steerbench.bridges.stops import cut
from steerbench.contracts import Completion, Prompt, Request, Sampling
from steerbench.engines.application import opened
from steerbench.errors import UserError

ADDRESS = "steerbench:"
"""Prefix of the model's address, which holds the key of model and steering in place of a server."""

GENERATED = 2048
"""Default length of an answer in tokens, as for Inspect's local models."""

TOGETHER = 64
"""Default number of concurrent requests (--max-connections), which is the largest batch for the engine."""

HONOURED = frozenset({"max_tokens", "temperature", "top_p", "seed", "stop_seqs"})
NOT_THE_MODEL_S = frozenset(
    {
        *("max_retries", "timeout", "attempt_timeout", "stream_idle_timeout", "max_connections", "batch"),
        *("adaptive_connections", "system_message", "max_tool_output", "cache", "cache_prompt", "fail_on_refusal"),
        *("parallel_tool_calls", "internal_tools", "reasoning_history"),
    }
)
"""Settings that Inspect handles itself, or that have no effect without tools and separate reasoning."""


@dataclass(frozen=True)
class Drawing:
    """Sampling settings, and whether the user gave the seed."""

    sampling: Sampling
    seeded: bool

    @classmethod
    def of(cls, config: GenerateConfig) -> "Drawing":
        sampling = Sampling(
            max_new_tokens=config.max_tokens or GENERATED,
            temperature=config.temperature or 0.0,
            top_p=1.0 if config.top_p is None else config.top_p,
            seed=config.seed or 0,
        )
        return cls(sampling, config.seed is not None)


class SteeredAPI(ModelAPI):
    """A model on one of our engines under one steering; the arguments (-M) are those of `open_steered`.

    Inspect caches answers by model name, server address, generation settings and messages. The address here is the key
    of model, engine, steering and strength, so that answers under another steering are not reused.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008
        **arguments: Any,
    ) -> None:
        try:
            self.steered = open_steered(model_name, **arguments)
            address = f"{ADDRESS}{self.steered.key}"
            if base_url not in (None, address):
                raise UserError(
                    "A steered model has no address to be told (--model-base-url); if a log told this one, what it "
                    "was made with has changed: the model, the engine, the steering or its strength."
                )
        except UserError as error:
            raise PrerequisiteError(escape(str(error))) from None
        super().__init__(model_name, address, api_key, [], config)
        self.gathering = Gathering[Request, Drawing, Completion](self._run)
        self._drawn = 0

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Answer a conversation.

        Raises:
            UserError: a setting is unsupported, or the steering overflowed.
        """
        started = time.monotonic()
        check_settings(tools, config)
        request = Request(prompt_of(self.steered, input), self.steered.steering)
        asked = len(self.steered.engine.tokenize(request.prompt))
        completion = await self.gathering.ask(request, Drawing.of(config))
        if completion.overflowed:
            raise UserError("The steering overflowed: the model's logits were not finite; use a lower strength.")
        text = cut(completion.text, config.stop_seqs or ())
        stopped: StopReason = "stop" if completion.finish == "stop" or text != completion.text else "max_tokens"
        message = ChatMessageAssistant(content=text, model=self.model_name, source="generate")
        return ModelOutput(
            model=self.model_name,
            choices=[ChatCompletionChoice(message=message, stop_reason=stopped)],
            usage=ModelUsage(
                input_tokens=asked, output_tokens=completion.tokens, total_tokens=asked + completion.tokens
            ),
            time=time.monotonic() - started,
            metadata={"steerbench": self.steered.key},
        )

    def max_tokens(self) -> int | None:
        return GENERATED

    def max_connections(self) -> int:
        return TOGETHER

    def connection_key(self) -> str:
        """A key per model, so that models in one process have separate connection limits."""
        return self.steered.key

    def _run(self, requests: Sequence[Request], drawing: Drawing) -> Sequence[Completion]:
        engine, sampling = self.steered.engine, drawing.sampling
        if not sampling.temperature:
            return engine.generate(requests, sampling)
        if drawing.seeded:
            # Samples depend on the rest of the batch, which depends on timing.
            return [engine.generate([request], sampling)[0] for request in requests]
        self._drawn += 1
        return engine.generate(requests, replace(sampling, seed=self._drawn))


def check_settings(tools: Sequence[ToolInfo], config: GenerateConfig) -> None:
    """Raises UserError: a setting is unsupported by engines."""
    if tools:
        raise UserError(f"A steered model has no tools, and the task gives it '{tools[0].name}'.")
    for name, value in config.model_dump(exclude_none=True).items():
        nothing = not value or (name in ("num_choices", "best_of") and value == 1)
        if name not in HONOURED | NOT_THE_MODEL_S and not nothing:
            raise UserError(f"A steered model cannot honour '{name}' ({value}); leave it out.")


def prompt_of(steered: Steered, messages: Sequence[ChatMessage]) -> Prompt:
    """The steering's prompt, then the messages. If the last one is the model's own, the model continues it.

    Raises:
        UserError: a message is a tool's, or contains more than text.
    """
    turns = []
    for message in messages:
        if message.role == "tool":
            raise UserError("A steered model has no tools, and a message is a tool's answer.")
        content = message.content
        if not isinstance(content, str) and not all(isinstance(part, ContentText) for part in content):
            raise UserError(f"A steered model reads text only, and a message of the {message.role} has more.")
        turns.append((message.role, message.text))
    start = turns.pop()[1] if turns and turns[-1][0] == "assistant" else ""
    return Prompt(opened(steered.said, turns), start)
