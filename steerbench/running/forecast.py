"""What a run will ask, row by row, counted before it asks anything, and how long that may take.

Counted are answers as the ledger keeps them: one for each item of a target under each setting that calibration tries,
and one for each item that measures.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from steerbench.contracts import Control, Judged, Method, Split, Task, has_dial
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Target
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
    """The answers of a row, by what they are for.

    `calibration` is the most that there can be where `at_most`: how many wordings a method has, its fit tells, and that
    one needs the model. `asked_calibration` and `asked_test` are those of both that the model has to give: what all
    targets are asked alike, by a row that changes nothing or at strength 0, it is asked once.
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
        """Answers that the model has to give."""
        return self.asked_calibration + self.asked_test


@dataclass(frozen=True)
class Done:
    """What a ledger holds already: answers by row and split, and the rows whose settings are frozen."""

    answers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    frozen: frozenset[str] = frozenset()


NOTHING_DONE = Done()


def forecast(prepared: Prepared, opened: Task) -> list[RowForecast]:
    """Every row of a run; the reference that calibration asks for its cost stands behind them, as in the ledger.

    `opened` is the run's task, built anew and unsealed (`planning.opened_task`): the run's own stays sealed.

    Raises:
        UserError: strengths are taken from a run that has none for a target.
    """
    rows = [_row(prepared.plan, opened, row) for row in prepared.rows]
    return [*rows, *_reference(prepared.plan, opened, rows)]


def missing(rows: Sequence[RowForecast], done: Done = NOTHING_DONE) -> int:
    """How many answers the model has still to give."""
    return sum(_missing(row, done) for row in rows)


def done_in(folder: Path) -> Done:
    """What the run in a folder has; nothing where there is none, or none that can be read: the run says so itself."""
    path = folder / LEDGER
    if not path.exists():
        return NOTHING_DONE
    # Looked at and no more: SQLite would lay its own files beside a ledger that nobody has open.
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=0.2)) as ledger:
            counted = ledger.execute("SELECT method, split, count(*) FROM samples GROUP BY method, split").fetchall()
            frozen = ledger.execute("SELECT DISTINCT method FROM choices").fetchall()
    except sqlite3.Error:
        return NOTHING_DONE
    return Done({(name, split): count for name, split, count in counted}, frozenset(name for (name,) in frozen))


def expected(rows: Sequence[RowForecast], done: Done, speed: AnswerSpeed | None, judged: bool) -> str:
    """How long a run will take, in one sentence that says what is left out."""
    answers = missing(rows, done)
    beside = "fitting, steering, longer prompts and judges" if judged else "fitting, steering and longer prompts"
    if not answers:
        return "The model has given all its answers."
    count = f"{'at most ' if any(row.at_most for row in rows) else ''}{answers:,} answers"
    count += " that are missing" if done.answers else ""
    if speed is None:
        return f"{count[0].upper()}{count[1:]}; how long they take is not known: no calibration item can be tried."
    tried = f"the speed of {speed.together:,} plain one{'s' if speed.together > 1 else ''} asked now"
    if speed.tokens:
        tried += f", each cut at {speed.tokens} tokens and reckoned to be {speed.limit} long"
    return f"About {duration(answers * speed.seconds)} for {count} at {tried}; {beside} come on top."


def duration(seconds: float) -> str:
    """In words, with no more digits than an expectation has: "40 seconds", "3 minutes", "2.5 hours"."""
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
    # Under the published protocol the answers that chose are those that measure.
    copied = plan.protocol == "published" and calibration > 0
    distinct = set(measured) if _changes_nothing(row.method) else measured
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
    """The answers that choose settings, and those of them that the model has to give."""
    if not any(trials):
        return 0, 0
    items = [[item.id for item in opened.items(target, split)] for target in targets]
    answers = sum(count * len(ids) for count, ids in zip(trials, items, strict=True))
    # Every search tries strength 0, which is the plain model unless another method of the row has put a prompt.
    plain = has_dial(method) and not isinstance(method, Composed)
    return answers, answers - (sum(map(len, items)) - len({i for ids in items for i in ids}) if plain else 0)


def _choosing(plan: Plan) -> Split:
    """The split whose items choose settings."""
    return Split.TEST if plan.protocol == "published" else Split.CALIBRATION


def _trials(plan: Plan, opened: Task, row: PlanRow, targets: Sequence[Target]) -> tuple[list[int], bool]:
    """How many settings are tried for each target, and whether that is only the most that may be."""
    method, none = row.method, [0] * len(targets)
    if isinstance(method, Control) or strengths.given(plan, opened, row.name, method, targets) is not None:
        return none, False
    if has_dial(method):
        return [evaluations(plan, method, [])] * len(targets), False
    if plan.protocol == "published" or _changes_nothing(method):
        return none, False
    fits = _fits_without_model(method, targets)
    if fits is None:
        return [plan.budget] * len(targets), True
    if not any(fitted.alternatives for fitted in fits):
        return none, False
    return [min(plan.budget, 1 + len(fitted.alternatives)) for fitted in fits], False


def _reference(plan: Plan, opened: Task, rows: Sequence[RowForecast]) -> list[RowForecast]:
    """The row whose cost is the ceiling of every search (`Run.ceilings`): asked once if anything is searched."""
    name = opened.reference if isinstance(opened, Judged) else ""
    if not name or plan.rule != "fluency-floor" or not any(row.calibration for row in rows):
        return []
    targets = opened.targets(_choosing(plan))
    asked = sum(len(opened.items(target, _choosing(plan))) for target in targets)
    by_model = asked if build_method(name, {}, plan.seed).needs_model else 0
    return [RowForecast(f"reference:{name}", "reference", len(targets), asked, 0, by_model, 0)]


def _changes_nothing(method: Method) -> bool:
    return bool(getattr(method, "changes_nothing", False))


class _ModelNeededError(Exception):
    """A fit has turned to the model."""


class _NoModel:
    """Stands where a fit is given its engine, and lets a fit that needs none go on."""

    def __getattr__(self, name: str) -> object:
        raise _ModelNeededError


def _fits_without_model(method: Method, targets: Sequence[Target]) -> list[Steering] | None:
    """A method's fits, which tell its wordings; None if it asks the model for them."""
    try:
        return fit(method, _NoModel(), targets)  # type: ignore[arg-type]
    except _ModelNeededError:
        return None
