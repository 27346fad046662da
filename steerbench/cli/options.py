"""Options that several commands share."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from steerbench.errors import UserError

HIGHEST_SEED = 2**32 - 1
"""Of what every generator of random numbers takes."""
HIGHEST_BUDGET = 1000
"""Far beyond where a search still finds anything; a larger one is a slip of the finger that runs for days."""
BUDGET = 5
"""As many as `simple-prompt` has wordings, so that no method may try more than another; `Plan` has the same."""
FILES_OF_A_RUN = ("run.json", "ledger.sqlite", "published.json", "suite.json", "sweep.json", "tradeoff.json")


class Protocol(StrEnum):
    STRICT = "strict"
    PUBLISHED = "published"


class CalibrationKind(StrEnum):
    GOLDEN = "golden"
    GRID = "grid"


class Rule(StrEnum):
    FLUENCY_FLOOR = "fluency-floor"
    BEST_SCORE = "best-score"


def finite(option: typer.CallbackParam, given: float | None) -> float | None:
    """Raises UserError: the value is nan or infinite, which typer takes for numbers."""
    if given is not None and not math.isfinite(given):
        raise UserError(f"{option.opts[0]} is {given:g}; give a finite number, such as 4 or 0.5.")
    return given


def run_folder(given: Path | None) -> Path | None:
    """The folder of a run, also where a user named a file in it."""
    return given.parent if given is not None and given.name in FILES_OF_A_RUN and given.is_file() else given


def run_folders(given: list[Path]) -> list[Path]:
    """As `run_folder`, of several.

    Raises:
        UserError: one is named twice.
    """
    folders = [run_folder(path) or path for path in given]
    for place, folder in enumerate(folders):
        if any(_same(folder, other) for other in folders[:place]):
            raise UserError(f"The run {folder} is named twice; leave one out.")
    return folders


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


Model = Annotated[
    str | None,
    typer.Option(
        help="A folder, a Hugging Face id, a GGUF file, or a name in `model list`.", show_default="smollm2-135m"
    ),
]
EngineName = Annotated[str, typer.Option("--engine", help="What runs the model.")]
Dtype = Annotated[str | None, typer.Option(help="The type the model computes in, such as bfloat16 or float32.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda or cuda:N.")]
Template = Annotated[
    Path | None,
    typer.Option(help="A chat template (Jinja) to use in place of the model's.", dir_okay=False),
]
Param = Annotated[
    list[str] | None, typer.Option("--param", metavar="NAME.PARAMETER=VALUE", help="A plug-in's parameter; repeatable.")
]
Run = Annotated[Path, typer.Argument(help="The folder of a run.", show_default=False, callback=run_folder)]
TraitJudge = Annotated[
    str | None, typer.Option("--judge", help="What rates traits in free text.", show_default="the task's own")
]
FluencyJudge = Annotated[str | None, typer.Option(help="What rates fluency.", show_default="the task's own")]
JudgeBudget = Annotated[
    float | None,
    typer.Option(help="Stop when judges have cost this much, in your prices' currency.", min=0.0, callback=finite),
]
SelfJudge = Annotated[bool, typer.Option("--allow-self-judge", help="Let a model judge its own answers.")]

TaskName = Annotated[str, typer.Option("--task", help="What to measure on.")]
Dataset = Annotated[str | None, typer.Option(help="The task's data.")]
Respondents = Annotated[
    int | None, typer.Option(help="Only the first so many people; --limit, of tasks that ask people.", min=1)
]
UnderProtocol = Annotated[Protocol, typer.Option(help="The rules: strict, or as in the paper.")]
Calibration = Annotated[
    CalibrationKind | None,
    typer.Option(help="How strengths are searched.", show_default="golden; grid if published"),
]
Budget = Annotated[int, typer.Option(help="Evaluations that calibration may spend.", min=2, max=HIGHEST_BUDGET)]
ByRule = Annotated[
    Rule, typer.Option(help="Rated answers: the best strength as fluent as the prompt baseline, or just the best.")
]
Strength = Annotated[float | None, typer.Option(help="Use this strength and calibrate nothing.", callback=finite)]
StrengthsFrom = Annotated[
    Path | None, typer.Option(help="Use the strengths and wordings that a run chose; its folder.", callback=run_folder)
]
Pole = Annotated[
    list[str] | None, typer.Option(help="Poles to steer to, such as conscientiousness+; repeatable, or with commas.")
]
Limit = Annotated[
    int | None,
    typer.Option(help="Only the first so many of what the task counts: people, questions of a trait, problems.", min=1),
]
Seed = Annotated[int, typer.Option(help="Seeds all that is random.", min=0, max=HIGHEST_SEED)]
Out = Annotated[Path, typer.Option(help="Where runs are kept.", file_okay=False)]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
