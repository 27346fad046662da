"""Rows of tables, against the same edits done one after another to one token at a time."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load

from steerbench.contracts.edits import Add, Boost, Cap, Positions, Site
from steerbench.contracts.steering import UNSTEERED, Steering
from steerbench.engines.hf.engine import HFEngine
from steerbench.engines.vllm.lowering import lower
from steerbench.engines.vllm.schedule import NEUTRAL, Schedule
from steerbench.engines.vllm.slots import SlotBook
from steerbench.engines.vllm.tables import SlotTables, TableShape
from tests.engines.oracle import change
from tests.engines.situations import steerings
from tests.engines.vllm.test_schedule import row_at

SITES: tuple[Site, ...] = ("head_out", "mlp_act", "resid")
LENGTH, PROMPT = 230, 210
"""Of a sequence: longer than the fronts of the situations and than the period of thinned boosts."""

SIZES = {"head_out": 64, "mlp_act": 48, "resid": 32}


def edited(steering: Steering, site: Site, layer: int, x: torch.Tensor, prompt: int) -> torch.Tensor:
    """x [1, length, dim] under a steering's edits at one place; caps come before additions."""
    for edit in sorted(steering.edits, key=lambda edit: not isinstance(edit, Cap)):
        if (edit.site, edit.layer) == (site, layer):
            x = change(edit, x, prompt, {})
    return x


def through_tables(tables: SlotTables, slot: int, site: Site, layer: int, x: torch.Tensor, prompt: int) -> torch.Tensor:
    """The same by the tables' rows, after a step with all of the sequence."""
    tables.prepare([slot], np.array([x.shape[1]]), np.array([0]), [prompt])
    lines = dict(zip(tables.rows, tables.lines[:, : x.shape[1]].long(), strict=True))
    if site != "mlp_act":
        return x + tables.rows[site][layer, lines[site]]
    capped = torch.minimum(x, tables.rows["mlp_cap"][layer, lines["mlp_cap"]])
    return capped + tables.rows["mlp_add"][layer, lines["mlp_add"]]


def tables_for(rows: int, rank: int = 0, ranks: int = 1) -> SlotTables:
    widths = {"head_out": 64 // ranks, "mlp_cap": 48 // ranks, "mlp_add": 48 // ranks, "resid": 32}
    return SlotTables(
        TableShape(4, rows, widths, tokens=256, rank=rank, ranks=ranks), torch.float32, torch.device("cpu")
    )


@pytest.mark.parametrize("prompt", [PROMPT, 2], ids=["a long prompt", "a prompt shorter than the fronts"])
def test_tables_do_to_every_token_what_the_edits_say(engine: HFEngine, prompt: int) -> None:
    """All situations in the same tables, so that none may stand where another does."""
    assert {site: engine.modules.width(site) for site in SITES} == SIZES
    book, tables = SlotBook(1000), tables_for(1000)
    known = {name: steering for name, steering in steerings(engine).items() if steering.edits}
    slots = {}
    for name, steering in known.items():
        found = book.use(steering.edits_digest, lower(steering, engine.modules.width))
        assert found is not None
        slots[name], placement = found
        assert placement is not None
        tables.put(placement)
    rng = torch.Generator().manual_seed(0)
    for name, steering in known.items():
        for site in SITES:
            for layer in range(engine.layers):
                x = torch.randn(1, LENGTH, SIZES[site], generator=rng)
                expected = edited(steering, site, layer, x, prompt)
                got = through_tables(tables, slots[name], site, layer, x, prompt)
                torch.testing.assert_close(got, expected, atol=2e-6, rtol=2e-6, msg=lambda m, n=name: f"{n}: {m}")


def test_a_layer_is_computed_only_if_a_token_of_the_step_needs_it(engine: HFEngine) -> None:
    late = Steering((Add("resid", 2, np.ones(32, np.float32), Positions("decode")),))
    tables = tables_for(4)
    found = SlotBook(4).use("late", lower(late, engine.modules.width))
    assert found is not None
    assert found[1] is not None
    tables.put(found[1])
    resid = list(tables.rows).index("resid")
    for done, wanted in ((0, []), (9, [2])):
        tables.prepare([found[0], NEUTRAL], np.array([1, 3]), np.array([done, 0]), [5, 5])
        assert np.flatnonzero(tables.active[resid]).tolist() == wanted
        assert not np.delete(tables.active, resid, axis=0).any()


def test_what_a_step_before_left_does_not_reach_a_shorter_one(engine: HFEngine) -> None:
    """Compiled code pads a step, and the padding must be neutral."""
    tables = tables_for(4)
    found = SlotBook(4).use("a", lower(Steering((Add("resid", 0, np.ones(32, np.float32)),)), engine.modules.width))
    assert found is not None
    assert found[1] is not None
    tables.put(found[1])
    tables.prepare([found[0]], np.array([9]), np.array([0]), [9])
    assert int((tables.lines != NEUTRAL).sum()) == 9
    tables.prepare([found[0]], np.array([2]), np.array([0]), [9])
    assert int((tables.lines != NEUTRAL).sum()) == 2


def test_ranks_have_their_own_heads_and_neurons_and_all_of_the_residual_stream(engine: HFEngine) -> None:
    steering = steerings(engine)["everything"]
    found = SlotBook(1000).use("a", lower(steering, engine.modules.width))
    assert found is not None
    assert found[1] is not None
    whole, *ranks = (tables_for(1000, rank, ranks) for rank, ranks in ((0, 1), (0, 2), (1, 2)))
    for tables in (whole, *ranks):
        tables.put(found[1])
    for site, rows in whole.rows.items():
        parts = [tables.rows[site] for tables in ranks]
        torch.testing.assert_close(parts[0] if site == "resid" else torch.cat(parts, 2), rows, atol=0, rtol=0)


def test_equal_rows_stand_in_a_table_once(engine: HFEngine) -> None:
    """A front of 200 tokens whose vectors are all alike, then nothing: one row."""
    alike = Add("resid", 1, np.ones((200, 32), np.float32), Positions("front", 200))
    lowered = lower(Steering((alike,)), engine.modules.width)
    assert lowered.count("resid") == 1
    assert lowered.schedules == {"resid": Schedule((1,) * 200, (NEUTRAL,), (NEUTRAL,))}
    assert list(load(lowered.payload())) == ["resid.1"]


def test_a_thinned_boost_has_a_row_for_each_position_of_its_period(engine: HFEngine) -> None:
    thinned = Boost(1, np.arange(40), np.ones(40, np.float32), Positions("decode"), kept=0.5)
    lowered = lower(Steering((thinned,)), engine.modules.width)
    schedule = lowered.schedules["mlp_add"]
    assert lowered.count("mlp_add") == len(set(schedule.decode)) == len(schedule.decode) == 61
    assert row_at(schedule, 70, 100) == NEUTRAL
    kept = lowered.rows["mlp_add"][1] != 0
    assert 0.4 < kept[:, :40].mean() < 0.6
    assert not kept[:, 40:].any()


def test_without_edits_there_is_nothing_to_place(engine: HFEngine) -> None:
    lowered = lower(UNSTEERED, engine.modules.width)
    assert (dict(lowered.rows), dict(lowered.schedules)) == ({}, {})
