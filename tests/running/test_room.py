"""What is longer than the model's context is refused by name, before anything is computed for the method."""

from pathlib import Path
from typing import Any

import pytest

from steerbench.contracts import Prompt, Request, Sampling
from steerbench.engines.hf import engine as hf
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.records.plan import Plan
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.testing.tiny_models import tiny_model

LONG = "I am the life of the party. " * 12


def engine(folder: Path, context: int) -> HFEngine:
    made = tiny_model(folder, max_position_embeddings=context)
    return HFEngine.load(str(made), dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> HFEngine:
    return engine(tmp_path_factory.mktemp("short"), 64)


def nothing_computed(*_: Any) -> Any:
    raise AssertionError("something was computed")


@pytest.mark.parametrize("call", ["choose", "batches", "capture", "generate", "survey"])
def test_every_door_of_an_engine_says_the_length_and_the_limit(
    short: HFEngine, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for computing in ("scored", "generate", "captured"):
        monkeypatch.setattr(hf, computing, nothing_computed)
    fits, too_long = (Request(Prompt(start=text), options=(" often",)) for text in ("I am", LONG))
    asked: dict[str, Any] = {
        "choose": lambda: short.choose([fits, too_long]),
        "batches": lambda: short.batches([fits, too_long]),
        "capture": lambda: short.capture([fits, too_long], ["resid"]),
        "generate": lambda: short.generate([fits, too_long], Sampling(max_new_tokens=2)),
        "survey": lambda: short.survey([fits, too_long], Sampling(max_new_tokens=2), [0, 0]),
    }
    with pytest.raises(UserError, match=r"needs \d+ tokens.*, and the model's context holds 64: shorten it"):
        asked[call]()


def test_what_fills_the_context_to_its_last_token_is_computed(short: HFEngine) -> None:
    text = "I" * 80
    while len(short.tokenize(Prompt(start=text))) + 1 > short.context:
        text = text[:-1]
    prompt = Prompt(start=text)
    assert len(short.tokenize(prompt)) == 63
    # An option's last token is predicted and never read.
    [choice] = short.choose([Request(prompt, options=("II", "I!"))])
    assert len(choice.logprobs) == 2
    assert short.generate([Request(prompt)], Sampling(max_new_tokens=1))[0].tokens == 1
    with pytest.raises(UserError, match="needs 63 tokens and 2 for its answer, and the model's context holds 64"):
        short.generate([Request(prompt)], Sampling(max_new_tokens=2))


def plan(model: Path, method: str, task: str = "papi", **more: Any) -> Plan:
    return Plan(methods=(method,), task=task, model=str(model), dtype="float32", budget=2, trivial=False, **more)


def test_a_run_names_the_item_and_computes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The statements themselves fit; what few-shot shows before them does not."""
    model = tiny_model(tmp_path / "model", max_position_embeddings=300)
    for computing in ("scored", "generate", "captured"):
        monkeypatch.setattr(hf, computing, nothing_computed)
    prepared = prepare(plan(model, "few-shot", task_parameters={"respondents": 2}))
    with pytest.raises(UserError, match=r"The item \S+, as 'few-shot' asks it, needs \d+ tokens, and .* holds 300"):
        execute(prepared, tmp_path / "run")


def test_what_a_second_stage_may_need_is_counted_before_the_first(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "model", max_position_embeddings=500)
    given = {"task_parameters": {"limit": 2}, "strength": 1.0}
    with pytest.raises(UserError, match=r"The item \S+, as 'unsteered' asks it, needs \d+ tokens and \d+ for its"):
        execute(prepare(plan(model, "unsteered", "arithmetic-sample", **given)), tmp_path / "run")
