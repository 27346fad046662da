"""From a fit to a steered answer, on the embedded model, by the commands that a user types."""

import subprocess

import pytest

from steerbench.contracts import Prompt, Request, Sampling
from steerbench.contracts.steering import load_steering
from steerbench.engines.hf.engine import HFEngine
from tests.cli.conftest import COMMAND, environment
from tests.engines.vllm.serving import served

pytestmark = pytest.mark.vllm

MODEL = "smollm2-135m"
SAID = "What are you doing this weekend?"
TOKENS = 16


@pytest.mark.timeout(600)
def test_a_fitted_steering_is_served_as_the_other_engine_applies_it(tmp_path):
    file = tmp_path / "steerings" / "extraversion+.safetensors"
    fitting = ("fit", "--method", "caa", "--pole", "extraversion+", "--dtype", "float32", "--out", str(file))
    done = subprocess.run((*COMMAND, *fitting), env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    strengths = (0.0, 1.0, 4.0, -4.0)
    with served(MODEL, file.parent, tmp_path / "log", "--kv-cache-memory-bytes", 10**8) as server:
        answers = [
            server.client().chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": SAID}],
                max_tokens=TOKENS,
                temperature=0,
                extra_body={"steering": "extraversion+", "strength": strength, "repetition_penalty": 1.0},
            )
            for strength in strengths
        ]
    steering, _ = load_steering(file)
    hf = HFEngine.load(MODEL, dtype="float32", device="cpu")
    requests = [Request(Prompt((("user", SAID),)), steering.scaled(strength)) for strength in strengths]
    expected = hf.generate(requests, Sampling(max_new_tokens=TOKENS))
    assert [answer.choices[0].message.content for answer in answers] == [one.text for one in expected]
    assert len({one.text for one in expected}) == len(strengths)
