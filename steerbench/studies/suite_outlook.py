"""What a suite would do: its runs, how many questions each asks, its folder and its state. No run is started."""

from pathlib import Path
from typing import Literal

from steerbench.contracts import Engine, Split
from steerbench.records.found_ledgers import LEDGER
from steerbench.records.results import RESULT, read_result
from steerbench.running.preparing import Prepared, prepare
from steerbench.storage.json_models import FrozenModel
from steerbench.studies.campaign import FinishedRun
from steerbench.studies.suite import Suite, SuiteEntry, resolved

State = Literal["done", "begun", "to do", "missing"]


class PlannedRun(FrozenModel):
    """A planned run. `questions` are the test questions of all rows, without those of calibration.

    `folder` is None until the strengths that the run takes from another are known.
    """

    name: str
    task: str
    rows: list[str]
    targets: list[str]
    questions: int
    strengths_from: str
    folder: Path | None
    state: State


def outlook(suite: Suite, out: Path, engine: Engine) -> list[PlannedRun]:
    """Every run of a suite, in order. Runs whose data are not available are `missing` and ask nothing."""
    made: dict[str, FinishedRun] = {}
    return [_planned(entry, suite, out, engine, made) for entry in suite.entries]


def _planned(entry: SuiteEntry, suite: Suite, out: Path, engine: Engine, made: dict[str, FinishedRun]) -> PlannedRun:
    told = {"name": entry.name, "task": entry.plan.task, "strengths_from": entry.strengths_from}
    if entry.name in suite.unavailable:
        return PlannedRun(**told, rows=list(entry.plan.methods), targets=[], questions=0, folder=None, state="missing")
    known = not entry.strengths_from or entry.strengths_from in made
    # The strength does not affect what is counted.
    plan = resolved(entry, made) if known else entry.plan.model_copy(update={"strength": 1.0})
    prepared = prepare(plan, engine=engine)
    folder = prepared.folder(out) if known else None
    state = _state(prepared, folder)
    if folder is not None and state == "done":
        made[entry.name] = FinishedRun(read_result(folder), folder)
    rows = [row.name for row in prepared.rows]
    targets = prepared.task.targets(Split.TEST)
    # Nothing is chosen with this task, so its test items may be unsealed.
    prepared.task.unseal()
    items = sum(len(prepared.task.items(target, Split.TEST)) for target in targets)
    ids = [target.id for target in targets]
    return PlannedRun(**told, rows=rows, targets=ids, questions=items * len(rows), folder=folder, state=state)


def _state(prepared: Prepared, folder: Path | None) -> State:
    if folder is None or not (folder / LEDGER).exists():
        return "to do"
    done = (folder / RESULT).exists() and read_result(folder).digest == prepared.identity.digest
    return "done" if done else "begun"
