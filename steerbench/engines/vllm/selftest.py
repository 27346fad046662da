"""A check at start-up that steering reaches the model: vLLM's inner seams may move, and must not do so silently."""

import numpy as np

from steerbench.engines.vllm.client import Ask, Client
from steerbench.steering import UNSTEERED, Add, Boost, Cap, Edit, Steering

TOKENS = 8
LARGE = 1e3


def selftest(client: Client, layers: int) -> None:
    """Ask for one next token unsteered, under an edit at each site, and unsteered again.

    Raises:
        RuntimeError: an edit changes nothing, or what is not steered does not stay the same.
    """
    first, last = 0, layers - 1
    neurons = np.arange(client.width("mlp_act"))
    loud = np.random.default_rng(0).normal(size=client.width("resid")).astype(np.float32)
    edits: dict[str, Edit] = {
        "head_out": Add("head_out", first, np.full(client.width("head_out"), LARGE, np.float32)),
        "resid": Add("resid", last, LARGE * loud),
        "mlp_act (cap)": Cap(first, neurons, -LARGE),
        "mlp_act (boost)": Boost(last, neurons, np.full(len(neurons), LARGE, np.float32)),
    }
    asked = [UNSTEERED, *(Steering((edit,)) for edit in edits.values()), UNSTEERED]
    sampling = {"max_tokens": 1, "temperature": 0.0, "logprob_token_ids": [0, 1, 2, 3]}
    asks = [Ask([5] * TOKENS, steering, TOKENS, sampling) for steering in asked]
    told = [[one.outputs[0].logprobs[0][token].logprob for token in range(4)] for one in client.run(asks)]
    plain, *steered, again = told
    if not np.allclose(plain, again, atol=1e-2):
        raise RuntimeError("vLLM's unsteered answers change beside steered ones; this vLLM cannot be used.")
    for site, logprobs in zip(edits, steered, strict=True):
        if np.allclose(plain, logprobs, atol=1e-3):
            raise RuntimeError(f"An edit at {site} does not reach vLLM's model; this vLLM cannot be used.")
