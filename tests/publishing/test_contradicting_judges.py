"""Tampered runs whose judges or verdicts contradict themselves: named without asking a judge's model."""

import json
import math

import pytest

from tests.publishing.forger import BENCH, DOSE, assert_named, first, where


def trait(told):
    return told["judges"]["trait"]


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
    one["rating"] = min(one["rating"] + 0.5, 4.9)
    one["details"] = {"projection": math.log((one["rating"] - 1) / (5 - one["rating"])) / 3}


def twice(text):
    return text.replace('"rating": ', '"rating": 5.0, "rating": ', 1)


CASES = {
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
        "judges, trait: verdicts are 3, but the samples have",
    ),
    "a rating that its projection does not give": (
        BENCH,
        {"samples": first("pas", verdicts=verdicts(lambda v: v.update(rating=4.5), "openness"))},
        "openness is rated 4.5, but a projection of",
    ),
    "ratings and projections changed together": (
        DOSE,
        {"samples": where("pas", verdicts=verdicts(nearer, "openness"))},
        "but the judge rates it",
    ),
    "a fluency that its nll does not give": (
        BENCH,
        {"samples": first("pas", verdicts=verdicts(lambda v: v.update(rating=1.5), "fluency"))},
        "fluency is rated 1.5, but by its details",
    ),
    "a share of repetition that is not the text's": (
        BENCH,
        {"samples": first("pas", verdicts=verdicts(lambda v: v["details"].update(repeated=0.987), "fluency"))},
        "0.987 of it is repeated",
    ),
    "a verdict that gives two ratings": (
        BENCH,
        {"samples": first("pas", verdicts=lambda r: twice(r["verdicts"]))},
        "its verdicts have 'rating' twice",
    ),
}


@pytest.mark.parametrize("told", list(CASES))
def test_a_run_is_refused_for(told, tmp_path):
    assert_named(CASES[told], tmp_path)
