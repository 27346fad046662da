"""Asks the built-in model some questions of a published run again, and compares the answers.

Only greedy answers and likelihoods of models with pinned weights are compared, on transformers. Methods are fitted
again for the targets that are drawn; a target's steering does not depend on other targets. Other batches round
differently, so a run is judged by the share of its answers that agree (see `agreement`).
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steerbench import __version__
from steerbench.contracts import Engine, Task
from steerbench.contracts.roles import CONTROL
from steerbench.errors import UserError
from steerbench.models.fetch import state_of
from steerbench.models.registry import DEFAULT, models
from steerbench.publishing.agreement import AnswerAgreement, Drawn, Samples, agreements
from steerbench.publishing.known_weights import known_model
from steerbench.publishing.making import absent, made
from steerbench.publishing.naming import NO_MODEL
from steerbench.publishing.reading import read_whole, readable
from steerbench.publishing.rebuilding import rebuilt
from steerbench.publishing.samples import answer_in, asked_of
from steerbench.publishing.schema import Published
from steerbench.records.plan import Plan, PlanRow, adapted_row, code_of_run
from steerbench.running.opening import open_engine

ENOUGH = 0.75
"""The share of a run's likelihoods, and of its texts, that has to agree."""
ANOTHER = "made by another version of the code: not compared"


@dataclass(frozen=True)
class RerunFinding:
    """A line about a run, and whether it reports disagreement."""

    line: str
    wrong: bool = False


class Reruns:
    """Reruns of several published runs. Each model is loaded once per dtype."""

    def __init__(self, number: int, seed: int) -> None:
        self._number, self._seed = number, seed
        self._engines: dict[tuple[str | None, str | None], Engine] = {}

    def of(self, folder: Path) -> RerunFinding:
        """Asks some answers of the run in a folder again and compares them. An unreadable run is not compared."""
        try:
            found = self._of(*read_whole(folder))
        except UserError as error:
            found = RerunFinding(f"not compared: {error}")
        return RerunFinding(readable(f"{folder.name}: {found.line}"), found.wrong)

    def _of(self, published: Published, frame: Any) -> RerunFinding:
        if why := _left_out(published):
            return RerunFinding(why)
        task = rebuilt(published.plan)
        engine = self._engine(published)
        rows = {name: adapted_row(row, engine) for name, row in made(published, task).rows.items()}
        if why := _made_otherwise(published, task, engine, rows):
            return RerunFinding(f"{ANOTHER} ({why}).")
        task.unseal()
        asked = asked_of(task)
        samples = {(row["method"], (row["target"], row["item"])): row for row in frame.iter_rows(named=True)}
        drawn = self._drawn(published, task, rows, samples)
        agreed = list(agreements(engine, task, rows, asked, {one: samples[one] for one in drawn}))
        return _told(agreed, len(samples), self._seed)

    def _engine(self, published: Published) -> Engine:
        model, dtype = known_model(published.identity), published.identity["engine"].get("dtype")
        if (model, dtype) not in self._engines:
            plan = Plan(methods=published.plan.methods, task=published.plan.task, model=model, dtype=dtype)
            self._engines[model, dtype] = open_engine(plan, "cpu")
        return self._engines[model, dtype]

    def _drawn(self, published: Published, task: Task, rows: Mapping[str, PlanRow], samples: Samples) -> list[Drawn]:
        """Draws greedy answers of the model: from rows that ask it and are not controls, without overflows."""
        fitting = []
        for (method, place), sample in sorted(samples.items()):
            greedy = sample["logprobs"] is not None or task.sampling.temperature == 0
            whole = sample["finish"] in (None, "stop", "length") and None not in (sample["logprobs"] or ())
            asks = rows[method].method.needs_model and rows[method].role != CONTROL
            if asks and greedy and whole and answer_in(sample) is not None:
                fitting.append((method, place))
        return random.Random(f"{self._seed} {published.digest}").sample(fitting, min(self._number, len(fitting)))


def _left_out(published: Published) -> str:
    known = known_model(published.identity)
    if known == NO_MODEL:
        return "not compared: no model was asked."
    if known is None:
        return "not compared: its weights are not those of a known model."
    if known != DEFAULT and state_of(models()[known]) != "yes":
        return f"not compared: its model is not on this machine; fetch it with `steerbench model fetch {known}`."
    if published.identity["engine"].get("engine") != "hf":
        return "not compared: it was made with another engine than transformers."
    if foreign := absent(published):
        return f"not compared: '{foreign[0]}' is not installed here."
    return ""


def _made_otherwise(published: Published, task: Task, engine: Engine, rows: Mapping[str, PlanRow]) -> str:
    """What differs between the run's code, prompts and settings and today's; "" if nothing known does."""
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
    """The code that the model's answers depend on: everything except the judges'."""
    return {name: dict(told) for name, told in code.items() if not name.startswith("judge:")}


def _other_settings(said: Mapping[str, Any], rows: Mapping[str, PlanRow]) -> Iterator[str]:
    """Parameters with other values. Those that a method decides itself (None) had other notations in earlier
    versions."""
    decided = (None, "<factory>")
    for row in rows.values():
        for part, settings in row.settings.items():
            recorded = said.get(row.name, {}).get(part, {})
            for name in settings.keys() & recorded.keys():
                if settings[name] not in decided and recorded[name] not in (*decided, settings[name]):
                    yield f"{part}.{name}"


def _told(agreed: Sequence[AnswerAgreement], of: int, seed: int) -> RerunFinding:
    if not agreed:
        return RerunFinding("not compared: no answer is the model's own and greedy.")
    texts = [one.agrees for one in agreed if one.is_text]
    choices = [one.agrees for one in agreed if not one.is_text]
    parts = [
        f"{sum(found)} of {len(found)} {what} agree"
        for found, what in ((choices, "likelihoods"), (texts, "texts"))
        if found
    ]
    wrong = any(sum(found) < ENOUGH * len(found) for found in (choices, texts))
    line = f"{', '.join(parts)} ({len(agreed)} of {of} answers were asked again, seed {seed})"
    return RerunFinding(f"{line}; the model here answers differently." if wrong else f"{line}.", wrong)
