"""Every kind of edit: its form against what it says it does to one token, its file, its faults, its placebo."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steerbench.contracts.edits import (
    KINDS,
    Add,
    Boost,
    Bound,
    Cap,
    Clamp,
    Edit,
    Facing,
    Fade,
    Form,
    LowRank,
    Mapped,
    Positions,
    Project,
    Rotate,
    Similarity,
    Vector,
)
from steerbench.contracts.edits.redrawing import orthonormal
from steerbench.contracts.steering import Steering, load_steering
from steerbench.contracts.steering_rules import check_fitted, fault
from steerbench.errors import UserError

DIM = 24
RNG = np.random.default_rng(3)
PLANE = orthonormal(2, DIM, RNG).astype(np.float32)
ROWS = RNG.normal(size=(4, DIM)).astype(np.float32)
NEURONS = np.array([1, 4, 9])
EDITS: dict[str, Edit] = {
    "add": Add("resid", 2, ROWS[0]),
    "add in front": Add("resid", 2, ROWS[:2], Positions("front", 2)),
    "cap": Cap(2, NEURONS, 0.25),
    "boost": Boost(2, NEURONS, ROWS[0, :3], kept=0.5),
    "project": Project("resid", 2, PLANE, strength=0.7),
    "rotate by": Rotate("head_out", 2, PLANE, 0.9),
    "rotate to": Rotate("resid", 2, PLANE, 2.5, "to", Positions("decode")),
    "clamp": Clamp.along("mlp_act", 2, ROWS[0], 3.0),
    "clamp a feature": Clamp("resid", 2, ROWS[0], ROWS[1], 3.0, 0.4, True),
    "low rank": LowRank("resid", 2, ROWS[:3], ROWS[1:], np.array([1, 2, 3], np.float32)),
}
GATES = (Similarity(1, ROWS[2], 0.3, "below"), Fade(2.5), Bound(PLANE[0], 1.5), Facing(PLANE[1], 0.5))


def by_form(form: Form, x: Vector) -> Vector:
    """What `Form` says, in its own words."""
    c = form.read @ x + form.bias
    if form.how == "rectified":
        c = form.offset - np.where(c > 0, c, 0)
    if form.how == "polar":
        c = np.sqrt((c**2).sum()) * form.offset - c
    return x + sum(u * row for u, row in zip(c, form.write, strict=True))


def test_every_kind_is_tried_here() -> None:
    assert {type(edit) for edit in EDITS.values()} == set(KINDS)


@pytest.mark.parametrize("name", [name for name, edit in EDITS.items() if isinstance(edit, Mapped)])
def test_a_form_does_what_its_kind_does_to_a_token_at_any_strength(name: str) -> None:
    edit = EDITS[name]
    assert isinstance(edit, Mapped)
    for strength in (1.0, -1.5, 0.3):
        for x in RNG.normal(size=(5, DIM)).astype(np.float32):
            scaled = edit.scaled(strength)
            np.testing.assert_allclose(by_form(scaled.form(), x), scaled.apply(x, 0), atol=1e-4)


def test_what_a_projection_a_rotation_and_a_clamp_leave_behind() -> None:
    """Worked by hand: nothing of a direction, the same length at another angle, the value that was asked for."""
    x = RNG.normal(size=DIM).astype(np.float32)
    np.testing.assert_allclose(PLANE @ Project("resid", 0, PLANE).apply(x, 0), 0, atol=1e-6)
    part = Project("resid", 0, PLANE, strength=0.25).apply(x, 0)
    np.testing.assert_allclose(PLANE @ part, 0.75 * PLANE @ x, rtol=1e-4)
    turned = Rotate("resid", 0, PLANE, np.pi / 2).apply(x, 0)
    np.testing.assert_allclose(PLANE @ turned, [-(PLANE[1] @ x), PLANE[0] @ x], atol=1e-5)
    aimed = Rotate("resid", 0, PLANE, np.pi, "to").apply(x, 0)
    np.testing.assert_allclose(PLANE @ aimed, [-np.linalg.norm(PLANE @ x), 0], atol=1e-5)
    assert np.linalg.norm(turned) == pytest.approx(np.linalg.norm(x), rel=1e-5)
    assert PLANE[1] @ Clamp.along("resid", 0, 7 * PLANE[1], 2.0).apply(x, 0) == pytest.approx(2.0, abs=1e-5)
    shut = Clamp("resid", 0, -PLANE[0] * np.float32(np.sign(PLANE[0] @ x)), PLANE[1], 2.0, 0.0, rectified=True)
    np.testing.assert_allclose(shut.apply(x, 0), x + 2 * PLANE[1], atol=1e-5)  # a feature that is off counts as 0


@pytest.mark.parametrize("name", EDITS)
def test_a_file_holds_every_kind_and_its_gates_bit_by_bit(name: str, tmp_path: Path) -> None:
    for number, gates in enumerate(((), GATES)):
        steering = Steering((replace(EDITS[name], gates=gates), EDITS["add"]))
        path = tmp_path / f"{number}.safetensors"
        steering.save(path)
        read, _ = load_steering(path)
        assert read.digest == steering.digest
        assert fault(read.edits[0]) is None
        assert [type(gate) for gate in read.edits[0].gates] == [type(gate) for gate in gates]
        old = isinstance(EDITS[name], Add | Cap | Boost) and not gates
        assert f'"version": {1 if old else 2}'.encode() in path.read_bytes().replace(b'\\"', b'"')


def test_a_gate_is_part_of_a_steerings_digest_and_none_is_none() -> None:
    plain = Steering((EDITS["add"],))
    assert len({plain.digest, *(gated(gate).digest for gate in GATES)}) == 5
    assert gated(Fade(2.5)).digest != gated(Fade(2.6)).digest


def gated(*gates: Any) -> Steering:
    return Steering((replace(EDITS["add"], gates=gates),))


def test_a_steering_begins_at_the_lowest_layer_that_it_edits_or_looks_at() -> None:
    assert Steering((EDITS["add"],)).first_layer == 2
    assert gated(GATES[0], GATES[1]).first_layer == 1


@pytest.mark.parametrize("name", [name for name, edit in EDITS.items() if isinstance(edit, Mapped)])
def test_a_placebo_keeps_the_lengths_and_angles_of_what_an_edit_reads_and_writes(name: str) -> None:
    edit = EDITS[name]
    assert isinstance(edit, Mapped)
    drawn = edit.redrawn(3, np.random.default_rng(0))
    assert fault(drawn) is None
    ours, theirs = (np.concatenate([e.form().read, e.form().write]).astype(np.float64) for e in (edit, drawn))
    np.testing.assert_allclose(theirs @ theirs.T, ours @ ours.T, atol=1e-3)
    assert np.abs(theirs - ours).max() > 0.1


UNIT = PLANE[:1]


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (Project("resid", 2, UNIT * 2), "directions at resid of layer 2 that are not orthonormal"),
        (Project("resid", 2, PLANE[[0, 0]]), "not orthonormal; make them of length 1 and at right angles"),
        (Project("resid", 2, UNIT[0]), "has 24 directions at resid of layer 2; it takes rows as wide as the site"),
        (
            Project("resid", 2, np.eye(3, 2, dtype=np.float32)),
            "has 3 directions at resid of layer 2, where",
        ),
        (Project("attn", 2, UNIT), "edits the site 'attn'"),
        (Rotate("resid", 2, UNIT, 1.0), "has a plane of 1 directions"),
        (Rotate("resid", 2, PLANE, float("nan")), "has an angle of nan at resid of layer 2"),
        (Rotate("resid", 2, PLANE, 1.0, "around"), "turns 'around' an angle"),
        (Clamp("resid", 2, UNIT[0], PLANE[0, :5], 1.0), "reads 24 and writes 5 numbers"),
        (Clamp("resid", 2, UNIT[0] * 0, UNIT[0], 1.0), "a reader at resid of layer 2 that is 0 everywhere"),
        (Clamp("resid", 2, UNIT[0], UNIT[0], float("inf")), "has a value of inf at resid of layer 2"),
        (Clamp("resid", 2, UNIT[0], UNIT[0], 1.0, rectified=1), "has rectified=1"),
        (LowRank("resid", 2, ROWS, ROWS[:2], np.ones(4, np.float32)), "reads by 4x24 numbers and writes 2x24"),
        (LowRank("resid", 2, ROWS, ROWS, np.ones(3, np.float32)), "has a bias of 3 numbers at resid of layer 2"),
        (LowRank("resid", 2, ROWS, ROWS * np.float32("inf"), np.ones(4, np.float32)), "infinite or nan"),
        (replace(EDITS["add"], gates=(Fade(0.0),)), "a half-life of 0.0 tokens; it is more than 0"),
        (replace(EDITS["add"], gates=(replace(GATES[0], layer=2),)), "looks at layer 2; it can look at those before"),
        (replace(EDITS["add"], gates=(replace(GATES[0], threshold=1.5),)), "a cosine lies between -1 and 1"),
        (replace(EDITS["add"], gates=(replace(GATES[2], direction=ROWS[0]),)), "not of length 1"),
        (
            replace(EDITS["add"], gates=(Facing(ROWS[0]),)),
            "a gate's direction at resid of layer 2 that is not",
        ),
        (replace(EDITS["add"], gates=("open",)), "has a str at resid of layer 2, which is none of the gates"),
        (replace(EDITS["add"], gates=[]), "has list as its gates"),
    ],
)
def test_a_wrong_edit_is_told_in_one_sentence(edit: Edit, sentence: str) -> None:
    assert sentence in str(fault(edit))
    with pytest.raises(UserError, match="What 'm' fitted for 't' cannot be used"):
        check_fitted("m", "t", Steering((edit,)))
