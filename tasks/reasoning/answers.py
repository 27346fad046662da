"""The answer that generated text states, normalised; or none, and why.

Text is read at one of two stages.

`answer`: what a model wrote after a prompt that ends like "So the answer is" (the second stage of Kojima et al. 2022).
    The **first** statement counts, as there, because a model that has answered often goes on with something else.
    It has to stand in the first sentence. If that sentence calculates ("3 + 4 = 7"), its result counts.
`chain`: one chain of thought. The **last** of these counts that can be read: "#### 72", "\\boxed{72}", "the answer is
    72", "Answer: 72"; of several numbers behind one mark again the first (as Kojima et al. and Wei et al. 2022 do with
    examples). Without a mark the closing sentence counts, if the model ended its text itself and the sentence states
    one answer only. What follows where the model makes up a new question is not read.

Text that states nothing, two things at once, or something that could mean two numbers has no answer. It is not
guessed at: `reason` says what was found.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal

from tasks.reasoning.choices_in_text import read_choice, read_letter
from tasks.reasoning.numbers_in_text import read_number
from tasks.reasoning.plain_text import plain
from tasks.reasoning.problems import Kind
from tasks.reasoning.readings import Reading, none
from tasks.reasoning.yes_no_in_text import read_yes_no

Stage = Literal["answer", "chain"]

_RESULT = re.compile(r"####[ \t]*(?P<said>[^\n]+)")
_BOXED = re.compile(r"\\boxed\s*\{")
_ANSWER = re.compile(
    r"\b(?:answer|correct (?:choice|option|letter)|(?:choice|option) that is correct)\b"
    r"(?:(?!\banswer)[^.!?\n:=]){0,60}?"
    r"(?:\s*[:=]|\b(?:is|was|would be|must be|should be|will be)\b)(?!\s*not\b|\s+n[oe]ither\b)[\s:*_]*",
    re.IGNORECASE,
)
_NEW_QUESTION = re.compile(r"\n\s*(?:Q|Question|Problem|User|Human)\s*\d*\s*:", re.IGNORECASE)
_ENTRY = re.compile(r"^[ \t]*(?P<number>\d{1,2})[.)][ \t]+(?=\S)", re.MULTILINE)
# An initial ("J."), a title or a month ends no sentence, nor does a full stop before a small letter ("80 lbs. of").
_END = re.compile(
    r"(?<!\b[A-Z])(?<!\b(?:Mr|Ms|Dr))(?<!\b(?:Mrs|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Nov|Dec))"
    r"(?:[!?]+[\"')\]*]*(?=\s|$)|\.+[\"')\]*]*(?=\s*(?:\n|$)|\s+[^a-z\s]))|\n"
)


def extract(
    text: str, kind: Kind, choices: Sequence[str] = (), stage: Stage = "answer", finished: bool = True
) -> Reading:
    """The answer that a text states.

    `choices` are those of the problem, in order, for the kinds with letters. A text that was cut off at the limit of
    tokens is not `finished`: the sentence it breaks off in closes nothing.
    """
    read = _reader(kind, choices)
    asked = _without_entry_numbers(_NEW_QUESTION.split(plain(text), maxsplit=1)[0].strip())
    if not asked:
        return none("the text is empty")
    return _answer_stage(asked, read) if stage == "answer" else _chain_stage(asked, read, finished)


def _without_entry_numbers(text: str) -> str:
    """The text of a numbered list without "1." and "2."; any other text as it is."""
    entries = [match["number"] for match in _ENTRY.finditer(text)]
    return _ENTRY.sub("", text) if entries[:2] == ["1", "2"] else text


def _reader(kind: Kind, choices: Sequence[str]) -> Callable[[str, bool], Reading]:
    """Reads a sentence; the flag says that it closes a text and no mark points to it."""
    if kind == "number":
        return read_number
    if kind == "yes-no":
        return lambda sentence, closing: read_yes_no(sentence)
    return partial(read_letter if kind == "letter" else read_choice, choices)


def _answer_stage(text: str, read: Callable[[str, bool], Reading]) -> Reading:
    opening = first_sentence(text)
    for said in _marked(opening):
        if (reading := read(said, False)).answer is not None:
            return reading
    return read(opening, False)


def _chain_stage(text: str, read: Callable[[str, bool], Reading], finished: bool) -> Reading:
    failed = None
    for said in reversed(list(_marked(text))):
        reading = read(said, False)
        if reading.answer is not None:
            return reading
        failed = failed or reading
    if failed is not None:
        return failed
    return read(last_sentence(text), True) if finished else none("the text was cut off and marks no answer")


def first_sentence(text: str) -> str:
    """Up to the first end of a sentence or line; a line that ends in a colon goes on."""
    text = text.strip()
    for end in _END.finditer(text):
        opening = text[: end.start()]
        if opening.strip(" *_:\n") and not opening.rstrip(" *_\n").endswith(":"):
            return opening
    return text


def last_sentence(text: str) -> str:
    """What closes a text: its last sentence, or its last line if that has no full stop."""
    text = text.strip()
    starts = [end.end() for end in _END.finditer(text) if end.end() < len(text)]
    return text[starts[-1] if starts else 0 :].strip()


def _marked(text: str) -> Iterator[str]:
    """What stands behind each mark of an answer, in order: up to the end of its braces, line or sentence."""
    boxes = [(match.start(), _braced(text, match.end())) for match in _BOXED.finditer(text)]
    found = boxes + [(match.start(), match["said"]) for match in _RESULT.finditer(text)]
    # What is said behind one "the answer is" ends at the next.
    answers = list(_ANSWER.finditer(text))
    ends = [*(match.start() for match in answers), len(text)][1:]
    for match, end in zip(answers, ends, strict=True):
        found.append((match.start(), first_sentence(text[match.end() : end])))
    return (said for _, said in sorted(found) if said.strip(" .*_"))


def _braced(text: str, start: int) -> str:
    depth = 1
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return text[start:place]
    return ""
