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

    A class may inherit from this protocol. One that does not gets the defaults below when it is looked up by its name
    (`plugins.door`). Anything that is not a function may be an attribute, a property, or set by the constructor. What
    is marked `ClassVar` is read from the class.
    """

    name: str
    """The name under which it is registered."""

    changes_nothing: bool = False
    """True if its steerings do not change the model. They are not saved then."""

    role: ClassVar[str] = ""
    """The role of a baseline row, as a plain string, by which `list methods` groups it; "" for a method."""

    of: str = ""
    """The method to which it is matched and whose strength it uses, as the random direction does; "" for most."""

    published_strengths: Sequence[float] = ()
    """The strengths that its paper sweeps, without 0; empty if the paper sweeps none."""

    symbols: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Symbols of its paper that a sweep accepts for its parameters and for the strength: {"alpha": "strength"}."""

    @cached_property
    def deviations(self) -> Sequence[str]:
        """Differences from the published method in a run of the published protocol, one phrase each."""
        return ()

    @cached_property
    @abstractmethod
    def needs_model(self) -> bool:
        """Whether it steers a model. If not, it is fitted without an engine and answers by `Steering.reply`."""
        ...

    @cached_property
    @abstractmethod
    def strengths(self) -> tuple[float, float]:
        """The lowest and highest strength that calibration may try; (1.0, 1.0) if the strength is fixed."""
        ...

    @abstractmethod
    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]:
        """A steering of unit strength for each target, in the same order.

        A target's steering must not depend on the other targets. Numbers from the fit that are worth publishing go into
        `Steering.facts`.
        """
        ...


@runtime_checkable
class Control(Protocol):
    """Optional: a control, which is given the answers to the items that it will be asked.

    It gets them only where its role on the task is "control", only from the runner, and only after every setting of the
    run is frozen. It is not calibrated, and its `fit` is not called.
    """

    def reveal(self, targets: Sequence[Target], answers: Mapping[str, Mapping[Item, Any]]) -> Sequence[Steering]:
        """A steering for each target, from the answers (by target and item) to every item that it will be asked.

        It must return the same every time: a resumed run calls it again.
        """
        ...


@runtime_checkable
class Dealing(Protocol):
    """Optional: a method whose steerings have several draws (`Steering.draws`)."""

    def hands(self, target: Target) -> int:
        """The number of draws over which the target's items are distributed."""
        ...


@runtime_checkable
class Adaptive(Protocol):
    """Optional: a method with parameters (layers, heads) that depend on the model or do not fit every model."""

    def adapted(self, engine: Engine) -> Mapping[str, Any]:
        """The values that model-dependent parameters will have, for the record of the run's settings.

        Called before anything is run.

        Raises:
            UserError: a parameter, which the message names, does not fit this model.
        """
        ...


def has_dial(method: Method) -> bool:
    """Whether a method's strength can be varied."""
    low, high = method.strengths
    return low != high
