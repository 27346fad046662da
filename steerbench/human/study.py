"""A study: the answers that people see under blind names, and the key that maps these names to methods."""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from steerbench.errors import UserError
from steerbench.human.sources import Sources, TargetQuestion
from steerbench.human.wording import wording
from steerbench.storage.files import understandable, write_whole
from steerbench.storage.json_models import FiniteModel

SCHEMA = 1
MOST_ANSWERS = 9
"""Most answers per question, since each is selected by one digit key."""

Mode = Literal["rank", "compare"]


class Shown(FiniteModel):
    """An answer: the methods that gave exactly this text, and its rating on the question's trait."""

    methods: list[str] = Field(min_length=1)
    rating: float | None


class StudyQuestion(FiniteModel):
    """A question asked under a target, and its answers by blind name."""

    target: str
    item: str
    trait: str
    high: bool
    answers: dict[str, Shown] = Field(min_length=2)

    def screens(self, mode: Mode) -> int:
        return 1 if mode == "rank" else math.comb(len(self.answers), 2)


class Key(FiniteModel):
    """The study's key, which its owner keeps: the methods behind the blind names. `study` is a hash of the rest."""

    schema_version: int = SCHEMA
    study: str
    mode: Mode
    seed: int
    salt: str
    runs: dict[str, str]
    judge: str
    methods: list[str] = Field(min_length=2)
    questions: dict[str, StudyQuestion] = Field(min_length=1)

    def own_id(self) -> str:
        return hashlib.sha256(self.model_dump_json(exclude={"study"}).encode()).hexdigest()[:16]

    @property
    def screens(self) -> int:
        """Number of decisions per person."""
        return sum(question.screens(self.mode) for question in self.questions.values())


@dataclass(frozen=True)
class Study:
    """The key, and the page's data: JSON values that do not reveal methods."""

    key: Key
    page: dict[str, Any]


def make_study(sources: Sources, questions: int | None, mode: Mode, seed: int) -> Study:
    """Draw questions, balanced over targets, and give their answers random blind names in random order.

    Identical answers are shown once. A question to which all methods gave the same answer is not asked.

    Raises:
        UserError: there are too many methods for one screen, or too few questions.
    """
    if mode == "rank" and len(sources.methods) > MOST_ANSWERS:
        raise UserError(
            f"{len(sources.methods)} answers are too many to put in order (at most {MOST_ANSWERS}); choose some with "
            "--methods, or have them compared in pairs with --mode compare."
        )
    usable = [asked for asked in sources.shared() if len({a[asked].text for a in sources.methods.values()}) > 1]
    if len(usable) < (questions or 1):
        raise UserError(
            f"There are only {len(usable)} questions that all of these methods answered, and not all alike; "
            "give a smaller --questions, or other methods."
        )
    salt = _salt(sources, seed)
    rng = np.random.default_rng(int(salt, 16))
    names = _blind_names(rng)
    chosen: dict[str, StudyQuestion] = {}
    page = []
    for asked in _drawn(usable, questions, rng):
        question, texts = _blinded(sources, asked, names, rng)
        name = next(names)
        chosen[name] = question
        words = wording(asked.trait, asked.high)
        answers = [{"id": answer, "text": text} for answer, text in texts.items()]
        page.append(
            {"id": name, "question": asked.question, "more": words.more, "hint": words.hint, "answers": answers}
        )
    key = Key(
        study="",
        mode=mode,
        seed=seed,
        salt=salt,
        runs=dict(sources.runs),
        judge=sources.judge,
        methods=list(sources.methods),
        questions=chosen,
    )
    key = key.model_copy(update={"study": key.own_id()})
    return Study(key, {"study": key.study, "mode": mode, "questions": page})


def _salt(sources: Sources, seed: int) -> str:
    """The random seed of the blind order. It cannot be recomputed from the page, because it includes the ratings."""
    told = {
        method: [[*vars(asked).values(), *vars(answers[asked]).values()] for asked in sorted(answers)]
        for method, answers in sources.methods.items()
    }
    return hashlib.sha256(json.dumps([seed, dict(sources.runs), told]).encode()).hexdigest()


def _blind_names(rng: np.random.Generator) -> Iterator[str]:
    given: set[str] = set()
    while True:
        name = rng.bytes(4).hex()
        if name not in given:
            given.add(name)
            yield name


def _drawn(usable: Sequence[TargetQuestion], count: int | None, rng: np.random.Generator) -> list[TargetQuestion]:
    """`count` random questions, taken from each target in turn so that targets are balanced."""
    by_target: dict[str, list[TargetQuestion]] = {}
    for place in rng.permutation(len(usable)).tolist():
        by_target.setdefault(usable[place].target, []).append(usable[place])
    turns = sorted(
        (turn, place, asked)
        for place, of_target in enumerate(by_target.values())
        for turn, asked in enumerate(of_target)
    )
    return [asked for _, _, asked in turns][:count]


def _blinded(
    sources: Sources, asked: TargetQuestion, names: Iterator[str], rng: np.random.Generator
) -> tuple[StudyQuestion, dict[str, str]]:
    """The question with its answers in random order, and their texts by blind name."""
    by_text: dict[str, list[str]] = {}
    for method, answers in sources.methods.items():
        by_text.setdefault(answers[asked].text, []).append(method)
    texts = list(by_text)
    named = {next(names): texts[place] for place in rng.permutation(len(texts)).tolist()}
    shown = {
        name: Shown(methods=by_text[text], rating=_first([sources.methods[m][asked].rating for m in by_text[text]]))
        for name, text in named.items()
    }
    return StudyQuestion(target=asked.target, item=asked.item, trait=asked.trait, high=asked.high, answers=shown), named


def _first(ratings: Sequence[float | None]) -> float | None:
    return next((rating for rating in ratings if rating is not None), None)


def pairs_of(answers: Sequence[str]) -> list[tuple[str, str]]:
    """All pairs of blind names, in alphabetical order within and between pairs."""
    return list(combinations(sorted(answers), 2))


def write_key(key: Key, path: Path) -> None:
    """Write a key. Raises UserError: the path has another study's key, or is not writable."""
    if path.exists() and read_key(path).study != key.study:
        raise UserError(f"{path} is the key of another study and would be overwritten; choose another --out.")
    with understandable(path):
        write_whole(path, key.model_dump_json(indent=1) + "\n")


def read_key(path: Path) -> Key:
    """Read the key of a study.

    Raises:
        UserError: the file is missing, cannot be read, or was changed.
    """
    try:
        key = Key.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"There is no key at {path}; `steerbench human export` writes it beside the page.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from error
    except ValidationError as error:
        raise UserError(f"{path} is not the key of a study ({first_fault(error)}).") from error
    if key.own_id() != key.study:
        raise UserError(f"{path} was changed after the study was exported; take the key as it was written.")
    return key


def first_fault(error: ValidationError) -> str:
    """The first validation error: the field and what is wrong with it."""
    fault = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in fault["loc"])[:100]
    return f"{where}: {fault['msg']}" if where else str(fault["msg"])
