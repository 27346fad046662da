"""Rows whose answers are never published: controls that were shown what people ticked, and whose answers tell it.

What such a row says can be recomputed from nothing. So it is marked, its metrics are taken as they are said, and what
the board concludes from them is recomputed from those.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from steerbench import contracts
from steerbench.contracts import Revealing, Summary, Task
from steerbench.publishing.samples import hides
from steerbench.publishing.schema import Published
from steerbench.records.plan import roles_of
from steerbench.records.results import MethodResult

HIDDEN = "not recomputed: its answers would tell what people ticked, and are not published"
"""The flag of such a row."""


def marked(methods: Mapping[str, MethodResult], task: Task) -> dict[str, MethodResult]:
    """The rows as they are published: with `HIDDEN` among the flags of those that it is true of."""
    return {
        name: row.model_copy(update={"flags": [*row.flags, HIDDEN]}) if hides(task, name) else row
        for name, row in methods.items()
    }


def wrong_of_hidden(name: str, said: MethodResult, task: Task) -> Iterator[str]:
    """What can be seen to be wrong with such a row, a sentence each."""
    if HIDDEN not in said.flags:
        yield f"method '{name}', flags: '{HIDDEN}' is left out."
    if said.role != roles_of(task).get(name) or said.standing is not None or said.comparisons:
        yield f"method '{name}': is a control, which is compared with nothing."


def beside_hidden(summary: Summary, published: Published, task: Task) -> Summary:
    """The summary with what the hidden rows' metrics, as they are said, say of the whole board."""
    hidden = {name: _metrics(row) for name, row in published.methods.items() if hides(task, name)}
    if not hidden or not isinstance(task, Revealing):
        return summary
    return replace(summary, cannot_tell=task.unread({**summary.metrics, **hidden}))


def _metrics(row: MethodResult) -> dict[str, contracts.Metric]:
    return {
        name: contracts.Metric(math.nan if m.value is None else m.value, m.low, m.high, m.n, m.note, m.p)
        for name, m in row.metrics.items()
    }
