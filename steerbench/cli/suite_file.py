"""Reads a suite file: TOML. Its keys are the options of `steerbench run`, at the top for all runs or in one of them."""

import hashlib
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steerbench.cli.options import BUDGET, HIGHEST_BUDGET, HIGHEST_SEED, CalibrationKind, Protocol, Rule
from steerbench.cli.parameters import comma_separated
from steerbench.errors import UserError, unknown
from steerbench.publishing.given_strengths import strengths_in
from steerbench.publishing.schema import PUBLISHED
from steerbench.records.options import plan_of, refused
from steerbench.records.results import RESULT
from steerbench.running.strengths import NOTHING, FrozenChoices
from steerbench.studies.suite import SuiteEntry

OF_THE_MODEL = ("model", "engine", "dtype", "chat-template")
OF_A_RUN = ("name", "strengths-from")
EITHER = (("task", "tasks"), ("strength", "strengths-from"))
"""Keys of which a run has one; with its own, the other is not taken from the top."""

DEEPEST = 24
"""Levels of tables and lists in each other; the parameters of a run take 5."""

Names = Annotated[list[str], Field(min_length=1)]
Parameters = dict[str, dict[str, Any]]


class RunSettings(BaseModel):
    """A run's settings: its own keys, and those at the top of the file."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        alias_generator=lambda name: name.replace("_", "-"),
        frozen=True,
        allow_inf_nan=False,
        str_min_length=1,
    )

    name: Annotated[str, Field(min_length=1)]
    task: str | None = None
    tasks: Names | None = None
    methods: Names
    poles: Names | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    dataset: str | None = None
    respondents: Annotated[int, Field(ge=1)] | None = None
    readout: str | None = None
    protocol: Literal["strict", "published"] = "strict"
    variant: str | None = None
    calibration: Literal["golden", "grid"] | None = None
    budget: Annotated[int, Field(ge=2, le=HIGHEST_BUDGET)] = BUDGET
    rule: Literal["fluency-floor", "best-score"] = "fluency-floor"
    strength: float | None = None
    strengths_from: str | None = None
    seed: Annotated[int, Field(ge=0, le=HIGHEST_SEED)] = 0
    trivial: bool = True
    judge: str | None = None
    fluency_judge: str | None = None
    allow_self_judge: bool = False
    param: dict[str, Any] = {}
    model: str | None = None
    engine: str = "hf"
    dtype: str | None = None
    chat_template: str | None = None


KEYS = [field.alias or name for name, field in RunSettings.model_fields.items()]


def read_file(path: Path) -> tuple[str, list[SuiteEntry]]:
    """The sha256 of a suite file, and its runs in their order.

    Raises:
        UserError: it cannot be read, or a run in it is none.
    """
    content, table = _table(path)
    runs = table.pop("runs", [])
    if not isinstance(runs, list) or not all(isinstance(run, dict) for run in runs):
        raise UserError(f"{path}: every run begins with [[runs]], in two brackets.")
    if not runs:
        raise UserError(f"{path} has no runs: write [[runs]], and under it a name, a task and methods.")
    with _within(f"{path}, before the first run"):
        _refuse_unknown(table, "key", [key for key in KEYS if key not in OF_A_RUN])
    found: dict[str, list[SuiteEntry]] = {}
    for place, run in enumerate(runs, 1):
        with _within(f"{path}, run '{run['name']}'" if "name" in run else f"{path}, run {place}"):
            settings = _settings(table, run)
            entries = list(_entries(settings, found, [str(later.get("name")) for later in runs[place:]]))
            taken = {entry.name for of_run in found.values() for entry in of_run} | found.keys()
            if twice := sorted(taken & {settings.name, *(entry.name for entry in entries)}):
                raise UserError(f"There is a run called '{twice[0]}' before it; give each a name of its own.")
            found[settings.name] = entries
    return hashlib.sha256(content).hexdigest(), [entry for entries in found.values() for entry in entries]


def chosen(entries: Sequence[SuiteEntry], only: Sequence[str]) -> list[SuiteEntry]:
    """The runs of these names, with those they take their strengths from; all if none is named.

    The name of a run of several tasks stands for all of these.

    Raises:
        UserError: no run has such a name.
    """
    if not only:
        return list(entries)
    by_name = {entry.name: entry for entry in entries}
    wanted: set[str] = set()
    for name in only:
        meant = [one for one in by_name if one == name or one == f"{name}-{by_name[one].plan.task}"]
        if not meant:
            raise UserError(unknown("run in this suite called", name, by_name))
        wanted.update(meant)
    # From the last to the first, so that what a source itself takes strengths from is found too.
    for entry in reversed(entries):
        if entry.name in wanted and entry.strengths_from:
            wanted.add(entry.strengths_from)
    return [entry for entry in entries if entry.name in wanted]


def _table(path: Path) -> tuple[bytes, dict[str, Any]]:
    try:
        content = path.read_bytes()
        table = tomllib.loads(content.decode())
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name a suite file.") from error
    except RecursionError:
        raise UserError(_too_deep(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no readable TOML: {error}.") from error
    level: list[Any] = [table]
    for _ in range(DEEPEST):
        inner = [each for one in level for each in (one.values() if isinstance(one, dict) else one)]
        level = [each for each in inner if isinstance(each, dict | list)]
    if level:
        raise UserError(_too_deep(path))
    return content, table


def _too_deep(path: Path) -> str:
    return f"{path} is nested more than {DEEPEST} levels deep; no suite needs that."


def _settings(top: Mapping[str, Any], run: Mapping[str, Any]) -> RunSettings:
    for key in OF_THE_MODEL:
        if key in run:
            raise UserError(f"'{key}' stands before the first run: all runs of a suite are made on one model.")
    _refuse_unknown(run, "key of a run", [key for key in KEYS if key not in OF_THE_MODEL])
    for one, other in EITHER:
        if one in run and other in run:
            raise UserError(f"It has '{one}' and '{other}'; leave one out.")
    instead = {other for pair in EITHER for one, other in (pair, pair[::-1]) if one in run}
    merged = {**{key: value for key, value in top.items() if key not in instead}, **run}
    if isinstance(merged.get("param"), dict):
        merged["param"] = {**_flat(top.get("param")), **_flat(run.get("param"))}
    if not merged.keys() & {"task", "tasks"}:
        raise UserError("It has no task: write task, or tasks for a run of each.")
    try:
        settings = RunSettings.model_validate(merged)
    except ValidationError as error:
        raise UserError(_told(error)) from error
    for key in ("methods", "tasks", "poles"):
        comma_separated(key, getattr(settings, key) or [])
    return settings


def _entries(
    settings: RunSettings, before: Mapping[str, Sequence[SuiteEntry]], later: Sequence[str]
) -> Iterator[SuiteEntry]:
    """The runs of a settings, one for each task."""
    source, chosen = _source(settings.strengths_from, before, later)
    tasks = settings.tasks or [str(settings.task)]
    for task in tasks:
        name = settings.name if settings.tasks is None else f"{settings.name}-{task}"
        yield SuiteEntry(name, _plan(settings, task, chosen), source)


def _source(
    named: str | None, before: Mapping[str, Sequence[SuiteEntry]], later: Sequence[str]
) -> tuple[str, FrozenChoices | None]:
    """The run of this suite that strengths come from, or else what the finished run of that folder chose."""
    if named is None:
        return "", None
    names = [entry.name for entries in before.values() for entry in entries]
    if named in names:
        return named, None
    if named in before:
        raise UserError(f"Strengths come from one run, and '{named}' is {len(before[named])}: name one of them.")
    if named in later:
        raise UserError(f"Its strengths come from '{named}', which stands after it; move that run up.")
    if "/" not in named and not any((Path(named) / file).exists() for file in (RESULT, PUBLISHED)):
        raise UserError(unknown("run before it called", named, names))
    return "", strengths_in(Path(named))


def _plan(settings: RunSettings, task: str, chosen: FrozenChoices | None) -> Any:
    same = {"model", "dtype", "budget", "strength", "seed", "trivial"}
    as_given = {"engine", "variant", "judge", "fluency_judge", "allow_self_judge"}
    of_task = settings.model_dump(include={"dataset", "respondents", "readout", "limit"})
    of_task["poles"] = ",".join(settings.poles) if settings.poles else None
    return plan_of(
        settings.methods,
        task,
        _parameters(settings.param, task),
        of_task,
        protocol=Protocol(settings.protocol),
        calibration=CalibrationKind(settings.calibration) if settings.calibration else None,
        rule=Rule(settings.rule),
        chat_template=Path(settings.chat_template) if settings.chat_template else None,
        **(chosen or NOTHING)._asdict(),
        **settings.model_dump(include=same | as_given),
    )


def _flat(given: object) -> dict[str, Any]:
    """Parameters by their full names: the table of a plug-in (`pas.heads = 48`) is written out ("pas.heads")."""
    found: dict[str, Any] = {}
    for key, value in given.items() if isinstance(given, dict) else ():
        written = {f"{key}.{name}": each for name, each in value.items()} if isinstance(value, dict) else {key: value}
        _refuse_twice(found.keys() & written)
        found |= written
    return found


def _parameters(flat: Mapping[str, Any], task: str) -> Parameters:
    """By plug-in, its parameters; a name without a plug-in (`questions`) is the task's."""
    found: Parameters = {}
    for key, value in flat.items():
        plugin, _, parameter = key.rpartition(".")
        of_plugin = found.setdefault(plugin or task, {})
        _refuse_twice({key} if parameter in of_plugin else ())
        of_plugin[parameter] = value
    return found


def _refuse_twice(keys: Collection[str]) -> None:
    if keys:
        raise UserError(f"param gives {min(keys)} twice; leave one out.")


def _refuse_unknown(given: Mapping[str, Any], what: str, known: Sequence[str]) -> None:
    for key in given:
        if key not in known:
            raise UserError(unknown(f"{what} called", key, known))


def _told(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"It has no {first['loc'][0]}." if first["type"] == "missing" else refused(error)


@contextmanager
def _within(where: str) -> Iterator[None]:
    """Says of an error where in the file it is."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
