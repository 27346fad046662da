"""Rows whose answers are never published: controls that were shown people's answers, and whose own answers reveal them.

Such a row cannot be recomputed. So it has a flag, its metrics are taken as stated, and only the board's conclusions
from them are recomputed.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from steerbench import contracts
from steerbench.contracts import Revealing, Summary, Task
from steerbench.publishing.samples import hides
from steerbench.publishing.schema import Published
from steerbench.records.flags import HIDDEN
from steerbench.records.plan import roles_of
from steerbench.records.results import MethodResult


def marked(methods: Mapping[str, MethodResult], task: Task) -> dict[str, MethodResult]:
    """The rows in published form, with the flag `HIDDEN` on hidden ones."""
    return {
        name: row.model_copy(update={"flags": [*row.flags, HIDDEN()]}) if hides(task, name) else row
        for name, row in methods.items()
    }


def is_marked(row: MethodResult) -> bool:
    """Whether a published row says that it cannot be recomputed."""
    return HIDDEN.words in row.warnings


def wrong_of_hidden(name: str, said: MethodResult, task: Task) -> Iterator[str]:
    """A sentence for each problem of such a row that can be found."""
    if not is_marked(said):
        yield f"method '{name}', flags: '{HIDDEN.words}' is left out."
    if said.role != roles_of(task).get(name) or said.standing is not None or said.comparisons:
        yield f"method '{name}': is a control, which is compared with nothing."


def beside_hidden(summary: Summary, published: Published, task: Task) -> Summary:
    """The summary, completed with what the hidden rows' stated metrics say about the whole board."""
    hidden = {name: _metrics(row) for name, row in published.methods.items() if hides(task, name)}
    if not hidden or not isinstance(task, Revealing):
        return summary
    return replace(summary, cannot_tell=task.unread({**summary.metrics, **hidden}))


def _metrics(row: MethodResult) -> dict[str, contracts.Metric]:
    return {
        name: contracts.Metric(math.nan if m.value is None else m.value, m.low, m.high, m.n, m.note, m.p)
        for name, m in row.metrics.items()
    }
