"""Checks stored verdicts: they have to be possible, follow from their details, and agree with the judge where it runs
here.

A judge that works anywhere (`steerbench.contracts.Judge`: `self_contained`, and without need of the model) rates some
of the stored answers again.
"""

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from steerbench import __version__
from steerbench.contracts import Case, Completion, Judge, Judged, Verdict
from steerbench.errors import UserError
from steerbench.plugins.finding import find
from steerbench.publishing.json_keys import repeated_key
from steerbench.publishing.recomputation import Rows
from steerbench.publishing.samples import AskedItems, answer_in, cases_of, verdicts_in
from steerbench.publishing.schema import Published
from steerbench.records.plan import Plan, build_judge
from steerbench.records.results import JudgeResult
from steerbench.records.verdicts import case_key

TEXTS = 4
"""Most answers of each row that are rated again."""
SAME = 0.01
"""Largest difference from a rating made here, because an encoder's last digits differ between machines."""
RANGE = 4.0
"""Difference between the highest and the lowest rating."""


class SampledVerdict(NamedTuple):
    """A verdict in the samples: its case, its row, and its place in the words of an error message."""

    case: Case
    verdict: Verdict
    row: str
    where: str


Rated = Mapping[str, list[SampledVerdict]]
"""Verdicts by role."""


def wrong_figures(role: str, judge: JudgeResult) -> Iterator[str]:
    """Impossible figures of a judge or of its check."""
    counts = {name: getattr(judge, name) for name in ("verdicts", "unscored", "calls", "prompt_tokens")}
    counts |= {"completion_tokens": judge.completion_tokens, "cost": judge.cost}
    for name, value in counts.items():
        if value < 0:
            yield f"judges, {role}: {name} is {value}, but cannot be negative."
    if judge.unscored > judge.verdicts:
        yield f"judges, {role}: {judge.unscored} of {judge.verdicts} verdicts are unscored."
    if judge.check is None:
        return
    check = judge.check
    ranges: list[tuple[str, float | None, float, float]] = [("texts", check.texts, 0.0, math.inf)]
    ranges += [("unscored", check.unscored, 0.0, 1.0)]
    ranges += [("seen", check.seen, 0.0, 1.0), ("retest", check.retest, 0.0, RANGE)]
    ranges += [(name, getattr(check, name), -RANGE, RANGE) for name in ("length_bias", "position_bias")]
    ranges += [(f"auc of {quality}", value, 0.0, 1.0) for quality, value in check.auc.items()]
    for name, figure, low, high in ranges:
        if figure is not None and not low <= figure <= high:
            yield f"judges, {role}: the check's {name} is {figure:g}, but has to be {low:g} to {high:g}."


def wrong_judges(published: Published) -> Iterator[str]:
    """Differences from the identities of the judges built here, if the run was made by this version."""
    if published.identity.get("steerbench") != __version__:
        return
    for role, told in published.judges.items():
        judge = built_here(published.plan, told)
        if judge is None:
            continue
        here = dict(judge.identity())
        # Its sources (`code`) may have changed since without changing ratings; rating again checks that.
        for name in sorted({*here, *told.identity} - {"code"}):
            if told.identity.get(name) != here.get(name):
                yield (
                    f"judges: the {role} judge '{told.name}' says that its {name} is {told.identity.get(name)!r}, but "
                    f"here it is {here.get(name)!r}."
                )


def wrong_verdicts(published: Published, task: Any, asked: AskedItems, samples: Rows) -> Iterator[str]:
    """Verdicts that contradict themselves, each other, the run's counts, or a judge that rates again here."""
    if not isinstance(task, Judged):
        return
    rated = _rated(task, asked, samples)
    for role, found in rated.items():
        if role in published.judges:
            yield from _of_role(published, role, found)
    yield from _of_counts(published, rated)


def unrated_here(published: Published) -> Iterator[str]:
    """A sentence for each judge that should be able to rate again, but cannot here."""
    for role, told in published.judges.items():
        judge = built_here(published.plan, told)
        if judge is not None and not judge.needs_model and (why := _cannot_rate(judge)):
            yield f"the {role} judge's ratings were not made again: {why}"


def built_here(plan: Plan, told: JudgeResult) -> Judge | None:
    """The judge of a run, in its edition then, if it needs no network, key or model of its own; otherwise None."""
    try:
        kind = find("judge", told.name)
        if not kind.self_contained:
            return None
        former: Judge | None = kind.former(told.identity)
        return former or build_judge(told.name, plan.judge_parameters.get(told.name, {}))
    except UserError:
        return None


def _rated(task: Any, asked: AskedItems, samples: Rows) -> dict[str, list[SampledVerdict]]:
    """The verdicts in the samples by role. Unreadable ones are left out, because scoring reports them."""
    found: defaultdict[str, list[SampledVerdict]] = defaultdict(list)
    for name, of_row in samples.items():
        for (target, item), sample in of_row.items():
            where = f"method '{name}', target '{target}', item '{item}'"
            try:
                answer = answer_in(sample)
                if not sample["verdicts"] or not isinstance(answer, Completion):
                    continue
                cases = cases_of(task, *asked[target, item], answer)
                verdicts = verdicts_in(sample, cases)
            except ValueError:
                continue
            for case, verdict in zip(cases, verdicts, strict=True):
                found[case.role].append(SampledVerdict(case, verdict, name, where))
    return found


def _of_role(published: Published, role: str, found: list[SampledVerdict]) -> Iterator[str]:
    name = published.judges[role].name
    try:
        contradiction = find("judge", name).contradiction
    except UserError:
        contradiction = None
    said: dict[str, Verdict] = {}
    for case, verdict, _, where in found:
        before = said.setdefault(case_key(case), verdict)
        if (before.rating, before.unscored) != (verdict.rating, verdict.unscored):
            yield f"{where}: its {case.quality} is rated {_short(verdict)}, but elsewhere the same is {_short(before)}."
            return
        if verdict.rating is not None and verdict.unscored:
            yield f"{where}: its {case.quality} has a rating, but also a reason for having none."
            return
        if contradiction is not None and (wrong := contradiction(case, verdict, published.judges[role].identity)):
            yield f"{where}: its {case.quality} is rated {_short(verdict)}, but {wrong}."
            return
    yield from _rated_again(published, role, found)


def _rated_again(published: Published, role: str, found: list[SampledVerdict]) -> Iterator[str]:
    """Rates some answers again. They are drawn by the hash of the samples, so they cannot be known beforehand."""
    judge = built_here(published.plan, published.judges[role])
    if judge is None or judge.needs_model or published.identity.get("steerbench") != __version__ or _cannot_rate(judge):
        return
    drawn = _drawn(found, published.samples_sha256)
    again: dict[int, Verdict] = {}
    for batch in judge.rate([one.case for one in drawn], None):
        again |= batch
    for place, (case, verdict, _, where) in enumerate(drawn):
        here = again[place]
        if (verdict.rating is None) != (here.rating is None) or abs((verdict.rating or 0) - (here.rating or 0)) > SAME:
            yield f"{where}: its {case.quality} is rated {_short(verdict)}, but the judge rates it {_short(here)} here."
            return


def _drawn(found: list[SampledVerdict], salt: str) -> list[SampledVerdict]:
    """The verdicts on a few texts of every row, drawn by the hash of the samples."""
    drawn: list[SampledVerdict] = []
    for row in dict.fromkeys(one.row for one in found):
        of_row = [one for one in found if one.row == row]
        texts = sorted({one.case.answer for one in of_row}, key=lambda text: _order(salt, text))[:TEXTS]
        drawn += [one for one in of_row if one.case.answer in texts]
    return drawn


def _order(salt: str, text: str) -> bytes:
    return hashlib.sha256(f"{salt}{text}".encode(errors="surrogatepass")).digest()


def _cannot_rate(judge: Judge) -> str:
    """Why a judge cannot rate here; "" if it can."""
    quality = min(judge.qualities)
    try:
        list(judge.rate([Case("", quality, "", "A text.")], None))
    except UserError as error:
        return str(error)
    return ""


def _of_counts(published: Published, rated: Rated) -> Iterator[str]:
    """A run has one verdict for each judge and case; roles with the same judge share them."""
    by_judge: defaultdict[str, list[str]] = defaultdict(list)
    for role, judge in published.judges.items():
        by_judge[json.dumps([judge.name, judge.identity], sort_keys=True)].append(role)
    for roles in by_judge.values():
        held = {case_key(case): verdict for role in roles for case, verdict, *_ in rated.get(role, ())}
        unscored = sum(verdict.rating is None for verdict in held.values())
        for role in roles:
            judge = published.judges[role]
            least = {"verdicts": len(held), "unscored": unscored}
            for name, count in least.items():
                if getattr(judge, name) < count:
                    yield f"judges, {role}: {name} are {getattr(judge, name)}, but the samples have {count}."
            if judge.verdicts - judge.unscored < len(held) - unscored:
                yield f"judges, {role}: {judge.unscored} of {judge.verdicts} are unscored, but the samples rate more."


def repeated_in_verdicts(samples: Rows) -> Iterator[str]:
    """Verdicts with a repeated key, for which readers could use different values."""
    for name, of_row in samples.items():
        for (target, item), sample in of_row.items():
            if sample["verdicts"] and (key := repeated_key(sample["verdicts"])):
                yield f"method '{name}', target '{target}', item '{item}': its verdicts have '{key[:80]}' twice."
                return


def _short(verdict: Verdict) -> str:
    return f"{verdict.rating:.4g}" if verdict.rating is not None else f"not at all ({verdict.unscored[:80]})"
