"""Inspect on steered models, with our engine's own text as the plain one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

inspect_ai = pytest.importorskip("inspect_ai", reason="the extra harness is not installed")

from inspect_ai import Task  # noqa: E402
from inspect_ai._util.error import PrerequisiteError  # noqa: E402
from inspect_ai.dataset import Sample  # noqa: E402
from inspect_ai.model import (  # noqa: E402
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    ContentImage,
    GenerateConfig,
    get_model,
)
from inspect_ai.scorer import includes  # noqa: E402
from inspect_ai.solver import generate  # noqa: E402
from inspect_ai.tool import ToolInfo  # noqa: E402

from steerbench.bridges.inspect_model import check_settings, prompt_of  # noqa: E402
from steerbench.contracts import Prompt, Request, Sampling  # noqa: E402
from steerbench.contracts.edits import Positions  # noqa: E402
from steerbench.contracts.steering import Steering, load_steering  # noqa: E402
from steerbench.engines.hf.engine import HFEngine  # noqa: E402
from steerbench.errors import UserError  # noqa: E402
from tests.bridges.conftest import QUESTIONS  # noqa: E402

TOKENS = 8


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def evaluate(tmp_path: Path, models: dict[str, str]):
    """Runs the questions through Inspect and returns its log."""

    def run(model: str, solver: Sequence[Any] | None = None, epochs: int = 1, **arguments: Any) -> Any:
        config = {"max_tokens": TOKENS} | arguments.pop("config", {})
        samples = [
            Sample(input=question, target=choices[gold], id=i) for i, (question, choices, gold) in enumerate(QUESTIONS)
        ]
        task = Task(dataset=samples, solver=list(solver or [generate()]), scorer=includes())
        model_args = {"dtype": "float32", "device": "cpu", **arguments}
        (log,) = inspect_ai.eval(
            task,
            f"steerbench/{models[model]}",
            model_args=model_args,
            epochs=epochs,
            log_dir=str(tmp_path / "logs"),
            display="none",
            **config,
        )
        return log

    return run


def _said(log: Any) -> list[str]:
    assert log.status == "success", log.error
    return [sample.output.completion for sample in sorted(log.samples, key=lambda sample: sample.id)]


def _api(models: dict[str, str], model: str, **arguments: Any) -> Any:
    return get_model(f"steerbench/{models[model]}", dtype="float32", device="cpu", **arguments).api


def test_at_strength_0_every_sample_is_the_plain_engine_s(evaluate, models, steering_file):
    file = steering_file("smollm2-135m", said="You never stop talking.")
    log = evaluate("smollm2-135m", steering=str(file), strength=0, config={"limit": 2})
    engine = _api(models, "smollm2-135m", steering=str(file), strength=0).steered.engine
    requests = [Request(Prompt((("user", question),))) for question, _, _ in QUESTIONS[:2]]
    plain = engine.generate(requests, Sampling(max_new_tokens=TOKENS))
    assert _said(log) == [completion.text for completion in plain]
    for sample, request, completion in zip(log.samples, requests, plain, strict=True):
        usage = sample.output.usage
        assert (usage.input_tokens, usage.output_tokens) == (len(engine.tokenize(request.prompt)), completion.tokens)
        assert sample.output.stop_reason == ("max_tokens" if completion.finish == "length" else "stop")


def test_a_strength_changes_answers_and_the_steering_s_words_do(evaluate, steering_file):
    file, talking = steering_file("tiny"), steering_file("tiny", said="You never stop talking.", edits=False)
    logs = [
        evaluate("tiny"),
        evaluate("tiny", steering=str(file), strength=1),
        evaluate("tiny", steering=str(file), strength=4),
        evaluate("tiny", steering=str(talking)),
    ]
    assert len({tuple(_said(log)) for log in logs}) == 4


def test_samples_that_wait_are_a_batch_of_the_engine(evaluate, monkeypatch):
    sizes: list[int] = []
    alone = HFEngine.generate

    def counted(engine: HFEngine, requests: Sequence[Request], sampling: Sampling) -> Any:
        sizes.append(len(requests))
        return alone(engine, requests, sampling)

    monkeypatch.setattr(HFEngine, "generate", counted)
    evaluate("tiny", epochs=3)
    assert sum(sizes) == 3 * len(QUESTIONS)
    assert len(sizes) <= 3


def test_caches_cannot_mix_steerings(evaluate, steering_file):
    made = [(0, 1), (2, 1), (0, 4)]
    arguments = [{"steering": str(steering_file("tiny", seed=seed)), "strength": strength} for seed, strength in made]
    cached = {"config": {"cache": True}}
    first = [evaluate("tiny", **steering, **cached) for steering in arguments]
    assert len({tuple(_said(log)) for log in first}) == 3
    again = [evaluate("tiny", **steering, **cached) for steering in arguments]
    assert [_said(log) for log in again] == [_said(log) for log in first]
    assert all(_from_cache(log) for log in again)
    assert not any(_from_cache(log) for log in first)


def test_answers_and_the_address_say_what_model_under_what_steering_it_was(evaluate, models, steering_file):
    file = str(steering_file("tiny"))
    api = _api(models, "tiny", steering=file, strength=1)
    (sample, *_) = evaluate("tiny", steering=file, strength=1).samples
    assert sample.output.metadata == {"steerbench": api.steered.key}
    assert _api(models, "tiny", steering=file, strength=1, base_url=api.base_url).base_url == api.base_url
    with pytest.raises(PrerequisiteError) as error:
        _api(models, "tiny", steering=file, strength=2, base_url=api.base_url)
    assert "has changed: the model, the engine, the steering or its strength" in error.value.message


def test_messages_become_a_prompt_that_starts_with_the_steering_s_words(models, steering_file):
    api = _api(models, "tiny", steering=str(steering_file("tiny", seed=1, said="You are shy.")))
    system, user = ChatMessageSystem(content="Be brief."), ChatMessageUser(content="Hi.")
    assert prompt_of(api.steered, [user]) == Prompt((("system", "You are shy."), ("user", "Hi.")))
    both = (("system", "You are shy.\n\nBe brief."), ("user", "Hi."))
    assert prompt_of(api.steered, [system, user]) == Prompt(both)
    assert prompt_of(api.steered, [system, user, ChatMessageAssistant(content="Well,")]) == Prompt(both, "Well,")


def test_settings_are_honoured(models):
    api = _api(models, "tiny")
    question = [ChatMessageUser(content="I am the life of")]
    prompt = Prompt((("user", "I am the life of"),))
    (long,) = api.steered.engine.generate([Request(prompt)], Sampling(max_new_tokens=12))
    whole, short, cut = _ask(
        api, question, {"max_tokens": 12}, {"max_tokens": 3}, {"max_tokens": 12, "stop_seqs": [long.text[4]]}
    )
    assert (whole.completion, whole.usage.output_tokens) == (long.text, long.tokens)
    assert long.text.startswith(short.completion)
    assert short.usage.output_tokens == 3
    assert short.stop_reason == "max_tokens"
    assert cut.completion == long.text[: long.text.index(long.text[4])]
    assert cut.stop_reason == "stop"
    drawn = {"max_tokens": 12, "temperature": 1.0, "top_p": 0.95}
    free = [output.completion for output in _ask(api, question, drawn, drawn)]
    assert free[0] != free[1]
    seeded = [output.completion for output in _ask(api, question, *({**drawn, "seed": seed} for seed in (1, 1, 2)))]
    assert seeded[0] == seeded[1] != seeded[2]


def test_what_cannot_be_honoured_is_refused_in_one_sentence(models, steering_file):
    with pytest.raises(PrerequisiteError) as error:
        _api(models, "tiny", steering=str(steering_file("smollm2-135m")))
    assert "was fitted on another model; name that one, or give force=true." in error.value.message
    api = _api(models, "tiny")
    for setting in ({"num_choices": 2}, {"logprobs": True}, {"top_k": 5}, {"frequency_penalty": 0.5}):
        with pytest.raises(UserError, match=f"cannot honour '{next(iter(setting))}'"):
            check_settings([], GenerateConfig(**setting))
    check_settings([], GenerateConfig(num_choices=1, logprobs=False, max_connections=3, timeout=5))
    with pytest.raises(UserError, match="has no tools, and the task gives it 'search'"):
        check_settings([ToolInfo(name="search", description="Searches.")], GenerateConfig())
    with pytest.raises(UserError, match="reads text only, and a message of the user has more"):
        prompt_of(api.steered, [ChatMessageUser(content=[ContentImage(image="data:image/png;base64,")])])
    with pytest.raises(UserError, match="a message is a tool's answer"):
        prompt_of(api.steered, [ChatMessageTool(content="4")])


def test_a_sample_whose_steering_overflows_is_an_error_and_the_rest_goes_on(evaluate, models, steering_file, tmp_path):
    steering, provenance = load_steering(steering_file("tiny"))
    (edit,) = steering.edits
    far = replace(edit, vector=np.full_like(edit.vector, 1e38), positions=Positions("decode"), strength=1.0)
    file = tmp_path / "far.safetensors"
    Steering((far,)).save(file, provenance)
    log = evaluate("tiny", steering=str(file), strength=1000, config={"fail_on_error": False, "limit": 2})
    assert log.status == "success"
    assert all("The steering overflowed" in sample.error.message for sample in log.samples)


def _ask(api: Any, messages: list[Any], *settings: dict[str, Any]) -> list[Any]:
    async def run() -> list[Any]:
        return [await api.generate(messages, [], "none", GenerateConfig(**one)) for one in settings]

    return anyio.run(run)


def _from_cache(log: Any) -> bool:
    events = [event for sample in log.samples for event in sample.events if event.event == "model"]
    return bool(events) and all(event.cache == "read" for event in events)
