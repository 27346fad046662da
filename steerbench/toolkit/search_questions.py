"""Questions for the search of personality neurons: the embedded bank's, or those published with NPTI."""

import json
from pathlib import Path
from typing import Literal

from steerbench import bank
from steerbench.contracts.targets import TRAITS, Item
from steerbench.datasets.fetch import path_of
from steerbench.datasets.registry import dataset
from steerbench.errors import UserError

Source = Literal["bank", "published"]
DATASET = "personalitybench-search"


def search_questions(source: Source, trait: str, limit: int | None = None) -> tuple[Item, ...]:
    """The questions of a trait (its letter): all, or `limit` of them spread evenly over the list.

    Raises:
        UserError: the published questions are not available.
    """
    if source == "bank":
        return _spread(bank.questions("search", trait), limit)
    return _spread(read_rows(path_of(DATASET, f"search/{TRAITS[trait].capitalize()}.json"), trait), limit)


def questions_digest(source: Source) -> str:
    """A digest of the questions, from the registry or the bank, without reading the published files."""
    return bank.digest() if source == "bank" else dataset(DATASET).digest


def read_rows(path: Path, trait: str) -> tuple[Item, ...]:
    """The published file of a trait: one JSON object per line, with the facet in `tag` and the text in `question`.

    Raises:
        UserError: a line is not such an object.
    """
    items = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                items.append(Item(f"{trait}{number}", row["question"].strip(), trait=trait, facet=row["tag"]))
            except (ValueError, KeyError, TypeError, AttributeError):
                raise UserError(
                    f"Line {number} of {path} is not a search question; it needs the fields question and tag."
                ) from None
    return tuple(items)


def _spread(items: tuple[Item, ...], limit: int | None) -> tuple[Item, ...]:
    """Spread evenly, because the list is ordered by facet and its first questions are all of one."""
    if limit is None or limit >= len(items):
        return items
    return tuple(items[place * len(items) // limit] for place in range(limit))
