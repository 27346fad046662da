"""The file that made questions are appended to, and beside it the one of those that were dropped.

A line is on disk before the next is written. Whoever was killed in the middle of a line finds it cut off at
the next start, and asks for that question again.
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
"""What every line of ours begins with, and so the rest of one that was cut off."""


class QuestionRow(BaseModel):
    """A question as it stands in a file: with its part if it was kept, with a `reason` if it was dropped."""

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
    """What earlier starts made, by id, and the place for more."""

    def __init__(self, kept: Path, dropped: Path) -> None:
        self._paths = {False: kept, True: dropped}
        self.kept, self.dropped = _recovered(kept), _recovered(dropped)

    def append(self, row: QuestionRow) -> None:
        """Put a question on disk: among the dropped ones if it has a reason, else among the kept ones."""
        path = self._paths[bool(row.reason)]
        with understandable(path), path.open("ab") as file:
            file.write(row.model_dump_json(exclude_defaults=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        (self.dropped if row.reason else self.kept)[row.id] = row


@contextmanager
def question_file(path: Path) -> Iterator[QuestionFile]:
    """The file at `path`, for one process at a time.

    Raises:
        UserError: its name does not end in .jsonl, it holds something else, it cannot be written, or another
            process is writing it.
    """
    if path.suffix != SUFFIX:
        raise UserError(f"Questions are written to a {SUFFIX} file, and {path} is none; choose another --out.")
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
    """The rows of a file by id, once a half-written last line has been cut off.

    Nothing is changed in a file that is not of our writing.
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
            raise UserError(f"{path} line {number}: the id {row.id} stands in an earlier line; leave one of them out.")
        rows[row.id] = row
    if rest:
        with understandable(path):
            os.truncate(path, len(content) - len(rest))
    return rows


def _foreign(path: Path, number: int) -> str:
    return f"{path} line {number} was not written by `steerbench data build`; choose another --out."
