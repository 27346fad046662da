"""The front page: every board with drawings of its leading rows."""

from collections.abc import Iterator, Sequence
from typing import Any

from leaderboard.bands import ceiling, to_clear
from leaderboard.boards import PublishedBoard
from leaderboard.frame import File, Page
from leaderboard.pages.board import row_values
from leaderboard.phrases import phrase
from leaderboard.row import LeaderboardRow
from leaderboard.site import Site
from leaderboard.text import capitalised

LEADING = 4
LEVELS = (
    ("moves", "moves the model", "move the model"),
    ("constants", "beats constants", "beat constants"),
    ("reference", "beats the reference", "beat the reference"),
)
"""The findings of a standing, with the verb for one method and for several."""


def files(site: Site) -> Iterator[File]:
    models = {run.model for run in site.runs if run.identity.get("engine")}
    parts = {
        heading: [_card(board) for board in site.boards if board.measures_cost == costs]
        for heading, costs in (("Does it work?", False), ("What does it cost?", True))
    }
    values = {"parts": parts, "runs": len(site.runs), "models": len(models)}
    yield Page("index.html", "home.html", "Boards", values).file()


def _card(board: PublishedBoard) -> dict[str, Any]:
    best: dict[str, LeaderboardRow] = {}
    for row in board.methods("strict"):
        best.setdefault(row.name, row)
    beside = sorted((row for _, rows in board.bands("strict") for row in rows), key=board.rows.index)
    marks = [row for row in (to_clear(beside), ceiling(beside)) if row is not None]
    return {
        "board": board,
        "href": board.path,
        "runs": len(board.runs),
        "methods": len({row.name for row in board.rows if not row.result.trivial}),
        "models": len({run.model for run in board.runs}),
        "verdict": _verdict(board, list(best.values())),
        "rows": [row_values(board, row) for row in [*list(best.values())[:LEADING], *marks]],
    }


def _verdict(board: PublishedBoard, rows: Sequence[LeaderboardRow]) -> str:
    """How many methods, by their best rows, achieve what the board measures; or why that cannot be judged."""
    known = [standing for row in rows if (standing := row.result.standing) is not None]
    judged = [standing for standing in known if standing.state == "tested"]
    if not judged:
        return capitalised(", ".join(dict.fromkeys(map(phrase, known))))
    if board.measures_cost:
        lost = sum(bool(standing.worse) for standing in judged)
        return f"{lost} of {len(judged)} worse than unsteered" if lost else f"No loss found in {len(judged)}"
    found: list[str] = []
    for level, of_one, of_several in LEVELS:
        tested = [getattr(standing, level) for standing in judged]
        if any(one is not None for one in tested):
            count = sum(map(bool, tested))
            of_all = "" if found else f" of {len(judged)}"
            found.append(f"{count or 'none'}{of_all} {of_several if count > 1 else of_one}")
    return capitalised(", ".join(found))
