"""Other forms of the same statements: options in other orders, and the question in other words.

A part of an answer that is due to the form, and not to the model's personality, changes with it (`--robust`). TRAIT
(Lee et al. 2024) asks in reversed orders and several wordings, too. `label` and `contextual` show no options, so these
have no order there.
"""

from collections.abc import Iterable, Mapping

from steerbench.contracts.targets import Item, OtherForm
from tasks.papi.readouts import ORDER, READOUTS, Readout, ReadoutFrame

FRAMES: Mapping[str, ReadoutFrame] = {
    "frame-2": ReadoutFrame(
        heading="Your answers to a questionnaire; beside each sentence, whether it is accurate of you:",
        system="You fill in a questionnaire about who you are. You are honest, and say no more than you are asked.",
        known="You have already filled in this part of it.",
        question="Here is a statement about you: {statement}\nChoose how accurate it is.\n{options}",
    ),
    "frame-3": ReadoutFrame(
        heading="Sentences about me, and to what degree each one is accurate:",
        system="Speak for yourself and keep it short.",
        known="What you said of yourself before:",
        question="{statement}\nTo what degree is that accurate of you? Pick one of these.\n{options}",
    ),
}
ORDERS: Mapping[str, tuple[int, ...]] = {"reversed": ORDER[::-1], "rotated": ORDER[2:] + ORDER[:2]}
MARK = "~"
"""Separates an item's id from its form."""


def forms_of(readout: str) -> dict[str, Readout]:
    """All other forms of a readout, by name."""
    made = READOUTS[readout]
    orders = {} if readout in ("label", "contextual") else {name: made(order=order) for name, order in ORDERS.items()}
    return orders | {name: made(frame=frame) for name, frame in FRAMES.items()}


def in_forms(items: Iterable[Item], forms: Iterable[str]) -> list[Item]:
    """The items, followed by all of them in every form."""
    listed = list(items)
    return listed + [
        OtherForm(**vars(item) | {"id": f"{item.id}{MARK}{form}", "form": form}) for form in forms for item in listed
    ]


def asked_in(item: str) -> tuple[str, str]:
    """An item's own id and its form; "" for the usual form."""
    own, _, form = item.partition(MARK)
    return own, form
