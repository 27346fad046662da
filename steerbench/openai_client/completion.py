"""Parses and validates a server's chat completion.

The answer's text is required. Invalid log-probabilities are treated as missing. Impossible token counts are replaced
by the largest possible count.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from steerbench.contracts.thoughts import UNFINISHED, spoken

CUT = "the reply was cut before its end"
"""`ChatReply.missing` of a reply that reached its token limit or was cut by a filter."""
EARLY_ENDS = frozenset({"length", "max_tokens", "model_length", "content_filter"})
"""The `finish_reason` of such a reply."""
TEMPLATE = 1000
"""Tokens that a server may add to a prompt (roles, a system prompt)."""
ROUNDING = 0.05
"""How far the candidates' probabilities may sum above 1, since servers compute in 16 bits."""


class MalformedError(ValueError):
    """The body is not a chat completion."""


@dataclass(frozen=True)
class Token:
    """A generated token, and the log-probabilities (nats) of the candidates at its position."""

    text: str
    candidates: Mapping[str, float]


@dataclass(frozen=True)
class ChatReply:
    """A reply: the answer, its tokens if log-probabilities were requested and given, and its usage.

    `text` is the answer without the thinking part. It is empty if the answer is `missing` (a reason: the reply was cut,
    or ended while thinking). `said` is the whole reply. `calls` counts all attempts, including failed ones.
    """

    text: str
    top: tuple[Token, ...] | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    calls: int = 1
    said: str = ""
    missing: str = ""


def encodable(text: str) -> str:
    """The text with unpaired surrogates, which cannot be written to a file, replaced by question marks."""
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
    """Parse the body of a reply to messages of `sent` bytes, with a `limit` of generated tokens.

    Raises:
        MalformedError: the body is not a chat completion.
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
        # Integers as floats: Python refuses to parse integers of thousands of digits.
        return _Body.model_validate(json.loads(body, object_pairs_hook=_unambiguous, parse_int=float))
    except (ValueError, RecursionError):
        raise MalformedError("not a chat completion") from None


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise MalformedError("a duplicate key")
    return found


def _tokens(given: Any) -> tuple[Token, ...] | None:
    """The tokens; None if any log-probability is invalid, since the others are then suspect too."""
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
    """The claimed token count, or `most` if the claim is not a number of at least `least`; never more than `most`.

    A token is at least one byte, so `most` follows from the number of bytes. Costs are thus neither underestimated nor
    inflated by a wrong claim.
    """
    return math.ceil(min(claimed, most)) if isinstance(claimed, float) and claimed >= least else most
