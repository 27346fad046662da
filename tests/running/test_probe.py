"""The speed of an engine, from a few questions before a run: what is asked, how long it may take, what it leaves be."""

from dataclasses import dataclass, field, replace

import pytest
from steerbench_testkit import HELD_OUT, TESTED, ToyEngine, ToyTask

from steerbench.contracts import Completion, Sampling
from steerbench.contracts.targets import Item
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.records.found_ledgers import LEDGER, reading
from steerbench.records.plan import Plan
from steerbench.running.power import opened_task
from steerbench.running.preparing import prepare
from steerbench.running.probe import FEWEST_TOKENS, GROWTH, LIKELIHOODS, PATIENCE, TOKENS, AnswerSpeed, speed_of
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model


@dataclass
class TimedEngine(ToyEngine):
    """Takes `prompt` seconds for each request and `token` for each token of a batch, by a clock of its own."""

    prompt: float = 0.0
    token: float = 0.0
    says: int = 1000
    now: float = 0.0
    batches_asked: list = field(default_factory=list)

    def clock(self):
        return self.now

    def choose(self, requests):
        self.batches_asked.append(len(requests))
        self.now += self.prompt * len(requests)
        return super().choose(requests)

    def generate(self, requests, sampling):
        self.batches_asked.append(len(requests))
        self.asked += requests
        length = min(self.says, sampling.max_new_tokens)
        self.now += self.prompt * len(requests) + self.token * length
        finish = "stop" if length < sampling.max_new_tokens else "length"
        return [Completion("at 3", length, finish) for _ in requests]


class ManyItems(ToyTask):
    """A hundred statements to calibrate on."""

    def items(self, target, split):
        assert split == "calibration", "a measuring item was asked for"
        return [Item(f"h{n}", f"Held {n}.") for n in range(100)]


def long_texts(limit):
    return ManyItems(readout="generate", sampling=Sampling(max_new_tokens=limit))


def test_a_fast_engine_is_timed_on_as_many_likelihoods_as_are_asked_at_most():
    engine = TimedEngine(prompt=0.01)
    speed = speed_of(engine, ManyItems(), engine.clock)
    assert speed == AnswerSpeed(pytest.approx(0.01), LIKELIHOODS)
    assert engine.batches_asked == [1, 1, 4, 16, LIKELIHOODS]


@pytest.mark.parametrize(("prompt", "together"), [(0.1, 16), (0.5, 4), (2.0, 1), (60.0, 1)])
def test_a_slow_engine_is_asked_no_more_than_patience_allows(prompt, together):
    engine = TimedEngine(prompt=prompt)
    speed = speed_of(engine, ManyItems(), engine.clock)
    assert speed == AnswerSpeed(pytest.approx(prompt), together)
    assert engine.now <= max((1 + GROWTH) * PATIENCE + prompt, 2 * prompt) + 1e-9


def test_a_slow_engine_says_a_few_tokens_of_a_text():
    engine = TimedEngine(prompt=20.0, token=10.0)
    assert speed_of(engine, long_texts(100), engine.clock) == AnswerSpeed(
        pytest.approx(20 + 1000), 1, FEWEST_TOKENS, 100
    )
    assert engine.now == 3 * 20 + (1 + 1 + FEWEST_TOKENS) * 10


def test_a_text_that_goes_on_is_reckoned_to_the_tasks_limit():
    engine = TimedEngine(prompt=0.001, token=0.01)
    speed = speed_of(engine, long_texts(100), engine.clock)
    assert speed == AnswerSpeed(pytest.approx((0.001 * 16 + 0.01 * 100) / 16), 16, TOKENS, 100)


@pytest.mark.parametrize(("says", "limit", "tokens"), [(3, 100, 3), (1000, 8, 8)])
def test_a_text_that_ends_by_itself_or_at_a_near_limit_is_reckoned_no_further(says, limit, tokens):
    engine = TimedEngine(prompt=0.001, token=0.01, says=says)
    speed = speed_of(engine, long_texts(limit), engine.clock)
    assert speed == AnswerSpeed(pytest.approx((0.001 * 16 + 0.01 * tokens) / 16), 16)


def test_only_plain_calibration_items_are_asked():
    engine = ToyEngine()
    speed_of(engine, ToyTask())
    assert {request.prompt.start for request in engine.asked} == {f"|{item.text}" for item in HELD_OUT}
    assert not any(request.steering.edits for request in engine.asked)
    assert not {f"|{item.text}" for item in TESTED} & {request.prompt.start for request in engine.asked}


def test_a_task_that_has_no_calibration_items_tells_no_speed():
    engine = ToyEngine()
    assert speed_of(engine, opened_task(Plan(methods=("unsteered",), task="arithmetic-sample"))) is None
    assert engine.asked == []


class CrampedEngine(ToyEngine):
    """Runs out of memory at each batch and halves its budget; at last it gives up."""

    def choose(self, requests):
        self.token_budget //= 2
        raise UserError("One request alone does not fit into memory.")


def test_an_engine_keeps_the_token_budget_that_it_had_and_what_goes_wrong_is_left_to_the_run():
    engine = CrampedEngine()
    assert speed_of(engine, ToyTask()) is None
    assert engine.token_budget == ToyEngine().token_budget


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("readout", ["label", "generate"])
def test_a_run_after_a_probe_is_the_run_without_one_to_the_last_bit(tmp_path, model, readout):
    plan = Plan(
        methods=("pas",), task="papi", task_parameters={"respondents": 2, "readout": readout}, budget=3, dtype="float32"
    )

    def ledger_of(folder, probed):
        engine = HFEngine.load(str(model), dtype="float32", device="cpu", token_budget=1500)
        prepared = prepare(plan, engine=engine)
        if probed:
            assert speed_of(engine, opened_task(plan)).seconds > 0
            assert not folder.exists()
        result = execute(prepared, folder)
        with reading(folder / LEDGER) as ledger:
            samples = ledger.execute("SELECT * FROM samples ORDER BY method, split, step, target, item").fetchall()
            budget = ledger.execute("SELECT value FROM meta WHERE key = 'token_budget'").fetchone()
        return samples, budget, result.model_dump(exclude={"timings"})

    assert ledger_of(tmp_path / "probed", True) == ledger_of(tmp_path / "plain", False)


def test_the_probe_of_a_shared_toy_engine_changes_no_answer(tmp_path):
    plan = Plan(methods=("toy-push",), task="toy", model="toy-model", engine="toy", budget=4)
    probed, plain = prepare(plan), prepare(plan)
    speed_of(probed.engine, opened_task(plan))
    results = [execute(replace(one), tmp_path / name) for one, name in ((probed, "probed"), (plain, "plain"))]
    first, second = (result.model_dump(exclude={"timings"}) for result in results)
    assert first == second
