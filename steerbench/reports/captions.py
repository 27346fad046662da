"""The caption line above every table, and the notes by which its numbers can be traced to their runs."""

from collections.abc import Sequence

from steerbench.errors import counted
from steerbench.records.results import RunResult, headline
from steerbench.reports.groups import RunGroup
from steerbench.reports.source import ReportSource
from steerbench.reports.text import name

TRACED_BY = ("weights", "judges", "steerbench", "digest")
"""Facts that lead from a number to the run behind it, and are too long for a caption."""


def caption_line(sources: Sequence[ReportSource], of: str = "", better: str = "") -> str:
    """What the runs of a table have in common: task, dataset, model, n, seed, engine, date, and what is better.

    Facts in which the runs differ are left out; a column, or a note for each run, has them. `of` says what a table
    shows where it is not a board. `better` says which numbers are better where it is not the headline's.
    """
    return ", ".join(caption_facts(sources, of, better))


def caption_facts(sources: Sequence[ReportSource], of: str = "", better: str = "") -> list[str]:
    """The parts of `caption_line`; a terminal that is narrower than the line breaks it between them."""
    told = [_facts(source) | ({"better": better} if better else {}) for source in sources]
    if not told:
        return [words for words in (of, better) if words]
    shared = [words for name, words in told[0].items() if all(other.get(name) == words for other in told)]
    return [f"{of}: {shared[0]}", *shared[1:]] if of and shared else [of, *shared] if of else shared


def _facts(source: ReportSource) -> dict[str, str]:
    facts, result = source.facts(), source.result
    told: dict[str, str] = {
        "task": f"{source.task} on the dataset {source.dataset}" if source.dataset else source.task,
        "protocol": f"{result.plan.protocol} protocol",
        **{fact: facts[fact] for fact in ("framing", "model") if fact in facts},
        "n": sample_size(result),
        **{fact: facts[fact] for fact in ("seed", "engine", "dtype") if fact in facts},
        "date": result.timings.date,
        "better": f"{'higher' if result.higher_is_better else 'lower'} {name(headline(result))} is better",
    }
    return {fact: words for fact, words in told.items() if words}


def sample_size(result: RunResult) -> str:
    """How many units intervals are over, and how many targets where these are not the units."""
    named = headline(result)
    units = max((row.metrics[named].n for row in result.methods.values() if named in row.metrics), default=0)
    if units in (0, result.targets):
        return f"n = {counted(result.targets, result.over if units else 'targets')}"
    return f"{counted(result.targets, 'targets')}, n = {counted(units, result.over)}"


def caption(group: RunGroup, of: str = "") -> str:
    """A report's caption: the caption line, and what stands in brackets."""
    return f"{caption_line(group.sources, of)}. 95 % intervals over {group.sources[0].result.over} in brackets."


def traces(group: RunGroup) -> list[str]:
    """By run, the facts that the caption does not tell: what identifies it, and how it differs from the others."""
    shown = _shared(group)
    lines = []
    for source, label in zip(group.sources, group.labels, strict=True):
        facts = source.facts()
        own = [words for name, words in facts.items() if name in TRACED_BY or name not in shown]
        lines.append(f"{label + ': ' if label else 'Run: '}{', '.join(own)}.")
    return lines


def _shared(group: RunGroup) -> set[str]:
    """Names of the facts that are the same of every run."""
    facts = [source.facts() for source in group.sources]
    return {name for name in facts[0] if len({each.get(name) for each in facts}) == 1}


def deviations(group: RunGroup) -> list[str]:
    """How runs deviate from the strict protocol, said once where it is true of all."""
    found: dict[str, list[str]] = {}
    for source, label in zip(group.sources, group.labels, strict=True):
        found.setdefault("; ".join(source.result.deviations), []).append(label)
    return [
        f"Not strict{'' if len(where) == len(group.sources) else ' (' + ', '.join(where) + ')'}: {words}."
        for words, where in found.items()
        if words
    ]
