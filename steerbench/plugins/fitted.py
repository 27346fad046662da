"""What a method's `fit` returned, held to the contract before anybody uses it."""

from collections.abc import Sequence
from typing import Any

from steerbench.contracts.steering import Steering
from steerbench.contracts.steering_rules import check_fitted
from steerbench.contracts.targets import Target
from steerbench.errors import UserError

REMEDY = "return a list with one Steering for each target, in their order"


def sound(method: str, returned: Any, targets: Sequence[Target], called: str = "fit") -> list[Steering]:
    """The steerings that a method returned from `fit` (or from what was `called`), one for each target.

    Raises:
        UserError: it is something else, there are too few or too many, or no model could be given one of them.
    """
    if not isinstance(returned, Sequence) or isinstance(returned, str):
        raise UserError(f"The `{called}` of '{method}' returned {_spoken(returned)}; {REMEDY}.")
    if len(returned) != len(targets):
        raise UserError(
            f"The `{called}` of '{method}' returned {len(returned)} steerings for {len(targets)} targets; {REMEDY}."
        )
    for target, steering in zip(targets, returned, strict=True):
        if not isinstance(steering, Steering):
            raise UserError(f"The `{called}` of '{method}' returned {_spoken(steering)} for '{target.id}'; {REMEDY}.")
        check_fitted(method, target.id, steering)
    return list(returned)


def replying(method: str, steerings: Sequence[Steering], targets: Sequence[Target]) -> list[Steering]:
    """The steerings of a method that asks no model.

    Raises:
        UserError: one of them has no reply.
    """
    for target, steering in zip(targets, steerings, strict=True):
        if steering.reply is None:
            raise UserError(
                f"'{method}' answers without a model (`needs_model` is False), but its steering for '{target.id}' "
                "has no `reply`: give the Steering one, or set `needs_model` to True."
            )
    return list(steerings)


def _spoken(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
