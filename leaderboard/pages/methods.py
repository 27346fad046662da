"""Method pages: what each method edits and its results on every board; and the list of methods."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from leaderboard.ablations import ablations
from leaderboard.across_layers import across_layers
from leaderboard.boards import PublishedBoard
from leaderboard.drawing import WIDTH
from leaderboard.frame import File, Page
from leaderboard.known import DONE, WHERE, PublishedMethod, known_methods, spans
from leaderboard.links import method_page, page_of
from leaderboard.radar import radars
from leaderboard.row import LeaderboardRow, judges_of, settings_of
from leaderboard.site import Site
from leaderboard.text import cut

MOST_BOARDS, MOST_ROWS = 60, 25
"""Maximum boards on a page, and rows of each; the linked board has all."""


def files(site: Site) -> Iterator[File]:
    methods = known_methods(site)
    listed = {"methods": [_entry(known) for known in methods]}
    yield Page("methods/index.html", "methods.html", "Methods", listed).file()
    for known in methods:
        yield Page(method_page(known.name), "method.html", cut(known.name), _values(known)).file()


def _entry(known: PublishedMethod) -> dict[str, Any]:
    boards = {board.path: board for board, row in known.rows}
    told = [(board.path, row.result.standing) for board, row in known.rows if not row.run.measures_cost]
    judged = [(path, standing) for path, standing in told if standing is not None and standing.state == "tested"]
    return {
        "known": known,
        "href": method_page(known.name),
        "boards": len(boards),
        "runs": len({row.run.id for _, row in known.rows}),
        "judged": len({path for path, _ in judged}),
        "moves": len({path for path, standing in judged if standing.moves}),
        "shown": len({path for path, standing in judged if standing.shown}),
        "about": marked(known.about.split("\n\n")[0]),
    }


def _values(known: PublishedMethod) -> dict[str, Any]:
    charts = ablations(known)
    return {
        "known": known,
        "about": [marked(paragraph) for paragraph in known.about.split("\n\n") if paragraph],
        "layer": {site: ", ".join(DONE[kind] for kind in known.edited.get(site, [])) for site in WHERE},
        "spans": list(spans(known)),
        "depths": sorted({portrait.layers for _, portrait in known.portraits if portrait.layers}),
        "across": across_layers(known),
        "boards": _boards(known),
        "boards_left_out": len({board.path for board, _ in known.rows[:]}) - MOST_BOARDS,
        "width": WIDTH,
        "ablations": charts,
        "radars": radars(known),
        "charts": [ablation.chart for ablation in charts if ablation.chart],
    }


def marked(text: str) -> list[tuple[str, bool]]:
    """Splits a docstring at backticks; each part says whether it is code."""
    return [(part, place % 2 == 1) for place, part in enumerate(re.split(r"`+", text)) if part]


def _boards(known: PublishedMethod) -> list[dict[str, Any]]:
    grouped = [(board, [row for _, row in of]) for board, of in groupby(known.rows, key=lambda one: one[0])]
    return [_board(board, rows) for board, rows in grouped[:MOST_BOARDS]]


def _board(board: PublishedBoard, rows: Sequence[LeaderboardRow]) -> dict[str, Any]:
    return {
        "board": board,
        "name": cut(board.columns[0], 60) if board.columns else "",
        "digits": board.digits[board.columns[0]] if board.columns else 2,
        "rows": [
            {
                "row": row,
                "href": page_of(row.run),
                "headline": board.headline(row),
                "mark": board.axis.mark(board.headline(row)),
                "reference": board.reference(row),
                "ceiling": board.ceiling(row),
                "settings": settings_of(row.run) if board.several_settings else "",
                "judge": judges_of(row.run),
            }
            for row in rows[:MOST_ROWS]
        ],
        "left_out": len(rows) - MOST_ROWS,
    }
