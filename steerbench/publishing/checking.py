"""Checks published runs from anyone: their form, their identity, and every number by recomputation.

Nothing in a run is executed. The check shows that the numbers follow from the samples and the samples fit the task.
Whether a model really gave the answers can only be tested by running the command again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from steerbench.errors import UserError
from steerbench.publishing.answers import wrong_answers
from steerbench.publishing.completeness import wrong_samples
from steerbench.publishing.form import wrong_form, wrong_task
from steerbench.publishing.known_weights import mark
from steerbench.publishing.making import RebuiltPlan, absent, made
from steerbench.publishing.planned import unplanned
from steerbench.publishing.plausibility import implausible
from steerbench.publishing.reading import read_whole, readable, weighed
from steerbench.publishing.rebuilding import rebuilt
from steerbench.publishing.recomputation import Rows, differing, rescored
from steerbench.publishing.samples import AskedItems, Place, asked_of
from steerbench.publishing.schema import PUBLISHED, SAMPLES, Published
from steerbench.publishing.settings import wrong_points, wrong_settings
from steerbench.publishing.steered import wrong_edits, wrong_sameness
from steerbench.publishing.verdict_checking import repeated_in_verdicts, unrated_here, wrong_verdicts
from steerbench.storage.files import understandable


@dataclass(frozen=True)
class Report:
    """The number of checked folders, a sentence for each problem, and what could not be verified."""

    folders: int
    problems: list[str]
    unverified: list[str] = field(default_factory=list)


def check(place: Path) -> Report:
    """Checks every published run in a folder, or the published run that the folder is.

    Raises:
        UserError: there is no such folder.
    """
    if not place.is_dir():
        raise UserError(f"There is no folder {place} with published runs.")
    folders = folders_in(place)
    report, heavy = Report(len(folders), []), weighed(folders)
    for folder in folders:
        report.problems.extend(problems(folder, report.unverified, heavy))
    return report


def folders_in(place: Path) -> list[Path]:
    """The folder itself if it is a published run, otherwise the runs in it."""
    if (place / PUBLISHED).exists():
        return [place]
    with understandable(place):
        entries = sorted(place.iterdir())
    # Hidden folders are skipped: an interrupted publication leaves one.
    return [e for e in entries if not e.name.startswith(".") and (e.is_dir() or e.is_symlink())]


def problems(
    folder: Path, unverified: list[str] | None = None, heavy: Mapping[Path, str] = MappingProxyType({})
) -> list[str]:
    """All problems of one published run. An unreadable part hides the problems after it.

    What could not be verified here, without being wrong, is added to `unverified`. `heavy` is as in `read_whole`.
    """
    told = []
    try:
        published, samples = read_whole(folder, heavy)
        for file, sentence in disagreements(published, samples):
            told.append(f"{folder.name}/{file}: {sentence}")
        if unverified is not None:
            unverified += [readable(f"{folder.name}: {one}") for one in _unverified(published)]
    except UserError as error:
        sentence = str(error)
        told.append(sentence if sentence.startswith(str(folder)) else f"{folder.name}: {sentence}")
    except Exception as error:  # untrusted numbers may fail anywhere; the other runs are checked all the same
        told.append(f"{folder.name}: cannot be recomputed ({error!r}).")
    return [readable(one) for one in told]


def disagreements(published: Published, samples: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Contradictions within a published run: the file, and what is wrong with it.

    Raises:
        UserError: its task cannot be rebuilt, or an answer cannot be scored.
    """
    yield from ((PUBLISHED, one) for one in wrong_form(published))
    task = rebuilt(published.plan)
    yield from ((PUBLISHED, one) for one in (*wrong_task(published, task), *implausible(published, task)))
    parts = made(published, task)
    yield from ((PUBLISHED, one) for one in (*unplanned(published, parts), *wrong_points(published, parts)))
    task.unseal()
    asked = asked_of(task)
    if incomplete := list(wrong_samples(published, task, asked, samples)):
        yield from ((SAMPLES, one) for one in incomplete)
        return
    rows = _rows(samples)
    yield from ((SAMPLES, one) for one in _of_answers(published, parts, asked, rows))
    yield from ((PUBLISHED, one) for one in differing(published, task, rows, rescored(published, task, asked, rows)))


def _of_answers(published: Published, parts: RebuiltPlan, asked: AskedItems, rows: Rows) -> Iterator[str]:
    """Problems that can be found without a model: impossible settings, edits, answers and verdicts."""
    yield from wrong_settings(published, parts, rows)
    yield from wrong_edits(published, parts, rows)
    yield from wrong_answers(parts, asked, rows)
    yield from wrong_sameness(published, parts, asked, rows)
    yield from repeated_in_verdicts(rows)
    yield from wrong_verdicts(published, parts.task, asked, rows)


def _unverified(published: Published) -> Iterator[str]:
    if told := mark(published.identity):
        yield f"{told}: '{published.model}' does not have the weights of a known model."
    if foreign := absent(published):
        yield f"'{foreign[0]}' is not installed here: strengths, edits and replies of the run's rows were not checked."
    yield from unrated_here(published)


def _rows(samples: pl.DataFrame) -> Rows:
    rows: dict[str, dict[Place, Mapping[str, Any]]] = {}
    for row in samples.iter_rows(named=True):
        rows.setdefault(row["method"], {})[row["target"], row["item"]] = row
    return rows
