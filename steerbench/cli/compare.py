"""`steerbench compare`: two runs row by row, or one row with another."""

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from steerbench.api.screen import console as screen
from steerbench.cli.options import finite, run_folder
from steerbench.errors import UserError, counted

if TYPE_CHECKING:
    from steerbench.cli.fitting import Column
    from steerbench.reports.source import ReportSource
    from steerbench.studies.comparison import Compared, Paired

WORSE = 1
"""Exit code of a comparison in which something got worse."""
BETTER = "lower loss is better"

Given = Annotated[
    str,
    typer.Argument(metavar="RUN[:ROW]", help="The folder of a run, or a row of it: runs/A:pas.", show_default=False),
]


def compare_command(
    first: Given,
    second: Given,
    fail_if_worse: Annotated[
        float | None,
        typer.Option(
            metavar="MARGIN",
            help="Exit with 1 if a row's loss rose by more than this, interval and all, or answers were lost.",
            min=0.0,
            callback=finite,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON instead of a table.")] = False,
) -> None:
    """Compare two runs, or two rows, over the targets they share."""
    from steerbench.studies.comparison import compare, lost, worse

    (one, row), (other, other_row) = _parsed(first), _parsed(second)
    rows = (row or other_row, other_row or row) if row or other_row else None
    if rows is not None and fail_if_worse is not None:
        raise UserError("--fail-if-worse is for two runs and not for two rows; leave it or the rows out.")
    found = compare(one, other, rows=rows)
    if json:
        print(jsonlib.dumps(_as_json(one, other, found), indent=1, allow_nan=False))
    else:
        _show(one, other, found)
    if fail_if_worse is None:
        return
    missing, got_worse = lost(one, other), worse(found.pairs, fail_if_worse)
    said = [
        f"{name}: {counted(answers, 'answers')} of the first run {_have(answers)} no loss in the second."
        for name, answers in missing.items()
    ]
    said += [f"{pair.method}: worse by more than {fail_if_worse:g}." for pair in got_worse]
    for sentence in said:
        screen(stderr=json).print(sentence, highlight=False, markup=False, soft_wrap=True)
    if said:
        raise typer.Exit(WORSE)


def _have(number: int) -> str:
    return "has" if number == 1 else "have"


def _parsed(given: str) -> tuple[Path, str]:
    """The run and the row that are meant, the latter "" for all of them. A folder may have a colon in its name."""
    folder, colon, row = given.rpartition(":")
    if not colon or Path(given).exists():
        return run_folder(Path(given)) or Path(given), ""
    if not row or not folder:
        raise UserError(f"'{given}' names no row: write RUN:ROW, such as runs/A:pas, or the run alone.")
    return run_folder(Path(folder)) or Path(folder), row


def _show(first: Path, second: Path, found: "Compared") -> None:
    from steerbench.cli.fitting import print_facts, print_table
    from steerbench.reports.captions import caption_facts

    console, sources = screen(), _sources(first, second)
    print_facts(console, caption_facts(sources, better=BETTER))
    for sentence in _differences(sources):
        console.print(Text(sentence))
    print_table(console, _columns(found.pairs))
    console.print("Mean loss per item; p by flipping the signs of the targets' differences.", highlight=False)
    if left_out := [*found.left_out, *_metrics_left_out(sources)]:
        console.print(Text.assemble(("Not compared. ", "bold"), " ".join(left_out)))


def _columns(pairs: "list[Paired]") -> "list[Column]":
    from steerbench.cli.fitting import Column

    differences = [pair.difference for pair in pairs]
    intervals = [
        f" [{one.low:+.3f}, {one.high:+.3f}]" if one.low is not None and one.high is not None else ""
        for one in differences
    ]
    brief = [f"{one.value:+.3f}" for one in differences]
    full = [value + interval for value, interval in zip(brief, intervals, strict=True)]
    return [
        Column("method", [pair.method for pair in pairs], right=False),
        Column("first", [f"{pair.first:.3f}" for pair in pairs], kept=2),
        Column("second", [f"{pair.second:.3f}" for pair in pairs], kept=2),
        Column("second less first", full, brief=brief, brief_kept=3),
        Column("p", [f"{pair.p:.3f}" for pair in pairs], kept=1),
        Column("p (Holm)", [f"{pair.p_holm:.3f}" for pair in pairs]),
        Column("targets", [str(pair.difference.n) for pair in pairs]),
    ]


def _sources(first: Path, second: Path) -> "list[ReportSource]":
    """The runs that are finished; an unfinished one has a ledger, and nothing for a caption."""
    from steerbench.records.results import RESULT
    from steerbench.reports.source import read_source

    return [read_source(run) for run in dict.fromkeys((first, second)) if (run / RESULT).is_file()]


def _differences(sources: "list[ReportSource]") -> list[str]:
    """What else than the methods may be why two runs differ."""
    if len(sources) < 2:
        return []
    one, other = (source.facts() | {"dataset": source.dataset} for source in sources)
    names = [name for name in one if name not in ("digest", "targets") and one[name] != other.get(name)]
    if not names:
        return []
    told = ", ".join(f"{one[name] or 'none'} / {other.get(name) or 'none'}" for name in names)
    return [f"The runs differ in more than their rows: {told}. A difference in loss may come from that."]


def _metrics_left_out(sources: "list[ReportSource]") -> list[str]:
    from steerbench.records.results import metrics_in_order, without_break_downs

    names = dict.fromkeys(
        name for source in sources for name in without_break_downs(metrics_in_order(source.result))[1:]
    )
    return [f"Metrics that are not the mean loss per item: {', '.join(names)}."] if names else []


def _as_json(first: Path, second: Path, found: "Compared") -> dict[str, object]:
    sources = _sources(first, second)
    return {
        "first": str(first),
        "second": str(second),
        "rows": [asdict(pair) for pair in found.pairs],
        "differences": _differences(sources),
        "left_out": [*found.left_out, *_metrics_left_out(sources)],
    }
