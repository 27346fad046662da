"""What a board says, in sentences for somebody who has never seen one: its control, its methods, the next command."""

from collections.abc import Iterator

from steerbench.contracts.roles import PLACEBO
from steerbench.models.registry import DEFAULT, models
from steerbench.records.results import RunResult
from steerbench.records.standing import MOVES, Standing


def conclusion(result: RunResult) -> str:
    """One paragraph; "" where no method was tested."""
    standings = {name: row.standing for name, row in result.methods.items() if row.standing is not None}
    if not any(row.comparisons for row in result.methods.values()):
        return ""
    methods = [f"{name}{_did(standing, result)}" for name, standing in standings.items()]
    return " ".join([*_control(result), *methods])


def _control(result: RunResult) -> Iterator[str]:
    asked = [name for name in result.controls if name in result.methods]
    states = {row.standing.state for row in result.methods.values() if row.standing is not None}
    if asked and "tested" in states and "cannot tell" not in states:  # of too few units nothing was said either way
        yield f"The control ({asked[0]}) is detected: this board can measure an effect on this model."
    elif not asked and result.controls:
        added = result.controls[0]
        yield f"No control shows whether this board can measure an effect on this model: add {added} to --method."


def _did(standing: Standing, result: RunResult) -> str:
    """What a method did, as the end of a sentence that begins with its name."""
    if standing.state != "tested" or standing.measures_cost:
        return f": {standing.words}."
    if standing.moves:
        return " moves the model: it beats the unsteered model and a random edit of the same size."
    roles = {name: row.role for name, row in result.methods.items()}
    rest = [name for name in standing.not_better if roles.get(name) in MOVES]
    if not rest:
        return " was not compared with the unsteered model."
    if [roles[name] for name in rest] == [PLACEBO]:
        return f" is better than unsteered, but not better than {rest[0]}, a random edit of the same size."
    return f" has no effect that this board can detect: it is not significantly better than {' or '.join(rest)}."


def next_steps(result: RunResult) -> list[str]:
    """Where to go from the model that is for trying things out: lines whose commands are never broken."""
    larger = [name for name in models() if name != DEFAULT]
    tested = any(row.comparisons for row in result.methods.values())
    if not tested or not larger or (result.plan.model or DEFAULT) != DEFAULT:
        return []
    return [
        f"{DEFAULT} is for trying things out. Next, see what can be measured on it:",
        "  steerbench controls",
        f"then the same run with --model {larger[0]}, a model that follows prompts:",
        f"  steerbench model fetch {larger[0]}",
    ]
