"""Methods: from targets to steerings."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from steerbench.contracts.engine import Engine
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import Item, Target


@runtime_checkable
class Method(Protocol):
    """Turns targets into steerings of unit strength.

    A method with `needs_model = False` is fitted with no engine and answers by `Steering.reply`.
    `strengths` bounds what calibration may try; (1, 1) means there is nothing to choose. A target's steering may
    not depend on who else is fitted.

    A method may also say `changes_nothing = True` (its steerings leave the model as it is, and none is saved),
    `published_strengths` (the grid that its paper sweeps) and `deviations` (how, in a run of the
    published protocol, it is not the published method). A row that is there to compare methods with says its `role`
    as a plain string, by which `steerbench list methods` groups it without importing it. What its fits come upon
    and is worth publishing, it puts into `Steering.facts`.
    """

    name: str
    needs_model: bool
    strengths: tuple[float, float]

    def fit(self, engine: Engine, targets: Sequence[Target]) -> Sequence[Steering]: ...


@runtime_checkable
class Control(Method, Protocol):
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
