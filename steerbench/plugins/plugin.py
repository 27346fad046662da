"""A plug-in, resolved once: its class, what its constructor takes, where it is from, and how it is built.

Whoever needs to know something of a method, a task, a judge or an engine by its name asks `resolve`.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import EntryPoint
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from steerbench.errors import UserError
from steerbench.plugins.code import Code, code_of
from steerbench.plugins.door import CONTRACTS, check_built
from steerbench.plugins.finding import Kind, available, find, spoken
from steerbench.plugins.parameters import Parameter, checked, parameters_of


@dataclass(frozen=True, eq=False)
class Plugin:
    """What is registered under a name, held to its contract."""

    kind: Kind
    name: str
    cls: Any
    point: EntryPoint

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """What it is built with, by name: its constructor's parameters; of an engine those of `load`."""
        return parameters_of(self.cls.load if self.kind == "engine" else self.cls)

    @property
    def distribution(self) -> str:
        """Name and version of the distribution that registers it; "" if that is not known."""
        return f"{self.point.dist.name} {self.point.dist.version}" if self.point.dist else ""

    @property
    def docstring(self) -> str:
        """What its class, or a base, says of itself; "" if only its contract does."""
        told = inspect.getdoc(self.cls) or ""
        return "" if told == inspect.getdoc(CONTRACTS[self.kind]) else told

    @property
    def code(self) -> Code:
        """Distribution, version and digest of the sources."""
        return code_of(self.kind, self.name)

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The user's parameters, of their annotated types.

        Raises:
            UserError: a parameter it does not have, or a value of another type.
        """
        return checked(self.kind, self.name, given, self.parameters)

    def build(self, given: Mapping[str, Any], offered: Mapping[str, Any] | None = None) -> Any:
        """An instance; an engine with its model.

        `given` is what the user asked for: every entry must be a parameter, of its annotated type. `offered` (the
        plan's seed, its protocol) is passed on to those that take it.

        Raises:
            UserError: a parameter it does not have, a value it does not take, or an instance that breaks the contract.
        """
        values = {key: value for key, value in (offered or {}).items() if key in self.parameters}
        values |= self.checked(given)
        try:
            built = self.cls.load(**values) if self.kind == "engine" else self.cls(**values)
        except ValidationError as error:
            raise UserError(f"The {self.kind} '{self.name}' does not take {_first(error)}.") from error
        except (TypeError, ValueError) as error:
            if self.kind == "engine":  # loading goes far: what breaks in there is not about the parameters
                raise
            raise UserError(f"The {self.kind} '{self.name}' cannot be built from {values}: {error}.") from error
        check_built(self.kind, self.name, spoken(self.kind, self.point), built)
        return built

    def settled(self, given: Mapping[str, Any], offered: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """All parameters after defaults, as JSON values: what an identity is taken over."""
        defaults = {name: parameter.default for name, parameter in self.parameters.items()}
        taken = {key: value for key, value in (offered or {}).items() if key in defaults}
        return {
            key: to_jsonable_python(value, fallback=repr)
            for key, value in sorted((defaults | taken | dict(given)).items())
            if value is not inspect.Parameter.empty
        }


def resolve(kind: Kind, name: str) -> Plugin:
    """The plug-in registered under a name.

    Raises:
        UserError: nothing has that name, its package does not import, or it is none by its contract.
    """
    return _resolved(kind, name, find(kind, name), available(kind)[name])


@lru_cache(maxsize=256)
def _resolved(kind: Kind, name: str, cls: Any, point: EntryPoint) -> Plugin:
    return Plugin(kind, name, cls, point)


def construct(kind: Kind, name: str, given: Mapping[str, Any], offered: Mapping[str, Any] | None = None) -> Any:
    """An instance of the plug-in `name` (`Plugin.build`).

    Raises:
        UserError: no such plug-in, or it cannot be built so.
    """
    return resolve(kind, name).build(given, offered)


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}={first['input']!r} ({first['msg']})"
