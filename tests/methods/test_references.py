"""Rows that need no model and learn from other people, against slow and obvious ways to find the same."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from methods.additive import Additive
from methods.ceiling import ANSWER_PENALTIES, SCALE_PENALTIES, Ceiling
from methods.ridge import ridge
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Answer, Item, Others, Respondent
from steerbench.errors import UserError
from tests.methods.people import pole

TRAITS = ("E", "N")
ITEMS = tuple(
    Item(f"{trait}{n}", "Sing.", "You sing.", trait, facet, -1 if n % 3 == 1 else 1)
    for trait in TRAITS
    for n, facet in enumerate([f"{trait} first", f"{trait} first", f"{trait} second", f"{trait} second", ""])
)
SHOWN = (0, 2, 3, 5, 6, 9)


def some_ticks(people: int, seed: int) -> np.ndarray:
    """Ticks [people, items] of people who have traits, with some missing ones."""
    rng = np.random.default_rng(seed)
    traits = rng.standard_normal((people, 2))
    key = np.array([item.key for item in ITEMS])
    leaning = key * traits[:, [TRAITS.index(item.trait) for item in ITEMS]]
    ticks = np.clip(np.rint(3.3 + leaning + 0.7 * rng.standard_normal(leaning.shape)), 1, 5).astype(np.int64)
    return np.where(rng.random(ticks.shape) < 0.03, 0, ticks)


OTHERS = Others(ITEMS, some_ticks(25, 0))


def somebody(name: str, ticks: np.ndarray, others: Others | None = OTHERS) -> Respondent:
    return Respondent(name, tuple(Answer(ITEMS[n], int(ticks[n])) for n in SHOWN if ticks[n]), others)


PEOPLE = [somebody(f"p{n}", ticks) for n, ticks in enumerate(some_ticks(4, 1))]


def replies(fitted: Steering) -> list[float | None]:
    assert fitted.reply
    return [fitted.reply.tick(item) for item in ITEMS]


def test_leaving_one_out_and_asking_are_what_a_fit_for_each_person_and_penalty_finds() -> None:
    rng = np.random.default_rng(3)
    features, outputs, asked = rng.normal(2, 3, (12, 15)), rng.normal(1, 2, (12, 4)), rng.normal(2, 3, (5, 15))
    features[:, 7] = 4.0  # what does not vary tells nothing
    penalties = [0.5, 10.0, 1000.0]
    found = ridge(features, outputs, asked, penalties)
    spread = np.where(features.std(axis=0) > 0, features.std(axis=0), 1)
    scaled, scaled_asked = ((rows - features.mean(axis=0)) / spread for rows in (features, asked))
    for place, penalty in enumerate(penalties):
        np.testing.assert_allclose(found.asked[place], Ridge(penalty).fit(scaled, outputs).predict(scaled_asked))
        for n in range(len(features)):
            without = Ridge(penalty).fit(np.delete(scaled, n, 0), np.delete(outputs, n, 0))
            np.testing.assert_allclose(found.held_out[place, n], without.predict(scaled[n : n + 1])[0])


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.id)
def test_additive_is_the_mean_of_others_moved_by_the_persons_own_deviation(person: Respondent) -> None:
    [fitted] = Additive().fit(None, [person])

    def mean_of_others(item: Item) -> float:
        column = ITEMS.index(item)
        return float(np.mean([item.keyed(ticks[column]) for ticks in OTHERS.ticks if ticks[column]]))

    for item, reply in zip(ITEMS, replies(fitted), strict=True):
        same = [answer for answer in person.shown if answer.item.trait == item.trait]
        own = np.mean([answer.item.keyed(answer.tick) for answer in same])
        usual = np.mean([mean_of_others(answer.item) for answer in same])
        score = min(max(mean_of_others(item) + own - usual, 1), 5)
        assert reply == pytest.approx(item.keyed(score), abs=1e-6)


def predicted(features: np.ndarray, outputs: np.ndarray, asked: np.ndarray, penalty: float) -> np.ndarray:
    """Ridge by its normal equations."""
    mean, level = features.mean(axis=0), outputs.mean()
    moments = (features - mean).T @ (features - mean) + penalty * np.eye(features.shape[1])
    return level + (asked - mean) @ np.linalg.solve(moments, (features - mean).T @ (outputs - level))


def slow_ceiling(person: Respondent) -> dict[str, float]:
    """By item, the expected tick; of those not shown by one fit for every person left out, penalty and item."""
    scores = np.array([[i.keyed(t) if t else np.nan for i, t in zip(ITEMS, row, strict=True)] for row in OTHERS.ticks])
    filled = np.where(np.isnan(scores), np.nanmean(scores, axis=0), scores)
    shown = [answer.item for answer in person.shown]
    answers = filled[:, [ITEMS.index(item) for item in shown]]
    own = np.array([[answer.item.keyed(answer.tick) for answer in person.shown]])
    wanted = [n for n, item in enumerate(ITEMS) if item not in shown]

    def scales(rows: np.ndarray, item: Item) -> np.ndarray:
        groups = [[s.trait == trait for s in shown] for trait in TRAITS]
        if item.facet and any(s.facet == item.facet for s in shown):
            groups.append([s.facet == item.facet for s in shown])
        return np.column_stack([rows[:, group].mean(axis=1) for group in groups])

    def best(penalties: list[float], of: Callable[[np.ndarray, Item], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Under the penalty that errs least: predictions of those left out [others, wanted], the person's [wanted]."""
        found = []
        for penalty in penalties:
            held_out, asked = np.empty((len(scores), len(wanted))), np.empty(len(wanted))
            for place, column in enumerate(wanted):
                features, target = of(answers, ITEMS[column]), filled[:, column]
                mean, spread = features.mean(axis=0), features.std(axis=0)
                x, new = (features - mean) / spread, (of(own, ITEMS[column]) - mean) / spread
                asked[place] = predicted(x, target, new, penalty)[0]
                for n in range(len(x)):
                    held_out[n, place] = predicted(np.delete(x, n, 0), np.delete(target, n), x[n], penalty)
            found.append((float(np.nanmean((held_out - scores[:, wanted]) ** 2)), held_out, asked))
        return min(found, key=lambda one: one[0])[1:]

    (one_out, one), (other_out, other) = best(ANSWER_PENALTIES, lambda rows, _: rows), best(SCALE_PENALTIES, scales)
    known = ~np.isnan(scores[:, wanted])
    apart, missed = (one_out - other_out)[known], (scores[:, wanted] - other_out)[known]
    [share] = np.linalg.lstsq(apart[:, None], missed, rcond=None)[0]
    mixed = np.clip(other + min(max(share, 0), 1) * (one - other), 1, 5)
    ticks = {ITEMS[column].id: ITEMS[column].keyed(score) for column, score in zip(wanted, mixed, strict=True)}
    return ticks | {answer.item.id: answer.tick for answer in person.shown}


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.id)
def test_the_ceiling_is_what_slow_regressions_find(person: Respondent) -> None:
    [fitted] = Ceiling().fit(None, [person])
    assert fitted.reply
    assert fitted.reply.by_item == pytest.approx(slow_ceiling(person), abs=1e-6)


def test_a_persons_ceiling_depends_on_nobody_else_in_the_run_nor_on_the_order_of_answers() -> None:
    lacking = replace(PEOPLE[1], id="lacking", shown=PEOPLE[1].shown[1:])
    turned = replace(PEOPLE[2], shown=PEOPLE[2].shown[::-1])
    together = Ceiling().fit(None, [PEOPLE[0], lacking, turned])
    alone = [Ceiling().fit(None, [person])[0] for person in (PEOPLE[0], lacking, PEOPLE[2])]
    assert [replies(fitted) for fitted in together] == [replies(fitted) for fitted in alone]
    assert len({tuple(replies(fitted)) for fitted in alone}) == 3


@pytest.mark.parametrize("method", [Additive(), Ceiling()], ids=lambda method: method.name)
def test_where_nothing_is_known_others_or_the_middle_answer(method: Additive | Ceiling) -> None:
    ticks = some_ticks(25, 0)
    ticks[:, 4] = 0  # nobody answered, and is not shown
    ticks[:, 5] = 0  # nobody answered, and is shown
    others = Others(ITEMS, ticks)
    silent = Respondent("silent", (), others)
    [nothing] = method.fit(None, [silent])
    usual = [item.keyed(score) for item, score in zip(ITEMS, others.means, strict=True)]
    expected = [3.0 if np.isnan(score) else score for score in usual]
    assert replies(nothing) == pytest.approx(expected, abs=1e-6)
    [fitted] = method.fit(None, [somebody("her", some_ticks(1, 2)[0], others)])
    assert replies(fitted)[4] == 3
    assert all(tick is not None and 1 <= tick <= 5 for tick in replies(fitted))


def test_from_one_other_person_nothing_can_be_learnt_but_what_that_one_answered() -> None:
    others = Others(ITEMS, np.full((1, len(ITEMS)), 4))
    [fitted] = Ceiling().fit(None, [somebody("her", some_ticks(1, 2)[0], others)])
    assert {tick for item, tick in zip(ITEMS, replies(fitted), strict=True) if ITEMS.index(item) not in SHOWN} == {4}


@pytest.mark.parametrize("method", [Additive(), Ceiling()], ids=lambda method: method.name)
@pytest.mark.parametrize("target", [pole("E", True), somebody("alone", some_ticks(1, 0)[0], None)])
def test_without_other_people_they_are_refused(method: Additive | Ceiling, target: object) -> None:
    with pytest.raises(UserError, match=rf"{method.name} needs the answers of other people, but there are none for"):
        method.fit(None, [target])  # type: ignore[list-item]
