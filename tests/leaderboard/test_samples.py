"""The sample browser of a run's page, over http and from disk, against what the Parquet says."""

import json
import math
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import polars as pl
import pytest

from leaderboard.build import build
from leaderboard.text import NONE
from steerbench.publishing.columns import COLUMNS
from tests.leaderboard.conftest import HOSTILE, IMAGE, violations
from tests.leaderboard.made_up import method, put, run, sample

TEXTS, TICKS, HOSTILE_RUN = "runs/texts.html", "runs/ticks.html", "runs/hostile.html"
METHODS = {"pas": method(2.0), "npti": method(2.5)}
PLACES = {"pas": 0, "npti": 1, "unsteered": 2, "always-3": 3}
ITEMS = 30
LOGPROBS = [-1.0, -0.5, None, -3.0, -0.5 - 1e-3]


def losses(place: int, target: str, n: int) -> float:
    """Differences between methods that are all of another size, in an order that is not that of asking."""
    return round(((n * 7 + (target == "b") * 3 + place * 11) % 31) / 10 + place * n / 100, 4)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    put(folder / "results", run("texts", METHODS), texts())
    put(folder / "results", run("ticks", METHODS), ticks())
    hostile = {"text": IMAGE, "before": HOSTILE, "question": HOSTILE, "unscored": IMAGE, "loss": None}
    said = [{"role": IMAGE, "quality": IMAGE, "rating": 2.0, "unscored": HOSTILE, "details": {IMAGE: [HOSTILE]}}]
    rows = [
        {**sample(name, 0, "a", "q1"), **hostile, "target": IMAGE, "item": HOSTILE, "verdicts": json.dumps(said)}
        for name in ("<b>", "unsteered")
    ]
    put(folder / "results", run("hostile", {"<b>": method(2.0)}), pl.DataFrame(rows, schema=COLUMNS))
    build(folder / "results", folder / "site")
    return folder / "site"


def texts() -> pl.DataFrame:
    rows = []
    for name, place in PLACES.items():
        for target in "ab":
            for n in range(ITEMS):
                row = sample(name, place, target, f"q{n}", loss=losses(place, target, n))
                if name == "pas" and n == 4:
                    row |= {"before": "First I think.\nThen I think again.", "text": "  Answer of all answers "}
                if name == "pas" and (target, n) == ("b", 7):
                    row |= {"loss": None, "unscored": "the judge said nothing"}
                if (name, target, n) != ("npti", "a", 2):
                    rows.append(row)
    return pl.DataFrame(rows, schema=COLUMNS)


def ticks() -> pl.DataFrame:
    """As of a task that withholds losses and may not show its questions."""
    told: dict[str, Any] = {"text": None, "before": None, "tokens": None, "finish": None, "verdicts": None}
    told |= {"loss": None, "question": None}
    rows = [
        sample(name, place, "person", f"q{n}", **told, logprobs=LOGPROBS if place < 3 else None)
        for name, place in PLACES.items()
        for n in range(3)
    ]
    return pl.DataFrame(rows, schema=COLUMNS)


@pytest.fixture
def shown(opened):
    """Opens a page with the samples that its address asks for."""

    def open_at(path: str = TEXTS, options: Any = None, **state: Any) -> Any:
        page = opened(f"{path}#{urlencode({'samples': '', **state})}", **(options or {}))
        page.wait_for_function("() => document.querySelector('#samples .count').textContent.includes(' of ')")
        return page

    return open_at


def count(page):
    return page.locator("#samples .count").inner_text()


def listed(page):
    """Target and item of every sample on the page, in order."""
    headings = page.locator(".sample h3").evaluate_all(
        "all => all.map((h) => [...h.children].map((c) => c.textContent))"
    )
    return [tuple(words[:2]) for words in headings]


def by_change(first, second):
    """The order of what changed most, by a slow way: from the Parquet alone."""
    loss = {(m, t, i): loss for m, t, i, loss in texts().select("method", "target", "item", "loss").iter_rows()}
    asked = [(t, f"q{n}") for t in "ab" for n in range(ITEMS)]
    changes = {}
    for place in asked:
        pair = (loss.get((first, *place)), loss.get((second, *place)))
        changes[place] = None if None in pair else abs(pair[0] - pair[1])
    known = [place for place in asked if changes[place] is not None]
    return sorted(known, key=lambda place: -changes[place]) + [place for place in asked if changes[place] is None]


def test_samples_are_loaded_when_they_are_asked_for(opened):
    page = opened(TEXTS)
    asked = []
    page.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[1]))
    page.wait_for_timeout(100)
    assert page.locator(".sample").count() == 0
    assert page.locator("script[src*='runs/texts']").count() == 0
    page.get_by_role("button", name="Show samples").click()
    page.wait_for_selector(".sample")
    assert sorted(name for name in asked if name.endswith(".js")) == ["method-0.js", "method-2.js", "questions.js"]
    assert count(page) == "60 of 60 samples"
    assert page.url.endswith("#samples=0")
    assert page.evaluate("() => document.activeElement.name") == "samples"


def test_the_best_method_stands_beside_unsteered_with_question_answers_and_losses(shown):
    page = shown()
    first = page.locator(".sample").first
    assert first.locator(".question").inner_text() == "What does q0 ask?"
    assert first.locator("h4").all_text_contents() == [
        "pas" "strength 1.50 · loss 0.000", "unsteered" "strength 1.50 · loss 2.200"
    ]  # fmt: skip
    assert first.locator(".said:visible").all_inner_texts() == ["pas answers q0 as a.", "unsteered answers q0 as a."]
    assert first.locator(".change").inner_text() == "loss 2.200 lower, better"
    left, right = (first.locator(".answer").nth(n).bounding_box() for n in (0, 1))
    assert left["y"] == right["y"]
    assert left["x"] < right["x"]


def test_another_method_and_nothing_beside_it_can_be_chosen(shown):
    page = shown()
    page.get_by_role("combobox", name="Method").select_option("npti")
    page.get_by_label("Beside it").select_option("nothing")
    page.wait_for_function("() => document.querySelectorAll('.sample h4').length === 20")
    assert page.locator(".sample h4").first.inner_text().startswith("npti")
    assert page.get_by_label("Order").is_disabled()
    assert count(page) == "59 of 60 samples"  # one it was not asked
    assert page.url.endswith("#samples=1&beside=none")


def test_what_changed_most_comes_first_as_the_parquet_says(shown):
    page = shown()
    page.get_by_label("Order").select_option("changed")
    found = listed(page)
    for n in (2, 3):
        page.get_by_role("button", name="Next").first.click()
        assert page.url.endswith(f"order=changed&page={n}")
        found += listed(page)
    assert found == by_change("pas", "unsteered")
    assert found[-1] == ("b", "q7")  # it has no loss
    assert page.get_by_role("button", name="Next").first.is_disabled()
    assert page.evaluate("() => document.activeElement.className") == "found"


def test_a_target_and_words_narrow_them_and_clear_brings_them_back(shown):
    page = shown()
    page.get_by_label("Target").select_option("b")
    assert count(page) == "30 of 60 samples"
    page.get_by_label("Search").fill("Q4 OF ALL")
    assert listed(page) == [("b", "q4")]
    page.get_by_label("Search").fill("think again")
    assert listed(page) == [("b", "q4")]
    page.get_by_label("Search").fill("no such words")
    assert (listed(page), count(page)) == ([], "0 of 60 samples")
    page.get_by_role("button", name="Clear").click()
    page.wait_for_selector(".sample")
    assert count(page) == "60 of 60 samples"
    assert page.url.endswith("#samples=0")


def test_the_address_holds_what_is_chosen(shown):
    page = shown(samples=1, beside=0, target="b", order="changed", page=2)
    before = listed(page)
    expected = [place for place in by_change("npti", "pas") if place[0] == "b"]
    assert before == expected[20:]
    chosen = [page.get_by_role("combobox", name=name) for name in ("Method", "Beside it", "Target", "Order")]
    assert [field.input_value() for field in chosen] == ["1", "0", "b", "changed"]
    page.get_by_role("button", name="Previous").first.click()
    page.get_by_label("Search").fill("answers")
    page.get_by_label("Search").press("Tab")
    assert page.url.endswith("#samples=1&beside=0&target=b&order=changed&q=answers")
    page.reload()
    page.wait_for_selector(".sample")
    assert listed(page) == expected[:20]
    assert page.get_by_label("Search").input_value() == "answers"


def test_an_address_that_is_nonsense_shows_the_first_samples(shown):
    page = shown(samples="99", beside="<script>", target="no such", order="sideways", page="-7e9")
    assert listed(page)[0] == ("a", "q0")
    assert page.locator(".sample h4").first.inner_text().startswith("pas")


def test_a_link_to_samples_on_the_same_page_is_followed(shown):
    page = shown()
    page.evaluate("() => { location.hash = 'samples=1&target=b'; }")
    page.wait_for_function("() => document.querySelector('.sample h4').textContent.startsWith('npti')")
    assert count(page) == "30 of 60 samples"


def test_what_was_said_before_and_what_judges_said_is_folded(shown):
    page = shown(q="think again", target="a")
    answer = page.locator(".answer").first
    assert answer.locator(".said").first.inner_text() == "Answer of all answers"
    thought = answer.get_by_text("First I think.")
    assert not thought.is_visible()
    answer.get_by_text("Said before it (7 words)").focus()
    page.keyboard.press("Enter")
    assert thought.inner_text() == "First I think.\nThen I think again."
    answer.get_by_text("Judged: a 4.0").click()
    assert answer.locator(".verdicts tbody tr").inner_text().split() == ["a", "trait", "4.0", "said:", "4"]


def test_what_is_missing_is_said(shown):
    page = shown(samples=0, beside=1)
    missing = page.locator(".sample", has=page.get_by_text("q2", exact=True)).first
    assert missing.locator(".answer").nth(1).locator(".nothing").inner_text() == "Was not asked this."
    assert missing.locator(".change").count() == 0
    page.get_by_label("Target").select_option("b")
    page.get_by_label("Search").fill("q7")
    assert page.locator(".unscored").inner_text() == "Not scored: the judge said nothing"


def test_log_likelihoods_are_drawn_as_probabilities(shown):
    page = shown(TICKS)
    known = [value for value in LOGPROBS if value is not None]
    total = sum(math.exp(value) for value in known)
    shares = [None if value is None else 100 * math.exp(value) / total for value in LOGPROBS]
    rows = page.locator(".answer").first.locator(".options tr")
    assert rows.locator(".n").all_inner_texts() == [NONE if s is None else f"{s:.1f} %" for s in shares]
    widths = rows.locator("rect").evaluate_all("all => all.map((r) => Number(r.getAttribute('width')))")
    assert widths == pytest.approx([s or 0 for s in shares], abs=0.06)
    assert [text.split()[:2] for text in rows.all_inner_texts() if "highest" in text] == [["option", "2"]]


def test_a_withheld_task_says_so_and_a_question_not_shown_goes_by_its_item(shown):
    page = shown(TICKS, beside=PLACES["always-3"])
    told = page.locator("#samples .notes").inner_text()
    assert "Losses of this task are not published" in told
    assert "their authors state no licence" in told
    assert page.get_by_label("Order").is_disabled()
    assert page.locator(".question").count() == 0
    assert listed(page) == [("person", f"q{n}") for n in range(3)]
    assert page.locator(".answer").nth(1).locator(".nothing").inner_text().startswith("The reply is not published")
    assert "Losses" not in shown(TEXTS).locator("#samples .notes").inner_text()


def test_scripts_in_samples_do_nothing(shown):
    page = shown(HOSTILE_RUN)
    assert page.locator(".sample .question").inner_text() == HOSTILE
    page.locator(".sample summary").nth(1).click()
    assert IMAGE in page.locator(".verdicts").first.inner_text()
    page.get_by_label("Target").select_option(IMAGE)
    assert page.evaluate("() => [window.hacked, document.images.length]") == [None, 0]


def test_a_phone_has_the_answers_one_above_the_other(shown):
    page = shown(TEXTS, {"viewport": {"width": 360, "height": 740}})
    first, second = (page.locator(".answer").nth(n).bounding_box() for n in (0, 1))
    assert first["x"] == second["x"]
    assert first["y"] + first["height"] <= second["y"]
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360


def test_samples_that_cannot_be_loaded_are_said_to_be_so(browser, address):
    page = browser.new_page()
    page.route("**/method-0.js", lambda route: route.abort())
    page.goto(f"{address}{TEXTS}#samples")
    page.wait_for_function("() => document.querySelector('#samples .count').textContent.includes('could not')")
    assert page.locator(".sample").count() == 0
    page.close()


def test_axe_finds_nothing_in_open_samples(audited, site):
    page = audited
    for path in (TEXTS, TICKS):
        page.goto(f"{(site / path).as_uri()}#samples=0")
        page.wait_for_selector(".sample")
        page.evaluate("() => document.querySelectorAll('.sample details').forEach((d) => { d.open = true; })")
        assert violations(page, "#samples") == []
