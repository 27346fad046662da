"""Carries out a plan: fit, calibrate, freeze every choice, only then measure.

Nothing is printed here and nothing is random: each start of the same plan replays the same steps against
the ledger and asks the engine only what is missing.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import quote

from steerbench import calibration
from steerbench.calibration import Search, Setting, Trials
from steerbench.contracts import Engine, Method, Scored, Split, Task
from steerbench.errors import UserError
from steerbench.evaluation import Evaluation, Question, Step, packing_of, target_losses
from steerbench.ledger import Ledger
from steerbench.models.embedded import EMBEDDED
from steerbench.plan import Identity, Plan, Row, build_rows, build_task, identify
from steerbench.plugins import find
from steerbench.progress import Progress, Silent
from steerbench.reporting import report
from steerbench.results import RESULT, RunResult, read_result, write_result
from steerbench.steering import Steering, load_steering
from steerbench.storage import understandable
from steerbench.targets import Target

LEDGER = "ledger.sqlite"


@dataclass(frozen=True, eq=False)
class Prepared:
    """A plan with everything built that it names: checked, identified, ready to run."""

    plan: Plan
    task: Task
    rows: list[Row]
    engine: Engine | None
    identity: Identity

    def folder(self, out: Path) -> Path:
        """Where this run lives under `out`: the same plan has the same folder."""
        methods = "-".join(self.plan.methods)[:60].rstrip("-+")
        return out / f"{self.plan.task}-{methods}-{self.identity.digest[:10]}"


def prepare(plan: Plan, device: str | None = None) -> Prepared:
    """Build task, methods and, if a row needs one, the engine with its model.

    Raises:
        UserError: something the plan names does not exist or cannot be had.
    """
    task = build_task(plan)
    rows = build_rows(plan, task)
    engine = open_engine(plan, device) if any(row.method.needs_model for row in rows) else None
    identity = identify(plan, rows, engine.identity() if engine else None, task.identity())
    return Prepared(plan, task, rows, engine, identity)


def open_engine(plan: Plan, device: str | None = None) -> Engine:
    template = Path(plan.chat_template) if plan.chat_template else None
    engine: Engine = find("engine", plan.engine).load(
        plan.model or EMBEDDED, dtype=plan.dtype, device=device, chat_template=template
    )
    return engine


def execute(prepared: Prepared, folder: Path, progress: Progress | None = None) -> RunResult:
    """Run, or go on running, in `folder`; a finished run is read from there.

    Raises:
        UserError: the folder holds another run, cannot be written, or is in use.
    """
    if (folder / RESULT).exists():
        result = read_result(folder)
        if result.digest == prepared.identity.digest:
            return result
    packing = packing_of(prepared.engine)
    budget = packing.token_budget if packing is not None else None
    with Ledger.open(folder / LEDGER, prepared.identity, prepared.plan, budget) as ledger:
        run = Run(prepared, folder, ledger, progress or Silent())
        scored = run.measure()
        result = report(prepared.plan, prepared.task, prepared.rows, prepared.identity, ledger, scored)
    write_result(result, folder)
    return result


class Run:
    """One start of a run, with its ledger open."""

    def __init__(self, prepared: Prepared, folder: Path, ledger: Ledger, progress: Progress) -> None:
        self.plan, self.task, self.rows = prepared.plan, prepared.task, prepared.rows
        self.engine, self.identity = prepared.engine, prepared.identity
        self.folder, self.ledger, self.progress = folder, ledger, progress
        self.evaluation = Evaluation(self.engine, self.task, ledger, progress)
        self.published = self.plan.protocol == "published"

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

    # -- fit

    def fit(self, row: Row, split: Split, targets: Sequence[Target]) -> list[Steering]:
        """Each target's steering of unit strength.

        What needed a model is read back from the files it was saved to, also at the first start, so that a
        later start runs on the very same arrays.
        """
        if not row.method.needs_model:
            return list(row.method.fit(cast(Engine, self.engine), targets))
        saved = self._saved(row, split, targets)
        if saved is None:
            self.progress.started("fit", row.name, len(targets), 0)
            self._fit(row, split, targets)
            saved = self._saved(row, split, targets)
            self.progress.finished()
        if saved is None:
            raise UserError(f"The fits of '{row.name}' in {self.folder} cannot be read back; is the disk sound?")
        return saved

    def _fit(self, row: Row, split: Split, targets: Sequence[Target]) -> None:
        started = time.perf_counter()
        steerings = row.method.fit(cast(Engine, self.engine), targets)
        seconds = time.perf_counter() - started
        files: dict[str, tuple[str, str]] = {}
        for target, steering in zip(targets, steerings, strict=True):
            file = Path("fits", quote(row.name), split, f"{quote(target.id)}.safetensors")
            self._save(steering, file, {})
            files[target.id] = str(file), steering.digest
        self.ledger.record_fits(row.name, split, files, seconds)

    def _saved(self, row: Row, split: Split, targets: Sequence[Target]) -> list[Steering] | None:
        """The fits of an earlier start, None unless all are there and whole."""
        files = self.ledger.fits(row.name, split)
        loaded = []
        for target in targets:
            file, digest = files.get(target.id, ("", ""))
            if not file or not (self.folder / file).exists():
                return None
            steering, _ = load_steering(self.folder / file)
            if steering.digest != digest:
                return None
            loaded.append(steering)
        return loaded

    def _save(self, steering: Steering, file: Path, provenance: dict[str, str]) -> None:
        path = self.folder / file
        with understandable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            steering.save(path, provenance)

    # -- calibrate

    def choose(self, row: Row) -> None:
        """Freeze each target's setting in the ledger, if it is not frozen yet."""
        if self.ledger.choices(row.name):
            for number in self.ledger.steps(row.name, Split.CALIBRATION):
                self.evaluation.recall(row.name, Split.CALIBRATION, number)
            return
        split = Split.TEST if self.published else Split.CALIBRATION
        targets = self.task.targets(split)
        low, high = row.method.strengths
        if not row.method.needs_model:
            self.ledger.freeze(row.name, {target.id: Setting(low) for target in targets}, {})
            return
        fits = self.fit(row, split, targets)
        # The published protocols search strengths only: a prompt is the one its paper gives.
        wordings = not self.published and any(fitted.alternatives for fitted in fits)
        if low == high and not wordings:
            self.ledger.freeze(row.name, {target.id: Setting(low) for target in targets}, {})
            return
        search = self._search(row, split, targets, fits)
        self.ledger.freeze(row.name, search.best(), search.losses())

    def _search(self, row: Row, split: Split, targets: Sequence[Target], fits: Sequence[Steering]) -> Search:
        """Try settings until the budget is spent; one step asks for all targets at once."""
        by_id = dict(zip([target.id for target in targets], zip(targets, fits, strict=True), strict=True))
        search = Search(list(by_id), lambda target: trials(self.plan, row.method, by_id[target][1]))
        items = sum(len(self.task.items(target, split)) for target in targets)
        self.progress.started("calibrate", row.name, len(targets), items * evaluations(self.plan, row.method, fits))
        number = 0
        while not search.finished:
            questions = [
                question
                for target, setting in search.propose().items()
                if setting is not None
                for question in self._questions(*by_id[target], setting, split)
            ]
            rows = self.evaluation.step(Step(row.name, Split.CALIBRATION, number, "calibrate"), questions)
            search.observe(target_losses(rows))
            number += 1
        self.progress.finished()
        return search

    def _questions(self, target: Target, fitted: Steering, setting: Setting, split: Split) -> list[Question]:
        steering = setting.apply(fitted)
        return [Question(target, item, setting, steering) for item in self.task.items(target, split)]

    # -- evaluate

    def evaluate(self, row: Row) -> list[Scored]:
        """Refit on all shown answers and ask the test items under the frozen settings."""
        targets = self.task.targets(Split.TEST)
        chosen = self.ledger.choices(row.name)
        fits = self.fit(row, Split.TEST, targets)
        questions: list[Question] = []
        for target, fitted in zip(targets, fits, strict=True):
            questions += self._questions(target, fitted, chosen[target.id], Split.TEST)
            self._keep(row, target, chosen[target.id], fitted)
        tried = self.published and self.ledger.steps(row.name, Split.CALIBRATION)
        if tried and not self.ledger.steps(row.name, Split.TEST):
            self.ledger.copy_chosen(row.name, chosen)
        self.progress.started("evaluate", row.name, len(targets), len(questions))
        rows = self.evaluation.step(Step(row.name, Split.TEST, 0, "evaluate"), questions)
        self.progress.finished()
        return [scored for target in targets for scored in rows.get(target.id, [])]

    def _keep(self, row: Row, target: Target, setting: Setting, fitted: Steering) -> None:
        """Save what a target was steered by, at its chosen strength, for use elsewhere."""
        steering = setting.apply(fitted)
        file = Path("steerings", quote(row.name), f"{quote(target.id)}.safetensors")
        if not (steering.edits or steering.prompt) or (self.folder / file).exists():
            return
        provenance = {"method": row.name, "target": target.id, "strength": repr(setting.strength)}
        if self.engine is not None:
            provenance["model"] = model_digest(self.engine)
        self._save(steering, file, provenance)


def trials(plan: Plan, method: Method, fitted: Steering) -> Trials:
    """What calibration tries for a target: strengths if the method has a range of them, else its wordings."""
    low, high = method.strengths
    if low == high:
        return calibration.wordings(1 + len(fitted.alternatives), plan.budget)
    if plan.calibration == "golden":
        return calibration.golden_section(low, high, plan.budget)
    return calibration.grid(grid_strengths(plan, method))


def grid_strengths(plan: Plan, method: Method) -> list[float]:
    if plan.protocol == "published":
        return calibration.published_grid(*method.strengths)
    return calibration.spaced(*method.strengths, plan.budget)


def evaluations(plan: Plan, method: Method, fits: Sequence[Steering]) -> int:
    """How many steps calibration takes."""
    if method.strengths[0] == method.strengths[1]:
        return min(plan.budget, 1 + max(len(fitted.alternatives) for fitted in fits))
    return plan.budget if plan.calibration == "golden" else len(grid_strengths(plan, method))


def model_digest(engine: Engine) -> str:
    """What a steering is fitted on: the model's weights if the engine names them, else all of its identity."""
    identity = dict(engine.identity())
    told = identity.get("weights") or json.dumps(identity, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
