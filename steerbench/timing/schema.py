"""The schema of the file that `steerbench bench --json` writes, which the leaderboard reads.

The measurements are the rounds of each case. A case's ratio follows from them (`steerbench.timing.ratios`), and a file
in which it does not is refused (`steerbench.timing.files`).
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from steerbench.storage.json_models import FiniteModel

Group = Literal["fit", "calibrate", "choose", "generate"]
GROUPS: tuple[Group, ...] = ("fit", "calibrate", "choose", "generate")
Per = Literal["second", "second per generated token"]
Clock = Literal["wall", "cpu"]

LONGEST = 1_000_000
"""Most seconds of one side of a round (eleven days); a larger value is not in seconds."""

Name = Annotated[str, Field(max_length=400)]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")]
Count = Annotated[int, Field(ge=0, le=2**50)]


class Sizes(FiniteModel):
    """How much work a round is.

    `targets`: number of targets that are fitted, calibrated and asked. `items`: items per target in `calibrate` and
    `choose`. `requests`, `new_tokens`: number and length of the texts in `generate`. `search`: constructor parameters
    for methods that generate text during fitting (`--param` overrides them).
    """

    targets: int = Field(default=8, ge=1)
    items: int = Field(default=8, ge=1)
    requests: int = Field(default=64, ge=1)
    new_tokens: int = Field(default=32, ge=1)
    search: dict[str, int] = Field(default_factory=lambda: {"max_new_tokens": 16, "per_trait": 1, "personas": 1})


class Machine(FiniteModel):
    """The machine. `device` is the accelerator's name, or "cpu"; `threads` is the number that torch uses."""

    device: Name
    cpu: Name
    cores: Count
    threads: Count
    memory_bytes: Count
    system: Name


class Commit(FiniteModel):
    """The commit of steerbench's code. `time`: its commit time (UTC, ISO 8601), which orders files in a history."""

    id: str = Field(pattern=r"^[0-9a-f]{40}$")
    time: Moment


class SideMeasurement(FiniteModel):
    """One side of a round.

    `seconds`: by the file's clock. `prompt_tokens`: total over all prompts, including tokens that the engine shared or
    cached. `generated_tokens`: 0 if nothing is generated. `peak_memory_bytes`: torch's peak allocation on CUDA; on the
    CPU the process's peak resident memory, with every engine and steering of the run in it. None if the system does
    not report it. Memory of an engine's own processes is not included.
    """

    seconds: float = Field(gt=0, le=LONGEST)
    requests: Count
    prompt_tokens: Count
    generated_tokens: Count
    peak_memory_bytes: Count | None


class Round(FiniteModel):
    """A method and its reference on the same work, one right after the other.

    Each `alternation` (from 0) is one pass over all cases, with two rounds per case (`pair` 0 and 1): one with the
    reference first, one with the method first (`method_first`). So a drift of the machine favours neither.
    """

    alternation: Count
    pair: Literal[0, 1]
    method_first: bool
    method: SideMeasurement
    reference: SideMeasurement


class Ratio(FiniteModel):
    """A method's cost divided by its reference's; lower is better.

    `values`: by round, in order. `median`: of the values. `low`, `high`: the median's 95 % percentile interval from
    resampling rounds.
    """

    values: list[float]
    median: float
    low: float
    high: float


class TimingCase(FiniteModel):
    """One method on one engine at one kind of work.

    `group`: `fit` (steerings for all targets), `calibrate` (one step: all targets' held-out items at mixed strengths),
    `choose` (all targets' test items at the middle strength), `generate` (free text, each request under its own weak
    steering). `reference`: what the method is compared with, in words. `per`: the ratio is of seconds, or of seconds
    per generated token where answers may differ in length.
    """

    group: Group
    method: Name
    engine: Name
    reference: Name
    per: Per
    rounds: list[Round] = Field(min_length=1, max_length=1000)
    ratio: Ratio

    @property
    def name(self) -> tuple[str, str, str]:
        """The key that identifies a case within a file and across files."""
        return self.group, self.method, self.engine

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if (self.group == "generate") != (self.per == "second per generated token"):
            raise ValueError(f"a ratio of {self.group} is not taken per {self.per}")
        return self


class TimingFile(FiniteModel):
    """All that one `steerbench bench` measured, in one process.

    `schema_version`: files of another version are refused. `created`: UTC, ISO 8601. `commit`: if steerbench ran from a
    checkout without changes. `clock`: `wall` (read after synchronising the device) or `cpu` (CPU time of all threads of
    the process). `alternations`, `sizes`, `model`: as requested; of a folder only its name. `engines`: by engine, its
    identity (weights, tokenizer, dtype, versions). `methods`: by method, the parameters of its parts after defaults.
    `versions`: of Python and the relevant packages.
    """

    schema_version: Literal[1] = 1
    created: str
    commit: Commit | None = None
    clock: Clock
    alternations: int
    sizes: Sizes
    machine: Machine
    versions: dict[str, str]
    model: str
    engines: dict[str, dict[str, str]]
    methods: dict[str, dict[str, dict[str, Any]]]
    cases: list[TimingCase]
