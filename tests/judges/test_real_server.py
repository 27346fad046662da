"""The judge `llm` against a real OpenAI-compatible server: `transformers serve` with the default model, on loopback."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from judges.llm import LLM, UNREADABLE
from steerbench.contracts import Case
from steerbench.errors import UserError
from steerbench.models.embedded import ensure_embedded
from steerbench.openai_client.completion import CUT

STARTING = 100.0
"""Seconds that the server may take to load its model."""
CASES = [
    Case("trait", "extraversion", "How was the party?", "Wonderful! I danced and talked with everybody till dawn."),
    Case("trait", "extraversion", "How was the party?", "I stayed at home with a book, as I always do."),
    Case("fluency", "fluency", "How was the party?", "It was pleasant, though the music was too loud for talking."),
    Case("fluency", "fluency", "How was the party?", "party the the was loud loud loud was the the"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a server that is stopped whatever happens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    log = tmp_path_factory.mktemp("server") / "log.txt"
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(ensure_embedded())]
    options = ["--host", "127.0.0.1", "--port", port, "--device", "cpu", "--dtype", "bfloat16"]
    surroundings = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    with log.open("wb") as said:
        process = subprocess.Popen([*command, *options], stdout=said, stderr=said, env=surroundings)
        try:
            _wait_until_up(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTING
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"transformers serve did not start:\n{log.read_text(errors='replace')[-3000:]}")


@pytest.fixture
def model() -> str:
    return str(ensure_embedded())


def test_every_case_is_rated_or_unscored_with_a_reason_and_its_tokens_are_counted(server: str, model: str) -> None:
    judge = LLM(model, base_url=server, concurrency=2, max_tokens=60, timeout=60.0, price_in=1.0, price_out=2.0)
    verdicts = {place: verdict for batch in judge.rate(CASES, None) for place, verdict in batch.items()}
    assert sorted(verdicts) == [0, 1, 2, 3]
    assert len({verdict.details["reply"] for verdict in verdicts.values()}) > 1
    for verdict in verdicts.values():
        if verdict.rating is None:
            assert verdict.unscored in (UNREADABLE, CUT)
            assert verdict.usage.calls == 2
        else:
            assert verdict.rating in (1, 2, 3, 4, 5)
            assert f"[[{verdict.rating:.0f}]]" in verdict.details["reply"]
        usage = verdict.usage
        assert usage.prompt_tokens > 200 * usage.calls
        assert 0 < usage.completion_tokens <= 60 * usage.calls
        assert usage.cost == pytest.approx((usage.prompt_tokens + 2 * usage.completion_tokens) / 1e6)


def test_what_a_real_server_says_of_a_wrong_address_reaches_the_user(server: str, model: str) -> None:
    with pytest.raises(UserError, match=r"correct the address"):
        list(LLM(model, base_url=f"{server}/elsewhere").rate(CASES[:1], None))
