"""What Inspect finds by its entry point: the model provider `steerbench`.

inspect eval task.py --model steerbench/smollm2-135m -M steering=FILE -M strength=4
"""

from inspect_ai.model import ModelAPI, modelapi


@modelapi(name="steerbench")
def steerbench() -> type[ModelAPI]:
    """A steered model; what it needs is imported when one is asked for, as Inspect loads all providers."""
    from steerbench.bridges.inspect_model import SteeredAPI

    return SteeredAPI
