"""Effects as numbers: against a slow version of themselves, with copies left out and answers that could not be read."""

import math
from collections.abc import Mapping
from itertools import product
from statistics import variance

import numpy as np
import pytest

from steerbench.contracts import Score, Scored
from steerbench.contracts.targets import TRAITS
from steerbench.records.flags import words
from tasks.papi.causal_board import summarise
from tasks.papi.flags import LIKE_PLACEBO, NO_EFFECT, UNREAD_CAUSAL
from tasks.papi.treatment import DOSES, Treatment

PEOPLE = ["p1", "p2", "p3", "p4"]
ITEMS = {f"{trait}{key:+d}": (trait, key) for trait in TRAITS for key in (1, -1)}
TREATMENTS = {f"{p} {t}{d:+d}": Treatment(p, t, d, 1.0) for p, t, d in product(PEOPLE, TRAITS, DOSES)}

Answers = Mapping[tuple[str, str], float | None]
"""Expected ticks by target and item."""


def scored(answers: Answers) -> list[Scored]:
    return [
        Scored(target, item, Score(0.0, {"trait": ITEMS[item][0], "key": ITEMS[item][1], "expected": expected}))
        for (target, item), expected in answers.items()
    ]


def random_answers(
    seed: int, without: set[str] = frozenset(), unreadable: float = 0.0
) -> dict[tuple[str, str], float | None]:
    rng = np.random.default_rng(seed)
    return {
        (target, item): None if rng.random() < unreadable else float(rng.uniform(1, 5))
        for target in [*PEOPLE, *TREATMENTS]
        for item in ITEMS
        if target not in without
    }


def slow_effect(answers: Answers, person: str, raised: str, dose: int, measured: str) -> float:
    """One person's effect of one copy on one trait, nan if there is none."""
    changes = []
    for item, (trait, key) in ITEMS.items():
        before, after = answers.get((person, item)), answers.get((f"{person} {raised}{dose:+d}", item))
        if trait == measured and before is not None and after is not None:
            changes.append(key * (after - before))
    return dose * sum(changes) / len(changes) if changes else math.nan


def mean(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


@pytest.mark.parametrize(
    ("without", "unreadable"), [(set(), 0.0), ({"p2 E+1", "p3 N-1", "p3 N+1"}, 0.0), ({"p1 A-1"}, 0.3)]
)
def test_metrics_are_those_of_the_slow_version(without: set[str], unreadable: float) -> None:
    answers = random_answers(3, without, unreadable)
    treatments = {copy: t for copy, t in TREATMENTS.items() if copy not in without}
    metrics = summarise({"row": scored(answers)}, PEOPLE, treatments, 0).metrics["row"]

    def effect(raised: list[str], doses: tuple[int, ...] = DOSES) -> float:
        return mean([mean([slow_effect(answers, p, s, d, s) for s in raised for d in doses]) for p in PEOPLE])

    def on_another(person: str, raised: str, measured: str) -> float:
        return mean([slow_effect(answers, person, raised, d, measured) for d in DOSES])

    pairs = [(s, t) for s in TRAITS for t in TRAITS if s != t]
    of_pairs = {(s, t): mean([on_another(p, s, t) for p in PEOPLE]) for s, t in pairs}
    expected = {
        "effect": effect(list(TRAITS)),
        **{f"effect {trait}": effect([trait]) for trait in TRAITS},
        **{f"effect {dose:+d}": effect(list(TRAITS), (dose,)) for dose in DOSES},
        "spill-over": mean([mean([on_another(p, s, t) for s, t in pairs]) for p in PEOPLE]),
        **{f"spill-over {s} on {t}": value for (s, t), value in of_pairs.items()},
        "size of spill-over": slow_size([[on_another(p, s, t) for p in PEOPLE] for s, t in pairs]),
        "points added": 1.0,
        "copies left out": len(without),
        "missing rate": mean(
            [mean([float(v is None) for (t, _), v in answers.items() if t.split(" ")[0] == p]) for p in PEOPLE]
        ),
    }
    assert next(iter(metrics)) == "effect"
    assert {name: metric.value for name, metric in metrics.items()} == pytest.approx(expected)
    assert metrics["effect"].low < metrics["effect"].value < metrics["effect"].high


def slow_size(pairs: list[list[float]]) -> float:
    """Root of the mean of m² - se² over pairs, 0 if noise makes it negative."""
    cells = []
    for values in pairs:
        known = [value for value in values if not math.isnan(value)]
        cells.append(mean(known) ** 2 - variance(known) / len(known))
    return math.sqrt(max(mean(cells), 0.0))


def linear(slope: float, spill: float = 0.0, noise: float = 0.0) -> dict[tuple[str, str], float | None]:
    """Answers that follow a dose: by `slope` on its own trait, by `spill` on the others."""
    rng = np.random.default_rng(1)
    of_person = {(p, i): float(rng.uniform(2, 4)) for p in PEOPLE for i in ITEMS}
    answers: dict[tuple[str, str], float | None] = dict(of_person)
    for copy, given in TREATMENTS.items():
        for item, (trait, key) in ITEMS.items():
            moved = given.dose * (slope if trait == given.trait else spill) + noise * rng.standard_normal()
            answers[copy, item] = of_person[given.person, item] + key * moved
    return answers


def test_a_slope_of_half_is_an_effect_of_half_and_no_spill_over() -> None:
    metrics = summarise({"half": scored(linear(0.5))}, PEOPLE, TREATMENTS, 0).metrics["half"]
    own = [name for name in metrics if name.startswith("effect")]
    others = [name for name in metrics if "spill-over" in name]
    assert {name: metrics[name].value for name in own} == pytest.approx(dict.fromkeys(own, 0.5))
    assert {name: metrics[name].value for name in others} == pytest.approx(dict.fromkeys(others, 0.0))
    assert metrics["effect"].note == "no interval: all values are the same"


def test_agreeing_more_with_everything_is_no_effect_where_keys_are_balanced() -> None:
    answers = {place: tick + (" " in place[0]) for place, tick in linear(0.0).items() if tick is not None}
    metrics = summarise({"agrees": scored(answers)}, PEOPLE, TREATMENTS, 0).metrics["agrees"]
    assert metrics["effect"].value == pytest.approx(0)
    assert metrics["size of spill-over"].value == pytest.approx(0)


def test_what_is_read_of_a_person_alone_does_not_count_as_a_change() -> None:
    # What the copy has left is compared with the same item of its person, not with the mean over both items.
    answers = linear(0.5)
    answers |= {("p1", "E+1"): 5.0, ("p1 E+1", "E+1"): None}
    metrics = summarise({"row": scored(answers)}, PEOPLE, TREATMENTS, 0).metrics["row"]
    assert metrics["effect +1"].value == pytest.approx(0.5)


def test_rows_are_paired_with_the_placebo_person_by_person() -> None:
    rows = {
        "works": scored(linear(0.5, noise=0.3)),
        "does not": scored(linear(0.0, noise=0.3)),
        "random-direction": scored(random_answers(5)),
        "unsteered": scored(linear(0.0)),
    }
    summary = summarise(rows, PEOPLE, TREATMENTS, 0)
    placebo = summary.metrics["random-direction"]["effect"].value
    for name in ("works", "does not"):
        beyond = summary.metrics[name]["beyond placebo"]
        assert beyond.value == pytest.approx(summary.metrics[name]["effect"].value - placebo)
        assert [c.against for c in summary.comparisons[name]] == ["unsteered", "random-direction"]
        assert summary.comparisons[name][1].difference == pytest.approx(-beyond.value)
    assert NO_EFFECT() not in summary.flags["works"]
    assert summary.flags["does not"] == [NO_EFFECT(), LIKE_PLACEBO()]
    assert list(map(words, summary.flags["does not"])) == [
        "not significantly different from no effect",
        "not significantly different from the placebo",
    ]
    assert "beyond placebo" not in summary.metrics["random-direction"]
    assert set(summary.comparisons) == {"works", "does not"}
    assert summary.higher_is_better


def test_a_row_depends_on_no_other_but_the_placebo() -> None:
    rows = {"one": scored(linear(0.5, noise=0.2)), "other": scored(random_answers(2))}
    both, alone = (summarise(some, PEOPLE, TREATMENTS, 0).metrics["one"] for some in (rows, {"one": rows["one"]}))
    assert both == alone


def test_one_person_has_no_interval_and_tells_nothing_apart() -> None:
    answers = {place: tick for place, tick in linear(0.5).items() if place[0].startswith("p1")}
    treatments = {copy: t for copy, t in TREATMENTS.items() if t.person == "p1"}
    summary = summarise({"row": scored(answers)}, ["p1"], treatments, 0)
    assert summary.metrics["row"]["effect"].value == pytest.approx(0.5)
    assert summary.metrics["row"]["effect"].low is None
    assert summary.flags["row"] == [NO_EFFECT()]


def test_a_row_that_could_never_be_read_has_no_effect_and_says_so() -> None:
    answers = dict.fromkeys(random_answers(0))
    summary = summarise({"mute": scored(answers)}, PEOPLE, TREATMENTS, 0)
    assert list(summary.metrics["mute"]) == ["effect", "missing rate", "points added", "copies left out"]
    assert math.isnan(summary.metrics["mute"]["effect"].value)
    assert summary.flags["mute"] == [NO_EFFECT(), UNREAD_CAUSAL(share=1.0)]
