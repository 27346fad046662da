"""What cannot be run on this model is refused before anything is computed, in the user's words."""

from collections.abc import Callable, Iterable, Sequence

from steerbench.contracts import Completion, Request
from steerbench.errors import UserError
from steerbench.steering import Add, Boost, Cap, Edit, Site, Steering


def site_of(edit: Edit) -> Site:
    return edit.site if isinstance(edit, Add) else "mlp_act"


def check_options(requests: Iterable[Request]) -> None:
    """Raises UserError: a request that is to choose has nothing to choose from."""
    for request in requests:
        if not request.options:
            raise UserError(f"A choice needs options; the request '{request.prompt.start[-40:]}' has none.")


def check_lengths(requests: Sequence[Request], found: Sequence[int], context: int, room: int = 0) -> None:
    """Check requests of so many tokens, that may be answered by `room` more, against the model's context.

    Raises:
        UserError: one is longer.
    """
    longest = max(range(len(found)), key=found.__getitem__, default=None)
    if longest is not None and found[longest] + room > context:
        prompt = requests[longest].prompt
        said = "".join(content for _, content in prompt.messages[-1:]) + prompt.start
        raise UserError(too_long(f"The prompt that ends '{said[-40:]}'", found[longest], context, room))


def check_text_lengths(texts: Sequence[str], found: Sequence[int], context: int) -> None:
    """Raises UserError: a text of so many tokens is longer than the model's context."""
    for text, length in zip(texts, found, strict=True):
        if length > context:
            raise UserError(too_long(f"The text that starts '{text[:40]}'", length, context))


def too_long(what: str, length: int, context: int, room: int = 0) -> str:
    """The sentence for what is longer than a model's context."""
    answer = f" and {room} for its answer" if room else ""
    return (
        f"{what} needs {length} tokens{answer}, and the model's context holds {context}: shorten it, or use a model "
        "with a longer context."
    )


def check_steerings(steerings: Iterable[Steering], layers: int, width: Callable[[Site], int]) -> None:
    """Check edits against a model of so many layers, whose sites have that last dimension.

    Raises:
        UserError: an edit names a layer or neuron the model lacks, or its numbers do not fit the site.
    """
    for steering in {s.edits_key: s for s in steerings}.values():
        for edit in steering.edits:
            if not 0 <= edit.layer < layers:
                raise UserError(
                    f"The steering edits layer {edit.layer}, but the model has layers 0 to {layers - 1}: "
                    "it was fitted on another model."
                )
            _check_numbers(edit, width(site_of(edit)))


def _check_numbers(edit: Edit, dim: int) -> None:
    where = f"at {site_of(edit)} of layer {edit.layer}"
    if isinstance(edit, Add):
        if edit.vector.shape[-1:] != (dim,):
            given = edit.vector.shape[-1] if edit.vector.ndim else 1
            raise UserError(
                f"The steering adds {given} numbers {where}, where this model has {dim}: "
                "it was fitted on another model."
            )
        front = edit.positions.front if edit.positions.kind == "front" else None
        if edit.vector.shape[:-1] not in ((), (front,)):
            raise UserError(
                f"The steering adds a {'x'.join(map(str, edit.vector.shape))} array {where} to positions "
                f"{edit.positions}; give one row, or one row for each of the front positions."
            )
        return
    if edit.neurons.size and not 0 <= edit.neurons.min() <= edit.neurons.max() < dim:
        raise UserError(
            f"The steering edits neurons {edit.neurons.min()} to {edit.neurons.max()} {where}, where this model has "
            f"{dim}: it was fitted on another model."
        )
    if isinstance(edit, Cap) and edit.positions.kind == "front":
        raise UserError("A cap on the first tokens of a prompt is not supported; use positions all or decode.")
    if isinstance(edit, Boost) and not 0 < edit.kept <= 1:
        raise UserError(
            f"A boost {where} keeps a share of {edit.kept:g} of its neurons; it must be over 0 and at most 1."
        )
    if isinstance(edit, Boost) and edit.kept < 1 and edit.positions.kind == "front":
        raise UserError("A boost that keeps a share of its neurons cannot act on the first tokens of a prompt only.")


def check_counted(completions: Iterable[Completion]) -> None:
    """Raises UserError: an answer overflowed, and what neurons did in it are no numbers."""
    overflowed = sum(one.overflowed for one in completions)
    if overflowed:
        raise UserError(
            f"Neurons cannot be counted: the model's numbers overflowed in {overflowed} of the answers; weaken the "
            "steering, or give --dtype float32."
        )
