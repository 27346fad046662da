"""The offline judge of fluency, on the default model in float32, against that model run a token at a time."""

import csv
import math
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from judges.perplexity import Perplexity, rating, repeated_share
from steerbench.contracts import Case, Choice, Prompt, Request, Sampling, Verdict
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.testing.tiny_models import tiny_model

QUESTION = "How do you spend a rainy Sunday?"
ANSWER = "I read by the window and cook soup."


@pytest.fixture(scope="module")
def engine() -> HFEngine:
    return HFEngine.load("smollm2-135m", dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> HFEngine:
    """A model whose tokenizer puts a start token before plain text."""
    return HFEngine.load(str(tiny_model(tmp_path_factory.mktemp("tiny"))), dtype="float32", device="cpu")


def people_say() -> list[tuple[str, str]]:
    """Questions and answers of one fluent speaker."""
    rows = csv.DictReader(Path(__file__).with_name("labelled_answers.csv").read_text(encoding="utf-8").splitlines())
    return [(row["question"], row["answer"]) for row in rows if row["style"] == "plain"][::4]


def verdicts(engine: HFEngine, asked: Sequence[tuple[str, str]]) -> list[Verdict]:
    found: dict[int, Verdict] = {}
    for part in Perplexity().rate([Case("fluency", "fluency", *one) for one in asked], engine):
        assert not found.keys() & part.keys()
        found.update(part)
    assert sorted(found) == list(range(len(asked)))
    return [found[i] for i in range(len(asked))]


def ratings(engine: HFEngine, asked: Sequence[tuple[str, str]]) -> list[float]:
    return [one.rating for one in verdicts(engine, asked) if one.rating is not None]


@torch.no_grad()
def slow_nll(engine: HFEngine, question: str, answer: str) -> float:
    """Mean over the answer's tokens, each from a whole forward pass of all that stands before it."""
    one = engine.loaded
    before = one.tokenizer(one.render((("user", question),)), add_special_tokens=False)["input_ids"]
    tokens = one.tokenizer(answer, add_special_tokens=False)["input_ids"]
    losses = []
    for i, token in enumerate(tokens):
        logits = one.model(torch.tensor([before + tokens[:i]])).logits[0, -1]
        losses.append(-float(torch.log_softmax(logits.double(), -1)[token]))
    return sum(losses) / len(losses)


def test_the_likelihood_is_that_of_the_answer_after_the_question_alone(engine: HFEngine) -> None:
    (verdict,) = verdicts(engine, [(QUESTION, ANSWER)])
    nll = slow_nll(engine, QUESTION, ANSWER)
    assert verdict.details["nll"] == pytest.approx(nll, abs=1e-4)
    assert verdict.rating == pytest.approx(1 + 4 / (1 + math.exp((nll - 4.5) / 0.8)), abs=1e-4)
    assert verdict.details["tokens"] == len(engine.loaded.tokenizer(ANSWER)["input_ids"])


def test_a_start_token_is_not_counted_as_a_token_of_the_answer(tiny: HFEngine) -> None:
    (verdict,) = verdicts(tiny, [(QUESTION, ANSWER)])
    assert len(tiny.tokenize(Prompt(start=ANSWER))) == verdict.details["tokens"] + 1
    assert verdict.details["nll"] == pytest.approx(slow_nll(tiny, QUESTION, ANSWER), abs=1e-4)


@pytest.mark.parametrize(
    ("words", "share"),
    [
        ("", 0),
        ("one two", 0),
        ("one two three", 0),
        ("a b a b a b", 0.5),
        ("la la la la la", 2 / 3),
        ("a b c d a b c", 0.2),
    ],
)
def test_repetition_is_the_share_of_three_word_runs_that_are_not_new(words: str, share: float) -> None:
    assert repeated_share(words.split()) == pytest.approx(share)


def test_repetition_sees_through_case_and_counts_punctuation_marks(engine: HFEngine) -> None:
    loud, marks = verdicts(engine, [(QUESTION, "I like tea. i LIKE Tea."), (QUESTION, "!" * 12)])
    assert loud.details["repeated"] == pytest.approx(1 - 4 / 6)
    assert marks.details["repeated"] == pytest.approx(0.9)


def test_the_rating_falls_with_the_loss_and_with_repetition() -> None:
    losses, shares = [0.0, 0.5, 1.0, 3.0, 5.0, 9.0, 1e6], [0.0, 0.1, 0.5, 0.9, 1.0]
    by_loss = [rating(nll, 0.1) for nll in losses]
    assert by_loss == sorted(by_loss, reverse=True)
    assert len(set(by_loss)) == len(losses)
    by_share = [rating(1.0, share) for share in shares]
    assert by_share == sorted(by_share, reverse=True)
    assert (rating(4.5, 0.0), rating(4.5, 0.5), rating(0.1, 1.0), rating(1e6, 0.0)) == (3.0, 1.5, 1.0, 1.0)
    assert rating(1.0, 0.0) == pytest.approx(4.95, abs=0.01)


def test_shuffled_words_are_rated_near_1_and_people_well_above(engine: HFEngine) -> None:
    said = people_say()
    rng = random.Random(0)
    shuffled = [(question, " ".join(rng.sample(answer.split(), len(answer.split())))) for question, answer in said]
    both = verdicts(engine, said), verdicts(engine, shuffled)
    losses = [sum(v.details["nll"] for v in found) / len(said) for found in both]
    assert losses == pytest.approx([4.0, 7.7], abs=0.2)
    fluent, salad = ([float(v.rating or 0) for v in found] for found in both)
    assert min(fluent) > max(salad) + 1
    assert max(salad) < 2
    assert sum(fluent) / len(fluent) > 3.4
    assert sum(salad) / len(salad) < 1.4


def test_a_loop_is_rated_near_1_though_it_is_likely(engine: HFEngine) -> None:
    looped = [(question, " ".join([" ".join(answer.split()[:7])] * 10)) for question, answer in people_say()[:4]]
    for verdict in verdicts(engine, looped):
        assert verdict.details["nll"] < 1.5
        assert verdict.rating is not None
        assert verdict.rating < 1.2


def test_the_models_own_greedy_text_is_rated_near_5_and_cutting_it_off_costs_little(engine: HFEngine) -> None:
    questions = [QUESTION, "A friend is late for dinner. What do you say?", "What makes a good neighbour?"]
    requests = [Request(Prompt((("user", question),))) for question in questions]
    sampling = Sampling(max_new_tokens=40, repetition_penalty=1.1)
    own = [answer.text for answer in engine.generate(requests, sampling)]
    whole = ratings(engine, list(zip(questions, own, strict=True)))
    cut = ratings(engine, [(q, text[: len(text) // 2]) for q, text in zip(questions, own, strict=True)])
    assert min(whole) > 4.5
    assert min(cut) > 4.5


def test_an_empty_answer_is_rated_1_and_says_why(engine: HFEngine) -> None:
    empty, blank, full = verdicts(engine, [(QUESTION, ""), (QUESTION, " \n\t"), (QUESTION, ANSWER)])
    assert empty == blank == Verdict(1.0, details={"empty": True, "reason": "the answer is empty", "tokens": 0})
    assert full.details["empty"] is False


class Recorder:
    """A real engine, and what it was asked to score."""

    def __init__(self, engine: HFEngine) -> None:
        self.engine, self.asked = engine, list[Request]()
        self.tokenize, self.batches = engine.tokenize, engine.batches
        self.lengths, self.context = engine.lengths, engine.context

    def choose(self, requests: Sequence[Request]) -> Sequence[Choice]:
        self.asked.extend(requests)
        return self.engine.choose(requests)


def test_cases_that_recur_are_scored_once_and_answered_each_in_its_place(tiny: HFEngine) -> None:
    texts = [(QUESTION, "Love life."), ("Why?", "Love life."), (QUESTION, "Hate life.")]
    order = [0, 2, 1, 0, 0, 2]
    recorder = Recorder(tiny)
    found = verdicts(recorder, [texts[i] for i in order])  # type: ignore[arg-type]
    alone = verdicts(tiny, texts)
    assert [one.rating for one in found] == pytest.approx([alone[i].rating for i in order])
    assert len({one.rating for one in alone}) == 3
    assert len(recorder.asked) == 3
    assert not any(request.steering.edits or request.steering.prompt for request in recorder.asked)


def test_verdicts_come_batch_by_batch_and_the_same_every_time(tiny: HFEngine) -> None:
    cases = [Case("fluency", "fluency", QUESTION, f"Forget to put {'things ' * n}back.") for n in range(1, 30)]
    small = HFEngine(tiny.loaded, token_budget=200)
    first = list(Perplexity().rate(cases, small))
    assert len([part for part in first if part]) > 3
    assert list(Perplexity().rate(cases, small)) == first


def test_a_model_that_gives_no_number_leaves_the_answer_unscored(tmp_path: Path) -> None:
    broken = HFEngine.load(str(tiny_model(tmp_path)), dtype="float32", device="cpu")
    with torch.no_grad():
        next(broken.loaded.model.parameters()).fill_(math.nan)
    (verdict,) = verdicts(broken, [(QUESTION, ANSWER)])
    assert (verdict.rating, verdict.unscored) == (None, "the model gives the answer no finite likelihood")
    assert verdict.details["nll"] is None


def test_without_a_model_it_says_what_is_missing() -> None:
    with pytest.raises(UserError, match=r"perplexity.*--model"):
        list(Perplexity().rate([Case("fluency", "fluency", QUESTION, ANSWER)], None))
