"""Self-report under poles: by literal sums, and on made-up models whose doings are known."""

import math
from itertools import product
from statistics import mean

import numpy as np
import pytest

from steerbench.contracts import Score, Scored
from steerbench.records.flags import words
from tasks.inventory.metrics import summarise

TRAITS = "ACENO"
POLES = [(trait, high) for trait in TRAITS for high in (True, False)]
PER_TRAIT = 8


def opinion(place):
    """What the model would tick of a statement, unsteered: from 1.5 to 4.5."""
    return 1.5 + place * 7 % 13 / 4


def row(tick, poles=POLES):
    """A model's answers: `tick(trait, key, high, steered, place)` is what it expects of a statement under a pole."""
    scored = []
    for (steered, high), place in product(poles, range(5 * PER_TRAIT)):
        trait, key = TRAITS[place % 5], 1 if place // 5 % 2 else -1
        expected = tick(trait, key, high, steered, place)
        own = high if steered == trait else None
        record = {"trait": trait, "key": key, "high": own, "steered": [steered], "expected": expected}
        record["answer"] = None if expected is None else float(round(expected))
        loss = None
        if own is not None and expected is not None:
            score = expected if key == 1 else 6 - expected
            loss = 5 - score if high else score - 1
        scored.append(Scored(f"{steered}{'+' if high else '-'}", str(place), Score(loss, record)))
    return scored


def unsteered(trait, key, high, steered, place):
    return opinion(place)


def moved(by, agreement=0.0, spill=0.0, noise=0.0, seed=0):
    """Own statements go `by` points towards the pole, other traits' `spill`, and all ticks up by `agreement`."""
    rng = np.random.default_rng(seed)

    def tick(trait, key, high, steered, place):
        shift = (by if trait == steered else spill) * key * (1 if high else -1)
        return opinion(place) + shift + agreement + noise * rng.normal()

    return tick


def test_the_separation_is_that_of_the_poles_on_the_same_statement_in_keyed_points():
    found = summarise({"unsteered": row(unsteered), "m": row(moved(0.4))}, 0)
    assert found.metrics["m"]["separation"].value == pytest.approx(0.8)
    assert found.metrics["m"]["separation E"].value == pytest.approx(0.8)
    assert found.metrics["m"]["change"].value == pytest.approx(0.4)
    assert found.metrics["m"]["separation"].n == 5 * PER_TRAIT
    assert found.metrics["unsteered"]["separation"].value == 0
    assert (found.over, found.higher_is_better) == ("statements", True)


def test_saying_yes_to_more_earns_no_separation_and_shows_as_agreement():
    found = summarise({"unsteered": row(unsteered), "m": row(moved(0.0, agreement=0.5))}, 0).metrics["m"]
    assert found["separation"].value == pytest.approx(0)
    assert found["agreement shift"].value == pytest.approx(0.5)
    # Half of the statements are keyed each way, so that towards the pole it comes to nothing too.
    assert found["change"].value == pytest.approx(0)


def test_what_moves_on_other_traits_is_spill_over_and_noise_alone_is_none():
    rows = {
        "unsteered": row(unsteered),
        "spills": row(moved(0.4, spill=0.2, noise=0.05)),
        "m": row(moved(0.4, noise=0.3)),
    }
    found = summarise(rows, 0).metrics
    assert found["spills"]["spill-over"].value == pytest.approx(0.4, abs=0.03)
    assert found["spills"]["spill-over E on N"].value == pytest.approx(0.4, abs=0.1)
    assert found["m"]["spill-over"].low == 0
    assert found["m"]["spill-over"].value < 0.15


def test_the_trait_score_is_the_mean_towards_the_poles():
    found = summarise({"unsteered": row(unsteered), "m": row(moved(0.3))}, 0)
    own = [(place, key, high) for place in range(40) for key in [1 if place // 5 % 2 else -1] for high in (True, False)]
    towards = [(lambda s, h: s if h else 6 - s)(t if k == 1 else 6 - t, h) for p, k, h in own for t in [opinion(p)]]
    assert found.metrics["unsteered"]["trait score"].value == pytest.approx(mean(towards))
    assert found.metrics["m"]["trait score"].value == pytest.approx(mean(towards) + 0.3)


def test_range_and_modal_share_are_those_over_statements():
    found = summarise({"unsteered": row(unsteered)}, 0).metrics["unsteered"]
    ticks = [opinion(place) for place in range(40)]
    assert found["range"].value == pytest.approx(np.std(ticks, ddof=1))
    rounded = [round(tick) for tick in ticks]
    assert found["modal share"].value == pytest.approx(max(map(rounded.count, rounded)) / 40)


def test_on_a_saturated_readout_nothing_can_be_told_of_a_method_that_is_saturated_too():
    found = summarise({"unsteered": row(lambda *_: 4.9), "m": row(lambda *_: 4.9), "n": row(moved(0.4))}, 0)
    assert found.saturated == {
        "m": "the readout is saturated (one answer to 100 % of statements unsteered, one answer to 100 % of statements "
        "here)"
    }
    assert found.cannot_tell == ""
    assert list(map(words, found.flags["unsteered"])) == ["gives one answer to 100 % of statements"]
    assert summarise({"unsteered": row(unsteered), "m": row(lambda *_: 4.9)}, 0).saturated == {}


def test_where_a_model_follows_no_description_it_is_in_doubt_what_nothing_means():
    deaf = {"unsteered": row(unsteered), "m": row(moved(0.4)), "description-prompt": row(moved(0.0, noise=0.3))}
    assert "does not follow even a description" in summarise(deaf, 0).doubt
    hears = deaf | {"description-prompt": row(moved(0.3, noise=0.3))}
    assert summarise(hears, 0).doubt == ""
    assert "description-prompt" not in summarise(hears, 0).comparisons


def test_a_null_is_found_to_move_in_one_of_twenty_and_an_effect_nearly_always():
    """Against the unsteered model, uncorrected: of 200 rows without any effect, and of 40 with a third of a point."""

    def p(by, seed):
        found = summarise({"unsteered": row(unsteered), "m": row(moved(by, noise=0.5, seed=seed))}, seed)
        [tested] = found.comparisons["m"]
        return tested.p, tested.difference

    null = [p(0.0, seed)[0] < 0.05 for seed in range(200)]
    assert 0.01 <= mean(null) <= 0.10
    effect = [p(0.33, seed) for seed in range(40)]
    assert mean(value < 0.05 and difference < 0 for value, difference in effect) > 0.9


def test_one_pole_alone_has_a_change_and_no_separation():
    rows = {"unsteered": row(unsteered, [("E", True)]), "m": row(moved(0.5), [("E", True)])}
    found = summarise(rows, 0).metrics["m"]
    assert "separation" not in found
    assert next(iter(found)) == "change"
    assert found["change"].value == pytest.approx(0.5)
    assert found["change"].n == PER_TRAIT


def test_unreadable_answers_are_counted_and_leave_their_statement_out_of_tests():
    def mumbles(trait, key, high, steered, place):
        return None if place == 2 else opinion(place)

    found = summarise({"unsteered": row(unsteered), "m": row(mumbles)}, 0)
    assert found.metrics["m"]["unscored rate"].value == pytest.approx(1 / 40)
    assert list(map(words, found.flags["m"])) == ["2 % unreadable"]
    assert found.comparisons["m"][0].n == 39
    assert math.isfinite(found.metrics["m"]["separation"].value)
