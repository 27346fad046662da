"""Edits that depend on a token's values, and gates, in the engine: against single sequences under hooks set by hand."""

from dataclasses import replace

import numpy as np
import pytest

from steerbench.contracts import Prompt, Request, Sampling
from steerbench.contracts.edits import Rotate
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from tests.engines import oracle
from tests.engines.situations import add, mapped

OPTIONS = (" Very Accurate", " Very Inaccurate", "!")
PROMPTS = (Prompt(start="I am the life of the party: Very Accurate; I often"), Prompt(start="party?"))


def asked(engine: HFEngine) -> list[tuple[str, Request]]:
    return [(n, Request(p, Steering(e), OPTIONS)) for n, e in mapped(engine).items() for p in PROMPTS]


def test_a_batch_of_all_kinds_and_gates_is_each_of_them_alone(engine: HFEngine) -> None:
    named = asked(engine)
    plain = [choice.logprobs for choice in engine.choose([Request(p, UNSTEERED, OPTIONS) for p in PROMPTS])]
    for (name, request), choice in zip(named, engine.choose([r for _, r in named]), strict=True):
        expected = oracle.option_logprobs(engine.loaded, request)
        np.testing.assert_allclose(choice.logprobs, expected, atol=1e-4, rtol=0, err_msg=name)
        moved = np.abs(np.subtract(choice.logprobs, plain[PROMPTS.index(request.prompt)])).max()
        assert (moved > 1e-3) == (name != "gated shut"), name


def test_generated_text_is_that_of_single_sequences(engine: HFEngine) -> None:
    some = [
        (n, r) for n, r in asked(engine) if n in ("rotation", "clamp", "fading", "gated by similarity", "all of it")
    ]
    said = engine.generate([replace(r, options=()) for _, r in some], Sampling(max_new_tokens=5, temperature=0))
    for (name, request), one in zip(some, said, strict=True):
        tokens = oracle.greedy(engine.loaded, request, 5, ())
        assert one.text == oracle.text_after(engine.loaded, request.prompt, tokens), name


def test_an_edit_that_overflows_behind_a_shut_gate_changes_nothing(engine: HFEngine) -> None:
    shut = mapped(engine)["gated shut"][0]
    wild = replace(add(engine, "resid", 3), gates=shut.gates, strength=1e38)
    plain, steered = engine.choose([Request(PROMPTS[0], s, OPTIONS) for s in (UNSTEERED, Steering((wild,)))])
    np.testing.assert_allclose(steered.logprobs, plain.logprobs, atol=1e-5)
    open_wide = engine.choose([Request(PROMPTS[0], Steering((replace(wild, gates=()),)), OPTIONS)])[0]
    assert open_wide.overflowed


def test_an_edit_of_another_models_width_is_refused_with_its_kind(engine: HFEngine) -> None:
    plane = np.eye(2, engine.modules.width("resid") + 1, dtype=np.float32)
    with pytest.raises(UserError, match=r"turns in a plane of \d+ numbers at resid of layer 1, where this model has"):
        engine.choose([Request(PROMPTS[0], Steering((Rotate("resid", 1, plane, 1.0),)), OPTIONS)])
