"""The `steerbench` command: gathers the commands and says errors the way a user can read them.

Commands import what they need when they are called, so that help and lists come at once.
"""

import sys

import typer
from rich.console import Console
from rich.text import Text

from steerbench.cli import bench, data, human, judge
from steerbench.cli.chat import chat_command
from steerbench.cli.commands import Commands
from steerbench.cli.fit import fit_command
from steerbench.cli.list import list_command
from steerbench.cli.lm_eval import lm_eval_command
from steerbench.cli.publish import publish_command
from steerbench.cli.report import report_command
from steerbench.cli.run import run_command
from steerbench.cli.serve import serve_command
from steerbench.cli.show import compare_command, export_command, show_command
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
app.command("run")(run_command)
app.command("sweep")(sweep_command)
app.command("tradeoff")(tradeoff_command)
app.command("suite")(suite_command)
app.command("list")(list_command)
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


def run() -> None:
    """Run a command. A mistake the user can mend is one sentence on stderr and exit code 2."""
    try:
        app()
    except UserError as error:
        message = Text.assemble(("error: ", "bold red"), str(error))
        Console(stderr=True).print(message, soft_wrap=True)
        sys.exit(2)
