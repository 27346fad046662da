"""vLLM's worker with steering: holds the tables, tracks requests, and sets the observers before each step.

Passed to vLLM as `worker_cls`. It relies on four internals of vLLM 0.32: `load_model` runs before profiling,
compilation and graph capture; the runner's `_prepare_inputs` (V1) or `prepare_inputs` (V2) is called once per step with
the batch in its final order; the scheduler's output names new and finished requests; and decoder layers call `o_proj`
and `mlp.act_fn` as modules. `selftest` checks at start-up that these still hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn
from vllm.distributed import get_tensor_model_parallel_rank, get_tensor_model_parallel_world_size
from vllm.platforms import current_platform

from steerbench.contracts.edits import Site
from steerbench.engines.histograms import Histograms
from steerbench.engines.vllm.blocks import clear_fresh
from steerbench.engines.vllm.client import CONFIG
from steerbench.engines.vllm.eager import eagerly
from steerbench.engines.vllm.endings import Endings
from steerbench.engines.vllm.hooks import Sites, install
from steerbench.engines.vllm.observers import Capture, Count
from steerbench.engines.vllm.schedule import NEUTRAL
from steerbench.engines.vllm.slots import Placement
from steerbench.engines.vllm.tables import SlotTables, TableShape

if TYPE_CHECKING or not current_platform.is_cpu():
    from vllm.v1.worker.gpu_worker import Worker
else:
    from vllm.v1.worker.cpu_worker import CPUWorker as Worker


@dataclass(frozen=True)
class Following:
    """The worker's record of a request: its slot, its prompt's length, and what is observed.

    `number` is its index in the client's call, `end` a token that ends its answer. `positions` are captured under
    `key`. Tokens after the prompt are counted in `group`, unless that is None.
    """

    slot: int = NEUTRAL
    prompt: int = 0
    key: str = ""
    positions: tuple[int, ...] = ()
    group: int | None = None
    number: int | None = None
    end: int | None = None

    @property
    def observed(self) -> bool:
        return bool(self.positions) or self.group is not None


class SteeringWorker(Worker):  # type: ignore[misc]
    """One rank's worker. The client calls methods that start with `steering_` on all ranks."""

    def load_model(self, **how: Any) -> None:
        super().load_model(**how)
        self.steering_layers = decoder_layers(self.model_runner.get_model())
        self.steering_tables = SlotTables(self._shape(), self.model_config.dtype, self.device)
        self.steering_sites = Sites(self.steering_tables)
        self.steering_requests: dict[str, Following] = {}
        self.steering_capture: Capture | None = None
        self.steering_count: Count | None = None
        self.steering_endings = Endings(self.model_runner.get_model())
        install(self.steering_layers, self.steering_sites)
        self._be_told_of_each_step()

    def _shape(self) -> TableShape:
        ranks, layer = get_tensor_model_parallel_world_size(), self.steering_layers[0]
        heads = layer.self_attn.o_proj.input_size_per_partition
        neurons = layer.mlp.down_proj.input_size_per_partition
        config = self.vllm_config
        graphs = config.compilation_config.max_cudagraph_capture_size or 0
        return TableShape(
            layers=len(self.steering_layers),
            rows=config.additional_config[CONFIG]["rows"],
            widths={
                "head_out": heads,
                "mlp_cap": neurons,
                "mlp_add": neurons,
                "resid": config.model_config.hf_text_config.hidden_size,
            },
            # A step is padded to a graph's size, at most to the largest.
            tokens=max(config.scheduler_config.max_num_batched_tokens, graphs),
            rank=get_tensor_model_parallel_rank(),
            ranks=ranks,
        )

    def _be_told_of_each_step(self) -> None:
        """Wrap the runner, so that it reports each step's requests in the order of their tokens."""
        runner = self.model_runner
        if hasattr(runner, "_prepare_inputs"):
            first = runner._prepare_inputs

            def prepare(scheduled: Any, counts: Any, *more: Any, **others: Any) -> Any:
                batch = runner.input_batch
                self._step(batch.req_ids, counts, batch.num_computed_tokens_cpu)
                return first(scheduled, counts, *more, **others)

            runner._prepare_inputs = prepare
            return
        second = runner.prepare_inputs

        def prepare_v2(*given: Any, **others: Any) -> Any:
            batch = second(*given, **others)
            self._step(batch.req_ids, batch.num_scheduled_tokens, batch.num_computed_tokens_np)
            return batch

        runner.prepare_inputs = prepare_v2

    # -- each step

    def execute_model(self, scheduler_output: Any) -> Any:
        self._follow(scheduler_output)
        if self.steering_endings.met:
            clear_fresh(self.model_runner, scheduler_output)
        scheduled = [self.steering_requests[name] for name in scheduler_output.num_scheduled_tokens]
        if not any(request.observed for request in scheduled):
            return super().execute_model(scheduler_output)
        self.steering_sites.observer = self.steering_capture or self.steering_count
        try:
            with eagerly(self.model_runner):
                out = super().execute_model(scheduler_output)
        finally:
            self.steering_sites.observer = None
        if self.steering_capture is not None:
            self.steering_capture.end()
        return out

    def _follow(self, scheduled: Any) -> None:
        """Add new requests and remove finished ones."""
        for name in scheduled.finished_req_ids:
            self.steering_requests.pop(name, None)
        for request in scheduled.scheduled_new_reqs:
            arguments = (request.sampling_params and request.sampling_params.extra_args) or {}
            asked: Mapping[str, Any] = arguments.get(CONFIG) or {}
            following = Following(
                int(asked.get("slot", NEUTRAL)),
                int(asked.get("prompt", request.prompt_len)),
                str(asked.get("key", "")),
                tuple(asked.get("positions", ())),
                asked.get("group"),
                asked.get("number"),
                asked.get("end"),
            )
            if following.slot not in self.steering_tables.schedules.known:
                raise KeyError(f"Steering slot {following.slot} is not in the worker's tables.")
            self.steering_requests[request.req_id] = following

    def _step(self, names: Sequence[str], counts: Any, done: Any) -> None:
        """Prepare the tables and observers for the tokens of a step."""
        requests = [self.steering_requests[name] for name in names]
        self.steering_endings.begin([(request.number, request.end) for request in requests])
        sizes, before = np.asarray(counts)[: len(names)], np.asarray(done)[: len(names)]
        self.steering_tables.prepare([r.slot for r in requests], sizes, before, [r.prompt for r in requests])
        if self.steering_sites.observer is None:
            return
        starts = np.cumsum(sizes) - sizes
        spans = list(zip(requests, starts.tolist(), sizes.tolist(), before.tolist(), strict=True))
        if self.steering_capture is not None:
            wanted = [
                (request.key, start + position - earlier)
                for request, start, count, earlier in spans
                for position in request.positions
                if earlier <= position < earlier + count
            ]
            self.steering_capture.begin(wanted, self.device)
        if self.steering_count is not None:
            counted = [
                (start + n, request.group)
                for request, start, count, earlier in spans
                if request.group is not None
                for n in range(max(0, request.prompt - earlier), count)
            ]
            self.steering_count.begin([place for place, _ in counted], [g for _, g in counted], self.device)

    # -- called by the client

    def steering_put(self, placements: Sequence[tuple[Any, ...]]) -> None:
        """Write steerings to the tables, each given as the fields of a `Placement`."""
        for fields in placements:
            self.steering_tables.put(Placement(*fields))

    def steering_overflowed(self) -> list[int]:
        """Numbers of the requests that overflowed since the last call."""
        return self.steering_endings.told()

    def steering_capture_begin(self, sites: Sequence[Site]) -> None:
        self.steering_capture = Capture(sites)

    def steering_capture_end(self) -> bytes:
        """This rank's part of what was captured (`Capture.collected`)."""
        assert self.steering_capture is not None
        capture, self.steering_capture = self.steering_capture, None
        return capture.collected()

    def steering_count_begin(self, groups: int) -> None:
        shape = self.steering_tables.shape
        rows = self.scheduler_config.max_num_seqs
        self.steering_count = Count(
            Histograms(groups, shape.layers, shape.widths["mlp_add"], rows, self.model_config.dtype, self.device)
        )

    def steering_count_end(self) -> bytes:
        """This rank's part of what was counted (`Count.collected`)."""
        assert self.steering_count is not None
        count, self.steering_count = self.steering_count, None
        return count.collected()


def decoder_layers(model: nn.Module) -> list[Any]:
    """The decoder layers of a text model, in order."""
    decoder: Any = model.model
    return list(decoder.layers)
