"""`steerbench fit`: one steering towards a pole of a trait, as a file to chat with or to give away."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steerbench.cli.options import Device, Dtype, EngineName, Model, Param, Template
from steerbench.cli.startup import quick
from steerbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steerbench.targets import Item


def fit_command(
    method: Annotated[str, typer.Option(help="The method, such as pas or caa+simple-prompt.")],
    pole: Annotated[str, typer.Option(help="A trait and its end: extraversion+, N- for short, or a blend: E+O-.")],
    out: Annotated[Path, typer.Option(help="The file to write (.safetensors).", dir_okay=False)],
    model: Model = None,
    task: Annotated[str, typer.Option(help="The task whose statements tell of the trait.")] = "papi",
    dataset: Annotated[str | None, typer.Option(help="The task's data.", show_default="the task's own")] = None,
    engine: EngineName = "hf",
    dtype: Dtype = None,
    device: Device = None,
    chat_template: Template = None,
    param: Param = None,
    seed: Annotated[int, typer.Option(help="Seeds all that is random.")] = 0,
) -> None:
    """Fit a method to one pole of a trait and save the steering, at unit strength."""
    from steerbench.cli.parameters import parse_parameters
    from steerbench.composition import build_method, fit
    from steerbench.fits import facts_of, model_digest
    from steerbench.plan import Plan, build_task
    from steerbench.runner import open_engine
    from steerbench.storage import understandable
    from steerbench.targets import target_named

    given = parse_parameters(param or [])
    task_parameters = given.pop(task, {}) | ({"dataset": dataset} if dataset else {})
    template = str(chat_template) if chat_template else None
    plan = Plan(
        methods=(method,),
        task=task,
        task_parameters=task_parameters,
        model=model,
        engine=engine,
        engine_parameters=given.pop(engine, {}),
        dtype=dtype,
        chat_template=template,
    )
    fitting, target = build_method(method, given, seed), target_named(pole, _statements(build_task(plan)))
    with quick():
        loaded = open_engine(plan, device)
    (steering,) = fit(fitting, loaded, [target])
    provenance = {"method": method, "target": target.id, "model": model_digest(loaded), "strength": "1.0"}
    provenance |= facts_of(steering)
    with understandable(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        steering.save(out, provenance)
    facts = "".join(f" {name[:1].upper()}{name[1:]}: {value:g}." for name, value in steering.facts.items())
    print(f"{out}: {method} towards {target.id}, {len(steering.edits)} edits, at unit strength.{facts}")


def _statements(task: object) -> "Sequence[Item]":
    """The statements a task tells of traits by.

    Raises:
        UserError: it has none.
    """
    statements = getattr(task, "statements", None)
    if statements is None:
        raise UserError(
            f"The task '{getattr(task, 'name', '?')}' has no statements that tell of a trait; name another."
        )
    return tuple(statements())
