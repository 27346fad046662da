"""Descriptions of people at both ends of each trait, for the search of personality neurons: the embedded bank's, or
those published with NPTI."""

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
"""Introduces a description in the first person; the published ones are in the second."""
DATASET, FILE = "npti", "description.json"
COUNTS: dict[Source, int] = {"bank": 8, "published": 80}
"""The number of descriptions of each pole; many of the published ones are duplicates."""


def described(source: Source, trait: str, high: bool) -> Sequence[str]:
    """The system prompts for one end of a trait (its letter), one for each description.

    Raises:
        UserError: the published descriptions are not available.
    """
    if source == "bank":
        return [PERSONA.format(SAYS.format(text)) for text in bank.descriptions(trait, high)]
    name = f"{TRAITS[trait].capitalize()}{'' if high else '_reversed'}"
    return [PERSONA.format(row[name]) for row in read_rows(path_of(DATASET, FILE))]


def descriptions_digest(source: Source) -> str:
    """A digest of the descriptions and of the prompt around them."""
    texts = bank.digest() if source == "bank" else dataset(DATASET).file(FILE).checksum
    return f"{texts} {PERSONA if source == 'published' else PERSONA.format(SAYS)}"


@cache
def read_rows(path: Path) -> tuple[dict[str, str], ...]:
    """The published file: one JSON object per line, with a text for each end of every trait.

    Raises:
        UserError: a line is not such an object.
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
