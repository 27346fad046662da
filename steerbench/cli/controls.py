"""`steerbench controls`: what can be read of a model, before any method is run on it."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from steerbench.cli.main import INTERRUPTED
from steerbench.cli.options import Device, Dtype, EngineName, Model, Out, Quiet, Seed, Template
from steerbench.cli.startup import quick

if TYPE_CHECKING:
    from steerbench.contracts import Engine
    from steerbench.instruments.answers import Heard
    from steerbench.instruments.problems import Solved
    from steerbench.instruments.statements import ReadoutControls
    from steerbench.records.plan import Plan
    from steerbench.records.results import MetricRecord, RunResult


def controls_command(
    model: Model = None,
    dataset: Annotated[str, typer.Option(help="The inventory: sample, which is shipped, or papi-300.")] = "sample",
    people: Annotated[int, typer.Option(help="So many people whose answers are copied.", min=2)] = 6,
    statements: Annotated[int, typer.Option(help="So many statements of each trait, asked under poles.", min=2)] = 4,
    questions: Annotated[int, typer.Option(help="So many open questions on each trait; 0 asks none.", min=0)] = 2,
    judge: Annotated[str, typer.Option(help="Who rates open answers; several with commas.")] = "axis",
    problems: Annotated[int, typer.Option(help="So many problems to be solved; 0 asks none.", min=0)] = 10,
    seed: Seed = 0,
    engine: EngineName = "hf",
    dtype: Dtype = None,
    device: Device = None,
    chat_template: Template = None,
    out: Out = Path("runs"),
    quiet: Quiet = False,
) -> None:
    """Say what can be read of a model: poles described to it, answers shown to it, solutions told to it."""
    with quick():
        from steerbench.cli.table import WIDE
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
        print("\nStopped; the same command goes on from here.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    console.print(_statements(lines, _title(runs.engine, model)))
    if heard:
        console.print(_answers(heard))
    if solved:
        console.print(_solutions(solved))
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


def _statements(lines: "Sequence[ReadoutControls]", title: str) -> Table:
    from steerbench.cli.table import cell

    table = _table(title, "readout", ("range", "one answer", "poles described", "answers copied", "another's copied"))
    for line in lines:
        numbers = [cell(line.described, True), cell(line.copied, True), cell(line.other, False)]
        table.add_row(line.readout, cell(line.range, False), _percent(line.alike), *numbers, line.words)
    return table


def _answers(lines: "Sequence[Heard]") -> Table:
    from steerbench.cli.table import cell

    table = _table("Open answers", "frame", ("judge", "poles described", "AI or refusal"))
    for line in lines:
        table.add_row(line.frame, line.judge, cell(line.described, True), _percent(line.as_ai), line.words)
    return table


def _solutions(found: "Solved") -> Table:
    from steerbench.cli.table import cell

    table = _table("Solutions", "problems", ("unsteered", "told"))
    table.add_row("arithmetic", cell(found.plain, True), cell(found.told, True), found.words)
    return table


def _table(title: str, first: str, columns: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in columns:
        table.add_column(name.replace(" ", "\n"), justify="right", no_wrap=True)
    table.add_column("reads")
    return table


def _percent(share: "MetricRecord | None") -> str:
    return "-" if share is None or share.value is None else f"{100 * share.value:.0f} %"
