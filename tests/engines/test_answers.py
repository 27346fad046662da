"""Generated tokens as text: the blank they go on with is kept, and thoughts are kept apart."""

from pathlib import Path
from typing import Any

import pytest

from steerbench.contracts import Completion, Prompt, Request, Sampling
from steerbench.engines.answers import decoded, divided
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.testing.tiny_models import TEMPLATE, Kind, sentencepiece_like, tiny_model, tiny_tokenizer

THINKS = TEMPLATE.replace("<|assistant|>{%", "<|assistant|><think>\n{%")
QUESTION = (("user", "party?"),)


@pytest.mark.parametrize("kind", ["bytes", "metaspace", "prepend"])
@pytest.mark.parametrize(("before", "after"), [("I am the life", " of the party."), ("I am", " é!"), ("I", "! 東")])
def test_what_goes_on_after_a_prompt_is_decoded_as_it_goes_on(kind: Kind, before: str, after: str) -> None:
    tokenizer = tiny_tokenizer() if kind == "bytes" else sentencepiece_like(kind)
    given = tokenizer(before, add_special_tokens=False)["input_ids"]
    whole = tokenizer(before + after, add_special_tokens=False)["input_ids"]
    assert whole[: len(given)] == given
    assert decoded(tokenizer, [*whole[len(given) :], tokenizer.eos_token_id]) == after


def test_marks_of_thoughts_that_are_special_tokens_are_not_lost() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["[THINK]", "[/THINK]"]})
    ids = tokenizer("[THINK]stressed[/THINK] I am</s>", add_special_tokens=False)["input_ids"]
    assert decoded(tokenizer, ids) == "[THINK]stressed[/THINK] I am"


@pytest.mark.parametrize(
    ("text", "finish", "opened", "expected"),
    [
        (" I am", "stop", False, (" I am", "", "stop")),
        ("Hm.</think>\n\nI am", "stop", True, ("I am", "Hm.", "stop")),
        ("<think>Hm.</think> I am", "length", False, ("I am", "Hm.", "length")),
        ("I am. Or", "length", True, ("", "I am. Or", "thinking")),
        ("<think>I am", "stop", False, ("", "I am", "thinking")),
        ("<think>I am", "overflow", False, ("", "I am", "overflow")),
    ],
)
def test_an_answer_is_what_comes_after_its_thoughts(text: str, finish: Any, opened: bool, expected: Any) -> None:
    told = divided(Completion(text, 9, finish), opened)
    assert (told.text, told.thoughts, told.finish) == expected
    assert told.tokens == 9


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> HFEngine:
    folder = tiny_model(tmp_path_factory.mktemp("thinks"), chat_template=THINKS)
    return HFEngine.load(str(folder), dtype="float32", device="cpu")


def test_free_text_of_a_model_that_is_made_to_think_starts_inside_its_thoughts(thinker: HFEngine) -> None:
    [said] = thinker.generate([Request(Prompt(QUESTION))], Sampling(max_new_tokens=6))
    assert (said.text, said.finish) == ("", "thinking")
    plain = Prompt(start=thinker.loaded.render(QUESTION).replace("\n\n</think>\n\n", "\n"))
    assert plain.start.endswith("<think>\n")
    thoughts = decoded(thinker.loaded.tokenizer, _greedy(thinker, plain.start, 6))
    assert said.thoughts == thoughts.strip()


def test_an_answer_whose_start_is_given_comes_after_thoughts_that_are_closed(thinker: HFEngine) -> None:
    ids = thinker.tokenize(Prompt(QUESTION, "Option ("))
    assert thinker.loaded.tokenizer.decode(ids).endswith("<|assistant|><think>\n\n</think>\n\nOption (")
    assert "closed empty" in thinker.identity()["thoughts"]


def test_a_model_that_names_no_end_is_refused_when_it_is_to_speak(tmp_path: Path) -> None:
    words = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
    folder = tiny_model(tmp_path / "m", chat_template=words, eos_token_id=None)
    tokenizer = tiny_tokenizer(words)
    tokenizer.eos_token = None
    tokenizer.save_pretrained(folder)
    engine = HFEngine.load(str(folder), dtype="float32", device="cpu")
    with pytest.raises(UserError, match="Nothing says which token ends an answer of the model"):
        engine.generate([Request(Prompt(QUESTION))], Sampling(max_new_tokens=2))
    assert len(engine.choose([Request(Prompt(QUESTION), options=("a", "b"))])[0].logprobs) == 2


def test_a_turn_ends_with_the_token_that_closes_it_in_the_template(tmp_path: Path) -> None:
    closed_by = TEMPLATE.replace("</s>", "<|system|>")
    engine = HFEngine.load(str(tiny_model(tmp_path, chat_template=closed_by)), dtype="float32", device="cpu")
    assert engine.tokens.stops == [2, 3]


def test_a_turn_that_nothing_closes_ends_with_what_opens_the_next(tmp_path: Path) -> None:
    open_ended = TEMPLATE.replace("</s>", "")
    engine = HFEngine.load(str(tiny_model(tmp_path, chat_template=open_ended)), dtype="float32", device="cpu")
    assert engine.tokens.stops == [2, 4]


def _greedy(engine: HFEngine, text: str, count: int) -> list[int]:
    import torch

    one = engine.loaded
    ids = list(one.tokenizer(text, add_special_tokens=False)["input_ids"])
    start = len(ids)
    with torch.no_grad():
        for _ in range(count):
            ids.append(int(one.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[start:]
