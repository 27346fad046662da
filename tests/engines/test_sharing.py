"""What is computed once for many, and what must never be."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from steerbench.contracts import Prompt, Request
from steerbench.contracts.edits import Add, Positions
from steerbench.contracts.steering import Steering
from steerbench.engines.hf.engine import HFEngine
from tests.engines import oracle
from tests.engines.situations import ENDS, LABELS, STARTS, add


def as_the_oracle(engine: HFEngine, asked: Sequence[Request]) -> None:
    for request, choice in zip(asked, engine.choose(asked), strict=True):
        np.testing.assert_allclose(choice.logprobs, oracle.option_logprobs(engine.loaded, request), atol=1e-4, rtol=0)


def tokens_through(engine: HFEngine, asked: Sequence[Request]) -> list[int]:
    """How many tokens, padding included, pass each layer while choosing."""
    counted: Counter[int] = Counter()
    handles = [
        layer.register_forward_pre_hook(lambda _, args, n=n: counted.update({n: args[0].shape[0] * args[0].shape[1]}))
        for n, layer in enumerate(engine.modules.layers)
    ]
    engine.choose(asked)
    for handle in handles:
        handle.remove()
    return [counted[n] for n in range(engine.layers)]


def family(steerings: Sequence[Steering]) -> list[Request]:
    """The same prompts, with a long beginning in common, under each steering."""
    return [Request(Prompt(start=STARTS[0] + end), steering, LABELS) for steering in steerings for end in ENDS]


@pytest.mark.parametrize(
    "positions", [Positions(), Positions("front", 3), Positions("decode")], ids=lambda positions: str(positions)
)
def test_steerings_that_edit_layer_0_under_one_prompt_do_not_share_its_prefix(
    engine: HFEngine, positions: Positions
) -> None:
    steerings = [Steering((add(engine, "resid", 0, positions, seed),)) for seed in range(3)]
    asked = family([*steerings, steerings[0].scaled(3.0), Steering()])
    assert len(engine.batches(asked)) == 1
    as_the_oracle(engine, asked)


def test_layers_below_the_first_edit_run_once_for_all_steerings(engine: HFEngine) -> None:
    steerings = [Steering((add(engine, "head_out", 2 + seed % 2, seed=seed),)) for seed in range(4)]
    asked = family(steerings)
    assert len(engine.batches(asked)) == 1
    passed = tokens_through(engine, asked)
    assert passed[2:] == [4 * passed[0]] * 2
    assert passed[1] == passed[0]
    as_the_oracle(engine, asked)


def test_no_layer_is_shared_once_a_steering_of_the_batch_edits_the_lowest(engine: HFEngine) -> None:
    steerings = [Steering((add(engine, "head_out", 2 * (seed > 0), seed=seed),)) for seed in range(4)]
    passed = tokens_through(engine, family(steerings))
    assert len(set(passed)) == 1
    as_the_oracle(engine, family(steerings))


def test_an_edit_of_what_leaves_a_layer_leaves_the_layer_itself_unshared(engine: HFEngine) -> None:
    asked = family([Steering((add(engine, "resid", 1, seed=seed),)) for seed in range(2)])
    passed = tokens_through(engine, asked)
    assert passed == [passed[0], 2 * passed[0], 2 * passed[0], 2 * passed[0]]
    as_the_oracle(engine, asked)


def test_requests_under_equal_edits_share_the_prompt_they_start_with(engine: HFEngine) -> None:
    steering = Steering((add(engine, "head_out", 0),))
    asked = family([steering, steering.scaled(1.0)])
    together, alone = tokens_through(engine, asked), sum(tokens_through(engine, [one])[0] for one in asked)
    assert together[0] < alone / 2


def test_the_same_tokens_with_another_end_of_the_prompt_are_not_the_same(engine: HFEngine) -> None:
    """An edit in decode starts at the prompt's end: what comes before the option differs, though all tokens agree."""
    of = engine.loaded.tokenizer
    word, *rest = of(" Very", add_special_tokens=False)["input_ids"]
    assert not rest
    start = "I am the life of the party; I often forget"
    assert engine.tokenize(Prompt(start=start + " Very")) == [*engine.tokenize(Prompt(start=start)), word]
    vector = np.ones(engine.modules.width("resid"), np.float32)
    one, two = (Steering((Add("resid", 1, k * vector, Positions("decode")),)) for k in (1, 2))
    asked = [
        Request(Prompt(start=start), one, (" Very!", " Very;")),
        Request(Prompt(start=start + " Very"), two, ("!", ";")),
    ]
    as_the_oracle(engine, asked)
    as_the_oracle(engine, asked[::-1])


def test_a_request_without_a_prefix_gets_no_row_where_prefixes_are_computed(engine: HFEngine) -> None:
    lone = [Request(Prompt(start=f"{n}"), Steering((add(engine, "resid", 3, seed=n),)), LABELS) for n in range(6)]
    asked = [*family([Steering()]), *lone]
    shapes = []
    handle = engine.modules.layers[0].register_forward_pre_hook(lambda _, args: shapes.append(args[0].shape[:2]))
    as_the_oracle(engine, asked)
    handle.remove()
    assert [rows for rows, _ in shapes[:2]] == [1, 7]
