"""`steerbench lm-eval`: lm-evaluation-harness's own command, which has no door for models of others."""

import sys
from collections.abc import Sequence

import typer

from steerbench.errors import UserError, installing

NO_TASK = "Tasks not found:"
"""How the harness begins to say that a task is none of its own."""
ITS_OWN = ("run", "ls", "validate", "-h", "--help")


def lm_eval_command(context: typer.Context) -> None:
    """Run lm-evaluation-harness on a steered model.

    steerbench lm-eval --model_args model=NAME,steering=FILE,strength=4 --tasks hellaswag
    """
    from steerbench.cli.startup import quick

    with quick():
        try:
            from lm_eval.__main__ import cli_evaluate

            import steerbench.bridges.lm_eval  # noqa: F401
        except ImportError as error:
            raise UserError(f"lm-evaluation-harness cannot be imported ({error}): {installing('harness')}.") from None
    before, sys.argv = sys.argv, ["lm-eval", *arguments(context.args)]
    try:
        cli_evaluate()
    except ValueError as error:
        if not str(error).startswith(NO_TASK):
            raise
        named = str(error).removeprefix(NO_TASK).strip()
        raise UserError(
            f"lm-evaluation-harness has no task '{named}'; `steerbench lm-eval ls tasks` lists those it has."
        ) from error
    finally:
        sys.argv = before


def arguments(given: Sequence[str]) -> list[str]:
    """The harness's arguments: `run`, and our model unless the user or a configuration names one."""
    if (given and given[0] in ITS_OWN[1:]) or not given:
        return list(given)
    rest = list(given[1:] if given[0] == "run" else given)
    if any(one.split("=")[0] in ("--config", "-C") for one in rest):
        return ["run", *rest]
    return ["run", "--model", "steerbench", *rest]
