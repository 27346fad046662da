"""The schema of a published run (`published.json`), which both the check of a submission and the site read.

It is untrusted: numbers have to be finite, texts have a maximum length, and names that become files or addresses use
plain letters. The samples are in `samples.parquet` next to it.
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
"""Maximum bytes of a published.json, ten times this project's largest."""
DEEPEST = 24
"""Maximum levels of nesting in its JSON; this project's have 7."""
LONGEST = 20_000
"""Maximum characters of a text in it."""

LONGEST_REASON = 400
"""Maximum characters of a reason in an error message."""

Record = TypeVar("Record", bound=BaseModel)
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+_-]{0,120}$")]
Short = Annotated[str, Field(max_length=400)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Edited(FiniteModel):
    """What a method edits at one place of the model, averaged over targets.

    `share` is the edited proportion of the layer (heads' outputs, neurons, or dimensions of the residual stream), from
    0 to 1; a target without an edit there counts as 0.
    """

    site: Short
    layer: Annotated[int, Field(ge=0, le=10_000)]
    kind: Short
    positions: Short
    share: Annotated[float, Field(ge=0, le=1)]


class Portrait(FiniteModel):
    """A method's own description, and what its steerings change at the chosen strengths.

    `prompted` is the share of targets with a changed prompt. `layers` is the model's number of layers, None without
    edits.
    """

    about: Annotated[str, Field(max_length=2000)]
    prompted: Annotated[float, Field(ge=0, le=1)] = 0.0
    layers: Annotated[int, Field(ge=1, le=10_000)] | None = None
    edits: list[Edited] = Field(default_factory=list)


class CalibrationPoint(FiniteModel):
    """The mean loss and side cost, over targets, at a strength or wording that calibration tried.

    `strength` is the middle of a range if every target was asked at its own strengths.
    """

    strength: float
    wording: int
    loss: MetricRecord
    cost: MetricRecord | None = None


class Published(FiniteModel):
    """A published run.

    `id` is its folder's name. `identity` and `digest` are those of the run. `command` makes it again. `samples_sha256`
    is the hash of its Parquet file. `model` is the model's usual name; `identity` has the hash of its weights.
    `measures_cost` says that the task measures side effects, `withheld` that people's answers and therefore losses are
    left out. `over` names the units of intervals, `framing` how items are put to the model. `portraits` and
    `calibration` are by method. They come from the run's folder and cannot be recomputed from the samples, and nor can
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
    """Reads an untrusted published run.

    Raises:
        UserError: there is none, or it is too large, of another schema, or invalid; the message says where.
    """
    path = folder / PUBLISHED
    with understandable(path):
        if not path.is_file():
            raise UserError(f"There is no published run in {folder}: it has no {PUBLISHED}.")
    published = read_distrusted(Published, path, "run")
    if published.id != folder.resolve().name:
        raise UserError(f"{path} is called '{published.id}', but its folder is '{folder.resolve().name}'.")
    told = published.identity.get("task")
    made = plan_of_run(published.plan, told) if isinstance(told, Mapping) else published.plan
    return published if made is published.plan else published.model_copy(update={"plan": made})


def read_distrusted(kind: type[Record], path: Path, called: str) -> Record:
    """Reads an untrusted record from JSON; `called` names its kind in error messages.

    Raises:
        UserError: it is too large, nested too deeply, of another schema, or invalid; the message says where.
    """
    with understandable(path):
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path} is larger than {LARGEST:,} bytes; no {called} needs that.")
        text = path.read_bytes()
    if is_too_deep(text):
        raise UserError(f"{path} is nested more than {DEEPEST} levels deep; no {called} needs that.")
    if key := repeated_key(text):
        raise UserError(f"{path} has the key '{key[:80]}' twice in one object; remove one of them.")
    try:
        version = _RunVersion.model_validate_json(text).schema_version
        if version != SCHEMA:
            raise UserError(f"{path} has schema {version}, but this version reads {SCHEMA}.")
        record = kind.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where, reason = ".".join(str(part) for part in first["loc"])[:200], first["msg"][:LONGEST_REASON]
        said = f"{where} ({reason})" if where else reason.removeprefix("Value error, ")
        raise UserError(f"{path} is not a published {called} that this version can read: {said}.") from error
    for place, value in _leaves(record.model_dump()):
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{path} has {value} instead of a finite number: {place[:200]}.")
        if isinstance(value, str) and max(len(value), len(place)) > LONGEST:
            raise UserError(f"{path} has a text of more than {LONGEST:,} characters: {place[:200]}.")
    return record


def is_too_deep(text: bytes) -> bool:
    """Whether JSON nests more than `DEEPEST` levels, found without parsing it."""
    return is_deeper(text, DEEPEST)


class _RunVersion(BaseModel):
    """The part that is read before the schema is known to be the current one."""

    schema_version: int = SCHEMA


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every name and value, with its dotted path."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield place, name
            yield from _leaves(inner, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{place}.{index}")
    else:
        yield place, value
