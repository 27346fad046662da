"""The poles that a task is asked to steer to, and the statements that tell of them."""

from collections.abc import Sequence

from steerbench.bank.statements import read_statements
from steerbench.contracts.targets import TRAITS, Blend, Item, Respondent, Target, TraitPole, target_named
from steerbench.errors import UserError


def statements() -> Sequence[Item]:
    """The statements a pole is told by: those of the embedded inventory."""
    return [item for item, _ in read_statements()]


def poles_named(names: str | None, told: Sequence[Item], where: str) -> list[TraitPole | Blend]:
    """The poles and blends in a list with commas; all ten poles if None.

    Raises:
        UserError: there is none in it, none of that name, or one twice; `where` is the parameter it came by.
    """
    if names is None:
        wanted = [f"{trait}{end}" for trait in TRAITS for end in "+-"]
    else:
        wanted = [name.strip() for name in names.split(",")]
    if not all(wanted):
        raise UserError(f"{where} names no pole, or none at a comma; write for example extraversion+,neuroticism-.")
    found = [target_named(name, told) for name in wanted]
    ids = [target.id for target in found]
    if twice := [one for place, one in enumerate(ids) if one in ids[:place]]:
        raise UserError(f"{where} names {twice[0]} twice; leave one out.")
    return found


def ends(target: Target, task: str) -> dict[str, bool]:
    """By trait that a target is steered on, whether to its high end.

    Raises:
        UserError: it is a person; `task` is who measures poles.
    """
    if isinstance(target, Respondent):
        raise UserError(f"{task} measures poles of traits, and no respondents.")
    poles = target.poles if isinstance(target, Blend) else (target,)
    return {pole.trait: pole.high for pole in poles}
