"""The settings that calibration tries for a method under a plan: strengths, or wordings of a prompt."""

from collections.abc import Sequence

from steerbench.contracts import Method
from steerbench.contracts.steering import Steering
from steerbench.records.plan import Plan
from steerbench.running import calibration
from steerbench.running.calibration import Trials


def trials(plan: Plan, method: Method, fitted: Steering) -> Trials:
    """The settings to try for a target: strengths if the method has a range of them, otherwise its wordings."""
    low, high = method.strengths
    if low == high:
        return calibration.wordings(1 + len(fitted.alternatives), plan.budget)
    if plan.calibration == "golden":
        return calibration.golden_section(low, high, plan.budget)
    return calibration.grid(grid_strengths(plan, method))


def grid_strengths(plan: Plan, method: Method) -> list[float]:
    if plan.protocol == "published":
        own = method.published_strengths
        return [0.0, *own] if own else calibration.published_grid(*method.strengths)
    return calibration.spaced(*method.strengths, plan.budget)


def evaluations(plan: Plan, method: Method, fits: Sequence[Steering]) -> int:
    """The number of calibration steps."""
    if method.strengths[0] == method.strengths[1]:
        return min(plan.budget, 1 + max(len(fitted.alternatives) for fitted in fits))
    return plan.budget if plan.calibration == "golden" else len(grid_strengths(plan, method))
