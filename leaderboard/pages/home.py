"""The front page: every board with its leading rows drawn."""

from collections.abc import Iterator, Sequence
from typing import Any

from leaderboard.boards import Board
from leaderboard.frame import File, Page
from leaderboard.pages.board import row_values
from leaderboard.row import Row
from leaderboard.site import Site

LEADING = 4


def files(site: Site) -> Iterator[File]:
    models = {run.model for run in site.runs if run.identity.get("engine")}
    parts = {
        heading: [_card(board) for board in site.boards if board.measures_cost == costs]
        for heading, costs in (("Does it work?", False), ("What does it cost?", True))
    }
    values = {"parts": parts, "runs": len(site.runs), "models": len(models)}
    yield Page("index.html", "home.html", "Boards", values).file()


def _card(board: Board) -> dict[str, Any]:
    best: dict[str, Row] = {}
    for row in board.methods("strict"):
        best.setdefault(row.name, row)
    trivial = board.trivial("strict")[:1]
    return {
        "board": board,
        "href": board.path,
        "runs": len(board.runs),
        "methods": len({row.name for row in board.rows if not row.result.trivial}),
        "models": len({run.model for run in board.runs}),
        "verdict": _verdict(board, list(best.values())),
        "rows": [row_values(board, row) for row in [*list(best.values())[:LEADING], *trivial]],
    }


def _verdict(board: Board, rows: Sequence[Row]) -> str:
    """Of each method's best row, how many do what the board asks."""
    if not rows:
        return ""
    if board.measures_cost:
        lost = sum(row.kind == "lost" for row in rows)
        return f"{lost} of {len(rows)} worse than unsteered" if lost else "No loss found against unsteered"
    better = sum(row.kind == "better" for row in rows)
    return f"{better or 'None'} of {len(rows)} better than all there is to beat"
