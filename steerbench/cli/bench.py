"""`steerbench bench` and `steerbench bench compare`: how long methods take beside doing without them."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from steerbench.api.screen import console as screen
from steerbench.cli.options import Device, Dtype, Model, Param, Seed, finite
from steerbench.errors import UserError, counted, installing

if TYPE_CHECKING:
    from steerbench.timing.gate import GateResult
    from steerbench.timing.schema import TimingFile

WORSE = 1
"""Exit code of a comparison in which something got slower."""

app = typer.Typer(help="Time methods, as ratios to the same engine unsteered.", invoke_without_command=True)


@app.callback()
def bench_command(
    context: typer.Context,
    method: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Methods: pas,npti or pas+few-shot; repeatable.")
    ] = None,
    engine: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Engines: hf or hf,vllm.", show_default="hf")
    ] = None,
    groups: Annotated[
        str, typer.Option(metavar="NAMES", help="Kinds of work to time.")
    ] = "fit,calibrate,choose,generate",
    model: Model = None,
    dtype: Dtype = None,
    device: Device = None,
    alternations: Annotated[
        int, typer.Option(metavar="N", help="Passes over all cases, of two rounds each.", min=1)
    ] = 3,
    targets: Annotated[int, typer.Option(metavar="N", help="Respondents to fit and ask.", min=1)] = 8,
    items: Annotated[int, typer.Option(metavar="N", help="Items per respondent in calibrate and choose.", min=1)] = 8,
    requests: Annotated[
        int, typer.Option(metavar="N", help="Texts in generate, each under another steering.", min=1)
    ] = 64,
    new_tokens: Annotated[int, typer.Option(metavar="N", help="Tokens per text in generate.", min=1)] = 32,
    clock: Annotated[
        str, typer.Option(metavar="NAME", help="wall, or cpu (CPU time of the process) on shared machines.")
    ] = "wall",
    param: Param = None,
    seed: Seed = 0,
    json: Annotated[
        Path | None, typer.Option(help="Write the timing file here, and print no table.", dir_okay=False)
    ] = None,
) -> None:
    """Time methods at fitting, calibrating, choosing and generating."""
    if context.invoked_subcommand is not None:
        return
    if importlib.util.find_spec("pytest_benchmark") is None:
        raise UserError(f"Timing needs pytest-benchmark: {installing('bench')}.")
    if clock not in ("wall", "cpu"):
        raise UserError(f"There is no clock '{clock}'; there are: wall, cpu.")
    from steerbench.cli.parameters import comma_separated, parse_parameters
    from steerbench.cli.startup import quick

    with quick():
        from steerbench.timing.bench import BenchPlan, bench
        from steerbench.timing.files import write_timing
        from steerbench.timing.schema import Sizes
    asked = BenchPlan(
        methods=comma_separated("--method", method or []),
        engines=comma_separated("--engine", engine or ["hf"]),
        groups=comma_separated("--groups", [groups]),  # type: ignore[arg-type]
        model=model,
        dtype=dtype,
        device=device,
        alternations=alternations,
        clock=clock,  # type: ignore[arg-type]
        sizes=Sizes(targets=targets, items=items, requests=requests, new_tokens=new_tokens),
        given=parse_parameters(param or []),
        seed=seed,
    )
    progress = screen(stderr=True)
    with progress.status("loading") as status:
        timing = bench(asked, lambda what, done, of: status.update(f"{what} ({done} of {of})"))
    if json is None:
        show(timing)
        return
    write_timing(timing, json)
    print(f"{counted(len(timing.cases), 'cases')}, {counted(timing.alternations, 'alternations')}: {json}")


@app.command("compare")
def compare_command(
    old: Annotated[Path, typer.Argument(help="The timing file to compare with.", show_default=False)],
    new: Annotated[Path, typer.Argument(help="The timing file to judge.", show_default=False)],
    tolerance: Annotated[
        float, typer.Option(metavar="X", help="How much worse a ratio may be, beyond noise.", min=0.0, callback=finite)
    ] = 0.10,
) -> None:
    """Compare two timing files; exits with 1 if a ratio got worse."""
    from steerbench.timing.files import read_timing
    from steerbench.timing.gate import compare

    verdict = compare(read_timing(old), read_timing(new), tolerance)
    if not verdict.changes:
        raise UserError(f"{old} and {new} have no case in common: there is nothing to compare.")
    tell(verdict, tolerance)
    if verdict.worse:
        raise typer.Exit(WORSE)


def show(timing: "TimingFile", console: Console | None = None) -> None:
    """The table of a timing: ratios with intervals, and median seconds, speed and memory of the method's side."""
    from statistics import median

    from steerbench.timing.gate import hardware

    console = console or screen()
    table = _table("group", "method", "engine", "ratio", "interval", "seconds", "tokens/s", "peak MB")
    for case in timing.cases:
        sides = [one.method for one in case.rounds]
        peaks = [side.peak_memory_bytes for side in sides if side.peak_memory_bytes is not None]
        read = case.group != "generate"
        speed = median(((s.prompt_tokens if read else 0) + s.generated_tokens) / s.seconds for s in sides)
        table.add_row(
            *case.name,
            f"{case.ratio.median:.2f}",
            f"[{case.ratio.low:.2f} {case.ratio.high:.2f}]",
            f"{median(side.seconds for side in sides):.2f}",
            f"{speed:,.0f}",
            f"{max(peaks) / 1e6:,.0f}" if peaks else "-",
        )
    console.print(table)
    console.print(
        f"{timing.model} on {hardware(timing.machine)}, {timing.clock} time. A ratio is to the same requests "
        "unsteered, or, of fit, to the engine's part of it.",
        highlight=False,
    )


def tell(verdict: "GateResult", tolerance: float, console: Console | None = None) -> None:
    """The table of a comparison, what could not be compared, and why it may mislead."""
    console = console or screen()
    table = _table("group", "method", "engine", "old", "new", "new / old", "interval", "")
    for change in verdict.changes:
        table.add_row(
            *change.name,
            f"{change.old:.2f}",
            f"{change.new:.2f}",
            f"{change.change:.2f}",
            f"[{change.low:.2f} {change.high:.2f}]",
            Text("worse", "bold red") if change.worse else "",
        )
    console.print(table)
    for where, only in (("old", verdict.only_old), ("new", verdict.only_new)):
        for name in only:
            console.print(f"Only in the {where} file: {' '.join(name)}.", highlight=False)
    if verdict.warnings:
        differing = ", ".join(verdict.warnings)
        console.print(f"Warning: the files differ in {differing}; ratios may too.", highlight=False, soft_wrap=True)
    bound = f"by more than {tolerance:.0%} beyond noise"
    told = f"{len(verdict.worse)} of {len(verdict.changes)} got worse" if verdict.worse else "Nothing got worse"
    console.print(f"{told} {bound}.", highlight=False)


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name in columns:
        text = name in ("group", "method", "engine", "")
        table.add_column(name, justify="left" if text else "right", no_wrap=not text)
    return table
