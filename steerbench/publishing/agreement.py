"""Whether a model that is asked again gives the published answers, up to rounding in other batches.

Likelihoods are compared as numbers. In greedy text, rounding matters only where two words are almost equally likely;
the text then continues differently, with about the same likelihood. So a text that differs has to be about as likely as
the one generated now. A text that the model did not generate is many nats less likely, whatever its words.
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
"""Two log-likelihoods agree within this many nats plus this share of the value, because long passages add up
rounding."""
OPENING = 64
"""Characters compared at the start of a text, up to the end of a word."""
TEXT_NATS = 10.0
"""How many nats less likely than the text generated now a stored opening may be. In other batches, texts of the
built-in model differed by up to 5 nats, and by up to 13 on another processor with far too strong steering. With one
word replaced, 95 of 100 openings differ by more than 10, most by 20 to 40."""

Drawn = tuple[str, Place]
Samples = Mapping[Drawn, Mapping[str, Any]]


@dataclass(frozen=True)
class AnswerAgreement:
    """Whether one answer, a text or likelihoods, agrees with the model's answer now."""

    is_text: bool
    agrees: bool


def agreements(
    engine: Engine, task: Task, rows: Mapping[str, PlanRow], asked: AskedItems, drawn: Samples
) -> Iterator[AnswerAgreement]:
    """Asks the questions of the drawn samples again, as a run would, and yields whether each answer agrees.

    Methods are fitted again, only for the targets that are drawn.
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
    """The first answer of a task that asks twice, because the second answer depends on it; otherwise the text."""
    return str((sample["before"] or sample["text"]) if isinstance(task, Continued) else sample["text"])


def same_choice(choice: Choice, stored: Sequence[float]) -> bool:
    return len(choice.logprobs) == len(stored) and all(
        math.isfinite(now) and abs(now - then) <= NATS + SHARE * abs(then)
        for now, then in zip(choice.logprobs, stored, strict=True)
    )


def same_texts(
    engine: Engine, requests: Sequence[Request], said: Sequence[Completion], stored: Sequence[str]
) -> list[bool]:
    """For each request, whether the stored text starts like the one generated now, or is about as likely."""
    pairs = [openings(now.text, then) for now, then in zip(said, stored, strict=True)]
    same = [pair is not None and _words(pair[0]) == _words(pair[1]) for pair in pairs]
    asked = {
        i: replace(request, options=pair)
        for i, (request, now, pair) in enumerate(zip(requests, said, pairs, strict=True))
        # An option is scored without thoughts, so it says nothing about a text that followed some.
        if pair is not None and not same[i] and not now.thoughts
    }
    for i, choice in zip(asked, engine.choose(list(asked.values())), strict=True):
        now_nats, then_nats = choice.logprobs
        same[i] = now_nats - then_nats <= TEXT_NATS
    return same


def openings(now: str, then: str) -> tuple[str, str] | None:
    """The starts of two texts, with equal numbers of words; None if one text is a proper start of the other.

    The numbers are equal because fewer words are more likely.
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
    """Words; text without blanks is cut into pieces."""
    return list(re.finditer(rf"\S{{1,{OPENING}}}", text))
