"""A real HTTP server on the loopback that can be told to misbehave."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from steerbench.datasets.registry import DataFile, Dataset

CONTENT = np.random.default_rng(7).bytes(300_000)


@dataclass
class Origin:
    """What the server does: fail the first `failures` requests with 503, send at most `cut` bytes of each answer."""

    url: str = ""
    path: str = "/data.bin"
    content: bytes = CONTENT
    failures: int = 0
    cut: int | None = None
    ranges: bool = True
    asked: list[str] = field(default_factory=list)

    def file(self, path: str = "folder/data.bin", **changes: object) -> DataFile:
        fields = {"path": path, "url": self.url, "sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}
        return DataFile.model_validate(fields | changes)

    def file_by_blob(self, blob: str) -> DataFile:
        """The same file, of which only git's id is known."""
        return self.file(sha256=None, size=None, git_blob=blob)

    def dataset(self, **changes: object) -> Dataset:
        return Dataset(
            name="tested", what="", licence="", homepage="", folder="tested_folder", files=(self.file(**changes),)
        )


def _handler(origin: Origin) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            origin.asked.append(asked)
            if len(origin.asked) <= origin.failures:
                return self.send_error(503)
            if self.path != origin.path:
                return self.send_error(404)
            first, last = 0, len(origin.content) - 1
            if asked and origin.ranges:
                edges = asked.removeprefix("bytes=").split("-")
                first, last = int(edges[0]), min(int(edges[1] or last), last)
                if first > last:
                    return self.send_error(416)
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(origin.content)}")
            else:
                self.send_response(200)
            body = origin.content[first : last + 1]
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: origin.cut])
            return None

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A server that behaves until told otherwise."""
    with serving(Origin()) as state:
        yield state


@contextmanager
def serving(state: Origin) -> Iterator[Origin]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    state.url = f"http://127.0.0.1:{server.server_port}{state.path}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()
