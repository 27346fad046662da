"""Builds a plug-in from the parameters a user gave: checked by type, with an error that names the parameter."""

import inspect
import json
import math
from collections.abc import Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from steerbench.errors import UserError, unknown
from steerbench.plugins.finding import Kind, find


def construct(kind: Kind, name: str, given: Mapping[str, Any], offered: Mapping[str, Any] | None = None) -> Any:
    """An instance of the plug-in `name`.

    `given` is what the user asked for: every entry must be a parameter of the constructor, of its
    annotated type. `offered` (the plan's seed, its protocol) is passed on to constructors that take it.

    Raises:
        UserError: no such plug-in, a parameter it does not have, or a value it does not take.
    """
    plugin = find(kind, name)
    values = {key: value for key, value in (offered or {}).items() if key in parameters(plugin)}
    values |= checked(kind, name, given, plugin)
    try:
        return plugin(**values)
    except ValidationError as error:
        raise UserError(f"The {kind} '{name}' does not take {_first(error)}.") from error
    except (TypeError, ValueError) as error:
        raise UserError(f"The {kind} '{name}' cannot be built from {values}: {error}.") from error


def checked(kind: Kind, name: str, given: Mapping[str, Any], plugin: Any) -> dict[str, Any]:
    """The user's parameters for a plug-in's constructor (or another callable of it), of their annotated types.

    Raises:
        UserError: a parameter it does not have, or a value of another type.
    """
    accepted, hints = parameters(plugin), _hints(plugin)
    for parameter in given:
        if parameter not in accepted:
            raise UserError(unknown(f"parameter of the {kind} '{name}' called", parameter, accepted))
    return {key: _typed(f"{name}.{key}", value, hints.get(key, Any)) for key, value in given.items()}


def parameters(plugin: Any) -> dict[str, Any]:
    """What a plug-in's constructor takes, by name, with the defaults (`inspect.Parameter.empty` if none)."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {p.name: p.default for p in inspect.signature(plugin).parameters.values() if p.kind in named}


def settled(
    kind: Kind, name: str, given: Mapping[str, Any], offered: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """All parameters after defaults, as JSON values: what an identity is taken over."""
    accepted = parameters(find(kind, name))
    taken = {key: value for key, value in (offered or {}).items() if key in accepted}
    return {
        key: to_jsonable_python(value, fallback=repr)
        for key, value in sorted((accepted | taken | dict(given)).items())
        if value is not inspect.Parameter.empty
    }


def _hints(plugin: Any) -> dict[str, Any]:
    try:
        return get_type_hints(plugin.__init__ if inspect.isclass(plugin) else plugin)
    except (NameError, TypeError):  # an annotation only a type checker can see: the constructor judges the value itself
        return {}


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


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}={first['input']!r} ({first['msg']})"


def value_of(text: str) -> Any:
    """A value as it was typed: JSON (48, 0.5, true, [1, 2]), and else text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
