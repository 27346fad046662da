"""Reads a folder of published runs. They may be anybody's: one that cannot be read is named, and nothing is built."""

from collections.abc import Sequence
from pathlib import Path

from steerbench.errors import UserError
from steerbench.publishing.schema import Published, read_published

NAMED = 5
"""Refused runs that are named in one error."""


def read_results(folder: Path) -> list[Published]:
    """The published runs in the folders of `folder`, by id.

    Raises:
        UserError: one cannot be read, or two are the same run.
    """
    runs, refused = [], []
    for place in sorted(folder.iterdir()):
        if place.name.startswith(".") or not place.is_dir():
            continue
        try:
            runs.append(read_published(place))
        except UserError as error:
            refused.append(str(error))
    if refused:
        more = f" And {len(refused) - NAMED} more." if len(refused) > NAMED else ""
        raise UserError(" ".join(refused[:NAMED]) + more)
    _check_unique(runs)
    return runs


def _check_unique(runs: Sequence[Published]) -> None:
    by_digest: dict[str, str] = {}
    for run in runs:
        if run.digest in by_digest:
            raise UserError(f"'{by_digest[run.digest]}' and '{run.id}' are the same run; remove one of the two.")
        by_digest[run.digest] = run.id
