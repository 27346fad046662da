"""Rows that are no methods: what each is called, the groups in which boards show them, and the marks they make."""

from collections.abc import Iterable
from dataclasses import dataclass

from leaderboard.row import LeaderboardRow
from leaderboard.text import value
from steerbench.contracts import Role


@dataclass(frozen=True)
class Band:
    """A group of a board's lower rows; `key` is its name in addresses and scripts."""

    key: str
    roles: tuple[Role, ...]
    name: str
    says: str


BANDS = (
    Band("plain", ("unsteered", "placebo"), "Unsteered and placebo", "what moves the model beats both"),
    Band("constants", ("constant",), "Constants", "answers that know nothing of the target"),
    Band("references", ("reference",), "References to beat", "statistics of the target, without a model"),
    Band("ceiling", ("ceiling",), "Ceiling", "the best that is known to be possible"),
    Band("controls", ("control",), "Controls", "whether the instrument can read a target at all"),
)


def of_role(rows: Iterable[LeaderboardRow], *roles: Role) -> list[LeaderboardRow]:
    return [row for row in rows if row.result.role in roles]


def to_clear(rows: Iterable[LeaderboardRow]) -> LeaderboardRow | None:
    """The row that a drawing's dashed line is: the best constant, or the unsteered model where there is none.

    `rows` are of one run, the best first.
    """
    known = [row for row in rows if value(row.headline) is not None]
    return next(iter(of_role(known, "constant") or of_role(known, "unsteered")), None)


def ceiling(rows: Iterable[LeaderboardRow]) -> LeaderboardRow | None:
    """The best that is known to be possible, if the run has it. `rows` are of one run, the best first."""
    return next((row for row in of_role(rows, "ceiling") if value(row.headline) is not None), None)


def dashed(rows: Iterable[LeaderboardRow]) -> str:
    """What the dashed lines are in drawings of all these rows, which may be of several runs; "" if there is none."""
    given = {role for row in rows if (role := row.result.role) in ("constant", "unsteered")}
    if "constant" not in given:
        return "the unsteered model" if given else ""
    return "the best constant"
