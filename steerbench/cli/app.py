"""The `steerbench` command: gathers the commands and says errors the way a user can read them, in one sentence.

Commands import what they need when they are called, so that help and lists come at once.
"""

import os
from typing import Annotated, Any

import typer
from rich.text import Text

from steerbench import __version__
from steerbench.api.screen import console as screen
from steerbench.cli import bench, data, human, judge, model, new
from steerbench.cli.chat import chat_command
from steerbench.cli.commands import Commands
from steerbench.cli.compare import compare_command
from steerbench.cli.controls import controls_command
from steerbench.cli.fit import fit_command
from steerbench.cli.list import list_command
from steerbench.cli.lm_eval import lm_eval_command
from steerbench.cli.power import power_command
from steerbench.cli.publish import publish_command
from steerbench.cli.report import report_command
from steerbench.cli.run import run_command
from steerbench.cli.serve import serve_command
from steerbench.cli.show import export_command, show_command
from steerbench.cli.suite import suite_command
from steerbench.cli.sweep import sweep_command
from steerbench.cli.tradeoff import tradeoff_command
from steerbench.errors import UserError

app = typer.Typer(
    cls=Commands,
    help="A comparative benchmark suite for steering language models' personality.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"steerbench {__version__}")
        raise typer.Exit


@app.callback()
def _before_any_command(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_say_version, is_eager=True),
    ] = False,
) -> None:
    pass


app.command("run")(run_command)
app.command("controls")(controls_command)
app.command("sweep")(sweep_command)
app.command("tradeoff")(tradeoff_command)
app.command("suite")(suite_command)
app.command("list")(list_command)
app.command("power")(power_command)
app.command("show")(show_command)
app.command("compare")(compare_command)
app.command("export")(export_command)
app.command("report")(report_command)
app.command("publish")(publish_command)
app.command("fit")(fit_command)
app.command("chat")(chat_command)
app.command("serve", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(serve_command)
app.command(
    "lm-eval", context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)(lm_eval_command)
app.command("rejudge")(judge.rejudge_command)
app.add_typer(bench.app, name="bench")
app.add_typer(judge.app, name="judge")
app.add_typer(human.app, name="human")
app.add_typer(data.app, name="data")
app.add_typer(model.app, name="model")
app.add_typer(new.app, name="new")


WRONG = 2
"""Exit code of a mistake that the user can mend."""


def main() -> int:
    """Run the command that this process was started with; its exit code."""
    if os.environ.get("NO_COLOR"):
        # typer's help would keep bold and dim text, which are escape codes too.
        from typer import rich_utils

        rich_utils.COLOR_SYSTEM = None
    try:
        ended = app(prog_name="steerbench", standalone_mode=False)
    except UserError as error:
        return _refused(str(error))
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except OSError as error:
        # Whatever a command expects of a file it says itself; this is for the rest, as a name of 5,000 letters.
        if error.filename is None:
            raise
        return _refused(f"{str(error.filename)[:200]} cannot be used ({error.strerror}); name another file or folder.")
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return _misused(error)
    return ended if isinstance(ended, int) else 0


def _misused(error: Any) -> int:
    """What typer refuses. By version its exceptions are its own or click's, and not all are named in `typer`."""
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.ctx.get_help())
        return WRONG
    sentence = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "steerbench"
    return _refused(f"{sentence}; {where} --help says what it takes.")


def _refused(sentence: str) -> int:
    message = Text.assemble(("error: ", "bold red"), sentence)
    screen(stderr=True).print(message, soft_wrap=True)
    return WRONG
