"""The poles that a task steers to, and the statements that describe them."""

from collections.abc import Sequence

from steerbench.bank.statements import read_statements
from steerbench.contracts.targets import TRAITS, Blend, Item, Respondent, Target, TraitPole, target_named
from steerbench.errors import UserError


def statements() -> Sequence[Item]:
    """The statements that describe poles: those of the embedded inventory."""
    return [item for item, _ in read_statements()]


def poles_named(names: str | None, told: Sequence[Item], where: str) -> list[TraitPole | Blend]:
    """The poles and blends in a comma-separated list; all ten poles if None.

    `where` is the name of the parameter, for error messages.

    Raises:
        UserError: the list is empty, has an empty or unknown name, or has one twice.
    """
    if names is None:
        wanted = [f"{trait}{end}" for trait in TRAITS for end in "+-"]
    else:
        wanted = [name.strip() for name in names.split(",")]
    if not all(wanted):
        raise UserError(f"{where} is empty or has an empty entry; write for example extraversion+,neuroticism-.")
    found = [target_named(name, told) for name in wanted]
    ids = [target.id for target in found]
    if twice := [one for place, one in enumerate(ids) if one in ids[:place]]:
        raise UserError(f"{where} names {twice[0]} twice; leave one out.")
    return found


def ends(target: Target, task: str) -> dict[str, bool]:
    """The traits that a target is steered on; True for the high end.

    `task` is the name of the task, for error messages.

    Raises:
        UserError: the target is a respondent.
    """
    if isinstance(target, Respondent):
        raise UserError(f"{task} measures poles of traits, not respondents.")
    poles = target.poles if isinstance(target, Blend) else (target,)
    return {pole.trait: pole.high for pole in poles}
