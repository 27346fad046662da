"""What a run publishes of PAS's fits."""

import json
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from methods.pas import TIED, TRAINING_SHARE
from steerbench.contracts import Split
from steerbench.contracts.steering import load_steering
from steerbench.contracts.targets import Target
from steerbench.records.plan import Plan
from steerbench.records.results import RESULT
from steerbench.running.preparing import prepare
from steerbench.running.runner import execute
from steerbench.toolkit.contrasts import capture_statements
from steerbench.toolkit.probes import accuracies, fit_probes


def tied(engine: object, target: Target, heads: int) -> int:
    """Heads as accurate on the validation rows as the last one chosen, for one target alone."""
    statements = capture_statements(engine, [target], "head_out", "letters")  # type: ignore[arg-type]
    assert statements is not None
    training, rows = statements.training(TRAINING_SHARE, 0), len(statements.activations)
    activations = statements.activations.reshape(rows, engine.layers * engine.heads, -1)  # type: ignore[attr-defined]
    probes = fit_probes(activations, statements.labels, training)
    [right] = accuracies(probes, activations, statements.labels, statements.used & ~training)
    last = np.sort(right)[-heads]
    return sum(share == last for share in right.tolist())


def test_a_run_says_how_many_heads_were_tied_at_the_cut_and_so_does_each_file_also_after_a_kill(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(
        methods=("pas",),
        task="papi",
        task_parameters={"respondents": 4},
        method_parameters={"pas": {"heads": 5}},
        model=str(folder),
        dtype="float32",
        strength=1.0,
        trivial=False,
    )
    prepared = prepare(plan, device="cpu")
    result = execute(prepared, tmp_path)
    assert prepared.engine is not None
    targets = prepared.task.targets(Split.TEST)
    expected = {target.id: tied(prepared.engine, target, 5) for target in targets}
    assert min(expected.values()) > 1, "nothing is tied here: the test says nothing"
    assert result.methods["pas"].facts == {TIED: median(expected.values())}
    for target, count in expected.items():
        _, provenance = load_steering(tmp_path / "steerings" / "pas" / f"{target}.safetensors")
        assert json.loads(provenance["facts"]) == {TIED: count}
    (tmp_path / RESULT).unlink()
    assert execute(prepare(plan, device="cpu"), tmp_path).methods == result.methods


def test_a_published_run_names_the_methods_deviations(folder: Path, tmp_path: Path) -> None:
    plan = Plan(
        methods=("pas", "few-shot"),
        task="papi",
        task_parameters={"respondents": 1},
        method_parameters={"pas": {"heads": 5, "variant": "published"}},
        model=str(folder),
        dtype="float32",
        protocol="published",
        strength=1.0,
        trivial=False,
    )
    prepared = prepare(plan, device="cpu")
    told = execute(prepared, tmp_path).deviations
    own = prepared.rows[0].method.deviations  # type: ignore[attr-defined]
    assert [f"pas: {one}" for one in own] == [one for one in told if one.startswith("pas: ")]
    assert {*prepared.task.deviations} < {*told}  # type: ignore[attr-defined]
