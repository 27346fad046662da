"""Layers as a user names them."""

import pytest

from steerbench.engines.hf.engine import HFEngine
from steerbench.errors import UserError
from steerbench.toolkit.layers import Layers, checked_layers, parsed_layers


@pytest.mark.parametrize(
    ("given", "meant"),
    [("5", {5}), (5, {5}), ("3,5", {3, 5}), ("10-12", {10, 11, 12}), (" 0 , 2-3,3 ", {0, 2, 3}), ("4-4", {4})],
)
def test_numbers_and_ranges_with_both_ends_are_read(given: Layers, meant: set[int]) -> None:
    assert parsed_layers("npti", given) == meant


@pytest.mark.parametrize("given", ["", "a", "5-3", "1,,2", "-1", "1-2-3", -2])
def test_what_is_no_list_of_layers_is_refused(given: Layers) -> None:
    with pytest.raises(UserError, match=r"pas\.layers cannot be"):
        parsed_layers("pas", given)


def test_layers_are_checked_against_the_model(engine: HFEngine) -> None:
    assert list(checked_layers("npti", None, engine)) == [0, 1, 2, 3, 4, 5]
    assert checked_layers("npti", "5", engine) == {5}
    with pytest.raises(UserError, match=r"npti\.layers is 2,6.*0 to 5"):
        checked_layers("npti", "2,6", engine)
