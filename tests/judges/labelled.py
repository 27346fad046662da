"""How well a judge follows readers on the labelled answers beside this file (LABELLING.md says how they were labelled).

    python -m tests.judges.labelled axis                       # seconds
    python -m tests.judges.labelled axis edition=1
    python -m tests.judges.labelled local-llm allow_self_judge=true      # loads the model; about a second an answer
    python -m tests.judges.labelled panel allow_self_judge=true

Prints, for each set, Spearman's correlation of ratings and labels with a bootstrap interval over answers, and the mean
of the correlations within traits. For the framed set also how often, of two answers of a model to one question under
the descriptions of opposite poles, the one of the high pole is rated above the other (ties half; Wilson's interval).
"""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, spearmanr

from steerbench.contracts import Case, Judge
from steerbench.contracts.targets import TRAITS
from steerbench.plugins.parameters import value_of
from steerbench.plugins.plugin import construct
from steerbench.statistics import share_estimate

Array = NDArray[np.float64]

BY_HAND, GENERATED, FRAMED = "labelled_answers.csv", "labelled_generated.csv", "labelled_framed.csv"
RESAMPLES = 2000


class Labelled(NamedTuple):
    """An answer and how high on the trait a reader found it; who gave it, where that is known."""

    trait: str
    question: str
    answer: str
    label: float
    model: str = ""
    method: str = ""
    pole: str = ""
    frame: str = ""


def labelled(name: str) -> list[Labelled]:
    """The answers of a set."""
    told = ("model", "method", "pole", "frame")
    return [
        Labelled(row["trait"], row["question"], row["answer"], float(row["label"]), *(row.get(key, "") for key in told))
        for row in read_rows(name)
    ]


def read_rows(name: str) -> list[dict[str, str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def rated(judge: Judge, rows: Sequence[Labelled]) -> Array:
    """[rows], nan where the judge has no rating."""
    found = np.full(len(rows), np.nan)
    cases = [Case("trait", TRAITS[row.trait], row.question, row.answer) for row in rows]
    for batch in judge.rate(cases, None):
        for place, verdict in batch.items():
            found[place] = np.nan if verdict.rating is None else verdict.rating
    return found


def spearman(rows: Sequence[Labelled], ratings: Array) -> float:
    """Over the answers that were rated."""
    known = ~np.isnan(ratings)
    return float(spearmanr(np.array([row.label for row in rows])[known], ratings[known]).statistic)


def within_traits(rows: Sequence[Labelled], ratings: Array) -> float:
    """Spearman among the answers on one trait, averaged over the traits: traits' different levels count for nothing."""
    each = [[place for place, row in enumerate(rows) if row.trait == trait] for trait in TRAITS]
    return float(np.mean([spearman([rows[place] for place in places], ratings[places]) for places in each]))


def interval(rows: Sequence[Labelled], ratings: Array) -> tuple[float, float]:
    """95 %, percentiles of resampled answers."""
    known = ~np.isnan(ratings)
    labels = np.array([row.label for row in rows])[known]

    def statistic(of: Array, said: Array) -> float:
        return float(spearmanr(of, said).statistic)

    told = {"paired": True, "vectorized": False, "method": "percentile", "n_resamples": RESAMPLES}
    found = bootstrap((labels, ratings[known]), statistic, rng=np.random.default_rng(0), **told).confidence_interval
    return float(found.low), float(found.high)


def pairs_won(rows: Sequence[Labelled], ratings: Array) -> Array:
    """For each two answers under descriptions of opposite poles: 1 if the high pole's is rated above, .5 if equal."""
    described = {
        (row.model, row.question, row.pole[-1]): rating
        for row, rating in zip(rows, ratings, strict=True)
        if row.method == "description-prompt"
    }
    highs = [
        (high, described[model, question, "-"]) for (model, question, pole), high in described.items() if pole == "+"
    ]
    return np.array([(high > low) + (high == low) / 2 for high, low in highs])


def main(name: str, given: Sequence[str]) -> None:
    judge = construct("judge", name, {key: value_of(value) for key, value in (one.split("=", 1) for one in given)})
    for file in (BY_HAND, GENERATED, FRAMED):
        rows = labelled(file)
        ratings = rated(judge, rows)
        for model in ["", *sorted({row.model for row in rows} - {""})]:
            of_model = [place for place, row in enumerate(rows) if model in ("", row.model)]
            report(f"{file} {model or 'all'}", [rows[place] for place in of_model], ratings[of_model])


def report(what: str, rows: Sequence[Labelled], ratings: Array) -> None:
    low, high = interval(rows, ratings)
    within = within_traits(rows, ratings)
    print(
        f"{what}: {len(rows)} answers, Spearman {spearman(rows, ratings):.2f} [{low:.2f} {high:.2f}], "
        f"within traits {within:.2f}"
    )
    if (won := pairs_won(rows, ratings)).size:
        share = share_estimate(won)
        print(f"  pairs of poles won: {share.value:.2f} [{share.low:.2f} {share.high:.2f}] of {won.size}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
