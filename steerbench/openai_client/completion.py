"""A chat completion as servers send it, and what of it can be believed.

The answer must be there. What comes with it is taken as it stands only where it can be true: log-probabilities that are
no probabilities are as good as none, and counts of tokens that cannot be right count as the most there can have been.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from steerbench.contracts.thoughts import UNFINISHED, spoken

CUT = "the reply was cut before its end"
"""`ChatReply.missing` of a reply that ended at its limit, or that a filter cut."""
EARLY_ENDS = frozenset({"length", "max_tokens", "model_length", "content_filter"})
"""The `finish_reason` of such a reply."""
TEMPLATE = 1000
"""Tokens that a server may add to what it is sent (roles, an instruction of its own)."""
ROUNDING = 0.05
"""How far the probabilities of a token's candidates may add up to more than 1: servers count in 16 bits."""


class MalformedError(ValueError):
    """A body that is no chat completion."""


@dataclass(frozen=True)
class Token:
    """A generated token and the log-probabilities (nats) of the candidates for its place."""

    text: str
    candidates: Mapping[str, float]


@dataclass(frozen=True)
class ChatReply:
    """What came back: the answer, its tokens if their log-probabilities were asked for and given, and what it took.

    `text` is the answer without thoughts. If `missing` says why there is none (the reply was cut, or never left its
    thoughts), it is empty. `said` is the reply as it came, thoughts and all. `calls` counts the attempts, those that
    failed included.
    """

    text: str
    top: tuple[Token, ...] | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    calls: int = 1
    said: str = ""
    missing: str = ""


def encodable(text: str) -> str:
    """The text with a question mark for what is no character (half of a surrogate pair), which no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


Text = Annotated[str, BeforeValidator(lambda given: encodable(given) if isinstance(given, str) else given)]
LogProbability = Annotated[float, Field(strict=True, le=ROUNDING, allow_inf_nan=False)]


class _Candidate(BaseModel):
    token: Text
    logprob: LogProbability | None


class _Position(_Candidate):
    top_logprobs: Annotated[list[_Candidate], Field(fail_fast=True)] | None = None


class _Logprobs(BaseModel):
    content: Annotated[list[_Position], Field(fail_fast=True)] | None = None


class _Message(BaseModel):
    content: Text | None = None
    reasoning: Any = None
    reasoning_content: Any = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: Any = None
    logprobs: Any = None


class _Body(BaseModel):
    choices: Annotated[list[_Choice], Field(fail_fast=True, min_length=1)]
    usage: Any = None


_LOGPROBS = TypeAdapter(_Logprobs)


def read_completion(body: str, sent: int = 0, limit: int = 0) -> ChatReply:
    """A server's answer from its body, to messages of `sent` bytes and under a `limit` of tokens.

    Raises:
        MalformedError: the body is no chat completion.
    """
    answer = _parsed(body)
    choice, counts = answer.choices[0], answer.usage if isinstance(answer.usage, dict) else {}
    message = choice.message
    said = message.content or ""
    apart = (message.reasoning_content, message.reasoning)
    thoughts = next((given for given in apart if isinstance(given, str) and given), "")
    heard = spoken(said)
    missing = UNFINISHED if not heard.finished or (thoughts and not said) else ""
    if not missing and isinstance(choice.finish_reason, str) and choice.finish_reason.lower() in EARLY_ENDS:
        missing = CUT
    received = len(said.encode()) + len(thoughts.encode(errors="replace"))
    return ChatReply(
        "" if missing else heard.answer,
        _tokens(choice.logprobs),
        _believed(counts.get("prompt_tokens"), 1, sent + TEMPLATE),
        _believed(counts.get("completion_tokens"), min(received, 1), max(received, limit)),
        said=said,
        missing=missing,
    )


def _parsed(body: str) -> _Body:
    try:
        # All numbers as floats, of which none is too long to be read.
        return _Body.model_validate(json.loads(body, object_pairs_hook=_unambiguous, parse_int=float))
    except (ValueError, RecursionError):
        raise MalformedError("no chat completion") from None


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise MalformedError("a key that stands twice")
    return found


def _tokens(given: Any) -> tuple[Token, ...] | None:
    """The tokens, if all their log-probabilities are some: a server that errs in one is not believed in others."""
    try:
        positions = _LOGPROBS.validate_python(given).content or ()
    except ValidationError:
        return None
    tokens = tuple(Token(p.token, _candidates([*(p.top_logprobs or ()), p])) for p in positions)
    possible = all(sum(map(math.exp, token.candidates.values())) <= 1 + ROUNDING for token in tokens)
    return tokens if tokens and possible else None


def _candidates(listed: list[_Candidate]) -> dict[str, float]:
    return {one.token: one.logprob for one in listed if one.logprob is not None}


def _believed(claimed: Any, least: int, most: int) -> int:
    """A count of tokens; what is no count of at least so many is the most there can have been.

    A token is a byte or more, so texts have no more tokens than bytes. So nobody is paid less than what was sent and
    received, and a server that claims more than it can have had gets no more than that.
    """
    return math.ceil(min(claimed, most)) if isinstance(claimed, float) and claimed >= least else most
