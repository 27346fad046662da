"""Runs steps without compiled code and CUDA graphs, in which values cannot be observed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


@contextmanager
def eagerly(runner: Any) -> Iterator[None]:
    """Context manager in which a model runner (V1 or V2) runs its model as plain Python."""
    with ExitStack() as stack:
        for module in runner.get_model().modules():
            # vLLM's own switch, read at every call; already true if nothing was compiled.
            if getattr(module, "do_not_compile", None) is False:
                module.do_not_compile = True
                stack.callback(setattr, module, "do_not_compile", False)
        if (graphs := getattr(runner, "cudagraph_manager", None)) is not None:
            stack.callback(setattr, graphs, "_graphs_captured", graphs._graphs_captured)
            graphs._graphs_captured = False
        elif (dispatch := getattr(runner, "_determine_batch_execution_and_padding", None)) is not None:
            runner._determine_batch_execution_and_padding = lambda **how: dispatch(**{**how, "force_eager": True})
            stack.callback(delattr, runner, "_determine_batch_execution_and_padding")
        yield
