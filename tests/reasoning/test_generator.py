"""Made-up problems: always the same, never twice, and right by readers that know only the words."""

import hashlib
import re
from collections.abc import Callable, Sequence

import pytest

from steerbench.errors import UserError
from tasks.reasoning.generator import MOST, coin_flips, word_problems
from tasks.reasoning.problems import Problem

MULTIPLES = {"twice": 2, "three times": 3, "four times": 4}


def sha256(problems: Sequence[Problem]) -> str:
    return hashlib.sha256("\n".join(f"{p.id} {p.question} {p.gold}" for p in problems).encode()).hexdigest()


def coin_by_reading(question: str) -> str:
    """Moves a coin sentence by sentence."""
    first, *told, asked = re.findall(r"[^.?]+[.?]", question)
    up = "heads" if "heads" in first else "tails"
    for sentence in told:
        if re.search(r"turns the coin over|flips the coin|reverses", sentence):
            up = {"heads": "tails", "tails": "heads"}[up]
        else:
            assert re.search(r"leaves|does not", sentence), sentence
    return "yes" if up in asked else "no"


def stock_by_reading(question: str) -> int:
    """Keeps count sentence by sentence."""
    count = 0
    for sentence in re.findall(r"[^.?]+[.?]", question):
        numbers = [int(digits) for digits in re.findall(r"\d+", sentence)]
        if "month later" in sentence:
            count *= next(factor for word, factor in MULTIPLES.items() if word in sentence)
        elif "sells all" in sentence:
            count *= numbers[0]
        elif " in each" in sentence or "brings" in sentence:
            count += numbers[0] * numbers[1]
        elif re.search(r"\b(gives|loses|throws away)\b", sentence):
            count -= numbers[0]
        elif re.search(r"\b(has|finds)\b", sentence):
            count += sum(numbers)
        else:
            assert sentence.strip().startswith("How many"), sentence
        assert count > 0
    return count


def test_a_reader_of_the_story_finds_the_same_side_of_the_coin() -> None:
    problems = coin_flips(1000, seed=3)
    assert [p.gold for p in problems] == [(coin_by_reading(p.question),) for p in problems]


def test_a_reader_of_the_story_counts_the_same_number_of_things() -> None:
    problems = word_problems(1000, seed=3)
    assert [p.gold for p in problems] == [(str(stock_by_reading(p.question)),) for p in problems]
    assert {p.meta["steps"] for p in problems} == set("12345678")


@pytest.mark.parametrize("make", [coin_flips, word_problems])
def test_no_question_and_no_id_comes_twice(make: Callable[[int], Sequence[Problem]]) -> None:
    problems = make(MOST)
    assert len({p.question for p in problems}) == len({p.id for p in problems}) == MOST


def test_yes_and_no_are_balanced_in_any_even_number_from_the_start() -> None:
    gold = [p.gold[0] for p in coin_flips(400, seed=5)]
    assert all(gold[:even].count("yes") == even // 2 for even in range(0, 401, 2))
    assert {tuple(gold[place : place + 2]) for place in range(0, 400, 2)} == {("yes", "no"), ("no", "yes")}


def test_fewer_problems_are_the_first_of_more_and_another_seed_gives_others() -> None:
    assert coin_flips(10) == coin_flips(50)[:10]
    assert word_problems(10) == word_problems(50)[:10]
    assert not {p.question for p in word_problems(50, 1)} & {p.question for p in word_problems(50, 2)}


def test_a_seed_gives_the_same_problems_for_ever() -> None:
    assert sha256(coin_flips(300)) == "381b50e2984aef8c48a60e3859bf1dba55a0d4a3792081f3319f1e6094160c08"
    assert sha256(word_problems(300)) == "87e3e70799f48ff5a646db218b679e3ce02e333e951233b1560ddaa4a1fb80e7"


@pytest.mark.parametrize("count", [0, -1, MOST + 1])
def test_a_number_of_problems_that_cannot_be_had_is_refused(count: int) -> None:
    with pytest.raises(UserError, match=f"{count} synthetic problems were asked for; choose 1 to {MOST}"):
        coin_flips(count)
