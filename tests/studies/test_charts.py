"""The chart of a sweep: what it draws, from which numbers, and that it can be looked at offline."""

import re
import struct

import pytest

from steerbench.records.results import MetricRecord
from steerbench.studies.charts import chart, is_numeric, panels, write_charts
from steerbench.studies.sweep import SweepPoint, SweepResult

INTERVALS = {"trait score": (7.1, 6.5, 7.75), "length": (31.0, None, None), "fluency": (4.25, 4.125, 4.375)}


def point(value, shift):
    metrics = {
        name: MetricRecord(value=mean + shift, low=low and low + shift, high=high and high + shift)
        for name, (mean, low, high) in INTERVALS.items()
    }
    return SweepPoint(value=value, run=f"run-{value}", digest="", metrics=metrics, strength=None, remarks=[])


def sweep(values=(1, 2, 4), parameter="strength", symbol="gamma"):
    return SweepResult(
        task="personalitybench",
        method="npti",
        symbol=symbol,
        parameter=parameter,
        headline="trait score",
        higher_is_better=True,
        targets=10,
        points=[point(value, place / 4) for place, value in enumerate(values)],
        reference=point(None, -1.5),
    )


def layers_of(drawn, place):
    """The mark and the rows of each layer of a panel."""
    spec = drawn.to_dict()
    panel = spec["vconcat"][place]

    def rows(layer):
        return spec["datasets"][layer["data"]["name"]] if "name" in layer["data"] else layer["data"]["values"]

    found = {}
    for layer in panel["layer"]:
        mark = layer["mark"]
        found.setdefault(mark if isinstance(mark, str) else mark["type"], []).append(
            rows(layer if "data" in layer else panel)
        )
    return found


def test_effect_stands_above_fluency_each_with_its_interval_and_the_unsteered_model():
    drawn = chart(sweep())
    assert panels(sweep()) == ["trait score", "fluency"]
    upper, lower = layers_of(drawn, 0), layers_of(drawn, 1)
    expected = [{"parameter": v, "value": 7.1 + s, "low": 6.5 + s, "high": 7.75 + s} for v, s in SHIFTS]
    assert upper["area"] == upper["line"] == upper["circle"] == [expected]
    assert lower["line"][0][0] == {"parameter": 1, "value": 4.25, "low": 4.125, "high": 4.375}
    assert upper["rule"] == [[{"value": 7.1 - 1.5}]]
    assert lower["rule"] == [[{"value": 4.25 - 1.5}]]


SHIFTS = [(1, 0), (2, 0.25), (4, 0.5)]


def test_without_fluency_the_second_metric_stands_below_and_a_single_metric_stands_alone():
    def without(*names):
        def reduced(p):
            return p.model_copy(update={"metrics": {n: m for n, m in p.metrics.items() if n not in names}})

        whole = sweep()
        changes = {"points": [reduced(p) for p in whole.points], "reference": reduced(whole.reference)}
        return whole.model_copy(update=changes)

    assert panels(without("fluency")) == ["trait score", "length"]
    assert panels(without("fluency", "length")) == ["trait score"]
    assert len(chart(without("fluency", "length")).to_dict()["vconcat"]) == 1


@pytest.mark.parametrize(
    ("values", "parameter", "numeric"),
    [
        ((1, 2.5), "strength", True),
        ((0, 1), "layer", False),
        ((3, "4-5"), "layers", False),
        ((0, 1), "layers", False),
        (("letters", "yes-no"), "contrast", False),
        ((True, False), "off", False),
    ],
)
def test_layers_and_words_are_categories_in_the_order_they_were_asked_for(values, parameter, numeric):
    swept = sweep(values, parameter)
    assert is_numeric(swept) == numeric
    layer = chart(swept).to_dict()["vconcat"][0]["layer"][1]
    x = layer["encoding"]["x"]
    assert x["type"] == ("quantitative" if numeric else "ordinal")
    if not numeric:
        assert x["sort"] is None
        drawn = layers_of(chart(swept), 0)
        assert [row["parameter"] for row in drawn["circle"][0]] == [str(v) for v in values]
        assert "area" not in drawn
        assert ("line" in drawn) == (parameter in ("layer", "layers"))


def test_axes_say_what_they_are_and_which_way_is_better():
    upper, lower = chart(sweep()).to_dict()["vconcat"]
    assert upper["layer"][1]["encoding"]["y"]["title"] == "trait score (higher is better)"
    assert lower["layer"][1]["encoding"]["y"]["title"] == "fluency"
    assert lower["layer"][1]["encoding"]["x"]["title"] == "gamma (strength)"
    alone = chart(sweep(symbol="strength")).to_dict()["vconcat"][1]
    assert alone["layer"][1]["encoding"]["x"]["title"] == "strength"


def test_an_undefined_estimate_is_left_out_and_one_without_interval_is_drawn_as_a_point():
    whole = sweep()
    undefined = whole.points[1].model_copy(
        update={"metrics": {**whole.points[1].metrics, "trait score": MetricRecord(value=None)}}
    )
    bare = whole.points[2].model_copy(
        update={"metrics": {**whole.points[2].metrics, "trait score": MetricRecord(value=8.0)}}
    )
    drawn = chart(whole.model_copy(update={"points": [whole.points[0], undefined, bare]}))
    rows = layers_of(drawn, 0)["line"][0]
    assert [row["parameter"] for row in rows] == [1, 4]
    assert rows[1] == {"parameter": 4, "value": 8.0, "low": 8.0, "high": 8.0}


def test_page_drawing_and_image_are_written_and_the_page_needs_no_network(tmp_path):
    paths = write_charts(sweep(("0-4", "5-9"), "layers", "layers"), tmp_path)
    assert [path.name for path in paths] == ["sweep.html", "sweep.svg", "sweep.png"]
    page = paths[0].read_text()
    assert not re.search(r"<script[^>]*\ssrc=|<link[^>]*\shref=|@import|\bimport\s*\(?[\"']http", page)
    assert "vegaEmbed" in page
    assert "0-4" in page
    assert "trait score" in paths[1].read_text()
    image = paths[2].read_bytes()
    assert image.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", image[16:24])
    assert width > 1000
    assert height > 800
