"""Separates what a reasoning model thought from what it answered; the only place that decides which is which.

Reasoning models write their thoughts between two marks. A chat template may write the opening mark, so that a text has
only the closing one. Drafts inside thoughts are not answers. A text that ends inside its thoughts has no answer.
"""

import re
from dataclasses import dataclass

MARKS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
)
"""Opening and closing marks: DeepSeek-R1, Qwen 3, SmolLM 3 and Granite; fine-tunes; Seed; Magistral; Kimi."""

UNFINISHED = "the answer never left its thoughts"
"""`Score.unscored` and `Verdict.unscored` of an answer whose thoughts were not closed."""

_CLOSING = {closing.lower() for _, closing in MARKS}
_MARK = re.compile("|".join(re.escape(mark) for pair in MARKS for mark in pair), re.IGNORECASE)


@dataclass(frozen=True)
class Spoken:
    """A text's two parts. `finished` is False if it ends inside its thoughts, and `answer` is then empty."""

    thoughts: str
    answer: str
    finished: bool = True


def spoken(text: str, opened: bool = False) -> Spoken:
    """Divide what a model wrote; `opened` if its prompt had left thoughts open.

    Without a mark the text is the answer as it stands. All that comes before the last closing mark is thought, since a
    template may have opened it; blank space that parts thoughts from the answer belongs to neither.
    """
    marks = list(_MARK.finditer(text))
    if not marks and not opened:
        return Spoken("", text)
    closed = max((mark.end() for mark in marks if mark[0].lower() in _CLOSING), default=0)
    inside = any(mark.start() >= closed for mark in marks) or (opened and not closed)
    thoughts, answer = (text, "") if inside else (text[:closed], text[closed:])
    return Spoken(_MARK.sub("", thoughts).strip(), answer.strip(), not inside)


def left_open(prompt: str) -> bool:
    """Whether a prompt ends inside thoughts that it opened."""
    return not spoken(prompt).finished


def closed(prompt: str) -> str:
    """A prompt that ends inside thoughts, with these closed: what follows is the answer.

    The blank lines are Qwen 3's, which closes its own thoughts this way when it is asked not to think.
    """
    opening = [mark[0] for mark in _MARK.finditer(prompt)][-1].lower()
    closing = next(closing for mark, closing in MARKS if mark.lower() == opening)
    return prompt.rstrip("\n") + f"\n\n{closing}\n\n"
