"""PersonalityBench end to end: the embedded model, the embedded bank, the offline judges, at a small size."""

import json

import polars as pl
import pytest

from steerbench.errors import UserError
from steerbench.records.export import read_samples
from steerbench.records.plan import Plan
from steerbench.running.preparing import prepare
from steerbench.running.rejudging import CHOSEN_BY, prepare_again, rejudge
from steerbench.running.runner import execute
from tests.judges.faulty_server import KEY, FaultyServer, expected

PLAN = Plan(
    methods=("simple-prompt", "p2", "actadd", "pas", "npti"),
    task="personalitybench",
    task_parameters={"poles": "extraversion+,extraversion-", "questions": 1, "max_new_tokens": 12},
    method_parameters={"npti": {"personas": 1, "max_new_tokens": 8}},
    budget=2,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return folder, execute(prepare(PLAN), folder)


def test_every_method_is_measured_beside_the_trivial_rows_and_every_answer_is_rated(run):
    folder, result = run
    rows = (*PLAN.methods, "unsteered", "random-direction", "echo", "fixed-text")
    assert set(result.methods) == set(rows)
    frame = read_samples(folder).filter(pl.col("split") == "test")
    assert len(frame) == len(rows) * 2
    assert frame["unscored"].unique().to_list() == [""]
    for name in rows:
        metrics = result.methods[name].metrics
        assert 2 <= metrics["trait score"].value <= 10
        assert 2 <= metrics["fluency"].value <= 10
        records = [json.loads(text) for text in frame.filter(frame["method"] == name)["record"]]
        assert all(set(record["ratings"]) == set("ACENO") for record in records)
        high, low = (next(r["ratings"]["E"] for r in records if r["high"] is end) for end in (True, False))
        assert metrics["separation"].value == pytest.approx(high - low)
        assert metrics["trait score"].value == pytest.approx(high + 6 - low)


def test_trivial_rows_are_what_they_say(run):
    folder, result = run
    frame = read_samples(folder).filter(pl.col("split") == "test")
    said = {name: frame.filter(frame["method"] == name) for name in ("unsteered", "echo", "fixed-text")}
    assert said["unsteered"]["text"].n_unique() == 1
    assert said["echo"]["text"].n_unique() == 1
    assert said["fixed-text"]["text"].n_unique() == 2
    assert result.methods["unsteered"].metrics["separation"].value == 0
    assert result.methods["fixed-text"].metrics["separation"].value > 1


def test_a_method_that_steers_answers_otherwise_than_the_model(run):
    frame = read_samples(run[0]).filter(pl.col("split") == "test")
    unsteered = frame.filter(frame["method"] == "unsteered")["text"].to_list()
    assert frame.filter(frame["method"] == "simple-prompt")["text"].to_list() != unsteered


def test_the_result_carries_how_far_its_judges_can_be_trusted(run):
    judges = run[1].judges
    assert (judges["trait"].name, judges["fluency"].name) == ("axis", "perplexity")
    assert judges["trait"].check.seen == 1.0
    assert min(judges["trait"].check.auc.values()) >= 0.98
    assert judges["fluency"].check.auc["fluency"] >= 0.95
    assert (judges["trait"].unscored, judges["fluency"].unscored) == (0, 0)


def test_rating_again_by_the_same_judges_gives_the_same_board_without_a_new_answer(run, tmp_path):
    folder, result = run
    again = rejudge(folder, prepare_again(folder, {}, {}), tmp_path)
    assert again.methods == result.methods
    assert read_samples(tmp_path)["text"].to_list() == read_samples(folder)["text"].to_list()


def test_a_model_does_not_rate_its_own_answers_unless_that_is_allowed(run):
    own = {"local-llm": {"model": "smollm2-135m"}}
    with pytest.raises(UserError, match=r"The judge 'local-llm' is the evaluated model itself \(smollm2-135m\)"):
        prepare_again(run[0], {"trait": "local-llm"}, own)
    with pytest.raises(UserError, match="allow it with --allow-self-judge"):
        prepare(PLAN.model_copy(update={"judges": {"trait": "local-llm"}, "judge_parameters": own}))
    named = {"llm": {"model": "smollm2-135m", "base_url": "http://127.0.0.1:9/v1"}}
    with pytest.raises(UserError, match="The judge 'llm' is the evaluated model itself"):
        prepare_again(run[0], {"fluency": "llm"}, named)
    allowed = {"local-llm": {"model": "smollm2-135m", "allow_self_judge": True}}
    assert prepare_again(run[0], {"trait": "local-llm"}, allowed).judges["trait"].name == "local-llm"


def test_an_llm_rates_the_stored_answers_and_its_key_is_written_nowhere(run, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FaultyServer({0: ("429 ms 20", "500", "ok")}) as server:
        judge = {"model": "m", "base_url": server.url, "backoff": 0.01, "price_in": 2.0, "price_out": 8.0}
        result = rejudge(run[0], prepare_again(run[0], {"trait": "llm"}, {"llm": judge}), tmp_path / "again")
        calls = sum(map(len, server.calls.values()))
    frame = read_samples(tmp_path / "again").filter(pl.col("split") == "test")
    ratings = {r for text in frame["record"] for r in json.loads(text)["ratings"].values()}
    assert ratings == {expected(0)}
    told = result.judges["trait"]
    assert (told.calls, told.unscored) == (calls, 0)
    assert told.cost == pytest.approx((2.0 * told.prompt_tokens + 8.0 * told.completion_tokens) / 1e6)
    # A judge that rates everything alike orders nothing, and the result says so.
    assert set(told.check.auc.values()) == {0.5}
    assert CHOSEN_BY in result.deviations
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"run.json", "ledger.sqlite"}
    assert not [path for path in written if KEY.encode() in path.read_bytes()]
