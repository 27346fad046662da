"""`steerbench fit`: one steering towards a pole of a trait, as a file to chat with or to give away."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steerbench.cli.options import Device, Dtype, EngineName, Model, Param, Template
from steerbench.cli.startup import quick
from steerbench.errors import UserError

if TYPE_CHECKING:
    from steerbench.targets import TraitPole


def fit_command(
    method: Annotated[str, typer.Option(help="The method, such as pas or caa+simple-prompt.")],
    pole: Annotated[str, typer.Option(help="A trait and its end: extraversion+, or N- for short.")],
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
    from steerbench.composition import build_method
    from steerbench.plan import Plan, build_task
    from steerbench.runner import model_digest, open_engine
    from steerbench.storage import understandable

    given = parse_parameters(param or [])
    task_parameters = given.pop(task, {}) | ({"dataset": dataset} if dataset else {})
    template = str(chat_template) if chat_template else None
    plan = Plan(
        methods=(method,),
        task=task,
        task_parameters=task_parameters,
        model=model,
        engine=engine,
        dtype=dtype,
        chat_template=template,
    )
    fitting, target = build_method(method, given, seed), _target(pole, build_task(plan))
    with quick():
        loaded = open_engine(plan, device)
    (steering,) = fitting.fit(loaded, [target])
    provenance = {"method": method, "target": target.id, "model": model_digest(loaded), "strength": "1.0"}
    with understandable(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        steering.save(out, provenance)
    print(f"{out}: {method} towards {target.id}, {len(steering.edits)} edits, at unit strength.")


def _target(pole: str, task: object) -> "TraitPole":
    """The pole a user named, told by the statements of the task.

    Raises:
        UserError: there is no such trait, its end is missing, or the task has no statements.
    """
    from steerbench.plugins import unknown
    from steerbench.targets import TRAITS, TraitPole

    name, end = pole[:-1].strip(), pole[-1:]
    if end not in ("+", "-"):
        raise UserError(f"The pole '{pole}' has no end: write a trait and + or -, for example extraversion+.")
    letters = {trait: letter for letter, trait in TRAITS.items()} | {letter: letter for letter in TRAITS}
    trait = letters.get(name.lower()) or letters.get(name.upper())
    if trait is None:
        raise UserError(unknown("trait", name, TRAITS.values()))
    statements = getattr(task, "statements", None)
    if statements is None:
        raise UserError(
            f"The task '{getattr(task, 'name', '?')}' has no statements that tell of a trait; name another."
        )
    return TraitPole(trait, end == "+", tuple(item for item in statements() if item.trait == trait))
