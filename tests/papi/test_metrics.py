"""PAPI's metrics against literal loops, and against the reference figures of the published test set."""

import csv
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from steerbench.contracts import Metric, Score, Scored
from steerbench.records.flags import words
from steerbench.records.standing import is_better, standing_of
from tasks.papi.metrics import (
    AGREEMENT_SHIFT,
    ERROR,
    ERROR_BEST,
    ERROR_WORST,
    INDIVIDUAL_R,
    KEYED_SHIFT,
    MISSING_RATE,
    MODAL_SHARE,
    PROFILE_R,
    ROLES,
    summarise,
    trait_error,
)

TRAITS = "ACENO"
SAME = object()


def scored(person, item, tick, answer, expected=SAME):
    """Item `item` of person `person`: traits take turns, keys change every five items."""
    expected = answer if expected is SAME else expected
    trait, key = TRAITS[item % 5], 1 if item // 5 % 2 == 0 else -1
    record = {"trait": trait, "key": key, "tick": tick, "answer": answer, "expected": expected}
    return Scored(f"p{person}", f"i{item}", Score(None if answer is None else abs(answer - tick), record))


def row(ticks, answers, expected=None):
    """Scored items of [people, items]; a tick of None is not asked."""
    expected = answers if expected is None else expected
    return [
        scored(p, i, tick, answers[p][i], expected[p][i])
        for p, own in enumerate(ticks)
        for i, tick in enumerate(own)
        if tick is not None
    ]


def sample(seed, people=12, items=30):
    generator = np.random.default_rng(seed)
    ticks = generator.integers(1, 6, (people, items)).tolist()
    answers = generator.integers(1, 6, (people, items)).tolist()
    return ticks, answers


def constant(ticks, tick):
    return row(ticks, [[float(tick)] * len(own) for own in ticks])


def literal_composite(scored_items, unreadable):
    """Per person per trait the mean error, summed over traits, averaged over people. Loops only."""
    errors = {}
    for one in scored_items:
        record = one.score.record
        answer, tick = record["answer"], record["tick"]
        error = abs(answer - tick) if answer is not None else unreadable(tick)
        if error is not None:
            errors.setdefault(one.target, {}).setdefault(record["trait"], []).append(error)
    composites = [sum(sum(e) / len(e) for e in by_trait.values()) for by_trait in errors.values()]
    return sum(composites) / len(composites)


def with_gaps(seed):
    """A sample in which cells are not asked (of anybody's traits some stay) and answers cannot be read."""
    ticks, answers = sample(seed)
    generator = np.random.default_rng(seed + 1)
    for p in range(len(ticks)):
        for i in range(len(ticks[p])):
            if generator.random() < 0.05 and i >= 10:
                ticks[p][i] = None
            if generator.random() < 0.2 and i >= 10:
                answers[p][i] = None
    return ticks, answers


def test_error_is_the_sum_over_traits_of_each_persons_mean_error_unreadable_ones_as_the_middle():
    items = row(*with_gaps(3))
    metrics = summarise({"m": items}, 0).metrics["m"]
    assert next(iter(metrics)) == ERROR
    assert metrics[ERROR].value == pytest.approx(literal_composite(items, lambda tick: abs(3 - tick)))
    assert metrics[ERROR].n == 12
    assert sum(metrics[name].value for name in map(trait_error, TRAITS)) == pytest.approx(metrics[ERROR].value)


def test_the_bounds_are_what_unreadable_answers_could_have_been():
    items = row(*with_gaps(3))
    metrics = summarise({"m": items}, 0).metrics["m"]
    assert metrics[ERROR_BEST].value == pytest.approx(literal_composite(items, lambda tick: 0))
    worst = literal_composite(items, lambda tick: max(abs(t - tick) for t in range(1, 6)))
    assert metrics[ERROR_WORST].value == pytest.approx(worst)
    assert metrics[ERROR_BEST].value < metrics[ERROR].value < metrics[ERROR_WORST].value


def test_dropped_unreadable_answers_leave_the_denominator_as_published():
    items = row(*with_gaps(3))
    dropped = summarise({"m": items}, 0, missing="drop").metrics["m"]
    assert dropped[ERROR].value == pytest.approx(literal_composite(items, lambda tick: None))
    # What was dropped is still told.
    assert dropped[MISSING_RATE].value > 0.05
    assert dropped[ERROR_WORST].value == summarise({"m": items}, 0).metrics["m"][ERROR_WORST].value


def test_traits_are_averaged_per_person_not_over_all_cells():
    # p0 is asked one item of A (error 4), p1 three (error 0): per person 2, pooled 1.
    items = [scored(0, 0, 5, 1.0), *(scored(1, i, 3, 3.0) for i in (0, 5, 10))]
    assert summarise({"m": items}, 0).metrics["m"][ERROR].value == 2.0


def test_missing_rate_and_modal_share_are_averaged_over_people():
    answers = [[1.0, 1.0, 1.0, 2.0, None], [4.0, 4.0, 4.0, 4.0, 4.0]]
    metrics = summarise({"m": row([[3] * 5] * 2, answers)}, 0).metrics["m"]
    assert metrics[MISSING_RATE].value == pytest.approx((0.2 + 0.0) / 2)
    assert metrics[MODAL_SHARE].value == pytest.approx((0.75 + 1.0) / 2)


def test_shifts_are_paired_with_unsteered_item_by_item():
    ticks, _ = sample(1)
    before = np.random.default_rng(2).uniform(1, 5, (12, 30))
    key = np.array([1 if i // 5 % 2 == 0 else -1 for i in range(30)])
    rows = {
        "unsteered": row(ticks, before.tolist()),
        "agrees": row(ticks, (before + 0.5).tolist()),
        "moves the trait": row(ticks, (before + 0.4 * key).tolist()),
    }
    metrics = summarise(rows, 0).metrics
    assert metrics["agrees"][AGREEMENT_SHIFT].value == pytest.approx(0.5)
    assert metrics["agrees"][KEYED_SHIFT].value == pytest.approx(0.0, abs=1e-12)
    assert metrics["moves the trait"][AGREEMENT_SHIFT].value == pytest.approx(0.0, abs=1e-12)
    assert metrics["moves the trait"][KEYED_SHIFT].value == pytest.approx(0.8)
    assert AGREEMENT_SHIFT not in metrics["unsteered"]
    # An item that one of the two could not read has no pair.
    rows["agrees"][0] = scored(0, 0, ticks[0][0], None)
    assert summarise(rows, 0).metrics["agrees"][AGREEMENT_SHIFT].value == pytest.approx(0.5)


def test_without_unsteered_there_is_no_shift_and_nothing_else_changes():
    ticks, answers = sample(1)
    alone = summarise({"m": row(ticks, answers)}, 0).metrics["m"]
    beside = summarise({"m": row(ticks, answers), "unsteered": constant(ticks, 3)}, 0).metrics["m"]
    assert set(beside) - set(alone) == {AGREEMENT_SHIFT, KEYED_SHIFT}
    assert {name: beside[name] for name in alone} == alone


def test_truth_earns_full_marks_and_a_population_answer_none():
    ticks, _ = sample(5)
    population = [np.mean(ticks, axis=0).tolist()] * 12
    metrics = summarise(
        {
            "truth": row(ticks, [[float(t) for t in own] for own in ticks]),
            "always-3": constant(ticks, 3),
            "population": row(ticks, population),
        },
        0,
    ).metrics
    truth = metrics["truth"]
    assert (truth[ERROR].value, truth[ERROR].note) == (0.0, "no interval: all values are the same")
    assert truth[INDIVIDUAL_R].value == pytest.approx(1.0)
    assert truth[PROFILE_R].value == pytest.approx(1.0)
    for name in ("always-3", "population"):
        nothing = Metric(0.0, n=12, note="no interval: the same in every resample")
        assert metrics[name][INDIVIDUAL_R] == metrics[name][PROFILE_R] == nothing


def test_a_constant_earns_no_profile_r_where_answers_are_missing():
    ticks, _ = sample(5)
    ticks[0][0] = ticks[3][7] = ticks[3][8] = None
    assert summarise({"m": constant(ticks, 4)}, 0).metrics["m"][PROFILE_R].value == 0.0


def test_profile_r_compares_keyed_trait_scores():
    ticks, answers = sample(6)
    metric = summarise({"m": row(ticks, answers)}, 0).metrics["m"][PROFILE_R]
    per_trait = []
    for t in range(5):
        own, modelled = [], []
        for p in range(12):
            of_trait = [i for i in range(30) if i % 5 == t]
            keyed = [(6 - x if i // 5 % 2 else x) for i in of_trait for x in [ticks[p][i]]]
            own.append(sum(keyed) / len(keyed))
            keyed = [(6 - x if i // 5 % 2 else x) for i in of_trait for x in [answers[p][i]]]
            modelled.append(sum(keyed) / len(keyed))
        per_trait.append(np.corrcoef(own, modelled)[0, 1])
    assert metric.value == pytest.approx(np.mean(per_trait))


def test_expected_ticks_count_for_individual_r_where_the_answer_is_a_constant():
    ticks, _ = sample(7)
    leaning = (0.1 * np.array(ticks) + 2.7).tolist()
    metrics = summarise({"m": row(ticks, [[3.0] * 30] * 12, leaning)}, 0).metrics["m"]
    assert metrics[MODAL_SHARE].value == 1.0
    assert metrics[INDIVIDUAL_R].value == pytest.approx(1.0)


def test_methods_are_tested_against_every_trivial_row_there_and_trivial_rows_are_not():
    ticks, answers = sample(2)
    rows = {"m": row(ticks, answers), "n": constant(ticks, 2), "always-3": constant(ticks, 3)}
    rows |= {"unsteered": constant(ticks, 4)}
    summary = summarise(rows, 0)
    assert set(summary.comparisons) == {"m", "n"}
    assert [c.against for c in summary.comparisons["m"]] == ["always-3", "unsteered"]
    expected = summary.metrics["m"][ERROR].value - summary.metrics["always-3"][ERROR].value
    assert summary.comparisons["m"][0].difference == pytest.approx(expected)
    assert all(c.p_holm >= c.p for c in summary.comparisons["m"])


def test_a_method_is_shown_better_by_each_single_test_and_worse_by_holms():
    ticks = [[3] * 30 if p % 2 else [2] * 15 + [4] * 15 for p in range(12)]
    rows = {
        "always-1": constant(ticks, 1),
        "always-3": constant(ticks, 3),
        "item-median": row(ticks, [[float(t) for t in own] for own in ticks]),
        "m": constant(ticks, 3),
        "good": row(ticks, [[t + 0.1 * (i % 3) for i, t in enumerate(own)] for own in ticks]),
    }
    summary = summarise(rows, 0)

    def standing(name):
        return standing_of(summary.comparisons[name], ROLES, {"p": 1.0}, over=summary.over)

    # Beats always-1, ties with always-3, loses to item-median on six people: .03, which three tests make .09.
    assert (standing("m").not_better, standing("m").worse) == (["always-3", "item-median"], [])
    assert summary.comparisons["m"][2].p < 0.05 < summary.comparisons["m"][2].p_holm
    assert standing("good").not_better == ["item-median"]
    assert standing("good").words.startswith("worse than item-median")


def test_one_sided_and_unreadable_answers_are_flagged_in_round_numbers():
    ticks = [[3] * 25] * 4
    answers = [[2.0] * 24 + [4.0]] * 4
    assert list(map(words, summarise({"m": row(ticks, answers)}, 0).flags["m"])) == [
        "answers one option to 96 % of items"
    ]
    ticks, answers = [[3] * 1000], [[2.0, 3.0, 4.0, 5.0] * 250]
    answers[0][0] = None
    assert list(map(words, summarise({"m": row(ticks, answers)}, 0).flags["m"])) == ["under 1 % unreadable"]
    answers[0][:30] = [None] * 30
    assert list(map(words, summarise({"m": row(ticks, answers)}, 0).flags["m"])) == ["3 % unreadable"]
    answers[0][:999] = [None] * 999
    assert "99 % unreadable" in map(words, summarise({"m": row(ticks, answers)}, 0).flags["m"])


def test_a_row_that_could_not_be_read_at_all_is_scored_at_the_middle_and_says_so():
    ticks, _ = sample(4)
    unreadable = row(ticks, [[None] * 30] * 12)
    summary = summarise({"m": unreadable, "always-3": constant(ticks, 3)}, 0)
    assert summary.metrics["m"][ERROR] == summary.metrics["always-3"][ERROR]
    assert list(map(words, summary.flags["m"])) == ["100 % unreadable"]
    assert MODAL_SHARE not in summary.metrics["m"]
    dropped = summarise({"m": unreadable, "always-3": constant(ticks, 3)}, 0, missing="drop")
    assert ERROR not in dropped.metrics["m"]
    assert math.isnan(dropped.comparisons["m"][0].difference)
    assert list(map(words, dropped.flags["m"])) == ["100 % unreadable"]


def test_one_person_gives_values_without_intervals_or_correlations_between_people():
    metrics = summarise({"m": row(*sample(1, people=1))}, 0).metrics["m"]
    assert metrics[ERROR].low is None
    assert INDIVIDUAL_R not in metrics
    assert PROFILE_R not in metrics


def test_a_row_without_scored_items_has_no_metrics():
    ticks, answers = sample(1)
    assert set(summarise({"m": row(ticks, answers), "empty": []}, 0).metrics) == {"m"}
    assert summarise({}, 0).metrics == {}


def test_the_seed_decides_the_intervals():
    rows = {"m": row(*sample(1))}
    assert summarise(rows, 1) == summarise(rows, 1)
    assert summarise(rows, 1).metrics["m"][PROFILE_R].low != summarise(rows, 2).metrics["m"][PROFILE_R].low


def test_the_order_of_scored_items_does_not_matter():
    ticks, answers = with_gaps(2)
    rows = {"m": row(ticks, answers), "always-3": constant(ticks, 3)}
    items = {name: sorted(scored_items, key=lambda s: s.item) for name, scored_items in rows.items()}
    plain, sorted_by_item = summarise(rows, 0), summarise(items, 0)
    for name, metric in plain.metrics["m"].items():
        assert sorted_by_item.metrics["m"][name].value == pytest.approx(metric.value), name


# The published test set


@pytest.fixture(scope="module")
def published():
    """Stored answers of all people, nan where missing: asked items [people, 180] and shown items [people, 120]."""
    folder = Path(os.environ["STEERBENCH_DATA"]) / "papi"
    with (folder / "items_300.csv").open(encoding="utf-8", newline="") as file:
        # Answer i17 is that of the item whose *full* number is 17, which is not the file's 17th row.
        items = {int(line["full"]): (line["trait"], int(line["key"])) for line in csv.DictReader(file)}
    people = json.loads((folder / "Test-set.json").read_text(encoding="utf-8"))
    split = json.loads((folder / "mpi_300_split.json").read_text(encoding="utf-8"))

    def stored(numbers):
        values = np.array([[person[f"i{n}"] for n in numbers] for person in people], dtype=float)
        return np.where(values == 0, np.nan, values)

    return items, split, stored(split["test_index"]), stored(split["train_index"])


def published_rows(published, as_ticked, answers):
    """One row of the published set from keyed or constant answers [people, 180], missing cells left out."""
    items, split, stored, _ = published
    numbers = split["test_index"]
    return [
        Scored(
            str(p),
            str(n),
            Score(
                None,
                {
                    "trait": items[n][0],
                    "key": items[n][1] if as_ticked else 1,
                    "tick": int(stored[p, i]) if items[n][1] == 1 or not as_ticked else 6 - int(stored[p, i]),
                    "answer": float(answers[p, i]),
                    "expected": float(answers[p, i]),
                },
            ),
        )
        for p in range(len(stored))
        for i, n in enumerate(numbers)
        if not np.isnan(stored[p, i])
    ]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("as_ticked", "composites"),
    [(False, [11.68, 6.86, 3.79, 4.04, 8.32]), (True, [10.49, 5.92, 3.79, 4.97, 9.51])],
    ids=["as stored", "as ticked"],
)
def test_constant_answers_to_the_published_set_have_the_reference_errors(published, as_ticked, composites):
    shape = published[2].shape
    rows = {f"always-{t}": published_rows(published, as_ticked, np.full(shape, t)) for t in range(1, 6)}
    metrics = summarise(rows, 0).metrics
    assert [round(metrics[f"always-{t}"][ERROR].value, 2) for t in range(1, 6)] == composites
    per_trait = [round(metrics["always-3"][trait_error(t)].value, 2) for t in TRAITS]
    assert per_trait == [0.71, 0.72, 0.75, 0.72, 0.89]


@pytest.mark.real_data
@pytest.mark.parametrize("as_ticked", [False, True], ids=["as stored", "as ticked"])
def test_trait_means_of_the_published_set_have_the_reference_errors(published, as_ticked):
    items, split, stored, shown = published
    shown_trait = np.array([items[n][0] for n in split["train_index"]])
    means = {trait: np.nanmean(shown[:, shown_trait == trait], axis=1) for trait in TRAITS}
    keyed = np.stack([means[items[n][0]] for n in split["test_index"]], axis=1)
    mirrored = np.array([as_ticked and items[n][1] == -1 for n in split["test_index"]])
    median = np.broadcast_to(np.nanmedian(stored, axis=0), stored.shape)

    def answers(scores):
        return published_rows(published, as_ticked, np.where(mirrored, 6 - scores, scores))

    rows = {
        "trait mean": answers(keyed),
        "trait-mean": answers(np.round(keyed)),
        "median of all": answers(median),
        "always-3": published_rows(published, as_ticked, np.full(stored.shape, 3)),
    }
    summary = summarise(rows, 0)
    rounded = summary.metrics["trait-mean"]
    assert round(summary.metrics["trait mean"][ERROR].value, 2) == 3.10
    assert round(rounded[ERROR].value, 2) == 2.86
    assert round(summary.metrics["median of all"][ERROR].value, 2) == 2.87
    assert [round(rounded[trait_error(t)].value, 2) for t in TRAITS] == [0.59, 0.50, 0.59, 0.56, 0.62]
    # What anybody's answer to the item says nothing of this person, what they said of the trait does.
    assert summary.metrics["median of all"][INDIVIDUAL_R].value == 0.0
    assert rounded[INDIVIDUAL_R].low > 0.2
    assert rounded[PROFILE_R].value > 0.8
    against = {c.against: c for c in summary.comparisons["median of all"]}
    assert not is_better(against["trait-mean"])
    assert is_better(against["always-3"])


def test_the_rows_of_every_board_say_what_they_are_there_for():
    assert [name for name, role in ROLES.items() if role == "constant"] == [
        *(f"always-{n}" for n in range(1, 6)),
        "item-median",
    ]
    assert {name for name, role in ROLES.items() if role == "reference"} == {"trait-mean", "facet-mean", "additive"}
    assert (ROLES["ceiling"], ROLES["unsteered"], ROLES["random-direction"]) == ("ceiling", "unsteered", "placebo")


def test_the_share_of_the_ceiling_is_how_far_an_error_is_from_the_best_constant_to_the_ceiling():
    ticks, answers = sample(3)
    near = [
        [(a + 3 * t) / 4 for a, t in zip(own, marked, strict=True)] for own, marked in zip(answers, ticks, strict=True)
    ]
    rows = {
        "m": row(ticks, answers),
        "ceiling": row(ticks, near),
        "always-2": constant(ticks, 2),
        "always-3": constant(ticks, 3),
    }
    summary = summarise(rows, 0)
    error = {name: summary.metrics[name][ERROR].value for name in rows}
    best = min(error["always-2"], error["always-3"])
    found = summary.metrics["m"]["share of ceiling"]
    assert found.value == pytest.approx((best - error["m"]) / (best - error["ceiling"]))
    assert found.low < found.value < found.high
    assert summary.metrics["ceiling"]["share of ceiling"].value == pytest.approx(1.0)
    assert "share of ceiling" not in summarise({"m": rows["m"], "always-3": rows["always-3"]}, 0).metrics["m"]
    assert "ceiling" not in [c.against for c in summary.comparisons["m"]], "it is no row to beat"
