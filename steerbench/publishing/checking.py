"""Checks published runs, which may be anybody's: their form, their identity, and every number by recomputation.

Nothing in them is executed. A check tells that the numbers follow from the samples and the samples from the task;
that a model really said what they hold, only running the command again can tell.
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
    """Folders that were looked at, all that is wrong with them, a sentence each, and what could not be verified."""

    folders: int
    problems: list[str]
    unverified: list[str] = field(default_factory=list)


def check(place: Path) -> Report:
    """Check every published run under a folder, or the one that it is.

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
    """The published run that a folder is, or those that lie in it."""
    if (place / PUBLISHED).exists():
        return [place]
    with understandable(place):
        entries = sorted(place.iterdir())
    # What is hidden is no published run: a publishing that was killed leaves such a folder.
    return [e for e in entries if not e.name.startswith(".") and (e.is_dir() or e.is_symlink())]


def problems(
    folder: Path, unverified: list[str] | None = None, heavy: Mapping[Path, str] = MappingProxyType({})
) -> list[str]:
    """All that is wrong with one published run; what cannot be read hides what would come after it.

    What is not wrong, and could not be verified here, is added to `unverified`; `heavy` is as `read_whole` takes it.
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
    except Exception as error:  # a stranger's numbers may fail anywhere; the other runs are checked all the same
        told.append(f"{folder.name}: cannot be recomputed ({error!r}).")
    return [readable(one) for one in told]


def disagreements(published: Published, samples: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """What does not follow from the rest of a published run: the file, and what is wrong with it.

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
    """What no model is needed to see: settings, edits, answers and verdicts that cannot be so."""
    yield from wrong_settings(published, parts, rows)
    yield from wrong_edits(published, parts, rows)
    yield from wrong_answers(parts, asked, rows)
    yield from wrong_sameness(published, parts, asked, rows)
    yield from repeated_in_verdicts(rows)
    yield from wrong_verdicts(published, parts.task, asked, rows)


def _unverified(published: Published) -> Iterator[str]:
    if told := mark(published.identity):
        yield f"{told}: '{published.model}' is no model that is known here by its weights."
    if foreign := absent(published):
        yield f"'{foreign[0]}' is not installed here: strengths, edits and replies of the run's rows were not checked."
    yield from unrated_here(published)


def _rows(samples: pl.DataFrame) -> Rows:
    rows: dict[str, dict[Place, Mapping[str, Any]]] = {}
    for row in samples.iter_rows(named=True):
        rows.setdefault(row["method"], {})[row["target"], row["item"]] = row
    return rows
