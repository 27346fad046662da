"""Before the model answers: a word to the user, and imports without garbage collection.

Importing torch and transformers is most of what a start takes.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading(silent: bool = False) -> Iterator[None]:
    """Say on a terminal that the model is being loaded, before the imports that take seconds; they are `quick`.

    A log gets a line for each stage that is done, and nobody waits before it.
    """
    if not silent and sys.stderr.isatty():
        print("loading model…", file=sys.stderr, flush=True)
    with quick():
        yield


@contextmanager
def quick() -> Iterator[None]:
    """Let imports allocate without garbage collection, and never collect what they left: saves a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
