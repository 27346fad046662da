"""`check_engine`: what it lets pass, and what it says of engines that are each wrong in one way."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steerbench.contracts import Activations, Choice, Completion, Request, Sampling
from steerbench.contracts.edits import Boost, Cap, Site
from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.testing import ToyEngine, check_engine


class ByCompany(ToyEngine):
    def choose(self, requests: Sequence[Request]) -> Sequence[Choice]:
        return [Choice(tuple(x - len(requests) for x in one.logprobs)) for one in super().choose(requests)]


class ForgettingSome(ToyEngine):
    def batches(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        return [batch[1:] for batch in super().batches(requests)]


class Unhashable(ToyEngine):
    __hash__ = None  # type: ignore[assignment]


class NeverSilent(ToyEngine):
    """Steers at strength 0, too."""

    def choose(self, requests: Sequence[Request]) -> Sequence[Choice]:
        moved = [0.5 * (request.steering is not Request(request.prompt).steering) for request in requests]
        return [
            Choice(tuple(x - by for x in one.logprobs)) for one, by in zip(super().choose(requests), moved, strict=True)
        ]


class Unseeded(ToyEngine):
    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Sequence[Completion]:
        seed = int(np.random.default_rng().integers(1 << 30))
        return super().generate(requests, replace(sampling, seed=seed))


class TooWilling(ToyEngine):
    def _check(self, requests: Sequence[Request], room: int = 0) -> None:
        pass


class Misshapen(ToyEngine):
    def capture(self, requests: Sequence[Request], sites: Sequence[Site], front: int = 0) -> Activations:
        return {site: values.swapaxes(1, 2) for site, values in super().capture(requests, sites, front).items()}


class Pathed(ToyEngine):
    def identity(self) -> Mapping[str, str]:
        return {"engine": "toy"}


def test_the_toy_engine_keeps_the_contract_of_engines() -> None:
    check_engine(ToyEngine())


def test_an_engine_that_refuses_some_edits_passes() -> None:
    class AddsOnly(ToyEngine):
        def _check(self, requests: Sequence[Request], room: int = 0) -> None:
            super()._check(requests, room)
            if any(isinstance(edit, Cap | Boost) for request in requests for edit in request.steering.edits):
                raise UserError("This engine adds vectors and does nothing else.")

    check_engine(AddsOnly())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            ByCompany,
            "`choose` answers otherwise in a batch than alone (to 'I am the life of the party:' under",
        ),
        (ForgettingSome, "`batches` of 12 requests gave"),
        (Unhashable, "being kept in a WeakKeyDictionary, as methods keep what they captured, raised TypeError"),
        (NeverSilent, "steerings at strength 0 are not answered exactly as no steering is"),
        (Unseeded, "`generate` says something else the second time, with Sampling("),
        (TooWilling, "a steering of a layer the model lacks"),
        (Misshapen, "it is [requests, options, layers, dim]"),
        (Pathed, "`identity` has no 'weights'; say there by a hash which model it is"),
    ],
)
def test_what_is_wrong_with_an_engine_is_said(wrong: Any, said: str) -> None:
    with pytest.raises(AssertionError) as raised:
        check_engine(wrong())
    assert said in str(raised.value)


class Deaf(HFEngine):
    """Loads the model and leaves every steering out."""

    def choose(self, requests: Sequence[Request]) -> Sequence[Choice]:
        super().choose(requests)  # refuses what it cannot run
        return super().choose([Request(request.prompt, options=request.options) for request in requests])

    def identity(self) -> Mapping[str, str]:
        return {**super().identity(), "from": str(self.loaded.folder)}


def test_an_engine_that_differs_from_the_reference_or_tells_of_a_folder_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="`identity` names the folder that the model was loaded from"):
        check_engine(Deaf)

    class Placeless(Deaf):
        def identity(self) -> Mapping[str, str]:
            return self.loaded.identity()

    with pytest.raises(AssertionError, match=r"`choose` under Add at head_out is .* nats off the reference engine"):
        check_engine(Placeless)
