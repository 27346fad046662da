"""Recomputes a published trade-off from its published runs: that they are comparable, and every number."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steerbench.contracts import Task
from steerbench.errors import UserError
from steerbench.publishing.rebuilding import rebuilt
from steerbench.publishing.recomputation import TOLERANCE, rescored
from steerbench.publishing.samples import AskedItems, asked_of, read_samples
from steerbench.publishing.schema import PUBLISHED, Published, read_published
from steerbench.publishing.tradeoff_naming import Asking, asking_of, command_of
from steerbench.publishing.tradeoff_schema import PublishedTradeoff
from steerbench.studies.tradeoff.answers import LossesAndCosts
from steerbench.studies.tradeoff.asked import dial_of, strengths_of
from steerbench.studies.tradeoff.choosing import Terms, choose
from steerbench.studies.tradeoff.evidence import CALIBRATION, PLAIN, TEST, Dose, Evidence, Place, Told
from steerbench.studies.tradeoff.findings import conclude, name_of
from steerbench.studies.tradeoff.result import TradeoffResult

Runs = Mapping[Place, Published]
"""Runs by source and dose, in the order in which a trade-off makes them."""


def disagreements(tradeoff: PublishedTradeoff, results: Path) -> Iterator[str]:
    """A sentence for each thing that does not follow from the published runs.

    Raises:
        UserError: a run is missing, its task cannot be rebuilt, or an answer cannot be scored.
    """
    said = tradeoff.found
    runs = runs_of(said, results)
    asking = asking_about(said, runs)
    if wrong := [*_of_runs(runs, asking), *_of_doses(said, asking)]:
        yield from wrong
        return
    tasks = _Tasks()
    terms, evidence = _terms(said, asking, tasks.of(runs[CALIBRATION, PLAIN])[0]), _evidence(runs, results, tasks)
    choice = choose(terms, evidence)
    for method, curve in said.curves.items():
        if (found := choice.chosen[method].dose.strength) != curve.measured.strength:
            yield f"curves.{method}.measured.strength: said {curve.measured.strength}, by the curves it is {found}."
            return
    follows = {
        "name": plain(name_of(said, evidence)),
        "command": command_of(asking),
        "model": runs[CALIBRATION, PLAIN].model,
        "seed": asking.base.seed,
    }
    for name, value in follows.items():
        if getattr(tradeoff, name) != value:
            yield f"{name}: said {getattr(tradeoff, name)!r}, but by its runs it is {value!r}."
    yield from _differing(_in_words(said), _in_words(conclude(terms, evidence)), "")


def plain(name: str) -> str:
    """A name in characters that are safe in file names and addresses."""
    return "".join(char if char.isascii() and (char.isalnum() or char in ".+_-") else "-" for char in name.lower())


def runs_of(found: TradeoffResult, results: Path) -> Runs:
    """The published runs of a trade-off.

    Raises:
        UserError: one is missing, or one dose is said to have two runs.
    """
    curves = found.curves
    every = [Dose(method, point.strength) for method, curve in curves.items() for point in curve.points]
    measured = [Dose(method, curve.measured.strength) for method, curve in curves.items()]
    costs = [source for source in found.unsteered if source not in (CALIBRATION, TEST)]
    order = [
        *((CALIBRATION, dose) for dose in [PLAIN, *every]),
        *((TEST, dose) for dose in [PLAIN, *measured]),
        *((cost, dose) for dose in [PLAIN, *every, *measured] for cost in costs),
    ]
    named = _named_runs(found)
    lacking = [place for place in order if place not in named]
    if lacking:
        source, dose = lacking[0]
        raise UserError(f"it names no run that asks '{source}' of '{dose.method}' at strength {dose.strength:g}.")
    runs = {place: _run(named[place], results) for place in dict.fromkeys(order)}
    if unasked := named.keys() - runs.keys():
        source, dose = min(unasked)
        raise UserError(f"it names a run for '{source}' at '{dose.method}' {dose.strength:g}, but does not ask for it.")
    return runs


def asking_about(found: TradeoffResult, runs: Runs) -> Asking:
    levels = max((len(curve.points) for curve in found.curves.values() if curve.dial), default=2)
    plans = {place: run.plan for place, run in runs.items()}
    return asking_of(plans, PLAIN, levels, found.asked_for)


def _named_runs(found: TradeoffResult) -> dict[Place, str]:
    said = [((source, PLAIN), run) for source, run in found.unsteered.items()]
    for method, curve in found.curves.items():
        for point in (*curve.points, curve.measured):
            said += [((source, Dose(method, point.strength)), run) for source, run in point.runs.items()]
    named: dict[Place, str] = {}
    for (source, dose), run in said:
        if named.setdefault((source, dose), run) != run:
            raise UserError(f"'{source}' at '{dose.method}' {dose.strength:g} is said to be two runs.")
    return named


def _run(name: str, results: Path) -> Published:
    if not (results / name / PUBLISHED).is_file():
        raise UserError(f"its run '{name}' is not among the published runs.")
    return read_published(results / name)


def _of_runs(runs: Runs, asking: Asking) -> Iterator[str]:
    """Differences of a run from what the trade-off asks, from its model, or from other doses of the same source."""
    for (source, dose), run in runs.items():
        if run.plan != (plan := asking.plan(source, dose)):
            names = [name for name in type(plan).model_fields if getattr(plan, name) != getattr(run.plan, name)]
            yield (
                f"run '{run.id}' does not measure '{source}' of '{dose.method}' at {dose.strength:g}: its plan has "
                f"other values of {', '.join(names)}."
            )
        elif list(run.methods) != [dose.method]:
            yield f"run '{run.id}' has other rows than '{dose.method}'."
        else:
            plain = runs[source, PLAIN].identity
            alike = {"engine": runs[CALIBRATION, PLAIN].identity, "task": plain, "judges": plain}
            for name, of in alike.items():
                if run.identity.get(name) != of.get(name):
                    yield f"run '{run.id}' differs from the unsteered one in its {name}, so they cannot be compared."


def _of_doses(said: TradeoffResult, asking: Asking) -> Iterator[str]:
    """Differences of a curve's strengths from those that its range and the number of levels give."""
    if isinstance(said.asked_for, str) and said.asked_for not in said.curves:
        yield f"asked_for: '{said.asked_for}' is not one of the methods."
    for method, curve in said.curves.items():
        dial = dial_of(method, asking.base.method_parameters, asking.base.seed)
        if dial != curve.dial:
            yield f"curves.{method}.dial: said {curve.dial}, but the method's is {dial}."
            continue
        strengths, told = strengths_of(dial, asking.levels), [point.strength for point in curve.points]
        if len(told) != len(strengths) or not all(map(math.isclose, told, strengths)):
            yield f"curves.{method}.points: their strengths are said to be {told}, but should be {strengths}."


def _terms(said: TradeoffResult, asking: Asking, task: Task) -> Terms:
    return Terms(
        effect_task=asking.base.task,
        targets=list(dict.fromkeys(target.id for target, _ in asked_of(task).values())),
        side_cost=task.cost,
        costs=list(asking.costs),
        dials={method: curve.dial for method, curve in said.curves.items()},
        strengths={method: [point.strength for point in curve.points] for method, curve in said.curves.items()},
        wanted=asking.wanted,
        seed=asking.base.seed,
    )


class _Tasks:
    """Rebuilt tasks and their questions, shared by most of a trade-off's runs."""

    def __init__(self) -> None:
        self._built: list[tuple[tuple[Any, ...], Task, AskedItems]] = []

    def of(self, run: Published) -> tuple[Task, AskedItems]:
        key = (run.plan.task, run.plan.task_parameters, run.plan.seed, run.plan.protocol)
        for known, task, asked in self._built:
            if known == key:
                return task, asked
        task = rebuilt(run.plan)
        task.unseal()
        self._built.append((key, task, asked_of(task)))
        return self._built[-1][1:]


def _evidence(runs: Runs, results: Path, tasks: _Tasks) -> Evidence:
    told = {}
    for (source, dose), run in runs.items():
        rows = {(row["target"], row["item"]): row for row in read_samples(results / run.id).iter_rows(named=True)}
        scored = rescored(run, *tasks.of(run), {dose.method: rows})[dose.method]
        # In the order of a ledger, so that sums have the same last digits.
        in_order = {(one.target, one.item): one.score for one in sorted(scored, key=lambda one: (one.target, one.item))}
        losses = {place: score.loss for place, score in in_order.items()}
        costs = {place: score.cost for place, score in in_order.items()}
        told[source, dose] = Told(run.id, run.digest, LossesAndCosts(losses, costs), run.methods[dose.method].flags)
    return Evidence(told)


def _in_words(result: TradeoffResult) -> dict[str, Any]:
    """All fields of a result, flags in words: older trade-offs hold no others."""
    told = result.model_dump()
    for name, curve in result.curves.items():
        fields = told["curves"][name]
        for point, of_point in zip(
            (*curve.points, curve.measured), (*fields["points"], fields["measured"]), strict=True
        ):
            of_point["flags"] = point.warnings
    return told


def _differing(said: Any, found: Any, where: str) -> Iterator[str]:
    """Every leaf that differs from the recomputed one, by its dotted name."""
    if isinstance(said, Mapping) and isinstance(found, Mapping) and list(said) == list(found):
        for name in said:
            yield from _differing(said[name], found[name], f"{where}.{name}" if where else str(name))
    elif isinstance(said, list | tuple) and isinstance(found, list | tuple) and len(said) == len(found):
        for place, (one, other) in enumerate(zip(said, found, strict=True)):
            yield from _differing(one, other, f"{where}.{place}")
    elif not _same(said, found):
        yield f"{where}: said {_short(said)}, recomputed {_short(found)}."


def _same(said: Any, found: Any) -> bool:
    if isinstance(said, float) and isinstance(found, float):
        return math.isclose(said, found, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return type(said) is type(found) and bool(said == found)


def _short(value: Any) -> str:
    return str(value)[:200]
