"""Who answers the questions that personality neurons are searched on: people at either end of a trait, by the embedded
bank's descriptions or by those published with NPTI."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from steerbench import bank
from steerbench.contracts.targets import TRAITS
from steerbench.datasets.fetch import path_of
from steerbench.datasets.registry import dataset
from steerbench.errors import UserError
from steerbench.toolkit.search_questions import Source

PERSONA = (
    "{0}\n\nStay this person whatever you are asked: speak as them, in the first person, and let their character show."
)
SAYS = "You are a person who says of yourself: {0}"
"""Before a description in the first person; the published ones are in the second."""
DATASET, FILE = "npti", "description.json"
COUNTS: dict[Source, int] = {"bank": 8, "published": 80}
"""Descriptions of a pole; many of the published ones are the same text."""


def described(source: Source, trait: str, high: bool) -> Sequence[str]:
    """What a model is told to be at one end of a trait (its letter), once for each description.

    Raises:
        UserError: the published ones cannot be had.
    """
    if source == "bank":
        return [PERSONA.format(SAYS.format(text)) for text in bank.descriptions(trait, high)]
    name = f"{TRAITS[trait].capitalize()}{'' if high else '_reversed'}"
    return [PERSONA.format(row[name]) for row in read_rows(path_of(DATASET, FILE))]


def descriptions_digest(source: Source) -> str:
    """A hash of them, and the words around them."""
    texts = bank.digest() if source == "bank" else dataset(DATASET).file(FILE).checksum
    return f"{texts} {PERSONA if source == 'published' else PERSONA.format(SAYS)}"


@cache
def read_rows(path: Path) -> tuple[dict[str, str], ...]:
    """The published file: one JSON object a line, with a text for either end of every trait.

    Raises:
        UserError: a line is no such object.
    """
    wanted = {f"{name.capitalize()}{end}" for name in TRAITS.values() for end in ("", "_reversed")}
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            rows.append({name: row[name].strip() for name in wanted})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(f"Line {number} of {path} does not describe both ends of all five traits.") from None
    return tuple(rows)
