"""PAS on the default model: whether it moves what it says it moves."""

from dataclasses import replace

import pytest

from methods.pas import PAS
from steerbench.contracts.steering import Steering
from steerbench.engines.hf.engine import HFEngine
from steerbench.toolkit.contrasts import statement_requests
from tests.methods.people import ITEMS, person


@pytest.fixture(scope="module")
def model() -> HFEngine:
    return HFEngine.load("smollm2-135m", dtype="float32", device="cpu")


def agreement(model: HFEngine, steering: Steering) -> float:
    """Mean log-odds of agreeing with each of the statements to rejecting it."""
    requests = [replace(request, steering=steering) for request in statement_requests(ITEMS, "letters")]
    odds = [choice.logprobs[0] - choice.logprobs[1] for choice in model.choose(requests)]
    return sum(odds) / len(odds)


def test_an_agreeable_target_makes_the_model_agree_more_the_stronger_and_its_opposite_less(model: HFEngine) -> None:
    agreeable, contrary = person("yes", [5] * len(ITEMS)), person("no", [1] * len(ITEMS))
    yes, no = PAS().fit(model, [agreeable, contrary])
    doses = [no.scaled(2.0), no, Steering(), yes, yes.scaled(2.0)]
    agreements = [agreement(model, steering) for steering in doses]
    assert agreements == sorted(agreements)
    assert agreements[-1] - agreements[0] > 1
