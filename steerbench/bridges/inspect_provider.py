"""The Inspect model provider `steerbench`, found by its entry point.

inspect eval task.py --model steerbench/smollm2-135m -M steering=FILE -M strength=4
"""

from inspect_ai.model import ModelAPI, modelapi


@modelapi(name="steerbench")
def steerbench() -> type[ModelAPI]:
    """The class of steered models. Imported lazily, because Inspect loads all providers."""
    from steerbench.bridges.inspect_model import SteeredAPI

    return SteeredAPI
