"""Captured activations are the values a hook set by hand sees, after the request's own edits."""

from collections.abc import Callable

import numpy as np
import pytest

from steerbench.contracts import Prompt, Request
from steerbench.contracts.edits import Site
from steerbench.contracts.steering import UNSTEERED
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from tests.engines import oracle
from tests.engines.situations import ENDS, STARTS, steerings

SITES: tuple[Site, ...] = ("head_out", "mlp_act", "resid")
OPTIONS = (" Very Accurate", " Very Inaccurate", "!")
SOME = ("unsteered", "heads everywhere", "residual in decode", "residual, one row for each of 3", "everything")


def asked_of(engine: HFEngine, options: tuple[str, ...]) -> list[Request]:
    known = steerings(engine)
    return [Request(Prompt(start=STARTS[0] + end), known[name], options) for end in ENDS for name in SOME]


@pytest.mark.parametrize("name", ["llama", "gemma2", "gemma3", "mistral"])
def test_the_last_token_of_every_option_is_seen_at_every_site(engine_of: Callable[..., HFEngine], name: str) -> None:
    engine = engine_of(name, token_budget=300)
    asked = asked_of(engine, OPTIONS)
    captured = engine.capture(asked, SITES)
    for site in SITES:
        assert captured[site].shape == (len(asked), len(OPTIONS), engine.layers, engine.modules.width(site))
        for request, seen in zip(asked, captured[site], strict=True):
            prompt, options = oracle.split_ids(engine.loaded, request)
            for option, values in zip(options, seen, strict=True):
                expected = oracle.values(engine.loaded, prompt + option, len(prompt), request.steering, site)[-1]
                np.testing.assert_allclose(values, expected, atol=1e-3, rtol=1e-4)


def test_without_options_it_is_the_prompts_last_token(engine: HFEngine) -> None:
    asked = asked_of(engine, ())
    captured = engine.capture(asked, ["resid"])["resid"]
    assert captured.shape == (len(asked), 1, engine.layers, 32)
    for request, seen in zip(asked, captured, strict=True):
        prompt = oracle.ids_of(engine.loaded, request.prompt)
        expected = oracle.values(engine.loaded, prompt, len(prompt), request.steering, "resid")[-1]
        np.testing.assert_allclose(seen[0], expected, atol=1e-3, rtol=1e-4)


def test_the_first_tokens_of_prompts_are_seen_also_where_requests_share_them(engine: HFEngine) -> None:
    asked = asked_of(engine, OPTIONS)
    captured = engine.capture(asked, SITES, front=4)
    for site in SITES:
        assert captured[site].shape == (len(asked), 4, engine.layers, engine.modules.width(site))
        for request, seen in zip(asked, captured[site], strict=True):
            prompt = oracle.ids_of(engine.loaded, request.prompt)
            expected = oracle.values(engine.loaded, prompt, len(prompt), request.steering, site)[:4]
            np.testing.assert_allclose(seen, expected, atol=1e-3, rtol=1e-4)


def test_what_is_added_is_seen_where_it_is_added(engine: HFEngine) -> None:
    steering = steerings(engine)["heads from layer 2"]
    plain, steered = engine.capture(
        [Request(Prompt(start=STARTS[0]), which) for which in (UNSTEERED, steering)], ["head_out"]
    )["head_out"][:, 0]
    assert np.array_equal(plain[:2], steered[:2])
    np.testing.assert_allclose(steered[2] - plain[2], steering.edits[0].vector, atol=1e-5)


def test_values_are_float32_whatever_the_model_computes_in(engine: HFEngine) -> None:
    assert engine.capture([Request(Prompt(start="I am"))], ["resid"])["resid"].dtype == np.float32


def test_a_prompt_shorter_than_the_front_asked_for_is_refused(engine: HFEngine) -> None:
    with pytest.raises(UserError, match="first 9 tokens of a prompt were asked for, but one has only"):
        engine.capture([Request(Prompt(start=STARTS[0])), Request(Prompt(start="I am"))], ["resid"], front=9)
