"""Reads the files that people send back, and validates them against the study's key."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, ValidationError

from steerbench.errors import UserError
from steerbench.human.study import Key, first_fault
from steerbench.storage.json_models import FrozenModel

LARGEST = 20_000_000
"""Most bytes of an answers file; 10,000 decisions take a tenth of it."""

Name = Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]


class _StrictModel(FrozenModel):
    model_config = ConfigDict(strict=True)


class Decision(_StrictModel):
    """One screen: blind names of answers, best first, in groups of tied answers."""

    question: Name
    order: list[list[Name]]
    ms: Annotated[int, Field(ge=0, le=10**10)]

    @property
    def answers(self) -> list[str]:
        return [answer for group in self.order for answer in group]


class Response(_StrictModel):
    """One person's decisions. `check` is a hash of the rest, computed by the page."""

    format: Literal["steerbench-human-1"]
    study: Annotated[str, Field(max_length=64)]
    annotator: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{3,20}$")]
    answers: Annotated[list[Decision], Field(min_length=1)]
    check: str

    def own_check(self) -> str:
        told = json.dumps(self.model_dump(exclude={"check"}), separators=(",", ":"))
        return f"{fnv(told):016x}"


def read_responses(key: Key, paths: Sequence[Path]) -> list[Response]:
    """All people's answers, one file each.

    Raises:
        UserError: a file is missing, malformed, changed, of another study, or by a person who has another file.
    """
    seen: dict[str, Path] = {}
    responses = []
    for path in paths:
        response = _read(path)
        _check(key, path, response)
        if response.annotator in seen:
            raise UserError(
                f"{path} is by the annotator '{response.annotator}', whose answers are in {seen[response.annotator]} "
                "already; leave one of them out."
            )
        seen[response.annotator] = path
        responses.append(response)
    return responses


def fnv(text: str) -> int:
    """64-bit FNV-1a over UTF-8, as the page computes it. It detects changed files, but does not prove authorship."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def _read(path: Path) -> Response:
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path} is too large for a file of answers ({path.stat().st_size:,} bytes).")
        return Response.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from error
    except ValidationError as error:
        raise UserError(f"{path} is no file of answers as the page saves it ({first_fault(error)}).") from error


def _check(key: Key, path: Path, response: Response) -> None:
    if response.study != key.study:
        raise UserError(f"{path} belongs to another study ({response.study}, and this key is of {key.study}).")
    if response.check != response.own_check():
        raise UserError(
            f"{path} was changed after the page saved it; ask '{response.annotator}' for the file as it was."
        )
    seen: set[tuple[str, ...]] = set()
    for place, decision in enumerate(response.answers, 1):
        fault = _fault(key, decision) or ("was decided before" if _screen(decision) in seen else "")
        if fault:
            raise UserError(f"{path}, decision {place} (question {decision.question}): it {fault}.")
        seen.add(_screen(decision))


def _screen(decision: Decision) -> tuple[str, ...]:
    return (decision.question, *sorted(decision.answers))


def _fault(key: Key, decision: Decision) -> str:
    """What is wrong with a decision, in words; "" if nothing is."""
    question = key.questions.get(decision.question)
    if question is None:
        return "is not of this study"
    answers = decision.answers
    if not all(decision.order) or len(set(answers)) < len(answers):
        return "lists an answer twice, or has an empty group"
    if not set(answers) <= question.answers.keys():
        return "lists an answer that the question does not have"
    if key.mode == "compare":
        return "" if len(answers) == 2 else "does not compare two answers"
    if len(answers) < len(question.answers):
        return "leaves out an answer"
    return "" if len(decision.order) == len(answers) else "ties two answers"
