"""A chat client for OpenAI-compatible servers: concurrent requests, with retries of temporary faults."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random
from tenacity.wait import wait_random_exponential

from steerbench.errors import UserError
from steerbench.openai_client.completion import ChatReply, MalformedError, encodable, read_completion
from steerbench.openai_client.retry_after import retry_after

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI, OpenAIError

Messages = Sequence[tuple[str, str]]

OPENAI = "https://api.openai.com/v1"
PATIENCE = 120.0
"""Seconds: the longest wait a server may ask for (`Retry-After`)."""
QUOTED = 200
"""Most characters of a server's message that an error quotes."""
TOP = 10
"""Number of candidate tokens per position for which log-probabilities are requested."""
WISHES = frozenset({"logprobs", "max_tokens", "temperature"})
"""Optional request fields. If a server refuses one (400 or 422), requests are repeated without it."""
PLACEHOLDER = 8
"""A key shorter than this (x, EMPTY) is a placeholder. It is not masked in messages, which that would garble."""


class RequestError(Exception):
    """A request that failed after `calls` attempts; the text says why."""

    def __init__(self, reason: str, calls: int) -> None:
        super().__init__(reason)
        self.calls = calls


class RefusedError(RequestError):
    """The server refuses this request (too long, filtered) but may answer others."""


class ExhaustedError(RequestError):
    """Every attempt failed with a temporary fault."""


class _PassingError(Exception):
    """A temporary fault; retry after `wait` seconds if the server gave a time."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class _RefusalError(Exception):
    """A permanent fault, unless it is due to one of the optional fields in `names`."""

    def __init__(self, reason: str, names: frozenset[str] = frozenset()) -> None:
        super().__init__(reason)
        self.names = names


@dataclass(eq=False)
class ChatClient:
    """A model on a server: `async with client:` around the requests of one event loop, then `await client.ask(...)`.

    The key is read from the environment variable `key_env` and masked in every message. A server given by `base_url`
    (or OPENAI_BASE_URL) may need no key; redirects are not followed. `timeout` (seconds) bounds a whole attempt.
    Between attempts the client waits a random time of up to `backoff` seconds, doubled each time up to
    `longest_backoff`, or as long as the server says.

    Raises:
        UserError: the address is invalid, or there is no usable key.
    """

    model: str
    base_url: str | None = None
    key_env: str = "OPENAI_API_KEY"
    timeout: float = 60.0
    attempts: int = 6
    backoff: float = 0.5
    longest_backoff: float = 30.0
    _client: "AsyncOpenAI | None" = field(default=None, init=False, repr=False)
    _answered: bool = field(default=False, init=False, repr=False)
    _refused: frozenset[str] = field(default=frozenset(), init=False, repr=False)

    def __post_init__(self) -> None:
        given = self.base_url or os.environ.get("OPENAI_BASE_URL")
        self.address = _checked_address(given or OPENAI)
        _key(self.key_env, needed=given is None)

    async def __aenter__(self) -> "ChatClient":
        from openai import AsyncOpenAI

        from steerbench.openai_client.transport import BoundedClient

        key = _key(self.key_env, needed=self.address == OPENAI)
        http = BoundedClient(timeout=self.timeout, event_hooks={"response": [self._note_answer]})
        self._client = AsyncOpenAI(
            api_key=key, base_url=self.address, timeout=self.timeout, max_retries=0, http_client=http
        )
        return self

    async def _note_answer(self, _: object) -> None:
        self._answered = True

    async def __aexit__(self, *_: object) -> None:
        client, self._client = self._client, None
        if client:
            await client.close()

    async def ask(
        self, messages: Messages, *, max_tokens: int, temperature: float = 0.0, logprobs: bool = False
    ) -> ChatReply:
        """The model's reply to chat messages (role, content).

        With `logprobs`, the reply has token log-probabilities if the server supports them. If a server refuses an
        optional field (log-probabilities, temperature, `max_tokens` in place of `max_completion_tokens`), later
        requests omit it.

        Raises:
            UserError: no request can succeed (refused key, unknown model, no credit, no server).
            RefusedError: this request cannot succeed.
            ExhaustedError: every attempt failed with a temporary fault.
        """
        calls = 0
        wishes = {"max_tokens": max_tokens, "temperature": temperature, **({"logprobs": True} if logprobs else {})}

        async def attempt() -> ChatReply:
            nonlocal calls
            without = self._refused
            while True:
                calls += 1
                try:
                    reply = await self._attempt(messages, _granted(wishes, without))
                    self._refused |= without
                    return reply
                except _RefusalError as refusal:
                    if not refusal.names & (wishes.keys() - without):
                        raise
                    without |= refusal.names

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_PassingError),
            stop=stop_after_attempt(self.attempts),
            wait=self._wait,
            reraise=True,
        )
        error: Exception
        try:
            reply: ChatReply = await retrying(attempt)
            return replace(reply, calls=calls)
        except _RefusalError as refusal:
            error = RefusedError(str(refusal), calls)
        except _PassingError as fault:
            if self._answered:
                error = ExhaustedError(f"{self.attempts} attempts failed, the last with: {fault}", calls)
            else:
                error = UserError(
                    f"No server answers at {self.address} ({fault}); start it, correct the address, or raise timeout."
                )
        raise error

    def _wait(self, state: RetryCallState) -> float:
        fault = state.outcome.exception() if state.outcome else None
        if isinstance(fault, _PassingError) and fault.wait is not None:
            # Random, so that requests that were told the same time do not all return at once.
            return min(max(0.0, fault.wait), PATIENCE) + wait_random(0, self.backoff)(state)
        return wait_random_exponential(self.backoff, self.longest_backoff)(state)

    async def _attempt(self, messages: Messages, wishes: Mapping[str, Any]) -> ChatReply:
        from openai import APIStatusError, APITimeoutError, OpenAIError

        if self._client is None:
            raise RuntimeError("a ChatClient is asked inside `async with client:`")
        asked = [{"role": role, "content": encodable(content)} for role, content in messages]
        fault: Exception
        try:
            async with asyncio.timeout(self.timeout):
                raw = await self._client.chat.completions.with_raw_response.create(
                    model=self.model,
                    messages=asked,  # type: ignore[arg-type]
                    **wishes,
                )
            return self._read(raw.content, asked, wishes)
        except (TimeoutError, APITimeoutError):
            fault = _PassingError(f"no answer within {self.timeout:g} s")
        except MalformedError:
            fault = _PassingError(f"a body that is not a chat completion: {self._quoted(raw.text)}")
        except APIStatusError as error:
            fault = self._status_fault(error)
        except OpenAIError as error:
            fault = _PassingError(f"a broken connection ({self._quoted(_cause(error))})")
        # Raised outside the handlers, so that no error chain holds the request, which contains the key.
        raise fault

    def _read(self, body: bytes, asked: Sequence[Mapping[str, str]], wishes: Mapping[str, Any]) -> ChatReply:
        sent = sum(len(text.encode()) for message in asked for text in message.values())
        limit = wishes.get("max_tokens") or wishes["max_completion_tokens"]
        reply = read_completion(body.decode("utf-8-sig", "replace"), sent, limit)
        return replace(reply, text=self._without_key(reply.text), said=self._without_key(reply.said))

    def _status_fault(self, error: "APIStatusError") -> Exception:
        said, status = self._quoted(_message(error)), error.status_code
        if status < 400:
            elsewhere = self._quoted(error.response.headers.get("location", ""))
            onward = f", which points to '{elsewhere}'; requests go to {self.address} alone" if elsewhere else ""
            return _PassingError(f"status {status}{onward}")
        if status in (401, 403):
            return UserError(
                f"The server at {self.address} refuses the key in {self.key_env} ({status}: {said}); "
                f"put one into {self.key_env} that may use '{self.model}'."
            )
        if status == 404:
            return UserError(
                f"There is no model '{self.model}' at {self.address} (404: {said}); name another, "
                "or correct the address."
            )
        if status == 402 or error.code == "insufficient_quota":
            return UserError(
                f"The account of {self.key_env} has no credit at {self.address} ({status}: {said}); add some."
            )
        if status in (408, 409, 429) or status >= 500:
            return _PassingError(f"status {status}: {said}", retry_after(error.response.headers))
        names = frozenset(wish for wish in WISHES if wish in error.response.text)
        return _RefusalError(f"the server refused the request ({status}): {said}", names)

    def _quoted(self, text: str) -> str:
        """The beginning of a server's message, on one line and without unprintable characters."""
        beginning = self._without_key(text)[: 10 * QUOTED]
        printable = "".join(c if c.isprintable() else " " for c in beginning)
        return " ".join(printable.split())[:QUOTED]

    def _without_key(self, text: str) -> str:
        key = os.environ.get(self.key_env, "").strip()
        return text.replace(key, "***") if len(key) >= PLACEHOLDER else text


def _granted(wishes: Mapping[str, Any], without: frozenset[str]) -> dict[str, Any]:
    """The optional request fields, without those that the server refused."""
    fields = {wish: value for wish, value in wishes.items() if wish not in without}
    if "logprobs" in fields:
        fields["top_logprobs"] = TOP
    if "max_tokens" in without:
        fields["max_completion_tokens"] = wishes["max_tokens"]
    return fields


def _message(error: "APIStatusError") -> str:
    body = error.body if isinstance(error.body, dict) else {}
    said = body.get("message") or body.get("detail")
    return said if isinstance(said, str) else error.response.text or "it said nothing"


def _cause(error: "OpenAIError") -> str:
    return str(error.__cause__ or error) or type(error.__cause__).__name__


def _checked_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UserError(f"base_url cannot be '{url}'; give an address such as http://localhost:8000/v1.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        # The address is stored with a run's settings and shown in errors, so it must hold no secret.
        raise UserError("base_url holds more than an address (a name, a password or a query); give the key by key_env.")
    return url.rstrip("/")


def _key(variable: str, needed: bool) -> str:
    key = os.environ.get(variable, "").strip()
    if not key and needed:
        raise UserError(f"The environment variable {variable} holds no key; set it, or name another with key_env.")
    if not (key.isascii() and key.isprintable()):
        raise UserError(f"The environment variable {variable} holds characters that no key has; set it again.")
    return key or "none"
