"""A list of answered statements, as a model continues it: how an answer is read off likelihoods, and learned from.

Tasks ask in this form and methods learn in it, so that a direction is found where it is later looked for.
"""

from collections.abc import Sequence

from steerbench.contracts import Prompt
from steerbench.contracts.steering import UNSTEERED, PromptChange
from steerbench.contracts.targets import LABELS, Answer, Item

HEADING = "A list of statements, each with how accurately it describes you:"
NEUTRAL = tuple(Item("neutral", text, text) for text in ("N/A", "Statement", ""))
"""What stands for no statement at all: what is said after it is said whatever is asked."""


def list_prompt(item: Item, change: PromptChange = UNSTEERED.prompt, heading: str = HEADING) -> Prompt:
    """The list up to the statement's colon: a steering's own words, the heading, the answers it shows, the statement.

    A steering that shows no answers gets the same text with an empty list.
    """
    opening = f"{change.system}\n\n{heading}" if change.system else heading
    return Prompt(start=f"{opening} " + "; ".join([*entries(change.shown), f"{item.bare}:"]))


def entries(shown: Sequence[Answer]) -> list[str]:
    return [f"{answer.item.bare}: {LABELS[answer.tick]}" for answer in shown]


def option(tick: int) -> str:
    """The text of an answer behind the colon."""
    return f" {LABELS[tick]}"
