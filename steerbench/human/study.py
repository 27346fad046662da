"""A study: which answers people are shown, under names that say nothing, and the key that says whose they are."""

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
"""Answers to a question that can be told apart by one digit key each."""

Mode = Literal["rank", "compare"]


class Shown(FiniteModel):
    """An answer: the methods that gave it, in these very words, and its rating on the question's trait."""

    methods: list[str] = Field(min_length=1)
    rating: float | None


class StudyQuestion(FiniteModel):
    """A question under a target, and its answers by their blind names."""

    target: str
    item: str
    trait: str
    high: bool
    answers: dict[str, Shown] = Field(min_length=2)

    def screens(self, mode: Mode) -> int:
        return 1 if mode == "rank" else math.comb(len(self.answers), 2)


class Key(FiniteModel):
    """What the study's owner keeps: whose answer is whose. `study` is a hash of all the rest."""

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
        """How often a person is asked to decide."""
        return sum(question.screens(self.mode) for question in self.questions.values())


@dataclass(frozen=True)
class Study:
    """The key, and what the page holds: JSON values without a word about methods."""

    key: Key
    page: dict[str, Any]


def make_study(sources: Sources, questions: int | None, mode: Mode, seed: int) -> Study:
    """Draw the questions, targets taking turns, and give their answers blind names in a blind order.

    Answers in the same words are shown once. A question to which all methods say the same is not asked.

    Raises:
        UserError: too many methods for one screen, or fewer questions than wanted.
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
    """What the blind order is drawn from: nobody can draw it again who has the page but not the runs' ratings."""
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
    """So many questions at random, the targets taking turns so that none is asked about much more than another."""
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
    """The question with its answers, shuffled, and their texts by blind name."""
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
    """All pairs of blind names, each and all of them in alphabetical order."""
    return list(combinations(sorted(answers), 2))


def write_key(key: Key, path: Path) -> None:
    """Raises UserError: another study's key is there, or the path cannot be written."""
    if path.exists() and read_key(path).study != key.study:
        raise UserError(f"{path} is the key of another study, which would be lost; choose another --out.")
    with understandable(path):
        write_whole(path, key.model_dump_json(indent=1) + "\n")


def read_key(path: Path) -> Key:
    """The key of a study.

    Raises:
        UserError: there is none, it cannot be read, or it was changed.
    """
    try:
        key = Key.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"There is no key at {path}; steerbench human export writes it beside the page.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from error
    except ValidationError as error:
        raise UserError(f"{path} is no key of a study ({first_fault(error)}).") from error
    if key.own_id() != key.study:
        raise UserError(f"{path} was changed after the study was exported; take the key as it was written.")
    return key


def first_fault(error: ValidationError) -> str:
    """Where a file is not as it should be, and how: the first place of several."""
    fault = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in fault["loc"])[:100]
    return f"{where}: {fault['msg']}" if where else str(fault["msg"])
