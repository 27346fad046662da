"""lm-evaluation-harness on steered models, with its own model of transformers as the plain one."""

import sqlite3
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tokenizers.processors import Sequence
from transformers import AutoTokenizer

lm_eval = pytest.importorskip("lm_eval", reason="the extra harness is not installed")

from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

from steerbench.bridges.boundaries import PromptOption  # noqa: E402
from steerbench.bridges.greedy import ScoredContinuations, greedy  # noqa: E402
from steerbench.bridges.lm_eval import SteeredLM  # noqa: E402
from steerbench.contracts import Engine, Prompt, Request, Sampling  # noqa: E402
from steerbench.contracts.steering import Reply, Steering  # noqa: E402
from steerbench.errors import UserError  # noqa: E402
from steerbench.models.text import load_text  # noqa: E402
from steerbench.testing.tiny_models import tiny_model  # noqa: E402
from tests.bridges.conftest import QUESTIONS  # noqa: E402

TASKS = ["little_choice", "little_text", "little_rolling"]


@pytest.fixture(scope="session")
def evaluate(task_folder):
    """Runs task files on a model and returns what it said to each sample, by task."""
    manager = TaskManager(include_path=str(task_folder), include_defaults=False)

    def run(model: Any, tasks: list[str] = TASKS, **more: Any) -> dict[str, list[Any]]:
        result = lm_eval.simple_evaluate(
            model=model, tasks=tasks, task_manager=manager, bootstrap_iters=0, verbosity="ERROR", **more
        )
        return {
            task: [sample["resps"] for sample in sorted(samples, key=lambda sample: sample["doc_id"])]
            for task, samples in result["samples"].items()
        }

    return run


@pytest.fixture(scope="session")
def steered(models):
    """Steered models in float32, each loaded once."""
    made: dict[str, SteeredLM] = {}

    def load(model: str, **arguments: Any) -> SteeredLM:
        key = repr((model, sorted(arguments.items())))
        if key not in made:
            made[key] = SteeredLM(model=models[model], dtype="float32", device="cpu", **arguments)
        return made[key]

    return load


@pytest.fixture(scope="session")
def plain(models, evaluate):
    """What the harness's own model says."""
    made: dict[str, Any] = {}

    def said(model: str, **more: Any) -> dict[str, list[Any]]:
        key = repr((model, more))
        if key not in made:
            folder = str(load_text(models[model]).folder)
            hflm = HFLM(pretrained=folder, dtype="float32", device="cpu", batch_size=1)
            made[key] = evaluate(hflm, **more)
        return made[key]

    return said


@pytest.mark.parametrize(
    ("model", "chat"),
    [("tiny", False), ("tiny", True), ("metaspace", False), ("metaspace", True), ("smollm2-135m", False)],
)
def test_at_strength_0_every_sample_is_the_plain_model_s(model, chat, steered, plain, evaluate, steering_file):
    file = steering_file(model, said="You never stop talking.")
    ours = evaluate(steered(model, steering=file, strength=0), apply_chat_template=chat)
    theirs = plain(model, apply_chat_template=chat)
    for mine, its in zip(_flat(ours["little_choice"]), _flat(theirs["little_choice"]), strict=True):
        assert mine[0] == pytest.approx(its[0], abs=1e-3)
        assert mine[1] == its[1]
    # The harness's own model decodes an answer by itself, and so loses the blank it starts with on such a tokenizer.
    mine, its = (_flat(said["little_text"]) for said in (ours, theirs))
    assert [text.removeprefix(" ") if model == "metaspace" else text for text in mine] == its
    assert _flat(ours["little_rolling"]) == pytest.approx(_flat(theirs["little_rolling"]), abs=1e-3)


def _flat(resps: list[Any]) -> list[Any]:
    return [
        answer
        for sample in resps
        for options in sample
        for answer in (options if isinstance(options, list) else [options])
    ]


def test_a_strength_changes_answers_and_the_steering_s_words_do(steered, plain, evaluate, steering_file):
    weak, strong, talking = (
        evaluate(steered("tiny", steering=file, strength=strength))
        for file, strength in (
            (steering_file("tiny"), 1),
            (steering_file("tiny"), 4),
            (steering_file("tiny", said="You never stop talking.", edits=False), 1),
        )
    )
    for task in TASKS:
        assert len({repr(said[task]) for said in (plain("tiny"), weak, strong, talking)}) == 4


@pytest.mark.parametrize("chat", [False, True])
def test_likelihoods_and_texts_under_a_steering_are_those_of_its_engine(chat, steered, evaluate, steering_file):
    lm = steered("tiny", steering=steering_file("tiny", seed=1, said="You are shy."), strength=2)
    asked = evaluate(lm, ["little_choice", "little_text"], apply_chat_template=chat)
    for (question, choices, _), likelihoods, text in zip(QUESTIONS, *asked.values(), strict=True):
        context = f"Question: {question}\nAnswer:"
        rendered = lm.text.render((("system", "You are shy."), ("user", context)))
        prompt = Prompt(start=rendered if chat else f"You are shy.\n\n{context}")
        before = "" if chat else " "
        request = Request(prompt, lm.steered.steering, tuple(f"{before}{choice}" for choice in choices))
        (choice,) = lm.engine.choose([request])
        assert [answer[0] for (answer,) in likelihoods] == pytest.approx(choice.logprobs, abs=1e-4)
        (completion,) = lm.engine.generate([Request(prompt, lm.steered.steering)], Sampling(max_new_tokens=8))
        assert text == [[completion.text.split("\n")[0].split(". ")[0]]]


def test_a_chat_without_a_system_role_and_one_that_is_left_open_are_rendered_as_the_engine_would(
    steered, steering_file
):
    lm = steered("tiny", steering=steering_file("tiny", seed=1, said="You are shy."), strength=2)
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi."}]
    both = (("system", "You are shy.\n\nBe brief."), ("user", "Hi."))
    assert lm.apply_chat_template(turns) == lm.text.render(both)
    left_open = [*turns, {"role": "assistant", "content": "Well, "}]
    assert lm.apply_chat_template(left_open, add_generation_prompt=False) == lm.text.render(both) + "Well, "


def test_greedy_is_what_it_is_for_the_harness_s_own_model(models, steered):
    """Greedy texts of several lengths, and the same with a wrong end, asked together and alone."""
    lm = steered("tiny", strength=0)
    theirs = HFLM(pretrained=models["tiny"], dtype="float32", device="cpu", batch_size=1)
    asked = []
    for context in ("I am the life", "Very Accurate, ", "You get stressed out"):
        request = Request(Prompt(start=context.rstrip()))
        texts = ["zz", *(lm.engine.generate([request], Sampling(max_new_tokens=n))[0].text for n in (1, 2, 4))]
        asked += [(context.rstrip(), text + end) for text in texts for end in ("", "zz") if text + end]
    expected = [greedy for _, greedy in theirs.loglikelihood(_instances(asked), disable_tqdm=True)]
    assert 4 <= sum(expected) <= len(expected) - 4
    assert [greedy for _, greedy in lm.loglikelihood(_instances(asked), disable_tqdm=True)] == expected


def test_no_text_is_generated_where_likelihoods_settle_what_is_greedy():
    request = Request(Prompt(start="x"))
    pairs = [PromptOption("x", "", tokens, True) for tokens in ((5,), (5, 6), (7,), (5, 8))]
    scored = [
        ScoredContinuations(request, pairs[:1] + pairs[2:3], (-0.1, -3.0)),
        ScoredContinuations(request, pairs, (-0.1, -0.2, -3.0, -9.0)),
    ]
    assert greedy(cast(Engine, None), None, scored) == [[True, False], [True, True, False, False]]


def test_long_texts_are_scored_in_windows_of_the_context(tmp_path):
    folder = tiny_model(tmp_path, "qwen2", max_position_embeddings=32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.post_processor = Sequence([])  # No start token before a text.
    tokenizer.save_pretrained(folder)
    ours = SteeredLM(model=str(folder), dtype="float32", device="cpu")
    theirs = HFLM(pretrained=str(folder), dtype="float32", device="cpu", batch_size=1)
    texts = _instances(
        [(" ".join(["I often forget to put things back."] * 9),), ("A naïve café: 東京 😀 " * 9,), ("",)]
    )
    windows = list(ours.boundaries.windows(texts[1].args[0]))
    assert len(windows) > 3
    assert [token for pair in windows for token in pair.tokens] == theirs.tok_encode(texts[1].args[0])
    mine, its = (lm.loglikelihood_rolling(texts, disable_tqdm=True) for lm in (ours, theirs))
    assert mine[0] == pytest.approx(its[0], abs=1e-3)
    # These windows end before a character and not in it, so that they read a little less than the harness's.
    assert mine[1] == pytest.approx(its[1], rel=0.05)
    assert mine[2] == its[2] == 0


def test_each_steering_has_its_own_answers_in_one_cache_file(steered, evaluate, steering_file, tmp_path):
    cache = str(tmp_path / "cache")
    models = [
        steered("tiny", steering=steering_file("tiny", seed=seed), strength=strength)
        for seed, strength in ((0, 1), (2, 1), (0, 4))
    ]
    first = [evaluate(lm, ["little_choice"], use_cache=cache) for lm in models]
    assert len({repr(said) for said in first}) == 3
    assert [evaluate(lm, ["little_choice"], use_cache=cache) for lm in models] == first
    with sqlite3.connect(f"{cache}_rank0.db") as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: file.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for name in tables}
    options = sum(len(choices) for _, choices, _ in QUESTIONS)
    assert rows == {"unnamed": 0, **{f"steerbench {lm.steered.key}": options for lm in models}}


def test_a_cache_answers_in_the_model_s_stead(steered, evaluate, steering_file, tmp_path, monkeypatch):
    lm = steered("tiny", steering=steering_file("tiny"), strength=1)
    said = evaluate(lm, use_cache=str(tmp_path / "cache"))
    monkeypatch.setattr(lm, "engine", None)
    assert evaluate(lm, use_cache=str(tmp_path / "cache")) == said


def test_built_requests_of_a_chat_are_kept_apart_by_steering(steered, steering_file):
    names = {
        steered("tiny", steering=steering_file("tiny", seed=seed, said=said), strength=strength).tokenizer_name
        for seed, said, strength in ((0, "", 1), (2, "", 1), (0, "", 4), (1, "You are shy.", 2))
    }
    assert len(names) == 4


def test_what_a_steering_or_a_request_cannot_be_is_one_sentence(models, steered, steering_file, tmp_path):
    other = steering_file("smollm2-135m")
    with pytest.raises(UserError, match="was fitted on another model; name that one, or give force=true"):
        SteeredLM(model=models["tiny"], steering=other)
    Steering(reply=Reply(text="Yes.")).save(tmp_path / "reply.safetensors")
    with pytest.raises(UserError, match="holds fixed answers instead of steering a model"):
        SteeredLM(model=models["tiny"], steering=tmp_path / "reply.safetensors")
    for given, sentence in ((tmp_path, "is a folder, not a steering file"), (3, "There is no steering file at 3")):
        with pytest.raises(UserError, match=sentence):
            SteeredLM(model=models["tiny"], steering=given)
    with pytest.raises(UserError, match="The strength must be a number"):
        SteeredLM(model=models["tiny"], strength="strong")
    with pytest.raises(UserError, match="no parameter of the engine 'hf' called 'pretrained'"):
        SteeredLM(model=models["tiny"], pretrained="gpt2")
    lm = steered("tiny", steering=steering_file("tiny"), strength=1)
    with pytest.raises(UserError, match="no generation argument 'top_k'"):
        lm.generate_until(_instances([("Hi", {"do_sample": True, "temperature": 1.0, "top_k": 5})]))
    with pytest.raises(UserError, match="the model's context holds 2048"):
        lm.loglikelihood(_instances([("party " * 3000, "x")]))
    with pytest.raises(UserError, match="the model's context holds 2048"):
        lm.generate_until(_instances([("Hi", {"max_gen_toks": 2048})]))


def test_a_steering_that_overflows_is_said_and_not_scored(models, steering_file):
    lm = SteeredLM(model=models["tiny"], dtype="float32", device="cpu", steering=steering_file("tiny"), strength=1)
    lm.steered = replace(lm.steered, steering=lm.steered.steering.scaled(1e38))
    with pytest.raises(UserError, match="The steering overflowed in 1 of 1 requests"):
        lm.loglikelihood(_instances([("I am", " often")]), disable_tqdm=True)


def test_drawing_is_by_the_seed(models, steered, steering_file):
    lm = steered("tiny", steering=steering_file("tiny"), strength=1)
    drawn = [("I am", {"do_sample": True, "temperature": 1.0, "top_p": 0.9, "max_gen_toks": 8})]
    other = SteeredLM(model=models["tiny"], dtype="float32", device="cpu", steering=steering_file("tiny"), seed=1)
    texts = [one.generate_until(_instances(drawn), disable_tqdm=True) for one in (lm, lm, other)]
    assert texts[0] == texts[1] != texts[2]


def _instances(asked: list[tuple[Any, ...]]) -> list[Any]:
    return [SimpleNamespace(args=arguments) for arguments in asked]
