"""What stands above and below a table, so that each of its numbers can be traced to a run."""

from steerbench.reports.groups import RunGroup


def caption(group: RunGroup, of: str) -> str:
    first = group.sources[0]
    task = f"{first.task} on the dataset {first.dataset}" if first.dataset else first.task
    title = f"{task}, {first.result.plan.protocol} protocol{': ' + of if of else ''}"
    better = "higher" if first.result.higher_is_better else "lower"
    shared = _shared(group)
    facts = ", ".join(words for name, words in first.facts().items() if name in shared)
    reading = f"The {better} the {group.headline} the better; 95 % intervals over {first.result.over} in brackets."
    return f"{title}. {facts[:1].upper()}{facts[1:]}. {reading}"


def _shared(group: RunGroup) -> set[str]:
    """Names of the facts that are the same of every run."""
    facts = [source.facts() for source in group.sources]
    return {name for name in facts[0] if len({each.get(name) for each in facts}) == 1}


def each_run(group: RunGroup) -> list[str]:
    """By run, the facts that are not in the caption."""
    if len(group.sources) == 1:
        return []
    shared = _shared(group)
    return [
        f"{label}: {', '.join(words for name, words in source.facts().items() if name not in shared)}."
        for source, label in zip(group.sources, group.labels, strict=True)
    ]


def deviations(group: RunGroup) -> list[str]:
    """How runs are not strict ones, said once where it is true of all."""
    found: dict[str, list[str]] = {}
    for source, label in zip(group.sources, group.labels, strict=True):
        found.setdefault("; ".join(source.result.deviations), []).append(label)
    return [
        f"Not strict{'' if len(where) == len(group.sources) else ' (' + ', '.join(where) + ')'}: {words}."
        for words, where in found.items()
        if words
    ]
