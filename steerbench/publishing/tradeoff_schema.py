"""The schema of a published trade-off (`leaderboard/tradeoffs/NAME.json`), which both the check and the site read.

Its numbers follow from the published runs that it names. It is untrusted.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from steerbench.contracts.roles import UNSTEERED
from steerbench.errors import UserError
from steerbench.publishing.schema import SCHEMA, Id, Short, read_distrusted
from steerbench.storage.files import understandable, write_whole
from steerbench.storage.json_models import FiniteModel
from steerbench.studies.tradeoff.result import EFFECT, Difference, TradeoffPoint, TradeoffResult

MOST = 50
"""Maximum number of methods, of doses of a method, of costs, and of targets, so that a page can show them."""
LONGEST_NAME = 100
"""Maximum characters in the name of a method, task, cost or target."""
_RUN = re.compile(r"[a-z0-9][a-z0-9.+_-]{0,120}")
_NAME = re.compile(r"[^\x00-\x1f\x7f]+")


class PublishedTradeoff(FiniteModel):
    """A published trade-off.

    `name` is that of its file. `found` is the result, with the ids of published runs. `command` makes it again.
    """

    schema_version: int = SCHEMA
    name: Id
    model: Short
    seed: int
    command: Annotated[str, Field(max_length=4000)]
    found: TradeoffResult

    @property
    def runs(self) -> list[str]:
        """The ids of its runs, without repetitions."""
        found = self.found
        return list(dict.fromkeys([*found.unsteered.values(), *(id for p in points(found) for id in p.runs.values())]))

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        """Raises ValueError: it refers to something missing, or has more than a page can show."""
        for wrong in _of_form(self.found):
            raise ValueError(wrong)
        for id in self.runs:
            if not _RUN.fullmatch(id):
                raise ValueError(f"a run is called {id[:100]!r}, which is not the id of a published run")
        return self


def points(found: TradeoffResult) -> Iterator[TradeoffPoint]:
    """Every point of every curve, including the measured one."""
    for curve in found.curves.values():
        yield from (*curve.points, curve.measured)


def file_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def folder_beside(results: Path) -> Path:
    """The folder of published trade-offs: `tradeoffs`, next to that of the runs."""
    return Path(os.path.normpath(results / ".." / "tradeoffs"))


def write_published_tradeoff(tradeoff: PublishedTradeoff, folder: Path) -> Path:
    path = file_of(folder, tradeoff.name)
    with understandable(path):
        write_whole(path, tradeoff.model_dump_json(indent=1) + "\n")
    return path


def read_published_tradeoff(path: Path) -> PublishedTradeoff:
    """Reads an untrusted published trade-off.

    Raises:
        UserError: it is not a regular file, is too large, of another schema, or invalid; the message says where.
    """
    if path.is_symlink() or not path.is_file():
        raise UserError(f"{path} is not a regular file.")
    tradeoff = read_distrusted(PublishedTradeoff, path, "trade-off")
    if path.name != f"{tradeoff.name}.json":
        raise UserError(f"{path} has the name '{tradeoff.name}' inside; the two have to be the same.")
    return tradeoff


def _of_form(found: TradeoffResult) -> Iterator[str]:
    if EFFECT in found.costs:
        yield f"a cost is called {EFFECT!r}, which is the name for differences of the effect"
    for what, names in (("method", [*found.curves]), ("cost", found.costs), ("target", found.targets)):
        yield from _of_names(what, [*names])
    if not found.curves or UNSTEERED in found.curves:
        yield "it has no method, or the unsteered model is one"
    if found.fronts.keys() != {*found.costs}:
        yield "fronts: there has to be one for each cost"
    for method, curve in found.curves.items():
        if not 1 <= len(curve.points) <= MOST or (curve.dial is None and len(curve.points) > 1):
            yield f"method {method!r}: there have to be 1 to {MOST} doses, and one without a range of strengths"
        if curve.unreached is not None and not 0 <= curve.unreached <= 1:
            yield f"method {method!r}: the share of resamples that do not reach the effect is outside 0 to 1"
        if curve.dial is not None and not 0 <= curve.dial[0] < curve.dial[1]:
            yield f"method {method!r}: its range of strengths has to start at 0 or above, and to rise"
        for point in (*curve.points, curve.measured):
            if [*point.prices] != found.costs:
                yield f"method {method!r}: the prices at strength {point.strength} are not those of the costs"
            if len(point.flags) > MOST or len(point.runs) > MOST:
                yield f"method {method!r}: there are more than {MOST} flags or runs at strength {point.strength}"
    doses = {(UNSTEERED, 1.0)} | {
        (name, point.strength) for name, curve in found.curves.items() for point in curve.points
    }
    if any(set(front) - doses for front in found.fronts.values()):
        yield "fronts: one has a dose that is on no curve"
    yield from _of_differences(found)


def _of_differences(found: TradeoffResult) -> Iterator[str]:
    known, costs = {*found.curves}, {EFFECT, *found.costs}
    if len(found.differences) > MOST**2 or any({d.first, d.second} - known for d in found.differences):
        yield "differences: they name methods that it does not have, or are too many"
    if any(d.cost not in costs or not _has_chances(d) for d in found.differences):
        yield "differences: they name a cost that it does not have, or have a p outside 0 to 1"
    if any(len(d.over) > MOST for d in found.differences):
        yield f"differences: one is over more than {MOST} kinds of units"


def _has_chances(found: Difference) -> bool:
    return all(p is None or 0 <= p <= 1 for p in (found.p, found.p_holm))


def _of_names(what: str, names: Sequence[str]) -> Iterator[str]:
    if len(names) > MOST or len({*names}) < len(names):
        yield f"there are more than {MOST} {what}s, or one is there twice"
    if any(len(name) > LONGEST_NAME or not _NAME.fullmatch(name) for name in names):
        yield f"the name of a {what} is empty, too long, or more than one line"
