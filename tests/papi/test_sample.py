"""The shipped sample is what its simulation says, and behaves like an inventory."""

import csv
from importlib.resources import files

import numpy as np
import pytest
from numpy.typing import NDArray

from steerbench.contracts.targets import TRAITS
from tasks.papi.dataset import load
from tasks.papi.inventory import Inventory
from tasks.papi.sample.simulate import simulate, table

SAMPLE = load("sample")
TICKS = SAMPLE.ticks[: len(SAMPLE.people)]


def keyed(ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Keyed scores, NaN for missing."""
    key = np.array([item.key for item in SAMPLE.items])
    return np.where(ticks == 0, np.nan, np.where(key == 1, ticks, 6 - ticks))


def correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    both = ~(np.isnan(a) | np.isnan(b))
    return float(np.corrcoef(a[both], b[both])[0, 1])


def facet_correlations(scores: NDArray[np.float64]) -> list[float]:
    facets = dict.fromkeys(item.facet for item in SAMPLE.items)
    pairs = [[n for n, item in enumerate(SAMPLE.items) if item.facet == facet] for facet in facets]
    return [correlation(scores[:, a], scores[:, b]) for a, b in pairs]


def part_correlations(scores: NDArray[np.float64]) -> list[float]:
    """Per trait, shown mean against asked mean over people."""
    found = []
    for trait in TRAITS:
        means = []
        for part in (SAMPLE.shown, SAMPLE.asked):
            columns = [n for n, item in enumerate(SAMPLE.items) if item.trait == trait and item.id in part]
            means.append(np.nanmean(scores[:, columns], axis=1))
        found.append(correlation(*means))
    return found


def test_the_simulation_reproduces_the_shipped_file_byte_for_byte() -> None:
    shipped = files("tasks.papi.sample").joinpath("respondents.csv").read_bytes()
    assert table(SAMPLE.items, simulate(SAMPLE.items)).encode() == shipped


def test_another_seed_gives_other_people() -> None:
    assert (simulate(SAMPLE.items, seed=1) != simulate(SAMPLE.items)).mean() > 0.5


def test_each_facet_has_one_statement_of_each_key_and_shows_one_of_them() -> None:
    assert len(SAMPLE.items) == 60
    assert len({item.text for item in SAMPLE.items}) == 60
    assert sorted(SAMPLE.shown + SAMPLE.asked) == sorted(item.id for item in SAMPLE.items)
    for facet in {item.facet for item in SAMPLE.items}:
        pair = [item for item in SAMPLE.items if item.facet == facet]
        assert sorted(item.key for item in pair) == [-1, 1]
        assert len({item.id for item in pair} & set(SAMPLE.shown)) == 1


@pytest.mark.parametrize("trait", TRAITS)
def test_half_of_what_is_shown_and_of_what_is_asked_of_a_trait_is_reverse_keyed(trait: str) -> None:
    for part in (SAMPLE.shown, SAMPLE.asked):
        assert (
            sorted(item.key for item in SAMPLE.items if item.trait == trait and item.id in part) == [-1] * 3 + [1] * 3
        )


def test_facet_pairs_go_together_in_the_keyed_direction_and_apart_as_ticked() -> None:
    many = simulate(SAMPLE.items, people=3000)
    assert min(facet_correlations(keyed(many))) > 0.15
    assert max(facet_correlations(many.astype(float))) < 0
    assert min(facet_correlations(keyed(TICKS))) > 0


def test_what_is_shown_of_a_trait_tells_what_is_asked_of_it() -> None:
    # .76 on average over the traits of the 24 shipped people, .77 in the long run.
    assert np.mean(part_correlations(keyed(TICKS))) == pytest.approx(0.76, abs=0.01)
    assert np.mean(part_correlations(keyed(simulate(SAMPLE.items, people=3000)))) == pytest.approx(0.77, abs=0.02)


def test_some_people_agree_more_than_others_whatever_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the two statements of a facet the trait cancels out; what two halves still share is acquiescence."""

    def shared_by_halves() -> float:
        agreement = simulate(SAMPLE.items, people=3000).reshape(3000, 30, 2).mean(axis=2)
        return correlation(agreement[:, ::2].mean(axis=1), agreement[:, 1::2].mean(axis=1))

    assert shared_by_halves() > 0.3
    monkeypatch.setattr("tasks.papi.sample.simulate.ACQUIESCENCE", 0.0)
    assert abs(shared_by_halves()) < 0.1


def test_the_default_is_the_sample_with_24_people_ticks_1_to_5_and_few_missing() -> None:
    assert load() == SAMPLE
    assert TICKS.shape == (24, 60)
    assert set(np.unique(TICKS)) == {0, 1, 2, 3, 4, 5}
    assert 1 <= (TICKS == 0).sum() <= 8


def test_stored_keys_mirror_the_reverse_keyed_items_only_and_leave_missing_alone() -> None:
    rows = list(csv.DictReader(files("tasks.papi.sample").joinpath("respondents.csv").read_text().splitlines()))
    for person, row in zip(load("sample", keys="stored").people, rows, strict=True):
        for item in SAMPLE.items:
            ticked = int(row[item.id])
            assert person.answers[item.id] == (6 - ticked if item.key == -1 and ticked else ticked)


def test_a_limit_takes_the_first_people_and_never_those_outside_the_sample() -> None:
    few: Inventory = load("sample", limit=3)
    assert [person.id for person in few.people] == ["sim-01", "sim-02", "sim-03"]
    assert few.population == SAMPLE.population
    assert load("sample", limit=100).people == SAMPLE.people
