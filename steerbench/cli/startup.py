"""Before the model answers: a word to the user, and imports without garbage collection.

Importing torch and transformers is most of what a start takes.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading(silent: bool = False) -> Iterator[None]:
    """Say that the model is being loaded, before the imports that take seconds; within, they are `quick`."""
    if not silent:
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
