"""How the project and a single run are cited, as BibTeX. Names in a run are anybody's, and stay text."""

from steerbench import __version__
from steerbench.publishing.schema import Published

TITLE = "SteerBench: a benchmark suite for steering personality"
AUTHORS = "The SteerBench authors"
LONGEST = 1000
"""Characters of a run's command in its entry."""

_SPECIAL = {
    "\\": r"\textbackslash{}",
    # Not \{ and \}: BibTeX counts braces, also those behind a backslash.
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{mark: f"\\{mark}" for mark in "%&#$_"},
}


def escaped(text: str) -> str:
    """As BibTeX and LaTeX print it literally; what is no printable character becomes a space."""
    plain = "".join(mark if mark.isprintable() else " " for mark in text)
    # Two hyphens would be set as one dash.
    return "".join(_SPECIAL.get(mark, mark) for mark in plain).replace("--", "-{}-")


def of_project() -> str:
    """The project in the version that builds the site."""
    return _entry("software", "steerbench", _title(TITLE) | {"version": __version__})


def of_run(run: Published) -> str:
    """A run: its note has what finds it again and what makes it again."""
    command = run.command if len(run.command) <= LONGEST else f"{run.command[: LONGEST - 3]}..."
    found = _title(f"SteerBench run: {run.plan.task[:200]} with {run.model[:200] or 'no model'}")
    note = f"Run {escaped(run.id)}, digest {run.digest}, made by: {escaped(command)}"
    return _entry("misc", f"steerbench-{run.id}", found | {"note": note})


def _title(text: str) -> dict[str, str]:
    # Second braces keep capitals, and the authors one name.
    return {"author": f"{{{escaped(AUTHORS)}}}", "title": f"{{{escaped(text)}}}"}


def _entry(kind: str, key: str, fields: dict[str, str]) -> str:
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])
