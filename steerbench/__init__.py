"""SteerBench: a benchmark suite for steering language models' personality.

    import steerbench as sb

    model = sb.load("smollm2-135m")
    steering = sb.fit("caa", model, pole="extraversion+")
    model.generate(["How was the party?"], steering=steering.scaled(3))
    run = sb.run(method=["pas", "few-shot"], task="papi", model=model, respondents=4)
    run.table

All names come when they are asked for: the command line starts without them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steerbench.api.fitting import fit
    from steerbench.api.model import Model, load
    from steerbench.api.run import Run, compare, read, run
    from steerbench.contracts.steering import Steering, load_steering
    from steerbench.errors import UserError

    __version__: str

__all__ = [
    "Model",
    "Run",
    "Steering",
    "UserError",
    "compare",
    "fit",
    "load",
    "load_steering",
    "read",
    "run",
]

_AT = {
    "fit": "api.fitting",
    "Model": "api.model",
    "load": "api.model",
    "Run": "api.run",
    "compare": "api.run",
    "read": "api.run",
    "run": "api.run",
    "Steering": "contracts.steering",
    "load_steering": "contracts.steering",
    "UserError": "errors",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("steerbench")
    if name not in _AT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"steerbench.{_AT[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])
