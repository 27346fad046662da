"""What a method's `fit` returns is held to its contract before anybody uses it."""

import pytest

from steerbench.contracts.targets import target_named
from steerbench.errors import UserError
from steerbench.plugins.composed import Composed, fit
from steerbench.plugins.plugin import construct
from steerbench.testing import ToyEngine
from tests.plugins.conftest import Plug
from tests.plugins.sound import METHOD

EVERY = [
    pytest.param("fit", "None", "The `fit` of 'mine' returned nothing; return a list with one Steering", id="nothing"),
    pytest.param("fit", "(Steering() for _ in targets)", "returned a generator; return a list", id="a generator"),
    pytest.param("fit", "{t.id: Steering() for t in targets}", "returned a dict; return a list", id="a dict"),
    pytest.param("fit", "[Steering()]", "returned 1 steerings for 2 targets; return a list with one", id="too few"),
    pytest.param("fit", "[Steering()] * 3", "returned 3 steerings for 2 targets", id="too many"),
    pytest.param(
        "fit", "[None for _ in targets]", "returned nothing for 'extraversion\\+'; return a list", id="no steering"
    ),
]


@pytest.mark.parametrize(("called", "returned", "sentence"), EVERY)
def test_what_a_fit_returns_is_held_to_the_contract(plug: Plug, called: str, returned: str, sentence: str) -> None:
    plug("method", METHOD.replace("[Steering() for _ in targets]", returned))
    method, targets = construct("method", "mine", {}), [target_named("extraversion+"), target_named("openness-")]
    for whole in (method, Composed("mine+mine", (method, method))):
        with pytest.raises(UserError, match=sentence):
            fit(whole, ToyEngine(), targets)


def test_a_method_that_asks_no_model_has_to_reply(plug: Plug) -> None:
    plug("method", METHOD.replace("needs_model = True", "needs_model = False"))
    method = construct("method", "mine", {})
    with pytest.raises(UserError, match=r"'mine' answers without a model .* for 'openness-' has no `reply`: give"):
        fit(method, None, [target_named("openness-")])  # type: ignore[arg-type]
