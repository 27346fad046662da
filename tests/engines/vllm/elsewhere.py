"""What needs a process of its own: vLLM keeps one world for all of a process, and an engine that ends takes it along.

python -m tests.engines.vllm.elsewhere FUNCTION ARGUMENTS      (JSON; the result is the last line)
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from steerbench.contracts import Request, Sampling
from steerbench.contracts.edits import Site
from steerbench.engines.hf.engine import HFEngine
from steerbench.engines.vllm.engine import VLLMEngine
from steerbench.errors import UserError
from tests.engines.situations import requests

ROOT = Path(__file__).parents[3]
SITES: tuple[Site, ...] = ("head_out", "mlp_act", "resid")

SECOND_RUNNER = {"VLLM_USE_V2_MODEL_RUNNER": "1", "TRITON_INTERPRET": "1"}
"""The model runner that is the default on CUDA."""

UNBOUND = {"VLLM_CPU_OMP_THREADS_BIND": "nobind"}
"""Two ranks on a machine whose memory is one piece."""

GREEDY = Sampling(max_new_tokens=8)
SMALL = {"dtype": "float32", "memory": 0.1, "rows": 260}


def elsewhere(function: str, *arguments: Any, variables: Mapping[str, str] = {}, timeout: float = 240) -> Any:
    """What a function of this module gives in a new process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.engines.vllm.elsewhere", function, json.dumps(arguments)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", **variables},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def compared(folder: str, parameters: dict[str, Any], interpreted: bool = False) -> dict[str, Any]:
    """How far an engine so set up is from the one on transformers."""
    if interpreted:
        _interpret_kernels()
    vllm = VLLMEngine.load(folder, **SMALL, **parameters)
    hf = HFEngine.load(folder, dtype="float32", device="cpu", token_budget=1000)
    asked, bare = requests(hf)[::3], requests(hf, ())[::3]
    long = [Request(r.prompt, r.steering) for r in bare if len(hf.tokenize(r.prompt)) > 5]
    found: dict[str, Any] = {
        "compiled": vllm.client.llm.llm_engine.vllm_config.compilation_config.mode != 0,
        "choose": max(
            _apart(a.logprobs, b.logprobs) for a, b in zip(vllm.choose(asked), hf.choose(asked), strict=True)
        ),
    }
    found["other texts"] = sum(
        a != b for a, b in zip(vllm.generate(bare, GREEDY), hf.generate(bare, GREEDY), strict=True)
    )
    for name, front in (("capture", 0), ("front", 3)):
        ours, theirs = vllm.capture(long, SITES, front), hf.capture(long, SITES, front)
        found[name] = max(_apart(ours[site], theirs[site]) for site in SITES)
    groups = [n % 3 for n in range(len(bare))]
    (_, counted), (_, expected) = (engine.survey(bare, GREEDY, groups) for engine in (vllm, hf))
    found["tokens"] = _apart(counted.tokens, expected.tokens)
    found["positive"] = _apart(counted.positive, expected.positive)
    if "tensor_parallel" not in parameters:
        [runner] = vllm.client.llm.collective_rpc(lambda worker: type(worker.model_runner).__module__)
        found["runner"] = runner
    vllm.close()
    return found


def starts(folder: str, odd_folder: str) -> dict[str, Any]:
    """Engines one after another: two that work, one whose hooks are missing, one of a head size vLLM lacks."""
    hf = HFEngine.load(folder, dtype="float32", device="cpu", token_budget=1000)
    asked = requests(hf)[:20]
    expected, apart = hf.choose(asked), []
    for _ in range(2):
        vllm = VLLMEngine.load(folder, **SMALL)
        apart.append(max(_apart(a.logprobs, b.logprobs) for a, b in zip(vllm.choose(asked), expected, strict=True)))
        vllm.close()
    odd = _refusal(odd_folder)
    from steerbench.engines.vllm import worker

    worker.install = lambda *_: None
    return {"apart": apart, "odd": odd, "hookless": _refusal(folder)}


def _refusal(folder: str) -> str:
    try:
        VLLMEngine.load(folder, **SMALL)
    except UserError as error:
        return str(error)
    return "it started"


def _apart(one: Any, other: Any) -> float:
    return float(np.abs(np.subtract(one, other)).max())


def _interpret_kernels() -> None:
    """Have Triton, which has nothing for a CPU, interpret its kernels."""
    from triton import backends

    class Driver:
        @staticmethod
        def is_active() -> bool:
            return True

    backends.backends["cpu"] = backends.Backend(compiler=None, driver=Driver)


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*json.loads(sys.argv[2]))))
