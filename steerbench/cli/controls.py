"""`steerbench controls`: what can be read of a model, before any method is run on it."""

import sys
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
    from steerbench.instrument import Line
    from steerbench.results import Metric


def controls_command(
    model: Model = None,
    dataset: Annotated[str, typer.Option(help="The inventory: sample, which is shipped, or papi-300.")] = "sample",
    people: Annotated[int, typer.Option(help="So many people whose answers are copied.", min=2)] = 6,
    statements: Annotated[int, typer.Option(help="So many statements of each trait, asked under poles.", min=2)] = 4,
    seed: Seed = 0,
    engine: EngineName = "hf",
    dtype: Dtype = None,
    device: Device = None,
    chat_template: Template = None,
    out: Out = Path("runs"),
    quiet: Quiet = False,
) -> None:
    """Say which readouts can see an effect on a model: poles described to it, and answers shown to it."""
    with quick():
        from steerbench.cli.progress import Bars
        from steerbench.cli.table import WIDE
        from steerbench.instrument import asked, conclusions, line_of
        from steerbench.runner import execute, prepare

    named: dict[str, Any] = {
        "model": model,
        "engine": engine,
        "dtype": dtype,
        "chat_template": str(chat_template) if chat_template else None,
    }
    lines, loaded = [], None
    try:
        for one in asked(named, dataset, people, statements, seed):
            found = []
            for plan in (one.poles, one.people):
                prepared = prepare(plan, device, loaded)
                loaded = prepared.engine
                with Bars(quiet) as bars:
                    found.append(execute(prepared, prepared.folder(out), bars))
            lines.append(line_of(one.readout, *found))
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    console.print(_table(lines, _title(loaded, model)))
    for sentence in conclusions(lines):
        console.print(sentence, highlight=False)


def _title(engine: "Engine | None", model: str | None) -> str:
    from steerbench.models.registry import DEFAULT

    told = dict(engine.identity()) if engine is not None else {}
    return f"Controls of {model or DEFAULT}, {told.get('dtype', '')}"


def _table(lines: "list[Line]", title: str) -> Table:
    from steerbench.cli.table import cell

    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("readout", overflow="fold")
    for name in ("range", "one answer", "poles described", "answers copied", "another's copied"):
        table.add_column(name.replace(" ", "\n"), justify="right", no_wrap=True)
    table.add_column("reads")
    for line in lines:
        numbers = [cell(line.described, True), cell(line.copied, True), cell(line.other, False)]
        table.add_row(line.readout, cell(line.range, False), _percent(line.alike), *numbers, line.words)
    return table


def _percent(share: "Metric | None") -> str:
    return "-" if share is None or share.value is None else f"{100 * share.value:.0f} %"
