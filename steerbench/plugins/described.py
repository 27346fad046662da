"""A plug-in as a user may look it up: what it is, where it is from, its parameters with types, defaults and ranges."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

from steerbench.plugins.finding import Kind
from steerbench.plugins.parameters import Parameter as Taken
from steerbench.plugins.plugin import resolve

OPTIONS = ("seed", "protocol", "spec", "dtype", "device", "chat_template")
"""Parameters that commands have options for, and hand on to whoever takes them."""


@dataclass(frozen=True)
class Parameter:
    """`default` is None where the plug-in decides itself, and `required` where there is none; `range` is in words."""

    name: str
    type: str
    default: Any = None
    required: bool = False
    range: str = ""


@dataclass(frozen=True)
class PluginDescription:
    """`source` is the class and its distribution; `example` an option that sets the first parameter, "" without any."""

    kind: Kind
    name: str
    what: str
    source: str
    parameters: tuple[Parameter, ...]
    example: str


def described(kind: Kind, name: str) -> PluginDescription:
    """Look a plug-in up.

    Raises:
        UserError: nothing has that name, or its package does not import.
    """
    plugin = resolve(kind, name)
    own = tuple(in_words(one) for one in plugin.parameters.values() if one.name not in OPTIONS)
    told = [one for one in own if one.default not in (None, "", "<factory>")]
    example = f"--param {name}.{told[0].name}={told[0].default}" if told else ""
    from_where = f" ({plugin.distribution})" if plugin.distribution else ""
    what = _unwrapped(plugin.docstring)
    return PluginDescription(kind, name, what, f"{plugin.point.value}{from_where}", own, example)


def _unwrapped(text: str) -> str:
    """Each paragraph as one line, whatever width its source was written at; what is indented stays as it is."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(one if "\n " in one else " ".join(one.split("\n")) for one in paragraphs)


def in_words(taken: Taken) -> Parameter:
    """A parameter as it is shown."""
    default = None if taken.required else taken.default
    simple = default if isinstance(default, int | float | str | bool | None) else str(default)
    return Parameter(taken.name, _type(taken.hint), simple, taken.required, _range(taken.hint))


def _type(hint: Any) -> str:
    """A type as one writes it, without what stands beside it and without None, which the default tells."""
    if hasattr(hint, "__metadata__"):
        return _type(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return " | ".join(map(str, get_args(hint)))
    if get_origin(hint) in (Union, UnionType):
        return " | ".join(_type(one) for one in get_args(hint) if one is not NoneType)
    return hint.__name__ if type(hint) is type else str(hint).replace("typing.", "").replace("collections.abc.", "")


def _range(hint: Any) -> str:
    """The bounds that annotations set, in words."""
    bounds = []
    for one in _metadata(hint):
        for rule in one.metadata if isinstance(one, FieldInfo) else (one,):
            if isinstance(rule, annotated_types.Ge):
                bounds.append(f"from {rule.ge}")
            elif isinstance(rule, annotated_types.Gt):
                bounds.append(f"above {rule.gt}")
            elif isinstance(rule, annotated_types.Le):
                bounds.append(f"to {rule.le}")
            elif isinstance(rule, annotated_types.Lt):
                bounds.append(f"below {rule.lt}")
    return " ".join(bounds)


def _metadata(hint: Any) -> Iterator[Any]:
    """Of the hint, and of what it is made of."""
    yield from getattr(hint, "__metadata__", ())
    for inner in get_args(hint):
        yield from _metadata(inner)
