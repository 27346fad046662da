"""An OpenAI-compatible server on loopback that fails as told, and remembers what it was asked and what it said.

A request is known by the word `case-N` in its last message. Each case has a script: the steps of its first
calls; the last step is repeated for every further call. A case without a script is answered well.
"""

import json
import math
import re
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from types import TracebackType
from typing import Any

from tests.judges.hostile_answers import IMPOSSIBLE, LIES, MESSAGES, UNTOLD, send

KEY = "sk-secret-0123456789"
STALL = 20.0
"""Seconds: longer than any client in the tests has patience."""
PROMPT_TOKENS, COMPLETION_TOKENS = 100, 7


def meant(case: int) -> int:
    """The rating that the server has in mind for a case."""
    return 1 + case * 7 % 5


def expected(case: int) -> float:
    """The expectation that its log-probabilities come to: 0.75 on the rating, 0.25 on the one below (or above 1)."""
    digit = meant(case)
    return 0.75 * digit + 0.25 * (digit - 1 if digit > 1 else 2)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    """On a busy machine more than the usual five wait to be let in; who is not asks again, and is counted twice."""
    visitors = 0
    """Connections that were made, whatever came of them."""

    def get_request(self) -> Any:
        self.visitors += 1
        return super().get_request()


class FaultyServer:
    """`with FaultyServer(scripts) as server:`, then ask `server.url` with the key KEY.

    `calls` holds, per case, the time and the step of every request that arrived; `bodies` all that was asked.
    `elsewhere` is where its redirects point.
    """

    def __init__(
        self,
        scripts: Mapping[int, Sequence[str]] | None = None,
        *,
        refuses: Sequence[str] = (),
        delay: float = 0.0,
        elsewhere: str = "http://localhost:1/v1",
    ) -> None:
        self.scripts, self.refuses, self.delay = scripts or {}, refuses, delay
        self.elsewhere = elsewhere
        self.calls: dict[int, list[tuple[float, str]]] = defaultdict(list)
        self.bodies: list[dict[str, Any]] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.http = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def __enter__(self) -> "FaultyServer":
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.closing.set()
        self.http.shutdown()
        self.http.server_close()

    def step(self, case: int) -> str:
        """What the case's next call gets; counts it."""
        with self.lock:
            script = self.scripts.get(case, ("ok",))
            said = script[min(len(self.calls[case]), len(script) - 1)]
            self.calls[case].append((time.time(), said))
            return said

    def waits(self, case: int) -> list[float]:
        """Seconds between the case's calls."""
        times = [at for at, _ in self.calls[case]]
        return [later - earlier for earlier, later in pairwise(times)]


class _Handler(BaseHTTPRequestHandler):
    owner: FaultyServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        named = re.search(r"case-(\d+)", body["messages"][-1]["content"])
        case = int(named[1]) if named else 0
        step = self.owner.step(case)
        with self.owner.lock:
            self.owner.bodies.append(body)
            self.owner.at_once += 1
            self.owner.most_at_once = max(self.owner.most_at_once, self.owner.at_once)
        try:
            self.owner.closing.wait(self.owner.delay)
            self.answer(case, step, body)
        except OSError:  # the client went away
            self.close_connection = True
        finally:
            with self.owner.lock:
                self.owner.at_once -= 1

    def answer(self, case: int, step: str, body: Mapping[str, Any]) -> None:
        sent_key = self.headers["Authorization"].removeprefix("Bearer ")
        if self.path != "/v1/chat/completions":
            self.fail(404, f"no such path {self.path}")
        elif sent_key != KEY or step == "wrong key":
            self.fail(401, f"Incorrect API key provided: {sent_key}")
        elif refused := [wish for wish in self.owner.refuses if wish in body]:
            self.fail(400, f"Unsupported parameter: '{refused[0]}' is not supported with this model.")
        elif step == "stall":
            self.owner.closing.wait(STALL)
            self.close_connection = True
        elif step == "drip":  # never silent for long, never done
            self.reply(200, b" ", length=10**6)
            while not self.owner.closing.wait(0.05):
                self.wfile.write(b" ")
        elif step == "close":
            self.close_connection = True
        else:
            self.send(step, self.completion(step, case, body))

    def completion(self, step: str, case: int, body: Mapping[str, Any]) -> bytes:
        digit = str(meant(case))
        usage: Any = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS}
        if step in LIES:
            usage = dict.fromkeys(usage, LIES[step])
        if step in MESSAGES:
            message = dict(MESSAGES[step](digit))
            finish = message.pop("finish_reason", "stop")
            whole = message["content"] or ""
        else:
            whole = self.text(step, digit)
            message, finish = {"content": whole}, "stop"
        logprobs = None
        if body.get("logprobs") and f"[[{digit}]]" in whole:
            logprobs = _logprobs(whole, digit, IMPOSSIBLE.get(step))
        choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}
        told = {"choices": [{**choice, "logprobs": logprobs}], "usage": None if step == UNTOLD else usage}
        return json.dumps(told).encode()

    def text(self, step: str, digit: str) -> str:
        return {
            "no rating": "I would rather not say.",
            "seven": "Splendid.\nRating: [[7]]",
            "empty": "",
            "key": f"You are {KEY}.\nRating: [[{digit}]]",
        }.get(step, f"It shows.\nRating: [[{digit}]]")

    def send(self, step: str, good: bytes) -> None:
        if send(step, self, good, self.owner.elsewhere):
            self.close_connection = True
        elif step == "truncated":  # a body as long as announced, that ends in the middle of its JSON
            self.reply(200, good[: len(good) // 2])
        elif step == "cut off":  # less than announced
            self.reply(200, good[: len(good) // 2], length=len(good))
            self.close_connection = True
        elif step == "refused surrogate":
            self.fail(400, "\ud83d\x1b no")
        elif step == "html":
            self.reply(200, b"<html><body>Welcome to the proxy</body></html>", kind="text/html")
        elif step.startswith("429"):
            self.fail(429, "slow down", _wait_header(step.removeprefix("429").strip()))
        elif step == "no credit":
            self.fail(429, "You exceeded your current quota", code="insufficient_quota")
        elif step.isdigit():
            self.fail(int(step), f"status {step} as told; you sent {self.headers['Authorization']}")
        else:
            self.reply(200, good)

    # What `hostile_answers.Wire` asks for.

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def write(self, part: bytes) -> None:
        self.wfile.write(part)

    def until_closed(self) -> bool:
        return self.owner.closing.wait(0.05)

    def fail(
        self, status: int, message: str, headers: Mapping[str, str] | None = None, code: str | None = None
    ) -> None:
        self.reply(status, json.dumps({"error": {"message": message, "code": code}}).encode(), headers=headers)

    def reply(
        self,
        status: int,
        body: bytes,
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        self.head(status, {"Content-Type": kind, "Content-Length": str(length or len(body)), **(headers or {})})
        self.wfile.write(body)


def _wait_header(told: str) -> dict[str, str]:
    """ "1.5": so many seconds; "date 2": a date so far ahead, in whole seconds; "ms 300"; "": no header."""
    form, _, amount = told.rpartition(" ")
    if form == "date":
        return {"Retry-After": formatdate(time.time() + float(amount), usegmt=True)}
    if form == "ms":
        return {"retry-after-ms": amount}
    return {"Retry-After": told} if told else {}


def _logprobs(text: str, digit: str, impossible: float | None = None) -> dict[str, Any]:
    """The text as tokens: what is before the digit, the digit (0.6, its neighbour 0.2, "the" 0.2), what is after.

    An `impossible` log-probability stands in the place of those of the digit and its rivals.
    """
    before, after = text[: text.rindex(digit)], text[text.rindex(digit) + 1 :]
    neighbour = str(int(digit) - 1) if digit > "1" else "2"
    at_digit = [(digit, math.log(0.6)), (neighbour, math.log(0.2)), ("the", math.log(0.2))]
    if impossible is not None:
        at_digit = [(token, impossible) for token, _ in at_digit]
    positions = [(before, [(before, 0.0), ("x", -9.0)]), (digit, at_digit), (after, [(after, 0.0), ("y", -9.0)])]
    return {
        "content": [
            {
                "token": token,
                "logprob": listed[0][1],
                "bytes": None,
                "top_logprobs": [{"token": t, "logprob": lp, "bytes": None} for t, lp in listed],
            }
            for token, listed in positions
        ]
    }
