"""What a trade-off found: the schema of `tradeoff.json`, which its table and its charts are made of."""

from pathlib import Path

from pydantic import BaseModel, ValidationError, field_validator

from steerbench.errors import UserError
from steerbench.records.json_files import read_record
from steerbench.records.results import MetricRecord
from steerbench.storage.json_models import FrozenModel

SCHEMA = 2
"""2: strengths have intervals, and differences of price are bootstrapped with them; 1 took strengths as known."""
RESULT = "tradeoff.json"
EFFECT = "effect"
"""What a difference is called that says whether two methods have the same effect on test questions."""
OFTEN = 0.1
"""Share of resamples without the common effect that a reader is told of."""


class TradeoffPoint(FrozenModel):
    """A method at one strength; `dose` is its share of the dial.

    `effect` is in points of the effect task's loss, `prices` by cost how much is lost beside the unsteered model.
    `runs` are by task the folders that say so, beside the trade-off's own.
    """

    strength: float
    dose: float
    effect: MetricRecord
    prices: dict[str, MetricRecord]
    runs: dict[str, str]
    flags: list[str]


class Curve(FrozenModel):
    """A method over its dial, on calibration questions; `dial` is None and there is one point if it has none.

    `reach` is its largest mean effect, with an interval over all doses at once, and `shrinkage` by how much that is
    expected to be less on other questions, having been the best of several. `area` is the mean over the dial,
    `monotonicity` Spearman's correlation with the strength. `measured` is the method on test questions: at the strength
    of the common effect (`matched`), or at its own effect if it has no dial or does not get that far.

    Of a matched dial, `strength` is that strength with its interval over calibration questions, and `unreached` the
    share of their resamples in which the method does not have the common effect; None of fewer than six questions.
    """

    dial: tuple[float, float] | None
    points: list[TradeoffPoint]
    reach: MetricRecord
    shrinkage: MetricRecord | None
    area: MetricRecord | None
    monotonicity: MetricRecord | None
    measured: TradeoffPoint
    matched: bool
    strength: MetricRecord | None
    unreached: float | None

    @property
    def often_unreached(self) -> bool:
        """Whether a matched method often stands at its largest effect in resamples: its match is unsure."""
        return self.unreached is not None and self.unreached > OFTEN

    @property
    def doubt(self) -> str:
        """What makes a match unsure, in words; empty if nothing does."""
        if not self.often_unreached:
            return ""
        return f"in {self.unreached:.0%} of resamples it does not get to the common effect and counts at its largest"


class Difference(FrozenModel):
    """What the first of two matched methods loses more than the second, or has more effect (cost `EFFECT`).

    Interval and p of a price resample the units named in `over` with their numbers, and read the strengths off anew;
    those of an effect resample test questions at the chosen strengths. `p_holm` is corrected over all prices, or over
    all effects. Where there is no p, `why` says so.
    """

    cost: str
    first: str
    second: str
    difference: MetricRecord
    p: float | None
    p_holm: float | None
    over: dict[str, int]
    why: str


class TradeoffResult(FrozenModel):
    """All of a trade-off. `wanted` is the common effect; `fronts` are by cost the doses that no other beats.

    `asked_for` is the effect that was to be the common one (points, or a method whose effect it is), None if that was
    to be the largest that all methods reach.
    """

    schema_version: int = SCHEMA
    effect_task: str
    targets: list[str]
    costs: list[str]
    asked_for: float | str | None = None
    wanted: float | None
    unsteered: dict[str, str]
    curves: dict[str, Curve]
    differences: list[Difference]
    fronts: dict[str, list[tuple[str, float]]]

    @field_validator("schema_version")
    @classmethod
    def _is_read(cls, version: int) -> int:
        """Raises ValueError: it is of another schema. As the first field it is named before all the others."""
        if version != SCHEMA:
            raise ValueError(f"what was found has schema {version}, and this version reads {SCHEMA}")
        return version


def read_tradeoff(folder: Path) -> TradeoffResult:
    """The result of a finished trade-off.

    Raises:
        UserError: the folder holds none, or one this version cannot read.
    """
    path = folder / RESULT
    if path.is_file() and (version := _version(path.read_bytes())) not in (None, SCHEMA):
        raise UserError(
            f"{path} has schema {version}, and this version reads {SCHEMA}; the same `steerbench tradeoff` makes it "
            "again from its runs."
        )
    return read_record(TradeoffResult, path, "trade-off")


def _version(text: bytes) -> int | None:
    """The schema that a file says it has; None if it says none."""
    try:
        return _TradeoffVersion.model_validate_json(text).schema_version
    except ValidationError:
        return None


class _TradeoffVersion(BaseModel):
    schema_version: int
