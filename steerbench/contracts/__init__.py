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
    Surveying,
    batched,
    surveying,
)
from steerbench.contracts.judge import Case, Judge, Usage, Verdict
from steerbench.contracts.method import Adaptive, Control, Dealing, Method, has_dial
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
    "Dealing",
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
    "Surveying",
    "Task",
    "Usage",
    "Verdict",
    "batched",
    "has_dial",
    "surveying",
]
