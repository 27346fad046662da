"""The server's answers against the engine on transformers, over HTTP, by the `openai` client."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import httpx
import pytest
from openai import AuthenticationError, BadRequestError

from steerbench.contracts import Prompt, Request, Sampling
from steerbench.contracts.steering import UNSTEERED, PromptChange, Steering
from steerbench.engines.fitted_on import model_digest
from steerbench.engines.vllm.serving.middleware import LARGEST
from tests.engines import situations
from tests.engines.vllm.serving import served

pytestmark = pytest.mark.vllm

TOKENS = 8
SAMPLING = Sampling(max_new_tokens=TOKENS)
ROWS = 4
"""Fewer than the pairs of a steering and a strength that are asked for at once."""

SITUATIONS = {
    "pas/extraversion+": "heads everywhere",
    "front": "residual, one row for each of 3",
    "neurons": "neurons",
    "late": "neurons in decode",
}
SECRET = "a-key"


@pytest.fixture(scope="module")
def hf(hf_of):
    return hf_of("llama")


@pytest.fixture(scope="module")
def steerings(hf):
    """By the name that a user asks by."""
    found = situations.steerings(hf)
    words = PromptChange("You like parties.")
    told = {"talk": Steering((situations.add(hf, "resid", 1),), words), "words": Steering((), words)}
    return {name: found[key] for name, key in SITUATIONS.items()} | told


@pytest.fixture(scope="module")
def server(hf, steerings, folder_of, tmp_path_factory):
    folder = tmp_path_factory.mktemp("steerings")
    (folder / "pas").mkdir()
    for name, steering in steerings.items():
        file = folder / f"{name.replace('+', '%2B')}.safetensors"
        steering.save(file, {"method": "pas", "target": "extraversion+", "model": model_digest(hf)})
    options = ("--rows", ROWS, "--kv-cache-memory-bytes", 10**8, "--api-key", SECRET, "--", "--max-num-seqs", 16)
    with served(str(folder_of("llama")), folder, folder.parent / "log", *options) as running:
        yield running


def chat(server, hf, said: str, stream: bool = False, **extra: Any) -> str:
    return text(hf, stream, server.client().chat.completions, extra, messages=[{"role": "user", "content": said}])


def complete(server, hf, said: str, stream: bool = False, **extra: Any) -> str:
    return text(hf, stream, server.client().completions, extra, prompt=said)


def text(hf, stream: bool, asker: Any, extra: dict[str, Any], **what: Any) -> str:
    """The answer, from its tokens: pieces of a tiny model's text are not always text."""
    how = {"model": hf.loaded.text.spec, "max_tokens": TOKENS, "temperature": 0.0, "stream": stream}
    found = asker.create(**how, **what, extra_body={"return_token_ids": True, **extra})
    choices = [choice for chunk in (found if stream else [found]) for choice in chunk.choices]
    return decoded(hf, [token for choice in choices for token in getattr(choice, "token_ids", None) or ()])


def decoded(hf, tokens: list[int]) -> str:
    return hf.loaded.text.tokenizer.decode(tokens, skip_special_tokens=True)


def expected(hf, prompts: list[Prompt], steerings: list[Steering]) -> list[str]:
    requests = [Request(prompt, steering) for prompt, steering in zip(prompts, steerings, strict=True)]
    return [completion.text for completion in hf.generate(requests, SAMPLING)]


def test_many_at_once_each_answer_as_the_other_engine_does_under_the_same_steering(server, hf, steerings):
    pairs = [(name, strength) for name, strength in product(SITUATIONS, (1.0, -0.7, 2.0))] + [(None, 1.0)]
    asked = [(*pair, ask, stream) for pair in pairs for ask in (chat, complete) for stream in (False, True)]

    def one(name, strength, ask, stream):
        extra = {} if name is None else {"steering": name} | ({} if strength == 1.0 else {"strength": strength})
        return ask(server, hf, "Is it a party? I often", stream, **extra)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda each: one(*each), asked))
    said = "Is it a party? I often"
    prompts = [Prompt((("user", said),)) if ask is chat else Prompt(start=said) for _, _, ask, _ in asked]
    under = [UNSTEERED if name is None else steerings[name].scaled(strength) for name, strength, _, _ in asked]
    assert answers == expected(hf, prompts, under)
    assert len(set(answers)) > len(pairs)  # steerings and strengths tell


def test_strength_0_is_the_plain_model_with_no_words_said_first(server, hf):
    plain = chat(server, hf, "party?")
    assert chat(server, hf, "party?", steering="neurons", strength=0) == plain
    assert chat(server, hf, "party?", steering="talk", strength=0) == plain
    assert chat(server, hf, "party?", steering=None) == plain


@pytest.mark.parametrize("name", ["talk", "words"])
def test_a_steering_that_says_something_first_says_it_in_the_system_message(server, hf, steerings, name):
    (answer,) = expected(
        hf, [Prompt((("system", "You like parties."), ("user", "party?")))], [Steering(steerings[name].edits)]
    )
    assert chat(server, hf, "party?", steering=name) == answer


def test_the_words_of_a_steering_come_before_the_clients_own_system_message(server, hf):
    def ask(messages, **extra):
        answer = server.client().chat.completions.create(
            model=server.model, messages=messages, temperature=0, max_tokens=TOKENS, extra_body=extra
        )
        return answer.choices[0].message.content

    user = {"role": "user", "content": "party?"}
    joined = ask([{"role": "system", "content": "You like parties.\n\nBe brief."}, user])
    assert ask([{"role": "system", "content": "Be brief."}, user], steering="words") == joined


def test_several_answers_and_several_prompts_have_the_same_steering(server, hf, steerings):
    answers = server.client().completions.create(
        model=server.model,
        prompt=["party", "I often"],
        n=2,
        max_tokens=TOKENS,
        temperature=1e-4,  # vLLM draws several only above 0
        extra_body={"steering": "neurons", "strength": 2, "return_token_ids": True},
    )
    texts = [decoded(hf, choice.token_ids) for choice in answers.choices]
    told = expected(hf, [Prompt(start="party"), Prompt(start="I often")], [steerings["neurons"].scaled(2.0)] * 2)
    assert texts == [told[0], told[0], told[1], told[1]]


def test_what_is_cached_under_one_steering_serves_no_other(server, hf, steerings):
    said = "I am the life of the party. " * 20  # many blocks of the cache
    names = ("neurons", None, "pas/extraversion+", "neurons", None)
    answers = [chat(server, hf, said, **({"steering": name} if name else {})) for name in names]
    under = [steerings[name] if name else UNSTEERED for name in names]
    assert answers == expected(hf, [Prompt((("user", said),))] * len(names), under)
    assert chat(server, hf, said, steering="neurons", cache_salt="mine") == answers[0]


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ({"steering": "nobody"}, "is no steering 'nobody'; there are: front, late, neurons, pas/"),
        ({"steering": 3}, "must be a string, the name of a steering"),
        ({"steering": "neurons", "strength": "much"}, "must be a number"),
        ({"steering": "neurons", "strength": True}, "must be a number"),
        ({"steering": "neurons", "strength": 1e9}, "must lie between -1000 and 1000"),
        ({"steering": "neurons", "strength": 10**400}, "must lie between -1000 and 1000"),
        ({"steering": "neurons", "strength": -(10**400)}, "must lie between -1000 and 1000"),
        ({"strength": 1}, "without a steering"),
        ({"steering": "neurons", "use_beam_search": True}, "Beam search does not support steering"),
        ({"vllm_xargs": {"steerbench_steering": "neurons"}}, "not with 'vllm_xargs'"),
    ],
)
def test_what_cannot_be_had_is_an_error_of_the_request(server, hf, extra, sentence):
    for ask in (chat, complete):
        with pytest.raises(BadRequestError) as refused:
            ask(server, hf, "party?", **extra)
        assert sentence in refused.value.body["message"]
        assert refused.value.body["code"] == 400


def test_no_number_is_no_strength_and_what_is_no_json_is_left_to_vllm(server):
    def post(path, content):
        headers = {"content-type": "application/json", "authorization": f"Bearer {SECRET}"}
        return httpx.post(f"{server.address}{path}", content=content, headers=headers)

    refused = post("/v1/completions", b'{"prompt": "a", "steering": "neurons", "strength": NaN}')
    assert refused.status_code == 400
    assert "must lie between" in refused.json()["error"]["message"]
    assert post("/v1/completions", b'{"prompt": ').status_code == 400
    assert post("/v1/completions", b'["steering"]').status_code == 400
    elsewhere = post("/v1/responses", b'{"input": "a", "steering": "neurons"}')
    assert "not at /v1/responses" in elsewhere.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions", "/tokenize", "/v1/nowhere"])
@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        (b"[" * 100_000, 400, "more than 100 levels"),
        (b'{"prompt": ' + b'{"a":' * 900 + b"1" + b"}" * 901, 400, "more than 100 levels"),
        (b'{"prompt": "a", "seed": ' + b"1" * 5000 + b"}", 400, "a number that cannot be read"),
        (b'{"prompt": "' + b"a" * LARGEST + b'"}', 413, "larger than 33,554,432 bytes"),
        (None, 413, "larger than 33,554,432 bytes"),
    ],
    ids=["brackets", "objects", "digits", "large", "chunks without end"],
)
def test_a_body_that_no_request_needs_is_refused_in_a_sentence(server, path, content, code, sentence):
    headers = {"content-type": "application/json", "authorization": f"Bearer {SECRET}"}
    chunks = iter([b" " * 2**20] * 1000)
    refused = httpx.post(f"{server.address}{path}", content=content or chunks, headers=headers, timeout=60)
    assert refused.status_code == code
    assert sentence in refused.json()["error"]["message"]
    assert httpx.get(f"{server.address}/health").status_code == 200


def test_plain_text_has_no_place_for_words_said_first(server, hf):
    with pytest.raises(BadRequestError, match="use /v1/chat/completions"):
        complete(server, hf, "party", steering="talk")


def test_the_steerings_are_listed_to_those_who_have_the_key(server):
    listed = httpx.get(f"{server.address}/v1/steerings", headers={"authorization": f"Bearer {SECRET}"}).json()["data"]
    assert [each["id"] for each in listed] == ["front", "late", "neurons", "pas/extraversion+", "talk", "words"]
    about = {"object": "steering", "target": "extraversion+", "method": "pas"}
    assert listed[2] == {"id": "neurons", **about, "edits": ["boost", "cap"], "prompt": False}
    assert listed[5] == {"id": "words", **about, "edits": [], "prompt": True}
    assert httpx.get(f"{server.address}/v1/steerings").status_code == 401
    with pytest.raises(AuthenticationError):
        server.client().copy(api_key="another").completions.create(
            model=server.model, prompt="a", extra_body={"steering": "nobody"}
        )
