"""Options that several commands share."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from steerbench.errors import UserError

HIGHEST_SEED = 2**32 - 1
"""The largest that every random number generator accepts."""
HIGHEST_BUDGET = 1000
"""Far beyond where a search still improves; a larger one is a typing error that would run for days."""
BUDGET = 5
"""The number of wordings of `simple-prompt`, so that no method may try more than another. `Plan` has the same."""
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
    """The folder of a run; of a file in it, the folder it lies in."""
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


TASK, MODEL, STRENGTHS, JUDGES, OUTPUT = "Task", "Model", "Strengths", "Judges", "Output"
"""Headings of options in a command's help."""

Methods = Annotated[
    list[str] | None,
    typer.Option("--method", metavar="NAMES", help="Methods: pas,few-shot for two, pas+few-shot for both at once."),
]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME.KEY=VALUE", help="A parameter of a method, task or judge; repeatable."),
]
Run = Annotated[Path, typer.Argument(help="The folder of a run.", show_default=False, callback=run_folder)]

TaskName = Annotated[str, typer.Option("--task", metavar="NAME", help="What to measure on (`steerbench list tasks`).")]
Dataset = Annotated[str | None, typer.Option(metavar="NAME", help="The task's data.", show_default="the task's own")]
Respondents = Annotated[
    int | None, typer.Option(metavar="N", help="Only the first N people; --limit, of tasks that ask people.", min=1)
]
Limit = Annotated[
    int | None, typer.Option(metavar="N", help="Only the first N people, questions of a trait, or problems.", min=1)
]
Pole = Annotated[
    list[str] | None,
    typer.Option(
        metavar="POLES", help="Poles to steer to, such as openness+,openness-; repeatable.", rich_help_panel=TASK
    ),
]
Readout = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="How an answer is read: contextual, label, letter or generate.", rich_help_panel=TASK
    ),
]
Robust = Annotated[
    bool,
    typer.Option("--robust", help="Also ask test items in other wordings and orders of options.", rich_help_panel=TASK),
]

Model = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="A name (`steerbench list models`), folder, GGUF file or Hugging Face id.",
        show_default="smollm2-135m",
    ),
]
Seed = Annotated[int, typer.Option(metavar="N", help="Seed of all random choices.", min=0, max=HIGHEST_SEED)]
EngineName = Annotated[
    str, typer.Option("--engine", metavar="NAME", help="What runs the model (`steerbench list engines`).")
]
Dtype = Annotated[
    str | None, typer.Option(metavar="TYPE", help="The type the model computes in: bfloat16, float32, ...")
]
Device = Annotated[str | None, typer.Option(metavar="NAME", help="cpu, cuda or cuda:N.")]
Template = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A chat template (Jinja) to use instead of the model's.", dir_okay=False),
]

UnderProtocol = Annotated[
    Protocol, typer.Option(metavar="NAME", help="The rules: strict, or published (as in the method's paper).")
]
Calibration = Annotated[
    CalibrationKind | None,
    typer.Option(metavar="NAME", help="How strengths are searched: golden or grid.", show_default="by protocol"),
]
Budget = Annotated[
    int, typer.Option(metavar="N", help="Evaluations that calibration may spend.", min=2, max=HIGHEST_BUDGET)
]
ByRule = Annotated[
    Rule,
    typer.Option(
        metavar="NAME",
        help="For rated answers: fluency-floor (as fluent as the prompt baseline) or best-score.",
    ),
]
Strength = Annotated[
    float | None, typer.Option(metavar="X", help="Use this strength and calibrate nothing.", callback=finite)
]
StrengthsFrom = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN",
        help="Use the strengths and wordings that another run chose.",
        callback=run_folder,
        rich_help_panel=STRENGTHS,
    ),
]

TraitJudge = Annotated[
    str | None,
    typer.Option("--judge", metavar="NAME", help="What rates traits in free text.", show_default="the task's own"),
]
FluencyJudge = Annotated[
    str | None, typer.Option(metavar="NAME", help="What rates fluency.", show_default="the task's own")
]
JudgeBudget = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        help="Stop when judges have cost this much, in your prices' currency.",
        min=0.0,
        callback=finite,
    ),
]
SelfJudge = Annotated[bool, typer.Option("--allow-self-judge", help="Let a model judge its own answers.")]

Out = Annotated[Path, typer.Option(metavar="DIR", help="Where runs are kept.", file_okay=False)]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
