"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    str | None,
    typer.Option(help="A folder, a Hugging Face id, or smollm2-135m, which is built in.", show_default="smollm2-135m"),
]
EngineName = Annotated[str, typer.Option("--engine", help="What runs the model.")]
Dtype = Annotated[str | None, typer.Option(help="The type the model computes in, such as bfloat16 or float32.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda or cuda:N.")]
Template = Annotated[
    Path | None, typer.Option(help="A chat template (Jinja) to use in place of the model's.", dir_okay=False)
]
Param = Annotated[
    list[str] | None, typer.Option("--param", metavar="NAME.PARAMETER=VALUE", help="A plug-in's parameter; repeatable.")
]
Run = Annotated[Path, typer.Argument(help="The folder of a run.", show_default=False)]
TraitJudge = Annotated[
    str | None, typer.Option("--judge", help="What rates traits in free text.", show_default="the task's own")
]
FluencyJudge = Annotated[str | None, typer.Option(help="What rates fluency.", show_default="the task's own")]
JudgeBudget = Annotated[
    float | None, typer.Option(help="Stop when judges have cost this much, in your prices' currency.", min=0.0)
]
SelfJudge = Annotated[bool, typer.Option("--allow-self-judge", help="Let a model judge its own answers.")]
