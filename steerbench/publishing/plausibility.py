"""Checks that portraits and calibration points are possible. More cannot be checked without the run's ledger."""

import re
from collections import Counter
from collections.abc import Iterator

from steerbench.contracts import Task
from steerbench.contracts.edits import KINDS, Edit, Positions
from steerbench.contracts.steering_rules import fault
from steerbench.publishing.doses import LEAST
from steerbench.publishing.schema import CalibrationPoint, Edited, Portrait, Published
from steerbench.records.results import MetricRecord

_POSITIONS = re.compile(r"(?P<kind>all|decode|front)(?:-(?P<low>\d{1,6})(?: to (?P<high>\d{1,6}))?)?")
"""The format of `portraits`: all, decode, front-9, or front-9 to 21 if targets differ."""


def implausible(published: Published, task: Task) -> Iterator[str]:
    """A sentence for each impossible portrait or point."""
    least = LEAST if task.withheld else 1
    for field in ("portraits", "calibration"):
        if strange := getattr(published, field).keys() - published.methods.keys():
            yield f"{field}: '{min(strange)}' is not a row of the run."
    if published.portraits and (lacking := published.methods.keys() - published.portraits.keys()):
        yield f"portraits: other rows have one, but '{min(lacking)}' does not."
    for name, portrait in published.portraits.items():
        yield from (f"portraits, method '{name}': {wrong}." for wrong in _of_portrait(portrait))
    for name, points in published.calibration.items():
        for wrong in _of_points(points, published.targets, least):
            yield f"calibration, method '{name}': {wrong}."


def _of_portrait(portrait: Portrait) -> Iterator[str]:
    if bool(portrait.edits) != (portrait.layers is not None):
        yield "has to have layers if and only if it edits some"
    for edit in portrait.edits:
        if wrong := _fault_of(edit):
            yield wrong
        if portrait.layers is not None and edit.layer >= portrait.layers:
            yield f"edits layer {edit.layer} of {portrait.layers}"
    places = Counter((edit.site, edit.layer, edit.kind, edit.positions) for edit in portrait.edits)
    if places and max(places.values()) > 1:
        yield f"has {places.most_common(1)[0][0]} twice"


def _fault_of(edit: Edited) -> str:
    """What is wrong with a described edit by the rules for all edits, which engines enforce; "" if nothing."""
    found = _POSITIONS.fullmatch(edit.positions)
    if found is None:
        return f"edits the positions {edit.positions!r}, but there are only all, front and decode"
    for front in [found["low"], found["high"] or found["low"]]:
        like = _like(edit, Positions(found["kind"], int(front or 0)))  # type: ignore[arg-type]
        wrong = None if like is None else fault(like)
        if like is None or like.site != edit.site or (wrong or "").startswith("edits the site"):
            return f"no edit is a {edit.kind!r} at {edit.site!r}"
        if wrong is not None:
            return wrong
    return ""


def _like(edit: Edited, positions: Positions) -> Edit | None:
    """A minimal edit of this kind at this place; None if there is no such kind."""
    kind = next((kind for kind in KINDS if kind.__name__.lower() == edit.kind), None)
    return kind.smallest(edit.site, edit.layer, positions) if kind else None  # type: ignore[arg-type]


def _of_points(points: list[CalibrationPoint], targets: int, least: int) -> Iterator[str]:
    settings = Counter((point.wording, point.strength) for point in points)
    if settings and max(settings.values()) > 1:
        yield f"has the setting {settings.most_common(1)[0][0]} twice"
    for point in points:
        where = f"at strength {point.strength:g} and wording {point.wording}"
        if not -1e9 < point.strength < 1e9 or point.wording < 0:
            yield f"{where}: no method has such a setting"
        for metric in (point.loss, point.cost):
            if metric is not None and not _is_mean_of(metric, targets):
                yield f"{where}: a mean over {metric.n} of {targets} targets cannot be {metric.model_dump()}"
            elif metric is not None and metric.n < least:
                yield f"{where}: is over {metric.n} targets, but people's answers need means over {least} or more"


def _is_mean_of(metric: MetricRecord, targets: int) -> bool:
    if metric.value is None or not 1 <= metric.n <= targets:
        return False
    return (metric.low is None) == (metric.high is None) and (
        metric.low is None or metric.high is None or metric.low <= metric.value + 1e-9 <= metric.high + 2e-9
    )
