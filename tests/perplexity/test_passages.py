"""Passages: what is shipped, how a text is cut in two, and the problems of GSM8K as passages."""

import re

import pytest

from steerbench.errors import UserError
from tasks.perplexity.passages import digest, divided, load


def test_the_sample_has_48_passages_of_40_to_70_words_in_nobodys_voice() -> None:
    passages = load("sample")
    texts = [passage.opening + passage.rest for passage in passages]
    assert len(passages) == len({passage.id for passage in passages}) == len(set(texts)) == 48
    assert all(40 <= len(text.split()) <= 70 for text in texts)
    assert not [text for text in texts if re.search(r"\b(I|me|my|mine|we|us|our|ours)\b", text)]
    assert not [text for text in texts if re.search(r"\s\s|^\s|\s$", text)]


def test_a_text_is_cut_behind_its_eighth_word_and_loses_nothing() -> None:
    text = "One two three four five six seven eight, nine\nten"
    passage = divided("p", text)
    assert (passage.opening, passage.rest) == ("One two three four five six seven eight,", " nine\nten")
    assert (passage.characters, passage.words) == (9, 2)
    assert passage.opening + passage.rest == text


def test_characters_are_code_points_and_not_bytes() -> None:
    assert divided("p", "a b c d e f g h Größe").characters == 6


@pytest.mark.parametrize("text", ["", "only three words", "one two three four five six seven eight"])
def test_a_text_with_nothing_behind_its_opening_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="The passage p7 needs more than 8 words"):
        divided("p7", text)


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    for function in (load, digest):
        with pytest.raises(UserError, match=r"sampel.*sample"):
            function("sampel")


@pytest.mark.real_data
def test_problems_are_passages_with_their_worked_answer_but_without_calculator_marks() -> None:
    passages = load("gsm8k")
    assert len(passages) == 1319
    first = passages[0].opening + passages[0].rest
    assert "ducks lay 16 eggs per day. She eats" in first
    assert "eggs a day.\nShe makes 9 * 2 = $18 every day" in first
    assert passages[0].opening.endswith(" ducks lay 16 eggs per day. She")
    assert not [p.id for p in passages if "<<" in p.rest or "####" in p.rest or not p.rest[0].isspace()]
    assert digest("gsm8k") != digest("sample")
