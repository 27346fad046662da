"""Measures how fast an engine answers, with a few unsteered questions before a run.

The questions are calibration items of the run's task. Nothing of them is kept: no ledger is open, and no test item is
asked. The engine gets back its token budget afterwards, so that the run forms the same batches.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from steerbench.contracts import Continued, Engine, Request, Sampling, Split, Task, packing_of
from steerbench.contracts.steering import UNSTEERED
from steerbench.errors import UserError
from steerbench.running.evaluation import prompt_digest

LIKELIHOODS, TEXTS = 32, 16
"""The most answers timed in one batch: likelihoods of options, and free texts."""
TOKENS = 16
"""Maximum length of a text; the time up to the task's own limit is extrapolated."""
FEWEST_TOKENS = 4
GROWTH = 4
PATIENCE = 1.5
"""Seconds after which no larger batch is tried. The last batch takes at most `GROWTH` times as long as the one before,
and hardly longer on most engines. A very slow engine is asked one answer to warm up and one to time."""

Clock = Callable[[], float]


@dataclass(frozen=True)
class AnswerSpeed:
    """Seconds per unsteered answer in batches of `together` answers.

    `tokens` is the length at which texts were cut (0 if nothing was extrapolated), `limit` the task's own limit.
    """

    seconds: float
    together: int
    tokens: int = 0
    limit: int = 0


def speed_of(engine: Engine, task: Task, clock: Clock = time.perf_counter) -> AnswerSpeed | None:
    """The engine's speed on the task's calibration items; None if there are none, or they cannot be asked."""
    asked = _plain(task)
    if not asked:
        return None
    try:
        with _as_it_was(engine):
            return _texts(engine, task, asked, clock) if not asked[0].options else _likelihoods(engine, asked, clock)
    except UserError:
        # Whatever is wrong, the run itself reports it.
        return None


def _plain(task: Task) -> list[Request]:
    """Distinct unsteered requests of one kind, as many as are timed. Free texts come first, because they take
    longer."""
    kinds: dict[bool, dict[str, Request]] = {True: {}, False: {}}
    for target in task.targets(Split.CALIBRATION):
        for item in task.items(target, Split.CALIBRATION):
            request = task.request(item, target, UNSTEERED)
            kinds[bool(request.options)].setdefault(prompt_digest(request), request)
        if len(kinds[False]) >= TEXTS or len(kinds[True]) >= LIKELIHOODS:
            break
    return list(kinds[False].values())[:TEXTS] or list(kinds[True].values())[:LIKELIHOODS]


def _likelihoods(engine: Engine, asked: Sequence[Request], clock: Clock) -> AnswerSpeed:
    taken, together = _grown(asked, lambda some: engine.choose(some), clock)
    return AnswerSpeed(taken / together, together)


def _texts(engine: Engine, task: Task, asked: Sequence[Request], clock: Clock) -> AnswerSpeed:
    """Times free texts up to a limit of tokens and extrapolates linearly to the task's limit.

    The prompt is counted once, whatever the answer's length. The batch size is found with first tokens alone, which is
    faster.
    """
    limit = task.sampling.max_new_tokens
    if isinstance(task, Continued):
        limit += task.follow_sampling.max_new_tokens

    def cut(tokens: int) -> Sampling:
        return replace(task.sampling, max_new_tokens=tokens)

    first, together = _grown(asked, lambda some: engine.generate(some, cut(1)), clock)
    # A token takes at most as long as the prompt before it.
    tokens = min(limit, TOKENS, max(FEWEST_TOKENS, int(PATIENCE / max(first, 1e-6))))
    if tokens == 1:
        return AnswerSpeed(first / together, together)
    started = clock()
    said = engine.generate(asked[:together], cut(tokens))
    taken = clock() - started
    if tokens == limit or all(one.finish == "stop" for one in said):
        return AnswerSpeed(taken / together, together)
    a_token = max(taken - first, 0.0) / (tokens - 1)
    return AnswerSpeed((taken + a_token * (limit - tokens)) / together, together, tokens, limit)


def _grown(asked: Sequence[Request], ask: Callable[[Sequence[Request]], object], clock: Clock) -> tuple[float, int]:
    """Seconds of the largest batch within `PATIENCE`, and its size. Smaller batches come first and warm the engine
    up."""
    ask(asked[:1])
    began, size = clock(), 1
    while True:
        started = clock()
        ask(asked[:size])
        taken = clock() - started
        if size == len(asked) or clock() - began > PATIENCE:
            return taken, size
        size = min(GROWTH * size, len(asked))


@contextmanager
def _as_it_was(engine: Engine) -> Iterator[None]:
    packing = packing_of(engine)
    budget = packing.token_budget if packing is not None else 0
    try:
        yield
    finally:
        if packing is not None:
            packing.token_budget = budget
