"""What a published trade-off is: the schema of `leaderboard/tradeoffs/NAME.json`, which the check and the site read.

Its numbers follow from published runs, which it names. It may come from anybody, so nothing in it is trusted.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from steerbench.errors import UserError
from steerbench.publishing.schema import SCHEMA, Id, Short, read_distrusted
from steerbench.storage.files import understandable, write_whole
from steerbench.storage.json_models import FiniteModel
from steerbench.studies.tradeoff.result import EFFECT, Difference, TradeoffPoint, TradeoffResult

MOST = 50
"""Methods of a trade-off, doses of a method, costs, and targets: a page has to show them."""
LONGEST_NAME = 100
"""Characters of a method's, a task's, a cost's or a target's name."""
UNSTEERED = "unsteered"
_RUN = re.compile(r"[a-z0-9][a-z0-9.+_-]{0,120}")
_NAME = re.compile(r"[^\x00-\x1f\x7f]+")


class PublishedTradeoff(FiniteModel):
    """A trade-off as it is published.

    `name` is its file's. `found` is what it found; the runs in it are the ids of published ones. `command` makes it
    again.
    """

    schema_version: int = SCHEMA
    name: Id
    model: Short
    seed: int
    command: Annotated[str, Field(max_length=4000)]
    found: TradeoffResult

    @property
    def runs(self) -> list[str]:
        """The ids of its runs, each once."""
        found = self.found
        return list(dict.fromkeys([*found.unsteered.values(), *(id for p in points(found) for id in p.runs.values())]))

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        """Raises ValueError: it names what it does not have, or more than a page can show."""
        for wrong in _of_form(self.found):
            raise ValueError(wrong)
        for id in self.runs:
            if not _RUN.fullmatch(id):
                raise ValueError(f"a run is called {id[:100]!r}, which is no published run's id")
        return self


def points(found: TradeoffResult) -> Iterator[TradeoffPoint]:
    """Every method at every dose, and where it is measured."""
    for curve in found.curves.values():
        yield from (*curve.points, curve.measured)


def file_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def folder_beside(results: Path) -> Path:
    """Where the trade-offs of published runs lie: `tradeoffs`, beside their folder."""
    return Path(os.path.normpath(results / ".." / "tradeoffs"))


def write_published_tradeoff(tradeoff: PublishedTradeoff, folder: Path) -> Path:
    path = file_of(folder, tradeoff.name)
    with understandable(path):
        write_whole(path, tradeoff.model_dump_json(indent=1) + "\n")
    return path


def read_published_tradeoff(path: Path) -> PublishedTradeoff:
    """One published trade-off, which may be anybody's.

    Raises:
        UserError: it is no plain file, too large, of another schema, or not what it should be; what, is named.
    """
    if path.is_symlink() or not path.is_file():
        raise UserError(f"{path} is no plain file.")
    tradeoff = read_distrusted(PublishedTradeoff, path, "trade-off")
    if path.name != f"{tradeoff.name}.json":
        raise UserError(f"{path} is called '{tradeoff.name}' inside; the two have to be the same.")
    return tradeoff


def _of_form(found: TradeoffResult) -> Iterator[str]:
    if EFFECT in found.costs:
        yield f"a cost is called {EFFECT!r}, which is what differences of the effect are called"
    for what, names in (("method", [*found.curves]), ("cost", found.costs), ("target", found.targets)):
        yield from _of_names(what, [*names])
    if not found.curves or UNSTEERED in found.curves:
        yield "there is no method in it, or the unsteered model is one"
    if found.fronts.keys() != {*found.costs}:
        yield "fronts: there has to be one for each cost"
    for method, curve in found.curves.items():
        if not 1 <= len(curve.points) <= MOST or (curve.dial is None and len(curve.points) > 1):
            yield f"method {method!r}: there have to be 1 to {MOST} doses, and one if there is no dial"
        if curve.unreached is not None and not 0 <= curve.unreached <= 1:
            yield f"method {method!r}: the share of resamples that do not reach the effect is outside 0 to 1"
        if curve.dial is not None and not 0 <= curve.dial[0] < curve.dial[1]:
            yield f"method {method!r}: a dial rises from 0 or more"
        for point in (*curve.points, curve.measured):
            if [*point.prices] != found.costs:
                yield f"method {method!r}: the prices at strength {point.strength} are not of the costs"
            if len(point.flags) > MOST or len(point.runs) > MOST:
                yield f"method {method!r}: there are more than {MOST} flags or runs at strength {point.strength}"
    doses = {(UNSTEERED, 1.0)} | {
        (name, point.strength) for name, curve in found.curves.items() for point in curve.points
    }
    if any(set(front) - doses for front in found.fronts.values()):
        yield "fronts: one holds a dose that is on no curve"
    yield from _of_differences(found)


def _of_differences(found: TradeoffResult) -> Iterator[str]:
    known, costs = {*found.curves}, {EFFECT, *found.costs}
    if len(found.differences) > MOST**2 or any({d.first, d.second} - known for d in found.differences):
        yield "differences: they are between methods that it does not have, or too many"
    if any(d.cost not in costs or not _has_chances(d) for d in found.differences):
        yield "differences: they are of a cost that it does not have, or have a p outside 0 to 1"
    if any(len(d.over) > MOST for d in found.differences):
        yield f"differences: one is over more than {MOST} kinds of units"


def _has_chances(found: Difference) -> bool:
    return all(p is None or 0 <= p <= 1 for p in (found.p, found.p_holm))


def _of_names(what: str, names: Sequence[str]) -> Iterator[str]:
    if len(names) > MOST or len({*names}) < len(names):
        yield f"there are more than {MOST} {what}s, or one is there twice"
    if any(len(name) > LONGEST_NAME or not _NAME.fullmatch(name) for name in names):
        yield f"the name of a {what} is empty, too long, or more than one line"
