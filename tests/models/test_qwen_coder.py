"""The registered 1.5B model, where it has been fetched: gigabytes that no test brings here."""

import pytest

from steerbench.contracts import Prompt, Request, Sampling
from steerbench.engines.hf.engine import HFEngine
from steerbench.models.fetch import folder_of
from steerbench.models.loading import LoadedModel, load_model
from steerbench.models.registry import model_entry

ENTRY = model_entry("qwen2.5-coder-1.5b")

pytestmark = pytest.mark.skipif(
    not folder_of(ENTRY).is_dir(), reason=f"NOT TESTED, the 1.5B model: `steerbench model fetch {ENTRY.name}` brings it"
)


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return load_model(ENTRY.name, device="cpu")


def test_its_weights_are_those_that_are_pinned(loaded: LoadedModel) -> None:
    assert loaded.identity()["weights"] == ENTRY.weights_digest
    assert loaded.model.lm_head.weight is not loaded.model.model.embed_tokens.weight


def test_it_answers_sensibly(loaded: LoadedModel) -> None:
    request = Request(Prompt((("user", "What is the capital of France?"),)))
    (answer,) = HFEngine(loaded, 4096).generate([request], Sampling(max_new_tokens=16))
    assert (answer.text, answer.finish) == ("The capital of France is Paris.", "stop")


def test_its_tokens_are_those_of_the_published_tokenizer(loaded: LoadedModel) -> None:
    """Ids as Qwen2.5's own tokenizer.json gives them."""
    assert loaded.tokenizer("Hello world").input_ids == [9707, 1879]
    assert loaded.tokenizer("<|im_start|>user\nHi<|im_end|>").input_ids == [151644, 872, 198, 13048, 151645]
    assert loaded.tokenizer("e\u0301").input_ids == loaded.tokenizer("\u00e9").input_ids == [963]
