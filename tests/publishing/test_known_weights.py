"""Which weights are known: those that this project pins, by their hash and not by a model's name."""

from steerbench.models.cache import weights_digest
from steerbench.models.embedded import WEIGHTS_DIGEST, ensure_embedded
from steerbench.publishing.checking import check
from steerbench.publishing.known_weights import NOT_VERIFIED, known_model, mark
from tests.publishing.world import published


def test_the_weights_that_are_pinned_are_those_of_the_built_in_model():
    assert weights_digest(ensure_embedded()) == WEIGHTS_DIGEST
    assert known_model({"engine": {"weights": WEIGHTS_DIGEST}}) == "smollm2-135m"


def test_other_weights_are_marked_and_a_run_without_a_model_is_not():
    for engine in ({"weights": "0" * 64}, {"weights": [WEIGHTS_DIGEST]}, {"name": "smollm2-135m"}, "hf"):
        assert mark({"engine": engine}) == NOT_VERIFIED
    assert mark({"engine": None}) == mark({}) == mark({"engine": {"weights": WEIGHTS_DIGEST}}) == ""


def test_a_check_tells_of_weights_that_are_not_known_and_finds_nothing_wrong(tmp_path):
    folder = published(tmp_path)
    report = check(folder.parent)
    assert report.problems == []
    assert report.unverified == [
        f"{folder.name}: weights not verified: 'toy-model' does not have the weights of a known model."
    ]
