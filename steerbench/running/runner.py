"""Executes a plan: fit, calibrate, freeze every choice, and only then measure.

Nothing is printed and nothing is random here. Each start of the same plan repeats the same steps against the ledger,
and asks the engine only for what is missing.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from steerbench.contracts import Control, Judged, Scored, Split, has_dial, packing_of
from steerbench.contracts.progress import Progress, Silent
from steerbench.contracts.setting import Setting
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.contracts.targets import Item, Target
from steerbench.engines.room import ItemUnderSteering, check_room
from steerbench.judging.check import checks
from steerbench.judging.panel import Panel
from steerbench.plugins.composed import build_method
from steerbench.records.found_ledgers import LEDGER
from steerbench.records.ledger import Ledger
from steerbench.records.plan import (
    PlanRow,
)
from steerbench.records.results import RESULT, RunResult, read_result, write_result
from steerbench.running import strengths
from steerbench.running.calibration import StrengthSearch
from steerbench.running.controls import asked_of_row, revealed
from steerbench.running.evaluation import Evaluation, SteeredItem, Step
from steerbench.running.fits import Fits
from steerbench.running.losses import target_costs, target_losses
from steerbench.running.preparing import Prepared
from steerbench.running.summarising import judge_results, medians, report
from steerbench.running.trials import evaluations, trials


def execute(
    prepared: Prepared, folder: Path, progress: Progress | None = None, judge_budget: float | None = None
) -> RunResult:
    """Starts or continues a run in `folder`. The result of a finished run is read from there.

    `judge_budget` is the most that judges may cost, over all starts.

    Raises:
        UserError: the folder holds another run, cannot be written or is in use; or the budget is spent.
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
        run = OpenRun(prepared, folder, ledger, heard, panel)
        scored = run.measure()
        judged = judge_results(panel, checked)
        result = report(
            prepared.plan, prepared.task, prepared.rows, prepared.identity, ledger, scored, judged, run.facts
        )
    write_result(result, folder)
    return result


class OpenRun:
    """One start of a run, with an open ledger."""

    def __init__(self, prepared: Prepared, folder: Path, ledger: Ledger, progress: Progress, panel: Panel) -> None:
        self.plan, self.task, self.rows = prepared.plan, prepared.task, prepared.rows
        self.ledger, self.progress = ledger, progress
        self.fits = Fits(prepared.engine, folder, ledger, progress)
        self.evaluation = Evaluation(prepared.engine, self.task, ledger, progress, panel)
        self.facts: dict[str, dict[str, float]] = {}
        """By row, the medians of its fits' facts."""
        self.published = self.plan.protocol == "published"
        self.split = Split.TEST if self.published else Split.CALIBRATION
        """The split on which settings are chosen."""

    def measure(self) -> dict[str, list[Scored]]:
        """Every row's scored test items. Test answers are unsealed once all choices are frozen.

        Under the published protocol they are unsealed first and choose the strength, as in the papers' code.
        """
        if self.published:
            self.task.unseal()
        for row in self.rows:
            self.choose(row)
        if not self.published:
            self.task.unseal()
        return {row.name: self.evaluate(row) for row in self.rows}

    def fit(self, row: PlanRow, split: Split, targets: Sequence[Target]) -> list[Steering]:
        """Each target's steering. If both splits have the same targets, nothing is held out and one fit serves both."""
        if split is Split.TEST and not self.published and self._nothing_held_out:
            split = Split.CALIBRATION
        return self.fits.of(row.name, row.method, split, targets)

    @cached_property
    def _nothing_held_out(self) -> bool:
        return self.task.targets(Split.TEST) == self.task.targets(Split.CALIBRATION)

    # -- what fits the model

    def _fitting(self, row: PlanRow, split: Split) -> list[Steering]:
        """The fits of a split's targets, after a check that their prompts for its items fit the model's context.

        Test items are sealed while settings are chosen. So the test fits' shown answers are checked with the
        calibration items first.

        Raises:
            UserError: a prompt is too long; nothing has been asked for the method.
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

    def _revealed(self, row: PlanRow, method: Control) -> list[Steering]:
        """A control's steerings, made from the test answers once every choice is frozen."""
        targets = self.task.targets(Split.TEST)
        fits = revealed(self.task, row.name, method, targets)
        if self.evaluation.engine is not None:
            asked = self._longest(row, targets, fits, Split.TEST)
            check_room(self.evaluation.engine, self.task, row.name, asked)
        return fits

    def _longest(
        self, row: PlanRow, targets: Sequence[Target], fits: Sequence[Steering], split: Split
    ) -> Iterator[ItemUnderSteering]:
        """A split's items for every target, under the longest wording that calibration may choose."""
        for target, fitted in zip(targets, fits, strict=True):
            if fitted.reply is None:
                longest = max((fitted.prompt, *fitted.alternatives), key=lambda prompt: len(prompt.as_message()))
                for item in self._items(row.name, target, split):
                    yield target, item, fitted.worded(longest).at(item)

    def _items(self, name: str, target: Target, split: Split) -> Sequence[Item]:
        return asked_of_row(self.task, name, target) if split is Split.TEST else self.task.items(target, split)

    # -- calibrate

    def choose(self, row: PlanRow) -> None:
        """Freezes each target's setting in the ledger, unless it is frozen already."""
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
        # The published protocol searches strengths only: the prompt is the paper's.
        wordings = not self.published and any(fitted.alternatives for fitted in fits)
        if not has_dial(row.method) and not wordings:
            self.ledger.freeze(row.name, {target.id: Setting(row.method.strengths[0]) for target in targets}, {})
            return
        search = self._search(row, targets, fits)
        self.ledger.freeze(row.name, search.best(), search.losses())

    def _search(self, row: PlanRow, targets: Sequence[Target], fits: Sequence[Steering]) -> StrengthSearch:
        """Tries settings until the budget is spent; each step asks for all targets at once."""
        ceilings = self.ceilings
        by_id = dict(zip([target.id for target in targets], zip(targets, fits, strict=True), strict=True))
        search = StrengthSearch(list(by_id), lambda target: trials(self.plan, row.method, by_id[target][1]))
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
        """By target, the mean cost of the task's reference, a ceiling for chosen settings; empty without a
        reference."""
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

    def _questions(
        self, name: str, target: Target, fitted: Steering, setting: Setting, split: Split
    ) -> list[SteeredItem]:
        steering = setting.apply(fitted)
        return [SteeredItem(target, item, setting, steering) for item in self._items(name, target, split)]

    # -- evaluate

    def evaluate(self, row: PlanRow) -> list[Scored]:
        """Refits on all shown answers and asks the test items under the frozen settings."""
        targets = self.task.targets(Split.TEST)
        chosen = self.ledger.choices(row.name)
        method = row.method
        fits = self._revealed(row, method) if isinstance(method, Control) else self._fitting(row, Split.TEST)
        self.facts[row.name] = medians(fits)
        questions: list[SteeredItem] = []
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
