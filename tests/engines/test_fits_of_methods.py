"""What a method fitted at a place that the model does not have is refused at once, and the method is named."""

import numpy as np
import pytest

from steerbench.api.fitting import fitted
from steerbench.contracts import Engine, Method
from steerbench.contracts.edits import Add, Boost, Edit, Site
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import target_named
from steerbench.engines.validation import check_fits
from steerbench.errors import UserError
from steerbench.testing import toy_engine

ENGINE = toy_engine()
WIDTH: dict[Site, int] = {"head_out": ENGINE.width, "mlp_act": ENGINE.neurons, "resid": ENGINE.hidden}


class Handing(Method):
    """Hands over one edit."""

    name = "mine"
    needs_model = True
    strengths = (0.0, 1.0)

    def __init__(self, edit: Edit) -> None:
        self.edit = edit

    def fit(self, engine: Engine, targets: object) -> list[Steering]:
        return [Steering((self.edit,))]


def add(site: Site, layer: int, dim: int) -> Add:
    return Add(site, layer, np.ones(dim, np.float32))


@pytest.mark.parametrize("site", ["head_out", "mlp_act", "resid"])
def test_a_site_of_another_width_or_a_layer_that_is_not_there_is_told_with_the_method(site: Site) -> None:
    dim = WIDTH[site]
    sound, wide, high = add(site, 0, dim), add(site, 0, dim + 1), add(site, ENGINE.layers, dim)
    target = target_named("extraversion+")
    assert fitted(Handing(sound), "mine", target, ENGINE).edits == (sound,)
    said = "What 'mine' fitted for 'extraversion+' cannot be used: the steering"
    for edit, wrong in (
        (wide, f"adds {dim + 1} numbers at {site} of layer 0, where this model has {dim}."),
        (high, f"edits layer {ENGINE.layers}, but the model has layers 0 to {ENGINE.layers - 1}."),
    ):
        with pytest.raises(UserError) as refused:
            fitted(Handing(edit), "mine", target, ENGINE)
        assert str(refused.value) == f"{said} {wrong}"


def test_neurons_are_looked_at_in_every_draw() -> None:
    one = Boost(0, np.array([0, ENGINE.neurons]), np.ones(2, np.float32))
    fits = [Steering(draws=((one,),))]
    with pytest.raises(
        UserError, match=rf"edits neurons 0 to {ENGINE.neurons} at mlp_act of layer 0, where this model"
    ):
        check_fits("mine", ENGINE, [target_named("openness-")], fits)


def test_an_engine_that_does_not_tell_its_residual_width_is_not_held_to_one() -> None:
    class Untold(type(ENGINE)):  # type: ignore[misc]
        hidden = 0

    check_fits("mine", Untold(), [target_named("openness-")], [Steering((add("resid", 0, 3),))])
