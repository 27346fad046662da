"""Method pages and calibration curves: what is told of a method, against numbers written here by hand."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from leaderboard.ablations import ablations
from leaderboard.across_layers import across_layers
from leaderboard.boards import boards_of
from leaderboard.build import build
from leaderboard.doses import calibration_chart
from leaderboard.known import PublishedMethod, known_methods
from leaderboard.links import method_page
from leaderboard.radar import MIDDLE, REACH, _scale, radars
from leaderboard.row import rows_of
from leaderboard.site import Site
from steerbench.publishing.schema import CalibrationPoint, Edited, Portrait, Published
from steerbench.records.plan import Plan
from steerbench.records.results import MethodResult
from tests.leaderboard.conftest import violations
from tests.leaderboard.made_up import method, metric, run, write

TRAITS = {"A": 1.0, "C": 2.0, "E": 3.0, "N": 4.0, "O": 1.5}
PAGES = ["methods/index.html", "methods/pas.html", "methods/npti.html", "methods/unsteered.html", "runs/heads-24.html"]


def edits(site: str, kind: str, shares: dict[int, float], positions: str = "all") -> list[Edited]:
    return [
        Edited(site=site, layer=layer, kind=kind, positions=positions, share=share) for layer, share in shares.items()
    ]


PAS = Portrait(
    about="Edits the `heads` heads whose probes are best.\n\nThe second paragraph.",
    layers=12,
    edits=edits("head_out", "add", {3: 0.25, 4: 0.125, 9: 0.0625}),
)
NPTI = Portrait(
    about="Drives neurons.",
    layers=12,
    edits=edits("mlp_act", "cap", {1: 0.01, 2: 0.02}, "decode") + edits("mlp_act", "boost", {2: 0.03}, "decode"),
)
BOTH = Portrait(about="pas: Edits heads.\n\nfew-shot: Shows answers.", prompted=0.9, layers=12, edits=PAS.edits[:2])


def by_trait(shift: float) -> dict[str, float]:
    return {f"error {trait}": value + shift for trait, value in TRAITS.items()}


def turned(id: str, heads: int, error: float, **fields: Any) -> Published:
    """A run whose pas has so many heads."""
    settings = {"pas": {"heads": heads, "contrast": "letters"}}
    row = method(error, more=by_trait(0)).model_copy(update={"settings": settings})
    plan = Plan(methods=("pas",), task="papi", model="smollm2-135m", method_parameters={"pas": {"heads": heads}})
    npti = method(2.4, more=by_trait(0.5))
    rows = {"pas": row, "npti": npti, "unsteered": method(4.0, "unsteered", more=by_trait(1.0))}
    return run(id, rows, plan=plan, **fields)


def curve(losses: dict[float, float], spread: float = 0.2, wording: int = 0) -> list[CalibrationPoint]:
    return [
        CalibrationPoint(strength=strength, wording=wording, loss=metric(loss, spread), cost=metric(0.5))
        for strength, loss in losses.items()
    ]


def runs_of_methods() -> list[Published]:
    portraits = {"pas": PAS, "npti": NPTI, "unsteered": Portrait(about="The model as it is.")}
    calibration = {
        "pas": curve({0.0: 3.0, 2.5: 2.0, 5.0: 2.5}),
        "npti": curve({0.0: 3.0, 0.6: 2.7, 1.2: 2.8, 1.6: 3.4}, 0.1),
    }
    composed = run("composed", {"pas+few-shot": method(1.4)}, portraits={"pas+few-shot": BOTH})
    return [
        turned("heads-12", 12, 2.6),
        turned("heads-24", 24, 2.0, portraits=portraits, calibration=calibration),
        turned("heads-48", 48, 2.2),
        composed,
        run("other", {"pas": method(1.2)}, task="personalitybench", dataset="bank", portraits={"pas": PAS}),
    ]


def known(name: str, *runs: Published) -> PublishedMethod:
    return next(found for found in known_methods(Site(None, runs, boards_of(runs))) if found.name == name)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("methods")
    build(write(folder / "results", *runs_of_methods()), folder / "site")
    return folder / "site"


def test_a_method_says_what_it_edits_over_all_its_runs():
    pas = known("pas", *runs_of_methods())
    assert pas.edited == {"head_out": ["add"]}
    assert (pas.words, pas.trivial, len(pas.rows)) == ("attention heads", False, 4)
    assert known("npti", *runs_of_methods()).words == "MLP neurons (held down, driven)"
    assert known("pas+few-shot", *runs_of_methods()).words == "the prompt, attention heads"
    assert known("unsteered", *runs_of_methods()).words == "nothing"
    assert known("always-3", *runs_of_methods()).words == ""


def test_across_layers_every_edit_is_drawn_at_its_layer_with_its_share():
    chart = across_layers(known("npti", *runs_of_methods()))
    drawn = [(d["layer"], d["place"], d["share"]) for d in chart.spec["data"]["values"]]
    held, driven = "MLP neurons, held down", "MLP neurons, driven"
    assert sorted(drawn) == [(1, held, 1.0), (2, driven, 3.0), (2, held, 2.0)]
    assert [[cell.text for cell in row[1:]] for row in chart.rows] == [
        ["1", held, "decode", "1.0 %"], ["2", driven, "decode", "3.0 %"], ["2", held, "decode", "2.0 %"],
    ]  # fmt: skip
    at_two = sorted((d["from"], d["to"]) for d in chart.spec["data"]["values"] if d["layer"] == 2)
    assert all(left[1] <= right[0] for left, right in pairwise(at_two))
    assert across_layers(known("unsteered", *runs_of_methods())) is None


def test_runs_whose_edits_differ_are_series_and_those_that_do_not_are_one():
    other = Portrait(about="", layers=24, edits=edits("head_out", "add", {20: 0.5}))
    same = [run(f"r{n}", {"pas": method(1.0)}, portraits={"pas": PAS}) for n in range(3)]
    assert {d["run"] for d in across_layers(known("pas", *same)).spec["data"]["values"]} == {"smollm2-135m"}
    larger = run("large", {"pas": method(1.0)}, model="large", portraits={"pas": other})
    chart = across_layers(known("pas", *same, larger))
    assert [(d["run"], d["layer"]) for d in chart.spec["data"]["values"]][-2:] == [("smollm2-135m", 9), ("large", 20)]
    assert chart.spec["encoding"]["x"]["scale"]["domain"] == [-0.5, 23.5]
    assert "of 2 sets of runs that differ in it" in chart.words
    elsewhere = run("bank", {"pas": method(1.0)}, task="personalitybench", portraits={"pas": PAS})
    named = {d["run"] for d in across_layers(known("pas", *same, larger, elsewhere)).spec["data"]["values"]}
    assert named == {"smollm2-135m and 3 more", "large"}
    line = chart.spec["layer"][0]["data"]["values"]
    assert [sum(d["run"] == name for d in line) for name in ("smollm2-135m", "large")] == [12, 24]
    assert [d["share"] for d in line if d["run"] == "smollm2-135m"] == [0, 0, 0, 25, 12.5, 0, 0, 0, 0, 6.25, 0, 0]


def test_an_ablation_joins_runs_that_differ_in_one_parameter_and_in_nothing_else():
    runs = runs_of_methods()
    [found] = ablations(known("pas", *runs))
    assert found.parameter == "heads"
    assert [(told, row.run.id) for told, row in found.rows] == [
        ("12", "heads-12"),
        ("24", "heads-24"),
        ("48", "heads-48"),
    ]
    assert [(d["setting"], d["value"]) for d in found.chart.spec["data"]["values"]] == [(12, 2.6), (24, 2.0), (48, 2.2)]
    seeded = turned("seeded", 96, 1.0)
    seeded = seeded.model_copy(update={"identity": {**seeded.identity, "plan": {"seed": 1}}})
    elsewhere = turned("elsewhere", 96, 1.0, model="large")
    assert [len(one.rows) for one in ablations(known("pas", *runs, seeded, elsewhere))] == [3]
    assert ablations(known("unsteered", *runs)) == []


def test_a_strength_that_was_given_is_a_parameter_too():
    def at(strength: float) -> Published:
        plan = Plan(methods=("pas",), task="papi", strength=strength)
        made = run(f"s{strength}", {"pas": method(strength)}, plan=plan)
        return made.model_copy(update={"identity": {**made.identity, "plan": {"seed": 0, "strength": strength}}})

    [found] = ablations(known("pas", at(0.5), at(2.0), at(1.0)))
    assert (found.parameter, [told for told, _ in found.rows]) == ("strength", ["0.5", "1.0", "2.0"])


def test_a_parameter_that_is_no_number_has_a_table_and_no_chart():
    def put(id: str, contrast: str) -> Published:
        row: MethodResult = method(1.0).model_copy(update={"settings": {"pas": {"contrast": contrast}}})
        return run(id, {"pas": row})

    [found] = ablations(known("pas", put("one", "letters"), put("two", "<b>")))
    assert (found.chart, [told for told, _ in found.rows]) == (None, ["<b>", "letters"])


def test_a_radar_has_each_trait_at_its_share_of_the_way_out():
    radar = radars(known("pas", turned("one", 12, 2.0)))[0]
    assert [(trait, metric.value, other.value) for trait, metric, other in radar.traits] == [
        (trait, value, value + 1) for trait, value in TRAITS.items()
    ]
    outer = float(radar.rings[-1].text)
    assert outer >= 5.0  # the unsteered row's largest
    for points, shift in ((radar.shape, 0.0), (radar.beside, 1.0)):
        at = [tuple(map(float, point.split(","))) for point in points.split()]
        reached = [((x - MIDDLE) ** 2 + (y - MIDDLE) ** 2) ** 0.5 for x, y in at]
        assert reached == pytest.approx([REACH * (value + shift) / outer for value in TRAITS.values()], abs=0.2)
    assert radar.reference == "unsteered"


def test_fewer_than_three_traits_or_only_their_ends_have_no_radar():
    few = {"error A": 1.0, "error C": 2.0, "error C+": 1.0, "error C on A": 3.0}
    assert radars(known("pas", run("one", {"pas": method(2.0, more=few)}))) == []


def test_negative_values_stay_inside_the_radar():
    low = {f"error {trait}": -value for trait, value in TRAITS.items()}
    radar = radars(known("pas", run("one", {"pas": method(-1.0, more=low)})))[0]
    at = [tuple(map(float, point.split(","))) for point in radar.shape.split()]
    reached = dict(zip(TRAITS, (((x - MIDDLE) ** 2 + (y - MIDDLE) ** 2) ** 0.5 for x, y in at), strict=True))
    assert REACH >= reached["A"] > reached["O"] > reached["C"] > reached["E"] > reached["N"]


def test_calibration_draws_methods_with_a_dial_and_tells_of_all():
    points = {"pas": curve({0.0: 3.0, 2.5: 2.0}), "few-shot": curve({1.0: 2.0}) + curve({1.0: 1.5}, wording=1)}
    one = run("one", {"pas": method(2.0), "few-shot": method(1.0)}, calibration=points)
    chart = calibration_chart(rows_of(one))
    drawn = [(d["method"], d["strength"], d["loss"], d["low"]) for d in chart.spec["data"]["values"]]
    assert drawn == [("pas", 0.0, 3.0, 2.8), ("pas", 2.5, 2.0, 1.8)]
    [rug] = [
        layer["data"]["values"] for layer in chart.spec["layer"] if layer["mark"] != "line" and "chosen" in str(layer)
    ]
    assert [(d["strength"], d["told"]) for d in rug] == [
        (0.5, "pas: 0.5 chosen for 1 of 2"), (1.5, "pas: 1.5 chosen for 1 of 2"),
    ]  # fmt: skip
    assert [[cell.text for cell in row[:4]] for row in chart.rows] == [
        ["pas", "0.00", "first", "3.000"], ["pas", "2.50", "first", "2.000"],
        ["few-shot", "1.00", "first", "2.000"], ["few-shot", "1.00", "1", "1.500"],
    ]  # fmt: skip
    assert calibration_chart(rows_of(run("none"))) is None


def test_pages_of_strange_names_lie_apart(tmp_path):
    names = ["index", "Index", "a/b", "a b", "../up", "", "<script>window.hacked = 1</script>", "pas+few-shot"]
    pages = [method_page(name) for name in names]
    assert len({*pages, "methods/index.html"}) == len(names) + 1
    assert all(re.fullmatch(r"methods/[a-z0-9.-]+\.html", page) and ".." not in page for page in pages)
    build(write(tmp_path / "results", run("one", {name: method(1.0) for name in names})), tmp_path / "site")
    assert all((tmp_path / "site" / page).is_file() for page in pages)
    assert "<script>window" not in (tmp_path / "site" / pages[6]).read_text()


def test_an_own_word_in_a_published_portrait_is_escaped_and_sections_without_anything_are_left_out(tmp_path):
    hostile = Portrait(about="<img src=x onerror=alert(1)> `<b>`", layers=2, edits=edits("<i>", "<u>", {0: 1.0}, "<s>"))
    build(write(tmp_path / "results", run("one", portraits={"pas": hostile})), tmp_path / "site")
    page = (tmp_path / "site/methods/pas.html").read_text()
    assert not re.search(r"<(img|b|i|u|s)\b[^>]*>(?!\d)", page.replace('<i class="key', ""))
    for heading in ("Ablations", "By trait"):
        assert heading not in page
    assert "Across the layers" in page


def test_a_page_is_reached_from_the_list_and_from_a_run(opened):
    page = opened("methods/index.html")
    page.get_by_role("link", name="pas", exact=True).click()
    assert page.get_by_role("heading", level=1).inner_text() == "pas"
    page.get_by_role("link", name="personalitybench on bank").first.click()
    assert page.get_by_role("heading", level=1).inner_text() == "personalitybench on bank"
    page = opened("runs/heads-24.html")
    page.get_by_role("link", name="npti", exact=True).first.click()
    assert page.get_by_role("heading", level=1).inner_text() == "npti"


def test_charts_are_drawn_and_their_tables_say_the_same(opened):
    page = opened("methods/pas.html")
    page.wait_for_function("() => document.documentElement.dataset.charts === 'drawn'")
    assert page.locator("#across-layers svg .mark-rect path").count() == 3
    page.locator("figure.chart summary").first.click()
    assert page.locator("figure.chart tbody").first.locator("tr").count() == 3
    assert page.locator(".layer g.on").count() == 1
    page = opened("runs/heads-24.html")
    page.wait_for_function("() => document.documentElement.dataset.charts === 'drawn'")
    assert page.locator("#calibration svg .mark-line path").count() == 2


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_never_scrolls_sideways_but_in_tables(opened, path):
    page = opened(path, viewport={"width": 360, "height": 740})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360


def test_axe_finds_nothing_that_keeps_people_out(audited, site):
    page = audited
    for path in PAGES:
        page.goto((site / path).as_uri())
        assert violations(page) == []


@pytest.mark.parametrize("exponent", [-2, 0, 3])
@pytest.mark.parametrize("most", [1.0, 1.9, 2.1, 4.1, 7.99, 8.5, 9.999])
def test_a_radar_of_any_size_has_two_to_five_rings(most, exponent):
    values = [most * 10.0**exponent, 0.0]
    low, high, step = _scale(values)
    assert low == 0.0
    assert high >= values[0]
    assert 2 <= round((high - low) / step) <= 5
