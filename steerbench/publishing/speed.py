"""The schema of a published timing (`leaderboard/speed/*.json`), which both the check of a submission and the site
read.

It serves two sources. `steerbench bench --json` has rounds of a method next to its reference; they are kept, and the
ratios have to follow from them. The project's own benchmarks (`pytest tests/benchmarks --benchmark-json`) have ratios
without rounds. Files are untrusted.
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
"""Maximum bytes of a file; this project's have about 100,000."""

Model = TypeVar("Model", bound=BaseModel)
Plain = bool | int | float | Name | None
Told = Annotated[dict[Name, Name], Field(max_length=40)]


class Computer(FiniteModel):
    """The kind of machine, without its owner. `device` is the accelerator, "cpu", or empty if unknown."""

    device: Name
    cpu: Name
    cores: Annotated[int, Field(ge=1, le=100_000)]
    threads: Annotated[int, Field(ge=1, le=100_000)] | None
    system: Name


class BenchTiming(FiniteModel):
    """The measurement of one `steerbench bench`, with the fields of its file (`steerbench.timing.schema`).

    In `engines` and `methods`, values other than numbers and plain words are replaced by a hash. Paths and addresses
    stay private, but different values remain different.
    """

    clock: Clock
    alternations: Annotated[int, Field(ge=1, le=10_000)]
    sizes: Sizes
    model: Name
    engines: dict[Name, Told]
    methods: dict[Name, dict[Name, dict[Name, Plain]]]
    cases: Annotated[list[TimingCase], Field(min_length=1, max_length=500)]


class Benchmark(FiniteModel):
    """A ratio from one of the project's benchmarks; the test's name says what it compares and which way is better."""

    test: Name
    ratio: Name
    value: Annotated[float, Field(gt=0, le=1e9)]


class PublishedSpeed(FiniteModel):
    """A published timing: either `timing` or `benchmarks`.

    `created` is UTC in ISO 8601. `commit` is given if steerbench ran from a checkout without changes.
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
        """Its place in a history: when its code was committed, or otherwise when it was made."""
        return self.commit.time if self.commit else self.created


def name_of(speed: PublishedSpeed) -> str:
    """A file's name: the day, the commit and the start of its content's hash."""
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
    """Reads an untrusted published timing.

    Raises:
        UserError: there is none, or it is too large or invalid; the message says where.
    """
    speed = parsed(PublishedSpeed, read_text(path), path)
    check_ratios(speed, path)
    if path.name != name_of(speed):
        raise UserError(f"{path} has to be called '{name_of(speed)}', by its content; publish the file again.")
    return speed


def check(folder: Path) -> tuple[int, list[str]]:
    """The number of published timings in a folder, and a sentence for each problem with them."""
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
    """The bytes of a JSON file within limits.

    Raises:
        UserError: there is no such file, or it is larger or nested more deeply than any timing.
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
    """JSON text as a model.

    Raises:
        UserError: the text does not fit the model; the message says where.
    """
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:200] or "the whole"
        wrong = f"{path} is not a timing that this version can read: {where} ({first['msg']})."
        raise UserError(_printable(wrong)) from None


def check_ratios(speed: PublishedSpeed, path: Path) -> None:
    """Raises UserError: a ratio does not follow from its rounds, or an entry occurs twice."""
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
    """An untrusted text for a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text[:600])
