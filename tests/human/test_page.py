"""The page in Chromium, opened from disk as people open it."""

import json
from contextlib import contextmanager
from pathlib import Path

import pytest

from steerbench.human.findings import find
from steerbench.human.page import render
from steerbench.human.responses import read_responses
from steerbench.human.study import make_study, read_key
from tests.human.synthetic import METHODS, sources, study

STRONG, WEAK, NONE = METHODS


@contextmanager
def opened(browser, path, **options):
    """The page, and proof afterwards that it asked for nothing and complained of nothing."""
    context = browser.new_context(accept_downloads=True, **options)
    page = context.new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert complaints == []
    assert {url for url in asked if not url.startswith("blob:")} == {path.as_uri()}


def written(made, folder):
    path = folder / "study.html"
    path.write_text(render(made.page), encoding="utf-8")
    return path


def start(page, code="blue7"):
    page.fill("#code", code)
    page.keyboard.press("Enter")


def shown(page):
    return page.locator(".said").all_inner_texts()


def by_worth(page):
    """The keys that put the synthetic answers ("answer 0 to ...", 0 being the strong method's) in order."""
    texts = shown(page)
    return [str(texts.index(text) + 1) for text in sorted(texts)]


def saved(page, folder, button="#save"):
    with page.expect_download() as download:
        page.click(button)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_a_whole_study_by_keyboard_survives_a_reload_and_is_read_back(browser, tmp_path):
    made = study(questions=3)
    with opened(browser, written(made, tmp_path)) as page:
        start(page)
        for number in range(6):
            assert page.inner_text("#count") == f"{number} of 6 done"
            if number == 3:
                before = shown(page)
                page.reload()
                assert (shown(page), page.inner_text("#count")) == (before, "3 of 6 done")
            page.wait_for_timeout(20)
            for key in by_worth(page)[: 2 + number % 2]:  # the last place goes by itself, and may be said all the same
                page.keyboard.press(key)
            assert sorted(page.locator(".place").all_inner_texts()) == ["1st", "2nd", "3rd"]
            page.keyboard.press("Enter")
        assert page.is_visible("#end")
        path = saved(page, tmp_path)
    assert path.name == f"answers-{made.key.study[:6]}-blue7.json"
    (response,) = read_responses(made.key, [path])
    assert response.annotator == "blue7"
    assert all(20 <= decision.ms < 60_000 for decision in response.answers)
    found = find(made.key, [response])
    assert {method: row.rank.value for method, row in found.methods.items()} == {STRONG: 1.0, WEAK: 2.0, NONE: 3.0}


def test_two_at_a_time_with_no_difference_and_what_is_open_at_the_end(browser, tmp_path):
    made = study("compare", questions=1)
    with opened(browser, written(made, tmp_path)) as page:
        start(page)
        page.keyboard.press("0")
        assert page.get_attribute("#same", "aria-pressed") == "true"
        page.keyboard.press("ArrowRight")
        page.click("#next")  # skipped
        for _ in range(4):
            page.keyboard.press("2")
            page.keyboard.press(by_worth(page)[0])
            page.keyboard.press("Enter")
        assert page.inner_text("#end-text").startswith("1 is still open")
        page.click("#review")
        page.keyboard.press(by_worth(page)[0])
        path = saved(page, tmp_path, "#save-now")
    (response,) = read_responses(made.key, [path])
    assert sorted(len(decision.order) for decision in response.answers) == [1, 2, 2, 2, 2, 2]
    pairs = find(made.key, [response]).pairs
    assert [sum(getattr(pair, what) for pair in pairs) for what in ("wins", "ties", "losses")] == [5, 1, 0]


def test_a_place_is_taken_back_and_given_to_another(browser, tmp_path):
    with opened(browser, written(study(), tmp_path)) as page:
        start(page)
        places = lambda: page.locator(".place").all_inner_texts()  # noqa: E731
        page.keyboard.press("1")
        page.keyboard.press("2")
        assert places() == ["1st", "2nd", "3rd"]
        page.keyboard.press("1")
        assert places() == ["", "1st", ""]
        page.locator(".card").nth(2).click()
        assert places() == ["3rd", "1st", "2nd"]


def test_people_see_the_same_study_in_different_orders(browser, tmp_path):
    path, orders = written(study(questions=10), tmp_path), []
    for code in ("blue7", "red12"):
        with opened(browser, path) as page:
            start(page, code)
            orders.append((page.inner_text("#question"), shown(page)))
    assert orders[0] != orders[1]


def test_a_code_that_is_none_is_explained(browser, tmp_path):
    with opened(browser, written(study(), tmp_path)) as page:
        start(page, "Jane Doe")
        assert "3 to 20 letters" in page.inner_text("#code-fault")
        assert page.is_visible("#intro")


def test_hostile_words_are_shown_and_not_run(browser, tmp_path):
    hostile = "<img src=x onerror=alert(1)></script><script>alert(2)</script><!--"
    made = study(texts=lambda m, a: f"{hostile} {m[0]}")
    with opened(browser, written(made, tmp_path)) as page:
        start(page)
        assert all(text.startswith(hostile) for text in shown(page))
        assert page.locator("main img").count() == 0


CONTRAST = (Path(__file__).parent / "contrast.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("mode", ["rank", "compare"])
def test_on_a_phone_nothing_overflows_and_all_text_has_the_contrast_of_wcag_aa(browser, tmp_path, scheme, mode):
    made = study(mode, texts=lambda m, a: f"{m[0]} " + "long words " * 40 + "x" * 200)
    options = {"viewport": {"width": 360, "height": 640}, "color_scheme": scheme, "has_touch": True}
    with opened(browser, written(made, tmp_path), **options) as page:

        def look():
            assert page.evaluate("document.documentElement.scrollWidth") == 360
            ratio, where = page.evaluate(CONTRAST)
            assert ratio >= 4.5, where

        look()
        start(page)
        look()
        page.locator(".card").first.tap()
        look()
        grounds = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (int(grounds[4:].split(",")[0]) < 60) is (scheme == "dark")
        sizes = page.evaluate("[...document.querySelectorAll('#task button')].map((e) => e.offsetHeight)")
        assert min(sizes) >= 44
        while page.is_hidden("#end"):
            page.tap("#next")
        look()


def test_two_hundred_questions_stay_quick(browser, tmp_path):
    made = make_study(sources(questions=100), 200, "compare", 0)
    with opened(browser, written(made, tmp_path)) as page:
        start(page)
        assert page.inner_text("#count") == "0 of 600 done"
        spent = page.evaluate(
            """() => {
            const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
            const start = performance.now();
            for (let i = 0; i < 600; i++) { press("1"); press("ArrowRight"); }
            return (performance.now() - start) / 600; }"""
        )
        assert page.is_visible("#end")
        assert spent < 100
        (response,) = read_responses(made.key, [saved(page, tmp_path)])
    assert len(response.answers) == 600


def test_a_real_run_is_exported_answered_and_imported_by_the_command_line(browser, run, steerbench, tmp_path):
    done = steerbench(
        "human", "export", run, "--out", "study.html", "--questions", 4, "--methods", "toy-push,fixed-text,echo"
    )
    assert done.returncode == 0, done.stderr
    key, files = read_key(tmp_path / "study-key.json"), []
    for code in ("blue7", "red12"):
        with opened(browser, tmp_path / "study.html") as page:
            start(page, code)
            while page.is_hidden("#end"):
                page.keyboard.press("1")
                page.keyboard.press("2")
                page.keyboard.press("Enter")
            files.append(saved(page, tmp_path))
    told = steerbench("human", "import", "study-key.json", *files, "--json")
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["study"] == key.study
    assert sum(row["rank"]["value"] for row in found["methods"].values()) == pytest.approx(6)
    assert [person["decided"] for person in found["annotators"]] == [4, 4]
    assert found["judge"]["name"] == "axis"
    table = steerbench("human", "import", "study-key.json", *files)
    for words in ("rankings", "toy-push", "Krippendorff's alpha", "The judge axis", "blue7: 4 of 4 decisions"):
        assert words in table.stdout
    twice = steerbench("human", "import", "study-key.json", files[0], files[0])
    assert (twice.returncode, twice.stdout) == (2, "")
    assert "by the annotator 'blue7'" in twice.stderr
