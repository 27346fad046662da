"""No judge is shown what a model thought before it answered, whether it is asked by the harness or by itself."""

from collections.abc import Callable
from pathlib import Path

import pytest

from judges.axis import Axis
from judges.local_llm import LocalLLM
from judges.perplexity import Perplexity
from steerbench.contracts import Case, Judge, Verdict
from steerbench.contracts.thoughts import UNFINISHED
from steerbench.engines.hf.engine import HFEngine
from steerbench.testing.tiny_models import tiny_model

ANSWERS = (
    "<think>They want somebody who hates company.",
    "I danced till dawn.",
    "<think>\nThey want somebody shy.\n</think>\n\nI danced till dawn.",
    "They want somebody shy.</think>I danced till dawn.",
    "<think>Let me think it over.</think> I left early. <think>Wait",
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize(
    ("judge", "quality"),
    [(lambda _: Axis(), "extraversion"), (lambda _: Perplexity(), "fluency"), (lambda m: LocalLLM(m), "extraversion")],
)
def test_thoughts_change_no_verdict_and_an_answer_that_never_left_them_has_none(
    judge: Callable[[str], Judge], quality: str, model: Path
) -> None:
    engine = HFEngine.load(str(model), dtype="float32", device="cpu")
    asked = [Case("trait", quality, "How was the party?", answer) for answer in ANSWERS]
    found: dict[int, Verdict] = {}
    for batch in judge(str(model)).rate(iter(asked), engine):
        assert not found.keys() & batch.keys()
        found |= batch
    assert found[0] == found[4] == Verdict(None, UNFINISHED)
    assert found[1].rating is not None
    assert found[2].rating == pytest.approx(found[1].rating)
    assert found[3].rating == pytest.approx(found[1].rating)
