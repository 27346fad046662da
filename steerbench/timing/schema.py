"""The file that `steerbench bench --json` writes: a contract with whoever reads it, the leaderboard among them.

What was measured are the rounds of each case. Everything else about a case follows from them
(`steerbench.timing.ratios`), and a file in which it does not is refused (`steerbench.timing.files`).
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from steerbench.storage.json_models import FiniteModel

Group = Literal["fit", "calibrate", "choose", "generate"]
GROUPS: tuple[Group, ...] = ("fit", "calibrate", "choose", "generate")
Per = Literal["second", "second per generated token"]
Clock = Literal["wall", "cpu"]

LONGEST = 1_000_000
"""Seconds of one side of a round: eleven days. What says more was not written in seconds."""

Name = Annotated[str, Field(max_length=400)]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")]
Count = Annotated[int, Field(ge=0, le=2**50)]


class Sizes(FiniteModel):
    """How much work a round is.

    `targets`: how many are fitted, calibrated and asked. `items`: of each target, in calibrate and choose.
    `requests`, `new_tokens`: how many texts `generate` asks for, and where each is cut. `search`: what a method that
    generates while it is fitted is offered, by the name of its constructor's parameter (`--param` overrides it).
    """

    targets: int = Field(default=8, ge=1)
    items: int = Field(default=8, ge=1)
    requests: int = Field(default=64, ge=1)
    new_tokens: int = Field(default=32, ge=1)
    search: dict[str, int] = Field(default_factory=lambda: {"max_new_tokens": 16, "per_trait": 1, "personas": 1})


class Machine(FiniteModel):
    """Where it ran. `device` is the accelerator's name, or "cpu"; `threads` are those that torch computes with."""

    device: Name
    cpu: Name
    cores: Count
    threads: Count
    memory_bytes: Count
    system: Name


class Commit(FiniteModel):
    """Of steerbench's own code. `time`: when it was committed, UTC, ISO 8601; files stand in a history by it."""

    id: str = Field(pattern=r"^[0-9a-f]{40}$")
    time: Moment


class SideMeasurement(FiniteModel):
    """One side of a round. A side's tokens per second follow from its seconds and its tokens.

    `seconds`: by the file's clock. `prompt_tokens`: all prompts' together, as the tokenizer gives them, however many
    of them the engine really computed. `generated_tokens`: 0 where nothing is generated.
    `peak_memory_bytes`: with a CUDA device the most that torch had allocated there during this side; on the
    CPU the most that the process held resident during it, with every engine and steering of the run in it. None
    where the system cannot say. What an engine holds in processes of its own is in neither.
    """

    seconds: float = Field(gt=0, le=LONGEST)
    requests: Count
    prompt_tokens: Count
    generated_tokens: Count
    peak_memory_bytes: Count | None


class Round(FiniteModel):
    """A method and its reference on the same work, one right after the other.

    Each `alternation` (from 0) is one pass over all cases and has two rounds (`pair` 0 and 1), one with the reference
    first and one with the method first (`method_first`), so that a drift of the machine favours neither.
    """

    alternation: Count
    pair: Literal[0, 1]
    method_first: bool
    method: SideMeasurement
    reference: SideMeasurement


class Ratio(FiniteModel):
    """What a method takes of what its reference takes, lower being better.

    `values`: by round, in their order. `median` of them; `low` and `high`, its 95 % percentile interval from
    resampling rounds.
    """

    values: list[float]
    median: float
    low: float
    high: float


class TimingCase(FiniteModel):
    """One method on one engine at one kind of work.

    `group`: `fit` (steerings for all targets), `calibrate` (one step: all targets' held-out items at mixed strengths),
    `choose` (all targets' test items at the middle strength), `generate` (free text, each request under a
    steering of its own, all of them weak). `reference`: what the method was timed beside, in words. `per`: what the
    ratio is taken of, a side's seconds, or its seconds by its generated tokens where answers may differ in length.
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
        """What tells the cases of a file apart, and finds them in another."""
        return self.group, self.method, self.engine

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if (self.group == "generate") != (self.per == "second per generated token"):
            raise ValueError(f"a ratio of {self.group} is not taken per {self.per}")
        return self


class TimingFile(FiniteModel):
    """All that one `steerbench bench` measured, in one process.

    `schema_version`: a file of another one is refused. `created`: UTC, ISO 8601. `commit`: if steerbench ran
    from a checkout without changes. `clock`: `wall`, the device synchronised before it is read; or `cpu`, the CPU time
    of the process in all its threads. `alternations` and `sizes`: as asked for. `model`: likewise, a folder by its last
    name. `engines`: by engine, its identity (weights, tokenizer, dtype, versions). `methods`: by method, the parameters
    of its parts after defaults. `versions`: of Python and the packages that matter.
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
