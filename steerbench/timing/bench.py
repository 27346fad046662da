"""Makes a timing file from a request: load, fit, warm up, measure, summarise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

from steerbench.contracts import Engine, Prompt, Request
from steerbench.errors import UserError, unknown
from steerbench.models.embedded import EMBEDDED
from steerbench.plugins.composed import adapted, build_method, method_settings, names
from steerbench.plugins.plugin import resolve
from steerbench.records.plan import Plan, build_task
from steerbench.running.opening import open_engine
from steerbench.timing.machine import commit, this_machine, versions
from steerbench.timing.ratios import ratio_of
from steerbench.timing.recording import throwaway_cache
from steerbench.timing.schema import GROUPS, Clock, Group, Round, SideMeasurement, Sizes, TimingCase, TimingFile
from steerbench.timing.session import Heard, measure, steps
from steerbench.timing.work import Fitted, Material, Workload, fitted_once, workload


@dataclass(frozen=True)
class BenchPlan:
    """What to time. `given`: parameters by plug-in; `readout` and `text`: the tasks whose questions are asked."""

    methods: Sequence[str]
    engines: Sequence[str] = ("hf",)
    groups: Sequence[Group] = GROUPS
    model: str | None = None
    dtype: str | None = None
    device: str | None = None
    alternations: int = 3
    clock: Clock = "wall"
    sizes: Sizes = field(default_factory=Sizes)
    given: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    readout: str = "papi"
    text: str = "personalitybench"
    seed: int = 0


def bench(asked: BenchPlan, heard: Heard) -> TimingFile:
    """Time every method at every kind of work on every engine.

    Raises:
        UserError: a name is unknown, a model or dataset cannot be loaded, or a method has nothing to time.
    """
    _check(asked)
    ran = commit()  # now, because files may change while it runs
    given = _bounded(asked)
    material = Material(_task(asked, asked.readout), _task(asked, asked.text), asked.sizes)
    engines = {name: open_engine(_plan(asked, asked.readout, name), asked.device) for name in asked.engines}
    for engine in engines.values():
        for spec in asked.methods:
            adapted(build_method(spec, given, asked.seed), engine)
    with throwaway_cache():
        loads: list[Workload] = []
        for engine_name, engine in engines.items():
            fits: list[Fitted] = []
            for number, spec in enumerate(asked.methods):
                heard(f"{engine_name}: fit of {spec}", number, len(asked.methods))
                fits.append(fitted_once(spec, build_method(spec, given, asked.seed), engine, material))
            made = [workload(group, one, engine, engine_name, material) for group in asked.groups for one in fits]
            loads += [load for load in made if load is not None]
        if not loads:
            raise UserError("These methods do not use the engine during fitting; time other groups than fit.")
        machine = this_machine()
        about = {"device": machine.device, "threads": machine.threads, "versions": versions()}
        todo = steps(loads, asked.alternations)
        measured = measure(todo, asked.clock, about, _Counter(engines), heard)
    return TimingFile(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=ran,
        clock=asked.clock,
        alternations=asked.alternations,
        sizes=asked.sizes,
        machine=machine,
        versions=versions(),
        model=_model_name(asked.model),
        engines={name: dict(engine.identity()) for name, engine in engines.items()},
        methods={spec: method_settings(spec, given, asked.seed) for spec in asked.methods},
        cases=[case(load, measured) for load in loads],
    )


def case(load: Workload, measured: Sequence[Mapping[str, Any]]) -> TimingCase:
    """A case from the records of all its sides."""
    own = [one for one in measured if (one["group"], one["method"], one["engine"]) == _name(load)]
    own.sort(key=lambda one: (one["alternation"], one["pair"]))
    rounds = []
    for (alternation, pair), both in groupby(own, key=lambda one: (one["alternation"], one["pair"])):
        records = {one["side"]: one for one in both}
        sides = {
            name: SideMeasurement(**{key: one[key] for key in SideMeasurement.model_fields})
            for name, one in records.items()
        }
        rounds.append(
            Round(alternation=alternation, pair=pair, method_first=records["method"]["method_first"], **sides)
        )
    return TimingCase(
        group=load.group,
        method=load.method,
        engine=load.engine,
        reference=load.reference,
        per=load.per,
        rounds=rounds,
        ratio=ratio_of(rounds, load.per),
    )


def _name(load: Workload) -> tuple[str, str, str]:
    return load.group, load.method, load.engine


class _Counter:
    """Counts prompts' tokens; both sides of a round ask for the same prompts."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        self._engines = engines
        self._known: dict[tuple[str, Prompt], int] = {}

    def __call__(self, engine: str, requests: Sequence[Request]) -> int:
        return sum(self._length(engine, request.prompt) for request in requests)

    def _length(self, engine: str, prompt: Prompt) -> int:
        key = engine, prompt
        if key not in self._known:
            self._known[key] = len(self._engines[engine].tokenize(prompt))
        return self._known[key]


def _plan(asked: BenchPlan, task: str, engine: str) -> Plan:
    return Plan(
        methods=tuple(asked.methods),
        task=task,
        task_parameters=dict(asked.given.get(task, {})),
        model=asked.model,
        engine=engine,
        engine_parameters=dict(asked.given.get(engine, {})),
        dtype=asked.dtype,
        seed=asked.seed,
    )


def _task(asked: BenchPlan, name: str) -> Any:
    task = build_task(_plan(asked, name, asked.engines[0]))
    # Answers are discarded, so test items may be asked without a frozen plan.
    task.unseal()
    return task


def _bounded(asked: BenchPlan) -> dict[str, dict[str, Any]]:
    """The methods' parameters; a search that generates text is kept small unless the user sets its size."""
    given = {name: dict(own) for name, own in asked.given.items()}
    for name in {single for spec in asked.methods for single in names(spec)}:
        taken = resolve("method", name).parameters
        offered = {key: value for key, value in asked.sizes.search.items() if key in taken}
        given[name] = offered | given.get(name, {})
    return given


def _check(asked: BenchPlan) -> None:
    for option, values, example in (
        ("--method", asked.methods, "pas"),
        ("--engine", asked.engines, "hf"),
        ("--groups", asked.groups, "choose,generate"),
    ):
        if not values:
            raise UserError(f"There is nothing to time: give {option}, for example {option} {example}.")
    for group in asked.groups:
        if group not in get_args(Group):
            raise UserError(unknown("group of timings called", group, GROUPS))
    known = {*(single for spec in asked.methods for single in names(spec)), asked.readout, asked.text}
    for name in asked.given:
        if name not in known | set(asked.engines):
            raise UserError(unknown("method, task or engine in this timing called", name, known | set(asked.engines)))


def _model_name(model: str | None) -> str:
    """The model as given; of a folder only its name, because its path is private."""
    return Path(model).resolve().name if model and Path(model).exists() else model or EMBEDDED
