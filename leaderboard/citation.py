"""BibTeX entries for the project and for single runs. Names in a run are untrusted and are escaped."""

from steerbench import __version__
from steerbench.publishing.schema import Published

TITLE = "SteerBench: a benchmark suite for steering personality"
AUTHORS = "The SteerBench authors"
LONGEST = 1000
"""Maximum characters of a run's command in its entry."""

_SPECIAL = {
    "\\": r"\textbackslash{}",
    # Not \{ and \}: BibTeX counts braces even after a backslash.
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{mark: f"\\{mark}" for mark in "%&#$_"},
}


def escaped(text: str) -> str:
    """Text that BibTeX and LaTeX print literally; characters that are not printable become spaces."""
    plain = "".join(mark if mark.isprintable() else " " for mark in text)
    # Two hyphens would be typeset as one dash.
    return "".join(_SPECIAL.get(mark, mark) for mark in plain).replace("--", "-{}-")


def of_project() -> str:
    """The entry of the project, with the version that builds the site."""
    return _entry("software", "steerbench", _title(TITLE) | {"version": __version__})


def of_run(run: Published) -> str:
    """The entry of a run; its note has the id, the digest and the command."""
    command = run.command if len(run.command) <= LONGEST else f"{run.command[: LONGEST - 3]}..."
    found = _title(f"SteerBench run: {run.plan.task[:200]} with {run.model[:200] or 'no model'}")
    note = f"Run {escaped(run.id)}, digest {run.digest}, made by: {escaped(command)}"
    return _entry("misc", f"steerbench-{run.id}", found | {"note": note})


def _title(text: str) -> dict[str, str]:
    # Double braces keep capitals, and keep the authors' name together.
    return {"author": f"{{{escaped(AUTHORS)}}}", "title": f"{{{escaped(text)}}}"}


def _entry(kind: str, key: str, fields: dict[str, str]) -> str:
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])
