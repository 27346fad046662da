"""How messages become the text a model reads: its chat template, checked once before anything is run."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2

from steerbench.errors import UserError

Messages = Sequence[tuple[str, str]]

_SYSTEM, _QUESTION, _ANSWER = "Speak as yourself.", "What do you enjoy?", "Long walks."


@dataclass(frozen=True, eq=False)
class ChatTemplate:
    """A jinja template and the tokenizer whose special tokens it names."""

    tokenizer: Any
    text: str

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def has_system_role(self) -> bool:
        """Whether a system message is rendered; some templates refuse it, others leave it out."""
        try:
            return _SYSTEM in self._apply((("system", _SYSTEM), ("user", _QUESTION)))
        except Exception:  # A template is a program: raise_exception() and any error in it mean no.
            return False

    def render(self, messages: Messages) -> str:
        """Text that ends where the model's answer starts.

        Where the template has no system role, the system text comes before the first user message.

        Raises:
            UserError: the template refuses these messages.
        """
        try:
            return self._apply(messages if self.has_system_role else _folded(messages))
        except jinja2.TemplateError as error:
            roles = ", ".join(role for role, _ in messages)
            raise UserError(f"The chat template refuses a conversation of {roles}: {error}.") from error

    def _apply(self, messages: Messages) -> str:
        # Models that can think aloud first (Qwen 3) are asked not to: an answer is read where it starts.
        rendered: str = self.tokenizer.apply_chat_template(
            [{"role": role, "content": content} for role, content in messages],
            chat_template=self.text,
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=False,
        )
        return rendered


def chat_template(tokenizer: Any, file: Path | None, model: str) -> ChatTemplate:
    """The template in `file`, else the tokenizer's own.

    Raises:
        UserError: there is neither, or the file is no template that renders a question and its answer.
    """
    if file is None:
        if not tokenizer.chat_template:
            raise UserError(f"The model '{model}' has no chat template; give one with --chat-template FILE.")
        return ChatTemplate(tokenizer, tokenizer.get_chat_template())
    try:
        template = ChatTemplate(tokenizer, file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The chat template {file} cannot be read: {error}.") from error
    try:
        rendered = template._apply((("user", _QUESTION), ("assistant", _ANSWER)))
    except Exception as error:  # Whatever goes wrong inside the user's template is the template's error.
        raise UserError(f"The chat template {file} does not work: {error}.") from error
    if _QUESTION not in rendered or _ANSWER not in rendered:
        raise UserError(f"The chat template {file} leaves out what the messages say.")
    return template


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
