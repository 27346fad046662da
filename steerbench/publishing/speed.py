"""What a published timing is: the schema of `leaderboard/speed/*.json`, which the check of a submission and the site
read.

One schema for two sources. `steerbench bench --json` has rounds of a method beside its reference: they are kept, and
the ratios have to follow from them. The project's own benchmarks (`pytest tests/benchmarks --benchmark-json`) have each
a ratio or more, without rounds. A file may come from anybody, so nothing in it is trusted.
"""

import hashlib
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from steerbench.errors import UserError
from steerbench.publishing.schema import DEEPEST, is_too_deep
from steerbench.storage.files import understandable, write_whole
from steerbench.storage.json_models import FiniteModel
from steerbench.timing.files import follows
from steerbench.timing.schema import Clock, Commit, Moment, Name, Sizes, TimingCase

SCHEMA: Final = 1
LARGEST = 2_000_000
"""Bytes of a file; this project's have some 100,000."""

Model = TypeVar("Model", bound=BaseModel)
Plain = bool | int | float | Name | None
Told = Annotated[dict[Name, Name], Field(max_length=40)]


class Computer(FiniteModel):
    """What kind of machine it was, and not whose. `device` is the accelerator, "cpu", or empty where it is not told."""

    device: Name
    cpu: Name
    cores: Annotated[int, Field(ge=1, le=100_000)]
    threads: Annotated[int, Field(ge=1, le=100_000)] | None
    system: Name


class BenchTiming(FiniteModel):
    """What one `steerbench bench` measured; the fields are those of its file (`steerbench.timing.schema`).

    Of `engines` and `methods`, values that are more than a number or a plain word stand as a hash: a path or an address
    is nobody's business, but two that differ have to differ.
    """

    clock: Clock
    alternations: Annotated[int, Field(ge=1, le=10_000)]
    sizes: Sizes
    model: Name
    engines: dict[Name, Told]
    methods: dict[Name, dict[Name, dict[Name, Plain]]]
    cases: Annotated[list[TimingCase], Field(min_length=1, max_length=500)]


class Benchmark(FiniteModel):
    """A ratio that one of the project's benchmarks found; the test's name says of what, and which way it should be."""

    test: Name
    ratio: Name
    value: Annotated[float, Field(gt=0, le=1e9)]


class PublishedSpeed(FiniteModel):
    """A published timing: either `timing` or `benchmarks`.

    `created`: UTC, ISO 8601. `commit`: if steerbench ran from a checkout without changes.
    """

    schema_version: Literal[1] = SCHEMA
    created: Moment
    commit: Commit | None
    computer: Computer
    versions: Told
    timing: BenchTiming | None = None
    benchmarks: Annotated[list[Benchmark], Field(max_length=1000)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.timing is None) == (not self.benchmarks):
            raise ValueError("it holds either a timing or benchmarks")
        for moment in (self.created, self.moment):
            datetime.fromisoformat(moment)
        return self

    @property
    def moment(self) -> str:
        """Where it stands in a history: when its code was committed, or else when it was made."""
        return self.commit.time if self.commit else self.created


def name_of(speed: PublishedSpeed) -> str:
    """A file's name: the day, the commit and the start of what its content hashes to."""
    digest = hashlib.sha256(speed.model_dump_json().encode("utf-8", "replace")).hexdigest()
    return (
        "-".join(
            part for part in (speed.created[:10], speed.commit.id[:10] if speed.commit else "", digest[:8]) if part
        )
        + ".json"
    )


def write_speed(speed: PublishedSpeed, folder: Path) -> Path:
    path = folder / name_of(speed)
    with understandable(path):
        write_whole(path, speed.model_dump_json(indent=1) + "\n")
    return path


def read_speed(path: Path) -> PublishedSpeed:
    """One published timing, which may be anybody's.

    Raises:
        UserError: there is none, it is too large, or not what it should be; what, is named.
    """
    speed = parsed(PublishedSpeed, read_text(path), path)
    check_ratios(speed, path)
    if path.name != name_of(speed):
        raise UserError(f"{path} is not called '{name_of(speed)}', as its content says; publish the file again.")
    return speed


def check(folder: Path) -> tuple[int, list[str]]:
    """How many published timings a folder holds, and all that is wrong with them, a sentence each."""
    with understandable(folder):
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    told = []
    for entry in entries:
        try:
            read_speed(entry)
        except UserError as error:
            told.append(str(error))
    return len(entries), told


def read_text(path: Path) -> bytes:
    """A file of JSON within limits.

    Raises:
        UserError: it is none, or larger or deeper than any timing.
    """
    with understandable(path):
        if path.is_symlink() or not path.is_file():
            raise UserError(f"There is no file {path} with a timing.")
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path} is larger than {LARGEST:,} bytes; no timing needs that.")
        text = path.read_bytes()
    if is_too_deep(text):
        raise UserError(f"{path} is nested more than {DEEPEST} levels deep; no timing needs that.")
    return text


def parsed(model: type[Model], text: bytes, path: Path) -> Model:
    """JSON as a model.

    Raises:
        UserError: it is something else; where, is told.
    """
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:200] or "the whole"
        wrong = f"{path} is no timing that this version can read: {where} ({first['msg']})."
        raise UserError(_printable(wrong)) from None


def check_ratios(speed: PublishedSpeed, path: Path) -> None:
    """Raises UserError: a ratio does not follow from its rounds, or something stands twice."""
    cases = speed.timing.cases if speed.timing else []
    for case in cases:
        if not follows(case):
            name = _printable(" ".join(case.name))
            raise UserError(f"In {path} the ratio of {name} does not follow from its rounds; time it again.")
    names = [*(case.name for case in cases), *((one.test, one.ratio) for one in speed.benchmarks)]
    for twice, count in Counter(names).items():
        if count > 1:
            raise UserError(f"{path} has {_printable(' '.join(twice))} {count} times; time it again.")


def _printable(text: str) -> str:
    """A text that may be hostile, for a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text[:600])
