"""The judge `local-llm` with the embedded model, and as the model it would have to judge."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from judges.local_llm import DRAWN, LocalLLM, _verdict
from judges.rubrics import RATING_START, digest, instruction
from steerbench.contracts import Case, Choice
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.judging.panel import refuse_self_judging
from steerbench.models.registry import models
from steerbench.plugins.plugin import construct
from steerbench.testing.tiny_models import tiny_model

CASES = [
    Case("trait", "extraversion", "How was the party?", "Wonderful, I danced and talked with everybody till dawn!"),
    Case("trait", "neuroticism", "How was the party?", "I left early. I kept worrying what they thought of me."),
    Case("fluency", "fluency", "How was the party?", "party party the the was was was"),
]


@pytest.fixture(scope="module")
def embedded() -> LocalLLM:
    made: LocalLLM = construct("judge", "local-llm", {"model": "smollm2-135m", "dtype": "float32"})
    return made


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("other"))


def test_the_rating_is_the_expectation_over_the_digits_after_the_rubric(embedded: LocalLLM) -> None:
    verdicts = {place: verdict for batch in embedded.rate(CASES, None) for place, verdict in batch.items()}
    assert sorted(verdicts) == [0, 1, 2]
    engine = embedded._engine
    assert isinstance(engine, HFEngine)
    loaded = engine.loaded
    for place, case in enumerate(CASES):
        text = loaded.render((("user", instruction(case)),)) + RATING_START
        ids = loaded.tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        with torch.inference_mode():
            logits = loaded.model(ids.to(loaded.device)).logits[0, -1].double()
        digits = [loaded.tokenizer(str(n), add_special_tokens=False).input_ids for n in range(1, 6)]
        shares = torch.softmax(torch.stack([logits[digit] for (digit,) in digits]), dim=0)
        assert verdicts[place].details["probabilities"] == pytest.approx(shares.tolist(), abs=1e-4)
        assert verdicts[place].rating == pytest.approx(sum((n + 1) * float(p) for n, p in enumerate(shares)), abs=1e-3)
        assert verdicts[place].unscored == ""


def test_judging_a_model_with_itself_is_refused_at_once_whatever_name_it_has(other: Path, tmp_path: Path) -> None:
    moved = tiny_model(tmp_path / "same-weights-elsewhere")
    judged = HFEngine.load(str(moved), dtype="float32", device="cpu")
    with pytest.raises(UserError, match="--allow-self-judge"):
        refuse_self_judging({"trait": LocalLLM(str(other))}, judged.identity(), str(moved))
    refuse_self_judging({"trait": LocalLLM(str(other), allow_self_judge=True)}, judged.identity(), str(moved))


def test_another_models_answers_are_rated(other: Path, tmp_path: Path) -> None:
    judged = HFEngine.load(str(tiny_model(tmp_path, seed=1)), dtype="float32", device="cpu")
    refuse_self_judging({"trait": LocalLLM(str(other))}, judged.identity(), "other")
    assert sum(len(batch) for batch in LocalLLM(str(other)).rate(CASES, judged)) == 3


def test_more_cases_than_are_drawn_at_once_all_get_the_verdict_they_get_alone(other: Path) -> None:
    judge = LocalLLM(str(other), dtype="float32")
    cases = [Case("trait", "openness", "What?", "art " * (i % 7)) for i in range(DRAWN + 5)]
    found = {place: verdict.rating for batch in judge.rate(iter(cases), None) for place, verdict in batch.items()}
    alone = [verdict.rating for case in cases[:7] for batch in judge.rate([case], None) for verdict in batch.values()]
    assert sorted(found) == list(range(len(cases)))
    assert len({round(rating or 0, 4) for rating in alone}) > 1
    np.testing.assert_allclose(
        [found[i] for i in range(len(cases))], [alone[i % 7] for i in range(len(cases))], atol=1e-4
    )


def test_the_model_is_loaded_when_it_is_first_needed_and_once(other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    load = HFEngine.load
    monkeypatch.setattr(HFEngine, "load", lambda *args, **given: loads.append(args) or load(*args, **given))
    judge = LocalLLM(str(other))
    assert not loads
    assert judge.identity()["rubric"] == digest()
    list(judge.rate(CASES, None))
    assert len(loads) == 1


def test_its_identity_tells_models_and_precisions_apart(other: Path, tmp_path: Path) -> None:
    same, another = tiny_model(tmp_path / "same"), tiny_model(tmp_path / "another", seed=1)
    identity = LocalLLM(str(other)).identity()
    assert identity == LocalLLM(str(same), allow_self_judge=True).identity()
    assert identity["weights"] != LocalLLM(str(another)).identity()["weights"]
    assert identity != LocalLLM(str(other), dtype="float32").identity()


@pytest.mark.parametrize("logprobs", [(math.nan,) * 5, (-1.0, math.nan, -1.0, -1.0, -1.0), (-math.inf,) * 5])
def test_a_likelihood_that_is_no_number_is_no_rating(logprobs: tuple[float, ...]) -> None:
    verdict = _verdict(Choice(logprobs))
    assert verdict.rating is None
    assert "no finite likelihood" in verdict.unscored


def test_without_a_model_named_it_is_the_larger_built_in_one_which_is_not_loaded_to_be_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: object, **__: object) -> HFEngine:
        raise AssertionError("it was loaded")

    monkeypatch.setattr(HFEngine, "load", never)
    judge = construct("judge", "local-llm", {})
    assert judge.model == "qwen2.5-coder-1.5b"
    assert judge.model in {known.name for known in models().values()}
    with pytest.raises(UserError, match=r"is the evaluated model itself.*--param local-llm\.model=NAME"):
        refuse_self_judging({"trait": judge}, {"weights": "0"}, judge.model)


def test_an_empty_name_of_a_model_says_how_to_name_one() -> None:
    with pytest.raises(UserError, match=r"--param local-llm\.model=NAME"):
        construct("judge", "local-llm", {"model": ""})


def test_an_engine_nobody_has_is_named() -> None:
    with pytest.raises(UserError, match="engine 'hg'"):
        LocalLLM("smollm2-135m", engine="hg").identity()
