"""The rows that know nothing of steering."""

import numpy as np
import pytest

from methods.trivial import Always4, FacetMean, ItemMedian, TraitMean, Unsteered
from steerbench.contracts.targets import Answer, Item, Others, Respondent
from steerbench.errors import UserError
from tests.methods.people import ITEMS, person, pole


def test_a_constant_answers_the_same_to_every_item() -> None:
    [steering] = Always4().fit(None, [person("her", [1, 1])])
    assert steering.reply
    assert {steering.reply.tick(item) for item in ITEMS} == {4.0}


def test_the_trait_mean_is_of_keyed_scores_and_answered_as_a_tick() -> None:
    # Agreeableness: 5, 6 - 2 and 4, mean 4.33. Conscientiousness: 1 and 6 - 4, mean 1.5; its even neighbour is 2.
    [steering] = TraitMean().fit(None, [person("her", [5, 2, 4, 1, 4])])
    assert steering.reply
    answers = [steering.reply.tick(item) for item in ITEMS]
    assert answers[:6] == [4, 2, 4, 2, 4, 2]
    assert answers[6:] == [3] * 9, "a trait of which nothing is shown"


@pytest.mark.parametrize(("score", "answer"), [(1.5, 2), (2.5, 2), (3.5, 4), (4.5, 4)])
def test_a_mean_halfway_is_rounded_alike_for_both_keys(score: float, answer: float) -> None:
    ticks = [int(score - 0.5), 6 - int(score + 0.5)]
    [steering] = TraitMean().fit(None, [person("her", ticks)])
    assert steering.reply
    assert [steering.reply.tick(item) for item in ITEMS[:2]] == [answer, 6 - answer]


def test_the_facet_mean_is_of_the_items_facet_or_else_of_its_trait_or_else_the_middle() -> None:
    facets = (("E", "Cheer", 1), ("E", "Cheer", -1), ("E", "Calm", 1), ("E", "", 1), ("N", "Fear", 1))
    items = [Item(str(n), "Sing.", "You sing.", trait, facet, key) for n, (trait, facet, key) in enumerate(facets)]
    shown = [Answer(item, tick) for item, tick in zip(items, (5, 1, 2, 2), strict=False)]
    [steering] = FacetMean().fit(None, [Respondent("her", tuple(shown))])
    assert steering.reply
    # Cheer: 5 and 6 - 1. Calm: 2. All of extraversion: 5, 5, 2 and 2, mean 3.5; its even neighbour is 4.
    other = Item("other", "Sing.", "You sing.", "E", "Pace", -1)
    assert [steering.reply.tick(item) for item in (*items, other)] == [5, 1, 2, 4, 3, 6 - 4]


@pytest.mark.parametrize("method", [TraitMean(), FacetMean()])
def test_a_pole_has_the_ends_of_its_scale(method: TraitMean | FacetMean) -> None:
    [steering] = method.fit(None, [pole("E", False)])
    assert steering.reply
    assert [steering.reply.tick(item) for item in ITEMS[6:9]] == [1, 5, 1]


def test_the_item_median_says_what_others_say() -> None:
    others = Others(ITEMS[:3], np.array([[3, 1, 0], [4, 2, 0], [0, 4, 0]]))
    [steering] = ItemMedian().fit(None, [Respondent("her", (), others)])
    assert steering.reply
    assert [steering.reply.tick(item) for item in ITEMS[:3]] == [3.5, 2, 3], "the third nobody answered"


@pytest.mark.parametrize("target", [pole("A", True), person("alone", [1])])
def test_an_item_median_without_other_people_is_refused(target: object) -> None:
    with pytest.raises(UserError, match="there are none for"):
        ItemMedian().fit(None, [target])  # type: ignore[list-item]


def test_unsteered_changes_nothing() -> None:
    [steering] = Unsteered().fit(None, [person("her", [1])])  # type: ignore[arg-type]
    assert not steering.edits
    assert not steering.prompt
    assert steering.reply is None


@pytest.mark.real_data
def test_the_rounded_trait_mean_errs_by_2_86_on_the_published_test_set() -> None:
    from steerbench.contracts import Split
    from steerbench.contracts.targets import TRAITS
    from tasks.papi.dataset import load
    from tasks.papi.task import PAPI

    people = PAPI("papi-300").targets(Split.TEST)
    inventory = load("papi-300")
    asked = [item for item in inventory.items if item.id in set(inventory.asked)]
    errors: dict[str, list[float]] = {trait: [] for trait in TRAITS}
    for person_, fitted in zip(inventory.people, TraitMean().fit(None, people), strict=True):
        assert fitted.reply
        for item in asked:
            if tick := person_.answers[item.id]:
                errors[item.trait].append(abs(tick - (fitted.reply.tick(item) or 0)))
    means = {trait: np.mean(found) for trait, found in errors.items()}
    rounded = {trait: round(float(mean), 2) for trait, mean in means.items()}
    assert rounded == {"A": 0.59, "C": 0.5, "E": 0.59, "N": 0.56, "O": 0.62}
    assert sum(means.values()) == pytest.approx(2.86, abs=0.005)
