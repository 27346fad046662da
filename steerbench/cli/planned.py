"""What a run would be: its rows, what its size can show and how long it may take; as a table, or as JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from steerbench.api.screen import console as screen
from steerbench.cli.fitting import Column, print_facts, print_table
from steerbench.errors import counted
from steerbench.records.results import RESULT
from steerbench.running.forecast import Done, RowForecast, done_in, expected, forecast, missing
from steerbench.running.power import GLANCED, opened_task, outlook, reference_spreads, stored_spreads, typical, units_of
from steerbench.running.preparing import Prepared
from steerbench.running.probe import AnswerSpeed, speed_of

FINISHED = "The run is finished; no answers are missing."


@dataclass(frozen=True)
class RunOutlook:
    """A run before it is measured.

    `shows` and `time` are sentences; `time` is empty if no row asks the model. `speed` is None if it was not tried.
    """

    task: str
    protocol: str
    folder: Path
    finished: bool
    rows: list[RowForecast]
    done: Done
    units: int
    over: str
    shows: str
    speed: AnswerSpeed | None
    time: str

    @property
    def sentences(self) -> list[str]:
        return [said for said in (self.shows, self.time) if said]


def planned(prepared: Prepared, folder: Path, out: Path) -> RunOutlook:
    """Count what a run asks and has still to ask, try how fast its engine is, and look up what its size can show.

    Raises:
        UserError: strengths are taken from a run that has none for a target.
    """
    plan, finished = prepared.plan, (folder / RESULT).exists()
    # Not the run's own task, which stays sealed until every choice is frozen.
    opened = opened_task(plan)
    rows, done = forecast(prepared, opened), done_in(folder)
    units, over = units_of(opened)
    stored = stored_spreads(plan, out)
    spreads = stored or reference_spreads(plan, GLANCED, opened, prepared.rows)
    told_by = (
        f"estimated from {counted(len(stored), 'comparisons')} under {out}"
        if stored
        else "estimated from rows without a model"
    )
    asks = prepared.engine is not None and not finished and missing(rows, done) > 0
    speed = speed_of(prepared.engine, opened) if asks and prepared.engine is not None else None
    asked = any(row.asked for row in rows)
    return RunOutlook(
        task=plan.task,
        protocol=plan.protocol,
        folder=folder,
        finished=finished,
        rows=rows,
        done=done,
        units=units,
        over=over,
        shows=outlook(units, over, typical(spreads), f"estimated from {told_by}"),
        speed=speed,
        time=FINISHED if finished else expected(rows, done, speed, bool(prepared.judges)) if asked else "",
    )


def show(run: RunOutlook, console: Console | None = None) -> None:
    """Print the rows as a table, and what its size can show and how long it may take below."""
    console = console or screen()
    print_facts(console, [run.task, f"{run.protocol} protocol"])
    columns = [
        Column("row", [row.name for row in run.rows], right=False),
        Column("role", [row.role for row in run.rows], kept=2, right=False),
        Column("targets", [f"{row.targets:,}" for row in run.rows], kept=1),
        Column("calibration answers", [f"{'up to ' if one.at_most else ''}{one.calibration:,}" for one in run.rows]),
        Column("test answers", [f"{row.test:,}" for row in run.rows]),
    ]
    print_table(console, columns, [row.role != "method" for row in run.rows])
    for said in run.sentences:
        console.print(said, highlight=False, soft_wrap=True)
    where = "It lies in" if run.done.answers or run.finished else "It would lie in"
    console.print(f"{where} {run.folder}.", highlight=False, soft_wrap=True)


def as_json(run: RunOutlook) -> str:
    """The same as one object; `answers` and `seconds` are those that the model has still to give and take."""
    answers = 0 if run.finished else missing(run.rows, run.done)
    told = {
        "task": run.task,
        "protocol": run.protocol,
        "folder": str(run.folder),
        "finished": run.finished,
        "rows": [asdict(row) for row in run.rows],
        "units": run.units,
        "over": run.over,
        "shows": run.shows,
        "answers": answers,
        "speed": None if run.speed is None else asdict(run.speed),
        "seconds": None if run.speed is None else answers * run.speed.seconds,
        "time": run.time,
    }
    return json.dumps(told, indent=1)
