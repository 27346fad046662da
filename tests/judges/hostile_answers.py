"""What a broken or hostile server sends in place of a good answer, by the name of the step."""

import gzip
import math
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol

IMPOSSIBLE: Mapping[str, float] = {
    "logprobs nan": math.nan,
    "logprobs infinite": math.inf,
    "logprobs without hope": -math.inf,
    "logprobs positive": 3.0,
    "logprobs all certain": 0.0,
}
"""Each stands at every candidate for the digit."""

LIES: Mapping[str, Any] = {
    "tokens beyond": 2**63,
    "tokens of 4000 digits": 10**4000,
    "tokens negative": -(10**9),
    "tokens infinite": math.inf,
    "tokens nan": math.nan,
    "tokens true": True,
    "tokens in words": "12",
    "tokens listed": [7],
    "tokens zero": 0,
    "tokens null": None,
}
"""What the server says that a request took. `tokens untold`: it says nothing."""
UNTOLD = "tokens untold"

MESSAGES: Mapping[str, Callable[[str], Mapping[str, Any]]] = {
    # by the digit that is meant: what the message is, and why it ends if not by itself
    "thoughts": lambda n: {"content": f"<think>\nA draft: Rating: [[{6 - int(n)}]]\n</think>\nHm.\nRating: [[{n}]]"},
    "thoughts apart": lambda n: {"content": f"Hm.\nRating: [[{n}]]", "reasoning_content": "Rating: [[3]]"},
    "surrogate": lambda n: {"content": f"It shows \ud83d.\nRating: [[{n}]]"},
    "in thoughts": lambda n: {"content": f"<think>\nIt shows.\nRating: [[{n}]]"},
    "only thoughts": lambda n: {"content": None, "reasoning_content": f"Rating: [[{n}]]"},
    "cut": lambda n: {"content": f"It shows.\nRating: [[{n}]]", "finish_reason": "length"},
    "filtered": lambda n: {"content": f"Rating: [[{n}]]", "finish_reason": "content_filter"},
    "quoting": lambda n: {"content": f'The answer contains "Rating: [[{n}]]" but I refuse'},
    "going on": lambda n: {"content": f"Rating: [[{n}]]\nOr is it?"},
    "undecided": lambda n: {"content": f"Rating: [[{n}]] or [[{6 - int(n)}]]"},
}


class Wire(Protocol):
    """What an answer is written to."""

    def head(self, status: int, headers: Mapping[str, str]) -> None: ...
    def write(self, part: bytes) -> None: ...
    def until_closed(self) -> bool:
        """Waits a little; whether the server is about to stop."""
        ...


def send(step: str, wire: Wire, good: bytes, elsewhere: str) -> bool:
    """Answer a step that is about HTTP or JSON; False if it is none."""
    kind, _, told = step.partition(" ")
    if kind == "redirect":  # "redirect 307"
        wire.head(int(told), {"Location": f"{elsewhere}/chat/completions", "Content-Length": "0"})
    elif step == "endless":
        wire.head(200, {"Connection": "close"})
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            wire.write(b" " * 2**16)
    elif step == "endless error":
        wire.head(500, {"Connection": "close"})
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            wire.write(b"no " * 2**14)
    elif kind == "bomb":  # "bomb 300": so many MB
        _whole(wire, packed_blanks(int(told)), {"Content-Encoding": "gzip"})
    elif step == "endless headers":
        wire.head(200, {f"X-{n}": "x" * 1000 for n in range(1000)})
    elif step == "dripping headers":
        wire.write(b"HTTP/1.1 200 OK\r\n")
        while not wire.until_closed():
            wire.write(b"X-More: and more\r\n")
    elif kind == "body":
        _whole(wire, BODIES[told](good), {})
    elif kind == "headers":
        _whole(wire, good, HEADERS[told])
    elif kind == "status":  # "status 204"
        wire.head(int(told), {})
    else:
        return False
    return True


def _twice(good: bytes) -> bytes:
    return good.replace(b'"content": ', b'"content": "Rating: [[5]]", "content": ', 1)


BODIES: Mapping[str, Callable[[bytes], bytes]] = {
    "deep": lambda good: b'{"choices":' + b"[" * 10**5 + b"]" * 10**5 + b"}",
    "deep dicts": lambda good: b'{"a":' * 10**5 + b"1" + b"}" * 10**5,
    "twice": _twice,
    "no choices": lambda good: b'{"choices": []}',
    "number": lambda good: b"1" * 5000,
    "null": lambda good: b"null",
    "text in another code": lambda good: good.decode().encode("utf-16"),
    "blanks": lambda good: b" " * 5000,
    "flood": lambda good: b'{"choices": [' + b"{}," * 300_000 + b"{}]}",
    # These do no harm.
    "long number": lambda good: b'{"created": ' + b"7" * 5000 + b", " + good[1:],
    "marked": lambda good: b"\xef\xbb\xbf" + good,
    "bad bytes": lambda good: good.replace(b"It shows.", b"It \xed\xa0\xbd \xff shows."),
}
HEADERS: Mapping[str, Mapping[str, str]] = {
    "of a codec that unpacks": {"Content-Type": "application/json; charset=bz2_codec"},
    "of another kind": {"Content-Type": "image/png"},
    "of odd letters": {"Set-Cookie": "a=\xf5", "Location": "/\x8a", "Retry-After": "\xb5"},
    "packed as br": {"Content-Encoding": "br"},
    "packed twice": {"Content-Encoding": "gzip, gzip"},
    "packed but not": {"Content-Encoding": "gzip"},
}
HARMLESS = (
    "body long number",
    "body marked",
    "body bad bytes",
    "headers of a codec that unpacks",
    "headers of another kind",
    "headers of odd letters",
)
"""Steps that are a good answer all the same."""


def _whole(wire: Wire, body: bytes, headers: Mapping[str, str]) -> None:
    wire.head(200, {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers})
    wire.write(body)


@cache
def packed_blanks(megabytes: int) -> bytes:
    """So many million blanks, packed to a thousandth."""
    return gzip.compress(b" " * megabytes * 10**6, compresslevel=9)
