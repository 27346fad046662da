"""PAPI's metrics: how far a row's answers are from what people marked, and whether they follow the person.

The headline is the papers' composite error. It can be had without knowing anything of a person, so beside
it stand `individual r`, which no constant can earn, and paired tests against every trivial row.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from steerbench.contracts import Metric, Role, Scored, Summary
from steerbench.contracts.flags import Flag
from steerbench.contracts.roles import UNSTEERED
from steerbench.statistics import (
    CROSSED_FROM,
    cluster_bootstrap,
    crossed_sum,
    individual_r,
    means_where,
    share_estimate,
    sum_of_means,
    trait_profile_r,
    weighted_means,
)
from steerbench.toolkit.boards.board import comparisons
from steerbench.toolkit.estimates import mean, share
from steerbench.toolkit.saturation import MODAL_SHARE, RANGE, modal_shares, ranges, saturated_rows
from tasks.papi.board import Array, PAPIAnswers, PAPIBoard, board_of
from tasks.papi.controls import CONTROLS, COPY, COPY_OTHER, INDIVIDUAL_R, unread
from tasks.papi.flags import COPY_ALONE, ONE_OPTION, UNREAD

ERROR = "error"
ERROR_BEST = "error best case"
ERROR_WORST = "error worst case"
PROFILE_R = "profile r"
AGREEMENT_SHIFT = "agreement shift"
KEYED_SHIFT = "keyed shift"
MISSING_RATE = "missing rate"
EXACT = "exact"

SHARE_OF_CEILING = "share of ceiling"

CEILING = "ceiling"
CONSTANTS = tuple(f"always-{tick}" for tick in range(1, 6))
ROLES: Mapping[str, Role] = {
    **dict.fromkeys(CONSTANTS, "constant"),
    "item-median": "constant",
    "trait-mean": "reference",
    "facet-mean": "reference",
    "additive": "reference",
    CEILING: "ceiling",
    UNSTEERED: "unsteered",
    "random-direction": "placebo",
    **CONTROLS,
}
"""The rows of every board. The item's median knows people, and nothing of the person: a constant for each item."""

ONE_SIDED_ANSWERS = 0.9

Missing = Literal["impute", "drop"]


def trait_error(trait: str) -> str:
    """The name of the error on one trait."""
    return f"error {trait}"


def summarise(rows: Mapping[str, Sequence[Scored]], seed: int, missing: Missing = "impute") -> Summary:
    """Metrics, comparisons with the rows to beat and flags of every row that has scored items.

    Unreadable answers count as the middle of the scale (`impute`), or leave the denominator as in the
    published protocol (`drop`). Every metric is drawn from `seed` afresh, so it depends on no other metric
    and, shifts against `unsteered` and the share of the ceiling aside, on no other row.
    """
    board = board_of({name: scored for name, scored in rows.items() if scored and name not in CONTROLS})
    # On a board of their own: they are asked less, and no other row's numbers may depend on theirs.
    controls = board_of({name: scored for name, scored in rows.items() if scored and name in CONTROLS})
    losses = {name: composite_errors(board, row, missing) for name, row in board.rows.items()}
    compared = comparisons(losses, ROLES, seed)
    found = {name: _metrics(of, name, seed, missing) for of in (board, controls) for name in of.rows}
    for name, row in controls.rows.items():
        found[name][EXACT] = share_estimate(means_where(row.answer == row.tick, row.asked))
    metrics = {name: found[name] for name in rows if name in found}
    flags = {name: _flags(name, metrics[name]) for name in metrics}
    if COPY in metrics and COPY_OTHER not in metrics:
        flags[COPY].append(COPY_ALONE())
    stuck = saturated_rows(metrics, ROLES)
    return Summary(metrics, compared, flags, over="people", cannot_tell=unread(metrics), saturated=stuck)


def composite_errors(board: PAPIBoard, row: PAPIAnswers, missing: Missing = "impute") -> Array:
    """[people]: the sum over traits of a person's mean absolute error, nan for a person who lacks a trait."""
    return np.asarray(_trait_errors(board, row, _treatment(missing)).sum(axis=1))


def _treatment(missing: Missing) -> str:
    return "middle" if missing == "impute" else "drop"


def _trait_errors(board: PAPIBoard, row: PAPIAnswers, unreadable: str) -> Array:
    """[people, traits]."""
    return board.trait_means(row.errors(unreadable))


def _metrics(board: PAPIBoard, name: str, seed: int, missing: Missing) -> dict[str, Metric]:
    """All metrics of a row, headline first; those that are undefined for it are absent."""
    row = board.rows[name]
    estimates: dict[str, Metric | None] = {
        ERROR: _composite(board, row, _treatment(missing)),
        ERROR_BEST: _composite(board, row, "best"),
        ERROR_WORST: _composite(board, row, "worst"),
        SHARE_OF_CEILING: _share_of_ceiling(board, row, missing, seed),
    }
    per_trait = _trait_errors(board, row, _treatment(missing))
    estimates |= {trait_error(t): mean(errors) for t, errors in zip(board.traits, per_trait.T, strict=True)}
    known = row.asked & ~np.isnan(row.expected)
    estimates[INDIVIDUAL_R] = individual_r(
        row.expected, row.tick, known, np.random.default_rng(seed), group=board.trait
    )
    estimates[PROFILE_R] = trait_profile_r(
        board.trait_means(_beside_others(board.keyed(row.expected))),
        board.trait_means(_beside_others(board.keyed(row.tick))),
        np.random.default_rng(seed),
    )
    if UNSTEERED in board.rows and name != UNSTEERED:
        agreement, keyed = _shifts(board, row)
        estimates |= {AGREEMENT_SHIFT: mean(agreement), KEYED_SHIFT: mean(keyed)}
    estimates[MISSING_RATE] = share(means_where(row.unreadable, row.asked))
    estimates[RANGE] = mean(ranges(row.expected))
    estimates[MODAL_SHARE] = share(modal_shares(row.answer))
    return {metric: estimate for metric, estimate in estimates.items() if estimate is not None}


def _beside_others(scores: Array) -> Array:
    """Scores [people, items] less the item's mean over people.

    Of complete answers this moves a trait's score by the same for everybody. Where one is missing, it keeps the
    others of the trait, which are keyed to both sides, from telling a person apart by what they left out.
    """
    known = ~np.isnan(scores)
    sums, counts = np.where(known, scores, 0.0).sum(axis=0), known.sum(axis=0)
    return np.asarray(scores - sums / np.maximum(counts, 1))


def composite(board: PAPIBoard, row: PAPIAnswers, missing: Missing) -> Metric | None:
    """The papers' composite error, as `summarise` has it; None if of some trait nobody was asked."""
    return _composite(board, row, _treatment(missing))


def _composite(board: PAPIBoard, row: PAPIAnswers, unreadable: str) -> Metric | None:
    """Sum over traits of the people's mean error, people lacking a trait left out of that trait alone.

    From `CROSSED_FROM` people on its interval is over people and items.
    """
    errors = _trait_errors(board, row, unreadable)
    if np.isnan(errors).all(axis=0).any():
        return None
    if len(errors) >= CROSSED_FROM and not np.isnan(errors).any():
        return crossed_sum(row.errors(unreadable), board.trait)
    return sum_of_means(errors, np.ones(errors.shape[1]))


def _share_of_ceiling(board: PAPIBoard, row: PAPIAnswers, missing: Missing, seed: int) -> Metric | None:
    """How far the error is from the best constant's (0) to the ceiling's (1); people resampled, all rows together.

    The item's median is among the constants: what is shared out is what can be known of the person.

    None where there is no ceiling, or none that is above the constants.
    """
    constants = [board.rows[name] for name, role in ROLES.items() if role == "constant" and name in board.rows]
    if CEILING not in board.rows or not constants:
        return None
    errors = [_trait_errors(board, one, _treatment(missing)) for one in (row, board.rows[CEILING], *constants)]
    if any(np.isnan(of_row).all(axis=0).any() for of_row in errors):
        return None

    def share(counts: Array) -> Array:
        own, best, *others = (weighted_means(counts, of_row).sum(axis=1) for of_row in errors)
        constant = np.min(others, axis=0)
        room = constant - best
        return np.asarray(np.divide(constant - own, room, out=np.full_like(room, np.nan), where=room > 0))

    found = cluster_bootstrap(share, len(errors[0]), np.random.default_rng(seed))
    return None if np.isnan(found.value) else found


def _shifts(board: PAPIBoard, row: PAPIAnswers) -> tuple[Array, Array]:
    """[people] twice: the change of expected tick against `unsteered`, and that on + less that on - items.

    The first is agreement as such; a steering that moves a trait moves + and - items apart.
    """
    change = row.expected - board.rows[UNSTEERED].expected
    paired = ~np.isnan(change)
    towards, away = (means_where(change, paired & (board.key == key)) for key in (1, -1))
    return means_where(change, paired), towards - away


def _flags(name: str, metrics: Mapping[str, Metric]) -> list[Flag]:
    """What a reader of the table must not miss."""
    flags = []
    share = metrics[MODAL_SHARE].value if MODAL_SHARE in metrics else 0.0
    if share > ONE_SIDED_ANSWERS and name not in CONSTANTS:
        flags.append(ONE_OPTION(share=share))
    if metrics[MISSING_RATE].value > 0:
        flags.append(UNREAD(share=metrics[MISSING_RATE].value))
    return flags
