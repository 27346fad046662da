"""Reads the answer that generated text states, normalised; or none, and why.

Text is read in one of two stages.

`answer`: the text after a prompt that ends like "So the answer is" (the second stage of Kojima et al. 2022). The
**first**
    statement counts, as there, because a model that has answered often goes on with something else. It has to be in the
    first sentence that does not only ask or deny. If that sentence calculates ("3 + 4 = 7"), its result counts.
`chain`: one chain of thought. The **last** readable one of these counts: "#### 72", "\\boxed{72}", "the answer is
    72", "Answer: 72". Of several numbers after one mark the first counts (as in the examples of Kojima et al. and Wei
    et al. 2022). Without a mark the closing sentence counts, if the model ended its text itself and the sentence states
    only one answer. Text after a new question that the model made up is not read.

In both, a correction ("5. No, wait: 6") replaces what it corrects, and thoughts are not read. Text that states nothing,
states two things at once, or could mean two numbers has no answer. Nothing is guessed: `reason` says what was found.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from steerbench.contracts.thoughts import UNFINISHED, spoken
from steerbench.toolkit.reading.choices import opening_of, read_choice, read_letter
from steerbench.toolkit.reading.plain_text import plain
from steerbench.toolkit.reading.readings import Reading, none
from steerbench.toolkit.reading.sentences import first_sentence, last_sentence
from steerbench.toolkit.reading.statements import corrected, stated
from tasks.reasoning.numbers_in_text import read_number
from tasks.reasoning.problems import Kind
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


def extract(
    text: str, kind: Kind, choices: Sequence[str] = (), stage: Stage = "answer", finished: bool = True
) -> Reading:
    """The answer that a text states.

    `choices` are the problem's choices in order, for the kinds with letters. A text that was cut off at the token limit
    is not `finished`; its incomplete last sentence does not count as a closing sentence.
    """
    said = spoken(text)
    if not said.finished:
        return none(UNFINISHED)
    asked = _without_entry_numbers(_NEW_QUESTION.split(plain(said.answer), maxsplit=1)[0].strip())
    if not asked:
        return none("the text is empty")
    reader = _Reader(kind, choices)
    return reader.of_an_answer(asked) if stage == "answer" else reader.of_a_chain(asked, finished)


def _without_entry_numbers(text: str) -> str:
    """The text without the numbers of a numbered list; other text unchanged."""
    entries = [match["number"] for match in _ENTRY.finditer(text)]
    return _ENTRY.sub("", text) if entries[:2] == ["1", "2"] else text


@dataclass(frozen=True)
class _Reader:
    """Reads texts for the answer to one problem."""

    kind: Kind
    choices: Sequence[str]

    def of_an_answer(self, text: str) -> Reading:
        return stated(text, self._in_an_opening, self._opening, self._longest)

    def of_a_chain(self, text: str, finished: bool) -> Reading:
        failed = None
        for said, rest in reversed(list(_marked(text))):
            reading = stated(said, self._sentence, self._opening, self._longest)
            if reading.answer is not None:
                return corrected(reading, rest, self._sentence, self._opening, self._longest)
            failed = failed or reading
        if failed is not None:
            return failed
        return (
            self._sentence(last_sentence(text), True) if finished else none("the text was cut off and marks no answer")
        )

    def _sentence(self, sentence: str, closing: bool = False) -> Reading:
        """What a sentence states; `closing` if it ends a text and no mark points to it."""
        if self.kind == "number":
            return read_number(sentence, closing)
        if self.kind == "yes-no":
            return read_yes_no(sentence)
        return (read_letter if self.kind == "letter" else read_choice)(self.choices, sentence, closing)

    def _in_an_opening(self, opening: str) -> Reading:
        """What the first readable mark in the text points to, or what the text itself states."""
        for said, _ in _marked(opening):
            if (reading := self._sentence(said)).answer is not None:
                return reading
        return self._sentence(opening)

    def _opening(self, text: str) -> str:
        return opening_of(self.choices, text) if self.choices else first_sentence(text)

    @property
    def _longest(self) -> int:
        """Number of words of the longest answer; 0 for yes and no, where "no" is not a correction."""
        return 0 if self.kind == "yes-no" else max((len(choice.split()) for choice in self.choices), default=1)


def _marked(text: str) -> Iterator[tuple[str, str]]:
    """The text after each mark of an answer, up to the end of its braces, line or sentence; and the rest."""
    found = [(match.start(), match.end(), _braced(text, match.end())) for match in _BOXED.finditer(text)]
    found += [(match.start(), match.start("said"), match["said"]) for match in _RESULT.finditer(text)]
    # The text after one "the answer is" ends at the next.
    answers = list(_ANSWER.finditer(text))
    ends = [*(match.start() for match in answers), len(text)][1:]
    for match, end in zip(answers, ends, strict=True):
        found.append((match.start(), match.end(), first_sentence(text[match.end() : end])))
    return ((said, text[start + len(said) :]) for _, start, said in sorted(found) if said.strip(" .*_"))


def _braced(text: str, start: int) -> str:
    depth = 1
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return text[start:place]
    return ""
