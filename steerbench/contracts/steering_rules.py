"""What every edit must be, whatever model it is for: checked where a file is read and where a method hands one over.

A fitted number that is nan is a mistake, and would be run as if it were none. What a strength makes of sound numbers is
another matter: that may overflow, and an engine says so of the answer.
"""

from collections.abc import Iterator
from typing import Any, get_args

from steerbench.contracts.edits import KINDS, Cap, Edit, Site
from steerbench.contracts.edits.checks import is_number, is_whole, position_faults
from steerbench.contracts.edits.gates import gate_faults
from steerbench.contracts.steering import Steering
from steerbench.errors import UserError

MOST_LAYERS = 10_000
"""No model has so many: a number beyond it is a mistake that need not wait for the model to be loaded."""


def fault(edit: Edit) -> str | None:
    """The first thing that is wrong with an edit, in words that follow "the steering"; None if nothing is."""
    return next(_faults(edit), None)


def check_fitted(method: str, target: str, steering: Steering) -> None:
    """Raises UserError: a method fitted an edit that no model can be given."""
    for edit in steering.all_edits:
        if (wrong := fault(edit)) is not None:
            raise UserError(f"What '{method}' fitted for '{target}' cannot be used: the steering {wrong}.")


def _faults(edit: Any) -> Iterator[str]:
    """What is wrong; each check assumes that those before it found nothing, so only the first is to be trusted."""
    if not isinstance(edit, KINDS):
        *names, last = (kind.__name__ for kind in KINDS)
        yield f"holds a {type(edit).__name__}, which is none of the edits {', '.join(names)} and {last}"
        return
    if edit.site not in get_args(Site):
        yield f"edits the site {edit.site!r}, where there are only {', '.join(get_args(Site))}"
    if not is_whole(edit.layer):
        yield f"edits the layer {edit.layer!r}; a layer is a whole number"
    if edit.layer < 0:
        yield f"edits layer {edit.layer}; layers are counted from 0"
    if edit.layer >= MOST_LAYERS:
        yield f"edits a layer that no model has ({edit.layer})"
    where = f"at {edit.site} of layer {edit.layer}"
    yield from position_faults(edit.positions, where)
    yield from edit.faults(where)
    if not isinstance(edit, Cap) and not is_number(edit.strength):
        yield f"has the strength {edit.strength!r} {where}; a strength is a finite number"
    yield from gate_faults(edit.gates, edit.layer, where)
