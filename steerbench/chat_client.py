"""Asks any OpenAI-compatible server, many requests at once, and waits out the faults that pass."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random
from tenacity.wait import wait_random_exponential

from steerbench.errors import UserError

if TYPE_CHECKING:
    from openai import APIError, APIStatusError, AsyncOpenAI

T = TypeVar("T")
R = TypeVar("R")
Messages = Sequence[tuple[str, str]]

OPENAI = "https://api.openai.com/v1"
PATIENCE = 120.0
"""Seconds: the longest wait a server may ask for (`Retry-After`)."""
QUOTED = 200
"""Characters of a server's own words that an error repeats."""
PLACEHOLDER = 8
"""A key shorter than this (x, EMPTY) is no secret, and hiding it would garble what servers say."""


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


class RequestError(Exception):
    """A request that was given up after `calls` attempts; its text is the reason in words."""

    def __init__(self, reason: str, calls: int) -> None:
        super().__init__(reason)
        self.calls = calls


class RefusedError(RequestError):
    """The server will not answer this request (too long, filtered); others it may."""


class ExhaustedError(RequestError):
    """Every attempt failed in a way that might have passed."""


class _PassingError(Exception):
    """A fault worth another attempt, after `wait` seconds if the server named a time."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class _RefusalError(Exception):
    """A fault that another attempt would meet again, unless it is the wish for log-probabilities."""

    def __init__(self, reason: str, names_logprobs: bool) -> None:
        super().__init__(reason)
        self.names_logprobs = names_logprobs


@dataclass(eq=False)
class ChatClient:
    """A model on a server: `async with client:` around the requests of one event loop, then `await client.ask(...)`.

    The key is read from the environment variable `key_env` and appears in no text that leaves the client. A
    server given by `base_url` (or OPENAI_BASE_URL) may need none. `timeout` (seconds) bounds one attempt as a
    whole; between attempts the client waits a random time of up to `backoff` seconds, doubled each time up to
    `longest_backoff`, or as long as the server says.

    Raises:
        UserError: the address is none, or there is no usable key.
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
    _gives_logprobs: bool = field(default=True, init=False, repr=False)

    def __post_init__(self) -> None:
        given = self.base_url or os.environ.get("OPENAI_BASE_URL")
        self.address = _checked_address(given or OPENAI)
        _key(self.key_env, needed=given is None)

    async def __aenter__(self) -> "ChatClient":
        from openai import AsyncOpenAI

        key = _key(self.key_env, needed=self.address == OPENAI)
        self._client = AsyncOpenAI(api_key=key, base_url=self.address, timeout=self.timeout, max_retries=0)
        return self

    async def __aexit__(self, *_: object) -> None:
        client, self._client = self._client, None
        if client:
            await client.close()

    async def ask(
        self, messages: Messages, *, max_tokens: int, temperature: float = 0.0, logprobs: bool = False
    ) -> Reply:
        """The model's reply to chat messages (role, content).

        With `logprobs`, those of the tokens where the server gives them; one that refuses the wish (400 or 422)
        is asked without from then on.

        Raises:
            UserError: no request can succeed (refused key, no such model, no credit, no server there).
            RefusedError: this one cannot.
            ExhaustedError: it might have, but did not.
        """
        calls = 0

        async def attempt() -> Reply:
            nonlocal calls
            calls += 1
            wished = logprobs and self._gives_logprobs
            try:
                return await self._attempt(messages, max_tokens, temperature, wished)
            except _RefusalError as refusal:
                if not (wished and refusal.names_logprobs):
                    raise
            calls += 1
            reply = await self._attempt(messages, max_tokens, temperature, False)
            self._gives_logprobs = False
            return reply

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_PassingError),
            stop=stop_after_attempt(self.attempts),
            wait=self._wait,
            reraise=True,
        )
        error: Exception
        try:
            reply: Reply = await retrying(attempt)
            return replace(reply, calls=calls)
        except _RefusalError as refusal:
            error = RefusedError(str(refusal), calls)
        except _PassingError as fault:
            if self._answered:
                error = ExhaustedError(f"{self.attempts} attempts failed, the last with: {fault}", calls)
            else:
                error = UserError(
                    f"No server answers at {self.address} ({fault}); start it, correct base_url, or raise timeout."
                )
        raise error

    def _wait(self, state: RetryCallState) -> float:
        fault = state.outcome.exception() if state.outcome else None
        if isinstance(fault, _PassingError) and fault.wait is not None:
            # Requests that were all told the same time do not all come back at that time.
            return min(max(0.0, fault.wait), PATIENCE) + wait_random(0, self.backoff)(state)
        return wait_random_exponential(self.backoff, self.longest_backoff)(state)

    async def _attempt(self, messages: Messages, max_tokens: int, temperature: float, logprobs: bool) -> Reply:
        from openai import APIError, APIStatusError, APITimeoutError

        if self._client is None:
            raise RuntimeError("a ChatClient is asked inside `async with client:`")
        wishes: dict[str, Any] = {"logprobs": True, "top_logprobs": 10} if logprobs else {}
        fault: Exception
        try:
            async with asyncio.timeout(self.timeout):
                raw = await self._client.chat.completions.with_raw_response.create(
                    model=self.model,
                    messages=[{"role": role, "content": content} for role, content in messages],  # type: ignore[misc]
                    max_tokens=max_tokens,
                    temperature=temperature,
                    **wishes,
                )
            self._answered = True
            reply = _read(raw.text)
            return replace(reply, text=self._without_key(reply.text))
        except (TimeoutError, APITimeoutError):
            fault = _PassingError(f"no answer within {self.timeout:g} s")
        except ValidationError:
            fault = _PassingError(f"a body that is no chat completion: {self._quoted(raw.text)}")
        except APIStatusError as error:
            self._answered = True
            fault = self._status_fault(error)
        except APIError as error:
            fault = _PassingError(f"a broken connection ({self._quoted(_cause(error))})")
        # Outside the handlers, so that no error chain leads to the request, which holds the key.
        raise fault

    def _status_fault(self, error: "APIStatusError") -> Exception:
        said, status = self._quoted(_message(error)), error.status_code
        if status in (401, 403):
            return UserError(
                f"The server at {self.address} refuses the key in {self.key_env} ({status}: {said}); "
                f"put one into {self.key_env} that may use '{self.model}'."
            )
        if status == 404:
            return UserError(
                f"There is no model '{self.model}' at {self.address} (404: {said}); name another, or correct base_url."
            )
        if status == 402 or error.code == "insufficient_quota":
            return UserError(
                f"The account of {self.key_env} has no credit at {self.address} ({status}: {said}); add some."
            )
        if status in (408, 409, 429) or status >= 500:
            return _PassingError(f"status {status}: {said}", _retry_after(error.response.headers))
        return _RefusalError(f"the server refused the request ({status}): {said}", "logprobs" in error.response.text)

    def _quoted(self, text: str) -> str:
        """The beginning of a server's words, on one line."""
        return " ".join(self._without_key(text).split())[:QUOTED]

    def _without_key(self, text: str) -> str:
        key = os.environ.get(self.key_env, "").strip()
        return text.replace(key, "***") if len(key) >= PLACEHOLDER else text


def concurrently(
    items: Iterable[T],
    work: Callable[[T], Awaitable[R]],
    limit: int,
    within: AbstractAsyncContextManager[Any],
) -> Generator[list[tuple[int, R]], None, None]:
    """Does `work` on each item, `limit` at once; yields what has been done since the last yield, with its place.

    The work runs in an event loop in a thread of its own, inside `async with within`. Items are drawn in the
    caller's thread, while it waits for the next results: one whenever there is room, and never before
    the results that made the room have been yielded. So whoever takes the results may write them to a
    database between yields, and decide by them whether there is another item.

    When work raises, what was done by then is yielded, then the error is raised and the rest is cancelled; so
    it is if the caller stops early or is interrupted.
    """
    places: dict[Future[R], int] = {}
    drawn = enumerate(items)
    with _event_loop(within) as loop:
        while True:
            while len(places) < limit and (following := next(drawn, None)):
                places[asyncio.run_coroutine_threadsafe(_awaited(work, following[1]), loop)] = following[0]
            if not places:
                return
            done = wait(places, return_when=FIRST_COMPLETED).done
            ended = sorted(((places.pop(future), future) for future in done), key=lambda one: one[0])
            if results := [(place, future.result()) for place, future in ended if not future.exception()]:
                yield results
            if errors := [error for _, future in ended if (error := future.exception())]:
                raise errors[0]


async def _awaited(work: Callable[[T], Awaitable[R]], item: T) -> R:
    return await work(item)


@contextmanager
def _event_loop(within: AbstractAsyncContextManager[Any]) -> Iterator[asyncio.AbstractEventLoop]:
    """A running loop in another thread; what still runs in it at the end is cancelled."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def until_stopped() -> None:
        stop = asyncio.Event()
        async with within:
            started.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()
            mine = asyncio.current_task()
            others = [task for task in asyncio.all_tasks() if task is not mine]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    def run() -> None:
        try:
            asyncio.run(until_stopped())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=run, name="requests", daemon=True)
    thread.start()
    loop, stop = started.result()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


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


def _read(body: str) -> Reply:
    """Raises:
    ValidationError: the body is no chat completion.
    """
    answer = _Body.model_validate_json(body)
    choice, usage = answer.choices[0], answer.usage or _Tokens()
    positions = choice.logprobs.content if choice.logprobs else None
    top = tuple(Token(p.token, _candidates([*p.top_logprobs, p])) for p in positions) if positions else None
    return Reply(choice.message.content or "", top, usage.prompt_tokens, usage.completion_tokens)


def _candidates(listed: list[_Candidate]) -> dict[str, float]:
    return {one.token: one.logprob for one in listed if one.logprob is not None}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait; it may say milliseconds, seconds or a date (RFC 9110, section 10.2.3)."""
    with suppress(ValueError):
        return float(headers.get("retry-after-ms", "")) / 1000
    said = headers.get("retry-after", "")
    with suppress(ValueError):
        return float(said)
    with suppress(ValueError):
        return float(parsedate_to_datetime(said).timestamp() - time())
    return None


def _message(error: "APIStatusError") -> str:
    body = error.body
    if isinstance(body, dict):
        return str(body.get("message") or body.get("detail") or body)
    return error.response.text or "it said nothing"


def _cause(error: "APIError") -> str:
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
        # It is kept with a run's settings and shown in errors.
        raise UserError("base_url holds more than an address (a name, a password or a query); give the key by key_env.")
    return url.rstrip("/")


def _key(variable: str, needed: bool) -> str:
    key = os.environ.get(variable, "").strip()
    if not key and needed:
        raise UserError(f"The environment variable {variable} holds no key; set it, or name another with key_env.")
    if not (key.isascii() and key.isprintable()):
        raise UserError(f"The environment variable {variable} holds characters that no key has; set it again.")
    return key or "none"
