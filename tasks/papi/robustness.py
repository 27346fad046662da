"""How much a row's answers depend on the form of the question, and how internally consistent they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from steerbench.contracts import Metric, Scored, Summary
from steerbench.contracts.flags import Flag
from steerbench.contracts.targets import MIDDLE
from steerbench.statistics import cronbach_alpha, share_estimate, split_half
from tasks.papi.board import Array, PAPIAnswers, PAPIBoard, board_of
from tasks.papi.flags import OTHER_FORMS
from tasks.papi.forms import asked_in
from tasks.papi.metrics import ERROR, Missing, composite

CHANGED = "changed by form"
ALPHA, SPLIT_HALF, REFUSAL_RATE = "alpha", "split-half r", "refusal rate"
NOTICED = 0.25
"""Share of changed answers from which on a row gets a flag."""


def by_form(scored: Sequence[Scored]) -> dict[str, list[Scored]]:
    """A row's answers by the form of the question ("" for the usual one), each with the item's own id."""
    found: dict[str, list[Scored]] = {}
    for one in scored:
        item, form = asked_in(one.item)
        found.setdefault(form, []).append(replace(one, item=item))
    return found


def with_forms(summary: Summary, rows: Mapping[str, Sequence[Scored]], seed: int, missing: Missing) -> Summary:
    """The summary of the usual form, completed for rows that were also asked in other forms."""
    metrics, flags = dict(summary.metrics), dict(summary.flags)
    for name, scored in rows.items():
        forms = by_form(scored)
        usual = forms.pop("", [])
        if not forms or not usual:
            continue
        found = dict(_of_row(usual, forms, seed, missing))
        metrics[name] = {**metrics[name], **found}
        flags[name] = [*flags.get(name, ()), *_flags(found)]
    return replace(summary, metrics=metrics, flags=flags)


def _flags(metrics: Mapping[str, Metric]) -> list[Flag]:
    """Warnings for a reader of the table."""
    share = metrics[CHANGED].value
    return [OTHER_FORMS(share=share)] if share >= NOTICED else []


def _of_row(
    usual: Sequence[Scored], forms: Mapping[str, Sequence[Scored]], seed: int, missing: Missing
) -> Iterator[tuple[str, Metric]]:
    yield CHANGED, _changed(usual, [one for of_form in forms.values() for one in of_form])
    for form, scored in forms.items():
        yield f"{CHANGED} {form}", _changed(usual, scored)
        board = board_of({"": scored})
        if (error := composite(board, board.rows[""], missing)) is not None:
            yield f"{ERROR} {form}", error
    board = board_of({"": usual})
    scales = list(_scales(board, board.rows[""]))
    yield ALPHA, cronbach_alpha(scales, np.random.default_rng(seed))
    yield SPLIT_HALF, split_half(scales, np.random.default_rng(seed))
    if any("refused" in one.score.record for one in usual):
        yield REFUSAL_RATE, _per_person(usual, [float(bool(one.score.record.get("refused"))) for one in usual])


def _changed(usual: Sequence[Scored], asked: Sequence[Scored]) -> Metric:
    """The share of answers that differ from the usual form; unreadable counts as an answer of its own."""
    before = {(one.target, one.item): one.score.record["answer"] for one in usual}
    return _per_person(asked, [float(one.score.record["answer"] != before[one.target, one.item]) for one in asked])


def _per_person(scored: Sequence[Scored], hits: Sequence[float]) -> Metric:
    by_person: dict[str, list[float]] = {}
    for one, hit in zip(scored, hits, strict=True):
        by_person.setdefault(one.target, []).append(hit)
    counts = np.array([(sum(found), len(found)) for found in by_person.values()], dtype=np.float64)
    return share_estimate(counts[:, 0], counts[:, 1])


def _scales(board: PAPIBoard, row: PAPIAnswers) -> Iterator[Array]:
    """Each trait's keyed answers [people, items] on items that everyone was asked; unreadable counts as the middle."""
    complete = row.asked.all(axis=0)
    keyed = board.keyed(np.where(np.isnan(row.expected), MIDDLE, row.expected))
    for trait in range(len(board.traits)):
        yield keyed[:, complete & (board.trait == trait)]
