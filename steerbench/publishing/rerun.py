"""Asks the built-in model some of a published run's questions once more, and compares what it says.

Only greedy answers and likelihoods of the model whose weights are pinned, on transformers. Fits are made again for the
targets that are drawn: a target's steering does not depend on company. In other batches numbers are rounded otherwise,
so likelihoods may differ a little, and a text may take another turn: a run is judged by how many of its answers agree.
"""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steerbench import __version__
from steerbench.composition import fit
from steerbench.contracts import Choice, Continued, Engine, Task
from steerbench.errors import UserError
from steerbench.models.embedded import EMBEDDED
from steerbench.plan import Plan, Row, adapted_row, code_of_run
from steerbench.publishing.checking import read_whole, readable, rebuilt
from steerbench.publishing.known_weights import known_model
from steerbench.publishing.making import absent, made
from steerbench.publishing.naming import NO_MODEL
from steerbench.publishing.samples import Asked, Place, answer_in, asked_of, setting_in
from steerbench.publishing.schema import Published
from steerbench.runner import open_engine

NATS, SHARE = 0.5, 0.005
"""A log-likelihood agrees within so many nats, and this share of itself: long passages add up more rounding."""
OPENING = 24
"""Characters at the start of a text that have to be the same for it to agree."""
ENOUGH_CHOICES, ENOUGH_TEXTS = 0.75, 0.25
"""The shares of a run's likelihoods, and of its texts, that have to agree. Of texts few: where two words are nearly as
likely, rounding decides, and all that follows is another text."""
ANOTHER = "made by another version of the code: not compared"

Drawn = tuple[str, Place]
Samples = Mapping[Drawn, Mapping[str, Any]]


@dataclass(frozen=True)
class Found:
    """A line on a run, and whether it says that the run disagrees."""

    line: str
    wrong: bool = False


class Reruns:
    """Reruns of several published runs; a model is loaded once for each type that it is computed in."""

    def __init__(self, number: int, seed: int) -> None:
        self._number, self._seed = number, seed
        self._engines: dict[str | None, Engine] = {}

    def of(self, folder: Path) -> Found:
        """What asking some answers of the run in a folder again finds. Of one that cannot be read, the check tells."""
        try:
            found = self._of(*read_whole(folder))
        except UserError as error:
            found = Found(f"not compared: {error}")
        return Found(readable(f"{folder.name}: {found.line}"), found.wrong)

    def _of(self, published: Published, frame: Any) -> Found:
        if why := _left_out(published):
            return Found(why)
        task = rebuilt(published.plan)
        engine = self._engine(published)
        rows = {name: adapted_row(row, engine) for name, row in made(published, task).rows.items()}
        if why := _made_otherwise(published, task, engine, rows):
            return Found(f"{ANOTHER} ({why}).")
        task.unseal()
        asked = asked_of(task)
        samples = {(row["method"], (row["target"], row["item"])): row for row in frame.iter_rows(named=True)}
        drawn = self._drawn(published, task, rows, samples)
        agreed = list(_agreements(engine, task, rows, asked, {one: samples[one] for one in drawn}))
        return _told(agreed, len(samples), self._seed)

    def _engine(self, published: Published) -> Engine:
        dtype = published.identity["engine"].get("dtype")
        if dtype not in self._engines:
            plan = Plan(methods=published.plan.methods, task=published.plan.task, model=EMBEDDED, dtype=dtype)
            self._engines[dtype] = open_engine(plan, "cpu")
        return self._engines[dtype]

    def _drawn(self, published: Published, task: Task, rows: Mapping[str, Row], samples: Samples) -> list[Drawn]:
        """Answers that the model gave greedily: of rows that ask it and are no controls, none that overflowed."""
        fitting = []
        for (method, place), sample in sorted(samples.items()):
            greedy = sample["logprobs"] is not None or task.sampling.temperature == 0
            whole = sample["finish"] in (None, "stop", "length") and None not in (sample["logprobs"] or ())
            asks = rows[method].method.needs_model and rows[method].role != "control"
            if asks and greedy and whole and answer_in(sample) is not None:
                fitting.append((method, place))
        return random.Random(f"{self._seed} {published.digest}").sample(fitting, min(self._number, len(fitting)))


def _left_out(published: Published) -> str:
    known = known_model(published.identity)
    if known == NO_MODEL:
        return "not compared: no model was asked."
    if known != EMBEDDED:
        return "not compared: its weights are of no model that is known here."
    if published.identity["engine"].get("engine") != "hf":
        return "not compared: it was made on another engine than transformers."
    if foreign := absent(published):
        return f"not compared: '{foreign[0]}' is not installed here."
    return ""


def _made_otherwise(published: Published, task: Task, engine: Engine, rows: Mapping[str, Row]) -> str:
    """In what the run was made otherwise than it would be today; "" if in nothing that is known."""
    said, here = published.identity, engine.identity()
    if said.get("steerbench") != __version__:
        return f"steerbench {said.get('steerbench')}"
    told = said["task"].get("wording")
    if told != task.identity().get("wording"):
        return "the task's prompts"
    for name in ("tokenizer", "chat_template"):
        if said["engine"].get(name) != here.get(name):
            return f"the {name}"
    code = code_of_run(published.plan, list(rows.values()), task, {}, engine)
    if _of_answers(said.get("code") or {}) != _of_answers(code):
        return "its code"
    return next(_other_settings(said["methods"], rows), "")


def _of_answers(code: Mapping[str, Any]) -> dict[str, Any]:
    """The code that the model's answers depend on: all but that of judges."""
    return {name: dict(told) for name, told in code.items() if not name.startswith("judge:")}


def _other_settings(said: Mapping[str, Any], rows: Mapping[str, Row]) -> Iterator[str]:
    """Parameters that had other values. What a method decides itself (None) was written down in other ways before."""
    decided = (None, "<factory>")
    for row in rows.values():
        for part, settings in row.settings.items():
            recorded = said.get(row.name, {}).get(part, {})
            for name in settings.keys() & recorded.keys():
                if settings[name] not in decided and recorded[name] not in (*decided, settings[name]):
                    yield f"{part}.{name}"


def _agreements(
    engine: Engine, task: Task, rows: Mapping[str, Row], asked: Asked, drawn: Samples
) -> Iterator[tuple[bool, bool]]:
    """Of each answer, whether it is a text and whether it agrees."""
    for method in dict.fromkeys(method for method, _ in drawn):
        places = [place for name, place in drawn if name == method]
        targets = {asked[place][0].id: asked[place][0] for place in places}
        fits = dict(zip(targets, fit(rows[method].method, engine, list(targets.values())), strict=True))
        requests = []
        for place in places:
            target, item = asked[place]
            steering = setting_in(drawn[method, place]).apply(fits[target.id])
            requests.append(task.request(item, target, steering))
        samples = [drawn[method, place] for place in places]
        if requests[0].options:
            for choice, sample in zip(engine.choose(requests), samples, strict=True):
                yield False, _same_choice(choice, sample["logprobs"])
        else:
            said = engine.generate(requests, task.sampling)
            for one, sample in zip(said, samples, strict=True):
                yield True, _same_text(one.text, _first_said(task, sample))


def _first_said(task: Task, sample: Mapping[str, Any]) -> str:
    """Where a task asks twice, what the model said first: the second answer follows from it."""
    return str((sample["before"] or sample["text"]) if isinstance(task, Continued) else sample["text"])


def _same_choice(choice: Choice, stored: Sequence[float]) -> bool:
    return len(choice.logprobs) == len(stored) and all(
        math.isfinite(now) and abs(now - then) <= NATS + SHARE * abs(then)
        for now, then in zip(choice.logprobs, stored, strict=True)
    )


def _same_text(now: str, then: str) -> bool:
    return now.strip()[:OPENING] == then.strip()[:OPENING]


def _told(agreed: Sequence[tuple[bool, bool]], of: int, seed: int) -> Found:
    texts = [same for is_text, same in agreed if is_text]
    choices = [same for is_text, same in agreed if not is_text]
    if not agreed:
        return Found("not compared: no answer was the model's own and greedy.")
    parts = [
        f"{sum(found)} of {len(found)} {what} agree"
        for found, what in ((choices, "likelihoods"), (texts, "texts"))
        if found
    ]
    wrong = sum(choices) < ENOUGH_CHOICES * len(choices) or sum(texts) < ENOUGH_TEXTS * len(texts)
    line = f"{', '.join(parts)} ({len(agreed)} of {of} answers were asked again, seed {seed})"
    return Found(f"{line}; the model here says otherwise." if wrong else f"{line}.", wrong)
