"""Checks, before anything is computed, that requests and steerings can run on the model."""

from collections.abc import Callable, Iterable, Sequence

from steerbench.contracts import Completion, Engine, Request
from steerbench.contracts.edits import Edit, Fade, Similarity, Site
from steerbench.contracts.steering import Steering
from steerbench.contracts.steering_rules import fault
from steerbench.contracts.targets import Target
from steerbench.errors import UserError

SHORTEN = "shorten it, or use a model with a longer context"


def check_options(requests: Iterable[Request]) -> None:
    """Raises UserError: a request has no options to choose from."""
    for request in requests:
        if not request.options:
            raise UserError(f"A choice needs options; the request '{request.prompt.start[-40:]}' has none.")


def check_lengths(
    requests: Sequence[Request], found: Sequence[int], context: int, room: int = 0, remedy: str = SHORTEN
) -> None:
    """Check that requests of `found` [requests] tokens, with `room` for the answer, fit the model's context.

    Raises:
        UserError: one does not fit.
    """
    longest = max(range(len(found)), key=found.__getitem__, default=None)
    if longest is not None and found[longest] + room > context:
        prompt = requests[longest].prompt
        said = "".join(content for _, content in prompt.messages[-1:]) + prompt.start
        raise UserError(too_long(f"The prompt that ends '{said[-40:]}'", found[longest], context, room, remedy))


def too_long(what: str, length: int, context: int, room: int = 0, remedy: str = SHORTEN) -> str:
    """The error for a request that does not fit the model's context."""
    answer = f" and {room} for its answer" if room else ""
    return f"{what} needs {length} tokens{answer}, and the model's context holds {context}: {remedy}."


def check_steerings(steerings: Iterable[Steering], layers: int, width: Callable[[Site], int]) -> None:
    """Check edits against the general rules (`steering_rules`) and the model's layers and site widths.

    Raises:
        UserError: an edit breaks a rule, names a missing layer or neuron, or does not have its site's width.
    """
    for steering in {s.edits_key: s for s in steerings}.values():
        for edit in steering.edits:
            if (wrong := fault(edit)) is not None:
                raise UserError(f"The steering {wrong}.")
            if wrong := _misfit(edit, layers, width):
                raise UserError(f"The steering {wrong}: it was fitted on another model.")


def check_fits(method: str, engine: Engine, targets: Sequence[Target], fits: Sequence[Steering]) -> None:
    """Check what a method has just fitted, whose edits are sound by themselves, against the model.

    Raises:
        UserError: an edit names a layer or neuron that the model lacks, or does not fit its site.
    """
    widths: dict[Site, int] = {"head_out": engine.width, "mlp_act": engine.neurons, "resid": engine.hidden}
    for target, steering in zip(targets, fits, strict=True):
        for edit in steering.all_edits:
            if wrong := _misfit(edit, engine.layers, widths.__getitem__):
                raise UserError(f"What '{method}' fitted for '{target.id}' cannot be used: the steering {wrong}.")


def _misfit(edit: Edit, layers: int, width: Callable[[Site], int]) -> str:
    """What of a sound edit this model cannot have, in words that follow "the steering"; "" if it can have all."""
    if edit.layer >= layers:
        return f"edits layer {edit.layer}, but the model has layers 0 to {layers - 1}"
    dim, where = width(edit.site), f"at {edit.site} of layer {edit.layer}"
    if not dim:  # an engine that does not tell the width of its residual stream
        return ""
    if wrong := edit.misfit(dim):
        return f"{wrong} {where}, where this model has {dim}"
    for gate in edit.gates:
        needed = width("resid") if isinstance(gate, Similarity) else dim
        if needed and not isinstance(gate, Fade) and (given := len(gate.direction)) != needed:
            return f"has a gate {where} of {given} numbers, where this model has {needed}"
    return ""


def check_counted(completions: Iterable[Completion]) -> None:
    """Raises UserError: an answer overflowed, so its neurons' activations are not numbers."""
    overflowed = sum(one.overflowed for one in completions)
    if overflowed:
        raise UserError(
            f"Neurons cannot be counted: the model's numbers overflowed in {overflowed} of the answers; weaken the "
            "steering, or give --dtype float32."
        )
