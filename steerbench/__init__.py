"""SteerBench: one harness for methods that steer a language model's personality."""


def __getattr__(name: str) -> str:
    """`__version__`, read when it is asked for: looking it up takes longer than all else before the first command."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("steerbench")
