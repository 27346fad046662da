"""A model without its weights: tokenizer, chat template and architecture."""

import datetime
import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from steerbench.errors import UserError
from steerbench.models.architectures import Architecture
from steerbench.models.cache import weights_digest
from steerbench.models.chat_template import TODAY, ChatTemplate, Messages
from steerbench.models.chat_template import chat_template as template_of
from steerbench.models.encoding import Encoding
from steerbench.models.source import model_folder

CLOSED = "the template opens thoughts before every answer: closed empty where the words of the answer are given"
"""The note in the identity of a model whose template always starts a thinking part."""


@dataclass(frozen=True, eq=False)
class ModelText:
    """A model's tokenizer, chat template and architecture; `folder` holds all of its files."""

    spec: str
    folder: Path
    tokenizer: Any
    template: ChatTemplate
    architecture: Architecture

    @cached_property
    def encoding(self) -> Encoding:
        """The encoding of its texts as tokens."""
        return Encoding(self.tokenizer, self.template.controls)

    def render(self, messages: Messages, thinking: bool = False) -> str:
        """Messages (role, content) as the text the model reads, up to where its answer starts (`ChatTemplate`)."""
        return self.template.render(messages, thinking)

    def identity(self) -> Mapping[str, str]:
        """What the model's answers depend on: digests of contents, not the path or name it was loaded from."""
        thoughts = {"thoughts": CLOSED} if self.template.opens_thoughts else {}
        return {
            "weights": weights_digest(self.folder),
            "tokenizer": hashlib.sha256(self.tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),
            "chat_template": self.template.digest,
            "chat_example": self.template.example,
            **thoughts,
        }


def load_text(spec: str, chat_template: Path | None = None, date: str | None = None) -> ModelText:
    """Load a model without its weights, which must exist but are not read.

    Args:
        spec: a name in the registry, a folder, a GGUF file, or a Hugging Face id (`model_folder`).
        chat_template: a jinja file to use instead of the model's own template.
        date: today's date (YYYY-MM-DD) for templates that write it; `TODAY` if None.

    Raises:
        UserError: the model cannot be found, is unsupported, or has no chat template; or the date is invalid.
    """
    today = _day(date)
    folder, kind = model_folder(spec)
    with quiet():
        tokenizer = _tokenizer(folder, spec)
    return ModelText(spec, folder, tokenizer, template_of(tokenizer, chat_template, spec, today), kind)


def _day(date: str | None) -> datetime.date:
    try:
        return TODAY if date is None else datetime.date.fromisoformat(date)
    except ValueError:
        raise UserError(f"The date '{date}' is invalid; give a day as in {TODAY.isoformat()}.") from None


def _tokenizer(folder: Path, spec: str) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise UserError(f"The tokenizer of '{spec}' cannot be loaded: {first_line(error)}") from error
    if not tokenizer.is_fast:
        raise UserError(f"The tokenizer of '{spec}' has no fast version (tokenizer.json), which steerbench needs.")
    return tokenizer


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' progress bars and warnings; problems that matter are raised as errors."""
    from transformers.utils import logging as theirs

    switches: Any = theirs
    level, bars = switches.get_verbosity(), switches.is_progress_bar_enabled()
    switches.set_verbosity(logging.ERROR)
    switches.disable_progress_bar()
    try:
        yield
    finally:
        switches.set_verbosity(level)
        if bars:
            switches.enable_progress_bar()
