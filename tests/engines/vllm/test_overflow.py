"""Strengths that overflow under vLLM: told as in the other engine, and without harm to who comes beside or after."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from steerbench.contracts import Choice, Completion, Prompt, Request
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from tests.engines.situations import DECODE, LABELS, STARTS, add
from tests.engines.test_overflow import DRAWN, GREEDY, mixed, overflowing

pytestmark = pytest.mark.vllm

SMALL = 0.004
"""GiB of cache: so few blocks that all of them are used again and again."""

Outcomes = Callable[[Any, list[Request]], list[Choice | Completion]]
ASKED: dict[str, tuple[tuple[str, ...], Outcomes]] = {
    "choose": (LABELS, lambda engine, asked: list(engine.choose(asked))),
    "greedy": ((), lambda engine, asked: list(engine.generate(asked, GREEDY))),
    "drawn": ((), lambda engine, asked: list(engine.generate(asked, DRAWN))),
}


@pytest.mark.parametrize("name", ["llama", "gemma2"])
@pytest.mark.parametrize("how", ASKED)
def test_overflowing_rows_are_told_and_the_others_are_what_they_were(
    hf_of: Callable[[str], HFEngine], vllm_of: Callable[..., Any], name: str, how: str
) -> None:
    options, outcomes = ASKED[how]
    sizes, engine = hf_of(name), vllm_of(name, memory=SMALL)
    tame, bad = mixed(sizes, overflowing(sizes, 1e-3), options)
    asked, _ = mixed(sizes, overflowing(sizes), options)
    expected = outcomes(engine, tame)
    # Twice: the second time all blocks of the cache have held an overflow.
    for _ in range(2):
        for outcome, before, overflows in zip(outcomes(engine, asked), expected, bad, strict=True):
            assert outcome.overflowed == overflows
            assert overflows or outcome == before


def test_what_was_said_before_an_overflow_is_kept(
    hf_of: Callable[[str], HFEngine], vllm_of: Callable[..., Any]
) -> None:
    engine = vllm_of("llama", memory=SMALL)
    late = Steering((add(hf_of("llama"), "resid", 1, DECODE),)).scaled(1e30)
    asked = [Request(Prompt(start=STARTS[0]), steering) for steering in (UNSTEERED, late)]
    plain, steered = engine.generate(asked, GREEDY)
    first = engine.generate(asked[:1], replace(GREEDY, max_new_tokens=1))[0]
    assert not plain.overflowed
    assert (steered.text, steered.tokens, steered.finish) == (first.text, 1, "overflow")
    options = [replace(request, options=("!", *LABELS[:2])) for request in asked]
    plain, steered = engine.choose(options)
    np.testing.assert_allclose(steered.logprobs, [plain.logprobs[0], np.nan, np.nan], atol=1e-5)


def test_neurons_are_not_counted_over_an_overflow(
    hf_of: Callable[[str], HFEngine], vllm_of: Callable[..., Any]
) -> None:
    engine = vllm_of("llama", memory=SMALL)
    asked = [Request(Prompt(start=STARTS[0]), steering) for steering in (UNSTEERED, *overflowing(hf_of("llama"))[:1])]
    with pytest.raises(UserError, match="overflowed"):
        engine.survey(asked, GREEDY, [0, 1])
