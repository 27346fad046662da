"""The door that every plug-in comes in by: it is held to its contract, and given the contract's defaults.

The contracts (`steerbench.contracts`) say what a method, a task, a judge and an engine are, and the default of whatever
may be left out. A class that inherits from its contract has the defaults already; any other gets them here. So the
harness reads plain attributes, and this is the only file that asks a plug-in whether it has one.
"""

import inspect
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, cached_property
from numbers import Integral, Real
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from steerbench.contracts import Judge, Method, RegisteredEngine, Task
from steerbench.errors import UserError
from steerbench.plugins.finding import Kind

CONTRACTS: Mapping[Kind, Any] = {"method": Method, "task": Task, "judge": Judge, "engine": RegisteredEngine}

_MISSING: Any = object()
_IN_WORDS: Mapping[Any, str] = {bool: "True or False", str: "a text", int: "a whole number"}


def admit(kind: Kind, what: str, found: Any) -> None:
    """Hold what an entry point names to its contract, and give it the defaults of what it leaves out.

    `what` names the plug-in at the start of a sentence. What is data is checked later (`check_built`), because a
    constructor may set it.

    Raises:
        UserError: it is no class, or a function that the contract asks for is missing or takes other arguments.
    """
    if not inspect.isclass(found):
        raise UserError(f"{what} has to be a class, and is of type {type(found).__name__}; name a class there.")
    cls: Any = found  # to a type checker, a class is not always hashable
    _admit_class(kind, what, cls)


@cache
def _admit_class(kind: Kind, what: str, found: type) -> None:
    contract = CONTRACTS[kind]
    for name in _members(contract):
        stated, own = _stated(contract, name), inspect.getattr_static(found, name, _MISSING)
        required = _is_required(contract, name)
        if (function := _function(stated)) is not None:
            if required and (own in (_MISSING, stated) or not callable(getattr(found, name, None))):
                raise UserError(f"{what} has no `{name}`; write one: `{_written(stated, function)}`.")
            if own not in (_MISSING, stated) and (wrong := _call_mistake(own, function)):
                raise UserError(f"{what}: its `{name}` cannot be called as `{_written(stated, function)}`: {wrong}.")
        if not required and own is _MISSING:
            _give(kind, what, found, name, stated)


def check_built(kind: Kind, name: str, what: str, built: Any) -> None:
    """Hold an instance to its contract: it has all data that is asked for, each of its type, and its registered name.

    Raises:
        UserError: something is missing or other than the contract says; the first such is named.
    """
    contract, values = CONTRACTS[kind], {}
    for member, hint in _data(contract).items():
        values[member] = value = _read(what, built, contract, member)
        if value is not _stated(contract, member) and (wrong := _mistake(member, value, hint)):
            raise UserError(f"{what}: its `{member}` is {_shown(value)}, but {wrong}.")
    if values["name"] != name:
        raise UserError(f"{what} has the `name` '{values['name']}'; name it '{name}', as its entry point does.")


def _members(contract: Any) -> list[str]:
    """What a contract asks for or has a default of."""
    return [name for name in dict.fromkeys((*get_type_hints(contract), *dir(contract))) if not name.startswith("_")]


def _stated(contract: Any, name: str) -> Any:
    return inspect.getattr_static(contract, name, _MISSING)


def _is_required(contract: Any, name: str) -> bool:
    stated = _stated(contract, name)
    inner = stated.func if isinstance(stated, cached_property) else stated
    return inner is _MISSING or getattr(inner, "__isabstractmethod__", False)


def _function(member: Any) -> Callable[..., Any] | None:
    """The function behind a member of a class; None if it is data."""
    if isinstance(member, staticmethod | classmethod):
        return member.__func__
    return member if inspect.isfunction(member) else None


def _written(member: Any, function: Callable[..., Any]) -> str:
    """A contract's function as one writes it, without types."""
    above = {classmethod: "@classmethod ", staticmethod: "@staticmethod "}.get(type(member), "")
    return f"{above}def {function.__name__}({', '.join(inspect.signature(function).parameters)})"


def _call_mistake(own: Any, stated: Callable[..., Any]) -> str:
    """Why a plug-in's function cannot be called as the contract's is; "" if it can, or if that cannot be seen."""
    function = _function(own)
    if function is None:
        return ""
    wanted = [p for p in inspect.signature(stated).parameters.values() if p.name not in ("self", "cls")]
    bound = [] if isinstance(own, staticmethod) else [None]
    # What may be left out is given by its name; and so is all that an engine is loaded by, as users' parameters are.
    named = {p.name: None for p in wanted if stated.__name__ == "load" or p.default is not inspect.Parameter.empty}
    places = [None for p in wanted if p.name not in named]
    try:
        inspect.signature(function).bind(*bound, *places, **named)
    except TypeError as error:
        return str(error)
    return ""


def _give(kind: Kind, what: str, found: type, name: str, default: Any) -> None:
    """Set a default on a class that does not inherit from its contract; one that is computed there, as its value."""
    try:
        setattr(found, name, default.func(None) if isinstance(default, cached_property) else default)
    except (AttributeError, TypeError) as error:  # a class that nothing can be set on
        contract = CONTRACTS[kind].__name__
        raise UserError(
            f"{what} leaves out `{name}` and cannot be given its default ({error}); inherit from "
            f"steerbench.contracts.{contract}."
        ) from error


@cache
def _data(contract: Any) -> dict[str, Any]:
    """The types of what is data in a contract, by name."""
    hints = get_type_hints(contract)
    for name in _members(contract):
        if isinstance(member := _stated(contract, name), cached_property):
            hints[name] = get_type_hints(member.func)["return"]
    return {name: get_args(hint)[0] if get_origin(hint) is ClassVar else hint for name, hint in hints.items()}


def _read(what: str, built: Any, contract: Any, name: str) -> Any:
    """An attribute of an instance, whatever computes it."""
    static = inspect.getattr_static(built, name, _MISSING)
    lacking = f"{what} has no `{name}`; give it one."
    if static is _stated(contract, name) is not _MISSING and _is_required(contract, name):
        raise UserError(lacking)
    try:
        return getattr(built, name)
    except UserError:
        raise
    except Exception as error:  # whatever somebody's property raises
        if static is _MISSING and isinstance(error, AttributeError):
            raise UserError(lacking) from error
        raise UserError(f"{what}: its `{name}` cannot be read ({type(error).__name__}: {error}).") from error


def _mistake(name: str, value: Any, hint: Any) -> str:
    """What is wrong with a value, in words that follow "but"; "" if nothing is."""
    if name == "strengths":
        return _range_mistake(value)
    if isinstance(hint, type) and not get_args(hint):
        # Not by pydantic, which would take "no" for False.
        right = isinstance(value, Integral if hint is int else hint) and (hint is bool or not isinstance(value, bool))
        return "" if right else f"it has to be {_IN_WORDS.get(hint, f'a {hint.__name__}')}"
    try:
        _adapter(hint).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{part!r}]" for part in first["loc"])
        return f"{f'at {place} ' if place else ''}{first['msg'].replace('Input', 'it')}"
    return ""


def _range_mistake(value: Any) -> str:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        return "it has to be two numbers, the lowest and the highest strength"
    if not all(isinstance(bound, Real) and math.isfinite(bound) for bound in value):
        return "both of its bounds have to be finite numbers"
    return "" if value[0] <= value[1] else "the lower bound has to come first"


@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    """Of an annotation as pydantic can read it: it does not know Collection, nor look into our contracts."""
    if hint == Collection[str]:
        return TypeAdapter(frozenset[str])
    return TypeAdapter(Sequence if any(inner in CONTRACTS.values() for inner in get_args(hint)) else hint)


def _shown(value: Any, most: int = 60) -> str:
    shown = repr(value)
    return shown if len(shown) <= most else f"{shown[:most]}..."
