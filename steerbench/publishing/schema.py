"""What a published run is: the schema of `published.json`, which the check of a submission and the site read.

It may come from anybody, so nothing in it is trusted: numbers are finite, texts have an end, and names that become
files or addresses are of plain letters. The samples lie beside it in `samples.parquet`.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from steerbench.errors import UserError
from steerbench.publishing.json_keys import repeated_key
from steerbench.records.plan import Plan, plan_of_run
from steerbench.records.results import JudgeResult, MethodResult, MetricRecord, Timings
from steerbench.storage.files import understandable, write_whole
from steerbench.storage.json_models import FiniteModel
from steerbench.storage.nesting import is_deeper

SCHEMA = 2
PUBLISHED, SAMPLES = "published.json", "samples.parquet"
LARGEST = 5_000_000
"""Bytes of a published.json; the largest that this project has made is a tenth of it."""
DEEPEST = 24
"""Levels of nesting in its JSON; this project's have 7."""
LONGEST = 20_000
"""Characters of a text in it."""

LONGEST_REASON = 400
"""Characters of what is said to be wrong with it."""

Record = TypeVar("Record", bound=BaseModel)
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+_-]{0,120}$")]
Short = Annotated[str, Field(max_length=400)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Edited(FiniteModel):
    """What a method changes at one place of the model, as a mean over targets.

    `share` is how much of the layer it touches (heads' outputs, neurons, or directions of the residual stream),
    0 to 1; a target that leaves the place alone counts as 0.
    """

    site: Short
    layer: Annotated[int, Field(ge=0, le=10_000)]
    kind: Short
    positions: Short
    share: Annotated[float, Field(ge=0, le=1)]


class Portrait(FiniteModel):
    """What a method is: its own words about itself, and what its steerings change at the strengths chosen.

    `prompted` is the share of targets whose prompt it changes. `layers` is the model's number of them, None if no
    steering edits one.
    """

    about: Annotated[str, Field(max_length=2000)]
    prompted: Annotated[float, Field(ge=0, le=1)] = 0.0
    layers: Annotated[int, Field(ge=1, le=10_000)] | None = None
    edits: list[Edited] = Field(default_factory=list)


class CalibrationPoint(FiniteModel):
    """Answers that a strength or wording was chosen by: their mean loss, and side cost, over targets.

    `strength` is the middle of a range where every target was asked at strengths of its own.
    """

    strength: float
    wording: int
    loss: MetricRecord
    cost: MetricRecord | None = None


class Published(FiniteModel):
    """A run as it is published.

    `id` is its folder's name. `identity` and `digest` are the run's own, `command` makes it again, `samples_sha256` is
    of the Parquet beside it. `model` is what people call the model; `identity` says which weights it was.
    `measures_cost` says that the task asks what a steering spoils, `withheld` that what people ticked, and so every
    loss, is left out; `over`, what intervals generalise over; `framing`, how items are put to the model. `portraits`
    and `calibration` are by method; they come from the run's folder and cannot be checked by the samples; neither can
    the `facts` of a method's fits.
    """

    schema_version: int = SCHEMA
    id: Id
    digest: Sha256
    identity: dict[str, Any]
    plan: Plan
    model: Short
    command: Annotated[str, Field(max_length=4000)]
    targets: Annotated[int, Field(ge=1)]
    higher_is_better: bool
    methods: Annotated[dict[Short, MethodResult], Field(min_length=1)]
    judges: dict[Short, JudgeResult]
    deviations: list[Short]
    timings: Timings
    samples_sha256: Sha256
    measures_cost: bool = False
    withheld: bool = False
    over: Short = "targets"
    framing: Annotated[str, Field(max_length=1000)] = ""
    portraits: dict[Short, Portrait] = Field(default_factory=dict)
    calibration: dict[Short, list[CalibrationPoint]] = Field(default_factory=dict)


def write_published(published: Published, folder: Path) -> None:
    path = folder / PUBLISHED
    with understandable(path):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, published.model_dump_json(indent=1) + "\n")


def read_published(folder: Path) -> Published:
    """One published run, which may be anybody's.

    Raises:
        UserError: there is none, or it is too large, of another schema, or not what it should be; what, is named.
    """
    path = folder / PUBLISHED
    with understandable(path):
        if not path.is_file():
            raise UserError(f"There is no published run in {folder}: it holds no {PUBLISHED}.")
    published = read_distrusted(Published, path, "run")
    if published.id != folder.resolve().name:
        raise UserError(f"{path} is called '{published.id}', but its folder is '{folder.resolve().name}'.")
    told = published.identity.get("task")
    made = plan_of_run(published.plan, told) if isinstance(told, Mapping) else published.plan
    return published if made is published.plan else published.model_copy(update={"plan": made})


def read_distrusted(kind: type[Record], path: Path, called: str) -> Record:
    """What anybody may have published, from its JSON; `called` is what a user calls it.

    Raises:
        UserError: it is too large, nested too deep, of another schema, or not what it should be; what, is named.
    """
    with understandable(path):
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path} is larger than {LARGEST:,} bytes; no {called} needs that.")
        text = path.read_bytes()
    if is_too_deep(text):
        raise UserError(f"{path} is nested more than {DEEPEST} levels deep; no {called} needs that.")
    if key := repeated_key(text):
        raise UserError(f"{path} gives '{key[:80]}' twice in one place: which of them counts cannot be told.")
    try:
        version = _RunVersion.model_validate_json(text).schema_version
        if version != SCHEMA:
            raise UserError(f"{path} has schema {version}, and this version reads {SCHEMA}.")
        record = kind.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where, reason = ".".join(str(part) for part in first["loc"])[:200], first["msg"][:LONGEST_REASON]
        said = f"{where} ({reason})" if where else reason.removeprefix("Value error, ")
        raise UserError(f"{path} is not a published {called} this version can read: {said}.") from error
    for place, value in _leaves(record.model_dump()):
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{path} holds {value} where a number belongs: {place[:200]}.")
        if isinstance(value, str) and max(len(value), len(place)) > LONGEST:
            raise UserError(f"{path} holds a text of more than {LONGEST:,} characters: {place[:200]}.")
    return record


def is_too_deep(text: bytes) -> bool:
    """Whether JSON nests more than `DEEPEST` levels; told without parsing it."""
    return is_deeper(text, DEEPEST)


class _RunVersion(BaseModel):
    """All that is read before the schema is known to be this one."""

    schema_version: int = SCHEMA


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every name and value, with where it stands."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield place, name
            yield from _leaves(inner, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{place}.{index}")
    else:
        yield place, value
