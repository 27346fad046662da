"""The page that says what the boards mean. Its lists are tested against the tasks, its figures against a command."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from leaderboard.bands import BANDS
from leaderboard.citation import of_project
from leaderboard.frame import File, Page
from leaderboard.site import Site
from steerbench.contracts import Role
from steerbench.contracts.flags import FlagKind
from steerbench.records.flags import all_kinds


@dataclass(frozen=True)
class Word:
    """A word of standings, and what it means."""

    words: str
    meaning: str


STANDINGS = (
    Word("moves the model", "beats the unsteered model and the placebo, which is an edit of the same size at random"),
    Word("beats constants", "beats every answer that knows nothing of the target"),
    Word("beats the reference", "beats everything that statistics make of what the target shows, without a model"),
    Word("not better than …", "not shown to beat these rows; a larger run might show it"),
    Word("worse than …", "loses more than these rows, after Holm's correction"),
    Word("off", "calibration chose strength 0 for every target: the method was not used"),
    Word("too few …", "fewer than 6 people, questions or problems: no difference can be significant"),
    Word(
        "cannot tell",
        "nothing can be judged here: the control fails, so that the instrument reads nobody; or the unsteered model is "
        "so bad that there is nothing to lose; or the readout says one thing to everything, with it and without",
    ),
    Word(
        "no loss found",
        "on boards that ask what steering spoils: not shown to be worse than unsteered. In brackets stands the loss "
        "that four of five such runs would have found; a smaller one may be there",
    ),
    Word("not tested", "the run has no row to compare with"),
)


@dataclass(frozen=True)
class Figures:
    """The error of a row that needs no model on the two inventories, over all 300 people of each."""

    row: str
    role: Role
    says: str
    papi: float
    dark_triad: float


FIGURES = (
    Figures("ceiling", "ceiling", "what 120 answers allow, learnt from other people", 1.92, 1.69),
    Figures("additive", "reference", "other people's mean, moved by the person's own deviation", 2.37, 1.81),
    Figures("facet-mean", "reference", "the person's own mean on the facet, rounded", 2.72, 2.11),
    Figures("trait-mean", "reference", "the person's own mean on the trait, rounded", 2.86, 2.11),
    Figures("item-median", "constant", "what the other people's median is", 2.89, 2.58),
    Figures("always-3", "constant", "“Neither Accurate Nor Inaccurate”", 3.79, 3.21),
    Figures("always-4", "constant", "“Moderately Accurate”", 4.97, 3.25),
    Figures("always-2", "constant", "“Moderately Inaccurate”", 5.92, 4.31),
    Figures("always-5", "constant", "“Very Accurate”", 9.51, 5.19),
    Figures("always-1", "constant", "“Very Inaccurate”", 10.49, 6.81),
)
"""Best first on PAPI; the Dark Triad has no facets. A row more is a line more: the commands name all of them."""
FIGURES_COMMAND = "steerbench run --task {task} --method {rows} --no-trivial"
TASKS = {"papi": "papi --dataset papi-300", "dark_triad": "papi-dark-triad"}

EXAMPLES = {
    "plain": "The placebo is random-direction: an edit as strong as the method's, without meaning.",
    "constants": "On inventories always the same answer, and the item's median over other people; on open questions "
    "echo, which repeats the question.",
    "references": "On inventories what a person's shown answers say of the others; on open questions fixed-text, "
    "which lists the pole's adjectives.",
}
"""Of each band of a board, what stands there."""

CONTENTS = {
    "rows": "What the rows say",
    "protocols": "Two protocols",
    "measured": "What is measured",
    "sure": "How sure a number is",
    "beside": "What methods are compared with",
    "flags": "Flags",
    "submit": "Submit a run",
    "withheld": "What is withheld",
    "cite": "Cite",
}


def command(task: str) -> str:
    """What makes the figures of one inventory."""
    return FIGURES_COMMAND.format(task=TASKS[task], rows=",".join(found.row for found in FIGURES))


def blank(kind: FlagKind) -> str:
    """The words of a kind of flag, with … where a number or name stands."""
    return re.sub(r"\{[^}]*\}", "…", kind.words)


def files(site: Site) -> Iterator[File]:
    values = {
        "contents": CONTENTS,
        "standings": STANDINGS,
        "flags": [(blank(kind), kind) for kind in all_kinds().values()],
        "bands": BANDS,
        "examples": EXAMPLES,
        "figures": FIGURES,
        "commands": {task: command(task) for task in TASKS},
        "bibtex": of_project(),
        "glossary": site.glossary,
    }
    yield Page("about.html", "about.html", "About", values).file()
