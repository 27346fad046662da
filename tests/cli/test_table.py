"""The board: what is shown at which width."""

import io

import pytest
from rich.console import Console

from steerbench.cli.table import ordered, show
from steerbench.records.plan import Plan
from steerbench.records.results import ComparisonRecord, MethodResult, MethodTiming, MetricRecord, RunResult, Timings
from steerbench.records.standing import standing_of

NAMES = [
    "error",
    "error best case",
    "error A",
    "individual r",
    "profile r",
    "agreement shift",
    "keyed shift",
    "missing rate",
]


def method(error, role=None, p=0.2, flags=(), strengths=()):
    """A method is tested against a constant, at p."""
    values = dict.fromkeys(NAMES, MetricRecord(value=-0.394, low=-0.999, high=-0.001, n=300))
    values |= {
        "error": MetricRecord(value=error, low=error - 0.3, high=error + 0.3),
        "agreement shift": MetricRecord(value=None),
    }
    chosen = {str(n): s for n, s in enumerate(strengths)}
    tested = [] if role else [ComparisonRecord(against="always-1", difference=-1.0, p=p, p_holm=p, n=300)]
    return MethodResult(
        role=role, standing=None if role else standing_of(tested, {"always-1": "constant"}, chosen, over="people"),
        settings={}, metrics=values, comparisons=tested, flags=list(flags), items=9, unscored=0,
        strengths=chosen, wordings={}, generated_tokens=0,
    )  # fmt: skip


RESULT = RunResult(
    digest="d",
    identity={},
    plan=Plan(methods=("pas",), task="papi"),
    targets=300,
    methods={
        "always-1": method(11.33, "constant"),
        "pas+few-shot": method(4.41, flags=["12 % unreadable"], strengths=[0.0, 2.25, 8]),
        "random-direction": method(6.0, "placebo", strengths=[1.0]),
    },
    deviations=[],
    timings=Timings(
        methods={"pas+few-shot": MethodTiming(fit=1000, calibrate=200, evaluate=34.5)}, peak_memory_bytes=0
    ),
    over="people",
)


def shown(width, terminal=True):
    text = io.StringIO()
    console = Console(file=text, width=width, force_terminal=terminal, color_system="standard" if terminal else None)
    show(RESULT, "runs/x", console)
    return text.getvalue()


def lines(width):
    text = io.StringIO()
    console = Console(file=text, width=width, force_terminal=True, color_system=None)
    show(RESULT, "runs/x", console)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_at_100_columns_a_row_is_one_line_with_both_intervals():
    row = next(line for line in lines(100) if line.startswith("pas+few-shot "))
    assert row.split() == [
        "pas+few-shot", "4.41", "[4.11", "4.71]", "-.39", "[-1.00", ".00]", "-.39", "-", "-.39", "2.2", "2/3", "1,234",
    ]  # fmt: skip
    assert all(len(line) <= 100 for line in lines(100))


def test_break_downs_of_the_headline_have_no_column():
    found = lines(100)
    table = found[: found.index(next(line for line in found if line.startswith("always-1 "))) + 1]
    assert "best" not in "\n".join(table)
    assert "error" in "\n".join(table)
    assert "--json also has 2 break-downs (error best case, ...)." in " ".join(found)


@pytest.mark.parametrize("width", [80, 90])
def test_a_narrow_terminal_gets_fewer_metrics_and_still_one_line_a_row(width):
    found = lines(width)
    assert [line.split()[0] for line in found if "[" in line] == ["pas+few-shot", "random-direction", "always-1"]
    assert all(len(line) <= width for line in found)


def test_rows_are_sorted_by_the_headline_and_trivial_ones_dimmed():
    found = [line for line in shown(100).splitlines() if "[4" in line or "[5" in line or "[11" in line]
    assert ["\x1b[2m" in line for line in found] == [False, True, True]
    assert shown(100).index("pas+few-shot") < shown(100).index("random-direction") < shown(100).index("always-1")


def test_standings_and_flags_stand_beneath_and_a_file_is_as_wide_as_the_whole_board():
    found = lines(100)
    place = found.index("pas+few-shot: not better than always-1")
    assert found[place + 1] == "pas+few-shot: 12 % unreadable"
    assert "Intervals and tests are over people, 95 %." in found
    assert "keyed" in shown(40, terminal=False)


def test_several_methods_are_told_not_to_be_corrected_for_their_number():
    rows = RESULT.methods | {"caa": method(5.0, p=0.001)}
    text = io.StringIO()
    show(RESULT.model_copy(update={"methods": rows}), "runs/x", Console(file=text, width=200))
    assert "The 2 methods are tested one by one, without a correction for multiple methods." in text.getvalue()
    assert "caa: beats constants" in text.getvalue()


@pytest.mark.parametrize("width", [100, 120, 80])
def test_a_board_with_long_names_and_intervals_loses_metrics_and_never_the_end_of_a_line(width):
    long = {f"a fairly lengthy {n}": MetricRecord(value=12.345, low=-11.5, high=13.25) for n in "abcdef"}
    rows = {name: method(1.0).model_copy(update={"metrics": long}) for name in ("pas+few-shot", "random-direction")}
    text = io.StringIO()
    result = RESULT.model_copy(update={"methods": rows})
    show(result, "runs/x", Console(file=text, width=width, force_terminal=True, color_system=None))
    heads = text.getvalue().splitlines()[1:6]
    assert any(line.rstrip().endswith("(s)") for line in heads)
    assert max(len(line.rstrip()) for line in text.getvalue().splitlines()[:9]) <= width


def test_where_more_is_better_the_most_stands_on_top():
    result = RESULT.model_copy(update={"higher_is_better": True})
    assert [name for name, _ in ordered(result)] == ["always-1", "random-direction", "pas+few-shot"]
    assert [name for name, _ in ordered(RESULT)] == ["pas+few-shot", "random-direction", "always-1"]


def test_a_board_without_its_control_says_what_to_add():
    text = io.StringIO()
    for methods in (RESULT.methods, {**RESULT.methods, "copy": method(2.0, "control")}):
        result = RESULT.model_copy(update={"controls": ["copy", "copy-other"], "methods": methods})
        show(result, "runs/x", Console(file=text, width=120))
    assert text.getvalue().count("add copy to --method") == 1
