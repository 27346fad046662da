"""Every path of the engine against the one on transformers, which is held to plain forward passes itself."""

from collections.abc import Callable

import numpy as np
import pytest

from steerbench.contracts import Prompt, Request, Sampling
from steerbench.contracts.edits import Site
from steerbench.engines.hf.engine import HFEngine
from steerbench.engines.vllm.engine import VLLMEngine
from steerbench.engines.vllm.options import option_asks
from tests.engines.situations import LABELS, STARTS, requests, steerings

pytestmark = pytest.mark.vllm

MODELS = ("llama", "llama prepend", "qwen3", "gemma2", "gemma3_text")
TOLERANCE = 1e-4
SITES: tuple[Site, ...] = ("head_out", "mlp_act", "resid")
GREEDY = Sampling(max_new_tokens=8)

Both = tuple[VLLMEngine, HFEngine]


@pytest.fixture(params=MODELS)
def both(request: pytest.FixtureRequest, vllm_of: Callable[..., VLLMEngine], hf_of: Callable[[str], HFEngine]) -> Both:
    return vllm_of(request.param), hf_of(request.param)


def test_choices_under_every_kind_of_steering_are_the_same(both: Both) -> None:
    vllm, hf = both
    asked = requests(hf)
    for request, ours, theirs in zip(asked, vllm.choose(asked), hf.choose(asked), strict=True):
        np.testing.assert_allclose(ours.logprobs, theirs.logprobs, atol=TOLERANCE, rtol=0, err_msg=str(request))


def test_letters_behind_a_prompt_whose_last_token_they_change_are_the_same(both: Both) -> None:
    vllm, hf = both
    prompts = (Prompt(start="Option ("), Prompt((("user", "party?</s>"),), "Option ("))
    asked = [Request(prompt, steering, tuple("ABCDE")) for prompt in prompts for steering in steerings(hf).values()]
    for request, ours, theirs in zip(asked, vllm.choose(asked), hf.choose(asked), strict=True):
        np.testing.assert_allclose(ours.logprobs, theirs.logprobs, atol=TOLERANCE, rtol=0, err_msg=str(request))


def test_long_options_are_read_whole_and_labels_of_long_prompts_by_place(both: Both) -> None:
    vllm, hf = both
    label, answer, lone = (
        Request(Prompt(start=STARTS[0] * 5), steerings(hf)["everything"], LABELS),
        Request(Prompt(start="I am"), steerings(hf)["neurons in decode"], (STARTS[0], STARTS[1] * 2, "!")),
        Request(Prompt(start="I am"), steerings(hf)["residual in decode"], (STARTS[0] * 3,)),
    )
    asks = [option_asks(one, vllm.tokens.branch(one)) for one in (label, answer, lone)]
    assert ["prompt_logprobs" in ask[0].sampling for ask in asks] == [False, True, True]
    assert [len(ask) for ask in asks[1:]] == [3, 1]
    asked = [label, answer, lone]
    for ours, theirs in zip(vllm.choose(asked), hf.choose(asked), strict=True):
        # A likelihood of a hundred tokens and more.
        np.testing.assert_allclose(ours.logprobs, theirs.logprobs, atol=TOLERANCE, rtol=1e-6)


def test_greedy_texts_under_every_kind_of_steering_are_the_same(both: Both) -> None:
    vllm, hf = both
    asked = requests(hf, ())
    assert list(vllm.generate(asked, GREEDY)) == list(hf.generate(asked, GREEDY))


def test_captured_values_after_the_edits_are_the_same(both: Both) -> None:
    vllm, hf = both
    asked = [request for request in requests(hf) if len(request.options) == 3]
    assert len(asked) > 10
    ours, theirs = vllm.capture(asked, SITES), hf.capture(asked, SITES)
    for site in SITES:
        assert ours[site].dtype == np.float32
        np.testing.assert_allclose(ours[site], theirs[site], atol=2e-4, rtol=1e-5, err_msg=site)


def test_captured_values_of_the_first_tokens_are_the_same(both: Both) -> None:
    vllm, hf = both
    asked = [request for request in requests(hf, ()) if len(hf.tokenize(request.prompt)) > 5]
    ours, theirs = vllm.capture(asked, SITES, front=4), hf.capture(asked, SITES, front=4)
    for site in SITES:
        assert ours[site].shape[:3] == (len(asked), 4, hf.layers)
        np.testing.assert_allclose(ours[site], theirs[site], atol=2e-4, rtol=1e-5, err_msg=site)


def test_what_neurons_do_while_text_is_generated_is_the_same(both: Both) -> None:
    asked = requests(both[1], ())
    groups = [(5 * number) % 3 for number in range(len(asked))]
    (texts, ours), (expected, theirs) = (engine.survey(asked, GREEDY, groups) for engine in both)
    assert list(texts) == list(expected)
    assert ours.tokens.tolist() == theirs.tokens.tolist()
    # An activation within rounding of 0 or of a bin's edge may fall on either side of it.
    apart = np.abs(ours.positive - theirs.positive)
    assert apart.max() <= 1
    assert apart.mean() < 1e-3
    np.testing.assert_allclose(ours.p95, theirs.p95, rtol=2 * theirs.p95_error)
    assert (ours.p95 == theirs.p95).mean() > 0.99


def test_prompts_are_the_same_tokens_and_the_model_has_the_same_sizes(both: Both) -> None:
    vllm, hf = both
    for prompt in (Prompt(start="I am"), Prompt((("user", "party?"),), "Option (")):
        assert list(vllm.tokenize(prompt)) == list(hf.tokenize(prompt))
    sizes = ("layers", "heads", "neurons", "width")
    assert [getattr(vllm, size) for size in sizes] == [getattr(hf, size) for size in sizes]


def test_requests_are_batched_so_that_each_is_in_one_batch(both: Both) -> None:
    vllm, hf = both
    asked = [Request(request.prompt, request.steering) for request in requests(hf)] * 6
    batches = vllm.batches(asked)
    assert len(batches) > 1
    assert sorted(index for batch in batches for index in batch) == list(range(len(asked)))
