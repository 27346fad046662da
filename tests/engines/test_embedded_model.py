"""The default model as it is used, in bfloat16: how far rounding moves an answer, and no further."""

import numpy as np
import pytest

from steerbench.contracts import Prompt, Request
from steerbench.contracts.edits import Add
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.hf.engine import HFEngine
from tests.engines import oracle

LABELS = (" Very Accurate", " Moderately Accurate", " Very Inaccurate")


def asked(engine: HFEngine) -> list[Request]:
    rng = np.random.default_rng(0)
    heads = Steering(
        tuple(Add("head_out", n, 0.3 * rng.normal(size=engine.width).astype(np.float32)) for n in range(0, 30, 2))
    )
    start = "Here is how well each describes you: Am always busy: Very Accurate; Get stressed out easily: "
    return [
        Request(Prompt(start=f"{start}{label}; {statement}:"), steering, LABELS)
        for steering in (UNSTEERED, heads, heads.scaled(4.0))
        for label in ("Very Accurate", "Very Inaccurate")
        for statement in ("Love life", "Often forget to put things back")
    ]


@pytest.fixture(scope="module")
def both() -> tuple[HFEngine, HFEngine]:
    bf16, exact = (HFEngine.load("smollm2-135m", dtype=dtype, device="cpu") for dtype in ("bfloat16", "float32"))
    return bf16, exact


def test_company_in_a_batch_moves_an_answer_no_more_than_bfloat16_does(both: tuple[HFEngine, HFEngine]) -> None:
    """Rounding differs with the shape of a batch. Root mean squares in nats, measured: unsteered 0.09 where
    bfloat16 is 0.08 off float32; steered hard enough to break the text, 1.0 where it is 1.1 off."""
    bf16, exact = both
    requests = asked(bf16)
    together = np.array([c.logprobs for c in bf16.choose(requests)])
    alone = np.array([bf16.choose([r])[0].logprobs for r in requests])
    single = np.array([oracle.option_logprobs(bf16.loaded, r) for r in requests])
    unrounded = np.array([c.logprobs for c in exact.choose(requests)])

    def apart(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.sqrt(np.mean((x - y) ** 2)))

    rounding = apart(single, unrounded)
    # Two independent roundings are apart by the square root of two.
    assert apart(together, alone) < 1.5 * rounding
    assert apart(together, single) < 1.5 * rounding
    assert apart(together, unrounded) < 1.5 * rounding
    assert np.abs(together - alone)[:4].max() < 0.3  # the unsteered ones


def test_in_float32_it_is_the_plain_model_to_four_digits(both: tuple[HFEngine, HFEngine]) -> None:
    _, exact = both
    requests = asked(exact)[::3]
    expected = [oracle.option_logprobs(exact.loaded, r) for r in requests]
    np.testing.assert_allclose([c.logprobs for c in exact.choose(requests)], expected, atol=2e-4, rtol=0)
