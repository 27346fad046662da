"""`steerbench controls`: what can be measured on a model, before any method is run on it."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from steerbench.api.screen import console as screen
from steerbench.cli.fitting import Column, print_facts, print_table
from steerbench.cli.main import INTERRUPTED, STOPPED
from steerbench.cli.options import Device, Dtype, EngineName, Model, Out, Quiet, Seed, Template
from steerbench.cli.startup import loading

if TYPE_CHECKING:
    from steerbench.contracts import Engine
    from steerbench.instruments.answers import Heard
    from steerbench.instruments.problems import Solved
    from steerbench.instruments.statements import ReadoutControls
    from steerbench.records.plan import Plan
    from steerbench.records.results import MetricRecord, RunResult


def controls_command(
    model: Model = None,
    dataset: Annotated[
        str, typer.Option(metavar="NAME", help="The inventory: sample (shipped) or papi-300.")
    ] = "sample",
    people: Annotated[int, typer.Option(metavar="N", help="People whose answers are shown to be copied.", min=2)] = 6,
    statements: Annotated[
        int, typer.Option(metavar="N", help="Statements of each trait, asked under described poles.", min=2)
    ] = 4,
    questions: Annotated[int, typer.Option(metavar="N", help="Open questions on each trait; 0 asks none.", min=0)] = 2,
    judge: Annotated[str, typer.Option(metavar="NAMES", help="What rates open answers; several with commas.")] = "axis",
    problems: Annotated[int, typer.Option(metavar="N", help="Problems to solve; 0 asks none.", min=0)] = 10,
    seed: Seed = 0,
    engine: EngineName = "hf",
    dtype: Dtype = None,
    device: Device = None,
    chat_template: Template = None,
    out: Out = Path("runs"),
    quiet: Quiet = False,
) -> None:
    """Test what can be measured on a model, before any method is run."""
    with loading(quiet):
        from steerbench.instruments import answers
        from steerbench.instruments import problems as solutions
        from steerbench.instruments import statements as readouts

    named: dict[str, Any] = {
        "model": model,
        "engine": engine,
        "dtype": dtype,
        "chat_template": str(chat_template) if chat_template else None,
    }
    runs = PlanRunner(device, out, quiet)
    lines, heard, solved = [], [], None
    try:
        for readout, *plans in readouts.asked(named, dataset, people, statements, seed):
            lines.append(readouts.line_of(readout, *map(runs.run, plans)))
        if questions:
            for frame, plan in answers.asked(named, questions, seed):
                heard += [answers.heard_of(frame, found) for found in runs.rated(plan, judge.split(","))]
        if problems:
            solved = solutions.solved_of(runs.run(solutions.asked(named, problems, seed)))
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    console = screen()
    _print(console, _title(runs.engine, model), _statements(lines))
    if heard:
        _print(console, "Open answers", _answers(heard))
    if solved:
        _print(console, "Solutions", _solutions(solved))
    said = [
        *readouts.conclusions(lines),
        *answers.conclusions(heard),
        *(solutions.conclusions(solved) if solved else ()),
    ]
    for sentence in said:
        console.print(sentence, highlight=False)


class PlanRunner:
    """Runs plans one after the other, on one model that is loaded once."""

    def __init__(self, device: str | None, out: Path, quiet: bool) -> None:
        self.device, self.out, self.quiet = device, out, quiet
        self.engine: Engine | None = None

    def run(self, plan: "Plan") -> "RunResult":
        return self._run(plan)[0]

    def _run(self, plan: "Plan") -> "tuple[RunResult, Path]":
        from steerbench.api.progress import Bars
        from steerbench.running.preparing import prepare
        from steerbench.running.runner import execute

        prepared = prepare(plan, self.device, self.engine)
        self.engine = prepared.engine
        folder = prepared.folder(self.out)
        with Bars(self.quiet) as bars:
            return execute(prepared, folder, bars), folder

    def rated(self, plan: "Plan", judges: Sequence[str]) -> Iterator["RunResult"]:
        """The plan's run rated by each judge in turn; its answers are generated once."""
        from steerbench.api.progress import Bars
        from steerbench.running.rejudging import prepare_again, rejudge

        result, run = self._run(plan.model_copy(update={"judges": {"trait": judges[0].strip()}}))
        yield result
        for name in judges[1:]:
            again = prepare_again(run, {"trait": name.strip()}, {}, self.device)
            with Bars(self.quiet) as bars:
                yield rejudge(run, again, again.folder(self.out), bars)


def _title(engine: "Engine | None", model: str | None) -> str:
    from steerbench.models.registry import DEFAULT

    told = dict(engine.identity()) if engine is not None else {}
    return f"Controls of {model or DEFAULT}, {told.get('dtype', '')}"


def _statements(lines: "Sequence[ReadoutControls]") -> list[Column]:
    from steerbench.cli.table import cell

    return [
        Column("readout", [line.readout for line in lines], right=False),
        Column("range", [cell(line.range, False) for line in lines], kept=2),
        Column("one answer", [_percent(line.alike) for line in lines], kept=1),
        _estimates("poles described", [line.described for line in lines]),
        _estimates("answers copied", [line.copied for line in lines]),
        Column("another's copied", [cell(line.other, False) for line in lines], kept=0),
        Column("reads", [line.words for line in lines], right=False),
    ]


def _answers(lines: "Sequence[Heard]") -> list[Column]:
    return [
        Column("frame", [line.frame for line in lines], right=False),
        Column("judge", [line.judge for line in lines]),
        _estimates("poles described", [line.described for line in lines]),
        Column("AI or refusal", [_percent(line.as_ai) for line in lines], kept=0),
        Column("reads", [line.words for line in lines], right=False),
    ]


def _solutions(found: "Solved") -> list[Column]:
    return [
        Column("problems", ["arithmetic"], right=False),
        _estimates("unsteered", [found.plain]),
        _estimates("told", [found.told]),
        Column("reads", [found.words], right=False),
    ]


def _estimates(name: str, found: "Sequence[MetricRecord | None]") -> Column:
    from steerbench.cli.table import cell

    return Column(name, [cell(one, True) for one in found], brief=[cell(one, False) for one in found], brief_kept=3)


def _print(console: Console, title: str, columns: Sequence[Column]) -> None:
    print_facts(console, [title])
    print_table(console, columns)


def _percent(share: "MetricRecord | None") -> str:
    return "-" if share is None or share.value is None else f"{100 * share.value:.0f} %"
