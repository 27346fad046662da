"""A request's steering and strength, from its JSON body to where vLLM carries them to its engine."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from steerbench.engines.application import before, read_strength
from steerbench.engines.vllm.client import CONFIG
from steerbench.engines.vllm.serving.admission import NAME, STRENGTH
from steerbench.engines.vllm.serving.catalogue import Catalogue
from steerbench.errors import UserError
from steerbench.storage.nesting import is_deeper

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
STEERINGS = "/v1/steerings"

LARGEST = 32 << 20
"""Bytes of a request's body: the longest conversation that a model reads is a small part of it."""
DEEPEST = 100
"""Levels of nesting in it; tools and grammars have some ten."""


class SteeringMiddleware:
    """What vLLM's `--middleware` is told: puts `Steerable` before the application's endpoints when it starts.

    vLLM puts middleware before its check of API keys; names of steerings are told only to those who pass it.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            served = scope["app"]
            served.router.middleware_stack = Steerable(served.router.middleware_stack, served.state.args.steerings)
        await self.app(scope, receive, send)


class Steerable:
    """Takes `steering` and `strength` out of bodies of chat and text completions; refuses them everywhere else."""

    def __init__(self, app: App, catalogue: Catalogue) -> None:
        self.app, self.catalogue = app, catalogue

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if scope["method"] == "GET" and path == STEERINGS:
                return await self._list(scope, receive, send)
            if scope["method"] == "POST":
                if (raw := await _whole(scope, receive)) is None:
                    return await _refuse(scope, receive, send)
                changed = self._changed(path, raw)
                if changed is not raw:
                    others = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
                    length = str(len(changed)).encode()
                    scope = {**scope, "headers": [*others, (b"content-length", length)]}
                receive = _replayed(changed, receive)
        await self.app(scope, receive, send)

    async def _list(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        from starlette.responses import JSONResponse

        response = JSONResponse({"object": "list", "data": [served.told() for served in self.catalogue]})
        await response(scope, receive, send)

    def _changed(self, path: str, raw: bytes) -> bytes:
        """A body as vLLM is to have it: the very same, unless it asks for a steering.

        Raises:
            VLLMValidationError: what it asks for cannot be had.
        """
        from vllm.exceptions import VLLMValidationError

        if is_deeper(raw, DEEPEST):
            raise VLLMValidationError(f"The body is nested more than {DEEPEST} levels deep; no request needs that.")
        try:
            body = json.loads(raw)
        except (json.JSONDecodeError, UnicodeDecodeError):
            return raw  # vLLM says what is wrong with it.
        except ValueError as error:  # a number with more digits than Python reads
            raise VLLMValidationError(f"The body holds a number that cannot be read: {error}.") from None
        if not isinstance(body, dict):
            return raw
        try:
            changed = steered(path, body, self.catalogue)
        except UserError as error:
            raise VLLMValidationError(str(error)) from None
        return raw if changed is body else json.dumps(changed).encode()


def steered(path: str, body: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """A request's body with its steering where vLLM carries it to the engine; itself if it asks for none.

    Raises:
        UserError: there is no such steering, it cannot be had here, or the strength is none.
    """
    arguments = body.get("vllm_xargs") or {}
    if isinstance(arguments, dict) and any(name.startswith(CONFIG) for name in arguments):
        raise UserError("Ask for a steering by 'steering' and 'strength', not by 'vllm_xargs'.")
    name, strength = body.get("steering"), body.get("strength")
    if name is None and strength is None:
        return body
    if path not in (CHAT, TEXT):
        raise UserError(f"Steerings are for {CHAT} and {TEXT}; {path} has none.")
    if name is None:
        raise UserError("A strength was given, but no steering.")
    served, strength = catalogue.named(name), read_strength(1.0 if strength is None else strength)
    rest = {key: value for key, value in body.items() if key not in ("steering", "strength")}
    if strength == 0:
        return rest
    if body.get("use_beam_search"):
        raise UserError("A beam search cannot be steered.")
    if served.message:
        if path == TEXT:
            raise UserError(
                f"The steering '{name}' says something to the model first, which plain text has no place for; "
                f"use {CHAT}."
            )
        rest["messages"] = opened(served.message, rest.get("messages"))
    return {**rest, "vllm_xargs": {**arguments, NAME: name, STRENGTH: strength}}


def opened(message: str, messages: Any) -> Any:
    """A conversation that starts with a steering's words; a system message that it has follows in the same one."""
    if not isinstance(messages, list):
        return messages  # vLLM says what is wrong with it.
    first = messages[0] if messages and isinstance(messages[0], dict) else {}
    if first.get("role") not in ("system", "developer"):
        return [{"role": "system", "content": message}, *messages]
    content = first.get("content")
    if isinstance(content, list):
        return [{**first, "content": [{"type": "text", "text": message}, *content]}, *messages[1:]]
    if not isinstance(content, str | None):
        return messages  # This, too.
    return [{**first, "content": before(message, content or "")}, *messages[1:]]


async def _whole(scope: MutableMapping[str, Any], receive: Receive) -> bytes | None:
    """A request's body; what came of it if the client left before its end. None if it is larger than any may be."""
    told = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if told.isdigit() and int(told) > LARGEST:
        return None
    body = bytearray()
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if len(body) > LARGEST:
            return None
        if not message.get("more_body"):
            break
    return bytes(body)


async def _refuse(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Say that a body is too large, as vLLM says what is wrong, and end the connection: the rest of it is not read."""
    from starlette.responses import JSONResponse

    message = f"The body is larger than {LARGEST:,} bytes; no request needs that."
    error = {"message": message, "type": "BadRequestError", "param": None, "code": 413}
    await JSONResponse({"error": error}, 413, {"connection": "close"})(scope, receive, send)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Gives the body once, and then what the client does next: most of all, that it leaves."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again
