"""SteerBench: one harness for methods that steer a language model's personality."""

from importlib.metadata import version

__version__ = version("steerbench")
