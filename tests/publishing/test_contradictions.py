"""Shipped runs, tampered with by a competent forger: what contradicts itself is named without any model."""

import json

import polars as pl
import pytest

from tests.publishing.forger import complaints, first, forged, relabelled, shipped, where

BENCH, ARITHMETIC, PERPLEXITY = ("personalitybench",), ("arithmetic-sample",), ("perplexity",)
DOSE, PUBLISHED = ("personalitybench", "strict", False), ("papi", "published")


def trait(told):
    return told["judges"]["trait"]


def without_row(name):
    def said(told):
        for part in (told["methods"], told["portraits"], told["timings"]["methods"], told["identity"]["methods"]):
            part.pop(name)
        told["calibration"].pop(name, None)

    return {"said": said, "samples": lambda frame: frame.filter(pl.col("method") != name)}


def renamed_row(name, other):
    def said(told):
        for part in (told["methods"], told["portraits"], told["timings"]["methods"], told["identity"]["methods"]):
            part[other] = part.pop(name)

    return {
        "said": said,
        "samples": lambda frame: frame.with_columns(pl.col("method").replace(name, other)),
    }


def verdicts(change, quality=None):
    """Verdicts of a row after a change to each, or to those on one quality."""

    def changed(row):
        found = json.loads(row["verdicts"])
        for one in found:
            if quality in (None, one["quality"]):
                change(one)
        return json.dumps(found)

    return changed


def nearer(one):
    """A rating and the projection that gives it."""
    import math

    one["rating"] = min(one["rating"] + 0.5, 4.9)
    one["details"] = {"projection": math.log((one["rating"] - 1) / (5 - one["rating"])) / 3}


def twice(text):
    return text.replace('"rating": ', '"rating": 5.0, "rating": ', 1)


CASES = {
    "a strength that is not the one the plan gives": (
        DOSE,
        {"samples": where("pas", strength=4.0)},
        "strength 4, and the plan gives it strength 5",
    ),
    "a strength that is not the one the plan takes from an earlier run": (
        ARITHMETIC,
        {"samples": where("actadd", strength=lambda r: r["strength"] / 2)},
        "and the plan gives it strength",
    ),
    "a strength beyond the end of the dial": (
        BENCH,
        {"samples": where("pas", strength=11.0)},
        "method 'pas', target 'agreeableness+': strength 11 is outside its dial (0 to 10)",
    ),
    "a strength between those that a golden section search tries": (
        BENCH,
        {"samples": where("pas", strength=5.0)},
        "strength 5 is none that the golden search with a budget of 5 can try",
    ),
    "a strength that is none of the published grid": (
        PUBLISHED,
        {"samples": where("pas", strength=7.0)},
        "strength 7 is none that the grid search",
    ),
    "a strength other than its one of a method without a dial": (
        BENCH,
        {"samples": where("p2", strength=2.0)},
        "method 'p2', target 'agreeableness+': strength 2",
    ),
    "two strengths within one target": (
        BENCH,
        {"samples": first("caa", strength=3.8196601125010514)},
        "a target has one setting",
    ),
    "two wordings within one target": (
        BENCH,
        {"samples": first("simple-prompt", wording=lambda r: (r["wording"] + 1) % 5)},
        "a target has one setting",
    ),
    "a wording beyond the budget and the alternatives": (
        BENCH,
        {"samples": where("simple-prompt", wording=5)},
        "wording 5 is none of its 5",
    ),
    "a calibration point at a strength that was never tried": (
        BENCH,
        {"said": lambda t: t["calibration"]["pas"][1].update(strength=2.0)},
        "calibration, method 'pas': strength 2 is none that its search can try",
    ),
    "calibration points of a run that was given its strengths": (
        ARITHMETIC,
        {
            "said": lambda t: t["calibration"].update(
                pas=[{"strength": 0.0, "wording": 0, "loss": {"value": 1.0, "low": 1.0, "high": 1.0, "n": 2}}]
            )
        },
        "there was nothing to choose",
    ),
    "a row taken away that nobody liked": (
        BENCH,
        without_row("fixed-text"),
        "the plan makes the row 'fixed-text', and the run has none",
    ),
    "the unsteered row taken away from the trivial rows": (
        PUBLISHED,
        without_row("item-median"),
        "the plan makes the row 'item-median', and the run has none",
    ),
    "a row under the name of a method that the plan does not ask for": (
        BENCH,
        renamed_row("echo", "always-3"),
        "has the row 'always-3', which the plan does not make",
    ),
    "a timing of a row that is not there": (
        BENCH,
        {"said": lambda t: t["timings"]["methods"].update(fast=t["timings"]["methods"]["pas"])},
        "timings: 'fast' is no row",
    ),
    "a seed in a method's settings that the plan does not give": (
        BENCH,
        {
            "said": lambda t: (
                t["methods"]["pas"]["settings"]["pas"].update(seed=9),
                t["identity"]["methods"]["pas"]["pas"].update(seed=9),
            )
        },
        "the seed of 'pas' is 9",
    ),
    "an identity that keeps the budget to itself": (
        BENCH,
        {"said": lambda t: t["identity"]["plan"].pop("budget")},
        "identity.plan: lacks budget",
    ),
    "the built-in model with the weights of another": (
        BENCH,
        {"said": lambda t: t["identity"]["engine"].update(weights="0" * 64)},
        "but those of the model 'smollm2-135m' are",
    ),
    "an identity without an engine, of rows that need a model": (
        PERPLEXITY,
        {"said": lambda t: t["identity"].update(engine=None) or t.update(model="no model")},
        "identity.engine: is none",
    ),
    "another engine than the plan's": (
        BENCH,
        {"said": lambda t: t["identity"]["engine"].update(engine="vllm")},
        "identity.engine.engine: said 'vllm'",
    ),
    "a published run that does not say that it chose on the test items": (
        PUBLISHED,
        {"said": lambda t: t["deviations"].remove("strength chosen on the test items")},
        "'strength chosen on the test items' is left out",
    ),
    "a published run that does not say what its method does otherwise": (
        PUBLISHED,
        {"said": lambda t: t.update(deviations=[d for d in t["deviations"] if not d.startswith("pas: ")])},
        "those of 'pas' from its published method are left out",
    ),
    "a judge's identity that is not the judge's": (
        BENCH,
        {
            "said": lambda t: (
                trait(t)["identity"].update(anchors="0" * 64),
                t["identity"]["judges"]["trait"].update(anchors="0" * 64),
            )
        },
        "the trait judge 'axis' says that its anchors is",
    ),
    "an AUC of 57": (
        BENCH,
        {"said": lambda t: trait(t)["check"]["auc"].update(openness=57.0)},
        "the check's auc of openness is 57",
    ),
    "a share of unscored texts above 1": (
        BENCH,
        {"said": lambda t: trait(t)["check"].update(unscored=1.5)},
        "the check's unscored is 1.5",
    ),
    "a retest difference below 0": (
        BENCH,
        {"said": lambda t: trait(t)["check"].update(retest=-0.1)},
        "the check's retest is -0.1",
    ),
    "a judge that gives money back": (BENCH, {"said": lambda t: trait(t).update(cost=-3.0)}, "cost is -3"),
    "more unscored verdicts than verdicts": (
        BENCH,
        {"said": lambda t: trait(t).update(unscored=trait(t)["verdicts"] + 1)},
        "verdicts are unscored",
    ),
    "fewer verdicts than the samples hold": (
        BENCH,
        {"said": lambda t: trait(t).update(verdicts=3)},
        "judges, trait: verdicts are 3, and the samples hold",
    ),
    "a rating that its projection does not give": (
        BENCH,
        {"samples": first("pas", verdicts=verdicts(lambda v: v.update(rating=4.5), "openness"))},
        "openness is rated 4.5, and a projection of",
    ),
    "ratings and projections changed together": (
        DOSE,
        {"samples": where("pas", verdicts=verdicts(nearer, "openness"))},
        "and the judge rates it",
    ),
    "a fluency that its nll does not give": (
        BENCH,
        {"samples": first("pas", verdicts=verdicts(lambda v: v.update(rating=1.5), "fluency"))},
        "fluency is rated 1.5, and by its details",
    ),
    "a share of repetition that is not the text's": (
        BENCH,
        {"samples": first("pas", verdicts=verdicts(lambda v: v["details"].update(repeated=0.987), "fluency"))},
        "0.987 of it is repeated",
    ),
    "a verdict that gives two ratings": (
        BENCH,
        {"samples": first("pas", verdicts=lambda r: twice(r["verdicts"]))},
        "its verdicts give 'rating' twice",
    ),
    "a likelihood above 1": (
        PERPLEXITY,
        {"samples": first("pas", logprobs=[5.0])},
        "has a log-likelihood of 5, and none is above 0",
    ),
    "more likelihoods than options": (
        PERPLEXITY,
        {"samples": first("pas", logprobs=[-5.0, -6.0])},
        "has 2 log-likelihoods for 1 options",
    ),
    "more tokens than the task allows": (
        BENCH,
        {"samples": first("pas", tokens=101)},
        "has 101 tokens, and the task cuts answers at 100",
    ),
    "more tokens than both stages allow": (
        ARITHMETIC,
        {"samples": first("pas", tokens=289)},
        "has 289 tokens, and the task cuts answers at 288",
    ),
    "a text without a token": (BENCH, {"samples": first("pas", tokens=0)}, "characters and no token"),
    "an answer cut at its limit before it": (
        BENCH,
        {"samples": first("pas", tokens=7, finish="length")},
        "with 7 tokens, and the limit is 100",
    ),
    "something said before the answer of a task that asks once": (
        BENCH,
        {"samples": first("pas", before="Hm.")},
        "has something said before it",
    ),
    "a reply that its method does not give": (
        BENCH,
        {"samples": first("fixed-text", text="I am dull.")},
        "the method replies 'I am",
    ),
    "edits of a method that makes none": (
        BENCH,
        {"samples": where("unsteered", edits="a" * 32)},
        "has edits, and the method makes none",
    ),
    "edits of a prompt": (BENCH, {"samples": where("simple-prompt", edits="a" * 32)}, "its edits are said to be"),
    "edits at strength 0": (
        BENCH,
        {"samples": where("caa", edits=lambda r: r["edits"] or "b" * 32)},
        "has edits, and its strength is 0",
    ),
    "several edits within one target": (
        ARITHMETIC,
        {"samples": first("pas", edits="c" * 32)},
        "its edits are others than",
    ),
    "no edits where the portrait has some": (
        ARITHMETIC,
        {"samples": where("pas", edits="")},
        "portraits, method 'pas': edits",
    ),
    "no edits, no portrait, and answers that are not the plain model's": (
        ARITHMETIC,
        {"samples": where("pas", edits=""), "said": lambda t: t["portraits"]["pas"].update(edits=[], layers=None)},
        "the model is asked without any edit",
    ),
    "answers of one target changed where every target asks the plain model the same": (
        ARITHMETIC,
        {"samples": first("caa", text="The answer is 7.")},
        "the model is asked without any edit",
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
        "of their answers are the same",
    ),
}


@pytest.mark.parametrize("told", list(CASES))
def test_a_run_is_refused_for(told, tmp_path):
    run, tampering, complaint = CASES[told]
    found = []
    for sentence in complaints(forged(shipped(*run), tmp_path, **tampering)):
        found.append(sentence)
        if complaint in sentence:
            return
    pytest.fail(f"nothing says '{complaint}': {found}")


def test_a_key_that_is_there_twice_is_named(tmp_path):
    from steerbench.publishing.checking import problems

    folder = forged(shipped(*DOSE), tmp_path)
    text = (folder / "published.json").read_text()
    (folder / "published.json").write_text(text.replace('"targets": ', '"targets": 9, "targets": ', 1))
    assert "gives 'targets' twice in one place" in problems(folder)[0]
