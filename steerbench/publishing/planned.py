"""What follows from a published run's plan: its rows, what the identity says of it, its engine and its deviations."""

from collections.abc import Iterator, Mapping

from steerbench.contracts import has_dial
from steerbench.models.registry import DEFAULT, models
from steerbench.plugins.composed import names
from steerbench.publishing.making import RebuiltPlan
from steerbench.publishing.schema import Published
from steerbench.running.strengths import given
from steerbench.running.summarising import CHOSEN_ON_TEST

ALWAYS = ("protocol", "calibration", "budget", "seed", "task")
"""What every identity says of its plan (`plan.identify`)."""
OURS = ("hf", "vllm")
"""Engines that call themselves by the name they are asked for by, and the built-in model by its weights."""


def unplanned(published: Published, made: RebuiltPlan) -> Iterator[str]:
    """What the run says and its plan does not make, a sentence each."""
    yield from _of_rows(published, made)
    yield from _of_identity(published)
    yield from _of_engine(published, made)
    yield from _of_deviations(published, made)


def _of_rows(published: Published, made: RebuiltPlan) -> Iterator[str]:
    if made.rows:
        for name in made.rows.keys() - published.methods.keys():
            yield f"methods: the plan makes the row '{name}', and the run has none."
        for name in published.methods.keys() - made.rows.keys():
            yield f"methods: has the row '{name}', which the plan does not make."
    for name in published.timings.methods.keys() - published.methods.keys():
        yield f"timings: '{name}' is no row of the run."
    for name, row in published.methods.items():
        for part in names(name):
            seed = row.settings.get(part, {}).get("seed", published.plan.seed)
            if seed != published.plan.method_parameters.get(part, {}).get("seed", published.plan.seed):
                yield f"method '{name}', settings: the seed of '{part}' is {seed}, and the plan gives it another."


def _of_identity(published: Published) -> Iterator[str]:
    asked = published.identity.get("plan")
    wanted = [*ALWAYS, *(["rule"] if published.judges else [])]
    if isinstance(asked, Mapping) and (lacking := [name for name in wanted if name not in asked]):
        yield f"identity.plan: lacks {', '.join(lacking)}."


def _of_engine(published: Published, made: RebuiltPlan) -> Iterator[str]:
    plan, engine = published.plan, published.identity.get("engine")
    if engine is None:
        if needing := [name for name, row in made.rows.items() if row.method.needs_model]:
            yield f"identity.engine: is none, and the row '{needing[0]}' needs a model."
        return
    if not isinstance(engine, Mapping):
        yield "identity.engine: is not what an engine says of itself."
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
            yield f"identity.engine.{name}: said {engine[name]!r}, and by the plan it is {value!r}."


def _of_deviations(published: Published, made: RebuiltPlan) -> Iterator[str]:
    """In a run of the published protocol: that it chose on what it measures, and something of each method that has it.

    How a method words its own has changed with time, so only that it says something is held against it.
    """
    plan = published.plan
    if plan.protocol != "published":
        return
    for name in plan.methods:
        row = made.rows.get(name)
        if row is None or not getattr(row.method, "deviations", ()):
            continue
        if name not in getattr(made.task, "baselines", ()) and not any(
            d.startswith(f"{name}: ") for d in published.deviations
        ):
            yield f"deviations: those of '{name}' from its published method are left out."
    targets = list(made.targets.values())
    chosen = [row for row in made.rows.values() if has_dial(row.method)]
    searched = any(given(plan, made.task, row.name, row.method, targets) is None for row in chosen)
    if searched and CHOSEN_ON_TEST not in published.deviations:
        yield f"deviations: '{CHOSEN_ON_TEST}' is left out."
