"""Checks at start-up that steering reaches the model, because vLLM's internals may change without notice."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from steerbench.contracts.edits import Add, Boost, Cap, Edit
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.vllm.client import Ask, Client
from steerbench.engines.vllm.lowering import Width

PROMPT = [5] * 8
ANSWERS = [0, 1, 2, 3]
SAMPLING = {"max_tokens": 1, "temperature": 0.0, "logprob_token_ids": ANSWERS}
"""Sampling parameters of each probe: the probabilities of these tokens after the prompt."""

LARGE = 1e3


def selftest(client: Client, layers: int) -> None:
    """Compute next-token probabilities unsteered, under an edit at each site, and unsteered again.

    Raises:
        RuntimeError: as `judge`.
    """
    asked = probes(client.width, layers)
    asks = [Ask(PROMPT, steering, len(PROMPT), SAMPLING) for steering in asked.values()]
    judge(asked, client.run(asks))


def probes(width: Width, layers: int) -> dict[str, Steering]:
    """The probes by name: an edit at each site, between two without effect."""
    first, last = 0, layers - 1
    neurons = np.arange(width("mlp_act"))
    loud = np.random.default_rng(0).normal(size=width("resid")).astype(np.float32)
    edits: dict[str, Edit] = {
        "head_out": Add("head_out", first, np.full(width("head_out"), LARGE, np.float32)),
        "resid": Add("resid", last, LARGE * loud),
        "mlp_act (cap)": Cap(first, neurons, -LARGE),
        "mlp_act (boost)": Boost(last, neurons, np.full(len(neurons), LARGE, np.float32)),
    }
    return {"plain": UNSTEERED, **{site: Steering((edit,)) for site, edit in edits.items()}, "again": UNSTEERED}


def judge(asked: Mapping[str, Steering], outputs: Sequence[Any]) -> None:
    """Check vLLM's outputs for the probes, in order.

    Raises:
        RuntimeError: an edit has no effect, or the unsteered probes differ.
    """
    told = [[one.outputs[0].logprobs[0][token].logprob for token in ANSWERS] for one in outputs]
    plain, *steered, again = told
    if not np.allclose(plain, again, atol=1e-2):
        raise RuntimeError("vLLM's unsteered answers change beside steered ones; this vLLM cannot be used.")
    for site, logprobs in zip(list(asked)[1:-1], steered, strict=True):
        if np.allclose(plain, logprobs, atol=1e-3):
            raise RuntimeError(f"An edit at {site} does not reach vLLM's model; this vLLM cannot be used.")
