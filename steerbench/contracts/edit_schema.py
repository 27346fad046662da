"""What a steering file says of an edit beside its arrays, made from the fields of its kind (`edits.KINDS`).

So a kind that is added is in files as soon as it stands among them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import reduce
from operator import or_
from typing import Annotated, Any, ClassVar, Literal, get_type_hints

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, create_model
from pydantic_core import PydanticCustomError

from steerbench.contracts.edits import GATES, KINDS, Edit, Gate, Positions
from steerbench.contracts.edits.checks import is_number

Arrays = Mapping[str, NDArray[Any]]

WORDS = {NDArray[np.float32]: "F32", NDArray[np.int64]: "I64"}
"""Types of arrays, by safetensors' words for them."""


def _number(value: Any) -> Any:
    """A number as it is: an int stays one, so that a digest is the same before and after."""
    if not is_number(value):
        raise PydanticCustomError("number", "Input should be a finite number")
    return value


Number = Annotated[float, PlainValidator(_number)]


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class GateSchema(Strict):
    """A gate without its arrays, `tensors` (name to safetensors' word for its type)."""

    tensors: ClassVar[Mapping[str, str]]
    type: ClassVar[type[Gate]]

    def gate(self, arrays: Arrays) -> Gate:
        own: dict[str, Any] = {**self.model_dump(exclude={"kind"}), **arrays}
        return self.type(**own)


class EditSchema(Strict):
    """An edit without its arrays, `tensors` (name to safetensors' word for its type)."""

    tensors: ClassVar[Mapping[str, str]]
    type: ClassVar[type[Edit]]

    layer: int
    positions: tuple[Literal["all", "front", "decode"], int]
    gates: tuple[GateSchema, ...] = ()

    def all_tensors(self) -> Iterator[tuple[str, str]]:
        """Its arrays and those of its gates, by name."""
        yield from self.tensors.items()
        for number, gate in enumerate(self.gates):
            yield from ((f"gates.{number}.{name}", word) for name, word in gate.tensors.items())

    def edit(self, arrays: Arrays) -> Edit:
        """The edit with its arrays, by name."""
        own: dict[str, Any] = self.model_dump(exclude={"kind", "positions", "gates"})
        own |= {name: arrays[name] for name in self.tensors}
        gates = tuple(
            gate.gate({name: arrays[f"gates.{number}.{name}"] for name in gate.tensors})
            for number, gate in enumerate(self.gates)
        )
        return self.type(**own, positions=Positions(*self.positions), gates=gates)


def _schema(of: type[Any], base: type[Strict], elsewhere: tuple[str, ...]) -> type[Strict]:
    """A schema of a dataclass: `kind` is its name, arrays are its `tensors`, `elsewhere` are the fields of the base."""
    hints, tensors = get_type_hints(of), {}
    said: dict[str, Any] = {"kind": (Literal[of.__name__], ...)}
    for field in fields(of):
        if (word := WORDS.get(hints[field.name])) is not None:
            tensors[field.name] = word
        elif field.name not in elsewhere:
            said[field.name] = (Number if hints[field.name] is float else hints[field.name], ...)
    made = create_model(f"{of.__name__}Schema", __base__=base, **said)
    made.tensors, made.type = tensors, of  # type: ignore[attr-defined]
    return made


_GATES = {kind: _schema(kind, GateSchema, ()) for kind in GATES}
_AnyGate: Any = Annotated[reduce(or_, _GATES.values()), Field(discriminator="kind")]


class _Gated(EditSchema):
    gates: tuple[_AnyGate, ...] = ()


_EDITS = {kind: _schema(kind, _Gated, ("layer", "positions", "gates")) for kind in KINDS}
AnyEdit: Any = Annotated[reduce(or_, _EDITS.values()), Field(discriminator="kind")]
"""An edit of any kind, told by its `kind`."""
