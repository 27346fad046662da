"""`REPOSITORY:FILE.gguf` is fetched from a hub (here a server on the loopback) and converted like a file."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from steerbench.models.gguf_source import on_hub
from tests.models.gguf_files import tiny_gguf

PROGRAM = (
    "import sys; from steerbench.models.source import model_folder; from steerbench.errors import UserError\n"
    "try: print(model_folder(sys.argv[1])[0])\n"
    "except UserError as error: print(error)"
)


@dataclass
class Hub:
    """One repository, someone/tiny-GGUF, with one file."""

    content: bytes
    url: str = ""
    sent: list[str] = field(default_factory=list)


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, body: bool) -> None:
            here = self.path.startswith("/someone/tiny-GGUF/resolve/")
            if not here or not self.path.endswith("/tiny.gguf"):
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound" if here else "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha256(hub.content).hexdigest()}"')
            self.send_header("X-Repo-Commit", "0123456789" * 4)
            self.send_header("Content-Length", str(len(hub.content)))
            self.end_headers()
            if body:
                hub.sent.append(self.path)
                self.wfile.write(hub.content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    tiny_gguf(tmp_path / "tiny.gguf")
    state = Hub((tmp_path / "tiny.gguf").read_bytes())
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    state.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


def told(spec: str, hub: Hub, tmp_path: Path, **environment: str) -> str:
    """What a new process says of a model: its folder, or a sentence. The hub's address is read when it is imported."""
    paths = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "STEERBENCH_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-c", PROGRAM, spec]
    ended = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **paths, **environment}, check=True
    )
    return ended.stdout.strip()


def test_a_file_on_the_hub_is_fetched_once_converted_once_and_is_here_offline(hub: Hub, tmp_path: Path) -> None:
    spec, digest = "someone/tiny-GGUF:tiny.gguf", hashlib.sha256(hub.content).hexdigest()
    folder = told(spec, hub, tmp_path)
    assert folder == str(tmp_path / "cache" / "models" / "gguf-1" / digest)
    assert told(str(tmp_path / "tiny.gguf"), hub, tmp_path) == folder
    assert told(spec, hub, tmp_path, HF_HUB_OFFLINE="1") == folder
    assert len(hub.sent) == 1


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            "someone/tiny-GGUF:other.gguf",
            "The repository 'someone/tiny-GGUF' on Hugging Face has no file 'other.gguf'.",
        ),
        ("nobody/nothing:tiny.gguf", "There is no model 'nobody/nothing': it is no folder here, no repository"),
    ],
)
def test_what_the_hub_does_not_have_is_named(hub: Hub, tmp_path: Path, spec: str, said: str) -> None:
    assert told(spec, hub, tmp_path).startswith(said)


def test_which_names_are_files_on_the_hub() -> None:
    assert on_hub("Qwen/Qwen2.5-0.5B-Instruct-GGUF:a.gguf") == ("Qwen/Qwen2.5-0.5B-Instruct-GGUF", "a.gguf")
    assert on_hub("owner/repo:folder/a-Q8_0.GGUF") == ("owner/repo", "folder/a-Q8_0.GGUF")
    for spec in ("owner/repo", "owner/repo:a.bin", "C:\\a.gguf", "repo:a.gguf", "/tmp/owner/repo:a.gguf", "a.gguf"):
        assert on_hub(spec) is None
