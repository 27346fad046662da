"""The page of published timings: what may be compared stands together, in the order of commits, and in a browser."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from leaderboard.build import build
from leaderboard.speed import Setup, checks_of, read_speeds, setups_of
from steerbench.errors import UserError
from steerbench.publishing.speed_sources import publish_speed
from steerbench.timing.schema import TimingCase
from tests.leaderboard.conftest import HOSTILE, IMAGE, violations
from tests.leaderboard.made_up import run, write
from tests.publishing.test_speed import PYTEST
from tests.timing.rounds import MACHINE, case, rounds_of, timing_file

SECONDS = {"fit": 1.5, "choose": 1.25, "generate": 2.0}


def cases(ratios: dict[str, float], method: str = "pas") -> list[TimingCase]:
    """Six rounds; the last is half as slow again, so that an interval has a width."""
    return [
        case(
            rounds_of([ratio] * 5 + [1.5 * ratio], [1.0] * 6, (40, 40) if group == "generate" else (0, 0)),
            group=group,
            method=method,
        )
        for group, ratio in ratios.items()
    ]


def put(folder: Path, cases: Sequence[TimingCase], commit: int = 0, cpu: str = "abacus", **fields: Any) -> Path:
    """A published timing of the commit that was made on that day of January."""
    told = timing_file(cases, MACHINE.model_copy(update={"cpu": cpu})).model_dump(mode="json") | fields
    if commit:
        told["commit"] = {"id": f"{commit:02}" * 20, "time": f"2026-01-{commit:02}T00:00:00+00:00"}
    folder.mkdir(parents=True, exist_ok=True)
    (folder.parent / "timing.json").write_text(json.dumps(told))
    return publish_speed(folder.parent / "timing.json", folder)


def setups(folder: Path) -> list[Setup]:
    return setups_of(read_speeds(folder))


def test_the_latest_commit_counts_though_an_older_one_was_timed_after_it(tmp_path):
    put(tmp_path / "s", cases({"choose": 1.5}), commit=9, created="2026-02-01T00:00:00+00:00")
    put(tmp_path / "s", cases({"choose": 1.25}), commit=3, created="2026-02-02T00:00:00+00:00")
    (setup,) = setups(tmp_path / "s")
    (line,) = setup.lines["choose"]
    assert [point.case.ratio.median for point in line.points] == [1.25, 1.5]
    assert line.case.ratio.median == 1.5


def test_what_differs_in_machine_model_clock_size_or_weights_is_never_mixed(tmp_path):
    sizes = {"targets": 2, "items": 2, "requests": 2, "new_tokens": 2, "search": {}}
    put(tmp_path / "s", cases({"choose": 1.5}))
    put(tmp_path / "s", cases({"choose": 1.5}), cpu="slide rule")
    put(tmp_path / "s", cases({"choose": 1.5}), clock="cpu")
    put(tmp_path / "s", cases({"choose": 1.5}), model="other")
    put(tmp_path / "s", cases({"choose": 1.5}), sizes=sizes)
    put(tmp_path / "s", cases({"choose": 1.5}), engines={"hf": {"weights": "w", "dtype": "float32"}})
    assert [len(setup.files) for setup in setups(tmp_path / "s")] == [1] * 6


def test_a_history_ends_where_a_method_was_given_other_parameters(tmp_path):
    for commit, heads in ((1, 6), (2, 24), (3, 24)):
        put(tmp_path / "s", cases({"fit": float(commit)}), commit, methods={"pas": {"pas": {"heads": heads}}})
    (setup,) = setups(tmp_path / "s")
    assert [point.case.ratio.median for point in setup.lines["fit"][0].points] == [2.0, 3.0]


def test_a_case_that_the_latest_file_lacks_is_shown_as_it_last_was(tmp_path):
    put(tmp_path / "s", cases({"fit": 1.5, "choose": 1.25}), commit=1)
    put(tmp_path / "s", cases({"choose": 2.0}), commit=2)
    (setup,) = setups(tmp_path / "s")
    assert {group: lines[0].case.ratio.median for group, lines in setup.lines.items()} == {"fit": 1.5, "choose": 2.0}


def test_tokens_a_second_are_those_written_or_else_those_read(tmp_path):
    put(tmp_path / "s", cases({"choose": 2.0, "generate": 2.0}))
    (setup,) = setups(tmp_path / "s")
    # A side of tests/timing/rounds.py reads 80 tokens; generate writes 40 in two seconds beside one.
    assert setup.lines["choose"][0].tokens_per_second == (40.0, 80.0)
    assert setup.lines["generate"][0].tokens_per_second == (20.0, 40.0)
    assert setup.lines["choose"][0].seconds == 2.0
    assert setup.lines["choose"][0].peak_memory_bytes == 1_000_000


def test_the_projects_benchmarks_stand_by_machine_and_file(tmp_path):
    for day, value in ((1, 2.0), (2, 3.0), (3, 4.0)):
        told = json.loads(json.dumps(PYTEST))
        told["commit_info"]["time"] = f"2026-01-{day:02}T00:00:00+00:00"
        told["benchmarks"][0]["extra_info"] = {"ratio": value} if day > 1 else {"ratio": value, "ratio, old": 1.0}
        (tmp_path / "pytest.json").write_text(json.dumps(told))
        publish_speed(tmp_path / "pytest.json", tmp_path / "s")
    (checks,) = checks_of(read_speeds(tmp_path / "s"), most=3)
    assert [(one.name, one.values) for one in checks.ratios] == [
        ("ratio", [4.0, 3.0, 2.0]),
        ("ratio, old", [None, None, 1.0]),
    ]
    (checks,) = checks_of(read_speeds(tmp_path / "s"), most=2)
    assert [one.values for one in checks.ratios] == [[4.0, 3.0]]


def test_a_file_that_was_changed_by_hand_stops_the_build(tmp_path):
    path = put(tmp_path / "s", cases({"choose": 1.5}))
    path.write_text(path.read_text().replace('"cores": 2', '"cores": 3'))
    with pytest.raises(UserError, match="has to be called '2026-01-01-"):
        build(write(tmp_path / "results", run("one")), tmp_path / "site", tmp_path / "s")
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize("folder", ["absent", None])
def test_without_timings_the_page_says_so(tmp_path, folder):
    build(write(tmp_path / "results", run("one")), tmp_path / "site", folder and tmp_path / folder)
    page = (tmp_path / "site" / "speed.html").read_text()
    assert "No timing is published yet" in page
    assert "vega.js" not in page


def test_what_is_drawn_has_a_limit_and_the_data_are_whole(tmp_path):
    for number in range(15):
        put(tmp_path / "s", cases({"choose": 1.5}), cpu=f"abacus {number}")
    put(tmp_path / "s", [one for n in range(30) for one in cases({"choose": 1.5}, f"m{n}")], cpu="wide", commit=20)
    build(write(tmp_path / "results", run("one")), tmp_path / "site", tmp_path / "s")
    page = (tmp_path / "site" / "speed.html").read_text()
    assert page.count('class="setup"') == 12
    assert "4 more machines, models or sizes of work" in page
    spec = json.loads(page.split('data-chart="speed-0">')[1].split("</script>")[0])
    assert [value["method"] for value in spec["data"]["values"]] == [f"m{n}" for n in range(8)]
    assert len(json.loads((tmp_path / "site" / "api" / "speed.json").read_text())["files"]) == 16


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two commits on one machine, one on another with hostile names, and the project's own benchmarks."""
    folder = tmp_path_factory.mktemp("speed")
    speed = folder / "speed"
    put(speed, [*cases(SECONDS), *cases({"choose": 1.0625}, "caa")], commit=1)
    put(speed, [*cases(SECONDS | {"choose": 1.375}), *cases({"choose": 1.125}, "caa")], commit=2)
    put(speed, [*cases(SECONDS, HOSTILE), *cases(SECONDS, IMAGE)], cpu=HOSTILE, model=IMAGE)
    told = json.loads(json.dumps(PYTEST))
    told["benchmarks"][0] |= {"name": HOSTILE, "extra_info": {f"ratio {IMAGE}": 1.5}}
    (folder / "pytest.json").write_text(json.dumps(told))
    publish_speed(folder / "pytest.json", speed)
    build(write(folder / "results", run("one")), folder / "site", speed)
    return folder / "site"


DRAWN = "() => document.documentElement.dataset.charts === 'drawn'"


def test_the_page_is_a_click_away_and_draws_every_chart(opened):
    page = opened("index.html")
    page.get_by_role("link", name="Speed").click()
    page.wait_for_function(DRAWN)
    drawn = page.locator(".drawing").evaluate_all(
        "all => all.map((one) => [one.id, one.querySelectorAll('svg').length])"
    )
    assert dict(drawn) == dict.fromkeys(
        ("speed-0", "speed-0-fit-history", "speed-0-choose-history", "speed-0-generate-history", "speed-1"), 1
    )
    assert page.evaluate("() => window.hacked") is None
    assert page.evaluate("() => document.images.length") == 0


def test_the_table_says_ratios_with_intervals_and_where_they_come_from(opened):
    page = opened("speed.html")
    rows = page.get_by_role("region", name="Times of smollm2-135m on hf").locator("tbody tr")
    told = {tuple(row.split("\t")[:2]): row.split("\t")[2:4] + row.split("\t")[-1:] for row in rows.all_inner_texts()}
    assert told == {
        ("fit", "pas"): ["1.50", "[1.50, 1.88]", "02020202"],
        ("choose", "pas"): ["1.38", "[1.38, 1.72]", "02020202"],
        ("choose", "caa"): ["1.12", "[1.12, 1.41]", "02020202"],
        ("generate", "pas"): ["2.00", "[2.00, 2.50]", "02020202"],
    }


def test_a_chart_says_in_words_and_a_table_what_it_shows(opened):
    page = opened("speed.html")
    chart = page.locator("#speed-0-choose-history")
    assert chart.get_attribute("aria-label") == (
        "choose over 2 files, from 01010101 of 2026-01-01 to 02020202 of 2026-01-02: "
        "ratios from 1.06 to 1.25 at first, from 1.12 to 1.38 now."
    )
    figure = page.locator("figure", has=chart)
    figure.get_by_text("As a table").click()
    assert [row.split("\t")[:4] for row in figure.locator("tbody tr").all_inner_texts()] == [
        ["pas", "01010101", "2026-01-01", "1.25"],
        ["pas", "02020202", "2026-01-02", "1.38"],
        ["caa", "01010101", "2026-01-01", "1.06"],
        ["caa", "02020202", "2026-01-02", "1.12"],
    ]


def test_a_phone_never_scrolls_sideways_but_in_tables(opened):
    page = opened("speed.html", viewport={"width": 360, "height": 740})
    page.wait_for_function(DRAWN)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360


def test_axe_finds_nothing_that_keeps_people_out(audited, site):
    page = audited
    page.goto((site / "speed.html").as_uri())
    page.wait_for_function(DRAWN)
    assert violations(page) == []
