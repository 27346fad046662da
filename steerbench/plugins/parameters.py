"""The parameters that users give to plug-ins: checked by type, with an error that names the parameter."""

import inspect
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from steerbench.errors import UserError, unknown


@dataclass(frozen=True)
class Parameter:
    """`hint` is its annotation with what stands beside the type; `default` is `Parameter.empty` if there is none."""

    name: str
    hint: Any
    default: Any

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


def parameters_of(built_by: Any) -> dict[str, Parameter]:
    """What a class or a function takes, by name."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    hints = _hints(built_by)
    return {
        p.name: Parameter(p.name, hints.get(p.name, Any), p.default)
        for p in inspect.signature(built_by).parameters.values()
        if p.kind in named
    }


def checked(kind: str, name: str, given: Mapping[str, Any], accepted: Mapping[str, Parameter]) -> dict[str, Any]:
    """The user's parameters for a plug-in, of their annotated types.

    Raises:
        UserError: a parameter it does not have, or a value of another type.
    """
    for parameter in given:
        if parameter not in accepted:
            raise UserError(unknown(f"parameter of the {kind} '{name}' called", parameter, accepted))
    return {key: _typed(f"{name}.{key}", value, accepted[key].hint) for key, value in given.items()}


def _hints(built_by: Any) -> dict[str, Any]:
    """Annotations with what stands beside the types: of a dataclass its fields', else its constructor's."""
    sources = (built_by, built_by.__init__) if inspect.isclass(built_by) else (built_by,)
    found: dict[str, Any] = {}
    for one in sources:
        with suppress(NameError, TypeError):  # an annotation that only a type checker can see
            found = get_type_hints(one, include_extras=True) | found
    return found


def _typed(where: str, value: Any, annotation: Any) -> Any:
    try:
        typed = TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise UserError(f"{where} cannot be {_shown(value)}: {reason[0].lower()}{reason[1:]}.") from error
    if isinstance(typed, float) and not math.isfinite(typed):
        raise UserError(f"{where} cannot be {value}: give a finite number.")
    return typed


def _shown(value: Any, most: int = 80) -> str:
    shown = repr(value)
    return shown if len(shown) <= most else f"{shown[:most]}..."


def value_of(text: str) -> Any:
    """A value as it was typed: JSON (48, 0.5, true, [1, 2]), and else text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
