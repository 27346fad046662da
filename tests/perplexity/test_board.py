"""The board against sums by hand: two poles, three passages, one of which may overflow."""

import math
from collections.abc import Mapping, Sequence

import pytest
from scipy import stats

from steerbench.contracts import Score, Scored, Summary
from steerbench.records.flags import words
from steerbench.records.results import metrics
from steerbench.toolkit.boards.board import BESIDE_UNSTEERED, board
from tasks.perplexity.board import METRICS

CHARACTERS = {"p": 100, "q": 200, "r": 400}
WORDS = {"p": 20, "q": 50, "r": 80}


def summarise(rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
    return board(rows, METRICS[0], METRICS, BESIDE_UNSTEERED, "passages", seed, lambda plain: "")


def row(pole: str, bits: Mapping[str, float | None]) -> list[Scored]:
    return [
        Scored(
            pole,
            passage,
            Score(
                None if of_it is None else of_it / CHARACTERS[passage],
                {"bits": of_it, "characters": CHARACTERS[passage], "words": WORDS[passage]},
                "" if of_it is not None else "overflowed",
            ),
        )
        for passage, of_it in bits.items()
    ]


PLAIN = {"p": 100.0, "q": 200.0, "r": 600.0}  # 1, 1 and 1.5 a character
HIGH = {"p": 120.0, "q": 300.0, "r": 640.0}  # 1.2, 1.5 and 1.6
LOW = {"p": 160.0, "q": 200.0, "r": 680.0}  # 1.6, 1 and 1.7


@pytest.fixture(scope="module")
def summary() -> Summary:
    rows = {
        "unsteered": row("e+", PLAIN) + row("e-", PLAIN),
        "caa": row("e+", HIGH) + row("e-", LOW),
        "spilt": row("e+", {**HIGH, "q": None}) + row("e-", LOW),
        "lost": row("e+", dict.fromkeys(PLAIN)) + row("e-", dict.fromkeys(PLAIN)),
        "none": [],
    }
    return summarise(rows, seed=0)


def test_the_headline_is_the_mean_over_passages_each_counting_once(summary: Summary) -> None:
    plain, caa = summary.metrics["unsteered"], summary.metrics["caa"]
    assert next(iter(plain)) == next(iter(caa)) == "bits per character"
    assert plain["bits per character"].value == pytest.approx((1 + 1 + 1.5) / 3)
    assert caa["bits per character"].value == pytest.approx((1.4 + 1.25 + 1.65) / 3)
    assert caa["bits per character e+"].value == pytest.approx((1.2 + 1.5 + 1.6) / 3)
    assert caa["bits per character e-"].value == pytest.approx((1.6 + 1 + 1.7) / 3)
    assert caa["bits per character"].n == 3
    assert not summary.higher_is_better
    assert "none" not in summary.metrics


def test_change_is_paired_by_passage_and_is_what_the_comparison_tests(summary: Summary) -> None:
    caa = summary.metrics["caa"]
    assert caa["change"].value == pytest.approx((0.4 + 0.25 + 0.15) / 3)
    assert caa["change e+"].value == pytest.approx((0.2 + 0.5 + 0.1) / 3)
    assert caa["change e-"].value == pytest.approx((0.6 + 0 + 0.2) / 3)
    low, high = stats.t.interval(0.95, 2, loc=0.8 / 3, scale=stats.sem([0.4, 0.25, 0.15]))
    assert (caa["change"].low, caa["change"].high) == pytest.approx((low, high))
    assert not any(name.startswith(("change", "perplexity")) for name in summary.metrics["unsteered"])
    (compared,) = summary.comparisons["caa"]
    assert (compared.against, compared.difference) == ("unsteered", pytest.approx(caa["change"].value))
    assert compared.p == 0.25  # all three up: two of the eight sign patterns reach as far
    assert "unsteered" not in summary.comparisons


def test_the_perplexity_ratio_is_that_of_a_word(summary: Summary) -> None:
    caa = summary.metrics["caa"]
    high = (20 / 20 + 100 / 50 + 40 / 80) / 3
    low = (60 / 20 + 0 + 80 / 80) / 3
    assert caa["perplexity ratio e+"].value == pytest.approx(2**high)
    assert caa["perplexity ratio e-"].value == pytest.approx(2**low)
    assert caa["perplexity ratio"].value == pytest.approx(2 ** ((high + low) / 2))
    of_words = [(20 + 60) / 2 / 20, 100 / 2 / 50, (40 + 80) / 2 / 80]
    low, high = stats.t.interval(0.95, 2, loc=sum(of_words) / 3, scale=stats.sem(of_words))
    assert (caa["perplexity ratio"].low, caa["perplexity ratio"].high) == pytest.approx((2**low, 2**high))


def test_an_overflowed_passage_is_left_out_and_counted(summary: Summary) -> None:
    spilt = summary.metrics["spilt"]
    assert spilt["bits per character"].value == pytest.approx((1.4 + 1.65) / 2)
    assert spilt["bits per character e-"].value == pytest.approx((1.6 + 1 + 1.7) / 3)
    assert spilt["change"].value == pytest.approx((0.4 + 0.15) / 2)
    assert spilt["change"].n == 2
    assert spilt["overflowed rate"].value == pytest.approx(1 / 6)
    assert summary.metrics["caa"]["overflowed rate"].value == 0


def test_a_row_that_overflowed_everywhere_has_no_figure_and_leaves_the_board_whole(summary: Summary) -> None:
    lost = summary.metrics["lost"]
    assert next(iter(lost)) == "bits per character"
    assert math.isnan(lost["bits per character"].value)
    assert math.isnan(lost["perplexity ratio"].value)
    assert summary.comparisons["lost"][0].p == 1
    assert metrics(lost)["change"].value is None


def test_a_row_under_which_text_is_surely_less_likely_is_flagged(summary: Summary) -> None:
    steady = {"p": 120.0, "q": 242.0, "r": 681.0}  # .2, .21 and .2025 a character more
    sure = summarise({"unsteered": row("e+", PLAIN), "caa": row("e+", steady)}, seed=0)
    assert list(map(words, sure.flags["caa"])) == ["text is less likely than to unsteered"]
    assert sure.flags["unsteered"] == []
    assert summary.flags["caa"] == []  # all three passages are up, and by so unlike amounts that it may be chance
    both = summarise({"unsteered": row("e+", PLAIN), "pas": row("e+", {"p": 90.0, "q": 260.0, "r": 600.0})}, seed=0)
    assert both.flags["pas"] == []  # one passage down, one up
    assert "change e+" not in both.metrics["pas"]


def test_a_ratio_beyond_all_floats_is_infinite_and_no_error() -> None:
    far = {passage: 5000.0 * words for passage, words in WORDS.items()}
    found = summarise({"unsteered": row("e+", PLAIN), "caa": row("e+", far)}, seed=0)
    assert found.metrics["caa"]["perplexity ratio"].value == math.inf
