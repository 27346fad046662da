"""What a reader chose to see of runs: which rows, in which order and under which names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from steerbench.errors import UserError, unknown
from steerbench.records.results import ComparisonRecord, MethodResult, RunResult
from steerbench.reports.source import ReportSource

LABEL = re.compile(r"[A-Za-z0-9:._-]+")


@dataclass(frozen=True)
class Choice:
    """How tables differ from what a run has. Empty values leave everything as it is.

    `rows` are shown in this order, and no others. `names` gives rows other names. `caption` and `label` are for the
    only table. `bold` sets the best method of each column of the headline in bold.
    """

    rows: Sequence[str] = ()
    trivial: bool = True
    names: Mapping[str, str] = field(default_factory=dict)
    caption: str = ""
    label: str = ""
    bold: bool = False


EVERYTHING = Choice()


def refuse_meaningless(choice: Choice, form: str) -> None:
    """Raises UserError: something was chosen that this format cannot show."""
    if choice.label and form not in ("latex", "html"):
        raise UserError("--label is for LaTeX and HTML; tables in other formats have no labels: leave it out.")
    if choice.label and not LABEL.fullmatch(choice.label):
        raise UserError(f"--label {choice.label!r} must consist of letters, digits and : . _ -, as in tab:papi.")
    if choice.bold and form == "text":
        raise UserError("--bold is for Markdown, HTML and LaTeX; plain text has no bold: leave it out.")


def chosen(sources: Sequence[ReportSource], choice: Choice) -> list[ReportSource]:
    """The runs with the rows that were chosen, under their names.

    Raises:
        UserError: a row does not exist, or is both asked for and left out; or two rows would have one name.
    """
    known = {name: row for source in sources for name, row in source.result.methods.items()}
    for name in (*choice.rows, *choice.names):
        if name not in known:
            raise UserError(unknown("row in these runs called", name, known))
    left_out = [name for name in choice.rows if known[name].trivial and not choice.trivial]
    if left_out:
        raise UserError(
            f"--rows names '{left_out[0]}', a trivial row, which --no-trivial leaves out; drop one of them."
        )
    return [replace(source, result=_shown(source.result, choice)) for source in sources]


def _shown(result: RunResult, choice: Choice) -> RunResult:
    order = [name for name in choice.rows or result.methods if name in result.methods]
    kept = [name for name in order if choice.trivial or not result.methods[name].trivial]
    if not kept:
        raise UserError(
            "A run has none of the rows that were asked for; name others with --rows, or leave the run out."
        )
    new = {name: choice.names.get(name, name) for name in result.methods}
    shown = [new[name] for name in kept]
    if twice := [name for place, name in enumerate(shown) if name in shown[:place]]:
        raise UserError(f"Two rows would be called '{twice[0]}'; give them different names with --names.")
    return result.model_copy(update={"methods": {new[name]: _renamed(result.methods[name], new) for name in kept}})


def _renamed(row: MethodResult, new: Mapping[str, str]) -> MethodResult:
    """A row that calls the rows it was compared with by their new names."""

    def renamed(names: Sequence[str]) -> list[str]:
        return [new.get(name, name) for name in names]

    def compared(test: ComparisonRecord) -> ComparisonRecord:
        return test.model_copy(update={"against": new.get(test.against, test.against)})

    standing = row.standing
    if standing is not None:
        lists = {"not_better": renamed(standing.not_better), "worse": renamed(standing.worse)}
        standing = standing.model_copy(update=lists)
    return row.model_copy(update={"standing": standing, "comparisons": list(map(compared, row.comparisons))})
