"""How an answer is asked of a model and read: by an option's text, by its letter, or in free text.

All wordings are this project's own. `generate` is asked in the published form, a chat in which the answer's first word
is given; shown answers have a line each here, and all share one there. `label` and `letter` are not published.
`contextual` is `label` with what an option is worth after no statement taken out: after an empty list a model says one
option to everything, and what it would rather say to one statement than to another stands beneath that.
In which words, and with the options in which order, are a readout's `frame` and `order` (`tasks.papi.forms`).
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple, Protocol

from steerbench.contracts import Choice, Completion, Outcome, Prompt, Request
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.contracts.targets import LABELS, Item
from steerbench.contracts.thoughts import UNFINISHED, spoken
from steerbench.toolkit.reading.choices import opening_of, read_choice
from steerbench.toolkit.reading.plain_text import plain
from steerbench.toolkit.reading.statements import stated
from steerbench.toolkit.statement_list import HEADING, NEUTRAL, entries, list_prompt, option


class ReadoutFrame(NamedTuple):
    """The words around a statement: those over a list, and those of a chat."""

    heading: str
    system: str
    known: str
    question: str


FRAME = ReadoutFrame(
    heading=HEADING,
    system="You answer questions about yourself, truthfully and briefly.",
    known="This is how accurately each of these statements describes you.",
    question="How accurately does this statement describe you?\n{statement}\n{options}",
)
LETTERS = "ABCDE"
ORDER = (5, 4, 3, 2, 1)
"""The ticks of the options, from the first letter on."""
LONGEST = max(len(label.split()) for label in LABELS.values())
"""Words of the longest option."""

Reading = tuple[float | None, float | None]
"""The tick the model gave and the one expected under its probabilities; None if it cannot be read.

An answer that overflowed cannot, even if a letter was said before.
"""


class Readout(Protocol):
    """Asks one item under a prompt change; `options` are empty where free text is read."""

    options: tuple[str, ...]
    neutral: tuple[Item, ...]
    """What stands for no statement at all, where what options are worth after it is taken out."""

    def prompt(self, item: Item, change: PromptChange) -> Prompt: ...

    def read(self, outcome: Choice | Completion) -> Reading: ...


class LabelReadout:
    """The likelihood of each option's text as the next entry of a list of answered statements.

    The list is plain text (`steerbench.toolkit.statement_list`), the same for a method that shows no answers.
    """

    options = tuple(map(option, sorted(LABELS)))

    def __init__(self, frame: ReadoutFrame = FRAME, neutral: tuple[Item, ...] = ()) -> None:
        self._heading, self.neutral = frame.heading, neutral

    def prompt(self, item: Item, change: PromptChange) -> Prompt:
        return list_prompt(item, change, self._heading)

    def read(self, outcome: Choice | Completion) -> Reading:
        assert isinstance(outcome, Choice)
        return _read_choice(outcome, sorted(LABELS))


class LetterReadout:
    """The likelihood of each option's letter after "Option (", in a chat."""

    options = tuple(LETTERS)
    neutral: tuple[Item, ...] = ()

    def __init__(self, frame: ReadoutFrame = FRAME, order: Sequence[int] = ORDER) -> None:
        self._frame, self._order = frame, order

    def prompt(self, item: Item, change: PromptChange) -> Prompt:
        return _chat(item, change, "Option (", self._frame, self._order)

    def read(self, outcome: Choice | Completion) -> Reading:
        assert isinstance(outcome, Choice)
        return _read_choice(outcome, self._order)


class TextReadout:
    """The letter found in greedy text that starts with "Option", in a chat.

    `parser="careful"` takes the one option that is stated, by its letter or its text (`toolkit.reading.choices`).
    "published" takes any letter a to e before something that is no letter, in the first twelve characters, as the
    published code does: it sees letters at the ends of words too. Here the twelve are "Option" and six more; the
    published code counts from the end of the question's turn, so that the line breaks or the blank a chat template puts
    before the answer are among them (with Llama 3 two, and four characters after "Option" are left). Neither reads what
    was thought aloud.
    """

    options: tuple[str, ...] = ()
    neutral: tuple[Item, ...] = ()
    start = "Option"

    def __init__(
        self,
        parser: Literal["careful", "published"] = "careful",
        frame: ReadoutFrame = FRAME,
        order: Sequence[int] = ORDER,
    ) -> None:
        self.parser, self._frame, self._order = parser, frame, order

    def prompt(self, item: Item, change: PromptChange) -> Prompt:
        return _chat(item, change, self.start, self._frame, self._order)

    def read(self, outcome: Choice | Completion) -> Reading:
        assert isinstance(outcome, Completion)
        said = spoken(outcome.text)
        if not outcome.answered or not said.finished:
            return None, None
        letter = _published(self.start + said.answer) if self.parser == "published" else self._careful(said.answer)
        tick = None if letter is None else float(self._order[LETTERS.index(letter)])
        return tick, tick

    def _careful(self, text: str) -> str | None:
        labels = [LABELS[tick] for tick in self._order]
        return stated(plain(text), partial(read_choice, labels), partial(opening_of, labels), LONGEST).answer


READOUTS: dict[str, Callable[..., Readout]] = {
    "label": LabelReadout,
    "contextual": partial(LabelReadout, neutral=NEUTRAL),
    "letter": LetterReadout,
    "generate": TextReadout,
}


def asked_by(readout: Readout, item: Item, steering: Steering) -> Request:
    """The request that asks an item by a readout, with the neutral prompts that it takes out."""
    prompt, *neutral = (readout.prompt(one, steering.prompt) for one in (item, *readout.neutral))
    return Request(prompt, steering, readout.options, tuple(neutral))


def why_unread(outcome: Outcome | float) -> str:
    thinking = isinstance(outcome, Completion) and (outcome.finish == "thinking" or not spoken(outcome.text).finished)
    return UNFINISHED if thinking else "no option could be read from the answer"


def _chat(item: Item, change: PromptChange, start: str, frame: ReadoutFrame, order: Sequence[int]) -> Prompt:
    """A system message from the prompt change, the statement with its lettered options, and the answer's start."""
    parts = [change.system] if change.system else []
    if change.shown:
        parts.append("\n".join([frame.known, *entries(change.shown)]))
    options = "\n".join(f"({letter}) {LABELS[tick]}" for letter, tick in zip(LETTERS, order, strict=True))
    question = frame.question.format(statement=item.second_person, options=options)
    return Prompt((("system", "\n\n".join(parts) or frame.system), ("user", question)), start)


def _read_choice(choice: Choice, ticks: Sequence[int]) -> Reading:
    if choice.overflowed:
        return None, None
    probabilities = choice.probabilities()
    return float(ticks[int(probabilities.argmax())]), float(probabilities @ ticks)


def _published(text: str) -> str | None:
    found = re.search(r"[a-e](?![a-z]).", text[:12], re.IGNORECASE | re.DOTALL)
    return found[0][0].upper() if found else None
