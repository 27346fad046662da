"""The schema of `run.json`, a run's result, from which tables, comparisons and the site are made."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from steerbench import contracts
from steerbench.contracts.flags import Flag
from steerbench.errors import UserError
from steerbench.records import movement as movements
from steerbench.records.flags import words
from steerbench.records.found_ledgers import LEDGER, check_sound
from steerbench.records.plan import Plan
from steerbench.records.standing import Standing
from steerbench.storage.files import understandable, write_whole
from steerbench.storage.json_models import FrozenModel

SCHEMA = 2
RESULT = "run.json"


class MetricRecord(FrozenModel):
    """An estimate, its 95 % interval and its number of units; None where undefined.

    `note` says why there is no interval, or what else the interval is over. `p` is from a test of this estimate alone.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    note: str = ""
    p: float | None = None


class ComparisonRecord(FrozenModel):
    """A paired test against another row: mean loss difference, its interval, p, Holm-corrected p, number of units.

    `smallest` is the difference that this test detects with 80 % power; None with too few units.
    """

    against: str
    difference: float | None
    p: float | None
    p_holm: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    smallest: float | None = None


class MovementRecord(FrozenModel):
    """Shares of items whose loss differs from the unsteered model's (`moved`) or is larger than it (`against`)."""

    moved: MetricRecord
    against: MetricRecord


class MethodResult(FrozenModel):
    """A row of the board. `metrics` has the headline first; `strengths` and `wordings` are by target.

    `role` is None for a method. Only methods have a `standing`. `facts` are medians of `Steering.facts` over the
    targets that have them. `movement` is None if nothing was steered or the run has no unsteered row
    (`records.movement`). `flags` are sentences in runs made before flags were stored as data.
    """

    role: contracts.Role | None = None
    standing: Standing | None = None
    settings: dict[str, dict[str, Any]]
    metrics: dict[str, MetricRecord]
    comparisons: list[ComparisonRecord]
    flags: list[Flag | str]
    strengths: dict[str, float]
    wordings: dict[str, int]
    items: int
    unscored: int
    generated_tokens: int
    facts: dict[str, float] = Field(default_factory=dict)
    movement: MovementRecord | None = None

    @property
    def trivial(self) -> bool:
        """Whether the row is a baseline, reference or control, and not a method."""
        return self.role is not None

    @property
    def remarks(self) -> list[str]:
        """What the table says beside the row: its standing if anything was tested, then its flags."""
        told = self.standing is not None and self.standing.state != "not tested"
        return [*([self.standing.words] if self.standing and told else []), *self.warnings]

    @property
    def warnings(self) -> list[str]:
        """Its flags in words."""
        return [words(flag) for flag in self.flags]

    @property
    def against(self) -> str:
        """The share of items moved against the steering and the share moved at all ("31/62 %"); "" if unknown."""
        if self.movement is None or self.movement.moved.value is None or self.movement.against.value is None:
            return ""
        return f"{100 * self.movement.against.value:.0f}/{100 * self.movement.moved.value:.0f} %"

    @property
    def steered(self) -> str:
        """The number of targets with a nonzero strength, of all ("4/5"); "" if the row has no strength."""
        strengths = list(self.strengths.values())
        chosen = any(strength != 1 for strength in strengths)
        return f"{sum(strength != 0 for strength in strengths)}/{len(strengths)}" if chosen else ""


class JudgeCheck(FrozenModel):
    """How a judge rated texts of a known pole (`steerbench.judging.check`); None where it could not rate them.

    `auc`: by quality, the probability that a text of the high pole is rated above one of the low pole.
    `auc_interval`: its 95 % interval over texts. `retest`: mean absolute difference of two ratings of one text.
    `length_bias`: mean change when a text is padded with filler. `position_bias`: mean change, away from the middle,
    when the telling sentence comes last instead of first. `seen`: the share of these texts that the judge was built
    on, for which the AUC is in-sample.
    """

    texts: int
    auc: dict[str, float | None]
    auc_interval: dict[str, tuple[float, float]] = Field(default_factory=dict)
    retest: float | None
    length_bias: float | None
    position_bias: float | None
    unscored: float
    seen: float = 0.0


class JudgeResult(FrozenModel):
    """A judge of the run: its identity, its check, how many answers it could not rate, and what it cost."""

    name: str
    identity: dict[str, str]
    check: JudgeCheck | None
    verdicts: int
    unscored: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float


class MethodTiming(FrozenModel):
    """Seconds a method took by stage, summed over all starts of the run."""

    fit: float = 0.0
    calibrate: float = 0.0
    evaluate: float = 0.0
    judge: float = 0.0


class Timings(FrozenModel):
    """What may differ between two runs with identical numbers.

    `date` is the day on which the run was started (UTC, as 2026-11-30); "" in results of earlier versions.
    """

    methods: dict[str, MethodTiming]
    peak_memory_bytes: int
    date: Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = ""


class RunResult(FrozenModel):
    """A run's result. Two runs of one identity agree in every field but `timings` and the judges' usage.

    `over` is what intervals and tests generalise over ("people"). `framing` is how items are put to the model, if
    captions say it ("asked by a friend"). `controls` are the task's control rows, whether or not they were run.
    """

    schema_version: int = SCHEMA
    digest: str
    identity: dict[str, Any]
    plan: Plan
    targets: int
    methods: dict[str, MethodResult]
    deviations: list[str]
    timings: Timings
    higher_is_better: bool = False
    judges: dict[str, JudgeResult] = Field(default_factory=dict)
    over: str = "targets"
    framing: str = ""
    controls: list[str] = Field(default_factory=list)


def without_break_downs(names: Iterable[str]) -> list[str]:
    """Metric names without break-downs of an earlier metric ("error A" after "error")."""
    listed = list(names)
    return [name for place, name in enumerate(listed) if not any(name.startswith(f"{n} ") for n in listed[:place])]


def metrics_in_order(result: RunResult) -> list[str]:
    """All metrics of a board, the headline first; of the fullest row, which has them in the task's own order."""
    fullest = sorted(result.methods.values(), key=lambda row: -len(row.metrics))
    return list(dict.fromkeys(name for row in fullest for name in row.metrics))


def headline(result: RunResult) -> str:
    """The metric that rows are sorted by; "" if there is none."""
    return next(iter(metrics_in_order(result)), "")


def metrics(estimates: Mapping[str, contracts.Metric]) -> dict[str, MetricRecord]:
    """Metrics in the form of run.json, with None in place of NaN and infinity."""
    return {name: metric(estimate) for name, estimate in estimates.items()}


def metric(m: contracts.Metric) -> MetricRecord:
    return MetricRecord(
        value=finite(m.value), low=finite(m.low), high=finite(m.high), n=m.n, note=m.note, p=finite(m.p)
    )


def movement(found: movements.Movement | None) -> MovementRecord | None:
    return None if found is None else MovementRecord(moved=metric(found.moved), against=metric(found.against))


def comparison(tested: contracts.Comparison) -> ComparisonRecord:
    return ComparisonRecord(
        against=tested.against,
        difference=finite(tested.difference),
        p=finite(tested.p),
        p_holm=finite(tested.p_holm),
        low=finite(tested.low),
        high=finite(tested.high),
        n=tested.n,
        smallest=finite(tested.smallest),
    )


def finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def write_result(result: RunResult, folder: Path) -> None:
    path = folder / RESULT
    with understandable(path):
        write_whole(path, result.model_dump_json(indent=1) + "\n")


def read_result(folder: Path) -> RunResult:
    """Read the result of a finished run.

    Raises:
        UserError: the folder has no result, this version cannot read it, or the ledger beside it is damaged.
    """
    path = folder / RESULT
    try:
        result = RunResult.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"There is no finished run in {folder}: it holds no {RESULT}.") from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a result this version of steerbench can read.") from error
    if (folder / LEDGER).exists():
        check_sound(folder / LEDGER)
    return result
