"""The questions that personality neurons are searched on: the embedded bank's, or those published with NPTI."""

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
    """A trait's (its letter) questions: all, or so many of them spread evenly over the list.

    Raises:
        UserError: the published ones cannot be had.
    """
    if source == "bank":
        return _spread(bank.questions("search", trait), limit)
    return _spread(read_rows(path_of(DATASET, f"search/{TRAITS[trait].capitalize()}.json"), trait), limit)


def questions_digest(source: Source) -> str:
    """A hash of them, without reading them."""
    return bank.digest() if source == "bank" else dataset(DATASET).digest


def read_rows(path: Path, trait: str) -> tuple[Item, ...]:
    """The published file of a trait: one JSON object a line, `tag` the facet, `question` the text.

    Raises:
        UserError: a line is no such object.
    """
    items = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                items.append(Item(f"{trait}{number}", row["question"].strip(), trait=trait, facet=row["tag"]))
            except (ValueError, KeyError, TypeError, AttributeError):
                raise UserError(f"Line {number} of {path} is no search question: it needs question and tag.") from None
    return tuple(items)


def _spread(items: tuple[Item, ...], limit: int | None) -> tuple[Item, ...]:
    """The list goes facet by facet: its first questions would be of one facet."""
    if limit is None or limit >= len(items):
        return items
    return tuple(items[place * len(items) // limit] for place in range(limit))
