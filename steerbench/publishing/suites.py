"""Publishes all runs of a finished suite."""

from collections.abc import Iterator
from pathlib import Path

from steerbench.errors import UserError
from steerbench.publishing.publish import publish
from steerbench.studies.suite import read_suite


def publish_suite(suite: Path, out: Path) -> Iterator[Path]:
    """Publishes the runs next to a suite's folder one by one, and yields their published folders.

    Raises:
        UserError: the suite lacks a run, or one cannot be published; those before it stay published.
    """
    found = read_suite(suite)
    if found.missing:
        raise UserError(f"The suite in {suite} lacks {', '.join(found.missing)}; run it again first.")
    for run in found.runs:
        yield publish(suite.parent / run.run, out)
