"""How well the offline judge follows readers, on three sets of labelled answers (LABELLING.md)."""

from collections import Counter
from typing import get_args

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from judges.axis import Axis, Edition
from steerbench.bank import questions
from steerbench.contracts.targets import TRAITS
from tests.judges.labelled import BY_HAND, FRAMED, GENERATED, Labelled, labelled, pairs_won, rated, read_rows, spearman


def test_the_framed_set_is_balanced_over_traits_and_models() -> None:
    rows = labelled(FRAMED)
    assert len(rows) == 160
    assert set(Counter((row.trait, row.model) for row in rows).values()) == {16}
    assert {row.frame for row in rows} == {"bare", "friend", "person"}
    calibrating = {item.text for trait in TRAITS for item in questions("calibration", trait)}
    assert {row.question for row in rows} <= calibrating


def test_the_framed_sets_questions_are_in_no_other_set() -> None:
    asked = [{row.question for row in labelled(name)} for name in (BY_HAND, GENERATED, FRAMED)]
    assert asked[2].isdisjoint(asked[0] | asked[1])


def test_the_two_passes_over_the_framed_set_agree_as_far_as_it_is_written() -> None:
    first, second = (np.array([int(row[name]) for row in read_rows(FRAMED)]) for name in ("first", "second"))
    assert [row.label for row in labelled(FRAMED)] == ((first + second) / 2).tolist()
    assert spearmanr(first, second).statistic == pytest.approx(0.94, abs=0.005)
    assert cohen_kappa_score(first, second, weights="quadratic") == pytest.approx(0.94, abs=0.005)
    assert np.mean(first == second) == pytest.approx(0.93, abs=0.005)
    assert np.abs(first - second).max() == 1


def test_what_the_framed_set_is_like_is_as_it_is_written() -> None:
    rows, raw = labelled(FRAMED), read_rows(FRAMED)
    speaks_as_ai = np.array([[int(row["ai_first"]), int(row["ai_second"])] for row in raw])
    assert cohen_kappa_score(*speaks_as_ai.T) == pytest.approx(0.97, abs=0.005)
    small = np.array([row.model == "smollm2-135m" for row in rows])
    assert speaks_as_ai[small, 0].mean() == pytest.approx(0.04, abs=0.005)
    assert speaks_as_ai[~small, 0].mean() == pytest.approx(0.79, abs=0.005)
    labels = np.array([row.label for row in rows])
    assert np.mean(labels == 3) > 0.5
    high, low = (np.array([(r.method, r.pole[-1:]) == ("description-prompt", end) for r in rows]) for end in "+-")
    moved = [labels[high & some].mean() - labels[low & some].mean() for some in (small, ~small)]
    assert moved == pytest.approx([0, 0.4], abs=0.05)
    won = pairs_won(rows, labels).tolist()
    assert [won.count(one) for one in (1.0, 0.0, 0.5)] == [13, 7, 20]
    of_axis = {edition: pairs_won(rows, rated(Axis(edition), rows)).mean() for edition in get_args(Edition)}
    assert of_axis == pytest.approx({1: 0.475, 2: 0.55})


@pytest.mark.parametrize(
    ("edition", "name", "measured"),
    [
        (1, BY_HAND, 0.68),
        (2, BY_HAND, 0.75),
        (1, GENERATED, 0.31),
        (2, GENERATED, 0.31),
        (1, FRAMED, 0.25),
        (2, FRAMED, 0.47),
    ],
)
def test_the_axis_follows_the_labels_as_well_as_the_documentation_says(
    edition: Edition, name: str, measured: float
) -> None:
    rows = labelled(name)
    assert spearman(rows, rated(Axis(edition), rows)) == pytest.approx(measured, abs=0.006)


def test_of_answers_written_by_hand_the_high_one_is_mostly_rated_above_the_low_one_of_its_trait() -> None:
    rows = labelled(BY_HAND)
    ratings = rated(Axis(), rows)
    right = [
        high > low
        for above, high in zip(rows, ratings, strict=True)
        for below, low in zip(rows, ratings, strict=True)
        if above.trait == below.trait and above.label > 3 > below.label
    ]
    assert len(right) == 80
    assert np.mean(right) > 0.9


def test_pairs_of_poles_are_answers_of_one_model_to_one_question() -> None:
    told = {"trait": "E", "answer": "", "label": 3.0, "method": "description-prompt"}
    rows = [
        Labelled(question=question, model=model, pole=f"extraversion{pole}", **told)
        for question, model, pole in (
            ("a", "x", "+"),
            ("b", "x", "+"),
            ("a", "x", "-"),
            ("b", "x", "-"),
            ("a", "y", "+"),
        )
    ]
    rows += [rows[2]._replace(model="y"), rows[0]._replace(method="caa"), rows[0]._replace(question="c")]
    rows += [rows[2]._replace(question="c")]
    assert pairs_won(rows, np.array([4, 2, 3, 3, 1, 1, 9, 5, 4.0])).tolist() == [1.0, 0.0, 0.5, 1.0]
