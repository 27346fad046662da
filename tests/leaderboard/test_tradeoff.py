"""Pages of trade-offs, from published ones of the toy world and of no model, in a browser and as files."""

import json
from pathlib import Path

import pytest

from leaderboard.build import build
from leaderboard.fronts import front_chart
from leaderboard.reading import read_results
from leaderboard.responses import dose_chart
from leaderboard.tradeoffs import EffectAndCost, doses_of, pairs_of, read_tradeoffs
from steerbench.errors import UserError
from steerbench.publishing.tradeoff_schema import PublishedTradeoff, read_published_tradeoff
from steerbench.publishing.tradeoffs import publish_tradeoff
from tests.leaderboard.conftest import violations
from tests.leaderboard.made_up import method, run, write
from tests.publishing.tradeoff_world import copied, edit, made

HOSTILE = "<script>window.hacked = 1</script>"
WHERE = {"pas": {"a": 1.5, "b": 0.5}, "unsteered": {"a": 1.0, "b": 1.0}, "always-3": {"a": 1.0, "b": 1.0}}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The folder of published runs: a trade-off's, and an effect and a cost at its strengths."""
    folder = tmp_path_factory.mktemp("published")
    publish_tradeoff(made(folder / "runs"), folder / "results")
    write(folder / "results", *ordinary())
    return folder / "results"


@pytest.fixture(scope="module")
def site(published, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("built") / "site"
    build(published, out)
    return out


def ordinary():
    """An effect, and what it costs at the strengths that were chosen."""
    cost = run("cost", {"pas": method(0.4)}, task="gsm8k", measures_cost=True, higher_is_better=True)
    plan = cost.plan.model_copy(update={"strengths": WHERE})
    return run("effect", {"pas": method(2.0)}), cost.model_copy(update={"plan": plan})


def read(results: Path) -> PublishedTradeoff:
    return read_published_tradeoff(next((results.parent / "tradeoffs").iterdir()))


def page_of(site: Path) -> str:
    return f"tradeoffs/{next((site / 'tradeoffs').iterdir()).name}"


def test_runs_of_a_trade_off_stand_on_no_board_and_keep_their_pages(site, published):
    tradeoff = read(published)
    boards = json.loads((site / "api/index.json").read_text())
    assert {board["task"] for board in boards["boards"]} == {"papi", "gsm8k"}
    for id in tradeoff.runs:
        text = (site / "runs" / f"{id}.html").read_text()
        assert f'href="../tradeoffs/{tradeoff.name.replace("+", "%2B")}.html"' in text
    assert "the trade-off that this run belongs to" not in (site / "runs/effect.html").read_text()


def test_the_front_that_is_drawn_is_the_one_that_was_found(published):
    tradeoff = read(published)
    found = tradeoff.found
    drawn = front_chart(tradeoff, 0, "toy")
    line = next(layer for layer in drawn.spec["layer"] if layer["mark"].get("interpolate"))["data"]["values"]
    at = {("unsteered", 1.0): (0.0, 0.0)} | {
        (name, p.strength): (p.effect.value, p.prices["toy"].value)
        for name, curve in found.curves.items()
        for p in curve.points
    }
    assert [(point["effect"], point["value"]) for point in line] == [at[tuple(dose)] for dose in found.fronts["toy"]]
    on = {(row[0].text, row[2].text) for row in drawn.rows if row[-1].text == "yes"}
    assert {name for name, _ in on} == {name for name, _ in found.fronts["toy"]}
    matched = [row for row in drawn.rows if row[-1].text == "matched"]
    assert {row[0].text for row in matched} == {name for name, curve in found.curves.items() if curve.matched}


def test_a_dose_leads_to_the_run_that_says_it(published):
    found = read(published).found
    for cost, source in ((None, "calibration"), ("fluency", "calibration"), ("toy", "toy")):
        drawn = dose_chart(read(published), 0, cost)
        points = [p for name in found.curves for p in found.curves[name].points]
        assert [row[0].href for row in drawn.rows] == [f"runs/{point.runs[source]}.html" for point in points]
        marks = drawn.spec["layer"][-1]["data"]["values"]
        assert {mark["href"] for mark in marks} == {row[0].href for row in drawn.rows}


def test_effect_and_cost_of_ordinary_runs_are_paired_at_the_same_strengths_only():
    effect, cost = ordinary()
    (pair,) = pairs_of([effect, cost])
    assert pair == EffectAndCost(effect, cost)
    assert pair.methods == ["pas", "unsteered"]
    assert pair.at("pas") == (2.0, 0.4)
    elsewhere = {**WHERE, "pas": {"a": 1.5, "b": 0.6}}
    plan = cost.plan.model_copy(update={"strengths": elsewhere})
    assert pairs_of([effect, cost.model_copy(update={"plan": plan})]) == []
    assert pairs_of([effect, cost.model_copy(update={"model": "qwen"})]) == []
    assert pairs_of([effect, cost.model_copy(update={"measures_cost": False})]) == []
    twin = effect.model_copy(update={"id": "twin"})
    assert pairs_of([effect, twin, cost]) == []  # whose cost it is cannot be told


def test_a_prompt_of_another_wording_is_not_paired():
    effect, cost = ordinary()
    row = cost.methods["pas"].model_copy(update={"wordings": {"a": 1}})
    other = cost.model_copy(update={"methods": {**cost.methods, "pas": row}})
    assert EffectAndCost(effect, other).methods == ["unsteered"]
    assert pairs_of([effect, other]) == []


@pytest.mark.parametrize(
    ("rows", "front"),
    [
        ({"pas": (1.0, 0.9), "caa": (2.0, 0.5)}, ["pas"]),
        ({"pas": (1.0, 0.3), "caa": (2.0, 0.5)}, ["pas", "caa"]),
        ({"pas": (1.0, 0.3), "caa": (1.0, 0.3)}, ["pas", "caa"]),
    ],
)
def test_the_front_of_a_pair_goes_by_what_is_better_on_each_board(rows, front):
    effect = run("effect", {name: method(at[0]) for name, at in rows.items()})  # lower is better
    cost = run("cost", {name: method(at[1]) for name, at in rows.items()}, task="gsm8k", higher_is_better=True)
    named = ({name: row for name, row in one.methods.items() if name in rows} for one in (effect, cost))
    alone = [one.model_copy(update={"methods": rows}) for one, rows in zip((effect, cost), named, strict=True)]
    assert EffectAndCost(*alone).front() == front


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.update(schema_version=9), "has schema 9"),
        (lambda t: t["found"]["unsteered"].update(toy="not-there"), "names the run 'not-there', which is not among"),
        (lambda t: t["found"]["unsteered"].update(toy="../../x"), "which is not the id of a published run"),
    ],
)
def test_a_trade_off_that_cannot_be_read_is_named_and_nothing_is_built(published, tmp_path, change, said):
    results, file = copied(published, tmp_path)
    edit(file, change)
    with pytest.raises(UserError, match=said):
        build(results, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_a_site_without_trade_offs_says_how_to_make_one(tmp_path):
    results = write(tmp_path / "results", run("one"))
    assert read_tradeoffs(results, read_results(results)) == []
    assert doses_of([]) == {}
    build(results, tmp_path / "site")
    assert "No trade-off is published yet" in (tmp_path / "site/tradeoff.html").read_text()


def test_the_list_leads_to_a_trade_off_that_draws_and_tells(opened, site):
    page = opened("tradeoff.html")
    page.wait_for_function("() => document.documentElement.dataset.charts === 'drawn'")
    assert page.locator(".drawing svg").count() == 1
    page.get_by_role("link", name="toy-rated").click()
    page.wait_for_function("() => document.documentElement.dataset.charts === 'drawn'")
    assert page.locator(".drawing svg").count() == 5  # effect and two costs by dose, two costs by effect
    assert page.locator(".prices tbody tr").count() == 3
    assert page.locator(".prices tr.same th").all_inner_texts() == ["toy-words"]
    assert "no dial: at its own effect, not compared" in page.locator(".prices").inner_text()
    assert page.locator(".differences tbody tr").count() == 3  # the effect and two costs


def test_a_click_on_a_mark_opens_its_run(opened, site):
    page = opened(page_of(site))
    page.wait_for_function("() => document.documentElement.dataset.charts === 'drawn'")
    # Intervals of two questions are so wide that marks lie on each other: what is clicked is named, not pointed at.
    page.locator("#dose-0 .mark-symbol.role-mark path").first.dispatch_event("click")
    page.wait_for_url("**/runs/toy-rated-toy-push-*", timeout=5000)
    assert page.get_by_role("link", name="the trade-off that this run belongs to").is_visible()


def test_words_stand_where_nothing_is_matched(published, tmp_path):
    results, file = copied(published, tmp_path)

    def unmatched(told):
        told["found"].update(wanted=None, differences=[])
        for curve in told["found"]["curves"].values():
            curve["matched"] = False

    edit(file, unmatched)
    build(results, tmp_path / "site")
    text = (tmp_path / "site" / page_of(tmp_path / "site")).read_text()
    assert "so nothing is matched" in text
    assert "Nothing is compared: no method is at the common effect." in text
    assert "Prices, at effects that differ" in text


def test_a_hostile_name_is_text(browser, published, tmp_path):
    results, file = copied(published, tmp_path)

    def renamed(told):
        found = told["found"]
        found["curves"] = {HOSTILE if n == "toy-words" else n: c for n, c in found["curves"].items()}
        found["targets"] = [HOSTILE]
        found["fronts"] = {cost: [] for cost in found["fronts"]}

    edit(file, renamed)
    build(results, tmp_path / "site")
    page = browser.new_page()
    page.goto((tmp_path / "site" / page_of(tmp_path / "site")).as_uri())
    page.wait_for_function("() => document.documentElement.dataset.charts === 'drawn'")
    assert page.evaluate("() => window.hacked") is None
    assert HOSTILE in page.locator(".lead").inner_text()
    page.close()


def test_axe_finds_nothing_and_nothing_scrolls_sideways(audited, site):
    page = audited
    for path in ("tradeoff.html", page_of(site)):
        page.goto((site / path).as_uri())
        page.wait_for_function("() => document.documentElement.dataset.charts === 'drawn'")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= page.viewport_size["width"]
        assert violations(page) == []
