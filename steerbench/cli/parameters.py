"""Turns `--param pas.heads=48` and lists of names into what a plan holds."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from steerbench.composition import names
from steerbench.construction import parameters
from steerbench.errors import UserError
from steerbench.plugins import available, find


def comma_separated(values: Sequence[str]) -> list[str]:
    """Names given as `a,b` or one by one, without repeats."""
    found = [name.strip() for value in values for name in value.split(",")]
    return list(dict.fromkeys(name for name in found if name))


def parse_parameters(given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By plug-in, its parameters.

    Raises:
        UserError: an entry is not of the form NAME.PARAMETER=VALUE.
    """
    result: dict[str, dict[str, Any]] = {}
    for entry in given:
        place, equals, value = entry.partition("=")
        plugin, dot, parameter = place.rpartition(".")
        if not (equals and dot and plugin and parameter):
            raise UserError(f"--param {entry} cannot be read: write NAME.PARAMETER=VALUE, for example pas.heads=48.")
        result.setdefault(plugin, {})[parameter] = value_of(value)
    return result


def with_variant(
    variant: str | None, methods: Sequence[str], given: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The parameters, with `variant` for each method of the plan that has variants.

    Raises:
        UserError: none of them has.
    """
    result = {name: dict(values) for name, values in given.items()}
    if variant is None:
        return result
    single = {name for spec in methods for name in names(spec)}
    having = [name for name in sorted(single) if "variant" in parameters(find("method", name))]
    if not having:
        raise UserError(f"--variant {variant} has no effect: none of the methods asked for has variants.")
    for name in having:
        result[name] = {"variant": variant, **result.get(name, {})}
    return result


def judges_of(
    trait: str | None, fluency: str | None, given: dict[str, dict[str, Any]], allow_self_judge: bool = False
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """The judges asked for by role, and the parameters meant for judges, which are taken out of `given`."""
    named = {role: name for role, name in (("trait", trait), ("fluency", fluency)) if name}
    own = {name: given.pop(name) for name in list(given) if name in available("judge")}
    if allow_self_judge:
        for name in set(named.values()):
            if "allow_self_judge" in parameters(find("judge", name)):
                own.setdefault(name, {})["allow_self_judge"] = True
    return named, own


def value_of(text: str) -> Any:
    """A value as it was typed: JSON (48, 0.5, true, [1, 2]), and else text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
