"""Opens the engine that a plan names, with its model."""

from pathlib import Path

from steerbench.contracts import Engine
from steerbench.errors import UserError
from steerbench.models.embedded import EMBEDDED
from steerbench.plugins.plugin import resolve
from steerbench.records.plan import Plan


def open_engine(plan: Plan, device: str | None = None) -> Engine:
    """The plan's engine, with its model loaded.

    Raises:
        UserError: the engine does not exist or has no such parameter, or the model cannot be loaded.
    """
    template = Path(plan.chat_template) if plan.chat_template else None
    plugin = resolve("engine", plan.engine)
    given = plugin.checked(plan.engine_parameters)
    usual = {"spec": plan.model or EMBEDDED, "dtype": plan.dtype, "device": device, "chat_template": template}
    if twice := sorted(given.keys() & usual):
        raise UserError(f"{plan.engine}.{twice[0]} cannot be given as a parameter; use --model, --dtype or --device.")
    engine: Engine = plugin.build(given, usual)
    return engine
