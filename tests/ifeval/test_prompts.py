"""The published prompts, their known oddities, and lines that are no prompt."""

import json
from pathlib import Path
from typing import Any

import pytest

from steerbench.errors import UserError
from tasks.ifeval.checks import InstructionVerdict, check
from tasks.ifeval.prompts import InstructedPrompt, published, read

ROW: dict[str, Any] = {
    "key": 7,
    "prompt": "Say it without commas.",
    "instruction_id_list": ["punctuation:no_comma"],
    "kwargs": [{}],
}
FREQUENCY = {"keyword": "war", "relation": "at least", "frequency": 2}


def written(folder: Path, *rows: object) -> Path:
    path = folder / "set" / "prompts.jsonl"
    path.parent.mkdir()
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


@pytest.fixture(scope="module")
def by_id() -> dict[str, InstructedPrompt]:
    return {prompt.id: prompt for prompt in published()}


@pytest.mark.real_data
def test_the_published_file_holds_541_prompts_with_834_instructions_of_25_kinds(
    by_id: dict[str, InstructedPrompt],
) -> None:
    kinds = [instruction.kind for prompt in by_id.values() for instruction in prompt.instructions]
    assert (len(by_id), len(kinds), len(set(kinds))) == (541, 834, 25)
    twice = [p for p in by_id.values() if len({i.kind for i in p.instructions}) < len(p.instructions)]
    assert len(twice) == 17
    assert all(prompt.text == prompt.text.strip() for prompt in by_id.values())


@pytest.mark.real_data
def test_a_kind_that_stands_twice_is_checked_with_the_arguments_of_each(by_id: dict[str, InstructedPrompt]) -> None:
    prompt = by_id["1203"]  # "war" at least 8 times, "peace" at least 10 times
    assert check(prompt.instructions, prompt.text, "war " * 8) == [
        InstructionVerdict(True, True),
        InstructionVerdict(False, False),
    ]
    assert check(prompt.instructions, prompt.text, "peace " * 10) == [
        InstructionVerdict(False, False),
        InstructionVerdict(True, True),
    ]


@pytest.mark.real_data
def test_number_signs_and_exclamation_marks_are_counted_as_asked(by_id: dict[str, InstructedPrompt]) -> None:
    tweet, pitch = by_id["1122"], by_id["1129"]
    for _ in range(20):
        assert check(tweet.instructions, "", "eat more soup #a #b #c #d and stay warm today")[1] == InstructionVerdict(
            True, True
        )
        assert check(tweet.instructions, "", "eat more tttt soup #a #b #c")[1] == InstructionVerdict(False, False)
        assert check(pitch.instructions, "", "Cool! " * 6)[0] == InstructionVerdict(True, True)
        assert check(pitch.instructions, "", "Cool! " * 5)[0] == InstructionVerdict(False, False)


@pytest.mark.real_data
def test_the_prompt_that_asks_for_at_least_six_and_checks_for_fewer_stays_as_published(
    by_id: dict[str, InstructedPrompt],
) -> None:
    prompt = by_id["1174"]
    assert "at least 6 times" in prompt.text
    assert prompt.instructions[0].arguments == {"letter": "o", "let_relation": "less than", "let_frequency": 6}


def test_arguments_that_are_null_count_as_not_there(tmp_path: Path) -> None:
    (prompt,) = read(written(tmp_path, ROW | {"kwargs": [{"num_words": None}], "prompt": " Say it. \n"}))
    assert prompt.instructions[0].arguments == {}
    assert prompt.text == "Say it."


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (ROW, "the key 7 is in an earlier line too"),
        ({**ROW, "key": "8"}, "the field 'key' is not a whole number"),
        ({**ROW, "key": 8, "prompt": " "}, "the field 'prompt' is missing or empty"),
        ({**ROW, "key": 8, "instruction_id_list": []}, "'instruction_id_list' is not a list of instructions"),
        ({**ROW, "key": 8, "instruction_id_list": "no_comma"}, "'instruction_id_list' is not a list of instructions"),
        ({**ROW, "key": 8, "instruction_id_list": [["no"]]}, "'instruction_id_list' is not a list of instructions"),
        ({**ROW, "key": 8, "kwargs": None}, "the field 'kwargs' is not a list of arguments"),
        ({**ROW, "key": 8, "kwargs": [None]}, "the field 'kwargs' is not a list of arguments"),
        ({**ROW, "key": 8, "kwargs": [{}, {}]}, "there are 1 instructions, but arguments for 2"),
        ({**ROW, "key": 8, "instruction_id_list": ["no_comma"]}, "'no_comma' is not one of IFEval's 25"),
        ({**ROW, "key": 8, "kwargs": [FREQUENCY]}, "are not those of 'punctuation:no_comma'"),
        ({**ROW, "key": 8, "instruction_id_list": ["keywords:frequency"]}, r"the arguments {} are not those of"),
        ("[1]", "the row is not an object"),
        ("{'key'", "is not valid JSON"),
    ],
)
def test_a_line_that_is_no_prompt_is_named_with_what_to_do(tmp_path: Path, row: object, complaint: str) -> None:
    with pytest.raises(UserError, match=rf"set/prompts.jsonl line 3:? .*{complaint}.*(leave it out|fetch the pub)"):
        read(written(tmp_path, ROW, "", row))
