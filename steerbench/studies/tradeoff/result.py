"""The result of a trade-off: the schema of `tradeoff.json`, from which its table and charts are made."""

from pathlib import Path

from pydantic import BaseModel, ValidationError, field_validator

from steerbench.contracts.flags import Flag
from steerbench.errors import UserError
from steerbench.records.flags import words
from steerbench.records.json_files import read_record
from steerbench.records.results import MetricRecord
from steerbench.storage.json_models import FrozenModel

SCHEMA = 2
"""Since 2, strengths have intervals and price differences are bootstrapped with them; 1 took strengths as known."""
RESULT = "tradeoff.json"
EFFECT = "effect"
"""The `cost` of a difference that tests whether two methods have the same effect on test questions."""
OFTEN = 0.1
"""Share of resamples without the common effect above which readers are warned."""


class SourceFlag(FrozenModel):
    """What the board of one source (a part of the effect's questions, or a cost task) flags."""

    source: str
    flag: Flag | str


class TradeoffPoint(FrozenModel):
    """A method at one strength; `dose` is its share of the range.

    `effect` is in points of the effect task's loss. `prices` are by cost the loss relative to the unsteered model.
    `runs` are by source the run folders behind these numbers, next to the trade-off's own. `flags` are sentences in
    trade-offs made before flags were stored as data.
    """

    strength: float
    dose: float
    effect: MetricRecord
    prices: dict[str, MetricRecord]
    runs: dict[str, str]
    flags: list[SourceFlag | str]

    @property
    def warnings(self) -> list[str]:
        """Its flags in words, each with the source it is about."""
        return [_told(flag) for flag in self.flags]

    def warnings_about(self, *sources: str) -> list[str]:
        """The same of some sources alone."""
        return [_told(flag) for flag in self.flags if _source(flag) in sources]


def _told(flag: SourceFlag | str) -> str:
    return words(flag) if isinstance(flag, str) else f"{flag.source}: {words(flag.flag)}"


def _source(flag: SourceFlag | str) -> str:
    return flag.partition(": ")[0] if isinstance(flag, str) else flag.source


class Curve(FrozenModel):
    """A method over its range of strengths, on calibration questions. Without a range, `dial` is None and there is one
    point.

    `reach` is its largest mean effect, with an interval that is simultaneous over all doses. `shrinkage` is how much of
    it is expected to vanish on other questions, because it is the best of several. `area` is the mean effect over the
    range, `monotonicity` Spearman's correlation with the strength. `measured` is the method on test questions: at the
    strength of the common effect (`matched`), or at its own largest effect if it has no range or does not reach it.

    For a matched method with a range, `strength` has an interval over calibration questions. `unreached` is the share
    of resamples in which the method does not reach the common effect; None with fewer than six questions.
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
        """Whether a matched method often does not reach the common effect in resamples, so that its match is unsure."""
        return self.unreached is not None and self.unreached > OFTEN

    @property
    def doubt(self) -> str:
        """Why a match is unsure; "" if it is not."""
        if not self.often_unreached:
            return ""
        return f"in {self.unreached:.0%} of resamples it does not reach the common effect and counts at its largest"


class Difference(FrozenModel):
    """The first of two matched methods minus the second: an additional cost, or effect (cost `EFFECT`).

    Interval and p of a price resample the units in `over`, with the strengths read off again. Those of an effect
    resample test questions at the chosen strengths. `p_holm` is corrected over all prices, or over all effects. If
    there is no p, `why` says the reason.
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
    """A trade-off's result. `wanted` is the common effect; `fronts` has the undominated doses by cost.

    `asked_for` is the requested common effect: points, a method whose effect is used, or None for the largest that all
    methods reach.
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
        """Raises ValueError: another schema. As the first field it is checked before all the others."""
        if version != SCHEMA:
            raise ValueError(f"what was found has schema {version}, but this version reads {SCHEMA}")
        return version


def read_tradeoff(folder: Path) -> TradeoffResult:
    """The result of a finished trade-off.

    Raises:
        UserError: the folder has none, or one that this version cannot read.
    """
    path = folder / RESULT
    if path.is_file() and (version := _version(path.read_bytes())) not in (None, SCHEMA):
        raise UserError(
            f"{path} has schema {version}, but this version reads {SCHEMA}; the same `steerbench tradeoff` makes it "
            "again from its runs."
        )
    return read_record(TradeoffResult, path, "trade-off")


def _version(text: bytes) -> int | None:
    """The schema version in a file; None if there is none."""
    try:
        return _TradeoffVersion.model_validate_json(text).schema_version
    except ValidationError:
        return None


class _TradeoffVersion(BaseModel):
    schema_version: int
