"""PAPI's control on the built-in model: the label readout reads a person."""

import pytest

from steerbench.records.plan import Plan
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute


@pytest.mark.real_data
def test_the_label_readout_reads_a_person_on_the_built_in_model(tmp_path):
    plan = Plan(
        methods=("copy", "copy-other"),
        task="papi",
        task_parameters={"dataset": "papi-300", "respondents": 6},
        dtype="float32",
        trivial=False,
    )
    result = execute(prepare(plan), tmp_path)
    own, other = (result.methods[name].metrics for name in plan.methods)
    assert own["individual r"].p < 0.05
    assert own["individual r"].value > other["individual r"].value
    assert own["exact"].value > other["exact"].value
