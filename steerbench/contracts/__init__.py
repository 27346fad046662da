"""The contracts: what a method, a task, a judge and an engine are to each other.

A method turns targets into steerings, a task asks items and scores what comes back, an engine runs
many requests at once, each under its own steering. None knows another by name.
"""

from steerbench.contracts.engine import (
    Activations,
    Choice,
    Completion,
    Engine,
    NeuronStatistics,
    Outcome,
    Prompt,
    Request,
    Sampling,
    batched,
)
from steerbench.contracts.judge import Case, Judge, Usage, Verdict
from steerbench.contracts.method import Adaptive, Control, Method
from steerbench.contracts.task import (
    FEWEST,
    PENDING,
    Choosing,
    Comparison,
    Continued,
    Judged,
    Metric,
    Revealing,
    Role,
    Score,
    Scored,
    Split,
    Summary,
    Task,
)

__all__ = [
    "FEWEST",
    "PENDING",
    "Activations",
    "Adaptive",
    "Case",
    "Choice",
    "Choosing",
    "Comparison",
    "Completion",
    "Continued",
    "Control",
    "Engine",
    "Judge",
    "Judged",
    "Method",
    "Metric",
    "NeuronStatistics",
    "Outcome",
    "Prompt",
    "Request",
    "Revealing",
    "Role",
    "Sampling",
    "Score",
    "Scored",
    "Split",
    "Summary",
    "Task",
    "Usage",
    "Verdict",
    "batched",
]
