"""What a check is given: a plug-in by its registered name, its class, or an instance of it."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from steerbench.plugins.door import admit
from steerbench.plugins.finding import Kind
from steerbench.plugins.parameters import parameters_of
from steerbench.plugins.plugin import construct

Build = Callable[[], Any]


def subject(kind: Kind, plugin: Any, given: Mapping[str, Any]) -> tuple[str, Build]:
    """How the plug-in is called in a sentence, and what builds it with the parameters `given`; an instance is itself.

    Raises:
        UserError: nothing has that name, it takes no such parameter, or it breaks its contract.
    """
    if isinstance(plugin, str):
        return f"The {kind} '{plugin}'", lambda: construct(kind, plugin, given, {"seed": 0})
    # As if it were found by its name: what its contract has a default of, it need not have.
    admit(kind, f"The {kind} {_class(plugin).__name__}", _class(plugin))
    if inspect.isclass(plugin):
        offered = {"seed": 0} if "seed" in parameters_of(plugin) else {}
        return f"The {kind} {plugin.__name__}", lambda: plugin(**offered, **given)
    if given:
        raise TypeError("parameters are for a name or a class; an instance has its own")
    return f"The {kind} {type(plugin).__name__}", lambda: plugin


def _class(plugin: Any) -> type:
    return plugin if isinstance(plugin, type) else type(plugin)
