"""Methods by the name a user writes: one ("pas"), or several at once ("pas+few-shot")."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any

from steerbench.contracts import Adaptive, Control, Dealing, Engine, Method
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Blend, Target
from steerbench.errors import UserError
from steerbench.plugins.fitted import replying, sound
from steerbench.plugins.plugin import construct, resolve

Parameters = Mapping[str, Mapping[str, Any]]
"""By method name, what its constructor is given."""


@dataclass
class Composed(Method):
    """Several methods in one steering: each is fitted alone, then all edits and prompts are joined.

    There is one dial for all: the range of the part that has one (of several, what their ranges have
    in common). Other wordings a part offers are dropped; its first one is used.
    """

    name: str
    parts: tuple[Method, ...]
    needs_model: bool = field(init=False)
    strengths: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        if replying := [part.name for part in self.parts if not part.needs_model]:
            raise UserError(f"'{self.name}' cannot be composed: '{replying[0]}' answers without a model.")
        if controls := [part.name for part in self.parts if isinstance(part, Control)]:
            raise UserError(f"'{self.name}' cannot be composed: '{controls[0]}' is shown the answers it is asked for.")
        self.needs_model = True
        self.strengths = _common(self.name, [p.strengths for p in self.parts if p.strengths[0] != p.strengths[1]])

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        fits = [_sound(part, engine, targets) for part in self.parts]
        return [reduce(add, steerings) for steerings in zip(*fits, strict=True)]

    def hands(self, target: Target) -> int:
        """Of the part that deals out most: draws are joined side by side."""
        return max((part.hands(target) for part in self.parts if isinstance(part, Dealing)), default=1)


def adapted(method: Method, engine: Engine) -> dict[str, dict[str, Any]]:
    """By single method, the parameters that the model decides.

    Raises:
        UserError: a parameter does not fit the model.
    """
    parts = method.parts if isinstance(method, Composed) else (method,)
    return {part.name: dict(part.adapted(engine)) for part in parts if isinstance(part, Adaptive)}


def fit(method: Method, engine: Engine, targets: Sequence[Target]) -> list[Steering]:
    """A steering of unit strength for each target; a blend's is the sum of those of its poles.

    A method that replies without a model is given blends as they are: two replies make no third.

    Raises:
        UserError: what the method fitted cannot be used (`steering_rules`), or it cannot be fitted.
    """
    if not method.needs_model:
        return _sound(method, engine, targets)
    parts = [target.poles if isinstance(target, Blend) else (target,) for target in targets]
    single = {part.id: part for those in parts for part in those}
    fits = dict(zip(single, _sound(method, engine, list(single.values())), strict=True))
    return [reduce(add, [fits[part.id] for part in those]) for those in parts]


def _sound(method: Method, engine: Engine, targets: Sequence[Target]) -> list[Steering]:
    steerings = sound(method.name, method.fit(engine, targets), targets)
    return steerings if method.needs_model else replying(method.name, steerings, targets)


def names(spec: str) -> list[str]:
    """The single methods in a spec, in its order."""
    parts = [part.strip() for part in spec.split("+")]
    if not all(parts):
        raise UserError(f"'{spec}' is no method: write one name, or several joined by '+'.")
    if twice := [part for place, part in enumerate(parts) if part in parts[:place]]:
        raise UserError(f"'{spec}' names '{twice[0]}' twice; a method is in it once, and --strength makes it stronger.")
    return parts


def build_method(spec: str, parameters: Parameters, seed: int = 0) -> Method:
    """The method of a spec, with its parameters; a constructor that takes a seed gets the plan's."""
    parts = tuple(construct("method", name, parameters.get(name, {}), {"seed": seed}) for name in names(spec))
    return parts[0] if len(parts) == 1 else Composed(spec, parts)


def method_settings(spec: str, parameters: Parameters, seed: int = 0) -> dict[str, dict[str, Any]]:
    """By single method of a spec, its parameters after defaults: part of a run's identity."""
    return {name: resolve("method", name).settled(parameters.get(name, {}), {"seed": seed}) for name in names(spec)}


def _common(name: str, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The strengths that all ranges hold; (1, 1) if there are none to choose from."""
    low, high = max((r[0] for r in ranges), default=1.0), min((r[1] for r in ranges), default=1.0)
    if low > high:
        raise UserError(f"The methods of '{name}' have no strength in common and cannot be composed.")
    return low, high
