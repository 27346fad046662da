"""Whether a model that is asked again says what published samples say, but for the rounding of other batches.

A likelihood is compared as the number it is. Of a greedy text rounding decides only where two words are nearly as
likely, and from there on it is another text, as likely as the first. So a text that differs has to be nearly as likely
as what the model says now: one that it did not say is many nats less likely, whatever its words are.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from steerbench.contracts import Choice, Completion, Continued, Engine, Request, Task
from steerbench.plugins.composed import fit
from steerbench.publishing.samples import AskedItems, Place, setting_in
from steerbench.records.plan import PlanRow
from steerbench.running.evaluation import SteeredItem

NATS, SHARE = 0.5, 0.005
"""A log-likelihood agrees within so many nats, and this share of itself: long passages add up more rounding."""
OPENING = 64
"""Characters at the start of a text that are compared, to the end of a word."""
TEXT_NATS = 10.0
"""How much less likely (nats) a text's opening may be than the one that the model says now. In other batches texts of
the built-in model were off by up to 5, on another processor and steered beyond all use by as much as 13; with one word
exchanged 95 of 100 are off by more than 10, most by 20 to 40."""

Drawn = tuple[str, Place]
Samples = Mapping[Drawn, Mapping[str, Any]]


@dataclass(frozen=True)
class AnswerAgreement:
    """Whether one answer, a text or likelihoods, is what the model says now."""

    is_text: bool
    agrees: bool


def agreements(
    engine: Engine, task: Task, rows: Mapping[str, PlanRow], asked: AskedItems, drawn: Samples
) -> Iterator[AnswerAgreement]:
    """Ask the drawn samples' questions again, each as a run asks it; of each whether its answer agrees.

    Methods are fitted anew, for the targets that are drawn alone.
    """
    for method in dict.fromkeys(method for method, _ in drawn):
        samples = {place: sample for (name, place), sample in drawn.items() if name == method}
        targets = {target.id: target for target, _ in (asked[place] for place in samples)}
        fits = dict(zip(targets, fit(rows[method].method, engine, list(targets.values())), strict=True))
        requests = []
        for place, sample in samples.items():
            (target, item), setting = asked[place], setting_in(sample)
            question = SteeredItem(target, item, setting, setting.apply(fits[target.id]))
            requests.append(task.request(item, target, question.told))
        yield from _compared(engine, task, requests, list(samples.values()))


def _compared(
    engine: Engine, task: Task, requests: Sequence[Request], samples: Sequence[Mapping[str, Any]]
) -> Iterator[AnswerAgreement]:
    choices = [(r, s["logprobs"]) for r, s in zip(requests, samples, strict=True) if r.options]
    texts = [(r, _first_said(task, s)) for r, s in zip(requests, samples, strict=True) if not r.options]
    for choice, (_, stored) in zip(engine.choose([request for request, _ in choices]), choices, strict=True):
        yield AnswerAgreement(False, same_choice(choice, stored))
    said = engine.generate([request for request, _ in texts], task.sampling)
    for agrees in same_texts(engine, [request for request, _ in texts], said, [text for _, text in texts]):
        yield AnswerAgreement(True, agrees)


def _first_said(task: Task, sample: Mapping[str, Any]) -> str:
    """Where a task asks twice, what the model said first: the second answer follows from it."""
    return str((sample["before"] or sample["text"]) if isinstance(task, Continued) else sample["text"])


def same_choice(choice: Choice, stored: Sequence[float]) -> bool:
    return len(choice.logprobs) == len(stored) and all(
        math.isfinite(now) and abs(now - then) <= NATS + SHARE * abs(then)
        for now, then in zip(choice.logprobs, stored, strict=True)
    )


def same_texts(
    engine: Engine, requests: Sequence[Request], said: Sequence[Completion], stored: Sequence[str]
) -> list[bool]:
    """Of each request, whether the stored text starts as what was said now, or with words nearly as likely."""
    pairs = [openings(now.text, then) for now, then in zip(said, stored, strict=True)]
    same = [pair is not None and _words(pair[0]) == _words(pair[1]) for pair in pairs]
    asked = {
        i: replace(request, options=pair)
        for i, (request, now, pair) in enumerate(zip(requests, said, pairs, strict=True))
        # An option follows a prompt without thoughts, and so tells nothing of what was said after some.
        if pair is not None and not same[i] and not now.thoughts
    }
    for i, choice in zip(asked, engine.choose(list(asked.values())), strict=True):
        now_nats, then_nats = choice.logprobs
        same[i] = now_nats - then_nats <= TEXT_NATS
    return same


def openings(now: str, then: str) -> tuple[str, str] | None:
    """As many words of two texts, from their start; None if one ends where the other goes on.

    With fewer words a text would be likelier for that alone.
    """
    ends = [[word.end() for word in _found(text)] for text in (now, then)]
    short, long = sorted((" ".join(_words(now)), " ".join(_words(then))), key=len)
    if not short or (short != long and len(short) <= OPENING and long.startswith(short)):
        return None
    within = max(1, min(sum(end <= OPENING for end in of_text) for of_text in ends))
    return now[: ends[0][within - 1]], then[: ends[1][within - 1]]


def _words(text: str) -> list[str]:
    return [word[0] for word in _found(text)]


def _found(text: str) -> list[re.Match[str]]:
    """Words, and pieces of what has no blanks."""
    return list(re.finditer(rf"\S{{1,{OPENING}}}", text))
