"""Results in papers. They were not recomputed, and are kept apart from the runs, each with its source."""

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Text = Annotated[str, Field(min_length=1)]


class Reported(BaseModel):
    """A row of a paper's table.

    `values` are by the closest metrics of this project's board, headline first. `paper` (one of the file's papers) and
    `table` say where the row is printed, `seen` where it was read. `note` describes the protocol.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Text
    model: Text
    task: Text
    dataset: Text
    values: Annotated[dict[str, float], Field(min_length=1)]
    paper: Text
    table: Text
    seen: Text
    note: Text


class Collection(BaseModel):
    """All of `reported.toml`: the rows in order, and the papers' titles by the rows' names for them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    papers: dict[Text, Text]
    row: list[Reported]

    @model_validator(mode="after")
    def _papers_are_named(self) -> Self:
        if lacking := {row.paper for row in self.row} - set(self.papers):
            raise ValueError(f"papers without a title: {', '.join(sorted(lacking))}")
        return self


@cache
def collection() -> Collection:
    text = (files("leaderboard") / "reported.toml").read_text(encoding="utf-8")
    return Collection.model_validate(tomllib.loads(text))


def of_task(task: str) -> list[Reported]:
    return [row for row in collection().row if row.task == task]


def titles_of(rows: Sequence[Reported]) -> dict[str, str]:
    """The titles of the rows' papers, by the rows' names for them."""
    return {name: collection().papers[name] for name in dict.fromkeys(row.paper for row in rows)}


def metrics_of(rows: Sequence[Reported]) -> list[str]:
    """The metrics that occur in the rows, in order of appearance."""
    return list(dict.fromkeys(name for row in rows for name in row.values))
