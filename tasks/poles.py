"""The poles that a task is asked to steer to, and the statements that tell of them."""

from collections.abc import Sequence

from steerbench.errors import UserError
from steerbench.targets import TRAITS, Blend, Item, TraitPole, target_named
from tasks.papi.sample.reader import read_items


def statements() -> Sequence[Item]:
    """The statements a pole is told by: those of the embedded inventory."""
    return [item for item, _ in read_items()]


def poles_named(names: str | None, told: Sequence[Item], where: str) -> list[TraitPole | Blend]:
    """The poles and blends in a list with commas, each once; all ten poles if None.

    Raises:
        UserError: there is none in it, or none of that name; `where` is the parameter it came by.
    """
    if names is None:
        wanted = [f"{trait}{end}" for trait in TRAITS for end in "+-"]
    else:
        wanted = [name.strip() for name in names.split(",") if name.strip()]
    if not wanted:
        raise UserError(f"{where} names no pole; write for example extraversion+,neuroticism-.")
    found = [target_named(name, told) for name in wanted]
    return list({target.id: target for target in found}.values())
