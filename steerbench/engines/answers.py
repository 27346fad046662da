"""Generated tokens as an answer, the same for every engine."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from steerbench.contracts import Completion
from steerbench.contracts.thoughts import MARKS, spoken

_MARKS = frozenset(mark for pair in MARKS for mark in pair)


def decoded(tokenizer: Any, tokens: Sequence[int]) -> str:
    """Generated tokens as the text that goes on after their prompt, without special tokens.

    Decoders of the SentencePiece kind drop the blank that a text starts with, so there is always something before it.
    Marks of thoughts stay, whether or not the tokenizer calls them special.
    """
    marks = {n: one.content for n, one in tokenizer.added_tokens_decoder.items() if one.content in _MARKS}
    text, part = "", list[int]()
    for token in tokens:
        if token in marks:
            text, part = text + _continued(tokenizer, part) + marks[token], []
        else:
            part.append(token)
    return text + _continued(tokenizer, part)


def divided(completion: Completion, opened: bool) -> Completion:
    """A completion with what was thought aloud apart from its text; `opened` if its prompt left thoughts open.

    One that never left its thoughts ends as `thinking`, unless it overflowed.
    """
    told = spoken(completion.text, opened)
    finish = completion.finish if told.finished or completion.overflowed else "thinking"
    return replace(completion, text=told.answer, thoughts=told.thoughts, finish=finish)


def _continued(tokenizer: Any, tokens: Sequence[int]) -> str:
    before = tokenizer("x", add_special_tokens=False)["input_ids"]
    how = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
    whole: str = tokenizer.decode([*before, *tokens], **how)
    return whole.removeprefix(tokenizer.decode(before, **how))
