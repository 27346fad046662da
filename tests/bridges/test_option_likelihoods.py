"""CommonsenseQA and MMLU by option likelihood, on the real files, beside lm-evaluation-harness's own model."""

from types import SimpleNamespace

import pytest

pytest.importorskip("lm_eval", reason="the extra harness is not installed")

from lm_eval.models.huggingface import HFLM

from steerbench.bridges.boundaries import Boundaries
from steerbench.contracts import Request, Split
from steerbench.contracts.steering import UNSTEERED
from steerbench.engines.hf.engine import HFEngine
from steerbench.models.text import load_text
from tasks.reasoning.task import MMLU, CommonsenseQA

MODEL = "smollm2-135m"
SHOWN = 2


@pytest.mark.real_data
def test_engine_and_harness_agree_to_a_thousandth_of_a_nat_and_all_boundaries_are_the_same():
    text = load_text(MODEL)
    requests = [asked for task in (CommonsenseQA, MMLU) for asked in _requests(task)[:SHOWN]]
    engine = HFEngine.load(MODEL, dtype="float32", device="cpu")
    ours = [logprob for choice in engine.choose(requests) for logprob in choice.logprobs]
    theirs = HFLM(pretrained=str(text.folder), dtype="float32", device="cpu", batch_size=1)
    pairs = [pair for request in requests for pair in _pairs(text, request)]
    answers = theirs.loglikelihood([SimpleNamespace(args=pair) for pair in pairs], disable_tqdm=True)
    assert ours == pytest.approx([logprob for logprob, _ in answers], abs=1e-3)


@pytest.mark.real_data
@pytest.mark.parametrize("task", [CommonsenseQA, MMLU])
def test_letters_are_the_same_tokens_after_the_prompt_as_by_themselves_in_every_problem(task):
    text = load_text(MODEL)
    boundaries = Boundaries(text, limit=8192)
    for request in _requests(task):
        for (context, option), asked in zip(_pairs(text, request), request.options, strict=True):
            pair = boundaries.pair(context, option)
            assert pair.joint
            assert (pair.start, pair.option) == (context, asked)


def _requests(task: type[CommonsenseQA] | type[MMLU]) -> list[Request]:
    made = task(readout="choices")
    target = made.targets(Split.TEST)[0]
    return [made.request(item, target, UNSTEERED) for item in made.items(target, Split.TEST)]


def _pairs(text, request: Request) -> list[tuple[str, str]]:
    context = text.render(request.prompt.messages) + request.prompt.start
    return [(context, option) for option in request.options]
