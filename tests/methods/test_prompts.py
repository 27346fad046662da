"""Methods that speak to the model: few-shot, simple prompt, P²."""

import json
from collections import Counter
from pathlib import Path

import pytest

from methods.few_shot import FewShot
from methods.p2 import P2
from methods.simple_prompt import SimplePrompt
from steerbench.contracts.targets import TRAITS
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.toolkit.adjectives import HIGH, LOW
from tests.methods.people import ITEMS, person, pole, somebody

HER = person("her", [5, 2, 4, 1, 4, 3, 0, 2])


def test_few_shot_shows_the_answers_as_they_came_and_offers_other_orders() -> None:
    [steering] = FewShot().fit(None, [HER])
    assert steering.prompt.shown == HER.shown
    assert len(steering.alternatives) == 7
    for alternative in steering.alternatives:
        assert Counter(alternative.shown) == Counter(HER.shown)
        assert not alternative.system
    assert len({prompt.shown for prompt in (steering.prompt, *steering.alternatives)}) == 8


def test_orders_come_back_with_the_seed_and_are_the_persons_own() -> None:
    twin = person("twin", [5, 2, 4, 1, 4, 3, 0, 2])
    hers, twins = FewShot().fit(None, [HER, twin])
    assert FewShot().fit(None, [HER])[0].alternatives == hers.alternatives
    assert FewShot(seed=1).fit(None, [HER])[0].alternatives != hers.alternatives
    assert twins.alternatives != hers.alternatives
    assert not FewShot(orders=1).fit(None, [HER])[0].alternatives


def test_few_shot_shows_a_pole_as_somebody_wholly_on_its_side() -> None:
    [steering] = FewShot().fit(None, [pole("C", False)])
    assert [(answer.item.id, answer.tick) for answer in steering.prompt.shown] == [("C3", 1), ("C4", 5), ("C5", 1)]


def test_the_simple_prompt_grades_each_trait_by_how_far_the_person_leans() -> None:
    # A 4.33 = extremely kind, C 1.5 = extremely careless, E 3.5 = rather outgoing, N 2 = very calm, O nothing shown.
    somebody_ = person("her", [5, 2, 4, 1, 4, 0, 4, 3, 0, 2])
    [steering] = SimplePrompt().fit(None, [somebody_])
    assert steering.prompt.system == (
        "You are extremely kind, cooperative, trusting and generous; "
        "extremely careless, disorganised, unreliable and lazy; "
        "rather outgoing, talkative, sociable and energetic; "
        "very calm, relaxed, stable and confident."
    )
    assert len({prompt.system for prompt in (steering.prompt, *steering.alternatives)}) == 5
    assert all("disorganised" in prompt.system for prompt in steering.alternatives)


def test_nobody_in_particular_gets_no_simple_prompt() -> None:
    [steering] = SimplePrompt().fit(None, [person("neutral", [3] * len(ITEMS))])
    assert not steering.prompt
    assert not steering.alternatives


def test_no_adjective_describes_two_poles() -> None:
    words = [word for poles in (LOW, HIGH) for trait in TRAITS for word in poles[trait]]
    assert len(set(words)) == len(words)


def test_p2_puts_the_models_own_description_of_each_person_before_the_question(engine: HFEngine) -> None:
    two = [HER, somebody("other", 5)]
    steerings = P2().fit(engine, two)
    assert len({steering.prompt.system for steering in steerings}) == 2
    assert [s.prompt.system for s in P2().fit(engine, two[::-1])] == [s.prompt.system for s in steerings[::-1]]
    for steering in steerings:
        assert steering.prompt.system == steering.prompt.system.strip()
        assert not steering.edits


@pytest.mark.real_data
def test_published_p2_is_the_datasets_text_for_that_person(engine: HFEngine) -> None:
    from steerbench.datasets.fetch import path_of

    people = json.loads(Path(path_of("papi-300", "Test-set.json")).read_text())
    rows = json.loads(Path(path_of("papi-300", "personality_prompt.json")).read_text())
    chosen = [17, 3, 299]
    targets = [person(str(people[row]["case"]), [1]) for row in chosen]
    steerings = P2("published").fit(engine, targets)
    assert [s.prompt.system for s in steerings] == [rows[row]["output"][0].strip() for row in chosen]


@pytest.mark.real_data
def test_published_p2_refuses_somebody_who_is_not_in_the_dataset(engine: HFEngine) -> None:
    with pytest.raises(UserError, match=r"'her'.*prompts=own"):
        P2("published").fit(engine, [HER])
