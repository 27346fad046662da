"""What `--strengths-from` reads: the strengths and wordings of a finished run, or of a published one."""

from pathlib import Path

from steerbench.publishing.schema import PUBLISHED, read_published
from steerbench.records.results import read_result
from steerbench.running.strengths import FrozenChoices, chosen_in


def strengths_in(folder: Path) -> FrozenChoices:
    """A published run that was given strengths itself has these: so its command repeats it.

    Raises:
        UserError: the folder holds no run that can be read.
    """
    if (folder / PUBLISHED).exists():
        published = read_published(folder)
        plan = published.plan
        return FrozenChoices(plan.strengths, plan.wordings) if plan.strengths else chosen_in(published.methods)
    return chosen_in(read_result(folder).methods)
