"""What was thought is kept apart from what was answered."""

import pytest

from steerbench.contracts.thoughts import Spoken, left_open, spoken


@pytest.mark.parametrize(
    ("text", "opened", "expected"),
    [
        (" She has 42 apples.\n", False, Spoken("", " She has 42 apples.\n")),
        ("<think>\nIs it 41?\n</think>\n\nShe has 42.", False, Spoken("Is it 41?", "She has 42.")),
        ("Is it 41?\n</think>\n\nShe has 42.", True, Spoken("Is it 41?", "She has 42.")),
        ("Is it 41? Wait.</think> She has 42.", False, Spoken("Is it 41? Wait.", "She has 42.")),
        ("[THINK]41?[/THINK]42", False, Spoken("41?", "42")),
        ("<Think>41?</Think>42", False, Spoken("41?", "42")),
        ("<think>a</think>41 or<think>b</think> 42", False, Spoken("a41 orb", "42")),
        ("The answer is 41.<think>Or not", False, Spoken("The answer is 41.Or not", "", finished=False)),
        ("Is it 5? No", True, Spoken("Is it 5? No", "", finished=False)),
        ("<think></think>", False, Spoken("", "")),
        ("I think 2 < 3 > 1.", False, Spoken("", "I think 2 < 3 > 1.")),
    ],
)
def test_a_text_is_divided_into_its_thoughts_and_its_answer(text: str, opened: bool, expected: Spoken) -> None:
    assert spoken(text, opened) == expected


def test_a_prompt_that_closes_the_thoughts_it_opens_leaves_none_open() -> None:
    assert left_open("<|user|>Hi</s><|assistant|><think>\n")
    assert not left_open("<|user|>Hi</s><|assistant|><think>\n\n</think>\n\n")
    assert not left_open("<|user|>Hi</s><|assistant|>")
