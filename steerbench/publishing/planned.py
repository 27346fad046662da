"""Checks what follows from a published run's plan: rows, identity, engine and deviations."""

from collections.abc import Iterator, Mapping

from steerbench.contracts import has_dial
from steerbench.models.registry import DEFAULT, models
from steerbench.plugins.composed import names
from steerbench.publishing.making import RebuiltPlan
from steerbench.publishing.schema import Published
from steerbench.records.plan import roles_of
from steerbench.running.strengths import given
from steerbench.running.summarising import CHOSEN_ON_TEST

ALWAYS = ("protocol", "calibration", "budget", "seed", "task")
"""Parts of the plan in every identity (`plan.identify`)."""
OURS = ("hf", "vllm")
"""Engines that report the name they are requested by, and identify the built-in model by its weights."""


def unplanned(published: Published, made: RebuiltPlan) -> Iterator[str]:
    """A sentence for each thing in the run that does not follow from its plan."""
    yield from _of_rows(published, made)
    yield from _of_identity(published)
    yield from _of_engine(published, made)
    yield from _of_deviations(published, made)


def _of_rows(published: Published, made: RebuiltPlan) -> Iterator[str]:
    if made.rows:
        for name in made.rows.keys() - published.methods.keys():
            yield f"methods: the plan has the row '{name}', but the run does not."
        for name in published.methods.keys() - made.rows.keys():
            yield f"methods: the run has the row '{name}', but the plan does not."
    for name in published.timings.methods.keys() - published.methods.keys():
        yield f"timings: '{name}' is not a row of the run."
    for name, row in published.methods.items():
        for part in names(name):
            seed = row.settings.get(part, {}).get("seed", published.plan.seed)
            if seed != published.plan.method_parameters.get(part, {}).get("seed", published.plan.seed):
                yield f"method '{name}', settings: the seed of '{part}' is {seed}, but the plan gives it another."


def _of_identity(published: Published) -> Iterator[str]:
    asked = published.identity.get("plan")
    wanted = [*ALWAYS, *(["rule"] if published.judges else [])]
    if isinstance(asked, Mapping) and (lacking := [name for name in wanted if name not in asked]):
        yield f"identity.plan: lacks {', '.join(lacking)}."


def _of_engine(published: Published, made: RebuiltPlan) -> Iterator[str]:
    plan, engine = published.plan, published.identity.get("engine")
    if engine is None:
        if needing := [name for name, row in made.rows.items() if row.method.needs_model]:
            yield f"identity.engine: is missing, but the row '{needing[0]}' needs a model."
        return
    if not isinstance(engine, Mapping):
        yield "identity.engine: is not an engine's identity."
        return
    weights = engine.get("weights")
    entry = models().get(plan.model or DEFAULT)
    if entry is not None and plan.engine in OURS and weights != entry.weights_digest:
        yield (
            f"identity.engine.weights: said {weights!r}, but those of the model '{entry.name}' are "
            f"{entry.weights_digest!r}."
        )
    said = {"engine": plan.engine if plan.engine in OURS else None, "dtype": plan.dtype}
    for name, value in said.items():
        if value is not None and name in engine and engine[name] != value:
            yield f"identity.engine.{name}: said {engine[name]!r}, but by the plan it is {value!r}."


def _of_deviations(published: Published, made: RebuiltPlan) -> Iterator[str]:
    """Missing deviations of a run of the published protocol: its choice on the test items, and its methods' own.

    The wording of a method's deviations has changed over time, so only their presence is checked.
    """
    plan = published.plan
    if plan.protocol != "published":
        return
    for name in plan.methods:
        row = made.rows.get(name)
        if row is None or not row.method.deviations:
            continue
        if name not in roles_of(made.task) and not any(d.startswith(f"{name}: ") for d in published.deviations):
            yield f"deviations: those of '{name}' from its published method are missing."
    targets = list(made.targets.values())
    chosen = [row for row in made.rows.values() if has_dial(row.method)]
    searched = any(given(plan, made.task, row.name, row.method, targets) is None for row in chosen)
    if searched and CHOSEN_ON_TEST not in published.deviations:
        yield f"deviations: '{CHOSEN_ON_TEST}' is missing."
