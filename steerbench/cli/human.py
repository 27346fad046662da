"""`steerbench human`: a page on which people put blinded answers in order, and what came of it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from steerbench.cli.options import Seed, run_folders
from steerbench.errors import UserError, counted

app = typer.Typer(help="Have people judge answers blindly.", no_args_is_help=True)


class Mode(StrEnum):
    RANK = "rank"
    COMPARE = "compare"


@app.command("export")
def export_command(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="The folders of runs.", show_default=False, callback=run_folders),
    ],
    out: Annotated[Path, typer.Option(help="The page to write; its key is written beside it.", dir_okay=False)],
    questions: Annotated[
        int | None, typer.Option(metavar="N", help="The number of questions.", min=1, show_default="all")
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Methods whose answers are shown, separated by commas.",
            show_default="all methods, and unsteered",
        ),
    ] = None,
    mode: Annotated[Mode, typer.Option(help="Rank all answers, or compare two at a time.")] = Mode.RANK,
    seed: Seed = 0,
) -> None:
    """Write a page of blinded answers for people to judge, and its key."""
    from steerbench.cli.parameters import comma_separated
    from steerbench.human.page import render
    from steerbench.human.sources import read_sources
    from steerbench.human.study import make_study, write_key
    from steerbench.storage.files import understandable, write_whole

    if out.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--out {out} is not an HTML file name; give one such as study.html.")
    wanted = comma_separated("--methods", [methods] if methods else [])
    study = make_study(read_sources(runs, wanted), questions, mode.value, seed)
    key = out.with_name(f"{out.stem}-key.json")
    write_key(study.key, key)
    with understandable(out):
        write_whole(out, render(study.page))
    asked = f"{counted(len(study.key.questions), 'questions')}, {counted(study.key.screens, 'decisions')}"
    print(f"{out}: answers of {', '.join(study.key.methods)}; {asked}. Send it to people.")
    print(f"{key}: whose answer is whose. Keep it to yourself.")


@app.command("import")
def import_command(
    key: Annotated[Path, typer.Argument(help="The study's key.", show_default=False)],
    answers: Annotated[
        list[Path], typer.Argument(metavar="ANSWERS...", help="The files that people saved.", show_default=False)
    ],
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Report how people ranked the methods, and how far they agree."""
    from steerbench.cli.human_table import show
    from steerbench.human.findings import find
    from steerbench.human.responses import read_responses
    from steerbench.human.study import read_key

    opened = read_key(key)
    findings = find(opened, read_responses(opened, answers))
    if json:
        print(findings.model_dump_json(indent=1))
    else:
        show(findings)
