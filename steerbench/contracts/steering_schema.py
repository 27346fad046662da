"""What a steering file says beside its arrays, strictly.

Version 1 knows additions, caps and boosts; version 2 all kinds of edits, and gates. A file is of the lowest version
that can say what it holds, so that an older steerbench reads what it can. Files that name no version are of version 1.
"""

import json
from collections.abc import Iterator
from itertools import accumulate
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError
from pydantic_core import PydanticCustomError

from steerbench.contracts.edit_schema import AnyEdit, Arrays, EditSchema, Strict
from steerbench.contracts.edits import Add, Boost, Cap, Edit
from steerbench.contracts.edits.checks import is_number, is_whole
from steerbench.contracts.steering import PromptChange, Reply, Steering, flattened
from steerbench.contracts.steering_rules import fault
from steerbench.contracts.targets import Answer, Item

VERSION = 2

LONGEST = 2**24
"""Characters: many times what the longest prompts need."""


class Unusable(Exception):  # noqa: N818 - a reason, which becomes a UserError where the file's name is known
    """Why something is no steering, in words that follow a colon, and what to do about it."""

    remedy = "fit it again"


class Newer(Unusable):
    remedy = "update steerbench"


def _mark(value: Any) -> Any:
    if not is_number(value) or not 1 <= value <= 5:
        raise PydanticCustomError("mark", "Input should be a number from 1 to 5")
    return value


def _key(value: Any) -> Any:
    if not is_whole(value) or value not in (1, -1):
        raise PydanticCustomError("key", "Input should be 1 or -1")
    return value


Mark = Annotated[float, PlainValidator(_mark)]
"""A keyed score, or a tick as trivial rows reply it: the mean of some, perhaps."""
Tick = Annotated[int, Field(ge=1, le=5)]


class _Item(Strict):
    id: str
    text: str
    second_person: str
    trait: str
    facet: str
    key: Annotated[int, PlainValidator(_key)]


class _Prompt(Strict):
    system: str
    shown: tuple[tuple[_Item, Tick], ...]

    def prompt(self) -> PromptChange:
        return PromptChange(self.system, tuple(Answer(Item(**dict(item)), tick) for item, tick in self.shown))


class _Reply(Strict):
    constant: Mark | None
    by_trait: dict[str, Mark]
    by_item: dict[str, Mark]
    by_facet: dict[str, Mark] = Field(default_factory=dict)
    text: str | None
    echo: bool


class SteeringHeader(Strict):
    """A steering but for its arrays."""

    version: Literal[1, 2] = 1
    edits: tuple[AnyEdit, ...]
    prompt: _Prompt
    alternatives: tuple[_Prompt, ...]
    reply: _Reply | None
    draws: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=2)] | None = None
    """How many of the edits, one after the other, are of each draw."""

    def tensors(self) -> dict[str, str]:
        """The tensors that belong to it, and safetensors' words for their types."""
        return {f"{n}.{name}": word for n, edit in enumerate(self.edits) for name, word in edit.all_tensors()}

    def steering(self, arrays: Arrays) -> Steering:
        """The steering with the tensors that belong to it.

        Raises:
            Unusable: an edit breaks the rules of all edits.
        """
        edits = tuple(self._edits(arrays))
        for edit in edits:
            if (wrong := fault(edit)) is not None:
                raise Unusable(f"it {wrong}")
        reply = Reply(**dict(self.reply)) if self.reply else None
        first, *draws = self._dealt(edits)
        alternatives = tuple(one.prompt() for one in self.alternatives)
        return Steering(first, self.prompt.prompt(), alternatives, reply, draws=tuple(draws))

    def _dealt(self, edits: tuple[Edit, ...]) -> Iterator[tuple[Edit, ...]]:
        sizes = self.draws or (len(edits),)
        if sum(sizes) != len(edits):
            raise Unusable(f"it has {len(edits)} edits, where its draws have {sum(sizes)}")
        ends = list(accumulate(sizes))
        yield from (edits[end - size : end] for end, size in zip(ends, sizes, strict=True))

    def _edits(self, arrays: Arrays) -> Iterator[Edit]:
        edits: tuple[EditSchema, ...] = self.edits
        for n, described in enumerate(edits):
            yield described.edit({name: arrays[f"{n}.{name}"] for name, _ in described.all_tensors()})


class _Versioned(BaseModel):
    model_config = ConfigDict(strict=True)

    version: Annotated[int, Field(ge=1)] = 1


def described(text: str) -> SteeringHeader:
    """What a file says of its steering, read strictly.

    Raises:
        Unusable: it is of a later version, or not what a steering is described by.
    """
    if len(text) > LONGEST:
        raise Unusable(f"its description has {len(text)} characters, where {LONGEST} are the most")
    try:
        # First, for what a later version says besides is none of our business.
        version = _Versioned.model_validate_json(text).version
        if version > VERSION:
            raise Newer(
                f"it was written by a newer steerbench (version {version} of the file, this one reads {VERSION})"
            )
        return SteeringHeader.model_validate_json(text)
    except ValidationError as error:
        raise Unusable(_reason(error)) from None


def description(steering: Steering) -> tuple[str, Arrays]:
    """A steering as the text and the arrays of a file that can be read again.

    Raises:
        Unusable: it cannot be, for it breaks the rules.
    """
    if steering.by_item:
        raise Unusable("it says something else before every item, as controls do, which belongs in no file")
    fields, arrays = flattened(steering)
    try:
        text = json.dumps({"version": _version(steering), **fields}, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise Unusable(f"it holds what a file cannot say ({error})") from None
    described(text).steering(arrays)
    return text, arrays


def _version(steering: Steering) -> int:
    first = all(isinstance(edit, Add | Cap | Boost) and not edit.gates for edit in steering.all_edits)
    return 1 if first else 2


def _reason(error: ValidationError) -> str:
    """The first of what is wrong, and where."""
    first = error.errors(include_url=False, include_input=False)[0]
    message = first["msg"][:1].lower() + first["msg"][1:]
    return f"{'.'.join(map(str, first['loc']))}: {message}" if first["loc"] else f"its description is {message}"
