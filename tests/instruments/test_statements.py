"""What the controls of a model's readouts say, line by line and in words."""

import pytest

from steerbench.instruments.statements import ReadoutControls, asked, conclusions
from steerbench.records.plan import build_rows, build_task
from steerbench.records.results import MetricRecord


def line(readout="contextual", alike=0.5, described=(0.4, 0.1, 0.7), copied=(0.6, 0.01), other=-0.1):
    value, low, high = described
    return ReadoutControls(
        readout,
        MetricRecord(value=0.5),
        MetricRecord(value=alike),
        MetricRecord(value=value, low=low, high=high),
        MetricRecord(value=copied[0], p=copied[1]),
        MetricRecord(value=other),
    )


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (line(), "poles and people"),
        (line(described=(0.1, -0.1, 0.3)), "people"),
        (line(described=(-0.4, -0.7, -0.1)), "people"),
        (line(described=(0.4, None, None)), "people"),
        (line(copied=(0.6, 0.2)), "poles"),
        (line(copied=(0.1, 0.01), other=0.2), "poles"),
        (line(alike=0.99), "people; saturated without a prompt"),
        (line(alike=1.0, copied=(0.0, 0.9)), "nothing; saturated without a prompt"),
        (ReadoutControls("label", None, None, None, None, None), "nothing"),
    ],
)
def test_a_readout_reads_what_its_controls_show(found, words):
    assert found.words == words


def test_the_conclusion_names_what_can_be_read_by_what():
    found = list(conclusions([line("label", alike=1.0), line(), line("letter", described=(0.0, -1.0, 1.0))]))
    assert found[0] == "Poles can be read of this model by contextual."
    assert found[1] == "People can be read of this model by label and contextual and letter."
    assert found[2].startswith("Saturated: unsteered, label says one thing")
    nothing = list(conclusions([line(described=(0.0, -1.0, 1.0), copied=(0.0, 0.9))]))
    assert nothing == [
        f"No readout reads {what} of this model: that a method has no effect there means nothing."
        for what in ("poles", "people")
    ]


def test_every_line_is_of_runs_that_exist_and_calibrate_nothing():
    for one in asked({"model": None}, "sample", people=6, statements=4):
        for plan in (one.poles, one.people):
            task = build_task(plan)
            assert plan.task_parameters["readout"] == one.readout
            assert [row.name for row in build_rows(plan, task)] == list(plan.methods)
            assert all(row.method.strengths == (1.0, 1.0) for row in build_rows(plan, task))
