"""Others: what is known of people in general, never of the person asked about."""

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerbench.contracts import Split
from steerbench.contracts.targets import Item, Others
from tasks.papi.dataset import load
from tasks.papi.inventory import Inventory, Person
from tasks.papi.others import others_by_person, where_from
from tasks.papi.sample.simulate import simulate, simulate_outsiders
from tasks.papi.task import PAPI

ITEMS = tuple(Item(str(n), "Sing.", "You sing.", "O", "Song", -1 if n % 2 else 1) for n in range(4))


def inventory(people: int, limit: int | None = None) -> Inventory:
    """Of people who all answer differently: by the digits of their number to the base 5."""
    everybody = tuple(
        Person(f"p{n}", {str(digit): 1 + n // 5**digit % 5 for digit in range(len(ITEMS))}) for n in range(people)
    )
    return Inventory("tested", "", ITEMS, ("0", "1"), ("2", "3"), everybody[:limit], everybody)


def numbers(others: Others) -> list[int]:
    """Which of the inventory's people these are."""
    return ((others.ticks - 1) @ 5 ** np.arange(len(ITEMS))).tolist()


@given(st.lists(st.lists(st.integers(0, 5), min_size=4, max_size=4), min_size=1, max_size=9))
def test_medians_are_of_ticks_and_means_of_keyed_scores_of_those_who_answered(rows: list[list[int]]) -> None:
    others = Others(ITEMS, np.array(rows))
    answered = [[row[n] for row in rows if row[n]] for n in range(len(ITEMS))]
    assert others.medians == {str(n): statistics.median(ticks) for n, ticks in enumerate(answered) if ticks}
    keyed = [
        statistics.fmean(ITEMS[n].keyed(t) for t in ticks) if ticks else np.nan for n, ticks in enumerate(answered)
    ]
    assert others.means.tolist() == pytest.approx(keyed, nan_ok=True)


def test_a_hundred_people_outside_the_run_are_everybodys_others() -> None:
    tested = inventory(300, limit=200)
    others = others_by_person(tested, ITEMS)
    assert list(others) == [f"p{n}" for n in range(200)]
    assert len(set(others.values())) == 1
    assert numbers(others["p7"]) == list(range(200, 300))
    assert where_from(tested) == "100 people outside the run"


@pytest.mark.parametrize("limit", [201, None])
def test_with_fewer_outside_ones_others_are_nine_of_ten_folds_and_never_oneself(limit: int | None) -> None:
    tested = inventory(300, limit)
    others = others_by_person(tested, ITEMS)
    assert len(others) == len(tested.people)
    for n in range(len(tested.people)):
        assert n not in numbers(others[f"p{n}"])
        assert len(set(numbers(others[f"p{n}"]))) == 270
    assert len(set(others.values())) == 10
    assert where_from(tested) == "10 folds of 300 people"


def test_a_persons_folds_are_the_same_in_runs_of_any_size() -> None:
    few, all_of_them = (others_by_person(inventory(150, limit), ITEMS) for limit in (60, None))
    assert all(numbers(others) == numbers(all_of_them[person]) for person, others in few.items())


def test_a_handful_of_people_have_all_the_rest_and_one_alone_has_nobody() -> None:
    assert {p: numbers(others) for p, others in others_by_person(inventory(3), ITEMS).items()} == {
        "p0": [1, 2],
        "p1": [0, 2],
        "p2": [0, 1],
    }
    assert others_by_person(inventory(1), ITEMS) == {}


def test_targets_of_both_splits_share_their_others() -> None:
    task = PAPI(respondents=3)
    shared = {target.others for split in Split for target in task.targets(split)}
    assert len(shared) == 1
    assert len(shared.pop().ticks) == 21 + 300  # type: ignore[union-attr]


def test_the_others_of_a_published_run_have_stored_values_on_items_that_count_as_keyed_plus() -> None:
    strict, published = (PAPI(protocol=name).targets(Split.TEST)[0].others for name in ("strict", "published"))  # type: ignore[arg-type]
    assert strict
    assert published
    np.testing.assert_array_equal(published.scores, strict.scores)
    assert (published.ticks != strict.ticks).any()


def test_people_outside_the_sample_answer_the_very_statements_of_the_sample() -> None:
    """Which statements people agree with is known from 24 of them, and has nothing to do with those of another seed."""
    items = load().items
    outsiders = simulate_outsiders(items)
    assert outsiders.shape == (300, 60)

    def agreement(ticks: np.ndarray) -> np.ndarray:
        return np.ma.masked_equal(ticks, 0).mean(axis=0).filled(np.nan)

    assert np.corrcoef(agreement(simulate(items, people=300, seed=1970)), agreement(simulate(items)))[0, 1] < 0.4
    assert np.corrcoef(agreement(outsiders), agreement(simulate(items)))[0, 1] > 0.7
    assert (outsiders[:24] != simulate(items)).mean() > 0.5
