"""What a run of some size can show: spreads from runs and from rows without a model, and the sentence before a run."""

import numpy as np
import pytest

from steerbench.contracts import Comparison
from steerbench.records.plan import Plan, build_rows
from steerbench.records.results import MethodResult, RunResult, Timings, comparison, write_result
from steerbench.running.power import (
    Spread,
    opened_task,
    outlook,
    reference_spreads,
    spreads_of,
    stored_spreads,
    units_of,
)
from steerbench.statistics import paired_comparisons, smallest_difference


def result(*tested: Comparison, dataset: str | None = None) -> RunResult:
    given = {} if dataset is None else {"dataset": dataset}
    method = MethodResult(
        settings={},
        metrics={},
        comparisons=[comparison(one) for one in tested],
        flags=[],
        strengths={"a": 1.0},
        wordings={},
        items=1,
        unscored=0,
        generated_tokens=0,
    )
    return RunResult(
        digest="0" * 64,
        identity={},
        plan=Plan(methods=("m",), task="papi", task_parameters=given),
        targets=12,
        methods={"m": method},
        deviations=[],
        timings=Timings(methods={}, peak_memory_bytes=0),
        over="people",
    )


def test_a_run_tells_the_standard_deviation_of_its_paired_differences():
    rng = np.random.default_rng(0)
    losses = {"m": rng.normal(size=12), "row": rng.normal(size=12)}
    tested = paired_comparisons(losses, "m", ["row"], rng)
    (found,) = spreads_of(result(*tested))
    assert found.spread == pytest.approx(np.std(losses["m"] - losses["row"], ddof=1))
    assert (found.method, found.against, found.units, found.over) == ("m", "row", 12, "people")
    assert found.smallest(12) == pytest.approx(tested[0].smallest)


def test_a_comparison_without_an_interval_tells_nothing():
    assert spreads_of(result(Comparison("row", 0.0, 1.0, 1.0, n=12))) == []


def test_runs_on_the_same_dataset_are_asked_before_rows_without_a_model(tmp_path):
    one = Comparison("row", 0.1, 0.5, 0.5, -0.1, 0.3, 12, 0.2)
    for name, dataset in (("papi-a", "papi-300"), ("papi-b", None)):
        (tmp_path / name).mkdir()
        write_result(result(one, dataset=dataset), tmp_path / name)
    (tmp_path / "papi-broken").mkdir()
    (tmp_path / "papi-broken" / "run.json").write_text("{")
    plan = Plan(methods=("m",), task="papi", task_parameters={"dataset": "papi-300"})
    assert len(stored_spreads(plan, tmp_path)) == 1
    assert stored_spreads(plan, tmp_path / "nowhere") == []


def test_rows_without_a_model_tell_a_spread_before_any_run():
    found = reference_spreads(Plan(methods=("pas",), task="papi"))
    assert {one.method for one in found} >= {"like trait-mean"}
    assert all(one.spread > 0 and one.against != one.method.removeprefix("like ") for one in found)
    assert {one.over for one in found} == {"people"}


@pytest.mark.real_data
def test_on_real_people_the_trait_mean_against_the_items_median_varies_by_about_seven_tenths():
    plan = Plan(methods=("pas",), task="papi", task_parameters={"dataset": "papi-300", "respondents": 2})
    found = {(one.method, one.against): one for one in reference_spreads(plan)}
    assert found["like trait-mean", "item-median"].spread == pytest.approx(0.68, abs=0.1)


def test_the_opened_task_and_the_rows_of_a_plan_tell_the_same_as_those_that_are_built_anew():
    plan = Plan(methods=("trait-mean",), task="papi")
    opened = opened_task(plan)
    anew = reference_spreads(plan, 24)
    assert reference_spreads(plan, 24, opened) == reference_spreads(plan, 24, opened, build_rows(plan, opened)) == anew
    assert anew != []


@pytest.mark.real_data
def test_where_a_task_has_no_dataset_to_name_it_is_tried_on_no_more_people_than_asked_for():
    plan = Plan(methods=("pas",), task="papi-dark-triad")
    assert {one.units for one in reference_spreads(plan, 24, opened_task(plan))} == {24}


def test_a_task_without_such_rows_tells_nothing():
    assert reference_spreads(Plan(methods=("unsteered",), task="arithmetic-sample")) == []


@pytest.mark.parametrize(
    ("task", "given", "units"),
    [("papi", {"respondents": 7}, (7, "people")), ("arithmetic-sample", {"limit": 5}, (5, "questions"))],
)
def test_units_are_people_where_there_are_some_and_questions_elsewhere(task, given, units):
    assert units_of(opened_task(Plan(methods=("unsteered",), task=task, task_parameters=given))) == units


def test_the_sentence_before_a_run_says_what_it_can_show_or_that_it_can_show_nothing():
    assert outlook(5, "people", 0.7, "as told") == (
        "5 people are too few for any difference to be significant; 6 are the least."
    )
    found = smallest_difference(0.7, 12)
    assert outlook(12, "people", 0.7, "as told") == (
        f"12 people: four of five such runs find a difference in loss of {found:.2g} or more (as told)."
    )
    assert "not known before a first run" in outlook(12, "units", None, "")
    assert Spread("m", "row", 0.1, 0.7, 12, "people").smallest(5) is None
