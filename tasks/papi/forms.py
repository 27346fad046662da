"""Other forms of the same statements: the options in other orders, and the question in other words.

What an answer owes to the form and not to the model's personality changes with it (`--robust`; TRAIT, Lee et al. 2024,
asks in reversed orders and in several wordings). `label` and `contextual` show no options, which have no order there.
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
"""Between an item's id and the form that it is asked in."""


def forms_of(readout: str) -> dict[str, Readout]:
    """By its name, every other form that a readout can ask in."""
    made = READOUTS[readout]
    orders = {} if readout in ("label", "contextual") else {name: made(order=order) for name, order in ORDERS.items()}
    return orders | {name: made(frame=frame) for name, frame in FRAMES.items()}


def in_forms(items: Iterable[Item], forms: Iterable[str]) -> list[Item]:
    """The items, then all of them again in every form."""
    listed = list(items)
    return listed + [
        OtherForm(**vars(item) | {"id": f"{item.id}{MARK}{form}", "form": form}) for form in forms for item in listed
    ]


def asked_in(item: str) -> tuple[str, str]:
    """The id of the item itself, and the form that it is asked in; "" if in the usual one."""
    own, _, form = item.partition(MARK)
    return own, form
