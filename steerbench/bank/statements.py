"""The embedded inventory, `statements.csv`: statements that describe poles, and those that the PAPI sample asks."""

import csv
from importlib.resources import files

from steerbench.bank.wording import second_person
from steerbench.contracts.targets import Item


def read_statements() -> list[tuple[Item, str]]:
    """Every statement and its part, "shown" or "asked"."""
    return [
        (
            Item(row["id"], row["text"], second_person(row["text"]), row["trait"], row["facet"], int(row["key"])),
            row["part"],
        )
        for row in csv.DictReader(text_of_statements().splitlines())
    ]


def text_of_statements() -> str:
    """The file's text, for digests."""
    return files("steerbench.bank").joinpath("statements.csv").read_text(encoding="utf-8")
