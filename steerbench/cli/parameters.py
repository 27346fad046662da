"""Reads `--param pas.heads=48`, and lists of names with commas."""

from collections.abc import Sequence
from typing import Any

from steerbench.errors import UserError
from steerbench.plugins.parameters import value_of
from steerbench.records.options import shortened


def comma_separated(option: str, values: Sequence[str]) -> list[str]:
    """Names given as `a,b` or one by one.

    Raises:
        UserError: a name is empty, or stands there twice.
    """
    found = [name.strip() for value in values for name in value.split(",")]
    if not all(found):
        raise UserError(f"{option} {','.join(values)} lacks a name before or after a comma; write names as in a,b.")
    if twice := [name for place, name in enumerate(found) if name in found[:place]]:
        raise UserError(f"{option} names '{twice[0]}' twice; leave one out.")
    return found


def parse_parameters(given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By plug-in, its parameters.

    Raises:
        UserError: an entry is not of the form NAME.PARAMETER=VALUE, or a parameter is given twice.
    """
    result: dict[str, dict[str, Any]] = {}
    for entry in given:
        place, _, value = entry.partition("=")
        plugin, _, parameter = place.strip().rpartition(".")
        if not (plugin and parameter and value.strip()):
            raise UserError(
                f"--param {shortened(entry)} cannot be read: write NAME.PARAMETER=VALUE, for example pas.heads=48."
            )
        if parameter in result.get(plugin, {}):
            raise UserError(f"--param {plugin}.{parameter} is given twice; leave one out.")
        result.setdefault(plugin, {})[parameter] = value_of(value)
    return result
