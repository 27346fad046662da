"""Boosts that leave neurons out at random."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from steerbench.contracts import Prompt, Request, Sampling
from steerbench.contracts.edits import Boost, Cap, Edit, Positions
from steerbench.contracts.steering import UNSTEERED, Steering, load_steering
from steerbench.engines.hf.engine import HFEngine
from steerbench.engines.thinning import PERIOD, draws
from steerbench.errors import UserError
from tests.engines import oracle

DECODE = Positions("decode")
TEXT = "I am the life of the party: Very Accurate; I often forget"


def boost(kept: float, positions: Positions = DECODE) -> Steering:
    values = np.linspace(1, 2, 48, dtype=np.float32)
    return Steering((Boost(1, np.arange(48), values, positions, kept=kept),))


def added(engine: HFEngine, steering: Steering) -> np.ndarray:
    """[positions, neurons]: what the engine adds at the layer, at the last token of ever longer texts."""
    ids = engine.tokenize(Prompt(start=TEXT))
    texts = [engine.loaded.tokenizer.decode(ids[1 : n + 1]) for n in range(3, len(ids))]
    plain, under = (
        engine.capture([Request(Prompt(start=text), s) for text in texts], ["mlp_act"])["mlp_act"][:, 0, 1]
        for s in (UNSTEERED, steering)
    )
    return under - plain


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_every_position_keeps_its_own_share_of_the_neurons_whole(engine: HFEngine, share: float) -> None:
    found = added(engine, boost(share, Positions("all")))
    kept = np.abs(found) > 0.5
    np.testing.assert_allclose(found[kept], np.broadcast_to(np.linspace(1, 2, 48), found.shape)[kept], atol=1e-5)
    np.testing.assert_allclose(found[~kept], 0, atol=1e-5)
    assert abs(kept.mean() - share) < 3 * np.sqrt(share * (1 - share) / kept.size)
    assert len(np.unique(kept, axis=0)) == len(kept)


def test_the_draws_are_uniform_and_differ_by_layer() -> None:
    cpu = torch.device("cpu")
    numbers = draws(3, 1000, cpu).numpy()
    assert numbers.shape == (PERIOD, 1000)
    np.testing.assert_allclose(np.quantile(numbers, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.01)
    assert np.abs(np.corrcoef(numbers)[np.triu_indices(PERIOD, 1)]).max() < 0.15
    assert np.corrcoef(numbers.ravel(), draws(4, 1000, cpu).numpy().ravel())[0, 1] < 0.02
    np.testing.assert_array_equal(numbers, draws(3, 1000, cpu).numpy())


def test_company_with_other_shares_changes_nothing(engine: HFEngine) -> None:
    requests = [
        Request(Prompt(start=TEXT[:end]), boost(share)) for share in (0.3, 0.5, 0.9, 1.0) for end in (12, 30, 57)
    ]
    sampling = Sampling(max_new_tokens=8)
    alone = [engine.generate([request], sampling)[0] for request in requests]
    assert list(engine.generate(requests, sampling)) == alone
    assert len({one.text for one in alone}) > 6


def test_thinned_neurons_are_those_of_a_hand_edited_forward(engine: HFEngine) -> None:
    steering = Steering((Cap(1, np.arange(0, 48, 2), 0.0, DECODE),)) + boost(0.7).scaled(1.5) + boost(0.4)
    request = Request(Prompt(start=TEXT), steering, (" Very Accurate", " put things back."))
    prompt, options = oracle.split_ids(engine.loaded, request)
    for option, site in zip(options, engine.capture([request], ["mlp_act"])["mlp_act"][0], strict=True):
        slow = oracle.values(engine.loaded, prompt + option, len(prompt), steering, "mlp_act")[-1]
        np.testing.assert_allclose(site, slow, atol=1e-5)


def test_a_saved_boost_keeps_its_share(tmp_path: Path) -> None:
    steering = boost(0.9).scaled(0.7)
    steering.save(tmp_path / "one.safetensors")
    again, _ = load_steering(tmp_path / "one.safetensors")
    [edit] = again.edits
    assert isinstance(edit, Boost)
    assert (edit.kept, edit.strength, edit.positions) == (0.9, 0.7, DECODE)
    assert again.digest == steering.digest != boost(0.8).scaled(0.7).digest


@pytest.mark.parametrize(("share", "positions"), [(0.0, DECODE), (1.1, DECODE), (0.5, Positions("front", 3))])
def test_a_share_that_makes_no_sense_is_refused(engine: HFEngine, share: float, positions: Positions) -> None:
    [edit] = boost(1.0).edits
    with pytest.raises(UserError, match="keeps a share"):
        engine.generate(
            [Request(Prompt(start=TEXT), Steering((replace(edit, kept=share, positions=positions),)))], Sampling(1)
        )  # type: ignore[arg-type]


def test_on_the_embedded_model_caps_and_boosts_are_those_of_a_hand_edited_forward() -> None:
    engine = HFEngine.load("smollm2-135m", dtype="float32", device="cpu")
    rng = np.random.default_rng(0)
    edits: list[Edit] = []
    for layer in range(0, 30, 5):
        chosen = rng.permutation(1536)[:40]
        values = rng.uniform(0, 1, 20).astype(np.float32)
        edits += [Cap(layer, chosen[:20], 0.0, DECODE), Boost(layer, chosen[20:], values, DECODE, kept=0.9)]
    steering, options = Steering(tuple(edits)), (" Very Accurate", " Moderately Inaccurate")
    request = Request(Prompt(start=TEXT), steering, options)
    found = engine.capture([request, replace(request, steering=UNSTEERED)], ["mlp_act"])["mlp_act"]
    prompt, tokens = oracle.split_ids(engine.loaded, request)
    for option, ours, unsteered in zip(tokens, *found, strict=True):
        slow = oracle.values(engine.loaded, prompt + option, len(prompt), steering, "mlp_act")[-1]
        np.testing.assert_allclose(ours, slow, atol=1e-5)
        assert np.abs(ours - unsteered).max() > 0.3
