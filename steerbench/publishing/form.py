"""Checks that a published run agrees with itself and with the task in its plan, before any sample is read."""

from collections.abc import Iterator, Mapping
from typing import Any

from steerbench.contracts import Judged, Task
from steerbench.publishing.naming import command_of, id_of, model_of
from steerbench.publishing.schema import Published
from steerbench.publishing.verdict_checking import wrong_figures, wrong_judges
from steerbench.records.plan import Identity, Plan
from steerbench.records.results import JudgeResult
from steerbench.running.summarising import measures_cost

OWN_WORDS = ("wording",)
"""Parts of a task's identity that describe prompts. A later version may word them differently without changing
samples."""


def wrong_form(published: Published) -> Iterator[str]:
    """Facts that the run states twice and differently, and judges that are not those of its identity."""
    yield from _of_names(published)
    yield from _of_judges(published)


def _of_names(published: Published) -> Iterator[str]:
    plan, identity = published.plan, published.identity
    if (digest := Identity.of(identity).digest) != published.digest:
        yield f"digest: said {published.digest}, but the identity hashes to {digest}."
    follows = {
        "id": id_of(plan, published.digest),
        "command": command_of(plan, published.id),
        "model": model_of(plan, identity),
    }
    for name, value in follows.items():
        if getattr(published, name) != value:
            yield f"{name}: said {getattr(published, name)!r}, but by its plan it is {value!r}."
    rows = identity.get("methods")
    if not isinstance(rows, Mapping) or rows.keys() != published.methods.keys() or not rows.keys() >= {*plan.methods}:
        yield "methods: the identity, the plan and the rows have different names."
    asked = identity.get("plan")
    told = plan.model_dump(mode="json")
    if not isinstance(asked, Mapping) or any(name not in told or told[name] != asked[name] for name in asked):
        yield "identity.plan: differs from the plan."
    # An identity omits given strengths if there are none; otherwise it has to contain them.
    elif any(told[name] and asked.get(name) != told[name] for name in ("strength", "strengths", "wordings")):
        yield "identity.plan: lacks the strengths that the plan gives."
    if isinstance(rows, Mapping):
        yield from _of_parameters(plan, rows)
    seconds = [value for timing in published.timings.methods.values() for _, value in timing]
    if min([*seconds, published.timings.peak_memory_bytes], default=0) < 0:
        yield "timings: a duration or the memory is negative."


def _of_parameters(plan: Plan, rows: Mapping[str, Any]) -> Iterator[str]:
    settled = {name: given for row in rows.values() if isinstance(row, Mapping) for name, given in row.items()}
    for name, given in plan.method_parameters.items():
        own = settled.get(name)
        if name in settled and not (isinstance(own, Mapping) and all(own.get(key) == given[key] for key in given)):
            yield f"identity.methods: '{name}' has other parameters than in the plan."


def _of_judges(published: Published) -> Iterator[str]:
    told = published.identity.get("judges") or {}
    if not isinstance(told, Mapping) or told.keys() != published.judges.keys():
        yield "judges: the identity and the results name different roles."
        return
    for role, judge in published.judges.items():
        if told[role] != {"name": judge.name, **judge.identity}:
            yield f"judges: the {role} judge is not that of the identity."
        if judge.check is None or not _is_checked(judge):
            yield (
                f"judges: the {role} judge '{judge.name}' was not checked on texts with a known end; let it bring such "
                "texts as `known_texts`."
            )
        yield from wrong_figures(role, judge)
    yield from wrong_judges(published)


def _is_checked(judge: JudgeResult) -> bool:
    return judge.check is not None and judge.check.texts > 0 and bool(judge.check.auc)


def wrong_task(published: Published, task: Task) -> Iterator[str]:
    """Differences, by hash, from the registry's data and from the items that the plan asks for."""
    said, plan = published.identity.get("task"), published.plan
    if not isinstance(said, Mapping):
        yield "identity.task: is missing."
        return
    for name, value in task.identity().items():
        if name not in OWN_WORDS and said.get(name) != value:
            yield f"identity.task.{name}: said {said.get(name)!r}, but here it is {value!r}."
    if published.measures_cost != measures_cost(task):
        yield f"measures_cost: said {published.measures_cost}, but the task says otherwise."
    if published.framing != task.framing:
        yield f"framing: said {published.framing!r}, but the task's is {task.framing!r}."
    if published.withheld != task.withheld:
        yield f"withheld: said {published.withheld}, but the task says otherwise."
    roles = {**task.judges, **plan.judges} if isinstance(task, Judged) else {}
    if {role: judge.name for role, judge in published.judges.items()} != roles:
        asked_for = ", ".join(f"{name} for {role}" for role, name in roles.items()) or "none"
        yield f"judges: they differ from those that the plan asks for ({asked_for})."
    for told in task.deviations:
        if told not in published.deviations:
            yield f"deviations: '{told}' is missing."
