"""Carries out a plan: fit, calibrate, freeze every choice, only then measure.

Nothing is printed here and nothing is random: each start of the same plan replays the same steps against
the ledger and asks the engine only what is missing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from steerbench import strengths
from steerbench.calibration import Search, Setting
from steerbench.composition import build_method
from steerbench.construction import checked
from steerbench.contracts import Control, Engine, Judge, Judged, Scored, Split, Task
from steerbench.controls import asked_of_row, check_controls, revealed
from steerbench.errors import UserError
from steerbench.evaluation import Evaluation, Question, Step, packing_of
from steerbench.fits import Fits
from steerbench.found_ledgers import LEDGER as LEDGER
from steerbench.judging.check import checks
from steerbench.judging.panel import Panel, refuse_self_judging
from steerbench.ledger import Ledger
from steerbench.losses import target_costs, target_losses
from steerbench.models.embedded import EMBEDDED
from steerbench.plan import (
    Identity,
    Plan,
    Row,
    adapted_row,
    build_judges,
    build_rows,
    build_task,
    code_of_run,
    identify,
)
from steerbench.plugins import find
from steerbench.progress import Progress, Silent
from steerbench.reporting import judge_results, medians, report
from steerbench.results import RESULT, RunResult, read_result, write_result
from steerbench.room import Asked, check_room
from steerbench.steering import UNSTEERED, Steering
from steerbench.targets import Item, Target
from steerbench.trials import evaluations, trials


@dataclass(frozen=True, eq=False)
class Prepared:
    """A plan with everything built that it names: checked, identified, ready to run."""

    plan: Plan
    task: Task
    rows: list[Row]
    engine: Engine | None
    identity: Identity
    judges: Mapping[str, Judge] = field(default_factory=dict)

    def folder(self, out: Path) -> Path:
        """Where this run lives under `out`: the same plan has the same folder."""
        methods = "-".join(self.plan.methods)[:60].rstrip("-+")
        return out / f"{self.plan.task}-{methods}-{self.identity.digest[:10]}"


def prepare(plan: Plan, device: str | None = None, engine: Engine | None = None) -> Prepared:
    """Build task, methods and, if a row needs one, the engine with its model.

    `engine` is one that has the plan's model loaded already; it is shared with whoever else runs on it.

    Raises:
        UserError: something the plan names does not exist or cannot be had, or does not fit the model.
    """
    task = build_task(plan)
    rows = build_rows(plan, task)
    strengths.check_strengths(plan, task, rows)
    check_controls(task, rows)
    judges = build_judges(plan, task)
    needed = any(row.method.needs_model for row in rows) or any(judge.needs_model for judge in judges.values())
    engine = (engine or open_engine(plan, device)) if needed else None
    if engine is not None:
        rows = [adapted_row(row, engine) for row in rows]
        refuse_self_judging(judges, engine.identity(), plan.model or EMBEDDED)
    code = code_of_run(plan, rows, task, judges, engine)
    identity = identify(plan, rows, engine.identity() if engine else None, task.identity(), code, judges)
    return Prepared(plan, task, rows, engine, identity, judges)


def open_engine(plan: Plan, device: str | None = None) -> Engine:
    """The plan's engine, with its model.

    Raises:
        UserError: it does not exist or takes no such parameter, or the model cannot be had.
    """
    template = Path(plan.chat_template) if plan.chat_template else None
    load = find("engine", plan.engine).load
    given = checked("engine", plan.engine, plan.engine_parameters, load)
    usual = {"spec": plan.model or EMBEDDED, "dtype": plan.dtype, "device": device, "chat_template": template}
    if twice := sorted(given.keys() & usual):
        raise UserError(f"{plan.engine}.{twice[0]} is no parameter of its own: use --model, --dtype or --device.")
    engine: Engine = load(**usual, **given)
    return engine


def execute(
    prepared: Prepared, folder: Path, progress: Progress | None = None, judge_budget: float | None = None
) -> RunResult:
    """Run, or go on running, in `folder`; a finished run is read from there.

    `judge_budget` is the most that judges may cost, over all starts.

    Raises:
        UserError: the folder holds another run, cannot be written, or is in use; the budget is spent.
    """
    if (folder / RESULT).exists():
        result = read_result(folder)
        if result.digest == prepared.identity.digest:
            return result
    packing = packing_of(prepared.engine)
    budget = packing.token_budget if packing is not None else None
    with Ledger.open(folder / LEDGER, prepared.identity, prepared.plan, budget) as ledger:
        heard = progress or Silent()
        panel = Panel(prepared.judges, prepared.engine, ledger.verdicts, judge_budget, progress=heard)
        checked = checks(panel, heard)
        run = Run(prepared, folder, ledger, heard, panel)
        scored = run.measure()
        judged = judge_results(panel, checked)
        result = report(
            prepared.plan, prepared.task, prepared.rows, prepared.identity, ledger, scored, judged, run.facts
        )
    write_result(result, folder)
    return result


class Run:
    """One start of a run, with its ledger open."""

    def __init__(self, prepared: Prepared, folder: Path, ledger: Ledger, progress: Progress, panel: Panel) -> None:
        self.plan, self.task, self.rows = prepared.plan, prepared.task, prepared.rows
        self.ledger, self.progress = ledger, progress
        self.fits = Fits(prepared.engine, folder, ledger, progress)
        self.evaluation = Evaluation(prepared.engine, self.task, ledger, progress, panel)
        self.facts: dict[str, dict[str, float]] = {}
        """By row, what its fits came upon."""
        self.published = self.plan.protocol == "published"
        self.split = Split.TEST if self.published else Split.CALIBRATION
        """The items that choose settings."""

    def measure(self) -> dict[str, list[Scored]]:
        """Every row's scored test items. Test answers are unsealed once all choices are frozen.

        Under the published protocol they are unsealed at once and choose the strength, as in the papers' code.
        """
        if self.published:
            self.task.unseal()
        for row in self.rows:
            self.choose(row)
        if not self.published:
            self.task.unseal()
        return {row.name: self.evaluate(row) for row in self.rows}

    def fit(self, row: Row, split: Split, targets: Sequence[Target]) -> list[Steering]:
        """Each target's steering; where nothing is held out of it while calibrating, that is the one of both splits."""
        if split is Split.TEST and not self.published and self._nothing_held_out:
            split = Split.CALIBRATION
        return self.fits.of(row.name, row.method, split, targets)

    @cached_property
    def _nothing_held_out(self) -> bool:
        return self.task.targets(Split.TEST) == self.task.targets(Split.CALIBRATION)

    # -- what fits the model

    def _fitting(self, row: Row, split: Split) -> list[Steering]:
        """The fits of a split's targets, once their prompts for its items are known to fit the model's context.

        Measuring items are sealed while settings are chosen: till then what is shown with them stands before the
        items that choose.

        Raises:
            UserError: one does not; nothing was asked for the method.
        """
        engine, targets = self.evaluation.engine, self.task.targets(split)
        if engine is None or not row.method.needs_model:
            return self.fit(row, split, targets)
        check_room(engine, self.task, row.name, self._longest(row, targets, [UNSTEERED for _ in targets], split))
        fits = self.fit(row, split, targets)
        check_room(engine, self.task, row.name, self._longest(row, targets, fits, split))
        if split is not Split.TEST and any(fitted.prompt for fitted in fits):
            shown = self.fit(row, Split.TEST, self.task.targets(Split.TEST))
            check_room(engine, self.task, row.name, self._longest(row, targets, shown, split))
        return fits

    def _revealed(self, row: Row, method: Control) -> list[Steering]:
        """A control's steerings, of the answers that measure: nothing is left to choose when they are handed out."""
        targets = self.task.targets(Split.TEST)
        fits = revealed(self.task, method, targets)
        if self.evaluation.engine is not None:
            asked = self._longest(row, targets, fits, Split.TEST)
            check_room(self.evaluation.engine, self.task, row.name, asked)
        return fits

    def _longest(self, row: Row, targets: Sequence[Target], fits: Sequence[Steering], split: Split) -> Iterator[Asked]:
        """A split's items for every target, under the longest of the wordings that calibration may choose."""
        for target, fitted in zip(targets, fits, strict=True):
            if fitted.reply is None:
                longest = max((fitted.prompt, *fitted.alternatives), key=lambda prompt: len(prompt.as_message()))
                for item in self._items(row.name, target, split):
                    yield target, item, fitted.worded(longest).at(item)

    def _items(self, name: str, target: Target, split: Split) -> Sequence[Item]:
        return asked_of_row(self.task, name, target) if split is Split.TEST else self.task.items(target, split)

    # -- calibrate

    def choose(self, row: Row) -> None:
        """Freeze each target's setting in the ledger, if it is not frozen yet."""
        if self.ledger.choices(row.name):
            for number in self.ledger.steps(row.name, Split.CALIBRATION):
                self.evaluation.recall(row.name, Split.CALIBRATION, number)
            return
        targets = self.task.targets(self.split)
        if isinstance(row.method, Control):
            self.ledger.freeze(row.name, {target.id: Setting(row.method.strengths[0]) for target in targets}, {})
            return
        settings = strengths.given(self.plan, self.task, row.name, row.method, targets)
        if settings is not None:
            self.ledger.freeze(row.name, settings, {})
            return
        fits = self._fitting(row, self.split)
        # The published protocols search strengths only: a prompt is the one its paper gives.
        wordings = not self.published and any(fitted.alternatives for fitted in fits)
        if not strengths.has_dial(row.method) and not wordings:
            self.ledger.freeze(row.name, {target.id: Setting(row.method.strengths[0]) for target in targets}, {})
            return
        search = self._search(row, targets, fits)
        self.ledger.freeze(row.name, search.best(), search.losses())

    def _search(self, row: Row, targets: Sequence[Target], fits: Sequence[Steering]) -> Search:
        """Try settings until the budget is spent; one step asks for all targets at once."""
        ceilings = self.ceilings
        by_id = dict(zip([target.id for target in targets], zip(targets, fits, strict=True), strict=True))
        search = Search(list(by_id), lambda target: trials(self.plan, row.method, by_id[target][1]))
        items = sum(len(self.task.items(target, self.split)) for target in targets)
        self.progress.started("calibrate", row.name, len(targets), items * evaluations(self.plan, row.method, fits))
        number = 0
        while not search.finished:
            questions = [
                question
                for target, setting in search.propose().items()
                if setting is not None
                for question in self._questions(row.name, *by_id[target], setting, self.split)
            ]
            rows = self.evaluation.step(Step(row.name, Split.CALIBRATION, number, "calibrate"), questions)
            costs = target_costs(rows) if ceilings else {}
            over = {target: max(0.0, cost - ceilings[target]) for target, cost in costs.items()}
            search.observe(target_losses(rows, self.task), over)
            number += 1
        self.progress.finished()
        return search

    @cached_property
    def ceilings(self) -> dict[str, float]:
        """By target, the mean cost of the task's reference, which no chosen setting may exceed; empty without one."""
        reference = self.task.reference if isinstance(self.task, Judged) else ""
        if not reference or self.plan.rule != "fluency-floor":
            return {}
        name, method = f"reference:{reference}", build_method(reference, {}, self.plan.seed)
        targets = self.task.targets(self.split)
        self.progress.started("calibrate", name, len(targets), 0)
        fits = self.fits.of(name, method, self.split, targets)
        setting = Setting(method.strengths[0])
        questions = [
            question
            for target, fitted in zip(targets, fits, strict=True)
            for question in self._questions(name, target, fitted, setting, self.split)
        ]
        rows = self.evaluation.step(Step(name, Split.CALIBRATION, 0, "calibrate"), questions)
        self.progress.finished()
        return target_costs(rows)

    def _questions(self, name: str, target: Target, fitted: Steering, setting: Setting, split: Split) -> list[Question]:
        steering = setting.apply(fitted)
        return [Question(target, item, setting, steering) for item in self._items(name, target, split)]

    # -- evaluate

    def evaluate(self, row: Row) -> list[Scored]:
        """Refit on all shown answers and ask the test items under the frozen settings."""
        targets = self.task.targets(Split.TEST)
        chosen = self.ledger.choices(row.name)
        method = row.method
        fits = self._revealed(row, method) if isinstance(method, Control) else self._fitting(row, Split.TEST)
        self.facts[row.name] = medians(fits)
        questions: list[Question] = []
        for target, fitted in zip(targets, fits, strict=True):
            questions += self._questions(row.name, target, fitted, chosen[target.id], Split.TEST)
            self.fits.keep(row.name, target, chosen[target.id], fitted)
        tried = self.published and self.ledger.steps(row.name, Split.CALIBRATION)
        if tried and not self.ledger.steps(row.name, Split.TEST):
            self.ledger.copy_chosen(row.name, chosen)
        self.progress.started("evaluate", row.name, len(targets), len(questions))
        rows = self.evaluation.step(Step(row.name, Split.TEST, 0, "evaluate"), questions)
        self.progress.finished()
        return [scored for target in targets for scored in rows.get(target.id, [])]
