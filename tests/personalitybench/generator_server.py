"""A real HTTP server on the loopback that plays the generator: what it says follows from what it is asked.

Each question has a number, a hash of the prompt of its draft, which the draft and the revision carry on. What
the server does at which step is looked up by it.
"""

import hashlib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from steerbench import bank
from steerbench.contracts.targets import TRAITS
from tasks.personalitybench.construction import Slot
from tasks.personalitybench.question_prompts import draft_messages

BORROWED = "Honestly now: " + bank.questions("test", "N")[0].text
REPEATED = "You have been here before, have you not? What now?"
PROMPT_TOKENS, COMPLETION_TOKENS = 10, 5

Situation = Callable[[int], str]

# What a question meets: the calls it takes, and why it is dropped ("" if it is kept).
SITUATIONS = {
    "": (3, ""),
    "biased": (3, "leans to one end"),
    "mumbling once": (4, ""),
    "mumbling": (4, "no readable verdict of the bias filter"),
    "borrowed": (3, "8 consecutive words of the embedded bank"),
    "long": (2, "more than 120 words"),
    "silent once": (4, ""),
    "silent": (2, "the generator said nothing"),
    "thinking": (3, ""),
    "lost in thought": (2, "the generator said nothing"),
    "busy draft": (4, ""),
    "busy filter": (4, ""),
    "refused": (1, "refused by the server"),
    "repeated": (3, "a question there is already"),
}


def number_of(draft_prompt: str) -> int:
    return int(hashlib.sha256(draft_prompt.encode()).hexdigest()[:12], 16)


@dataclass
class GeneratorServer:
    """`situation` names what a question of that number meets; "" if nothing.

    `asked` holds (step, number) of every request, `keys` what was sent as the key; `pause` is in seconds.
    """

    situation: Situation = lambda _: ""
    pause: float = 0.0
    url: str = ""
    asked: list[tuple[str, int]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, messages: list[dict[str, str]]) -> tuple[int, str]:
        """Status and text."""
        first = next(message["content"] for message in messages if message["role"] == "user")
        step = "revision" if "<draft>" in first else "filter" if "<question>" in first else "draft"
        number = number_of(first) if step == "draft" else int(_found(r"case (\d+)", first) or 0)
        with self.lock:
            self.asked.append((step, number))
            times = self.asked.count((step, number))
        time.sleep(self.pause)
        situation = self.situation(number)
        if situation == f"busy {step}" and times == 1:
            return 500, "overloaded"
        if situation == "down":
            return 503, "down"
        if situation == "refused":
            return 400, "content filter"
        return 200, getattr(self, f"_{step}")(number, situation, times, messages)

    def _draft(self, number: int, situation: str, times: int, _: object) -> str:
        if situation == "silent" or (situation == "silent once" and times == 1):
            return ""
        if situation == "lost in thought":
            return f"<think>Case {number}, do you run?"
        return f"{_thoughts(situation)}Draft question: case {number}, do you run?"

    def _revision(self, number: int, situation: str, times: int, _: object) -> str:
        said = {"borrowed": BORROWED, "repeated": REPEATED, "long": f"You see case {number} " + "and more " * 60}
        # Those that carry no number of their own get it back by the draft; the filter sees it as 0.
        question = said.get(situation) or f"You come upon case {number}. What do you do?"
        return f'{_thoughts(situation)}"{question}"'

    def _filter(self, number: int, situation: str, times: int, messages: list[dict[str, str]]) -> str:
        if situation == "biased":
            return "Yes."
        if situation == "mumbling" or (situation == "mumbling once" and len(messages) == 1):
            return "It depends on the reader."
        return f"{_thoughts(situation)}No, it does not lean."

    def drafts(self) -> Counter[int]:
        return Counter(number for step, number in self.asked if step == "draft")


@contextmanager
def generator_server(situation: Situation = lambda _: "", pause: float = 0.0) -> Iterator[GeneratorServer]:
    state = GeneratorServer(situation, pause)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def _handler(state: GeneratorServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # headers and body in one packet; in two, the second waits for 40 ms

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.keys.add(self.headers["Authorization"].removeprefix("Bearer "))
            status, text = state.answer(body["messages"])
            content: dict[str, Any] = {"error": {"message": text}}
            if status == 200:
                message = {"role": "assistant", "content": text}
                usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS}
                content = {"choices": [{"index": 0, "message": message}], "usage": usage}
            encoded = json.dumps(content).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(encoded)))
                self.end_headers()
                self.wfile.write(encoded)
                self.wfile.flush()
            except OSError:
                self.close_connection = True  # the one who asked was killed

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _thoughts(situation: str) -> str:
    return "<think>Yes, case 0? No.</think>\n\n" if situation == "thinking" else ""


def _found(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match[1] if match else None


def situation(number: int) -> str:
    return list(SITUATIONS)[number % len(SITUATIONS)]


def number(slot: Slot) -> int:
    return number_of(draft_messages(TRAITS[slot.trait], slot.facet, slot.statements, slot.topic)[1][1])


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line] if path.exists() else []
