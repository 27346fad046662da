"""A built site of made-up runs, opened in a real browser over http and from disk."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from leaderboard.build import build
from tests.leaderboard.made_up import method, run, write

HOSTILE = "<script>window.hacked = 1</script>"
IMAGE = '"><img src=x onerror="window.hacked = 1">'


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of two models on one board, one of them under the published protocol; one with hostile names."""
    folder = tmp_path_factory.mktemp("leaderboard")
    first = {
        "pas": method(2.0, flags=["20 % cut off at the token limit"]),
        "npti": method(2.5, p={"unsteered": 0.001, "always-3": 0.2}, flags=["not better than always-3"]),
    }
    write(
        folder / "results",
        run("one", first),
        run("two", {"pas": method(1.5), "caa": method(3.5, p=0.001, difference=1.0)}, model="qwen", seconds=9.0),
        run("three", {"pas": method(1.0)}, protocol="published"),
        run("four", {HOSTILE: method(2.0), IMAGE: method(1.0, flags=[IMAGE])}, model=HOSTILE, dataset="../up"),
    )
    build(folder / "results", folder / "site")
    return folder / "site"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session", params=["http", "disk"])
def address(request: pytest.FixtureRequest, site: Path) -> Iterator[str]:
    """The site's address with a slash, as a static host has it and as a folder on disk."""
    if request.param == "disk":
        yield f"{site.as_uri()}/"
        return
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
