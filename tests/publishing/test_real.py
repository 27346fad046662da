"""Real tasks on real models, published: PAPI without what people ticked, PersonalityBench with its judges' words."""

import json

import polars as pl
import pytest

from steerbench.publishing.checking import problems
from steerbench.publishing.hidden import marked
from steerbench.publishing.publish import publish
from steerbench.publishing.samples import read_samples
from steerbench.publishing.schema import read_published
from steerbench.records.plan import Plan
from steerbench.records.results import read_result
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model
from tasks.papi.task import PAPI
from tests.publishing.world import copied, edit, edit_samples, put


@pytest.fixture(scope="module")
def papi(tmp_path_factory):
    folder = tmp_path_factory.mktemp("papi")
    plan = Plan(
        methods=("few-shot",),
        task="papi",
        task_parameters={"respondents": 2},
        model=str(tiny_model(folder / "tiny")),
        budget=2,
    )
    execute(prepare(plan), folder / "run")
    return folder / "run", publish(folder / "run", folder / "results")


def test_a_papi_run_is_recomputed_without_any_tick_or_loss_in_it(papi):
    run, folder = papi
    assert problems(folder) == []
    frame = read_samples(folder)
    assert {"trait-mean", "item-median", "few-shot"} <= set(frame["method"])
    assert frame["loss"].null_count() == frame["tick"].null_count() == len(frame)
    answered = frame.filter(pl.col("logprobs").is_not_null())["method"].unique().to_list()
    assert sorted(answered) == ["few-shot", "unsteered"]
    assert read_published(folder).methods == marked(read_result(run).methods, PAPI())


def test_a_papi_answer_is_not_the_run_folders_hash_of_what_was_shown(papi):
    run, folder = papi
    assert "prompt" not in read_samples(folder).columns
    assert read_published(folder).model == "tiny"
    assert str(run.parent) not in (folder / "published.json").read_text()


def test_what_would_tell_a_tick_is_found_in_a_submission(papi, tmp_path):
    folder = copied(papi[1], tmp_path)
    row = read_samples(folder).row(0, named=True)
    edit_samples(folder, put(row["method"], row["target"], row["item"], loss=1.0))
    assert any("the task withholds people's answers, but this sample reveals one" in one for one in problems(folder))


def test_every_papi_metric_is_found_if_it_is_tampered_with(papi, tmp_path):
    folder = copied(papi[1], tmp_path)
    true = read_published(folder).methods["few-shot"].metrics
    numbers = [name for name, metric in true.items() if metric.value is not None]

    def change(told):
        for name in numbers:
            told["methods"]["few-shot"]["metrics"][name]["value"] += 1e-6

    edit(folder, change)
    told = problems(folder)
    assert all(any(f"'few-shot', metric '{name}': value said" in one for one in told) for name in numbers)
    assert len(told) == len(numbers) > 5


def test_a_swapped_papi_answer_changes_a_number_that_is_named(papi, tmp_path):
    folder = copied(papi[1], tmp_path)
    frame = read_samples(folder).filter(pl.col("method") == "few-shot", pl.col("target") == "sim-01")
    ticks = {item.id: PAPI()._people["sim-01"].answers[item.id] for item in PAPI()._inventory.items}
    first = frame.row(0, named=True)
    second = next(row for row in frame.iter_rows(named=True) if ticks[row["item"]] != ticks[first["item"]])
    edit_samples(folder, put("few-shot", "sim-01", first["item"], logprobs=[0.0, -9.0, -9.0, -9.0, -9.0]))
    edit_samples(folder, put("few-shot", "sim-01", second["item"], logprobs=[-9.0, -9.0, -9.0, -9.0, 0.0]))
    assert any("method 'few-shot', metric" in one for one in problems(folder))


def test_the_causal_task_and_the_dark_triad_withhold_too(tmp_path):
    from tasks.papi.causal import CausalPAPI
    from tasks.papi.task import DarkTriadPAPI

    assert CausalPAPI.withheld
    assert DarkTriadPAPI.withheld
    plan = Plan(methods=("trait-mean",), task="papi-causal", task_parameters={"respondents": 2, "items": 1})
    execute(prepare(plan), tmp_path / "run")
    folder = publish(tmp_path / "run", tmp_path / "results")
    assert problems(folder) == []
    assert read_samples(folder)["tick"].null_count() == read_samples(folder).height


def test_a_personalitybench_run_on_the_embedded_model_is_published_with_what_its_judges_said(tmp_path):
    plan = Plan(
        methods=("simple-prompt",),
        task="personalitybench",
        task_parameters={"poles": "extraversion+", "questions": 1, "max_new_tokens": 8},
        budget=2,
    )
    execute(prepare(plan), tmp_path / "run")
    folder = publish(tmp_path / "run", tmp_path / "results")
    assert problems(folder) == []
    row = read_samples(folder).filter(pl.col("method") == "simple-prompt").row(0, named=True)
    verdicts = json.loads(row["verdicts"])
    assert [verdict["quality"] for verdict in verdicts][::5] == ["extraversion", "fluency"]
    assert verdicts[0]["details"]["projection"]
    assert row["loss"] == pytest.approx(5 - verdicts[0]["rating"])
    verdicts[0]["rating"] = 5.0
    edit_samples(folder, put("simple-prompt", row["target"], row["item"], verdicts=json.dumps(verdicts), loss=0.0))
    assert any("method 'simple-prompt', metric 'trait score': value said" in one for one in problems(folder))
