"""A list of answered statements as a prompt: the model's answer is read from likelihoods of the next entry.

Tasks ask in this form and methods learn directions in it, so that directions fit the readout.
"""

from collections.abc import Sequence

from steerbench.contracts import Prompt
from steerbench.contracts.steering import UNSTEERED, PromptChange
from steerbench.contracts.targets import LABELS, Answer, Item

HEADING = "A list of statements, each with how accurately it describes you:"
NEUTRAL = tuple(Item("neutral", text, text) for text in ("N/A", "Statement", ""))
"""Statements without content: what the model answers after them, it answers whatever is asked."""


def list_prompt(item: Item, change: PromptChange = UNSTEERED.prompt, heading: str = HEADING) -> Prompt:
    """The list up to the statement's colon: the steering's system text, the heading, its shown answers, the statement.

    A steering without shown answers gets the same text with an empty list.
    """
    opening = f"{change.system}\n\n{heading}" if change.system else heading
    return Prompt(start=f"{opening} " + "; ".join([*entries(change.shown), f"{item.bare}:"]))


def entries(shown: Sequence[Answer]) -> list[str]:
    return [f"{answer.item.bare}: {LABELS[answer.tick]}" for answer in shown]


def option(tick: int) -> str:
    """The text of an answer after the colon."""
    return f" {LABELS[tick]}"
