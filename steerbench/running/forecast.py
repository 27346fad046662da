"""Forecasts how many answers each row of a run needs, before anything is asked, and how long they take.

Answers are counted as in the ledger: one for each item of a target under each setting that calibration tries, and one
for each test item.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from steerbench.contracts import Control, Judged, Method, Split, Task, has_dial
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Target
from steerbench.errors import counted
from steerbench.plugins.composed import Composed, build_method, fit
from steerbench.records.found_ledgers import LEDGER
from steerbench.records.plan import Plan, PlanRow
from steerbench.running import strengths
from steerbench.running.controls import asked_of_row
from steerbench.running.preparing import Prepared
from steerbench.running.probe import AnswerSpeed
from steerbench.running.trials import evaluations


@dataclass(frozen=True)
class RowForecast:
    """The number of a row's answers, by purpose.

    `at_most` says that `calibration` is an upper bound: the number of wordings is known only after a fit that needs the
    model. `asked_calibration` and `asked_test` count those answers that the model generates. A prompt that is the same
    for all targets, in an unsteered row or at strength 0, is asked once.
    """

    name: str
    role: str
    targets: int
    calibration: int
    test: int
    asked_calibration: int
    asked_test: int
    at_most: bool = False

    @property
    def asked(self) -> int:
        """The number of answers that the model generates."""
        return self.asked_calibration + self.asked_test


@dataclass(frozen=True)
class Done:
    """What a ledger already holds: answers by row and split, and the rows whose settings are frozen."""

    answers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    frozen: frozenset[str] = frozenset()


NOTHING_DONE = Done()


def forecast(prepared: Prepared, opened: Task) -> list[RowForecast]:
    """The forecast of every row. The reference that sets calibration's cost ceiling comes last, as in the ledger.

    `opened` is the run's task, built anew and unsealed (`power.opened_task`); the run's own task stays sealed.

    Raises:
        UserError: strengths are taken from a run that has none for a target.
    """
    rows = [_row(prepared.plan, opened, row) for row in prepared.rows]
    return [*rows, *_reference(prepared.plan, opened, rows)]


def missing(rows: Sequence[RowForecast], done: Done = NOTHING_DONE) -> int:
    """How many answers the model still has to generate."""
    return sum(_missing(row, done) for row in rows)


def done_in(folder: Path) -> Done:
    """What the run in a folder has done; nothing if there is no readable ledger, because the run itself reports
    that."""
    path = folder / LEDGER
    if not path.exists():
        return NOTHING_DONE
    # Read-only and immutable: SQLite would otherwise create its own files next to a ledger that nobody has open.
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=0.2)) as ledger:
            counted = ledger.execute("SELECT method, split, count(*) FROM samples GROUP BY method, split").fetchall()
            frozen = ledger.execute("SELECT DISTINCT method FROM choices").fetchall()
    except sqlite3.Error:
        return NOTHING_DONE
    return Done({(name, split): count for name, split, count in counted}, frozenset(name for (name,) in frozen))


def expected(rows: Sequence[RowForecast], done: Done, speed: AnswerSpeed | None, judged: bool) -> str:
    """One sentence on how long a run will take, and what this leaves out."""
    answers = missing(rows, done)
    beside = "fitting, steering, longer prompts and judges" if judged else "fitting, steering and longer prompts"
    if not answers:
        return "The model has given all its answers."
    count = f"{'at most ' if any(row.at_most for row in rows) else ''}{counted(answers, 'answers')}"
    count += " that are missing" if done.answers else ""
    if speed is None:
        return f"{count[0].upper()}{count[1:]}; how long they take is not known: no calibration item can be tried."
    tried = f"the speed of {speed.together:,} plain one{'s' if speed.together > 1 else ''} asked now"
    if speed.tokens:
        tried += f", each cut at {speed.tokens} tokens and extrapolated to {speed.limit}"
    return f"About {duration(answers * speed.seconds)} for {count} at {tried}; {beside} come on top."


def duration(seconds: float) -> str:
    """A duration in words, rounded as a forecast should be: "40 seconds", "3 minutes", "2.5 hours"."""
    for unit, length in (("day", 86400.0), ("hour", 3600.0), ("minute", 60.0)):
        if seconds >= 1.5 * length:
            count = seconds / length
            return f"{count:.0f} {unit}s" if count >= 10 or unit == "minute" else f"{count:.2g} {unit}s"
    return "a second" if seconds < 1.5 else f"{seconds:.0f} seconds"


def _missing(row: RowForecast, done: Done) -> int:
    calibrated, measured = (done.answers.get((row.name, split), 0) for split in (Split.CALIBRATION, Split.TEST))
    calibration = 0 if row.name in done.frozen else row.calibration - calibrated
    return max(0, min(row.asked_calibration, calibration)) + max(0, min(row.asked_test, row.test - measured))


def _row(plan: Plan, opened: Task, row: PlanRow) -> RowForecast:
    split = _choosing(plan)
    targets = opened.targets(split)
    trials, at_most = _trials(plan, opened, row, targets)
    calibration, asked = _calibration(opened, row.method, targets, trials, split)
    measured = [item.id for target in opened.targets(Split.TEST) for item in asked_of_row(opened, row.name, target)]
    # The published protocol chooses on the test items, so their answers are copied and not asked again.
    copied = plan.protocol == "published" and calibration > 0
    distinct = set(measured) if row.method.changes_nothing else measured
    return RowForecast(
        name=row.name,
        role=row.role or "method",
        targets=len(opened.targets(Split.TEST)),
        calibration=calibration,
        test=len(measured),
        asked_calibration=asked if row.method.needs_model else 0,
        asked_test=len(distinct) if row.method.needs_model and not copied else 0,
        at_most=at_most,
    )


def _calibration(
    opened: Task, method: Method, targets: Sequence[Target], trials: Sequence[int], split: Split
) -> tuple[int, int]:
    """The number of calibration answers, and how many of them the model generates."""
    if not any(trials):
        return 0, 0
    items = [[item.id for item in opened.items(target, split)] for target in targets]
    answers = sum(count * len(ids) for count, ids in zip(trials, items, strict=True))
    # Every search tries strength 0, which is the unsteered model unless another method of the row adds a prompt.
    plain = has_dial(method) and not isinstance(method, Composed)
    return answers, answers - (sum(map(len, items)) - len({i for ids in items for i in ids}) if plain else 0)


def _choosing(plan: Plan) -> Split:
    """The split on which settings are chosen."""
    return Split.TEST if plan.protocol == "published" else Split.CALIBRATION


def _trials(plan: Plan, opened: Task, row: PlanRow, targets: Sequence[Target]) -> tuple[list[int], bool]:
    """How many settings are tried for each target, and whether that is an upper bound."""
    method, none = row.method, [0] * len(targets)
    if isinstance(method, Control) or strengths.given(plan, opened, row.name, method, targets) is not None:
        return none, False
    if has_dial(method):
        return [evaluations(plan, method, [])] * len(targets), False
    if plan.protocol == "published" or method.changes_nothing:
        return none, False
    fits = _fits_without_model(method, targets)
    if fits is None:
        return [plan.budget] * len(targets), True
    if not any(fitted.alternatives for fitted in fits):
        return none, False
    return [min(plan.budget, 1 + len(fitted.alternatives)) for fitted in fits], False


def _reference(plan: Plan, opened: Task, rows: Sequence[RowForecast]) -> list[RowForecast]:
    """The row that sets the cost ceiling of every search (`Run.ceilings`), asked once if anything is searched."""
    name = opened.reference if isinstance(opened, Judged) else ""
    if not name or plan.rule != "fluency-floor" or not any(row.calibration for row in rows):
        return []
    targets = opened.targets(_choosing(plan))
    asked = sum(len(opened.items(target, _choosing(plan))) for target in targets)
    by_model = asked if build_method(name, {}, plan.seed).needs_model else 0
    return [RowForecast(f"reference:{name}", "reference", len(targets), asked, 0, by_model, 0)]


class _ModelNeededError(Exception):
    """A fit used the model."""


class _NoModel:
    """Takes the place of the engine in a fit. Any use of it raises, so only fits without a model succeed."""

    def __getattr__(self, name: str) -> object:
        raise _ModelNeededError


def _fits_without_model(method: Method, targets: Sequence[Target]) -> list[Steering] | None:
    """A method's fits, which contain its wordings; None if they need the model."""
    try:
        return fit(method, _NoModel(), targets)  # type: ignore[arg-type]
    except _ModelNeededError:
        return None
