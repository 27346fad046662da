"""What a model that is steered to poles says of itself, beside what it says unsteered.

The headline is the *separation* of a trait's two poles on the same statement. Agreeing with everything moves both poles
alike, and statements keyed to either end against each other: it earns none.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from steerbench.contracts import Metric, Role, Scored, Summary
from steerbench.contracts.flags import Flag, flag_kind
from steerbench.contracts.roles import UNSTEERED
from steerbench.records.standing import SIGNIFICANT
from steerbench.statistics import (
    FEWEST,
    means_where,
    share_estimate,
    sign_flip_above,
)
from steerbench.toolkit.boards.board import comparisons
from steerbench.toolkit.estimates import mean, size
from steerbench.toolkit.saturation import MODAL_SHARE, RANGE, SATURATED, modal_shares, ranges, saturated_rows
from tasks.inventory.board import InventoryBoard, board_of, over_targets

Array = NDArray[np.float64]

SEPARATION, CHANGE, TRAIT_SCORE = "separation", "change", "trait score"
SPILL_OVER, AGREEMENT = "spill-over", "agreement shift"
UNREADABLE = "unscored rate"

BOARDS = "self-report"
ONE_ANSWER = flag_kind(
    "inventory/one-answer",
    "gives one answer to {share:%} of statements",
    BOARDS,
    "a target gets the same answer to 95 % of the statements or more",
)
UNREAD = flag_kind(
    "inventory/unreadable",
    "{share:%} unreadable",
    BOARDS,
    "some statements got no readable answer; they leave the means",
)

DESCRIBED = "description-prompt"
ROLES: Mapping[str, Role] = {UNSTEERED: "unsteered", "random-direction": "placebo", DESCRIBED: "control"}


def summarise(rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
    """Metrics, comparisons with the rows to beat, and flags; every metric is drawn from `seed` afresh.

    The unit is a statement: one that several poles are asked counts by the mean over them.
    """
    board = board_of({name: scored for name, scored in rows.items() if scored})
    losses = {name: board.losses(row) for name, row in board.rows.items()}
    compared = comparisons(losses, ROLES, seed)
    metrics = {name: _metrics(board, name, seed) for name in board.rows}
    flags = {name: _flags(metrics[name]) for name in board.rows}
    stuck = saturated_rows(metrics, ROLES)
    return Summary(metrics, compared, flags, True, "statements", saturated=stuck, doubt=unread(board, seed))


def unread(board: InventoryBoard, seed: int) -> str:
    """Why finding nothing means nothing here: nothing follows a description of the pole. "" if something does, or there
    are no such rows."""
    if DESCRIBED not in board.rows:
        return ""
    found = board.separations(board.rows[DESCRIBED])
    found = found[~np.isnan(found)]
    if len(found) < FEWEST or sign_flip_above(found, np.random.default_rng(seed)) < SIGNIFICANT:
        return ""
    return (
        f"what the model says of itself does not follow even a description of the pole (separation {found.mean():.2f} "
        f"on {len(found)} statements)"
    )


def _metrics(board: InventoryBoard, name: str, seed: int) -> dict[str, Metric]:
    """Headline first; those that are undefined for a row are absent."""
    row = board.rows[name]
    own, apart, spilled = board.towards(row), board.separations(row), board.spilled(row)
    estimates: dict[str, Metric | None] = {SEPARATION: mean(apart)}
    estimates |= {f"{SEPARATION} {trait}": mean(apart[board.of_trait(trait)]) for trait in board.traits}
    if UNSTEERED in board.rows and name != UNSTEERED:
        plain = board.rows[UNSTEERED]
        estimates[CHANGE] = mean(over_targets(own - board.towards(plain)))
        estimates[AGREEMENT] = mean(over_targets(row.expected - plain.expected))
    estimates[SPILL_OVER] = size(list(spilled.values()), seed)
    estimates |= {f"{SPILL_OVER} {steered} on {rated}": mean(found) for (steered, rated), found in spilled.items()}
    estimates[TRAIT_SCORE] = mean(over_targets(own))
    estimates[RANGE] = mean(ranges(row.expected))
    estimates[MODAL_SHARE] = mean(modal_shares(row.answer))
    estimates[UNREADABLE] = share_estimate(means_where(np.isnan(row.expected).T, row.asked.T))
    return {metric: estimate for metric, estimate in estimates.items() if estimate is not None}


def _flags(metrics: Mapping[str, Metric]) -> list[Flag]:
    """What a reader of the table must not miss."""
    told = metrics[MODAL_SHARE].value if MODAL_SHARE in metrics else 0.0
    flags = [ONE_ANSWER(share=told)] if told >= SATURATED else []
    unread = metrics[UNREADABLE].value
    return [*flags, UNREAD(share=unread)] if unread > 0 else flags
