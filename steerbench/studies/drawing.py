"""The style of this project's charts, and the files they are saved as. Needs the extra `charts`."""

from pathlib import Path
from typing import Any, TypeVar

import altair as alt

from steerbench.storage.files import understandable

BLUE, ORANGE, GREY, INK = "#1f6fb4", "#c4600c", "#6b6b6b", "#222222"
FONT = "Helvetica, Arial, Liberation Sans, sans-serif"

Chart = TypeVar("Chart", alt.VConcatChart, alt.HConcatChart)


def styled(chart: Chart) -> Chart:
    """The chart in this project's fonts and colours, on white."""
    drawn: Chart = (
        chart.configure(background="white", font=FONT, padding=16)
        .configure_view(stroke=None)
        .configure_axisY(minExtent=44)
        .configure_axis(
            labelFontSize=13, titleFontSize=14, titleFontWeight="normal", gridColor="#e6e6e6", labelColor=INK
        )
        .configure_legend(symbolOpacity=1, labelFontSize=13, titleFontSize=14, titleFontWeight="normal", labelColor=INK)
        .configure_title(fontSize=17, subtitleFontSize=13, subtitleColor=GREY, color=INK)
    )
    return drawn


def save(chart: alt.VConcatChart | alt.HConcatChart, folder: Path, name: str) -> list[Path]:
    """Saves a chart as an offline page, as SVG and as PNG; returns the files."""
    options: dict[str, dict[str, Any]] = {"html": {"inline": True}, "svg": {}, "png": {"scale_factor": 2}}
    paths = [folder / f"{name}.{kind}" for kind in options]
    for path, how in zip(paths, options.values(), strict=True):
        with understandable(path):
            chart.save(path, **how)
    return paths
