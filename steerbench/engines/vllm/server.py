"""vLLM's OpenAI-compatible server with steering: its arguments and its process."""

import asyncio
import os
import signal
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steerbench.contracts.steering import Steering
from steerbench.engines.vllm.client import CPU_BLOCK, CPU_MEMORY, GIB, additional_config
from steerbench.engines.vllm.lowering import Width
from steerbench.engines.vllm.selftest import PROMPT, SAMPLING, judge, probes
from steerbench.engines.vllm.serving import SERVER
from steerbench.engines.vllm.serving.admission import Admission
from steerbench.engines.vllm.serving.catalogue import Catalogue
from steerbench.errors import UserError

WORKER = "steerbench.engines.vllm.serving.worker.ServedWorker"
MIDDLEWARE = "steerbench.engines.vllm.serving.middleware.SteeringMiddleware"

PATIENCE = 3
"""Seconds that a stopping server waits for open answers; short, because its engine has already stopped."""

ALONE = {
    "api_server_count": (None, 1),
    "data_parallel_size": (1,),
    "data_parallel_rank": (None,),
    "pipeline_parallel_size": (1,),
    "headless": (False,),
    "grpc": (False,),
    "enable_lora": (False, None),
    "speculative_config": (None,),
    "worker_cls": ("auto",),
}
"""vLLM's options that steering does not support, with the only values allowed. One process must track the slots, and
our worker needs whole models that generate one token at a time."""


@dataclass(frozen=True, eq=False)
class Serving:
    """What is served: a model's folder under a name, its steerings, and tables of `rows` rows."""

    folder: Path
    name: str
    catalogue: Catalogue
    layers: int
    width: Width
    rows: int


def arguments(serving: Serving, given: Sequence[str]) -> Namespace:
    """vLLM's parsed arguments, as for `vllm serve`; the given ones override ours.

    Raises:
        UserError: an argument is unsupported with steering.
        SystemExit: vLLM's parser rejects an argument, or prints its help.
    """
    from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
    from vllm.platforms import current_platform
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    usual = ["--host", "127.0.0.1", "--served-model-name", serving.name, "--max-model-len", "-1"]
    if current_platform.is_cpu():
        # As in the engine; compiled code would be compiled again at every start.
        usual += ["--enforce-eager", "--block-size", str(CPU_BLOCK)]
        if "VLLM_CPU_KVCACHE_SPACE" not in os.environ:
            usual += ["--kv-cache-memory-bytes", str(CPU_MEMORY * GIB)]
    parser: Any = make_arg_parser(FlexibleArgumentParser(prog="steerbench serve"))
    args: Namespace = parser.parse_args([*usual, *given])
    if args.model_tag is not None:
        raise UserError(f"'{args.model_tag}' is not an option; name the model with --model.")
    for option, allowed in ALONE.items():
        if (value := getattr(args, option)) not in allowed:
            raise UserError(f"--{option.replace('_', '-')} {value} is not supported by steerbench serve; leave it out.")
    validate_parsed_serve_args(args)
    args.model, args.worker_cls = str(serving.folder), WORKER
    args.additional_config = {**(args.additional_config or {}), **additional_config(serving.rows)}
    args.middleware = [*args.middleware, MIDDLEWARE]
    args.steerings = serving.catalogue
    return args


def serve(serving: Serving, given: Sequence[str]) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        UserError: as `arguments`; or vLLM cannot run the model here.
    """
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
    if os.environ.get("VLLM_USE_RUST_FRONTEND", "0") not in ("", "0"):
        raise UserError("VLLM_USE_RUST_FRONTEND is not supported by steerbench serve; unset it.")
    os.environ[SERVER] = str(os.getpid())
    args = arguments(serving, given)
    import uvloop

    uvloop.run(_serve(args, serving))


async def _serve(args: Namespace, serving: Serving) -> None:
    """vLLM's `run_server`, with steering added to the engine's client before anything is served."""
    from vllm.entrypoints.launchers.api_server.entry import build_and_serve, build_async_engine_client
    from vllm.entrypoints.launchers.launcher import setup_server

    # Only while the model is loaded; afterwards the server has its own handlers.
    signal.signal(signal.SIGTERM, _interrupt)
    address, socket = setup_server(args, reuse_port=False)
    try:
        async with build_async_engine_client(args) as engine:
            admission = Admission(engine, serving.catalogue, serving.width, serving.rows)
            await _selftest(admission, serving.layers)
            engine.generate = admission.generate
            closing = await build_and_serve(engine, address, socket, args, timeout_graceful_shutdown=PATIENCE)
        await closing
    finally:
        socket.close()


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


async def _selftest(admission: Admission, layers: int) -> None:
    """Run the probes of `selftest` on the server's engine."""
    from vllm import SamplingParams
    from vllm.inputs.engine import tokens_input

    async def ask(name: str, steering: Steering) -> Any:
        prompt, sampling = tokens_input(PROMPT), SamplingParams(**SAMPLING)
        outputs = [output async for output in admission.under(steering, prompt, sampling, f"selftest {name}")]
        return outputs[-1]

    asked = probes(admission.width, layers)
    judge(asked, await asyncio.gather(*(ask(name, steering) for name, steering in asked.items())))
