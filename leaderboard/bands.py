"""Rows that methods are compared with: their names, the groups in which boards show them, and their lines in
drawings."""

from collections.abc import Iterable
from dataclasses import dataclass

from leaderboard.row import LeaderboardRow
from leaderboard.text import value
from steerbench.contracts import Role
from steerbench.contracts.roles import CEILING, CONSTANT, CONTROL, PLACEBO, REFERENCE, UNSTEERED


@dataclass(frozen=True)
class Band:
    """A group of a board's lower rows; `key` is its name in addresses and scripts."""

    key: str
    roles: tuple[Role, ...]
    name: str
    says: str


BANDS = (
    Band("plain", (UNSTEERED, PLACEBO), "Unsteered and placebo", "what moves the model beats both"),
    Band("constants", (CONSTANT,), "Constants", "answers that know nothing of the target"),
    Band("references", (REFERENCE,), "References to beat", "statistics of the target, without a model"),
    Band("ceiling", (CEILING,), "Ceiling", "the best that is known to be possible"),
    Band("controls", (CONTROL,), "Controls", "whether the instrument can read a target at all"),
)


def of_role(rows: Iterable[LeaderboardRow], *roles: Role) -> list[LeaderboardRow]:
    return [row for row in rows if row.result.role in roles]


def to_clear(rows: Iterable[LeaderboardRow]) -> LeaderboardRow | None:
    """The row of a drawing's dashed line: the best constant, or the unsteered model if there is none.

    `rows` are those of one run, the best first.
    """
    known = [row for row in rows if value(row.headline) is not None]
    return next(iter(of_role(known, CONSTANT) or of_role(known, UNSTEERED)), None)


def ceiling(rows: Iterable[LeaderboardRow]) -> LeaderboardRow | None:
    """The run's ceiling row, if it has one. `rows` are those of one run, the best first."""
    return next((row for row in of_role(rows, CEILING) if value(row.headline) is not None), None)


def dashed(rows: Iterable[LeaderboardRow]) -> str:
    """What the dashed lines are in a drawing of these rows, possibly from several runs; "" if there is none."""
    given = {role for row in rows if (role := row.result.role) in (CONSTANT, UNSTEERED)}
    if CONSTANT not in given:
        return "the unsteered model" if given else ""
    return "the best constant"
