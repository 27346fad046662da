"""The neurons that a steering of NPTI edits."""

from steerbench.contracts.edits import Boost, Cap
from steerbench.contracts.steering import Steering


def numbers(steering: Steering) -> tuple[set[tuple[int, int]], dict[tuple[int, int], float]]:
    """The neurons held down, and what is added to which."""
    held, added = set(), {}
    for edit in steering.edits:
        if isinstance(edit, Cap):
            assert edit.maximum == 0
            held |= {(edit.layer, int(n)) for n in edit.neurons}
        elif isinstance(edit, Boost):
            added |= {
                (edit.layer, int(n)): edit.strength * float(v) for n, v in zip(edit.neurons, edit.values, strict=True)
            }
    return held, added
