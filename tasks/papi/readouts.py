"""How a model is asked for an answer, and how it is read: by an option's text, by its letter, or from free text.

All wordings are this project's own. `generate` has the published form, a chat in which the answer's first word is
given. Here shown answers have a line each; there all are on one. `label` and `letter` are not published. `contextual`
is `label` minus each option's log-likelihood after a statement without content: after an empty list a model gives one
option to everything, and this subtraction shows what differs between statements. A readout's wording and order of
options are its `frame` and `order` (`tasks.papi.forms`).
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
    """The words around a statement, for a list and for a chat."""

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
"""Number of words in the longest option."""

Reading = tuple[float | None, float | None]
"""The answered tick, and the expected tick under the option probabilities; None if unreadable.

An answer that overflowed is unreadable, even if it contains a letter.
"""


class Readout(Protocol):
    """Asks one item under a prompt change. `options` are empty if free text is read."""

    options: tuple[str, ...]
    neutral: tuple[Item, ...]
    """Statements without content, if the options' log-likelihoods after them are subtracted."""

    def prompt(self, item: Item, change: PromptChange) -> Prompt: ...

    def read(self, outcome: Choice | Completion) -> Reading: ...


class LabelReadout:
    """The likelihood of each option's text as the next entry of a list of answered statements.

    The list is plain text (`steerbench.toolkit.statement_list`), in the same form for methods that show no answers.
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
    """The letter in greedy text that starts with "Option", in a chat.

    `parser="careful"` takes the only option that is stated, by its letter or text (`toolkit.reading.choices`).
    "published" takes the first letter a to e before a non-letter within the first twelve characters, like the published
    code, which therefore also finds letters at the ends of words. Here the twelve are "Option" and six more. The
    published code counts from the end of the question's turn, so they include the line breaks or blank of the chat
    template (two with Llama 3, which leaves four characters after "Option"). Neither parser reads thoughts.
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
    """The request for an item with a readout, including its neutral prompts."""
    prompt, *neutral = (readout.prompt(one, steering.prompt) for one in (item, *readout.neutral))
    return Request(prompt, steering, readout.options, tuple(neutral))


def why_unread(outcome: Outcome | float) -> str:
    thinking = isinstance(outcome, Completion) and (outcome.finish == "thinking" or not spoken(outcome.text).finished)
    return UNFINISHED if thinking else "no option could be read from the answer"


def _chat(item: Item, change: PromptChange, start: str, frame: ReadoutFrame, order: Sequence[int]) -> Prompt:
    """A system message from the prompt change, the statement with lettered options, and the start of the answer."""
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
