"""Draws the README's pictures from published runs: `python docs/images/draw.py`. Needs the extra `charts`."""

from pathlib import Path

import altair as alt

from steerbench.publishing.schema import Published, read_published
from steerbench.publishing.tradeoff_schema import read_published_tradeoff
from steerbench.studies.drawing import BLUE, GREY, INK, ORANGE, styled
from steerbench.studies.tradeoff.charts import chart

HERE = Path(__file__).parent
LEADERBOARD = HERE.parents[1] / "leaderboard"
BOARD = "papi-pas-few-shot-copy-7bbe58dcb7"
TRADEOFF = "personalitybench-pas-npti-caa-actadd-simple-prompt-f770f1b986"
GROUPS = {
    "": "method",
    "unsteered": "unsteered and placebo",
    "placebo": "unsteered and placebo",
    "constant": "constant",
    "reference": "computed without a model",
    "ceiling": "computed without a model",
    "control": "control",
}
"""What the rows of each role are called in the picture."""
LEFT_OUT = ("always-1", "always-2", "always-4", "always-5", "facet-mean")
"""Constants that are worse than `always-3`, and one of three references: the picture stays readable without them."""
COSTS = ["fluency", "perplexity"]
"""Of the trade-off's three costs, those of which ten items say something."""
METRICS = {"error": "error (lower is better)", "individual r": "individual r (higher is better)"}


def board(run: Published) -> alt.HConcatChart:
    """The rows of a run with their 95 % intervals, one panel a metric, in the order of the headline."""
    rows = [
        {
            "row": name,
            "group": GROUPS[method.role or ""],
            "metric": metric,
            "value": found.value,
            "low": found.value if found.low is None else found.low,
            "high": found.value if found.high is None else found.high,
        }
        for name, method in run.methods.items()
        if name not in LEFT_OUT
        for metric in METRICS
        if (found := method.metrics[metric]).value is not None
    ]
    order = [row["row"] for row in sorted(rows, key=lambda row: row["value"]) if row["metric"] == "error"]
    colour = alt.Color(
        "group:N",
        title=None,
        scale=alt.Scale(domain=list(dict.fromkeys(GROUPS.values())), range=[BLUE, INK, GREY, ORANGE, "#009e73"]),
        legend=alt.Legend(orient="bottom"),
    )
    panels = []
    for place, (metric, title) in enumerate(METRICS.items()):
        own = [row for row in rows if row["metric"] == metric]
        axis = alt.Axis(labels=place == 0, ticks=False, domain=False, grid=True, labelLimit=200)
        base = alt.Chart(alt.InlineData(values=own), width=300, height=250).encode(
            y=alt.Y("row:N", sort=order, title=None, axis=axis), color=colour
        )
        panels.append(
            alt.layer(
                base.mark_rule(strokeWidth=2).encode(
                    x=alt.X("low:Q", title=title, axis=alt.Axis(tickCount=6)), x2="high:Q"
                ),
                base.mark_point(filled=True, size=70, opacity=1).encode(x="value:Q"),
            )
        )
    title = alt.TitleParams(
        "PAPI: can a steered model predict what a person ticks?",
        subtitle=f"{run.model}, 12 people of papi-300, 180 statements each; 95 % intervals over people",
        anchor="start",
        offset=14,
    )
    return styled(alt.hconcat(*panels, spacing=24, title=title))


if __name__ == "__main__":
    board(read_published(LEADERBOARD / "results" / BOARD)).save(HERE / "board.svg")
    found = read_published_tradeoff(LEADERBOARD / "tradeoffs" / f"{TRADEOFF}.json").found
    chart(found.model_copy(update={"costs": COSTS})).save(HERE / "tradeoff.svg")
