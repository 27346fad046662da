"""How a server starts, ends, and comes back."""

import signal

import numpy as np
import pytest

from steerbench.contracts.edits import Add
from steerbench.contracts.steering import Steering
from steerbench.engines.vllm.server import Serving, arguments
from steerbench.engines.vllm.serving.catalogue import Catalogue
from steerbench.engines.vllm.widths import Widths
from steerbench.errors import UserError
from tests.engines.vllm.serving import free_port, served

pytestmark = pytest.mark.vllm

SMALL = ("--rows", 4, "--kv-cache-memory-bytes", 10**8)


def answer(server) -> str:
    client = server.client().completions
    extra = {"steering": "one", "strength": 2}
    return client.create(model=server.model, prompt="I", max_tokens=6, temperature=0, extra_body=extra).choices[0].text


@pytest.fixture
def steerings(tmp_path):
    folder = tmp_path / "steerings"
    folder.mkdir()
    vector = np.random.default_rng(0).normal(size=32).astype(np.float32)
    Steering((Add("resid", 1, vector),)).save(folder / "one.safetensors")
    return folder


@pytest.mark.timeout(600)
def test_a_killed_server_leaves_nothing_behind_and_serves_again_at_the_same_port(folder_of, steerings, tmp_path):
    given, port = (str(folder_of("llama")), steerings, tmp_path / "log", *SMALL), free_port()
    with served(*given, port=port) as server:
        first = answer(server)
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
    with served(*given, port=port) as server:
        assert answer(server) == first
        extra = {"steering": "one", "ignore_eos": True}
        running = server.client().completions.create(
            model=server.model, prompt="I", max_tokens=1500, stream=True, extra_body=extra
        )
        next(iter(running))
        assert server.end(signal.SIGTERM) == 0  # in the middle of an answer, and in seconds


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--api-server-count", "2"), "--api-server-count 2 is not supported by steerbench serve; leave it out."),
        (("--enable-lora",), "--enable-lora True is not supported by steerbench serve; leave it out."),
        (("another-model",), "'another-model' is not an option; name the model with --model."),
    ],
)
def test_what_does_not_go_with_steering_is_refused_in_one_sentence(folder_of, options, sentence):
    with pytest.raises(UserError) as refused:
        arguments(serving(folder_of("llama")), options)
    assert str(refused.value) == sentence


def test_what_a_user_says_to_vllm_wins_over_what_steerbench_would_say(folder_of):
    given = ("--host", "0.0.0.0", "--max-num-seqs", "7", "--served-model-name", "mine", "--no-enforce-eager")
    args = arguments(serving(folder_of("llama")), (*given, "--additional-config", '{"theirs": 1}'))
    assert (args.host, args.max_num_seqs, args.served_model_name, args.enforce_eager) == ("0.0.0.0", 7, ["mine"], False)
    assert args.additional_config["theirs"] == 1
    assert args.additional_config["steerbench"]["rows"] == 4
    usual = arguments(serving(folder_of("llama")), ())
    assert (usual.host, usual.served_model_name) == ("127.0.0.1", ["a-model"])


def serving(folder):
    shape = Widths(folder)
    return Serving(folder, "a-model", Catalogue([]), shape.layers, shape.of, rows=4)
