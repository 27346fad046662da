"""The board against sums by hand: two poles, three prompts with one to three instructions."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from steerbench.contracts import Score, Scored, Summary
from steerbench.records.flags import words
from steerbench.statistics import share_estimate
from steerbench.toolkit.boards.board import BESIDE_UNSTEERED, board
from tasks.ifeval.board import METRICS, nothing_to_lose, prompt_strict

KINDS = {"p": ["a"], "q": ["a", "b"], "r": ["b", "b", "c"]}
T, F = True, False


def summarise(rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
    return board(rows, prompt_strict, METRICS, BESIDE_UNSTEERED, "prompts", seed, nothing_to_lose)


def row(pole: str, strict: dict[str, list[bool]], loose: dict[str, list[bool]] | None = None) -> list[Scored]:
    return [
        Scored(
            pole,
            prompt,
            Score(
                1.0 - all(passed),
                {
                    "instructions": KINDS[prompt],
                    "strict": passed,
                    "loose": (loose or strict)[prompt],
                    "tokens": 10 * len(passed),
                    "cut": prompt == "r",
                },
            ),
        )
        for prompt, passed in strict.items()
    ]


PLAIN = {"p": [T], "q": [T, F], "r": [T, T, T]}
HIGH = {"p": [T], "q": [F, F], "r": [T, F, T]}
HIGH_LOOSE = {"p": [T], "q": [T, F], "r": [T, T, T]}
LOW = {"p": [F], "q": [T, T], "r": [F, F, F]}


@pytest.fixture(scope="module")
def summary() -> Summary:
    rows = {
        "unsteered": row("e+", PLAIN) + row("e-", PLAIN),
        "caa": row("e+", HIGH, HIGH_LOOSE) + row("e-", LOW),
        "none": [],
    }
    return summarise(rows, seed=0)


def test_shares_are_of_prompts_and_of_instructions_strictly_and_loosely(summary: Summary) -> None:
    plain, caa = summary.metrics["unsteered"], summary.metrics["caa"]
    assert list(plain)[:4] == ["prompt strict", "prompt loose", "instruction strict", "instruction loose"]
    assert plain["prompt strict"].value == pytest.approx(2 / 3)
    assert plain["instruction strict"].value == pytest.approx(5 / 6)
    assert caa["prompt strict"].value == pytest.approx((1 + 1) / 6)
    assert caa["prompt loose"].value == pytest.approx((2 + 1) / 6)
    assert caa["instruction strict"].value == pytest.approx((3 + 2) / 12)
    assert caa["instruction loose"].value == pytest.approx((5 + 2) / 12)
    assert summary.higher_is_better
    assert "none" not in summary.metrics


def test_each_pole_and_each_kind_has_its_own_share(summary: Summary) -> None:
    caa = summary.metrics["caa"]
    assert caa["prompt strict e+"].value == pytest.approx(1 / 3)
    assert caa["prompt loose e+"].value == pytest.approx(2 / 3)
    assert caa["instruction strict e-"].value == pytest.approx(2 / 6)
    assert {
        name: metric.value for name, metric in caa.items() if name in {f"instruction strict {k}" for k in "abc"}
    } == {
        "instruction strict a": pytest.approx(2 / 4),
        "instruction strict b": pytest.approx(2 / 6),
        "instruction strict c": pytest.approx(1 / 2),
    }
    assert caa["instruction strict c"].n == 1


def test_change_is_paired_with_the_unsteered_row(summary: Summary) -> None:
    caa = summary.metrics["caa"]
    assert caa["change"].value == pytest.approx(2 / 6 - 2 / 3)
    assert caa["change e+"].value == pytest.approx(-1 / 3)
    assert caa["change e-"].value == pytest.approx(-1 / 3)
    assert caa["change prompt loose"].value == pytest.approx(3 / 6 - 2 / 3)
    assert caa["change instruction strict"].value == pytest.approx(5 / 12 - 5 / 6)
    assert caa["change instruction loose"].value == pytest.approx(7 / 12 - 5 / 6)
    assert not any(name.startswith("change") for name in summary.metrics["unsteered"])
    (compared,) = summary.comparisons["caa"]
    assert (compared.against, compared.difference) == ("unsteered", pytest.approx(1 / 3))
    assert compared.p == 0.75  # differences 1/2, -1/2 and 1: six of the eight sign patterns reach as far
    assert "unsteered" not in summary.comparisons


def test_intervals_are_over_prompts_with_all_of_their_instructions(summary: Summary) -> None:
    metric = summary.metrics["unsteered"]["instruction strict"]
    expected = share_estimate(np.array([1.0, 1.0, 3.0]), np.array([1.0, 2.0, 3.0]))
    assert (metric.n, metric.low, metric.high) == (3, expected.low, expected.high)
    alone = share_estimate(np.array([1.0, 1.0, 0.0, 1.0, 1.0, 1.0]))
    assert metric.low < alone.low, "six instructions in three prompts tell less than six prompts"


def test_a_model_that_follows_fewer_than_six_prompts_has_nothing_to_lose(summary: Summary) -> None:
    assert summary.cannot_tell == "the unsteered model follows 2 of 3 prompts; there is nothing to lose"


def test_tokens_and_cut_answers_are_counted_and_often_cut_ones_flagged(summary: Summary) -> None:
    assert summary.metrics["caa"]["cut off"].value == pytest.approx(1 / 3)
    assert summary.metrics["caa"]["tokens"].value == pytest.approx(20)
    assert summary.flags["caa"] == summary.flags["unsteered"]
    assert list(map(words, summary.flags["caa"])) == ["33 % cut off"]


def test_a_row_that_follows_less_than_the_unsteered_model_is_flagged() -> None:
    KINDS.update({str(n): ["a"] for n in range(12)})
    right, wrong = ({str(n): [passed] for n in range(12)} for passed in (True, False))
    found = summarise({"unsteered": row("e+", right), "pas": row("e+", wrong)}, seed=0)
    assert {name: list(map(words, flags)) for name, flags in found.flags.items()} == {
        "unsteered": [],
        "pas": ["follows less than unsteered"],
    }
    assert "prompt strict e+" not in found.metrics["pas"]
