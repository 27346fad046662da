"""Renders chat messages as the text a model reads, with a chat template that is checked before anything is run."""

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
"""The date given to templates that write today's date, so that prompts do not depend on the day of the run.

Llama 3's templates use the same date by default.
"""

_SYSTEM, _QUESTION, _ANSWER, _NEXT = "Speak as yourself.", "What do you enjoy?", "Long walks.", "Since when?"


@dataclass(frozen=True, eq=False)
class ChatTemplate:
    """A jinja template, the tokenizer whose special tokens it uses, and the date that it is given."""

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
        """A rendered example conversation. It shows what a digest of the template does not, such as the date."""
        told = (("system", _SYSTEM), ("user", _QUESTION))
        try:
            return self.render((*told, ("assistant", _ANSWER), ("user", _NEXT)))
        except UserError:  # the template allows only one question
            return self.render(told)

    @cached_property
    def has_system_role(self) -> bool:
        """Whether the template renders a system message; some raise an error, others drop it."""
        try:
            return _SYSTEM in self._apply((("system", _SYSTEM), ("user", _QUESTION)))
        except Exception:  # A template is a program: raise_exception() and any error in it mean no.
            return False

    @cached_property
    def opens_thoughts(self) -> bool:
        """Whether the template starts a thinking part before the answer even with thinking disabled."""
        return self.thoughts_open((("user", _QUESTION),))

    @cached_property
    def end_of_turn(self) -> int | None:
        """The token that ends an answer or starts the next turn; None if that is not a single token."""
        answered = (("user", _QUESTION), ("assistant", _ANSWER))
        for talk in ((*answered, ("user", _NEXT)), answered):
            try:
                after = self._apply(talk, answering=False).partition(_ANSWER)[2]
            except Exception:  # As above: a second question may be refused.
                continue
            return self.controls.first_in(after.partition(_NEXT)[0])
        return None

    def render(self, messages: Messages, thinking: bool = False) -> str:
        """The messages as text, up to where the model's answer starts.

        If the template has no system role, the system text is put before the first user message. A thinking part that
        the template opens is closed empty, or left open with `thinking`. Control tokens that are spelled in a message
        are marked as plain text.

        Raises:
            UserError: the template refuses these messages.
        """
        text = self._rendered(messages)
        return text if thinking or not self._open(text, messages) else closed(text)

    def thoughts_open(self, messages: Messages) -> bool:
        """Whether `render(messages, thinking=True)` ends inside a thinking part."""
        return self._open(self._rendered(messages), messages)

    def _rendered(self, messages: Messages) -> str:
        words = [(role, self.controls.as_words(content)) for role, content in messages]
        try:
            return self._apply(words if self.has_system_role else _folded(words))
        except Exception as error:  # Whatever goes wrong inside a template is the template's error.
            roles = ", ".join(role for role, _ in messages)
            raise UserError(f"The chat template refuses a conversation of {roles}: {_said(error)}.") from error

    def _open(self, text: str, messages: Messages) -> bool:
        """Whether the text ends in an open thinking part. Only text after the last message counts."""
        last = self.controls.as_words(messages[-1][1]).strip() if messages else ""
        _, found, after = text.rpartition(last) if last else ("", "", text)
        # If the template changed the last message, search the whole text, if the template can open thoughts at all.
        return left_open(after) and bool(found or any(opening in self.text for opening, _ in MARKS))

    def _apply(self, messages: Messages, answering: bool = True) -> str:
        # Thinking is disabled where the template allows it (Qwen 3), so that the answer starts at once.
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
    """The template in `file`, or the tokenizer's own if `file` is None.

    Raises:
        UserError: there is no template, or it does not render a question and its answer.
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
    """An error's message, fit for the middle of a sentence."""
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
