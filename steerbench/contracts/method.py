"""Methods: from targets to steerings."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, runtime_checkable

from steerbench.contracts.engine import Engine
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Item, Target


class Method(Protocol):
    """Turns targets into steerings of unit strength.

    A class that inherits from it has the defaults below; one that does not gets them where it is found by its name
    (`plugins.door`). Whatever is not a function may be an attribute, a property, or set by the constructor; but what is
    marked `ClassVar` is read off the class.
    """

    name: str
    """The name that it is registered under."""

    changes_nothing: bool = False
    """Its steerings leave the model as it is, and none is saved."""

    role: ClassVar[str] = ""
    """Of a row that is there to compare methods with, its role as a plain string, by which `list methods` groups it."""

    of: str = ""
    """The method that it is matched to, as the random direction is; "" for most. It is used at that one's strength."""

    published_strengths: Sequence[float] = ()
    """The grid that its paper sweeps, without 0; empty where the paper sweeps none."""

    symbols: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """The symbols of its paper, by which a sweep may name its parameters, and "strength": {"alpha": "strength"}."""

    @cached_property
    def deviations(self) -> Sequence[str]:
        """How, in a run of the published protocol, it is not the published method: one phrase for each difference."""
        return ()

    @cached_property
    @abstractmethod
    def needs_model(self) -> bool:
        """Whether it steers a model. If not, it is fitted with no engine and answers by `Steering.reply`."""
        ...

    @cached_property
    @abstractmethod
    def strengths(self) -> tuple[float, float]:
        """The lowest and the highest strength that calibration may try; (1.0, 1.0) if there is nothing to choose."""
        ...

    @abstractmethod
    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        """A steering of unit strength for each target, in their order; it may not depend on who else is fitted.

        Numbers that the fit finds and that are worth publishing go into `Steering.facts`.
        """
        ...


@runtime_checkable
class Control(Protocol):
    """What a method has besides, if it is a control: it is shown the answers to what it is asked.

    Only where its role on the task is "control", and only by the runner, once every setting of the run is frozen. It is
    not calibrated, and its `fit`, which knows of no answer, is not asked.
    """

    def reveal(self, targets: Sequence[Target], answers: Mapping[str, Mapping[Item, Any]]) -> Sequence[Steering]:
        """A steering for each target, from the answers (by target and item) to all that it will be asked.

        The same every time it is called: it is called anew when a run goes on.
        """
        ...


@runtime_checkable
class Dealing(Protocol):
    """What a method has besides, if its steerings have draws (`Steering.draws`)."""

    def hands(self, target: Target) -> int:
        """Over how many edits the target's items are dealt out."""
        ...


@runtime_checkable
class Adaptive(Protocol):
    """What a method has besides, if its parameters depend on the model or do not fit every one: layers, heads."""

    def adapted(self, engine: Engine) -> Mapping[str, Any]:
        """The parameters that the model decides, as they will be used: what the run's settings record.

        Asked before anything is run.

        Raises:
            UserError: a parameter, which it names, is none for this model.
        """
        ...


def has_dial(method: Method) -> bool:
    """Whether a method's strength can be turned."""
    low, high = method.strengths
    return low != high
