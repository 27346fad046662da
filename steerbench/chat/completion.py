"""A chat completion as servers send it, and what is kept of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, Field


@dataclass(frozen=True)
class Token:
    """A generated token and the log-probabilities (nats) of the candidates for its place."""

    text: str
    candidates: Mapping[str, float]


@dataclass(frozen=True)
class Reply:
    """What came back: the text, its tokens if their log-probabilities were asked for and given, and what it took.

    `calls` counts the attempts, those that failed included.
    """

    text: str
    top: tuple[Token, ...] | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    calls: int = 1


class _Candidate(BaseModel):
    token: str
    logprob: float | None


class _Position(_Candidate):
    top_logprobs: list[_Candidate] = []


class _Logprobs(BaseModel):
    content: list[_Position] | None = None


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    logprobs: _Logprobs | None = None


class _Tokens(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Body(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Tokens | None = None


def read_completion(body: str) -> Reply:
    """A server's answer from its body.

    Raises:
        ValidationError: the body is no chat completion.
    """
    answer = _Body.model_validate_json(body)
    choice, usage = answer.choices[0], answer.usage or _Tokens()
    positions = choice.logprobs.content if choice.logprobs else None
    top = tuple(Token(p.token, _candidates([*p.top_logprobs, p])) for p in positions) if positions else None
    return Reply(choice.message.content or "", top, usage.prompt_tokens, usage.completion_tokens)


def _candidates(listed: list[_Candidate]) -> dict[str, float]:
    return {one.token: one.logprob for one in listed if one.logprob is not None}
