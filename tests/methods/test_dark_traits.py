"""Methods on people whose traits are none of the Big Five."""

import math

import numpy as np
import pytest

from methods.actadd import contrast_prompts
from methods.additive import Additive
from methods.ceiling import Ceiling
from methods.few_shot import FewShot
from methods.npti import NPTI
from methods.p2 import P2
from methods.simple_prompt import SimplePrompt
from methods.trivial import FacetMean, ItemMedian, TraitMean
from steerbench.contracts import Prompt, Request
from steerbench.contracts.edits import Add
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import TRAITS, Answer, Item, Others, Respondent
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.plugins.finding import find
from steerbench.toolkit.adjectives import HIGH, LOW
from steerbench.toolkit.trait_answers import trait_scores

STATEMENTS = (
    ("narcissism", 1, "tell everybody about your prizes"),
    ("narcissism", -1, "stay away from cameras"),
    ("narcissism", 1, "expect the best seat"),
    ("machiavellianism", 1, "flatter whoever is in charge"),
    ("machiavellianism", -1, "play with open cards"),
    ("psychopathy", 1, "drive faster when it rains"),
    ("psychopathy", -1, "feel sorry for days after a quarrel"),
)
ITEMS = tuple(
    Item(f"d{number}", f"I {text.replace('your', 'my')}.", f"You {text}.", trait, "", key)
    for number, (trait, key, text) in enumerate(STATEMENTS)
)
OTHERS = Others(ITEMS, np.full((3, len(ITEMS)), 2))
NERVOUS = Item("n", "Lie awake.", "You lie awake.", "N", "", 1)


def respondent(name: str, ticks: list[int]) -> Respondent:
    answers = tuple(Answer(item, tick) for item, tick in zip(ITEMS, ticks, strict=True))
    return Respondent(name, answers, OTHERS)


DARK = respondent("dark", [5, 1, 5, 5, 1, 4, 2])
LIGHT = respondent("light", [1, 5, 1, 1, 5, 2, 4])


def test_every_trait_has_a_score_the_big_five_first_and_narcissism_is_not_neuroticism() -> None:
    mixed = Respondent("both", (*DARK.shown, Answer(NERVOUS, 2)))
    assert list(trait_scores(mixed).items()) == [
        ("N", 2.0),
        ("narcissism", 5.0),
        ("machiavellianism", 5.0),
        ("psychopathy", 4.0),
    ]


def test_the_trait_mean_is_turned_to_a_tick_by_the_key() -> None:
    [steering] = TraitMean().fit(None, [LIGHT])
    assert steering.reply
    assert [steering.reply.tick(item) for item in ITEMS] == [1, 5, 1, 1, 5, 2, 4]
    assert steering.reply.tick(NERVOUS) == 3


def test_the_simple_prompt_has_words_for_both_ends() -> None:
    dark, light = SimplePrompt().fit(None, [DARK, LIGHT])
    assert dark.prompt.system == (
        "You are extremely vain, self-important, boastful and attention-seeking; "
        "extremely scheming, calculating, manipulative and secretive; very ruthless, reckless, callous and vengeful."
    )
    assert light.prompt.system == (
        "You are extremely modest, humble, unassuming and self-effacing; "
        "extremely sincere, straightforward, candid and guileless; very gentle, cautious, remorseful and law-abiding."
    )


def test_no_word_describes_two_ends_of_any_traits() -> None:
    words = [word for ends in (LOW, HIGH) for of_trait in ends.values() for word in of_trait]
    assert len(set(words)) == len(words)
    assert list(LOW) == list(HIGH)
    assert set(HIGH) - set(TRAITS) == {"machiavellianism", "narcissism", "psychopathy"}


def test_few_shot_shows_the_ticks() -> None:
    [steering] = FewShot().fit(None, [DARK])
    assert steering.prompt.shown == DARK.shown
    assert steering.prompt.as_message().startswith("You tell everybody about your prizes. Very Accurate.\n")


def test_actadd_contrasts_the_two_ends_of_every_trait_leant_on() -> None:
    pair = contrast_prompts(DARK)
    assert pair
    assert pair == contrast_prompts(LIGHT)[::-1]  # type: ignore[index]
    assert pair[0].startswith("You are vain, self-important, ")


@pytest.mark.parametrize("name", ["pas", "caa", "actadd", "random-direction"])
def test_methods_that_edit_give_opposite_people_edits_that_differ_and_are_numbers(name: str, engine: HFEngine) -> None:
    dark, light = find("method", name)().fit(engine, [DARK, LIGHT])
    assert dark.edits
    for steering in (dark, light):
        assert all(isinstance(edit, Add) and np.isfinite(edit.vector).all() for edit in steering.edits)
        request = Request(Prompt(start="I am"), steering, (" vain", " modest"))
        assert all(math.isfinite(logprob) for logprob in engine.choose([request])[0].logprobs)
    assert dark.digest != light.digest


def test_npti_says_that_it_has_no_neurons_of_other_traits(engine: HFEngine) -> None:
    with pytest.raises(UserError, match="only the Big Five, and not machiavellianism, narcissism and psychopathy;"):
        NPTI().fit(engine, [DARK])


@pytest.mark.parametrize("method", [P2, FewShot, SimplePrompt, TraitMean, FacetMean, ItemMedian, Additive, Ceiling])
def test_methods_that_speak_or_reply_tell_people_apart_but_for_the_item_median(method: type, engine: HFEngine) -> None:
    dark, light = method().fit(engine, [DARK, LIGHT])
    assert dark != Steering()
    assert (dark.digest == light.digest) is (method is ItemMedian)
