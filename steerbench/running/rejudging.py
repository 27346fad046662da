"""Rates a finished run's stored answers again with other judges; nothing is generated.

The new run keeps the answers, the strengths and the calibration. Only the scores of test answers are new.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from steerbench.contracts import Judged, Split
from steerbench.contracts.progress import Progress, Silent
from steerbench.contracts.steering import UNSTEERED
from steerbench.errors import UserError
from steerbench.judging.check import checks
from steerbench.judging.panel import Panel, refuse_self_judging
from steerbench.models.embedded import EMBEDDED
from steerbench.plugins.code import Code
from steerbench.records.found_ledgers import LEDGER, reading
from steerbench.records.ledger import Ledger
from steerbench.records.plan import (
    Identity,
    Plan,
    build_judges,
    build_rows,
    build_task,
    code_of_run,
    differences,
    identify,
    plan_of_run,
)
from steerbench.records.results import RESULT, RunResult, read_result, write_result
from steerbench.running.evaluation import Evaluation, SteeredItem, Step
from steerbench.running.opening import open_engine
from steerbench.running.preparing import Prepared
from steerbench.running.summarising import judge_results, report
from steerbench.storage.files import understandable

CHOSEN_BY = "strengths were chosen by another judge"


def prepare_again(
    run: Path, judges: Mapping[str, str], parameters: Mapping[str, Mapping[str, Any]], device: str | None = None
) -> Prepared:
    """Prepares a finished run with other judges (by role) or judge parameters (by judge).

    The model is loaded only if a judge needs it.

    Raises:
        UserError: the run has not finished, its answers are not rated by judges, or a judge does not exist.
    """
    then = read_result(run)
    made = plan_of_run(then.plan, then.identity["task"])
    task = build_task(made)
    if not isinstance(task, Judged):
        raise UserError(f"The answers of the run in {run} are not rated by judges: there is nothing to rate again.")
    named = {**made.judges, **judges}
    used = {**task.judges, **named}.values()
    kept = {name: given for name, given in made.judge_parameters.items() if name in used}
    told = {"judges": named, "judge_parameters": {**kept, **parameters}}
    plan = Plan.model_validate(made.model_dump() | told)
    built = build_judges(plan, task)
    # Settings that depend on the model, such as the number of heads, are kept: the model may not be loaded here.
    settled = then.identity["methods"]
    rows = [replace(row, settings=settled.get(row.name, row.settings)) for row in build_rows(plan, task)]
    engine = open_engine(plan, device) if any(judge.needs_model for judge in built.values()) else None
    if engine is not None and dict(engine.identity()) != then.identity["engine"]:
        changes = "; ".join(differences(then.identity["engine"], dict(engine.identity()))[:3])
        raise UserError(f"The model of the run in {run} has changed ({changes}); rate it again where it was made.")
    refuse_self_judging(built, then.identity["engine"] or {}, plan.model or EMBEDDED)
    code = _code_now(code_of_run(plan, rows, task, built, engine), then.identity.get("code") or {})
    fields = identify(plan, rows, then.identity["engine"], task.identity(), code, built).fields
    identity = Identity.of({**fields, "rejudged": then.digest})
    return Prepared(plan, task, rows, engine, identity, built)


def _code_now(now: Mapping[str, Code], then: Mapping[str, Code]) -> dict[str, Code]:
    """Today's code for whatever rates; the old run's record (even if it has none) for whatever made the answers."""
    made = ("method:", "engine:")
    rates = {of: code for of, code in now.items() if not of.startswith(made)}
    return rates | {of: code for of, code in then.items() if of.startswith(made)}


def rejudge(
    run: Path,
    prepared: Prepared,
    folder: Path,
    progress: Progress | None = None,
    judge_budget: float | None = None,
    ask_again: bool = False,
) -> RunResult:
    """Rates a finished run's answers again, in `folder`. Answers that were already rated there are kept.

    Verdicts of the old run are copied, so that a judge that stays is not asked again. `ask_again` repeats the verdicts
    without a rating.

    Raises:
        UserError: the folder cannot be written or is in use, the budget is spent, or a judge fails.
    """
    if (folder / RESULT).exists() and not ask_again:
        return read_result(folder)
    if not (folder / LEDGER).exists():
        _copy(run, folder, prepared)
    heard = progress or Silent()
    with Ledger.open(folder / LEDGER, prepared.identity, prepared.plan) as ledger:
        panel = Panel(prepared.judges, prepared.engine, ledger.verdicts, judge_budget, ask_again, heard)
        checked = checks(panel, heard)
        if ask_again:
            ledger.rate_again()
        evaluation = Evaluation(prepared.engine, prepared.task, ledger, heard, panel)
        prepared.task.unseal()
        scored = {}
        for row in prepared.rows:
            chosen = ledger.choices(row.name)
            questions = [
                SteeredItem(target, item, chosen[target.id], UNSTEERED)
                for target in prepared.task.targets(Split.TEST)
                for item in prepared.task.items(target, Split.TEST)
            ]
            heard.started("judge", row.name, len(chosen), len(questions))
            rows = evaluation.step(Step(row.name, Split.TEST, 0, "evaluate"), questions)
            heard.finished()
            scored[row.name] = [one for of_target in rows.values() for one in of_target]
        judged = judge_results(panel, checked)
        before = read_result(run)
        facts = {name: row.facts for name, row in before.methods.items()}
        result = report(prepared.plan, prepared.task, prepared.rows, prepared.identity, ledger, scored, judged, facts)
        if (
            any(ledger.steps(row.name, Split.CALIBRATION) for row in prepared.rows)
            and prepared.identity.fields["judges"] != before.identity["judges"]
        ):
            result = result.model_copy(update={"deviations": [*result.deviations, CHOSEN_BY]})
    write_result(result, folder)
    return result


def _copy(run: Path, folder: Path, prepared: Prepared) -> None:
    """Copies the old ledger, with every test answer pending, completely or not at all."""
    path = folder / LEDGER
    with understandable(path):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".partial")
        temporary.unlink(missing_ok=True)
        with reading(run / LEDGER) as old, understandable(path), closing(sqlite3.connect(temporary)) as new:
            old.backup(new)
        Ledger.adopt(temporary, prepared.identity, prepared.plan)
        temporary.replace(path)
