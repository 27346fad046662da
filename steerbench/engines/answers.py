"""Turns generated tokens into an answer, in the same way for every engine."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from steerbench.contracts import Completion
from steerbench.contracts.thoughts import MARKS, spoken

_MARKS = frozenset(mark for pair in MARKS for mark in pair)


def decoded(tokenizer: Any, tokens: Sequence[int]) -> str:
    """Decode generated tokens as the continuation of their prompt, without special tokens.

    SentencePiece decoders drop a blank at the start of a text, so another token is decoded before it. Thinking tags are
    kept even if the tokenizer treats them as special tokens.
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
    """Separate the thinking part of a completion from its text; `opened` if the prompt ends inside a thinking part.

    A completion that never ends its thinking part gets the finish reason `thinking`, unless it overflowed.
    """
    told = spoken(completion.text, opened)
    finish = completion.finish if told.finished or completion.overflowed else "thinking"
    return replace(completion, text=told.answer, thoughts=told.thoughts, finish=finish)


def _continued(tokenizer: Any, tokens: Sequence[int]) -> str:
    before = tokenizer("x", add_special_tokens=False)["input_ids"]
    how = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
    whole: str = tokenizer.decode([*before, *tokens], **how)
    return whole.removeprefix(tokenizer.decode(before, **how))
