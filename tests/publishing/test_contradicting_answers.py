"""Tampered runs whose answers or edits no model can have given: named without any model."""

import polars as pl
import pytest

from steerbench.publishing.checking import problems
from steerbench.publishing.schema import read_published
from tests.publishing.forger import (
    ARITHMETIC,
    BENCH,
    PERPLEXITY,
    RESULTS,
    assert_named,
    first,
    forged,
    relabelled,
    where,
)

CASES = {
    "a likelihood above 1": (
        PERPLEXITY,
        {"samples": first("pas", logprobs=[5.0])},
        "has a log-likelihood of 5, but none can be above 0",
    ),
    "more likelihoods than options": (
        PERPLEXITY,
        {"samples": first("pas", logprobs=[-5.0, -6.0])},
        "has 2 log-likelihoods for 1 options",
    ),
    "more tokens than the task allows": (
        BENCH,
        {"samples": first("pas", tokens=101)},
        "has 101 tokens, but the task cuts answers at 100",
    ),
    "more tokens than both stages allow": (
        ARITHMETIC,
        {"samples": first("pas", tokens=289)},
        "has 289 tokens, but the task cuts answers at 288",
    ),
    "a text without a token": (BENCH, {"samples": first("pas", tokens=0)}, "characters but no token"),
    "an answer cut at its limit before it": (
        BENCH,
        {"samples": first("pas", tokens=7, finish="length")},
        "with 7 tokens, but the limit is 100",
    ),
    "something said before the answer of a task that asks once": (
        BENCH,
        {"samples": first("pas", before="Hm.")},
        "has a first answer before it",
    ),
    "a reply that its method does not give": (
        BENCH,
        {"samples": first("fixed-text", text="I am dull.")},
        "the method replies 'I am",
    ),
    "edits of a method that makes none": (
        BENCH,
        {"samples": where("unsteered", edits="a" * 32)},
        "has edits, but the method makes none",
    ),
    "edits of a prompt": (BENCH, {"samples": where("simple-prompt", edits="a" * 32)}, "its edits are said to be"),
    "edits at strength 0": (
        BENCH,
        {"samples": where("caa", edits=lambda r: r["edits"] or "b" * 32)},
        "has edits, but its strength is 0",
    ),
    "several edits within one target": (
        ARITHMETIC,
        {"samples": first("pas", edits="c" * 32)},
        "its edits differ from",
    ),
    "no edits where the portrait has some": (
        ARITHMETIC,
        {"samples": where("pas", edits="")},
        "portraits, method 'pas': edits",
    ),
    "no edits, no portrait, and answers that are not the plain model's": (
        ARITHMETIC,
        {"samples": where("pas", edits=""), "said": lambda t: t["portraits"]["pas"].update(edits=[], layers=None)},
        "the answer without edits differs",
    ),
    "answers of one target changed where every target asks the plain model the same": (
        ARITHMETIC,
        {"samples": first("caa", text="The answer is 7.")},
        "the answer without edits differs",
    ),
    "a portrait of a prompt that nobody was given": (
        BENCH,
        {"said": lambda t: t["portraits"]["simple-prompt"].update(prompted=0.5)},
        "changes the prompt of 0.5 of the targets",
    ),
    "one method's samples under another's name": (
        ARITHMETIC,
        {"samples": relabelled("actadd", "npti", "strength")},
        "have the same edits on every target",
    ),
    "one method's answers under another's edits": (
        ARITHMETIC,
        {"samples": relabelled("actadd", "npti", "strength", "edits")},
        "of their answers are equal",
    ),
}


@pytest.mark.parametrize("told", list(CASES))
def test_a_run_is_refused_for(told, tmp_path):
    assert_named(CASES[told], tmp_path)


def test_a_placebos_items_have_the_edits_of_their_own_hand(tmp_path):
    """Eight hashes a pole are what its directions make; that an item has its neighbour's is a contradiction."""
    folders = sorted(RESULTS.glob("personalitybench-*"))
    settings = {folder: read_published(folder).identity["methods"] for folder in folders}
    run = next(
        folder
        for folder, methods in settings.items()
        if methods.get("random-direction", {}).get("random-direction", {}).get("draws")
    )
    target = "extraversion+"
    samples = pl.read_parquet(run / "samples.parquet")
    of_pole = samples.filter((pl.col("method") == "random-direction") & (pl.col("target") == target))
    assert 4 <= of_pole["edits"].n_unique() <= 8
    assert not problems(run)
    hand = of_pole["edits"][0]
    other = of_pole.filter(pl.col("edits") != hand)["edits"][0]
    shared = next(edits for (edits,), items in of_pole.group_by("edits") if len(items) > 1)
    wrong = hand if shared != hand else other
    item = of_pole.filter(pl.col("edits") == shared)["item"][0]
    here = (pl.col("method") == "random-direction") & (pl.col("target") == target) & (pl.col("item") == item)
    moved = pl.when(here).then(pl.lit(wrong)).otherwise(pl.col("edits")).alias("edits")
    folder = forged(run, tmp_path, samples=lambda samples: samples.with_columns(moved))
    assert any("its edits differ from those of the target's other items" in one for one in problems(folder))
