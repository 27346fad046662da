"""What every engine has to equal: an edit at one token, in NumPy."""

from collections.abc import Callable

import numpy as np

from steerbench.contracts.edits import Edit, Fade, Similarity, Vector


def edited(
    edit: Edit,
    x: Vector,
    position: int,
    after: int,
    state: Callable[[int], Vector],
) -> Vector:
    """A token's values x [dim] after one edit and its gates.

    `position` counts the sequence's tokens from 0, `after` those behind the prompt from 1 (0 in the prompt), and
    `state(layer)` is the token's residual stream after a layer.
    """
    if not edit.positions.hold(position, after):
        return x
    changed, share = edit.apply(x, position), 1.0
    for gate in edit.gates:
        if isinstance(gate, Similarity):
            share *= gate.share(state(gate.layer))
        else:
            share *= gate.share(after) if isinstance(gate, Fade) else gate.share(x, changed)
    # All and nothing are exact: of an edit that overflows, nothing is nothing.
    return changed if share == 1 else x if share == 0 else x + np.float32(share) * (changed - x)
