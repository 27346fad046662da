"""Builds the site: reads the published runs, renders every page, and replaces the folder in one step."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from leaderboard.boards import boards_of
from leaderboard.bundle import vega
from leaderboard.documentation import read_documentation
from leaderboard.frame import File
from leaderboard.links import parquet_of
from leaderboard.pages import about, api, board, compare, documents, home, methods, run, samples, speed, tradeoff
from leaderboard.reading import read_results
from leaderboard.site import Site
from leaderboard.speed import read_speeds
from leaderboard.tradeoffs import doses_of, read_tradeoffs
from steerbench.errors import UserError
from steerbench.publishing.schema import SAMPLES
from steerbench.storage.files import understandable
from steerbench.storage.folders import whole_folder

MARKER = ".steerbench-site"
"""A file in every built folder, so that no other folder is ever replaced."""


@dataclass(frozen=True)
class BuiltSite:
    runs: int
    boards: int


def build(results: Path, out: Path, timings: Path | None = None, docs: Path | None = None) -> BuiltSite:
    """Builds the site in the folder `out`, from the published runs under `results`, timings, and the documentation.

    Raises:
        UserError: a run or timing cannot be read, or `out` exists and is not a site.
    """
    _check_replaceable(out)
    out = out.absolute()  # "." has no name
    runs = read_results(results)
    tradeoffs = read_tradeoffs(results, runs)
    speeds = read_speeds(timings) if timings else []
    documentation = read_documentation(docs) if docs else None
    site = Site(results, runs, boards_of(runs, doses_of(tradeoffs)), speeds, tradeoffs, documentation)
    # An empty folder is filled and not replaced: it may be the current one, or the only place with write permission.
    fill = out.is_dir() and not any(out.iterdir())
    with understandable(out), _filled(out) if fill else whole_folder(out) as new:
        _write(new, site)
    return BuiltSite(len(site.runs), len(site.boards))


def pages(site: Site) -> Iterator[File]:
    """Every file of the site except static ones; a new page adds its line here."""
    yield from home.files(site)
    yield from board.files(site)
    yield from run.files(site)
    yield from methods.files(site)
    yield from samples.files(site)
    yield from compare.files(site)
    yield from about.files(site)
    yield from speed.files(site)
    yield from tradeoff.files(site)
    yield from api.files(site)
    yield from documents.files(site)


def _write(folder: Path, site: Site) -> None:
    for file in pages(site):
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise UserError(f"Two pages of the site have the path {file.path}; rename the task or dataset of one.")
        # Text that UTF-8 cannot encode (lone surrogates) is shown as a question mark.
        path.write_text(file.content, encoding="utf-8", errors="replace")
    for published in site.runs:
        shutil.copyfile(site.results / published.id / SAMPLES, folder / parquet_of(published))
    if site.documentation is not None:
        for picture in site.documentation.pictures:
            (folder / picture).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(site.documentation.root / picture, folder / picture)
    with as_file(files("leaderboard") / "static") as static:
        shutil.copytree(static, folder / "static")
    (folder / "static" / "vega.js").write_text(vega(), encoding="utf-8")
    (folder / MARKER).touch()
    folder.chmod(0o755)


def _check_replaceable(out: Path) -> None:
    if out.exists() and not (out / MARKER).exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out} exists and is not a site of steerbench; name another folder with --out.")


@contextmanager
def _filled(out: Path) -> Iterator[Path]:
    """Yields a folder whose content is moved into the empty `out`, if there was no error.

    The marker is moved first, so that the next build can replace the folder if this one is interrupted.
    """
    new = Path(tempfile.mkdtemp(prefix=".building-", dir=out))
    try:
        yield new
        for path in sorted(new.iterdir(), key=lambda path: path.name != MARKER):
            path.rename(out / path.name)
    finally:
        shutil.rmtree(new, ignore_errors=True)
