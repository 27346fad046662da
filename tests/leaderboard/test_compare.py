"""The compare page in a browser, beside an oracle that reads the Parquet and knows nothing of the page's code."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from leaderboard.build import build
from leaderboard.text import MINUS, NONE
from steerbench.statistics import mean_estimate
from tests.leaderboard.conftest import HOSTILE, IMAGE, violations
from tests.leaderboard.made_up import method, metric, run
from tests.leaderboard.paired import Oracle, losses, make

TRAITS = ("agreeableness", "extraversion", "openness")
POLES = tuple(f"{trait}{sign}" for trait in TRAITS for sign in "+-")
PEOPLE = tuple(f"person {n}" for n in range(7))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    results = folder / "results"
    # Every trait has questions of its own, asked under both its poles.
    questions = [(pole, f"q{place // 2}{n}") for place, pole in enumerate(POLES) for n in range(9)]
    rows = {"pas": method(2.0), "npti": method(1.5)}
    make(results, run("first", rows, over="questions"), questions, losses(5))
    other = run("second", rows, model="qwen", identity=_identity(questions="20", judge="llm"), over="questions")
    make(results, other, questions[:-3], losses(55, step=0.5))
    people = [(person, f"q{n}") for person in PEOPLE for n in range(5)]
    make(results, run("people", rows, task="people"), people, losses(105, of_targets=True))
    make(results, run("few", rows, task="people"), people[:25], losses(7, of_targets=True))
    held = {"__proto__": method(1.0, more={"<b>bold": 3.0}), HOSTILE: method(2.0), IMAGE: method(3.0)}
    make(results, run("held", held, task="held", withheld=True), people, lambda *_: None, unscored="")
    make(
        results,
        run("hostile", held, task="hostile"),
        [(HOSTILE, "q1"), (IMAGE, "q2")],
        losses(4, 0),
        text=HOSTILE + IMAGE,
    )
    for n in range(12):
        make(results, run(f"many-{n}", task="many"), [("a", "q0")], losses(n, 0))
    build(results, folder / "site")
    return folder / "site"


def _identity(questions: str, judge: str) -> dict[str, Any]:
    task = {"dataset": "sample", "questions": questions}
    return {"task": task, "engine": {"engine": "hf", "dtype": "bfloat16"}, "judges": {"trait": {"name": judge}}}


CASES = {
    "one run": (("first", "pas"), ("first", "npti"), "item"),
    "two runs": (("first", "npti"), ("second", "npti"), "item"),
    "ties": (("second", "pas"), ("second", "npti"), "item"),
    "people": (("people", "npti"), ("people", "unsteered"), "target"),
}
PLACES = {"pas": 0, "npti": 1, "unsteered": 2, "always-3": 3}


def hash_of(a: tuple[str, str], b: tuple[str, str]) -> str:
    return f"#a={a[0]}~{PLACES[a[1]]}&b={b[0]}~{PLACES[b[1]]}"


def shown(page: Any, selector: str) -> dict[str, str]:
    page.wait_for_selector(selector)
    data: dict[str, str] = page.locator(selector).evaluate("e => ({...e.dataset})")
    return data


@pytest.mark.parametrize("case", CASES)
def test_what_is_shown_is_what_the_samples_say(opened, site, case):
    a, b, by = CASES[case]
    oracle, page = Oracle(site, a, b), opened(f"compare.html{hash_of(a, b)}")
    found = shown(page, "#difference")
    assert found["by"] == by
    assert float(found["mean"]) == pytest.approx(oracle.units(by).mean(), abs=1e-12)
    sides = [int((oracle.d < 0).sum()), int((oracle.d == 0).sum()), int((oracle.d > 0).sum())]
    assert [int(found[name]) for name in ("better", "same", "worse")] == sides
    assert (int(found["pairs"]), int(found["lost"])) == (len(oracle.d), oracle.shared - len(oracle.d))
    assert int(found["units"]) == len(oracle.units(by))
    low, high = oracle.interval(by)
    assert float(found["low"]) == pytest.approx(low, abs=1e-6)
    assert float(found["high"]) == pytest.approx(high, abs=1e-6)
    exact = len(oracle.units(by)) <= 14
    assert float(found["p"]) == pytest.approx(oracle.p(by), abs=1e-12 if exact else 0.015)


def test_the_samples_of_these_tests_tell_the_units_apart(site):
    """Were targets the units where items are, or single answers, the interval would be another."""
    for a, b, by in CASES.values():
        oracle = Oracle(site, a, b)
        low, high = oracle.interval(by)
        single = oracle.d.std() / np.sqrt(len(oracle.d)) * 1.96
        for width in (single * 2, np.subtract(*oracle.interval("target" if by == "item" else "item")[::-1])):
            assert abs(width - (high - low)) > 0.05 * (high - low)


def test_fewer_than_six_people_can_show_no_difference_and_the_page_says_so(opened, site):
    page = opened(f"compare.html{hash_of(('few', 'npti'), ('few', 'unsteered'))}")
    found = shown(page, "#difference")
    assert int(found["units"]) == 5
    assert page.locator("#difference .verdict").inner_text() == "Too few people for any difference to be significant."
    assert "Below 6 the smallest possible p is above .05." in page.locator("#compared").inner_text()
    assert float(found["low"]) == pytest.approx(
        Oracle(site, ("few", "npti"), ("few", "unsteered")).interval("target")[0], abs=1e-6
    )


def test_traits_stand_above_their_poles_with_the_means_of_their_items(opened, site):
    a, b, _ = CASES["two runs"]
    oracle, page = Oracle(site, a, b), opened(f"compare.html{hash_of(a, b)}")
    page.wait_for_selector(".targets")
    rows = page.locator(".targets tbody tr").evaluate_all("rows => rows.map((r) => [r.className, {...r.dataset}])")
    assert [(kind, found["name"]) for kind, found in rows] == [
        line for trait in TRAITS for line in (("trait", trait), ("pole", f"{trait}+"), ("pole", f"{trait}-"))
    ]
    for _, found in rows:
        own = oracle.pairs.filter(pl.col("target").str.starts_with(found["name"]))
        means = own.group_by("item").agg(pl.col("d").mean())["d"]
        assert float(found["mean"]) == pytest.approx(means.mean(), abs=1e-12)
        assert float(found["low"]) < float(found["mean"]) < float(found["high"])


def test_people_stand_each_for_themselves(opened, site):
    a, b, _ = CASES["people"]
    page = opened(f"compare.html{hash_of(a, b)}")
    page.wait_for_selector(".targets")
    assert page.locator(".targets tbody th").all_inner_texts() == list(PEOPLE)
    assert "Over 7 people" in page.locator("#compared").inner_text()


@pytest.mark.parametrize("case", ["two runs", "ties"])
def test_the_answers_that_changed_most_stand_side_by_side(opened, site, case):
    a, b, _ = CASES[case]
    oracle, page = Oracle(site, a, b), opened(f"compare.html{hash_of(a, b)}")
    page.wait_for_selector("#worse")
    for name, sign in (("better", 1), ("worse", -1)):
        articles = page.locator(f"#{name} .change")
        found = articles.evaluate_all("all => all.map((e) => [e.dataset.target, e.dataset.item])")
        assert [tuple(pair) for pair in found] == oracle.changed(sign)
        target, item = oracle.changed(sign)[0]
        answers = articles.first.locator(".said").all_inner_texts()
        assert answers == [f"{a[1]} answers {item} as {target}.", f"{b[1]} answers {item} as {target}."]
        assert f"What does {item} ask?" in articles.first.inner_text()


def test_what_is_left_out_is_counted_and_said_why(opened, site):
    a, b, _ = CASES["two runs"]
    oracle, page = Oracle(site, a, b), opened(f"compare.html{hash_of(a, b)}")
    lost = oracle.shared - len(oracle.d)
    assert lost > 0
    said = page.locator("#left-out").inner_text()
    assert said.startswith(f"{lost} of {oracle.shared} shared answers are left out")
    assert f"A ({oracle.lacking[0]}) or B ({oracle.lacking[1]})" in said


def test_it_says_who_they_are_and_what_they_were_asked_differently(opened):
    page = opened(f"compare.html{hash_of(('first', 'pas'), ('second', 'npti'))}")
    page.wait_for_selector("#difference")
    assert page.locator(".who h3").all_inner_texts() == ["A pas", "B npti"]
    assert page.locator(".who .headline b").all_inner_texts() == ["2.00", "1.50"]
    assert "error, lower is better" in page.locator(".who").first.inner_text()
    meanings = " ".join(page.locator(".meanings li").all_inner_texts())
    for word in ("models differ", "judges differ", "task asked differently"):
        assert word in meanings
    page.get_by_text("What differs").click()
    rows = [row.split("\t") for row in page.locator(".differing tbody tr").all_inner_texts()]
    assert ["model", "smollm2-135m", "qwen"] in rows
    assert ["task.questions", NONE, "20"] in rows
    page = opened(f"compare.html{hash_of(('first', 'pas'), ('first', 'npti'))}")
    assert "Yes: both are rows of one run" in page.locator("#compared").inner_text()


def test_rows_are_found_by_words_chosen_by_keyboard_and_kept_in_the_address(opened):
    page = opened("compare.html")
    page.get_by_label("Board").select_option("papi/sample")
    first = page.get_by_role("combobox", name="first row")
    first.fill("second PAS")
    assert page.locator("#rows-a li").count() == 1
    page.keyboard.press("Enter")
    assert first.input_value() == "pas · qwen"
    page.get_by_role("combobox", name="second row").fill("unsteered first")
    page.keyboard.press("Enter")
    before = shown(page, "#difference")
    assert page.url.endswith("compare.html#a=second~0&b=first~2")
    page.reload()
    assert shown(page, "#difference") == before
    assert first.input_value() == "pas · qwen"
    page.get_by_role("button", name="Swap").click()
    assert page.url.endswith("#a=first~2&b=second~0")
    page.wait_for_selector(f'#difference:not([data-mean="{before["mean"]}"])')
    assert float(shown(page, "#difference")["mean"]) == pytest.approx(-float(before["mean"]))


def test_of_many_rows_few_are_listed_at_a_time(opened, site):
    page = opened("compare.html#board=many/sample")
    page.get_by_role("combobox", name="first row").click()
    assert page.locator("#rows-a li").count() == 30
    assert page.get_by_text("and 6 more").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#rows-a").is_visible()
    assert "many-3" not in (site / "compare.html").read_text()


def test_where_losses_are_withheld_no_statistic_is_made_up(opened):
    page = opened("compare.html#a=held~0&b=held~3")
    page.wait_for_selector("#withheld")
    assert page.locator("#difference, .targets, .change").count() == 0
    assert page.locator(".sides tbody tr").all_inner_texts()[0] == "error\t1.00 [0.80, 1.20]\t4.00 [3.80, 4.20]"
    own = page.locator(".own").inner_text()
    assert f"A less B is {MINUS}1.000 [{MINUS}1.500, {MINUS}0.500], p 0.001, after Holm for all it tested 0.001" in own
    assert "Four of five such runs would find a difference of 0.400." in own


def test_a_run_page_leads_to_its_rows_beside_the_unsteered_model(opened):
    page = opened("runs/people.html")
    page.get_by_role("link", name="Compare npti with unsteered").click()
    page.wait_for_selector("#difference")
    assert page.url.endswith("compare.html#a=people~1&b=people~2")
    assert page.locator(".who h3").all_inner_texts() == ["A npti", "B unsteered"]
    page.goto(page.url.replace("people~2", "people~3"))
    page.reload()
    page.wait_for_selector("#difference")
    assert page.locator(".who h3").last.inner_text() == "B always-3 constant"


def test_an_address_that_names_no_two_rows_is_answered_in_words(opened):
    page = opened("compare.html")
    for state, words in {
        "a=first~0&b=people~0": "B stands on another board than A",
        "a=first~0&b=first~99": "B is no row of this site",
        "a=..%2F..%2Fx~0": "A is no row of this site",
        "a=%3Cscript%3E~0&board=__proto__": "A is no row of this site. Choose a board",
        "a=first~0&b=first~0": "A and B are the same row",
    }.items():
        page.evaluate("(state) => { location.hash = state; }", state)
        page.get_by_text(words).wait_for()
        assert page.locator("#compared > *").count() == 0


def test_names_and_answers_are_put_in_as_text(opened):
    for task, letters in (("hostile", "#difference"), ("held", "#withheld")):
        page = opened(f"compare.html#a={task}~1&b={task}~2")
        page.wait_for_selector(letters)
        assert HOSTILE in page.locator(".who h3").first.inner_text()
        assert page.evaluate("() => window.hacked") is None
        assert page.evaluate("() => document.images.length") == 0
    page = opened("compare.html#a=hostile~1&b=hostile~0")
    assert HOSTILE + IMAGE in page.locator(".said").first.inner_text()
    assert page.locator(".who h3").last.inner_text() == "B __proto__"


GIVEN = 'JSON.parse(document.getElementById("statistics").textContent)'


def test_quantiles_of_the_interval_are_student_s(opened):
    page = opened("compare.html")
    free = [1, 2, 5, 14, 299, 300, 301, 450, 600, 3000]
    found = page.evaluate(f"(free) => free.map((n) => steerbenchPaired.quantile(n, {GIVEN}))", free)
    assert found == pytest.approx([stats.t.ppf(0.975, n) for n in free], abs=1e-5)


@pytest.mark.parametrize(
    "values", [[0.5], [0.25] * 8, [1e-300] * 3, [0.1, 0.2], [-1.0, 2.0, 0.5, 0.5], [1e9, -1e9, 3.0]]
)
def test_an_interval_and_why_there_is_none_are_those_of_python(opened, values):
    page = opened("compare.html")
    pairs = [{"target": "a", "item": f"q{n}", "difference": d} for n, d in enumerate(values)]
    found = page.evaluate(f"(pairs) => steerbenchPaired.estimate(pairs, 'item', {GIVEN})", pairs)
    wanted = mean_estimate(np.array(values))
    assert (found["units"], found["note"]) == (wanted.n, wanted.note)
    for name, value in (("mean", wanted.value), ("low", wanted.low), ("high", wanted.high)):
        assert found[name] == (None if value is None else pytest.approx(value, rel=1e-6)), name


def test_answers_of_one_unit_count_once_and_nothing_but_ties_has_p_1(opened):
    page = opened("compare.html")
    pairs = [{"target": "a+", "item": "q", "difference": d} for d in (0.5, 0.1)]
    pairs += [{"target": "a+", "item": "r", "difference": 0.9}]
    one = page.evaluate(f"(pairs) => steerbenchPaired.estimate(pairs, 'item', {GIVEN})", pairs)
    assert (one["mean"], one["units"], one["pairs"]) == (pytest.approx(0.6), 2, 3)
    ties = [{"target": "a+", "item": f"q{n}", "difference": 0} for n in range(20)]
    assert page.evaluate("(pairs) => steerbenchPaired.signFlip(pairs, 'item')", ties) == 1


def test_a_phone_never_scrolls_sideways_but_in_tables(opened):
    page = opened("compare.html", viewport={"width": 360, "height": 740})
    for state, found in (
        ("first~0&b=second~1", "qwen"),
        ("held~1&b=held~2", "are not published for this task"),
        ("people~0&b=npti", ""),
    ):
        page.evaluate("(state) => { location.hash = `a=${state}`; }", state)
        page.locator("#compared" if found else "#said").get_by_text(found or "B is no row").first.wait_for()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360


def test_axe_finds_nothing_that_keeps_people_out(audited, site):
    page = audited
    for state in ("", "#a=first~0&b=second~1", "#a=held~0&b=held~3"):
        page.goto("about:blank")
        page.goto(f"{site.as_uri()}/compare.html{state}")
        page.wait_for_selector(".sides" if state else "#choose:not([hidden])")
        if state:
            page.get_by_role("combobox", name="first row").click()
            page.locator("#rows-a li").first.wait_for()
            page.keyboard.press("ArrowDown")
        assert violations(page) == []


def test_what_an_identity_cuts_short_is_still_told_apart(tmp_path, browser):
    """Two long wordings that differ in their last letter."""
    for n in range(2):
        long = {"task": {"dataset": "sample", "wording": "w" * 500 + str(n)}, "engine": {}}
        make(tmp_path / "results", run(f"r{n}", identity=long), [("a", "q0")], losses(n, 0))
    build(tmp_path / "results", tmp_path / "site")
    told = [(tmp_path / "site" / f"runs/r{n}/compare.js").read_text().split(",", 1)[1][:-3] for n in range(2)]
    asked = [json.loads(text) for text in told]
    assert asked[0]["asked"] == asked[1]["asked"]
    page = browser.new_page()
    page.goto(f"{(tmp_path / 'site').as_uri()}/compare.html#a=r0~0&b=r1~0")
    page.wait_for_selector("#difference")
    assert page.locator(".meanings li").all_inner_texts() == ["Something else of how they were made differs."]
    page.close()


def test_metrics_without_a_value_are_dashes(tmp_path, browser):
    odd = method(2.0).model_copy(update={"metrics": {"error": metric(None), "gone": metric(1e300)}})
    make(tmp_path / "results", run("odd", {"odd": odd}), [("a", "q0"), ("a", "q1")], losses(0, 0))
    build(tmp_path / "results", tmp_path / "site")
    page = browser.new_page()
    page.goto(f"{(tmp_path / 'site').as_uri()}/compare.html#a=odd~0&b=odd~1")
    page.wait_for_selector(".sides")
    assert page.locator(".sides tbody tr").first.inner_text().startswith(f"error\t{NONE}")
    page.close()
