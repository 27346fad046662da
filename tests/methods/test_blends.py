"""Two poles at once: on every method that steers, by edits and by prompt, and in the model's activations."""

import numpy as np
import pytest

from methods.actadd import ActAdd
from methods.caa import CAA
from methods.npti import NPTI
from methods.pas import PAS
from methods.simple_prompt import SimplePrompt
from methods.trivial_texts import FixedText
from steerbench.contracts import Prompt, Request, Sampling
from steerbench.contracts.targets import target_named
from steerbench.engines.hf.engine import HFEngine
from steerbench.plugins.composed import fit
from tests.methods.people import ITEMS

ONE, OTHER, BOTH = (target_named(name, ITEMS) for name in ("extraversion+", "openness-", "extraversion+openness-"))
SHORT_SEARCH = NPTI(threshold=0.0, personas=1, max_new_tokens=4)
METHODS = [PAS(heads=6), CAA(), ActAdd(), SHORT_SEARCH, SimplePrompt()]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_blend_is_fitted_as_the_sum_of_its_poles(method, engine: HFEngine, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path))
    one, other, both, again = fit(method, engine, [ONE, OTHER, BOTH, ONE])
    assert both.digest == (one + other).digest
    assert again.digest == one.digest
    assert len({one.digest, other.digest, both.digest}) == 3


@pytest.mark.parametrize("method", METHODS[:4], ids=lambda method: method.name)
def test_a_blended_row_of_a_batch_is_the_same_alone_and_is_neither_of_its_poles(
    method, engine: HFEngine, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("STEERBENCH_CACHE", str(tmp_path))
    steerings = [steering.scaled(3.0) for steering in fit(method, engine, [ONE, OTHER, BOTH])]
    # Options of several tokens: what acts on generated tokens alone acts from the second on.
    requests = [
        Request(Prompt((("user", "Tell me of your day."),)), s, ("I met everybody in town.",)) for s in steerings
    ]
    together = np.array([choice.logprobs[0] for choice in engine.choose(requests)])
    alone = [engine.choose([request])[0].logprobs[0] for request in requests]
    assert together == pytest.approx(alone, abs=1e-4)
    assert np.abs(together[2] - together[:2]).min() > 1e-4
    assert len(engine.generate(requests, Sampling(max_new_tokens=3))) == 3


def test_a_fixed_text_says_the_adjectives_of_both_poles() -> None:
    one, other, both = (steering.reply.text for steering in fit(FixedText(), None, [ONE, OTHER, BOTH]))  # type: ignore
    words = set(both.lower().replace(",", "").rstrip(".").split())
    assert {"outgoing", "conventional"} <= words
    assert set(one.lower().rstrip(".").replace(",", "").split()) < words | {"and"}
    assert both not in (one, other)
