"""The files to which new questions and dropped ones are appended.

Each line is on disk before the next is written. A line that was cut off by an interruption is removed at the next
start, and its question is asked for again.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from steerbench.bank import Part
from steerbench.errors import UserError
from steerbench.storage.files import understandable

SUFFIX = ".jsonl"
BEGINNING = b'{"id":"'
"""The start of every line, and therefore of a cut-off one."""


class QuestionRow(BaseModel):
    """A question in a file: with its part if it was kept, with a `reason` if it was dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    trait: str
    facet: str
    topic: str
    part: Part | None = None
    question: str
    draft: str
    model: str
    reason: str = ""


class QuestionFile:
    """The questions of earlier starts by id; new ones are appended."""

    def __init__(self, kept: Path, dropped: Path) -> None:
        self._paths = {False: kept, True: dropped}
        self.kept, self.dropped = _recovered(kept), _recovered(dropped)

    def append(self, row: QuestionRow) -> None:
        """Writes a question to disk: among the dropped ones if it has a reason, otherwise among the kept ones."""
        path = self._paths[bool(row.reason)]
        with understandable(path), path.open("ab") as file:
            file.write(row.model_dump_json(exclude_defaults=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        (self.dropped if row.reason else self.kept)[row.id] = row


@contextmanager
def question_file(path: Path) -> Iterator[QuestionFile]:
    """Opens the file at `path` for this process alone.

    Raises:
        UserError: its name does not end in .jsonl, it has other content, it cannot be written, or another
            process is writing it.
    """
    if path.suffix != SUFFIX:
        raise UserError(f"Questions are written to a {SUFFIX} file, but {path} is not one; choose another --out.")
    with understandable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{path}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise UserError(f"Another process is writing {path}; wait for it, or choose another --out.") from None
    try:
        yield QuestionFile(path, path.with_suffix(f".dropped{SUFFIX}"))
    finally:
        lock.release()


def _recovered(path: Path) -> dict[str, QuestionRow]:
    """The rows of a file by id, after a half-written last line is removed.

    A file with other content is not changed.
    """
    with understandable(path):
        content = path.read_bytes() if path.exists() else b""
    *lines, rest = content.split(b"\n")
    if rest[: len(BEGINNING)] != BEGINNING[: len(rest)]:
        raise UserError(_foreign(path, len(lines) + 1))
    rows: dict[str, QuestionRow] = {}
    for number, line in enumerate(lines, start=1):
        try:
            row = QuestionRow.model_validate_json(line)
        except ValidationError:
            raise UserError(_foreign(path, number)) from None
        if row.id in rows:
            raise UserError(f"{path} line {number}: the id {row.id} is in an earlier line too; leave one of them out.")
        rows[row.id] = row
    if rest:
        with understandable(path):
            os.truncate(path, len(content) - len(rest))
    return rows


def _foreign(path: Path, number: int) -> str:
    return f"{path} line {number} was not written by `steerbench data build`; choose another --out."
