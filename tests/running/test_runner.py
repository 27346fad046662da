"""Runs: the order of things, what is asked, and that a crash anywhere changes nothing."""

import json
from dataclasses import dataclass, field, replace

import polars as pl
import pytest
from steerbench_crashing import Crash, CrashingEngine
from steerbench_testkit import HELD_OUT, ITEMS, TESTED, ToyTask

from steerbench.contracts import Score, Scored, Split
from steerbench.contracts.setting import Setting
from steerbench.contracts.steering import load_steering
from steerbench.errors import UserError
from steerbench.records.export import export
from steerbench.records.found_ledgers import LEDGER, reading
from steerbench.records.plan import Plan
from steerbench.records.results import read_result
from steerbench.running.evaluation import edits_digest
from steerbench.running.losses import target_loss
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute

PLAN = Plan(
    methods=("toy-push", "toy-words", "toy-push+toy-words"), task="toy", model="toy-model", engine="toy", budget=4
)


def numbers(result):
    return result.model_dump(exclude={"timings"})


def all_samples(folder):
    with reading(folder / LEDGER) as connection:
        return connection.execute("SELECT * FROM samples ORDER BY method, split, step, target, item").fetchall()


def run(plan, folder, **engine):
    prepared = prepare(plan)
    for name, value in engine.items():
        setattr(prepared.engine, name, value)
    return prepared, execute(prepared, folder)


@pytest.mark.parametrize(("protocol", "every"), [("strict", 1), ("published", 3)])
def test_a_run_killed_at_any_chunk_ends_with_the_same_numbers_to_the_last_bit(tmp_path, protocol, every):
    plan = PLAN.model_copy(update={"protocol": protocol})
    whole, expected = run(plan, tmp_path / "whole")
    counting = CrashingEngine(left=-1)
    execute(replace(whole, engine=counting), tmp_path / "count")
    count = counting.chunks
    assert count > 20
    for crash_at in range(0, count, every):
        folder = tmp_path / f"crash-{crash_at}"
        prepared = prepare(plan)
        with pytest.raises(Crash):
            execute(replace(prepared, engine=CrashingEngine(left=crash_at)), folder)
        assert not (folder / "run.json").exists()
        # The next start finds more memory; the run keeps to the packing it began with.
        resumed = CrashingEngine(left=-1, token_budget=11)
        result = execute(replace(prepare(plan), engine=resumed), folder)
        assert numbers(result) == numbers(expected)
        assert all_samples(folder) == all_samples(tmp_path / "whole")
        assert resumed.chunks == count - crash_at


def test_a_run_killed_at_every_chunk_in_turn_still_ends(tmp_path):
    _, expected = run(PLAN, tmp_path / "whole")
    for starts in range(1, 200):  # noqa: B007
        try:
            result = execute(replace(prepare(PLAN), engine=CrashingEngine(left=1)), tmp_path / "torn")
            break
        except Crash:
            continue
    assert starts > 20
    assert numbers(result) == numbers(expected)


def test_a_damaged_fit_is_fitted_again(tmp_path):
    _, expected = run(PLAN, tmp_path)
    (tmp_path / "run.json").unlink()
    files = sorted((tmp_path / "fits").rglob("*.safetensors"))
    files[0].unlink()
    other, _ = load_steering(files[1])
    replace(other, edits=()).save(files[1])
    _, again = run(PLAN, tmp_path)
    assert numbers(again) == numbers(expected)


def test_a_finished_run_is_read_without_asking_anything(tmp_path):
    _, first = run(PLAN, tmp_path)
    second, result = run(PLAN, tmp_path)
    assert result == first == read_result(tmp_path)
    assert second.engine.asked == []


# -- strict


class StoppingTask(ToyTask):
    """Stops the run at the very moment the test answers would be unsealed."""

    def unseal(self):
        raise Crash


def test_test_items_are_sealed_until_the_choices_of_all_methods_are_frozen(tmp_path):
    prepared = prepare(PLAN)
    with pytest.raises(Crash):
        execute(replace(prepared, task=StoppingTask()), tmp_path)
    with reading(tmp_path / LEDGER) as connection:
        frozen = connection.execute("SELECT DISTINCT method FROM choices").fetchall()
        assert connection.execute("SELECT count(*) FROM samples WHERE split = 'test'").fetchone() == (0,)
    assert {name for (name,) in frozen} == {row.name for row in prepared.rows}


def test_calibration_asks_only_held_out_items_and_the_result_only_test_items(tmp_path):
    run(PLAN, tmp_path)
    seen = {(row[1], row[4]) for row in all_samples(tmp_path)}
    assert {item for split, item in seen if split == "calibration"} == {item.id for item in HELD_OUT}
    assert {item for split, item in seen if split == "test"} == {item.id for item in TESTED}


def test_calibration_costs_its_budget_and_prompts_get_no_more(tmp_path):
    run(PLAN.model_copy(update={"budget": 6}), tmp_path)
    steps = {}
    for method, split, step, *_ in all_samples(tmp_path):
        if split == "calibration":
            steps.setdefault(method, set()).add(step)
    assert {method: len(found) for method, found in steps.items()} == {
        "toy-push": 6,
        "toy-random": 6,
        "toy-push+toy-words": 6,
        "toy-words": 3,
    }


def test_the_chosen_strength_is_the_best_of_those_tried_for_each_target(tmp_path):
    _, result = run(PLAN.model_copy(update={"budget": 7}), tmp_path)
    tried = {}
    for row in all_samples(tmp_path):
        if row[:2] == ("toy-push", "calibration"):
            tried.setdefault((row[3], row[5]), []).append(json.loads(row[10])["loss"])
    means = {key: sum(losses) / len(losses) for key, losses in tried.items()}
    for target, strength in result.methods["toy-push"].strengths.items():
        assert means[target, strength] == min(loss for (t, _), loss in means.items() if t == target)
    assert len(set(result.methods["toy-push"].strengths.values())) > 1


# -- published


def test_under_the_published_protocol_the_test_items_choose_and_the_result_says_so(tmp_path):
    plan = PLAN.model_copy(update={"protocol": "published", "calibration": "grid"})
    _, result = run(plan, tmp_path)
    samples = all_samples(tmp_path)
    assert {row[4] for row in samples} == {item.id for item in TESTED}
    assert {row[5] for row in samples if row[:2] == ("toy-push", "calibration")} == {0, 1, 2, 4, 6, 8}
    assert result.deviations == ["keys as stored", "strength chosen on the test items"]
    chosen = {row[3:]: row for row in samples if row[:2] == ("toy-push", "test")}
    tried = {row[3:] for row in samples if row[:2] == ("toy-push", "calibration")}
    assert chosen
    assert set(chosen) <= tried


def test_under_the_published_protocol_a_prompt_is_the_first_one_and_no_wording_is_tried(tmp_path):
    plan = PLAN.model_copy(update={"protocol": "published", "calibration": "grid", "methods": ("toy-words",)})
    _, result = run(plan, tmp_path)
    assert not [row for row in all_samples(tmp_path) if row[:2] == ("toy-words", "calibration")]
    assert result.methods["toy-words"].wordings == {}
    run(plan.model_copy(update={"protocol": "strict"}), tmp_path / "strict")
    assert [row for row in all_samples(tmp_path / "strict") if row[:2] == ("toy-words", "calibration")]


def test_a_strict_run_deviates_in_nothing(tmp_path):
    assert run(PLAN, tmp_path)[1].deviations == []


# -- what the engine is asked


def test_the_same_question_is_asked_once_whoever_it_is_for(tmp_path):
    plan = Plan(methods=("toy-silent",), task="toy", model="toy", engine="toy", task_parameters={"respondents": 12})
    prepared, result = run(plan.model_copy(update={"trivial": False}), tmp_path)
    assert len(prepared.engine.asked) == len(TESTED)
    assert result.methods["toy-silent"].items == 12 * len(TESTED)


def test_the_unedited_model_is_asked_once_for_all_methods_that_try_strength_zero(tmp_path):
    prepared, _ = run(PLAN, tmp_path)
    asked = [(r.prompt, r.steering.edits) for r in prepared.engine.asked if not r.steering.edits]
    assert len(asked) == len({prompt for prompt, _ in asked})


def test_rows_that_reply_need_no_model_and_no_engine(tmp_path):
    prepared = prepare(Plan(methods=("toy-three",), task="toy"))
    assert prepared.engine is None
    assert prepared.identity.fields["engine"] is None
    result = execute(prepared, tmp_path)
    task = prepared.task
    errors = [abs(3 - task.tick(t.id, i)) for t in task.targets(Split.TEST) for i in TESTED]
    assert result.methods["toy-three"].metrics["error"].value == pytest.approx(sum(errors) / len(errors))


def test_free_text_is_generated_and_its_tokens_are_counted(tmp_path):
    plan = PLAN.model_copy(update={"task_parameters": {"readout": "generate"}, "methods": ("toy-words",)})
    _, result = run(plan, tmp_path)
    assert result.methods["toy-words"].generated_tokens == 3 * len(TESTED) * 4
    assert result.methods["toy-three"].generated_tokens == 0


def test_other_parameters_change_the_numbers_and_the_folder(tmp_path):
    wide = PLAN.model_copy(update={"method_parameters": {"toy-push": {"size": 3.0}}})
    first, second = prepare(PLAN), prepare(wide)
    assert first.folder(tmp_path) != second.folder(tmp_path)
    results = [execute(one, one.folder(tmp_path)) for one in (first, second)]
    errors = [result.methods["toy-push"].metrics["error"].value for result in results]
    assert errors[0] != errors[1]
    (first.folder(tmp_path) / "run.json").unlink()
    with pytest.raises(UserError, match=r"is a different one .*methods.toy-push.*size was 0.5 and is now 3.0"):
        execute(second, first.folder(tmp_path))


# -- what is left behind


def test_steerings_are_kept_at_their_chosen_strength_and_say_where_they_are_from(tmp_path):
    _, result = run(PLAN, tmp_path)
    kept = {
        path.relative_to(tmp_path / "steerings").as_posix() for path in (tmp_path / "steerings").rglob("*.safetensors")
    }
    steered = [t for t, strength in result.methods["toy-push"].strengths.items() if strength]
    assert {name for name in kept if name.startswith("toy-push/")} == {f"toy-push/{t}.safetensors" for t in steered}
    assert not [name for name in kept if name.startswith(("toy-three", "toy-silent"))]
    steering, provenance = load_steering(tmp_path / "steerings" / "toy-push" / f"{steered[0]}.safetensors")
    assert steering.edits[0].strength == result.methods["toy-push"].strengths[steered[0]]
    assert provenance["method"] == "toy-push"
    assert provenance["target"] == steered[0]
    assert len(provenance["model"]) == 64


def test_exported_samples_recompute_to_the_published_numbers(tmp_path):
    _, result = run(PLAN, tmp_path / "run")
    samples = pl.read_parquet(export(tmp_path / "run", tmp_path / "out"))
    assert read_result(tmp_path / "out") == result
    for name, method in result.methods.items():
        losses = samples.filter((pl.col("method") == name) & (pl.col("split") == "test"))["loss"]
        assert losses.mean() == pytest.approx(method.metrics["error"].value, abs=1e-12)
        assert len(losses) == method.items
    stored = {(row[0], row[1], row[2], row[3], row[4]): json.loads(row[9]) for row in all_samples(tmp_path / "run")}
    for row in samples.iter_rows(named=True):
        outcome = stored[row["method"], row["split"], row["step"], row["target"], row["item"]]
        assert outcome.get("logprobs") == row["logprobs"]
        assert outcome.get("tick") == row["tick"]


def test_seconds_are_booked_by_stage(tmp_path):
    timings = run(PLAN, tmp_path)[1].timings
    assert timings.methods["toy-push"].calibrate > 0
    assert timings.methods["toy-push"].fit > 0
    assert timings.methods["toy-three"].calibrate == 0
    assert timings.peak_memory_bytes > 10_000_000


@dataclass
class Listener:
    heard: list = field(default_factory=list)

    def started(self, stage, method, targets, requests):
        self.heard.append([stage, method, requests, 0])

    def advance(self, requests):
        self.heard[-1][3] += requests

    def finished(self):
        pass


def test_progress_adds_up_also_after_a_crash(tmp_path):
    with pytest.raises(Crash):
        execute(replace(prepare(PLAN), engine=CrashingEngine(left=9)), tmp_path)
    listener = Listener()
    execute(prepare(PLAN), tmp_path, listener)
    assert [h for h in listener.heard if h[0] == "evaluate"]
    assert all(told == done for _, _, told, done in listener.heard)


# -- losses


def scored(*losses):
    return [Scored("t", str(n), Score(loss)) for n, loss in enumerate(losses)]


def test_making_answers_unreadable_never_pays():
    assert target_loss(scored(1.0, 2.0)) == 1.5
    assert target_loss(scored(1.0, 2.0, None, None)) == 1.75
    assert target_loss(scored(None, None)) is None


def test_steerings_with_the_same_edits_are_one_to_the_cache_whatever_their_prompt():
    task = ToyTask()
    target = task.targets(Split.CALIBRATION)[0]
    from steerbench_testkit import Push, Words

    push, words = Push().fit(None, [target])[0], Words().fit(None, [target])[0]
    assert edits_digest(push) == edits_digest(push + words) != ""
    assert edits_digest(words) == edits_digest(Setting(0.0).apply(push)) == ""
    assert edits_digest(push.scaled(2.0)) != edits_digest(push)
    assert len(ITEMS) == 12
