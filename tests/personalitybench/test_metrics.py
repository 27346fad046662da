"""PersonalityBench's metrics against literal loops over the scored answers."""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean, pvariance, stdev, variance
from typing import Any

import pytest

from steerbench.contracts import Metric, Score, Scored
from steerbench.records.flags import words
from steerbench.records.standing import standing_of
from tasks.personalitybench.flags import LESS_FLUENT
from tasks.personalitybench.metrics import ROLES, summarise

TRAITS = "ACENO"


def answer(
    trait: str, number: int, high: bool, ratings: dict[str, float | None], fluency: float | None = 4.0, **more: Any
) -> Scored:
    """An answer to a trait's question under one of its poles; its own trait unscored if its rating is None."""
    own = ratings[trait]
    record = {
        "trait": trait,
        "facet": "",
        "high": high,
        "steered": [trait],
        "ratings": ratings,
        "fluency": fluency,
        "finish": "stop",
        "words": 10,
        "as_ai": False,
        "distinct_1": 0.9,
        "distinct_2": 1.0,
        "distinct_3": 1.0,
        **more,
    }
    loss = None if own is None else 5 - own if high else own - 1
    target = more.get("target", f"{trait}{'+' if high else '-'}")
    return Scored(target, f"{trait}{number}", Score(loss, record, "" if own is not None else "no rating"))


def grid(seed: int, questions: int = 7, gaps: bool = True, lift: float = 0.0) -> list[Scored]:
    """Random ratings for all poles; with gaps, some questions were not asked, some ratings could not be had."""
    rng = random.Random(seed)

    def rating(missing: float) -> float | None:
        return None if gaps and rng.random() < missing else min(5.0, max(1.0, rng.gauss(3, 1)))

    rows = []
    for trait in TRAITS:
        for number in range(questions):
            for high in (True, False):
                ratings = {letter: rating(0.1 if letter == trait else 0.04) for letter in TRAITS}
                own = ratings[trait]
                if own is not None:
                    ratings[trait] = min(5.0, max(1.0, own + (lift if high else -lift)))
                more = {
                    "finish": rng.choice(["stop", "length"]),
                    "words": rng.randrange(60),
                    "as_ai": number % 3 == 0 and high,
                    "distinct_2": rng.choice([None, rng.random()]),
                }
                # The first questions are always asked, so that no pole is empty.
                if number < 3 or not gaps or rng.random() < 0.85:
                    rows.append(answer(trait, number, high, ratings, rating(0.1), **more))
    return rows


def scores_by_pole(
    rows: Sequence[Scored], read: Callable[[Scored], float | None]
) -> dict[tuple[str, bool], list[float]]:
    found: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for one in rows:
        value = read(one)
        if value is not None:
            found[one.score.record["trait"], one.score.record["high"]].append(value)
    return found


def summed(
    rows: Sequence[Scored], read: Callable[[Scored], float | None], over: Callable[[list[float]], float]
) -> float:
    """The paper's sum over both poles, averaged over the traits."""
    by_pole = scores_by_pole(rows, read)
    return fmean(over(by_pole[trait, True]) + over(by_pole[trait, False]) for trait in TRAITS)


def towards(one: Scored) -> float | None:
    record = one.score.record
    rating = record["ratings"][record["trait"]]
    return None if rating is None else rating if record["high"] else 6 - rating


def fluency(one: Scored) -> float | None:
    value: float | None = one.score.record["fluency"]
    return value


def pairs(rows: Sequence[Scored]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The records of a question's high and low answer, for questions that have both."""
    by_item: dict[str, dict[bool, dict[str, Any]]] = defaultdict(dict)
    for one in rows:
        by_item[one.item][one.score.record["high"]] = dict(one.score.record)
    return [(both[True], both[False]) for both in by_item.values() if len(both) == 2]


def per_question(rows: Sequence[Scored], read: Callable[[Scored], float | None]) -> float:
    by_item: dict[str, list[float]] = defaultdict(list)
    for one in rows:
        value = read(one)
        if value is not None:
            by_item[one.item].append(value)
    return fmean(fmean(values) for values in by_item.values())


@pytest.mark.parametrize("seed", [0, 1])
def test_trait_score_and_fluency_are_sums_over_the_poles_averaged_over_traits(seed: int) -> None:
    rows = grid(seed)
    metrics = summarise({"m": rows}, 0).metrics["m"]
    assert metrics["trait score"].value == pytest.approx(summed(rows, towards, fmean))
    assert metrics["fluency"].value == pytest.approx(summed(rows, fluency, fmean))
    by_pole = scores_by_pole(rows, towards)
    for trait in TRAITS:
        high, low = fmean(by_pole[trait, True]), fmean(by_pole[trait, False])
        assert metrics[f"trait score {trait}"].value == pytest.approx(high + low)
        assert metrics[f"trait score {trait}+"].value == pytest.approx(high)
        assert metrics[f"trait score {trait}-"].value == pytest.approx(low)
    assert metrics["trait score E+"].n == len({o.item for o in rows if o.target == "E+" and o.score.loss is not None})


@pytest.mark.parametrize("seed", [0, 1])
def test_variances_are_of_the_answers_of_a_pole_summed_likewise(seed: int) -> None:
    rows = grid(seed)
    metrics = summarise({"m": rows}, 0).metrics["m"]
    assert metrics["trait variance"].value == pytest.approx(summed(rows, towards, variance))
    assert metrics["fluency variance"].value == pytest.approx(summed(rows, fluency, variance))


@pytest.mark.parametrize("seed", [0, 1])
def test_separation_pairs_the_two_answers_to_a_question(seed: int) -> None:
    rows = grid(seed)
    metrics = summarise({"m": rows}, 0).metrics["m"]
    found = defaultdict(list)
    for high, low in pairs(rows):
        trait = high["trait"]
        if high["ratings"][trait] is not None and low["ratings"][trait] is not None:
            found[trait].append(high["ratings"][trait] - low["ratings"][trait])
    everything = [difference for differences in found.values() for difference in differences]
    assert metrics["separation"].value == pytest.approx(fmean(everything))
    assert metrics["separation"].n == len(everything) < 35
    for trait in TRAITS:
        assert metrics[f"separation {trait}"].value == pytest.approx(fmean(found[trait]))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_headline_is_the_separation_in_the_rows_own_standard_deviations(seed: int) -> None:
    rows = grid(seed)
    metrics = summarise({"m": rows}, 0).metrics["m"]
    assert next(iter(metrics)) == "separation d"
    found = defaultdict(list)
    for high, low in pairs(rows):
        trait = high["trait"]
        if high["ratings"][trait] is not None and low["ratings"][trait] is not None:
            found[trait].append(high["ratings"][trait] - low["ratings"][trait])
    everything = [difference for differences in found.values() for difference in differences]
    headline = metrics["separation d"]
    assert headline.value == pytest.approx(fmean(everything) / stdev(everything))
    assert headline.n == len(everything)
    assert headline.low < headline.value < headline.high
    for trait in TRAITS:
        assert metrics[f"separation d {trait}"].value == pytest.approx(fmean(found[trait]) / stdev(found[trait]))


def test_the_headline_does_not_depend_on_how_wide_a_judge_spreads_its_ratings() -> None:
    wide = grid(4, gaps=False, lift=0.3)
    narrow = [
        replace(
            one,
            score=replace(
                one.score,
                record={
                    **one.score.record,
                    "ratings": {t: 3 + (r - 3) / 10 for t, r in one.score.record["ratings"].items()},
                },
            ),
        )
        for one in wide
    ]
    metrics = summarise({"wide": wide, "narrow": narrow}, 0).metrics
    assert metrics["narrow"]["separation"].value == pytest.approx(metrics["wide"]["separation"].value / 10)
    assert metrics["narrow"]["separation d"].value == pytest.approx(metrics["wide"]["separation d"].value)


def test_a_row_that_separates_nothing_has_a_headline_of_0_and_one_that_always_separates_alike_has_none() -> None:
    unsteered = [answer(t, n, high, {t: 2.0 + n % 3}) for t in TRAITS for n in range(4) for high in (True, False)]
    adjectives = [answer("E", n, high, {"E": 4.5 if high else 1.5}) for n in range(4) for high in (True, False)]
    metrics = summarise({"unsteered": unsteered, "fixed-text": adjectives}, 0).metrics
    assert metrics["unsteered"]["separation d"] == Metric(0.0, n=20, note="no interval: all values are the same")
    said = metrics["fixed-text"]["separation d"]
    assert math.isnan(said.value)
    assert said.note == "undefined: all differences are the same"
    assert next(iter(metrics["fixed-text"])) == "separation d"
    assert metrics["fixed-text"]["separation"].value == 3.0


def test_where_only_one_pole_of_each_trait_is_asked_the_papers_score_is_the_headline() -> None:
    rows = [one for one in grid(2) if one.target.endswith("+")]
    metrics = summarise({"m": rows}, 0).metrics["m"]
    assert next(iter(metrics)) == "trait score"
    assert not any(name.startswith("separation") for name in metrics)


@pytest.mark.parametrize("seed", [0, 1])
def test_off_target_is_the_size_of_the_other_traits_shifts_without_their_noise(seed: int) -> None:
    rows = grid(seed)
    metrics = summarise({"m": rows}, 0).metrics["m"]
    shifts = defaultdict(list)
    for high, low in pairs(rows):
        if None in high["ratings"].values() or None in low["ratings"].values():
            continue
        for rated in TRAITS:
            if rated != high["trait"]:
                shifts[high["trait"], rated].append(high["ratings"][rated] - low["ratings"][rated])
    entries = {pair: fmean(values) for pair, values in shifts.items()}
    assert len(entries) == 20
    for (steered, rated), entry in entries.items():
        assert metrics[f"off-target {steered} on {rated}"].value == pytest.approx(entry)
    squares = [fmean(values) ** 2 - variance(values) / len(values) for values in shifts.values()]
    assert metrics["off-target"].value == pytest.approx(max(fmean(squares), 0.0) ** 0.5)
    assert 0 <= metrics["off-target"].low <= metrics["off-target"].value < metrics["off-target"].high
    assert not any("E on E" in name for name in metrics)


@pytest.mark.parametrize("seed", [0, 1])
def test_rates_lengths_and_repetition_are_averaged_within_questions_first(seed: int) -> None:
    rows = grid(seed)
    metrics = summarise({"m": rows}, 0).metrics["m"]
    expected = {
        "unscored rate": per_question(rows, lambda one: float(one.score.loss is None)),
        "unscored fluency rate": per_question(rows, lambda one: float(fluency(one) is None)),
        "truncated": per_question(rows, lambda one: float(one.score.record["finish"] == "length")),
        "AI or refusal": per_question(rows, lambda one: float(one.score.record["as_ai"])),
        "length": per_question(rows, lambda one: one.score.record["words"]),
        "distinct-2": per_question(rows, lambda one: one.score.record["distinct_2"]),
        "distinct-2 with n=1": 0.9,
    }
    assert {name: metrics[name].value for name in expected} == pytest.approx(expected)


def test_unscored_answers_leave_the_mean_and_a_bound_says_what_they_could_have_been() -> None:
    rows = grid(3)
    metrics = summarise({"m": rows}, 0).metrics["m"]
    worst = summed(rows, lambda one: 1.0 if (score := towards(one)) is None else score, fmean)
    assert metrics["trait score if unscored were worst"].value == pytest.approx(worst)
    assert worst < metrics["trait score"].value
    whole = summarise({"m": grid(3, gaps=False)}, 0).metrics["m"]
    assert "trait score if unscored were worst" not in whole
    unscored = whole["unscored rate"]
    assert (unscored.value, unscored.low, unscored.n) == (0.0, 0.0, 35)
    assert unscored.high == pytest.approx(0.099, abs=1e-3), "none of 35 is not certainly none"


def test_without_gaps_the_separation_is_the_trait_score_less_six() -> None:
    metrics = summarise({"m": grid(4, gaps=False)}, 0).metrics["m"]
    assert metrics["separation"].value == pytest.approx(metrics["trait score"].value - 6)


def test_a_break_down_follows_the_metric_whose_name_it_begins_with() -> None:
    names = list(summarise({"m": grid(0)}, 0).metrics["m"])
    leading = [n for i, n in enumerate(names) if not any(n.startswith(f"{before} ") for before in names[:i])]
    assert leading == [
        "separation d",
        "trait score",
        "fluency",
        "separation",
        "off-target",
        "unscored rate",
        "trait variance",
        "unscored fluency rate",
        "truncated",
        "AI or refusal",
        "length",
        "distinct-2",
    ]


def test_a_trait_asked_under_one_pole_counts_it_twice() -> None:
    ratings: dict[str, float | None] = {"E": 4.0}
    rows = [answer("E", n, True, ratings) for n in range(3)]
    rows += [answer("N", n, high, {"N": 5.0 if high else 2.0}) for n in range(3) for high in (True, False)]
    metrics = summarise({"m": rows}, 0).metrics["m"]
    assert metrics["trait score"].value == pytest.approx(((4 + 4) + (5 + 4)) / 2)
    assert "separation E" not in metrics
    assert metrics["separation"].value == 3.0
    assert "off-target" not in metrics, "no answer was rated on all five traits"


def test_traits_weigh_the_same_however_many_questions_they_have() -> None:
    rows = [answer("E", n, high, {"E": 5.0 if high else 1.0}) for n in range(30) for high in (True, False)]
    rows += [answer("N", n, high, {"N": 3.0}) for n in range(2) for high in (True, False)]
    assert summarise({"m": rows}, 0).metrics["m"]["trait score"].value == pytest.approx((10 + 6) / 2)


def test_a_row_of_which_a_pole_could_not_be_rated_has_no_trait_score_and_comes_with_its_bound() -> None:
    rows = [
        answer(t, n, high, {t: None if (t, high) == ("O", False) else 4.0})
        for t in TRAITS
        for n in range(4)
        for high in (True, False)
    ]
    metrics = summarise({"m": rows}, 0).metrics["m"]
    assert math.isnan(metrics["trait score"].value)
    assert metrics["trait score if unscored were worst"].value == pytest.approx((4 * 6 + 5) / 5)


def test_a_pole_with_a_single_question_has_no_interval() -> None:
    rows = [answer(t, n, high, {t: 4.0}) for t in TRAITS for n in range(1 if t == "A" else 9) for high in (True, False)]
    metrics = summarise({"m": rows}, 0).metrics["m"]
    whole = metrics["trait score"]
    assert (whole.value, whole.low, whole.high, whole.n) == (pytest.approx(6.0), None, None, 37)
    assert metrics["trait score E"] == Metric(6.0, n=9, note="no interval: all values are the same")


def test_intervals_resample_questions_with_both_their_answers() -> None:
    # Both answers of a question err alike: their scores always sum to 6, however the questions are drawn.
    rng = random.Random(0)
    rows = []
    for trait in TRAITS:
        for number in range(8):
            rating = rng.uniform(1, 5)
            rows += [answer(trait, number, high, {trait: rating}) for high in (True, False)]
    metric = summarise({"m": rows}, 0).metrics["m"]["trait score"]
    assert (metric.value, metric.note) == (pytest.approx(6.0), "no interval: all values are the same")


def test_the_interval_is_about_as_wide_as_the_normal_one() -> None:
    rows = grid(5, questions=40, gaps=False)
    metric = summarise({"m": rows}, 0).metrics["m"]["trait score"]
    by_question: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for one in rows:
        by_question[one.item[0]][one.item] += towards(one) or 0.0
    error = sum(pvariance(list(sums.values())) / 40 for sums in by_question.values()) ** 0.5 / 5
    assert metric.low is not None
    assert metric.high is not None
    assert metric.high - metric.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_metrics_of_a_row_depend_on_no_other_row() -> None:
    alone = summarise({"m": grid(6)}, 7).metrics["m"]
    # The others were asked questions that it was not asked, and in another order.
    beside = summarise({"unsteered": grid(8)[::-1], "m": grid(6), "echo": grid(9)}, 7).metrics["m"]
    assert alone == beside


def test_a_method_is_compared_with_the_trivial_rows_there_by_questions() -> None:
    rows = {"m": grid(1, lift=1.0), "fixed-text": grid(2, gaps=False), "unsteered": grid(2, gaps=False)}
    summary = summarise(rows, 0)
    assert summary.higher_is_better
    assert set(summary.comparisons) == {"m"}
    assert [c.against for c in summary.comparisons["m"]] == ["unsteered", "fixed-text"]
    losses: dict[str, dict[str, list[float | None]]] = {name: defaultdict(list) for name in rows}
    for name, scored in rows.items():
        for one in scored:
            losses[name][one.item].append(one.score.loss)
    differences = [
        fmean(loss for loss in own if loss is not None)
        - fmean(loss for loss in losses["unsteered"][item] if loss is not None)
        for item, own in losses["m"].items()
        if None not in own
    ]
    assert len(differences) < 35
    assert summary.comparisons["m"][0].difference == pytest.approx(fmean(differences))
    assert summary.comparisons["m"][0].difference < -0.3
    assert summary.comparisons["m"][0].p_holm < 0.05
    assert not any("fluent" in words(flag) for flag in summary.flags["unsteered"])


def test_a_method_no_better_than_a_reference_is_not_shown_to_beat_it() -> None:
    rows = {"m": grid(1, lift=1.0), "unsteered": grid(2, gaps=False), "fixed-text": grid(3, gaps=False, lift=2.0)}
    found = standing_of(summarise(rows, 0).comparisons["m"], ROLES, {"E+": 1.0})
    assert (found.moves, found.reference, found.not_better) == (True, False, ["fixed-text"])


def plain(fluencies: Sequence[float | None], **more: Any) -> list[Scored]:
    return [
        answer("E", n, high, {"E": 4.0}, given, **more) for n, given in enumerate(fluencies) for high in (True, False)
    ]


def test_a_loss_of_fluency_against_unsteered_is_flagged_if_it_is_clear() -> None:
    rows = {"unsteered": plain([4.0] * 10), "worse": plain([3.5] * 10), "unclear": plain([3.0, 4.1, 4.2] + [4.0] * 7)}
    rows["better"] = plain([4.5] * 10)
    flags = summarise(rows, 0).flags
    assert [name for name in rows if LESS_FLUENT() in flags[name]] == ["worse"]


def test_cut_off_repetitive_and_unscored_answers_are_flagged_in_round_numbers() -> None:
    rows = plain([4.0] * 199 + [None], finish="length", distinct_2=0.3)
    rows[0] = answer("E", 0, True, {"E": None}, finish="length", distinct_2=0.3)
    assert list(map(words, summarise({"m": rows}, 0).flags["m"])) == [
        "repeats itself",
        "100 % cut off at the token limit",
        "under 1 % unscored",
        "fluency of under 1 % unscored",
    ]
    assert summarise({"m": plain([4.0] * 5, finish="stop")}, 0).flags["m"] == []


@pytest.mark.parametrize(("cut", "flags"), [(2, 0), (3, 1)])
def test_more_than_a_tenth_that_are_cut_are_flagged(cut: int, flags: int) -> None:
    rows = [
        answer("E", n, high, {"E": 4.0}, finish="length" if n < cut else "stop")
        for n in range(20)
        for high in (True, False)
    ]
    assert len(summarise({"m": rows}, 0).flags["m"]) == flags


@pytest.mark.parametrize(("speaking", "flags"), [(5, []), (12, ["60 % of answers speak as an AI or refuse"])])
def test_more_than_a_quarter_that_speak_as_an_ai_are_flagged(speaking: int, flags: list[str]) -> None:
    rows = [answer("E", n, high, {"E": 4.0}, as_ai=n < speaking) for n in range(20) for high in (True, False)]
    summary = summarise({"m": rows}, 0)
    metric = summary.metrics["m"]["AI or refusal"]
    assert (metric.value, metric.n) == (speaking / 20, 20)
    assert metric.low < speaking / 20 < metric.high
    assert list(map(words, summary.flags["m"])) == flags


def test_an_answer_cut_in_its_thoughts_is_truncated_and_in_no_mean_of_words() -> None:
    rows = plain([4.0] * 4, words=30, distinct_2=0.8)
    lost = {"words": None, "as_ai": None, "distinct_1": None, "distinct_2": None, "distinct_3": None}
    rows += [
        answer("E", n, high, {"E": None}, None, finish="thinking", **lost) for n in (4, 5) for high in (True, False)
    ]
    metrics = summarise({"m": rows}, 0).metrics["m"]
    assert metrics["truncated"].value == pytest.approx(2 / 6)
    assert (metrics["length"].value, metrics["distinct-2"].value) == (30, pytest.approx(0.8))
    assert metrics["unscored rate"].value == pytest.approx(2 / 6)
    assert metrics["AI or refusal"].n == 4


def test_traits_that_are_blended_are_not_off_target() -> None:
    """Steered to E+O- and E-O+ at once, a shift of O on questions about E is meant."""
    rows = []
    for high in (True, False):
        ends: dict[str, float | None] = {"A": 3.0, "C": 3.0, "N": 3.5 if high else 3.0}
        target, steered = ("E+O-" if high else "E-O+"), ["E", "O"]
        ends |= {"E": 5.0 if high else 1.0, "O": 2.0 if high else 4.0}
        rows += [answer("E", n, high, ends, steered=steered, target=target) for n in range(3)]
        rows += [answer("O", n, not high, ends, steered=steered, target=target) for n in range(3)]
    metrics = summarise({"m": rows}, 0).metrics["m"]
    entries = {name: m.value for name, m in metrics.items() if " on " in name}
    assert set(entries) == {f"off-target {x} on {y}" for x in "EO" for y in "ACN"}
    assert entries["off-target E on N"] == 0.5
    assert entries["off-target O on N"] == -0.5
    assert metrics["off-target"].value == pytest.approx((2 * 0.5**2 / 6) ** 0.5)
    assert metrics["trait score E+O-"].value == pytest.approx((5 + 4) / 2)


def test_a_row_without_answers_is_left_out() -> None:
    assert set(summarise({"m": grid(0), "nothing": []}, 0).metrics) == {"m"}
