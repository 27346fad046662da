"""Checks that a published run has every sample that its task asks for exactly once, in the task's own words."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from steerbench.contracts import Task
from steerbench.publishing.samples import AskedItems, Place, asked_of_method, shows_questions
from steerbench.publishing.schema import Published, is_too_deep


def wrong_samples(published: Published, task: Task, asked: AskedItems, samples: pl.DataFrame) -> Iterator[str]:
    """Samples that are missing, repeated or not asked for. A control has those that it is asked."""
    shown = shows_questions(task)
    of_method = {name: asked_of_method(task, asked, name) for name in published.methods}
    seen: dict[str, set[Place]] = {name: set() for name in published.methods}
    columns = ("method", "target", "item", "question", "strength", "wording", "edits", "unscored", "verdicts")
    for row in samples.select(columns).iter_rows(named=True):
        place, where = (row["target"], row["item"]), f"method '{row['method']}', target '{row['target']}'"
        if row["method"] not in seen or place not in of_method[row["method"]]:
            yield f"{where}: has item '{row['item']}', which the run does not ask."
            return
        if place in seen[row["method"]]:
            yield f"{where}: has item '{row['item']}' twice."
            return
        seen[row["method"]].add(place)
        if wrong := _of_row(row, asked[place][1].text if shown else None):
            yield f"{where}, item '{row['item']}': {wrong}."
            return
    for name, places in seen.items():
        if lacking := of_method[name].keys() - places:
            target, item, all_of_it = *min(lacking), len(of_method[name])
            yield f"method '{name}': lacks {len(lacking)} of {all_of_it} samples, such as ('{target}', '{item}')."


def _of_row(row: Mapping[str, Any], question: str | None) -> str:
    """What is wrong with a row's question, setting or hashes; "" if nothing."""
    if row["question"] != question:
        return "the question is not the one that the task asks, or may not be shown"
    if row["strength"] is None or row["wording"] is None or row["unscored"] is None:
        return "strength, wording or unscored is missing"
    if not -1e9 < row["strength"] < 1e9 or row["wording"] < 0:
        return "its strength or wording is outside what any method allows"
    if not re.fullmatch(r"(?:[0-9a-f]{32})?", row["edits"] or ""):
        return "its edits are not a hash"
    if row["verdicts"] is not None and is_too_deep(row["verdicts"].encode()):
        return "its verdicts are nested too deeply"
    return ""
