"""PAPI's metrics: how far a row's answers are from what people marked, and whether they follow the person.

The headline is the papers' composite error. It can be had without knowing anything of a person, so beside
it stand `individual r`, which no constant can earn, and paired tests against every trivial row.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from steerbench.contracts import Comparison, Metric, Scored, Summary
from steerbench.statistics import (
    bootstrap_mean,
    cluster_bootstrap,
    individual_r,
    means_where,
    paired_comparisons,
    trait_profile_r,
    weighted_means,
)
from tasks.flags import not_better, percent
from tasks.papi.board import Answers, Array, Board, board_of

ERROR = "error"
ERROR_BEST = "error best case"
ERROR_WORST = "error worst case"
INDIVIDUAL_R = "individual r"
PROFILE_R = "profile r"
AGREEMENT_SHIFT = "agreement shift"
KEYED_SHIFT = "keyed shift"
MISSING_RATE = "missing rate"
MODAL_SHARE = "modal share"

UNSTEERED = "unsteered"
CONSTANTS = tuple(f"always-{tick}" for tick in range(1, 6))
TRIVIAL = (*CONSTANTS, "trait-mean", "facet-mean", "item-median", "additive", "ceiling", UNSTEERED, "random-direction")

ONE_SIDED_ANSWERS = 0.9

Missing = Literal["impute", "drop"]


def trait_error(trait: str) -> str:
    """The name of the error on one trait."""
    return f"error {trait}"


def summarise(rows: Mapping[str, Sequence[Scored]], seed: int, missing: Missing = "impute") -> Summary:
    """Metrics, comparisons with the trivial rows and flags of every row that has scored items.

    Unreadable answers count as the middle of the scale (`impute`), or leave the denominator as in the
    published protocol (`drop`). Every metric is drawn from `seed` afresh, so it depends on no other metric
    and, shifts against `unsteered` aside, on no other row.
    """
    board = board_of({name: scored for name, scored in rows.items() if scored})
    losses = {name: composite_errors(board, row, missing) for name, row in board.rows.items()}
    comparisons = {
        name: paired_comparisons(losses, name, [t for t in TRIVIAL if t in losses], np.random.default_rng(seed))
        for name in board.rows
        if name not in TRIVIAL
    }
    metrics = {name: _metrics(board, name, seed, missing) for name in board.rows}
    flags = {name: _flags(name, metrics[name], comparisons.get(name, ())) for name in board.rows}
    return Summary(metrics, comparisons, flags)


def composite_errors(board: Board, row: Answers, missing: Missing = "impute") -> Array:
    """[people]: the sum over traits of a person's mean absolute error, nan for a person who lacks a trait."""
    return np.asarray(_trait_errors(board, row, _treatment(missing)).sum(axis=1))


def _treatment(missing: Missing) -> str:
    return "middle" if missing == "impute" else "drop"


def _trait_errors(board: Board, row: Answers, unreadable: str) -> Array:
    """[people, traits]."""
    return board.trait_means(row.errors(unreadable))


def _metrics(board: Board, name: str, seed: int, missing: Missing) -> dict[str, Metric]:
    """All metrics of a row, headline first; those that are undefined for it are absent."""
    row = board.rows[name]
    estimates: dict[str, Metric | None] = {
        ERROR: _composite(board, row, _treatment(missing), seed),
        ERROR_BEST: _composite(board, row, "best", seed),
        ERROR_WORST: _composite(board, row, "worst", seed),
    }
    per_trait = _trait_errors(board, row, _treatment(missing))
    estimates |= {trait_error(t): _mean(errors, seed) for t, errors in zip(board.traits, per_trait.T, strict=True)}
    known = row.asked & ~np.isnan(row.expected)
    estimates[INDIVIDUAL_R] = individual_r(row.expected, row.tick, known, np.random.default_rng(seed))
    estimates[PROFILE_R] = trait_profile_r(
        board.trait_means(_beside_others(board.keyed(row.expected))),
        board.trait_means(_beside_others(board.keyed(row.tick))),
        np.random.default_rng(seed),
    )
    if UNSTEERED in board.rows and name != UNSTEERED:
        agreement, keyed = _shifts(board, row)
        estimates |= {AGREEMENT_SHIFT: _mean(agreement, seed), KEYED_SHIFT: _mean(keyed, seed)}
    estimates[MISSING_RATE] = _mean(means_where(row.unreadable, row.asked), seed)
    estimates[MODAL_SHARE] = _mean(modal_shares(row.answer), seed)
    return {metric: estimate for metric, estimate in estimates.items() if estimate is not None}


def _beside_others(scores: Array) -> Array:
    """Scores [people, items] less the item's mean over people.

    Of complete answers this moves a trait's score by the same for everybody. Where one is missing, it keeps the
    others of the trait, which are keyed to both sides, from telling a person apart by what they left out.
    """
    known = ~np.isnan(scores)
    sums, counts = np.where(known, scores, 0.0).sum(axis=0), known.sum(axis=0)
    return np.asarray(scores - sums / np.maximum(counts, 1))


def _composite(board: Board, row: Answers, unreadable: str, seed: int) -> Metric | None:
    """Sum over traits of the people's mean error, people lacking a trait left out of that trait alone."""
    errors = _trait_errors(board, row, unreadable)
    errors = errors[~np.isnan(errors).all(axis=1)]
    if not len(errors) or np.isnan(errors).all(axis=0).any():
        return None
    return cluster_bootstrap(
        lambda counts: np.asarray(weighted_means(counts, errors).sum(axis=1)),
        len(errors),
        np.random.default_rng(seed),
    )


def _mean(values: Array, seed: int) -> Metric | None:
    """Mean over people with its interval, None if nobody has a value."""
    return None if np.isnan(values).all() else bootstrap_mean(values, np.random.default_rng(seed))


def _shifts(board: Board, row: Answers) -> tuple[Array, Array]:
    """[people] twice: the change of expected tick against `unsteered`, and that on + less that on - items.

    The first is agreement as such; a steering that moves a trait moves + and - items apart.
    """
    change = row.expected - board.rows[UNSTEERED].expected
    paired = ~np.isnan(change)
    towards, away = (means_where(change, paired & (board.key == key)) for key in (1, -1))
    return means_where(change, paired), towards - away


def modal_shares(answers: Array) -> Array:
    """[people]: share of a person's readable answers that are the most frequent one, nan if none is readable."""
    shares = np.full(len(answers), np.nan)
    for person, given in enumerate(answers):
        readable = given[~np.isnan(given)]
        if readable.size:
            shares[person] = np.unique(readable, return_counts=True)[1].max() / readable.size
    return shares


def _flags(name: str, metrics: Mapping[str, Metric], comparisons: Sequence[Comparison]) -> list[str]:
    """What a reader of the table must not miss, in short sentences."""
    flags = not_better(comparisons)
    share = metrics[MODAL_SHARE].value if MODAL_SHARE in metrics else 0.0
    if share > ONE_SIDED_ANSWERS and name not in CONSTANTS:
        flags.append(f"answers one option to {percent(share)} of items")
    if metrics[MISSING_RATE].value > 0:
        flags.append(f"{percent(metrics[MISSING_RATE].value)} unreadable")
    return flags
