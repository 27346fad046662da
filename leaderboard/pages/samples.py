"""A run's samples as scripts, because a page opened from disk cannot load data in another way.

`runs/ID/questions.js` has the questions; `runs/ID/method-K.js` has one method's answers in the same order.
`static/data.js` loads them for the pages that show or compare answers.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, NoReturn

import polars as pl

from leaderboard.frame import File, data_script
from leaderboard.links import samples_of
from leaderboard.site import Site
from leaderboard.text import cut
from steerbench.errors import UserError
from steerbench.publishing.samples import read_samples
from steerbench.publishing.schema import SAMPLES, Published

LONGEST = 4000
"""Maximum characters of a question or an answer; the Parquet has all."""

NEEDED = ("method", "target", "item", "strength", "unscored")
NUMBERS = ("strength", "loss", "tick")

SampleFields = Mapping[str, Any]


def files(site: Site) -> Iterator[File]:
    """Raises UserError: a run's samples are invalid; the message names the run."""
    for run in site.runs:
        try:
            frame = read_samples(site.results / run.id)
            _check(run, frame)
            yield from _of(run, frame.rows(named=True))
        except ValueError as error:
            raise UserError(f"{SAMPLES} of '{run.id}' {error}.") from error


def _check(run: Published, frame: pl.DataFrame) -> None:
    """Raises ValueError: a value that is needed to show a sample is missing or not finite."""
    for name in NEEDED:
        if frame[name].null_count():
            raise ValueError(f"has a row without {name}")
    if not run.methods.keys() >= {*frame["method"].unique()}:
        raise ValueError("answers for a method that the run does not have")
    for name in NUMBERS:
        if not frame[name].is_finite().all():
            raise ValueError(f"has a {name} that is not a number")


def _of(run: Published, rows: Sequence[SampleFields]) -> Iterator[File]:
    questions = {(row["target"], row["item"]): row["question"] for row in rows}
    asked = [[target, item, cut(question or "", LONGEST)] for (target, item), question in questions.items()]
    yield data_script(f"{samples_of(run)}/questions.js", asked)
    by_method: dict[str, dict[tuple[str, str], SampleFields]] = {name: {} for name in run.methods}
    for row in rows:
        by_method[row["method"]][row["target"], row["item"]] = row
    for place, answered in enumerate(by_method.values()):
        told = [_answer(answered.get(asked)) for asked in questions]
        yield data_script(f"{samples_of(run)}/method-{place}.js", told)


def _answer(row: SampleFields | None) -> list[Any] | None:
    """[answer, first answer, strength, loss, why there is none, verdicts]; None if the item was not asked.

    The answer is a text, a list of log-likelihoods, a tick, or None if it is withheld. A verdict is [role, quality,
    rating, why there is none, details by name].
    """
    if row is None:
        return None
    answer = next((row[kind] for kind in ("logprobs", "text", "tick") if row[kind] is not None), None)
    if isinstance(answer, str):
        answer = cut(answer, LONGEST)
    elif isinstance(answer, list):
        answer = [None if value is None or not isfinite(value) else round(value, 4) for value in answer]
    verdicts = _verdicts(row["verdicts"]) if row["verdicts"] else []
    before = cut(row["before"] or "", LONGEST)
    return [answer, before, round(row["strength"], 4), row["loss"], cut(row["unscored"], LONGEST), verdicts]


def _verdicts(text: str) -> list[list[Any]]:
    """Raises ValueError: the text is not a list of verdicts."""
    try:
        told = json.loads(text, parse_constant=_refuse)
        return [_verdict(one) for one in told]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("has a verdict of another format") from error


def _verdict(one: Mapping[str, Any]) -> list[Any]:
    rating = one["rating"]
    if rating is not None and (isinstance(rating, bool) or not 1 <= rating <= 5):
        raise ValueError("has a rating outside 1 to 5")
    words = {cut(str(name)): _said(value) for name, value in one["details"].items()}
    return [*(cut(str(one[name])) for name in ("role", "quality")), rating, cut(str(one["unscored"]), LONGEST), words]


def _said(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else cut(str(value), LONGEST)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")
