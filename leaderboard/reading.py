"""Reads a folder of untrusted published runs. If one cannot be read, the error names it and nothing is built."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from steerbench.errors import UserError
from steerbench.publishing.schema import PUBLISHED, SAMPLES, Published, read_published
from steerbench.publishing.weighing import weigh_all
from steerbench.storage.files import understandable

NAMED = 5
"""Maximum refused runs named in one error."""


def read_results(folder: Path) -> list[Published]:
    """The published runs in the folders of `folder`, ordered by id.

    Raises:
        UserError: one cannot be read, or two are the same run.
    """
    runs: list[Published] = []
    refused: list[str] = []
    for place in sorted(folder.iterdir()):
        if place.name.startswith(".") or not place.is_dir():
            continue
        try:
            runs.append(read_published(place))
        except UserError as error:
            refused.append(str(error))
    refused += _wrong_samples(folder, runs)
    if refused:
        more = f" And {len(refused) - NAMED} more." if len(refused) > NAMED else ""
        raise UserError(" ".join(refused[:NAMED]) + more)
    _check_unique(runs)
    return runs


def _wrong_samples(folder: Path, runs: Sequence[Published]) -> Iterator[str]:
    """Problems with the samples of runs: missing, over the size limits, or another file than the run names."""
    there = []
    for run in runs:
        path = folder / run.id / SAMPLES
        if path.is_symlink() or not path.is_file():
            yield f"'{run.id}' has no {SAMPLES}; publish it again."
        else:
            there.append((run, path))
    with understandable(folder):
        for (run, path), heavy in zip(there, weigh_all([path for _, path in there]), strict=True):
            if heavy:
                yield f"{SAMPLES} of '{run.id}' {heavy}."
            elif _sha256(path) != run.samples_sha256:
                yield f"{SAMPLES} of '{run.id}' is not the file that its {PUBLISHED} names by SHA-256."


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_unique(runs: Sequence[Published]) -> None:
    by_digest: dict[str, str] = {}
    for run in runs:
        if run.digest in by_digest:
            raise UserError(f"'{by_digest[run.digest]}' and '{run.id}' are the same run; remove one of the two.")
        by_digest[run.digest] = run.id
