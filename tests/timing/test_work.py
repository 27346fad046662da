"""What is timed: both sides the same work but for the steering, every round prompts of its own."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from steerbench_testkit import Push, RatedTask, Silent, Three, ToyEngine, ToyTask

from steerbench.contracts import Prompt, Sampling
from steerbench.contracts.engine import NeuronStatistics
from steerbench.errors import UserError
from steerbench.storage.files import cache_folder
from steerbench.timing.recording import Recorder, throwaway_cache
from steerbench.timing.schema import Sizes
from steerbench.timing.session import measure, steps
from steerbench.timing.work import Material, Work, Workload, fitted_once, workload

SIZES = Sizes(targets=2, items=2, requests=5, new_tokens=4)


@dataclass
class Engine(ToyEngine):
    """The toy engine with what fits ask for; `done` lists the calls."""

    def __post_init__(self) -> None:
        self.done: list[str] = []

    def tokenize(self, prompt: Prompt) -> Sequence[int]:
        return range(len(prompt.start.split()))

    def capture(self, requests, sites, front=0):
        self.done.append("capture")
        return {site: np.zeros((len(requests), 1, 1, 2), np.float32) for site in sites}

    def survey(self, requests, sampling, groups):
        self.done.append("survey")
        nothing = np.zeros((1, 1, 1))
        return ToyEngine.generate(self, requests, sampling), NeuronStatistics(nothing[0, 0], nothing, nothing, 0)

    def generate(self, requests, sampling):
        self.done.append("generate")
        return super().generate(requests, sampling)

    def choose(self, requests):
        self.done.append("choose")
        return super().choose(requests)


class Asking(Push):
    """Captures and surveys before it pushes, and keeps the survey by the engine's identity as a real one does."""

    def fit(self, engine, targets):
        task = ToyTask()
        requests = [task.request(item, targets[0], Push().fit(engine, targets)[0]) for item in task.statements()]
        engine.capture(requests, ["resid"])
        kept = cache_folder() / f"{engine.identity()}"
        if not kept.exists():
            engine.survey(requests, Sampling(2), [0] * len(requests))
            kept.touch()
        return super().fit(engine, targets)


@pytest.fixture
def material():
    tasks = ToyTask(), RatedTask()
    for task in tasks:
        task.unseal()
    return Material(*tasks, SIZES)


@pytest.fixture
def engine():
    return Engine()


def load_of(group, engine, material, method=None):
    return workload(group, fitted_once("toy-push", method or Push(), engine, material), engine, "toy", material)


@pytest.mark.parametrize(("group", "requests"), [("calibrate", 4), ("choose", 4), ("generate", 5)])
def test_the_sides_of_a_round_differ_in_nothing_but_the_edits(group, requests, engine, material):
    steered, plain = load_of(group, engine, material).sides("1.1")
    assert len(steered.requests) == requests
    assert [r.prompt for r in steered.requests] == [r.prompt for r in plain.requests]
    assert [r.options for r in steered.requests] == [r.options for r in plain.requests]
    assert all(r.steering.edits for r in steered.requests)
    assert not any(r.steering.edits for r in plain.requests)


@pytest.mark.parametrize("group", ["calibrate", "choose", "generate"])
def test_no_prompt_comes_back_in_another_round_or_for_another_target(group, engine, material):
    load = load_of(group, engine, material)
    prompts = [{r.prompt for r in load.sides(sheet)[0].requests} for sheet in ("1.1", "1.2", "2.1")]
    assert not prompts[0] & prompts[1] | prompts[0] & prompts[2] | prompts[1] & prompts[2]
    assert len(prompts[0]) == len(load.sides("1.1")[0].requests)


def test_every_text_is_generated_under_another_steering_and_a_calibration_step_mixes_strengths(engine, material):
    for group, distinct in (("generate", 5), ("calibrate", 2), ("choose", 1)):
        requests = load_of(group, engine, material).sides("1.1")[0].requests
        strengths = {edit.strength for r in requests for edit in r.steering.edits}
        assert len(strengths) == distinct, group
        assert 0 not in strengths


def test_a_fit_is_timed_beside_the_same_calls_without_the_method_and_finds_nothing_kept(
    engine, material, tmp_path, monkeypatch
):
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path))
    (tmp_path / "weights").write_text("large")
    with throwaway_cache():
        assert (cache_folder() / "weights").read_text() == "large"
        load = load_of("fit", engine, material, Asking())
        with_method, alone = load.sides("1.1")
        for _ in range(2):
            engine.done.clear()
            assert sum(said.tokens for said in with_method.do()) == 4 * 4
            assert engine.done == ["capture", "survey"]
        engine.done.clear()
        assert sum(said.tokens for said in alone.do()) == 4 * 4
        assert engine.done == ["capture", "generate"]
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]
    assert os.environ["STEERBENCH_CACHE"] == str(tmp_path)


def test_a_method_that_asks_the_engine_nothing_has_no_fit_to_time(engine, material):
    assert load_of("fit", engine, material) is None


def test_what_has_nothing_to_time_is_refused(engine, material):
    with pytest.raises(UserError, match="The method 'always' answers without a model, so there is nothing to time"):
        fitted_once("always", Three(), engine, material)
    with pytest.raises(UserError, match="The method 'silent' changes nothing for any of the 2 targets"):
        fitted_once("silent", Silent(), engine, material)


def test_a_recorder_is_the_engine_but_for_its_identity(engine):
    one, other = Recorder(engine), Recorder(engine)
    assert one.engine.layers == engine.layers
    assert one.engine.identity() != other.engine.identity() != engine.identity()


def sides_of(log, fails=False):
    def side(name):
        def do():
            if fails:
                raise UserError("The engine is out of ink.")
            log.append(name)
            return ()

        return Work((), do)

    return lambda sheet: (side(f"method {sheet}"), side(f"reference {sheet}"))


def load_logging(log, method, **options):
    return Workload("choose", method, "toy", "none", "second", sides_of(log, **options))


def test_alternations_are_outermost_and_within_one_each_side_goes_first_once():
    log: list[str] = []
    todo = steps([load_logging(log, "a"), load_logging(log, "b")], 2)
    assert [(step.alternation, step.load.method) for step in todo[::4]] == [(0, "a"), (0, "b"), (1, "a"), (1, "b")]
    order = ["method" if step.is_method else "reference" for step in todo]
    assert order[:4] == ["reference", "method", "method", "reference"]
    assert order[8:12] == ["method", "reference", "reference", "method"]


@pytest.fixture
def alone(monkeypatch):
    """As outside of a test run that has several at once, in which pytest-benchmark makes none."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


@pytest.mark.usefixtures("alone")
def test_sides_are_run_once_a_round_and_once_before_to_warm_up():
    log: list[str] = []
    todo = steps([load_logging(log, "a")], 2)
    measured = measure(todo, "wall", {"device": "cpu"}, lambda engine, requests: 7, lambda *heard: None)
    first = ["reference 1.1", "reference 1.1", "method 1.1", "method 1.1", "method 1.2", "reference 1.2"]
    assert log == [*first, "method 2.1", "reference 2.1", "reference 2.2", "method 2.2"]
    assert [one["side"] for one in measured[:4]] == ["reference", "method", "method", "reference"]
    assert all(one["seconds"] > 0 and one["prompt_tokens"] == 7 and one["device"] == "cpu" for one in measured)


@pytest.mark.usefixtures("alone")
def test_an_error_while_timing_reaches_the_user():
    todo = steps([load_logging([], "a", fails=True)], 1)
    with pytest.raises(UserError, match="The engine is out of ink"):
        measure(todo, "cpu", {}, lambda engine, requests: 0, lambda *heard: None)
