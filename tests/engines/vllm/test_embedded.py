"""The embedded model under steerings that methods fitted: both engines, alone and in a mixed batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from methods.actadd import ActAdd
from methods.npti import NPTI
from methods.pas import PAS
from steerbench.contracts import Prompt, Request, Sampling
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.hf.engine import HFEngine
from steerbench.engines.vllm.engine import VLLMEngine
from tests.methods.people import ITEMS, pole, somebody

pytestmark = pytest.mark.vllm

MODEL = "smollm2-135m"
LABELS = (" Very Accurate", " Moderately Accurate", " Very Inaccurate")
GREEDY = Sampling(max_new_tokens=12)


@dataclass(frozen=True)
class Setting:
    vllm: VLLMEngine
    hf: HFEngine
    fits: dict[str, Steering]


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    """Both engines in float32, and steerings fitted on one of them."""
    vllm = VLLMEngine.load(MODEL, dtype="float32", memory=0.5, rows=96, context=1024)
    hf = HFEngine.load(MODEL, dtype="float32", device="cpu")
    extravert, person = pole("E", True), somebody("p", 1)
    with pytest.MonkeyPatch.context() as patch:
        # Neurons of so small a search must not be found by anybody.
        patch.setenv("STEERBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        [neurons] = NPTI(personas=1, per_trait=2, max_new_tokens=8).fit(hf, [extravert])
    heads, persons = PAS().fit(hf, [extravert, person])
    [words] = ActAdd().fit(hf, [extravert])
    yield Setting(
        vllm,
        hf,
        {
            "unsteered": UNSTEERED,
            "pas": heads.scaled(4.0),
            "pas, a person": persons.scaled(2.0),
            "actadd": words.scaled(2.0),
            "npti": neurons,
            "npti and pas": neurons.scaled(0.5) + heads,
        },
    )
    vllm.close()


def asked(steering: Steering, options: tuple[str, ...] = LABELS) -> list[Request]:
    """Statements in both wordings: a list that is gone on with, and a chat."""
    start = "Here is how well each describes you: Am always busy: Very Accurate; Get stressed out easily: "
    prompts = [Prompt(start=f"{start}Very Inaccurate; {item.bare}:") for item in ITEMS[:3]]
    prompts += [Prompt((("user", f"How do you feel when you {item.second_person[4:-1]}?"),)) for item in ITEMS[6:9]]
    return [Request(prompt, steering, options) for prompt in prompts]


def batch(fits: dict[str, Steering], options: tuple[str, ...] = LABELS) -> list[Request]:
    """64 requests under two strengths of each steering, mixed."""
    requests = [r for s in fits.values() for strength in (1.0, -0.7) for r in asked(s.scaled(strength), options)]
    return [requests[i] for i in np.random.default_rng(0).permutation(len(requests))[:64]]


def apart(ours: Any, theirs: Any) -> float:
    return max(float(np.abs(np.subtract(o.logprobs, t.logprobs)).max()) for o, t in zip(ours, theirs, strict=True))


def test_every_method_moves_the_answers(setting: Setting) -> None:
    plain = setting.hf.choose(asked(UNSTEERED))
    moved = {name: apart(setting.hf.choose(asked(fit)), plain) for name, fit in setting.fits.items()}
    assert moved.pop("unsteered") == 0
    assert min(moved.values()) > 0.01


@pytest.mark.parametrize("name", ["unsteered", "pas", "pas, a person", "actadd", "npti", "npti and pas"])
def test_both_engines_give_the_same_likelihoods_and_greedy_texts(setting: Setting, name: str) -> None:
    requests = asked(setting.fits[name])
    assert apart(setting.vllm.choose(requests), setting.hf.choose(requests)) <= 1e-4
    assert list(setting.vllm.generate(requests, GREEDY)) == list(setting.hf.generate(requests, GREEDY))


def test_a_respondent_alone_is_answered_as_in_a_mixed_batch_of_64(setting: Setting) -> None:
    requests = batch(setting.fits)
    assert len({r.steering.edits_digest for r in requests}) == 11
    alone = [setting.vllm.choose([request])[0] for request in requests[::13]]
    assert apart(alone, setting.vllm.choose(requests)[::13]) <= 1e-4
    texts = setting.vllm.generate(requests, GREEDY)[::13]
    assert [setting.vllm.generate([request], GREEDY)[0] for request in requests[::13]] == list(texts)
