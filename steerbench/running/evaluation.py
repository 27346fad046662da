"""Sends a step's questions to the engine in chunks, and writes every finished chunk to the ledger.

A step is all questions of one method that can be asked at once: the items of every target under the setting it is
trying. Repeating a step gives the same requests and chunks. So a run that continues after a crash asks only the missing
chunks, and ends with the same numbers.
"""

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from steerbench.contracts import (
    Completion,
    Continued,
    Engine,
    Judged,
    Outcome,
    Request,
    Score,
    Scored,
    Split,
    Task,
    batched,
    packing_of,
)
from steerbench.contracts.progress import Progress
from steerbench.contracts.setting import Setting
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Item, Target
from steerbench.contracts.thoughts import UNFINISHED
from steerbench.engines.contextual import chosen
from steerbench.errors import UserError
from steerbench.judging.panel import Panel
from steerbench.records.ledger import Ledger
from steerbench.records.samples import Sample

OVERFLOWED = "the steering is so strong that the model's numbers overflowed"
"""`Score.unscored` of every outcome that overflowed, on every task. Judges are not asked about such answers."""


@dataclass(frozen=True)
class Step:
    """A step of a method on a split, and the stage to which its time is added."""

    method: str
    split: Split
    number: int
    stage: str


@dataclass(frozen=True, eq=False)
class SteeredItem:
    """An item for a target, with the steering under the given setting."""

    target: Target
    item: Item
    setting: Setting
    steering: Steering

    @property
    def told(self) -> Steering:
        """The steering for this very item, with its own prompt if it has one."""
        return self.steering.at(self.item)

    @property
    def place(self) -> tuple[str, str]:
        return self.target.id, self.item.id


@dataclass(frozen=True)
class DistinctRequest:
    """A distinct request of a step, its hashes, and the questions that it answers."""

    request: Request
    prompt: str
    edits: str
    questions: list[SteeredItem]


class Evaluation:
    """Asks and scores for one run. Outcomes of the unedited model are kept, so that no request is repeated."""

    def __init__(
        self, engine: Engine | None, task: Task, ledger: Ledger, progress: Progress, panel: Panel | None = None
    ) -> None:
        self.engine, self.task, self.ledger, self.progress, self.panel = engine, task, ledger, progress, panel
        self._known: dict[str, Outcome] = {}
        packing, budget = packing_of(engine), ledger.token_budget()
        if packing is not None and budget is not None:
            packing.token_budget = budget

    def step(self, step: Step, questions: Sequence[SteeredItem]) -> dict[str, list[Scored]]:
        """Asks what the ledger lacks, and returns every target's scores in the order of the questions."""
        done = self.ledger.answered(step.method, step.split, step.number)
        if len(done) < len(questions):
            self._ask(step, questions, done)
        else:
            self.progress.advance(len(questions))
        self.recall(step.method, step.split, step.number)
        self._rate(step, questions)
        scored = self.ledger.scored(step.method, step.split, step.number)
        rows: dict[str, list[Scored]] = {}
        for question in questions:
            rows.setdefault(question.target.id, []).append(scored[question.place])
        return rows

    def recall(self, method: str, split: Split, number: int) -> None:
        """Loads the unedited model's answers in a finished step from the ledger."""
        self._known |= self.ledger.unedited(method, split, number)

    def _rate(self, step: Step, questions: Sequence[SteeredItem]) -> None:
        """Has the judges rate those answers of the step that lack a rating. Verdicts are already in the ledger."""
        pending = self.ledger.pending(step.method, step.split, step.number)
        if not pending:
            return
        if self.panel is None or not isinstance(self.task, Judged):
            raise RuntimeError(f"the task '{self.task.name}' leaves scores pending but names no judges")
        started = time.perf_counter()
        rated = [(q, pending[q.place]) for q in questions if q.place in pending]
        cases = [list(self.task.cases(q.item, q.target, answer, step.split)) for q, answer in rated]
        verdicts = iter(self.panel.rate([case for of_one in cases for case in of_one]))
        scores = {
            question.place: self.task.rated(question.item, question.target, answer, [next(verdicts) for _ in of_one])
            for (question, answer), of_one in zip(rated, cases, strict=True)
        }
        self.ledger.rescore(step.method, step.split, step.number, scores, time.perf_counter() - started)

    def _ask(self, step: Step, questions: Sequence[SteeredItem], done: set[tuple[str, str]]) -> None:
        replied = [q for q in questions if q.steering.reply is not None]
        distinct = self._distinct([q for q in questions if q.steering.reply is None])
        known = [asked for asked in distinct if asked.edits == "" and asked.prompt in self._known]
        self._record(
            step,
            [*self._replies(step.method, replied), *self._answers(known, [self._known[a.prompt] for a in known])],
            done,
        )
        unknown = [asked for asked in distinct if not (asked.edits == "" and asked.prompt in self._known)]
        if not unknown:
            return
        engine = self._engine()
        packing = packing_of(engine)
        if packing is not None and not done and packing.token_budget != self.ledger.token_budget():
            self.ledger.set_token_budget(packing.token_budget)
        for indices, requests in batched([asked.request for asked in unknown], engine):
            chunk = [unknown[i] for i in indices]
            if all(q.place in done for asked in chunk for q in asked.questions):
                self.progress.advance(sum(len(asked.questions) for asked in chunk))
                continue
            started = time.perf_counter()
            outcomes = self._outcomes(engine, chunk, requests)
            self._record(step, list(self._answers(chunk, outcomes)), done, time.perf_counter() - started)

    def _outcomes(self, engine: Engine, chunk: Sequence[DistinctRequest], requests: Sequence[Request]) -> list[Outcome]:
        """The engine's outcomes in the order of the requests, which may mix choices and free text."""
        outcomes: dict[int, Outcome] = {}
        choices = [i for i, request in enumerate(requests) if request.options]
        texts = [i for i, request in enumerate(requests) if not request.options]
        if choices:
            outcomes |= zip(choices, chosen(engine, [requests[i] for i in choices]), strict=True)
        if texts:
            said = engine.generate([requests[i] for i in texts], self.task.sampling)
            outcomes |= zip(texts, self._continued(engine, [chunk[i] for i in texts], said), strict=True)
        return [outcomes[i] for i in range(len(requests))]

    def _continued(
        self, engine: Engine, chunk: Sequence[DistinctRequest], said: Sequence[Completion]
    ) -> list[Completion]:
        """Answers after the second stage, if the task has one. An unfinished first answer stays as it is."""
        answers = list(said)
        if not isinstance(self.task, Continued):
            return answers
        asked: dict[int, Request] = {}
        for place, (one, first) in enumerate(zip(chunk, said, strict=True)):
            if not first.answered:
                continue
            question = one.questions[0]
            follow_up = self.task.follow_up(question.item, question.target, question.told, first)
            if follow_up is not None:
                asked[place] = follow_up
        seconds = engine.generate(list(asked.values()), self.task.follow_sampling)
        for place, second in zip(asked, seconds, strict=True):
            first = said[place]
            thoughts = "\n\n".join(text for text in (first.thoughts, second.thoughts) if text)
            answers[place] = replace(second, tokens=first.tokens + second.tokens, before=first.text, thoughts=thoughts)
        return answers

    def _record(self, step: Step, samples: Sequence[Sample], done: set[tuple[str, str]], seconds: float = 0.0) -> None:
        """Writes samples in one transaction, unless an earlier start of the run has written them."""
        missing = [sample for sample in samples if (sample.target, sample.item) not in done]
        if missing and len(missing) < len(samples):
            raise UserError(
                f"The run in {self.ledger.path.parent} was started with other batches of requests and cannot continue; "
                "start a new one with --out."
            )
        if missing:
            self.ledger.record(step.method, step.split, step.number, missing, step.stage, seconds)
        self.progress.advance(len(samples))

    def _replies(self, method: str, questions: Iterable[SteeredItem]) -> Iterable[Sample]:
        for question in questions:
            answer = reply_of(self.task, method, question)
            score = score_of_outcome(self.task, question.item, question.target, answer)
            yield Sample(*question.place, question.setting, "", "", answer, score)

    def _answers(self, asked: Sequence[DistinctRequest], outcomes: Sequence[Outcome]) -> Iterable[Sample]:
        for one, outcome in zip(asked, outcomes, strict=True):
            for question in one.questions:
                score = score_of_outcome(self.task, question.item, question.target, outcome)
                yield Sample(*question.place, question.setting, one.prompt, one.edits, outcome, score)

    def _distinct(self, questions: Sequence[SteeredItem]) -> list[DistinctRequest]:
        """The distinct requests of a step, in order of first appearance."""
        distinct: dict[tuple[str, str], DistinctRequest] = {}
        for question in questions:
            request = self.task.request(question.item, question.target, question.told)
            key = (prompt_digest(request), edits_digest(request.steering))
            distinct.setdefault(key, DistinctRequest(request, *key, [])).questions.append(question)
        return list(distinct.values())

    def _engine(self) -> Engine:
        if self.engine is None:
            raise UserError("A row of this run needs a model; name one with --model.")
        return self.engine


def score_of_outcome(task: Task, item: Item, target: Target, outcome: Outcome | float) -> Score:
    """The task's score. An outcome that overflowed keeps only the score's record and is unscored on every task.

    An answer that never ends its thoughts is unscored too, and no judge is asked about it.
    """
    score = task.score(item, target, outcome)
    if isinstance(outcome, float):
        return score
    if outcome.overflowed:
        return Score(None, score.record, OVERFLOWED)
    unfinished = isinstance(outcome, Completion) and not outcome.answered
    return replace(score, unscored=UNFINISHED) if unfinished else score


def reply_of(task: Task, method: str, question: SteeredItem) -> Completion | float:
    """What a method that asks no model says: a text or a tick, whichever the task can read.

    Raises:
        UserError: the method has no reply to the item, or none that the task can read.
    """
    reply, item = question.steering.reply, question.item
    said, tick = (reply.said(item), reply.tick(item)) if reply else (None, None)
    if said is not None and task.reads_texts:
        return Completion(said, 0, "stop")
    if tick is not None and task.reads_ticks:
        return float(tick)
    if said is None and tick is None:
        raise UserError(f"'{method}' answers without a model, and has no reply to item {item.id} of {task.name}.")
    read = "ticks only" if task.reads_ticks else "texts only" if task.reads_texts else "a model's answers only"
    raise UserError(
        f"'{method}' answers without a model, by {'ticks of statements' if said is None else 'texts'}, and {task.name} "
        f"reads {read}; leave '{method}' out."
    )


def prompt_digest(request: Request) -> str:
    """Hash (128 bits, hex) of the prompt and of the options."""
    told = repr((request.prompt.messages, request.prompt.start, request.options, *request.neutral))
    return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:32]


def edits_digest(steering: Steering) -> str:
    """Hash (128 bits, hex) of a steering's edits; empty without edits."""
    return steering.edits_digest[:32] if steering.edits else ""
