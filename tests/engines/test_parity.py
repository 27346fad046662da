"""Batched, packed and shared, against one sequence at a time through the plain model."""

from collections.abc import Callable

import numpy as np
import pytest

from steerbench.contracts import Prompt, Request
from steerbench.engines.branches import BranchGroup, group
from steerbench.engines.hf.engine import HFEngine
from steerbench.engines.vllm.widths import Widths
from tests.engines import oracle
from tests.engines.conftest import MODELS
from tests.engines.situations import requests, steerings

Engines = Callable[..., HFEngine]
TOLERANCE = 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_choices_equal_those_of_single_sequences_under_hooks_set_by_hand(engine_of: Engines, name: str) -> None:
    engine = engine_of(name)
    asked = requests(engine)
    assert 3 < len(engine.batches(asked)) < len(asked) / 5
    for request, choice in zip(asked, engine.choose(asked), strict=True):
        expected = oracle.option_logprobs(engine.loaded, request)
        np.testing.assert_allclose(choice.logprobs, expected, atol=TOLERANCE, rtol=0, err_msg=str(request))


@pytest.mark.parametrize("name", ["llama", "llama metaspace", "mistral prepend"])
def test_letters_are_scored_as_the_tokens_they_are_behind_their_prompt(engine_of: Engines, name: str) -> None:
    engine = engine_of(name)
    prompts = (Prompt(start="Option ("), Prompt((("user", "party?"),), "Option ("), Prompt(start="Rating: [["))
    known = steerings(engine).values()
    asked = [Request(prompt, steering, tuple("ABCDE15")) for prompt in prompts for steering in known]
    for request, choice in zip(asked, engine.choose(asked), strict=True):
        expected = oracle.option_logprobs(engine.loaded, request)
        np.testing.assert_allclose(choice.logprobs, expected, atol=TOLERANCE, rtol=0, err_msg=str(request))


@pytest.mark.parametrize("name", MODELS)
def test_the_windows_of_the_tiny_models_are_crossed_by_prefixes_and_by_rows(engine_of: Engines, name: str) -> None:
    engine = engine_of(name)
    if engine.modules.slides:
        asked = requests(engine)
        prompt = oracle.ids_of(engine.loaded, asked[0].prompt)
        layout = groups_of(engine, asked)
        assert max(group.shared for group in layout) > engine.modules.window
        assert len(prompt) - min(group.shared for group in layout) > engine.modules.window


def groups_of(engine: HFEngine, asked: list[Request]) -> list[BranchGroup]:
    return group(engine._branches(asked), [r.steering.edits_key for r in asked])


@pytest.mark.parametrize("name", MODELS)
def test_an_engine_says_what_kind_of_model_it_runs(engine_of: Engines, name: str) -> None:
    engine = engine_of(name)
    tokens = engine.loaded.model.get_output_embeddings().weight.shape[0]
    assert (engine.architecture, engine.vocabulary) == (MODELS[name][0], tokens)
    assert Widths(engine.loaded.text.folder).vocabulary == tokens  # as vLLM's engine has it


@pytest.mark.parametrize("kind", ["heads everywhere", "residual in decode", "neurons", "everything"])
def test_every_steering_used_moves_the_answer(engine: HFEngine, kind: str) -> None:
    prompt = Prompt(start="I am the life of the party:")
    plain, steered = engine.choose(
        [Request(prompt, options=(" Very Accurate",)), Request(prompt, steerings(engine)[kind], (" Very Accurate",))]
    )
    assert abs(plain.logprobs[0] - steered.logprobs[0]) > 0.01
