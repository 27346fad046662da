"""Moves a request's steering and strength from its JSON body to a field that vLLM passes to its engine."""

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
"""Most bytes of a request's body; the longest conversation that a model can read is far smaller."""
DEEPEST = 100
"""Most levels of nesting in a body; tools and grammars have about ten."""


class SteeringMiddleware:
    """The value of vLLM's `--middleware`: installs `Steerable` before the application's endpoints at start.

    vLLM runs middleware before it checks API keys, but names of steerings must be shown only after that check.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            served = scope["app"]
            served.router.middleware_stack = Steerable(served.router.middleware_stack, served.state.args.steerings)
        await self.app(scope, receive, send)


class Steerable:
    """Takes `steering` and `strength` from bodies of chat and text completions; refuses them at other endpoints."""

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
        """The body for vLLM; unchanged unless it requests a steering.

        Raises:
            VLLMValidationError: the request for a steering is invalid.
        """
        from vllm.exceptions import VLLMValidationError

        if is_deeper(raw, DEEPEST):
            raise VLLMValidationError(f"The body is nested more than {DEEPEST} levels deep; no request needs that.")
        try:
            body = json.loads(raw)
        except (json.JSONDecodeError, UnicodeDecodeError):
            return raw  # vLLM reports the error
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
    """A request's body with its steering in the field that vLLM passes on; unchanged if it requests none.

    Raises:
        UserError: there is no such steering, this endpoint does not support it, or the strength is invalid.
    """
    arguments = body.get("vllm_xargs") or {}
    if isinstance(arguments, dict) and any(name.startswith(CONFIG) for name in arguments):
        raise UserError("Request a steering with the fields 'steering' and 'strength', not with 'vllm_xargs'.")
    name, strength = body.get("steering"), body.get("strength")
    if name is None and strength is None:
        return body
    if path not in (CHAT, TEXT):
        raise UserError(f"Steering is supported at {CHAT} and {TEXT}, not at {path}.")
    if name is None:
        raise UserError("A strength was given without a steering; name one in the field 'steering'.")
    served, strength = catalogue.named(name), read_strength(1.0 if strength is None else strength)
    rest = {key: value for key, value in body.items() if key not in ("steering", "strength")}
    if strength == 0:
        return rest
    if body.get("use_beam_search"):
        raise UserError("Beam search does not support steering; leave one of the two out.")
    if served.message:
        if path == TEXT:
            raise UserError(
                f"The steering '{name}' has a prompt, which plain text completions do not support; use {CHAT}."
            )
        rest["messages"] = opened(served.message, rest.get("messages"))
    return {**rest, "vllm_xargs": {**arguments, NAME: name, STRENGTH: strength}}


def opened(message: str, messages: Any) -> Any:
    """A conversation with a steering's prompt first; an existing system message is appended to it."""
    if not isinstance(messages, list):
        return messages  # vLLM reports the error
    first = messages[0] if messages and isinstance(messages[0], dict) else {}
    if first.get("role") not in ("system", "developer"):
        return [{"role": "system", "content": message}, *messages]
    content = first.get("content")
    if isinstance(content, list):
        return [{**first, "content": [{"type": "text", "text": message}, *content]}, *messages[1:]]
    if not isinstance(content, str | None):
        return messages  # as above
    return [{**first, "content": before(message, content or "")}, *messages[1:]]


async def _whole(scope: MutableMapping[str, Any], receive: Receive) -> bytes | None:
    """A request's body; partial if the client disconnected. None if it is too large."""
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
    """Send an error in vLLM's format, that the body is too large, and close the connection without reading the rest."""
    from starlette.responses import JSONResponse

    message = f"The body is larger than {LARGEST:,} bytes; no request needs that."
    error = {"message": message, "type": "BadRequestError", "param": None, "code": 413}
    await JSONResponse({"error": error}, 413, {"connection": "close"})(scope, receive, send)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A receive function that gives the body once, then the client's later events, such as a disconnect."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again
