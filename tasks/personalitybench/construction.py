"""Makes PersonalityBench questions as in the paper (Deng et al. 2024, section 3), with any OpenAI-compatible model.

For each facet and sampled topic, a situational question is drafted and revised. It is kept if a filter finds that it
favours neither end. Every question is on disk before the next is processed.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np

from steerbench import bank
from steerbench.bank.statements import read_statements
from steerbench.contracts import Usage
from steerbench.contracts.targets import TRAITS
from steerbench.datasets.fetch import state_of
from steerbench.datasets.registry import dataset
from steerbench.errors import UserError
from steerbench.openai_client.client import ChatClient, ExhaustedError, Messages, RefusedError, RequestError
from steerbench.openai_client.concurrency import concurrently
from steerbench.plugins.questions import BuiltQuestions, Order, QuestionsDone
from tasks.personalitybench.overlap import Overlap
from tasks.personalitybench.question_file import QuestionFile, QuestionRow, question_file
from tasks.personalitybench.question_prompts import (
    AGAIN,
    draft_messages,
    filter_messages,
    question_of,
    revision_messages,
    verdict_of,
)
from tasks.personalitybench.questions import PUBLISHED, PUBLISHED_DATASET, load

MAX_TOKENS = 512
LONGEST = 120
"""Maximum words of a question. A generator that writes more has not followed the instructions."""
FAILURES = 10
"""Consecutive failures after which the server is given up."""


@dataclass(frozen=True)
class Slot:
    """A question to be made: its facet (described by statements) and topic."""

    id: str
    trait: str
    facet: str
    topic: str
    statements: tuple[str, ...]


@dataclass(frozen=True)
class Attempt:
    """The result of a slot. With a `reason` it is dropped; `unfinished` says why it has to be asked again."""

    slot: Slot
    draft: str = ""
    question: str = ""
    reason: str = ""
    unfinished: str = ""
    usage: Usage = field(default_factory=Usage)


def build(order: Order, progress: QuestionsDone) -> BuiltQuestions:
    """Makes the questions that are not in the file yet, alternating over facets.

    Raises:
        UserError: see `steerbench.plugins.questions.Buildable`.
    """
    wanted = slots(topics_in(order.topics), order.per_facet, order.seed)
    client = ChatClient(order.model, order.generator, order.key_env)
    with question_file(order.out) as file:
        _check_same_order(order, wanted, file)
        known, notes = _known_questions()
        overlap = Overlap(known, (row.question for row in file.kept.values()))
        unfinished, usage, in_a_row = Counter[str](), Usage(), 0

        async def attempt(slot: Slot) -> Attempt:
            return await _Generator(client).attempt(slot)

        missing = [slot for slot in wanted if slot.id not in file.kept and slot.id not in file.dropped]
        done = len(wanted) - len(missing)
        progress(done, len(wanted))
        with closing(concurrently(missing, attempt, order.concurrency, within=client)) as arrivals:
            for arrived in arrivals:
                for _, made in arrived:
                    usage += made.usage
                    in_a_row = in_a_row + 1 if made.unfinished else 0
                    if made.unfinished:
                        unfinished[made.unfinished] += 1
                    else:
                        reason = made.reason or overlap.reason(made.question)
                        file.append(_row(made, reason, order, file))
                        done += 1
                progress(done, len(wanted))
                if in_a_row >= FAILURES:
                    raise UserError(
                        f"The server at {client.address} fails repeatedly ({unfinished.most_common(1)[0][0]}); "
                        f"the questions so far are in {order.out}, and the same command goes on from there."
                    )
        dropped = Counter(row.reason.partition(":")[0] for row in file.dropped.values())
        return BuiltQuestions(len(file.kept), dropped, unfinished, usage, notes)


def slots(topics: Sequence[str], per_facet: int, seed: int) -> list[Slot]:
    """`per_facet` slots of each facet, alternating over facets, with the topics in a separate order for each.

    A larger `per_facet` keeps the earlier slots. A topic recurs once all have been used.
    """
    columns = []
    for number, (trait, facet, statements) in enumerate(_facets()):
        chosen = _shuffled(topics, per_facet, np.random.default_rng([seed, number]))
        stem = f"{trait}-{facet.lower().replace(' ', '-')}"
        columns.append([Slot(f"{stem}-{n}", trait, facet, topic, statements) for n, topic in enumerate(chosen, 1)])
    return [slot for turn in zip(*columns, strict=True) for slot in turn]


def part_of(slot: Slot, kept: Iterable[QuestionRow], seed: int) -> bank.Part:
    """The part of the next question that is kept after these.

    Whatever the filter drops, half of a facet's questions are test questions. The other half of a trait's questions
    alternate between calibration and search. The seed decides which facets start with a test question: every second.
    """
    parts = [(row.facet, row.part) for row in kept if row.trait == slot.trait]
    in_facet = [part == "test" for facet, part in parts if facet == slot.facet]
    ahead = sum(in_facet) - (len(in_facet) - sum(in_facet))
    facets = [facet for trait, facet, _ in _facets() if trait == slot.trait]
    drawn = int(np.random.default_rng([seed, list(TRAITS).index(slot.trait)]).integers(2))
    if ahead < 0 or (ahead == 0 and (facets.index(slot.facet) + drawn) % 2):
        return "test"
    others = Counter(part for _, part in parts)
    return "calibration" if others["calibration"] <= others["search"] else "search"


def topics_in(path: Path | None) -> list[str]:
    """The topics of a file, one per line, or our own, without duplicates.

    Raises:
        UserError: the file cannot be read, is not text or has no topic.
    """
    if path is None:
        text = files("tasks.personalitybench").joinpath("topics.txt").read_text(encoding="utf-8")
    else:
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise UserError(f"The topics in {path} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise UserError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start}).") from error
    found = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if not found:
        raise UserError(f"{path} has no topic; write one per line.")
    return found


class _Generator:
    """One question's conversation with the generator, and its usage."""

    def __init__(self, client: ChatClient) -> None:
        self._client = client
        self._usage = Usage()

    async def attempt(self, slot: Slot) -> Attempt:
        draft = question = reason = unfinished = ""
        trait = TRAITS[slot.trait]
        try:
            draft = await self._written(draft_messages(trait, slot.facet, slot.statements, slot.topic), temperature=1.0)
            if draft:
                question = await self._written(revision_messages(trait, slot.facet, draft), temperature=0.0)
            reason = _fault(question) or await self._bias(filter_messages(slot.facet, slot.statements, question))
        except ExhaustedError as error:
            unfinished = str(error)
        except RefusedError as error:
            reason = f"refused by the server: {error}"
        return Attempt(slot, draft, question, reason, unfinished, self._usage)

    async def _written(self, messages: Messages, temperature: float) -> str:
        """A question. An empty one (also if it was cut or only thought about) is requested once more."""
        return question_of(await self._said(messages, temperature)) or question_of(await self._said(messages, 1.0))

    async def _bias(self, messages: Messages) -> str:
        """Why the filter drops a question; "" if it does not."""
        reply = await self._said(messages, 0.0)
        verdict = verdict_of(reply)
        if verdict is None:
            answered = (("assistant", reply),) if reply.strip() else ()
            verdict = verdict_of(await self._said((*messages, *answered, ("user", AGAIN)), 0.0))
        reasons = {"no": "", "yes": "leans to one end", None: "no readable verdict of the bias filter"}
        return reasons[verdict]

    async def _said(self, messages: Messages, temperature: float) -> str:
        try:
            reply = await self._client.ask(messages, max_tokens=MAX_TOKENS, temperature=temperature)
        except RequestError as error:
            self._usage += Usage(error.calls)
            raise
        self._usage += Usage(reply.calls, reply.prompt_tokens, reply.completion_tokens)
        return reply.text


def _fault(question: str) -> str:
    if not question:
        return "the generator said nothing"
    return f"more than {LONGEST} words" if len(question.split()) > LONGEST else ""


def _row(made: Attempt, reason: str, order: Order, file: QuestionFile) -> QuestionRow:
    slot = made.slot
    return QuestionRow(
        id=slot.id,
        trait=slot.trait,
        facet=slot.facet,
        topic=slot.topic,
        part=None if reason else part_of(slot, file.kept.values(), order.seed),
        question=made.question,
        draft=made.draft,
        model=order.model,
        reason=reason,
    )


def _facets() -> list[tuple[str, str, tuple[str, ...]]]:
    """Trait, facet and the embedded inventory's statements of it, each with the end it describes."""
    told: dict[tuple[str, str], list[str]] = {}
    for item, _ in read_statements():
        told.setdefault((item.trait, item.facet), []).append(f"{'high' if item.key == 1 else 'low'}: {item.text}")
    return [(trait, facet, tuple(statements)) for (trait, facet), statements in told.items()]


def _shuffled(topics: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    """The first `count` topics of random orders, one order after the other."""
    order: list[str] = []
    while len(order) < count:
        order += [topics[i] for i in rng.permutation(len(topics))]
    return order[:count]


def _known_questions() -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Questions that new ones must not borrow from, by source, and a note if the published ones are missing here."""
    parts: Iterable[bank.Part] = ("search", "calibration", "test")
    known = {"the embedded bank": [item.text for part in parts for item in bank.questions(part)]}
    published = dataset(PUBLISHED_DATASET)
    if any(state_of(published, file) != "here" for file in published.files):
        return known, (
            "The published test questions are not on this machine, so none was compared with them "
            f"(`steerbench data fetch {PUBLISHED_DATASET}`).",
        )
    return known | {"the published test": [item.text for item in load(PUBLISHED).test]}, ()


def _check_same_order(order: Order, wanted: Iterable[Slot], file: QuestionFile) -> None:
    """Raises UserError: the file has questions of another generator, seed or list of topics."""
    by_id = {slot.id: slot for slot in wanted}
    for row in (*file.kept.values(), *file.dropped.values()):
        if row.model != order.model:
            raise UserError(
                f"{order.out} was made by '{row.model}'; go on with --generator-model {row.model}, or choose another "
                "--out."
            )
        if row.id in by_id and by_id[row.id].topic != row.topic:
            raise UserError(
                f"{order.out} was made with another --seed or another list of topics; give the same again, or choose "
                "another --out."
            )
