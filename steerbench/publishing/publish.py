"""Publishes a finished run: in a small form, without people's own data, and checked."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from steerbench.contracts import Split, Task
from steerbench.errors import UserError
from steerbench.publishing.checking import problems
from steerbench.publishing.doses import calibration
from steerbench.publishing.hidden import marked
from steerbench.publishing.naming import RESULTS, command_of, id_of, model_of, without_folders
from steerbench.publishing.portraits import portraits
from steerbench.publishing.rebuilding import rebuilt
from steerbench.publishing.samples import samples_of, write_samples
from steerbench.publishing.schema import SAMPLES, Published, write_published
from steerbench.records.found_ledgers import LEDGER, reading
from steerbench.records.plan import plan_of_run
from steerbench.records.results import RunResult, read_result
from steerbench.running.summarising import measures_cost
from steerbench.storage.files import understandable
from steerbench.storage.folders import whole_folder


def publish(run: Path, out: Path = RESULTS) -> Path:
    """Publishes a run under `out` and returns its folder. A published run with the same identity is replaced.

    Raises:
        UserError: the run has not finished, chose on its test items, or its numbers do not follow from its ledger.
    """
    result = read_result(run)
    made = plan_of_run(result.plan, result.identity["task"])
    task = rebuilt(made)
    task.unseal()
    _refuse(run, list(unsealed(run, task, result)))
    try:
        samples = samples_of(run / LEDGER, task, result.identity.get("judges") or {})
    except KeyError as error:
        raise UserError(
            f"The ledger of {run} lacks a verdict, or has a sample that was not asked for: {error}; run it again."
        ) from None
    plan = without_folders(made)
    name = id_of(plan, result.digest)
    with understandable(out / name), whole_folder(out / name) as folder:
        write_samples(samples, folder / SAMPLES)
        digest = hashlib.sha256((folder / SAMPLES).read_bytes()).hexdigest()
        told = {field: getattr(result, field) for field in _AS_THEY_ARE}
        published = Published(
            id=name,
            plan=plan,
            model=model_of(plan, result.identity),
            command=command_of(plan, name),
            samples_sha256=digest,
            measures_cost=measures_cost(task),
            withheld=task.withheld,
            framing=task.framing,
            portraits=portraits(run, result),
            calibration=calibration(run / LEDGER, task, result),
            **told | {"methods": marked(result.methods, task)},
        )
        write_published(published, folder)
        _refuse(run, problems(folder))
    return out / name


_AS_THEY_ARE = (
    "digest",
    "identity",
    "targets",
    "higher_is_better",
    "methods",
    "judges",
    "deviations",
    "timings",
    "over",
)


def unsealed(run: Path, task: Task, result: RunResult) -> Iterator[str]:
    """A sentence for each sign in a run's ledger that test items were asked before every setting was frozen.

    A run of the published protocol chooses on its test items, and its deviations say so.
    """
    with reading(run / LEDGER) as connection:
        meta = dict(connection.execute("SELECT key, value FROM meta"))
        frozen = set(connection.execute("SELECT method, target FROM choices"))
        calibrating = {item for (item,) in connection.execute("SELECT item FROM samples WHERE split = 'calibration'")}
        last = connection.execute("SELECT max(rowid) FROM samples WHERE split = 'calibration'").fetchone()[0]
        first = connection.execute("SELECT min(rowid) FROM samples WHERE split = 'test'").fetchone()[0]
    if meta["digest"] != result.digest:
        yield "its ledger belongs to another run."
    targets = task.targets(Split.TEST)
    lacking = [(name, t.id) for name in result.methods for t in targets if (name, t.id) not in frozen]
    if lacking:
        yield f"no setting was frozen for method '{lacking[0][0]}' and target '{lacking[0][1]}'."
    if result.plan.protocol == "published":
        return
    measuring = {item.id for target in targets for item in task.items(target, Split.TEST)}
    if shared := measuring & calibrating:
        yield f"item '{min(shared)}' was used for calibration, but is a test item."
    if last is not None and first is not None and first < last:
        yield "test items were asked before the last setting was frozen."


def _refuse(run: Path, wrong: list[str]) -> None:
    if wrong:
        raise UserError(f"The run in {run} cannot be published: " + "\n".join(wrong))
