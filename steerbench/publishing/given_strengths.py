"""Reads `--strengths-from`: the strengths and wordings of a finished or published run."""

from pathlib import Path

from steerbench.publishing.schema import PUBLISHED, read_published
from steerbench.records.results import read_result
from steerbench.running.strengths import FrozenChoices, chosen_in


def strengths_in(folder: Path) -> FrozenChoices:
    """The strengths in a run's folder. A published run with given strengths passes these on, so its command repeats it.

    Raises:
        UserError: the folder has no readable run.
    """
    if (folder / PUBLISHED).exists():
        published = read_published(folder)
        plan = published.plan
        return FrozenChoices(plan.strengths, plan.wordings) if plan.strengths else chosen_in(published.methods)
    return chosen_in(read_result(folder).methods)
