"""Tables at every width: no line is longer than the screen, no cell is wrapped, and what is left out is said."""

import io
import json
import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from steerbench.cli.fitting import Column, fitted, print_facts, print_table
from steerbench.cli.table import board, ordered, show
from steerbench.reports import report
from steerbench.reports.source import read_source

RESULTS = Path(__file__).parents[2] / "leaderboard" / "results"


def _of_every_task() -> list[Path]:
    """Of each task, the shipped run with the most rows."""
    most: dict[str, tuple[int, Path]] = {}
    for file in sorted(RESULTS.glob("*/published.json")):
        told = json.loads(file.read_text())
        most[told["plan"]["task"]] = max(most.get(told["plan"]["task"], (0, file)), (len(told["methods"]), file.parent))
    return [folder for _, folder in most.values()]


RUNS = _of_every_task()


def lines_of(folder: Path, width: int) -> list[str]:
    text = io.StringIO()
    show(read_source(folder).result, folder, Console(file=text, width=width))
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_there_is_a_run_of_every_task_that_is_shipped():
    assert len(RUNS) >= 6


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("folder", RUNS, ids=lambda folder: folder.name[:30])
def test_a_shipped_board_fits_and_has_a_line_for_each_row(folder, width):
    lines = lines_of(folder, width)
    assert [line for line in lines if cell_len(line) > width and str(folder) not in line] == []
    result = read_source(folder).result
    names = [name for name, _ in ordered(result)]
    first = next(place for place, line in enumerate(lines) if line.split() and line.split()[0] == names[0])
    assert [line.split()[0] for line in lines[first : first + len(names)]] == names
    headline = board(result)[1]
    for line, value in zip(lines[first : first + len(names)], headline.cells, strict=True):
        assert value in line
    remark = re.search(r"Not shown for lack of room: (.*?)\. COLUMNS=(\d+)\s+shows\s+all\.", " ".join(lines))
    shown = [column for column in board(result, width) if column.name.split()[-1] in " ".join(lines[:first]).split()]
    if remark is None:
        assert len(shown) == len(board(result))
        return
    wide = " ".join(lines_of(folder, int(remark[2])))
    assert "Not shown" not in wide
    assert "Not shown" in " ".join(lines_of(folder, int(remark[2]) - 1))


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("folder", RUNS, ids=lambda folder: folder.name[:30])
def test_a_report_in_plain_text_fits_and_has_a_line_for_each_row(folder, width):
    lines = report([folder], "text", width=width).splitlines()
    assert [line for line in lines if cell_len(line) > width] == []
    for name in read_source(folder).result.methods:
        (row,) = [line for line in lines if re.match(rf"{re.escape(name)}( \([a-z,]+\))?\*? ", line)]
        assert re.search(r"\d|-$", row)


@pytest.mark.parametrize("width", [80, 200])
def test_plain_text_says_which_columns_it_leaves_out(width):
    (folder,) = [run for run in RUNS if run.name.startswith("papi")]
    text = " ".join(report([folder], "text", width=width).split())
    assert ("agreement shift and" in text or "agreement shift," in text) == (width == 80)
    assert ("Not shown for lack of room" in text) == (width == 80)


COLUMNS = [
    Column("row", ["one", "another"], right=False),
    Column("score", ["1.00 [0.50 1.50]", "2.00"], brief=["1.00", "2.00"], brief_kept=9),
    Column("second", ["22.22 [1.00 2.00]", "-"], kept=2, brief=["22.22", "-"], brief_kept=1),
    Column("third one", ["333", "333"], kept=3),
]


def kept(width: int) -> tuple[list[str], list[str], bool]:
    found = fitted(COLUMNS, width)
    return [column.name for column in found.columns], list(found.omitted), bool(found.lacking)


def test_columns_are_given_up_in_their_order():
    whole = 7 + 1 + 16 + 1 + 17 + 1 + 5
    names = [column.name for column in COLUMNS]
    assert fitted(COLUMNS, 0).needs == whole
    assert kept(whole) == (names, [], False)
    assert kept(whole - 1) == (names, [], True)
    assert kept(7 + 1 + 16 + 1 + 6 + 1 + 4) == (["row", "score", "third one"], ["second"], False)
    assert kept(7 + 1 + 16) == (["row", "score"], ["second", "third one"], False)
    assert kept(7 + 1 + 5) == (["row", "score"], ["second", "third one"], True)


def test_a_name_that_nothing_has_room_for_is_cut_and_never_wrapped():
    text = io.StringIO()
    columns = [Column("row", ["a" * 90, "b\nc"], right=False), Column("score", ["1.00", "2.00"])]
    print_table(Console(file=text, width=40), columns)
    head, first, second = (line.rstrip() for line in text.getvalue().splitlines())
    assert head.split() == ["row", "score"]
    assert first == "a" * 33 + "…  1.00"
    assert second.split() == ["b", "c", "2.00"]
    assert len(first) == 40


def test_a_caption_is_broken_between_facts():
    text = io.StringIO()
    print_facts(Console(file=text, width=20), ["papi on sample", "seed 0", "lower error is better"])
    assert [line.rstrip() for line in text.getvalue().splitlines()] == [
        "papi on sample,",
        "seed 0,",
        "lower error is",
        "better",
    ]
