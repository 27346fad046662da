"""How messages become the text a model reads: its chat template, checked once before anything is run."""

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from steerbench.contracts.thoughts import MARKS, closed, left_open
from steerbench.errors import UserError
from steerbench.models.control_tokens import ControlTokens

Messages = Sequence[tuple[str, str]]

TODAY = datetime.date(2024, 7, 26)
"""The day that templates which write today's date are told, so that a prompt does not depend on when it is asked.

Llama 3's templates write the same one where they know no clock.
"""

_SYSTEM, _QUESTION, _ANSWER, _NEXT = "Speak as yourself.", "What do you enjoy?", "Long walks.", "Since when?"


@dataclass(frozen=True, eq=False)
class ChatTemplate:
    """A jinja template, the tokenizer whose special tokens it names, and the day it is rendered on."""

    tokenizer: Any
    text: str
    today: datetime.date = TODAY

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def controls(self) -> ControlTokens:
        return ControlTokens(self.tokenizer, self.text)

    @cached_property
    def example(self) -> str:
        """A conversation as this template renders it: what a digest of the template cannot show, a date say."""
        told = (("system", _SYSTEM), ("user", _QUESTION))
        try:
            return self.render((*told, ("assistant", _ANSWER), ("user", _NEXT)))
        except UserError:  # It takes one question.
            return self.render(told)

    @cached_property
    def has_system_role(self) -> bool:
        """Whether a system message is rendered; some templates refuse it, others leave it out."""
        try:
            return _SYSTEM in self._apply((("system", _SYSTEM), ("user", _QUESTION)))
        except Exception:  # A template is a program: raise_exception() and any error in it mean no.
            return False

    @cached_property
    def opens_thoughts(self) -> bool:
        """Whether the model is made to think before its answer, although it is asked not to."""
        return self.thoughts_open((("user", _QUESTION),))

    @cached_property
    def end_of_turn(self) -> int | None:
        """The token that closes an answer, or opens what comes after it; None if that is no single token."""
        answered = (("user", _QUESTION), ("assistant", _ANSWER))
        for talk in ((*answered, ("user", _NEXT)), answered):
            try:
                after = self._apply(talk, answering=False).partition(_ANSWER)[2]
            except Exception:  # As above: a second question may be refused.
                continue
            return self.controls.first_in(after.partition(_NEXT)[0])
        return None

    def render(self, messages: Messages, thinking: bool = False) -> str:
        """Text that ends where the model's answer starts.

        Where the template has no system role, the system text comes before the first user message. Thoughts that the
        template opens are closed again, empty; with `thinking` they are left open, and the answer comes after them.
        Control tokens that a message spells are marked as words.

        Raises:
            UserError: the template refuses these messages.
        """
        text = self._rendered(messages)
        return text if thinking or not self._open(text, messages) else closed(text)

    def thoughts_open(self, messages: Messages) -> bool:
        """Whether `render(messages, thinking=True)` ends inside thoughts."""
        return self._open(self._rendered(messages), messages)

    def _rendered(self, messages: Messages) -> str:
        words = [(role, self.controls.as_words(content)) for role, content in messages]
        try:
            return self._apply(words if self.has_system_role else _folded(words))
        except Exception as error:  # Whatever goes wrong inside a template is the template's error.
            roles = ", ".join(role for role, _ in messages)
            raise UserError(f"The chat template refuses a conversation of {roles}: {_said(error)}.") from error

    def _open(self, text: str, messages: Messages) -> bool:
        """Looked for behind what was said last: words in a message open nothing."""
        last = self.controls.as_words(messages[-1][1]).strip() if messages else ""
        _, found, after = text.rpartition(last) if last else ("", "", text)
        # A template may change what is said; then the whole text tells, if the template can open thoughts at all.
        return left_open(after) and bool(found or any(opening in self.text for opening, _ in MARKS))

    def _apply(self, messages: Messages, answering: bool = True) -> str:
        # Models that can think aloud first (Qwen 3) are asked not to: an answer is read where it starts.
        rendered: str = self.tokenizer.apply_chat_template(
            [{"role": role, "content": content} for role, content in messages],
            chat_template=self.text,
            tokenize=False,
            add_generation_prompt=answering,
            enable_thinking=False,
            strftime_now=self.today.strftime,
        )
        return rendered


def chat_template(tokenizer: Any, file: Path | None, model: str, today: datetime.date = TODAY) -> ChatTemplate:
    """The template in `file`, else the tokenizer's own.

    Raises:
        UserError: there is neither, or it is no template that renders a question and its answer.
    """
    if file is None:
        whose = f"The chat template of the model '{model}'"
        template = ChatTemplate(tokenizer, _own(tokenizer, model), today)
    else:
        whose = f"The chat template {file}"
        try:
            template = ChatTemplate(tokenizer, file.read_text(encoding="utf-8"), today)
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{whose} cannot be read: {_said(error)}.") from error
    instead = "; give another with --chat-template FILE" if file is None else ""
    try:
        rendered = template._apply((("user", _QUESTION), ("assistant", _ANSWER)))
    except Exception as error:  # As above.
        raise UserError(f"{whose} does not work: {_said(error)}{instead}.") from error
    if _QUESTION not in rendered or _ANSWER not in rendered:
        raise UserError(f"{whose} leaves out what the messages say{instead}.")
    return template


def _own(tokenizer: Any, model: str) -> str:
    if not tokenizer.chat_template:
        raise UserError(f"The model '{model}' has no chat template; give one with --chat-template FILE.")
    try:
        text: str = tokenizer.get_chat_template()
    except ValueError:
        named = ", ".join(sorted(tokenizer.chat_template))
        raise UserError(
            f"The model '{model}' has several chat templates ({named}) and none of them is its default; give one with "
            "--chat-template FILE."
        ) from None
    return text


def _said(error: Exception) -> str:
    """An error's words, for the middle of a sentence."""
    first = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    return first or type(error).__name__


def _folded(messages: Messages) -> list[tuple[str, str]]:
    """The messages with every system text moved to the front of the first user message."""
    system = [content for role, content in messages if role == "system"]
    rest = [(role, content) for role, content in messages if role != "system"]
    if not system:
        return rest
    first, *after = rest or [("user", "")]
    if first[0] != "user":
        return [("user", "\n\n".join(system)), first, *after]
    return [("user", "\n\n".join(text for text in (*system, first[1]) if text)), *after]
