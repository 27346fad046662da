"""Tampered runs whose settings, rows or names contradict their plan: named without any model."""

import polars as pl
import pytest

from steerbench.publishing.checking import problems
from tests.publishing.forger import (
    ARITHMETIC,
    BENCH,
    DOSE,
    PERPLEXITY,
    PUBLISHED,
    assert_named,
    first,
    forged,
    shipped,
    where,
)


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


CASES = {
    "a strength that is not the one the plan gives": (
        DOSE,
        {"samples": where("pas", strength=4.0)},
        "strength 4, but the plan gives it strength 5",
    ),
    "a strength that is not the one the plan takes from an earlier run": (
        ARITHMETIC,
        {"samples": where("actadd", strength=lambda r: r["strength"] / 2)},
        "but the plan gives it strength",
    ),
    "a strength beyond the end of the dial": (
        BENCH,
        {"samples": where("pas", strength=11.0)},
        "method 'pas', target 'agreeableness+': strength 11 is outside the method's range (0 to 10)",
    ),
    "a strength between those that a golden section search tries": (
        BENCH,
        {"samples": where("pas", strength=5.0)},
        "strength 5 cannot come from the golden search with a budget of 5",
    ),
    "a strength that is none of the published grid": (
        PUBLISHED,
        {"samples": where("pas", strength=7.0)},
        "strength 7 cannot come from the grid search",
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
        "wording 5 does not exist; it has 5",
    ),
    "a calibration point at a strength that was never tried": (
        BENCH,
        {"said": lambda t: t["calibration"]["pas"][1].update(strength=2.0)},
        "calibration, method 'pas': strength 2 cannot be proposed by its search",
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
        "the plan has the row 'fixed-text', but the run does not",
    ),
    "the unsteered row taken away from the trivial rows": (
        PUBLISHED,
        without_row("item-median"),
        "the plan has the row 'item-median', but the run does not",
    ),
    "a row under the name of a method that the plan does not ask for": (
        BENCH,
        renamed_row("echo", "always-3"),
        "has the row 'always-3', but the plan does not",
    ),
    "a timing of a row that is not there": (
        BENCH,
        {"said": lambda t: t["timings"]["methods"].update(fast=t["timings"]["methods"]["pas"])},
        "timings: 'fast' is not a row",
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
        "identity.engine: is missing",
    ),
    "another engine than the plan's": (
        BENCH,
        {"said": lambda t: t["identity"]["engine"].update(engine="vllm")},
        "identity.engine.engine: said 'vllm'",
    ),
    "a published run that does not say that it chose on the test items": (
        PUBLISHED,
        {"said": lambda t: t["deviations"].remove("strength chosen on the test items")},
        "'strength chosen on the test items' is missing",
    ),
    "a published run that does not say what its method does otherwise": (
        PUBLISHED,
        {"said": lambda t: t.update(deviations=[d for d in t["deviations"] if not d.startswith("pas: ")])},
        "those of 'pas' from its published method are missing",
    ),
}


@pytest.mark.parametrize("told", list(CASES))
def test_a_run_is_refused_for(told, tmp_path):
    assert_named(CASES[told], tmp_path)


def test_a_key_that_is_there_twice_is_named(tmp_path):
    folder = forged(shipped(*DOSE), tmp_path)
    text = (folder / "published.json").read_text()
    (folder / "published.json").write_text(text.replace('"targets": ', '"targets": 9, "targets": ', 1))
    assert "has the key 'targets' twice in one object" in problems(folder)[0]
