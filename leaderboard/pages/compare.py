"""The page that compares two rows of a board, and its data on boards and runs, as scripts.

`compare/BOARD.js` lists a board's rows; `runs/ID/compare.js` has a run's settings and results. Names that may be any
text are in lists and are never keys, because `__proto__` is not an ordinary key in a script.
"""

import hashlib
import itertools
import json
from collections.abc import Iterator
from typing import Any

from scipy import stats

from leaderboard.boards import PublishedBoard
from leaderboard.frame import File, Page, data_script
from leaderboard.links import samples_of
from leaderboard.pages.run import MOST, flat
from leaderboard.row import LeaderboardRow, rows_of
from leaderboard.site import Site
from leaderboard.text import capitalised, cut
from steerbench.publishing.schema import Published
from steerbench.records.results import MetricRecord, without_break_downs
from steerbench.statistics import FEWEST
from steerbench.statistics.means import ONE, SAME
from steerbench.toolkit.boards.answers import OF_TARGETS

FREEDOMS = 300
"""Degrees of freedom with a stored Student quantile; beyond, it approaches the normal one like 1/df (to 1e-5)."""
METRICS = 40
COMPARISONS = 50


def files(site: Site) -> Iterator[File]:
    values = {
        "boards": [(key_of(board), board) for board in site.boards],
        "statistics": {
            "quantiles": [round(float(stats.t.ppf(0.975, free)), 7) for free in range(1, FREEDOMS + 1)],
            "normal": round(float(stats.norm.ppf(0.975)), 9),
            "fewest": FEWEST,
            "one": ONE,
            "same": SAME,
        },
    }
    yield Page("compare.html", "compare.html", "Compare", values).file()
    for board in site.boards:
        yield data_script(f"compare/{key_of(board)}.js", [_listed(row) for row in board.rows])
        for run in board.runs:
            yield data_script(f"{samples_of(run)}/compare.js", _told(board, run))


def key_of(board: PublishedBoard) -> str:
    """A board's name in addresses: its path without folder and extension."""
    return board.path.removeprefix("boards/").removesuffix(".html")


def _listed(row: LeaderboardRow) -> list[Any]:
    """[run, place, name, model, parameters, role if it is not a method]"""
    return [row.run.id, row.place, cut(row.name), cut(row.run.model), cut(row.asked), row.label]


def _told(board: PublishedBoard, run: Published) -> dict[str, Any]:
    asked = {name: value for name, value in run.identity.items() if name != "methods"}
    return {
        "board": key_of(board),
        "withheld": run.withheld,
        "over": cut(run.over),
        "by": "target" if run.over in OF_TARGETS else "item",
        "higher": run.higher_is_better,
        "model": cut(run.model),
        "protocol": run.plan.protocol,
        "asked": list(itertools.islice(flat(asked), MOST)),
        # The digest shows whether settings are the same, even if the list above is cut.
        "digest": hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16],
        "methods": [_method(row) for row in rows_of(run)],
    }


def _method(row: LeaderboardRow) -> dict[str, Any]:
    """Metrics are [name, value, low, high, note], the headline first.

    Comparisons are [against, difference, p, Holm-corrected p, low, high, smallest detectable difference].
    """
    result = row.result
    shown = without_break_downs(result.metrics)[:METRICS]
    return {
        "name": cut(row.name),
        "label": row.label,
        "asked": cut(row.asked, 400),
        "standing": cut(capitalised(row.standing), 400),
        "metrics": [[cut(name), *_ends(result.metrics[name])] for name in shown],
        "comparisons": [
            [cut(c.against), c.difference, c.p, c.p_holm, c.low, c.high, c.smallest]
            for c in result.comparisons[:COMPARISONS]
        ],
    }


def _ends(metric: MetricRecord) -> tuple[float | None, float | None, float | None, str]:
    return metric.value, metric.low, metric.high, cut(metric.note)
