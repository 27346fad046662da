"""A built site of made-up runs, opened in a real browser over http and from disk."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from leaderboard.build import build
from steerbench.contracts.flags import Flag
from tests.leaderboard.made_up import method, run, write

BOARD = "boards/papi/sample.html"
HOSTILE = "<script>window.hacked = 1</script>"
IMAGE = '"><img src=x onerror="window.hacked = 1">'
FLAGS = [
    IMAGE,
    Flag("reasoning/like-a-constant", {"usual": HOSTILE, "share": 0.5}),
    Flag(IMAGE, {HOSTILE: IMAGE}),
]
"""As an older run has them, with a name filled in, and of a kind that nobody knows."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of two models on one board, one of them under the published protocol; one with hostile names."""
    folder = tmp_path_factory.mktemp("leaderboard")
    first = {
        "pas": method(2.0, flags=["20 % cut off at the token limit"]),
        "npti": method(2.5, p={"unsteered": 0.001, "always-3": 0.2}),
        "p2": method(2.7, p=0.2),
    }
    write(
        folder / "results",
        run("one", first),
        run("two", {"pas": method(1.5), "caa": method(3.5, p=0.001, difference=1.0)}, model="qwen", seconds=9.0),
        run("three", {"pas": method(1.0)}, protocol="published"),
        run("four", {HOSTILE: method(2.0), IMAGE: method(1.0, flags=FLAGS)}, model=HOSTILE, dataset="../up"),
    )
    build(folder / "results", folder / "site")
    return folder / "site"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(site: Path, kind: str) -> Iterator[str]:
    """The site's address with a slash, as a static host has it (http) and as a folder on disk."""
    if kind == "disk":
        yield f"{site.as_uri()}/"
        return
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module", params=["http", "disk"])
def address(request: pytest.FixtureRequest, site: Path) -> Iterator[str]:
    """Of a module that defines a `site` of its own, that one's."""
    with served(site, request.param) as found:
        yield found


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Any]:
    """Opens a page of the site; at the end, says what any of them complained of or asked of others."""
    complaints: list[str] = []
    contexts = []

    def open_page(path: str = BOARD, **options: Any) -> Any:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        # What a page still asked for when it was left is aborted; that is no failure.
        page.on("requestfailed", lambda r: "ABORTED" in r.failure or complaints.append(f"failed {r.url}"))
        page.on("request", lambda r: r.url.startswith(address) or complaints.append(f"asked {r.url}"))
        page.on("response", lambda r: r.status < 400 or complaints.append(f"{r.status} {r.url}"))
        page.goto(address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(params=[("light", 360), ("dark", 1360)], ids=["light, 360", "dark, 1360"])
def audited(request: pytest.FixtureRequest, browser: Any) -> Iterator[Any]:
    """A page of a theme and a width, on which `violations` may look."""
    pytest.importorskip("axe_playwright_python", reason="NOT TESTED FOR ACCESS: axe-playwright-python is not installed")
    scheme, width = request.param
    size = {"width": width, "height": 800}
    page = browser.new_context(bypass_csp=True, color_scheme=scheme, viewport=size).new_page()
    yield page
    page.context.close()


def violations(page: Any, within: str = "html") -> list[tuple[str, str, str]]:
    """What axe-core finds in the page as it stands: contrast, names, roles, headings."""
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("(within) => axe.run(within, {resultTypes: ['violations']})", within)["violations"]
    return [(page.url, violation["id"], violation["nodes"][0]["html"]) for violation in found]
