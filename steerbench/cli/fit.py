"""`steerbench fit`: one steering towards a pole of a trait, as a file to chat with or to share."""

import os
from pathlib import Path
from typing import Annotated

import typer

from steerbench.cli.options import Device, Dtype, EngineName, Model, Param, Seed, Template
from steerbench.cli.startup import loading
from steerbench.errors import UserError, counted


def fit_command(
    method: Annotated[str, typer.Option(metavar="NAME", help="The method, such as pas or caa+simple-prompt.")],
    pole: Annotated[
        str, typer.Option(metavar="POLE", help="A trait and its pole: extraversion+, N- for short, or a blend: E+O-.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write (.safetensors).")],
    model: Model = None,
    task: Annotated[str, typer.Option(metavar="NAME", help="The task whose statements define the trait.")] = "papi",
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME", help="The task's data.", show_default="the task's own")
    ] = None,
    engine: EngineName = "hf",
    dtype: Dtype = None,
    device: Device = None,
    chat_template: Template = None,
    param: Param = None,
    seed: Seed = 0,
) -> None:
    """Fit a method to a pole of a trait and save the steering."""
    from steerbench.api.fitting import asked, fitted
    from steerbench.cli.parameters import parse_parameters
    from steerbench.engines.fitted_on import model_digest
    from steerbench.records.plan import Plan
    from steerbench.running.fits import facts_of
    from steerbench.running.opening import open_engine
    from steerbench.storage.files import understandable

    with understandable(out):
        check_destination(out)
    given = parse_parameters(param or [])
    plan = Plan(
        methods=(method,),
        task=task,
        model=model,
        engine=engine,
        engine_parameters=given.pop(engine, {}),
        dtype=dtype,
        chat_template=str(chat_template) if chat_template else None,
    )
    fitting, target = asked(method, pole, task, dataset, given, seed)
    with loading():
        loaded = open_engine(plan, device)
    steering = fitted(fitting, method, target, loaded)
    provenance = {"method": method, "target": target.id, "model": model_digest(loaded), "strength": "1.0"}
    provenance |= facts_of(steering)
    with understandable(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        steering.save(out, provenance)
    changes = (
        f"{counted(len(steering.edits), 'edits')}{' and a prompt' if steering.prompt else ''}"
        if steering.edits
        else "a prompt"
    )
    facts = "".join(f" {name[:1].upper()}{name[1:]}: {value:g}." for name, value in steering.facts.items())
    print(f"{out}: {method} towards {target.id}, {changes}, at unit strength.{facts}")


def check_destination(out: Path) -> None:
    """Raises UserError: no steering can be written there, or something would be lost by it."""
    from steerbench.contracts.steering import load_steering
    from steerbench.contracts.steering_file import SUFFIX

    if out.is_dir():
        raise UserError(f"--out {out} is a folder; name a file in it, such as {out / ('steering' + SUFFIX)}.")
    if out.suffix != SUFFIX:
        raise UserError(f"--out {out} does not end in {SUFFIX}, as steering files do; name it {out.name}{SUFFIX}.")
    if out.exists():
        try:
            load_steering(out)
        except UserError as error:
            raise UserError(f"--out {out} is there, and no steering that could be replaced: {error}") from None
    above = next(folder for folder in out.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise UserError(f"--out {out} cannot be written: {above} is no folder that you may write to; choose another.")
