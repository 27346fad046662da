"""What judges are said to have said: that it can be so, follows from its details, and is what a judge says here.

A judge that rates again anywhere (`steerbench.contracts.Judge`: `self_contained`, and no need of the model) rates some
of the stored answers once more.
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
"""Answers of each row that are rated again, at most."""
SAME = 0.01
"""How far a rating may lie from the one made here: an encoder's last digits differ between machines."""
RANGE = 4.0
"""Between the lowest rating and the highest."""


class SampledVerdict(NamedTuple):
    """A verdict in the samples: on which case, of which row, and where that stands."""

    case: Case
    verdict: Verdict
    row: str
    where: str


Rated = Mapping[str, list[SampledVerdict]]
"""By role."""


def wrong_figures(role: str, judge: JudgeResult) -> Iterator[str]:
    """Figures of a judge, and of its check, that nothing measured can have."""
    counts = {name: getattr(judge, name) for name in ("verdicts", "unscored", "calls", "prompt_tokens")}
    counts |= {"completion_tokens": judge.completion_tokens, "cost": judge.cost}
    for name, value in counts.items():
        if value < 0:
            yield f"judges, {role}: {name} is {value}, and counts from 0."
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
            yield f"judges, {role}: the check's {name} is {figure:g}, and can be {low:g} to {high:g}."


def wrong_judges(published: Published) -> Iterator[str]:
    """Identities that are not those of the judges built here, if the run was made by this version."""
    if published.identity.get("steerbench") != __version__:
        return
    for role, told in published.judges.items():
        judge = built_here(published.plan, told)
        if judge is None:
            continue
        here = dict(judge.identity())
        # Its sources (`code`) may have changed since, and still rate alike: that is seen by rating again.
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
    """Why a judge that could rate again does not, a sentence each."""
    for role, told in published.judges.items():
        judge = built_here(published.plan, told)
        if judge is not None and not judge.needs_model and (why := _cannot_rate(judge)):
            yield f"the {role} judge's ratings were not made again: {why}"


def built_here(plan: Plan, told: JudgeResult) -> Judge | None:
    """The judge of a run, as it was then, if it can be had without a network, a key or a model of its own."""
    try:
        kind = find("judge", told.name)
        if not getattr(kind, "self_contained", False):
            return None
        former: Judge | None = kind.former(told.identity) if hasattr(kind, "former") else None
        return former or build_judge(told.name, plan.judge_parameters.get(told.name, {}))
    except UserError:
        return None


def _rated(task: Any, asked: AskedItems, samples: Rows) -> dict[str, list[SampledVerdict]]:
    """What cannot be read is left out: scoring says so."""
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
        contradiction = getattr(find("judge", name), "contradiction", None)
    except UserError:
        contradiction = None
    said: dict[str, Verdict] = {}
    for case, verdict, _, where in found:
        before = said.setdefault(case_key(case), verdict)
        if (before.rating, before.unscored) != (verdict.rating, verdict.unscored):
            yield f"{where}: its {case.quality} is rated {_short(verdict)}, and elsewhere the same is {_short(before)}."
            return
        if verdict.rating is not None and verdict.unscored:
            yield f"{where}: its {case.quality} has a rating, and a reason for having none."
            return
        if contradiction is not None and (wrong := contradiction(case, verdict, published.judges[role].identity)):
            yield f"{where}: its {case.quality} is rated {_short(verdict)}, and {wrong}."
            return
    yield from _rated_again(published, role, found)


def _rated_again(published: Published, role: str, found: list[SampledVerdict]) -> Iterator[str]:
    """Some answers, drawn by the hash of the samples: those that are looked at cannot be known beforehand."""
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
            yield f"{where}: its {case.quality} is rated {_short(verdict)}, and the judge rates it {_short(here)} here."
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
    """A run's verdicts are one for each judge and case; roles of the same judge share them."""
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
                    yield f"judges, {role}: {name} are {getattr(judge, name)}, and the samples hold {count}."
            if judge.verdicts - judge.unscored < len(held) - unscored:
                yield f"judges, {role}: {judge.unscored} of {judge.verdicts} are unscored, and the samples rate more."


def repeated_in_verdicts(samples: Rows) -> Iterator[str]:
    """Verdicts that give one thing two values: which of them counts, readers would disagree on."""
    for name, of_row in samples.items():
        for (target, item), sample in of_row.items():
            if sample["verdicts"] and (key := repeated_key(sample["verdicts"])):
                yield f"method '{name}', target '{target}', item '{item}': its verdicts give '{key[:80]}' twice."
                return


def _short(verdict: Verdict) -> str:
    return f"{verdict.rating:.4g}" if verdict.rating is not None else f"not at all ({verdict.unscored[:80]})"
