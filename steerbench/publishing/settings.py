"""Checks strengths and wordings of a published run: each is given by the plan, or its calibration can have tried it."""

import math
from collections.abc import Iterable, Iterator, Mapping

from steerbench.contracts import Judged
from steerbench.contracts.setting import Setting
from steerbench.publishing.making import RebuiltPlan
from steerbench.publishing.proposals import proposals
from steerbench.publishing.recomputation import Rows
from steerbench.publishing.samples import setting_in
from steerbench.publishing.schema import CalibrationPoint, Published
from steerbench.records.plan import Plan, PlanRow
from steerbench.running import strengths

CLOSE = 1e-9


def wrong_settings(published: Published, made: RebuiltPlan, samples: Rows) -> Iterator[str]:
    """Settings in the samples that no run of the plan can have; the first of each row is reported.

    Raises:
        UserError: the plan takes strengths from a run that has none for a row or target.
    """
    strengths.check_strengths(published.plan, made.task, list(made.rows.values()))
    for name, of_row in samples.items():
        found: dict[str, Setting] = {}
        for (target, item), sample in of_row.items():
            setting = setting_in(sample)
            if found.setdefault(target, setting) != setting:
                yield (
                    f"method '{name}', target '{target}', item '{item}': {_said(setting)}, but other items of the "
                    f"target have {_said(found[target])}; a target has one setting."
                )
                break
        else:
            if name in made.rows:
                yield from (f"method '{name}', {wrong}" for wrong in _of_row(published.plan, made, name, found))


def wrong_points(published: Published, made: RebuiltPlan) -> Iterator[str]:
    """Calibration points that were never tried, or that contradict the chosen setting."""
    for name, points in published.calibration.items():
        row = made.rows.get(name)
        if row is None:
            continue
        if _given(published.plan, made, row) is not None:
            yield f"calibration, method '{name}': has points, but there was nothing to choose."
            continue
        allowed = proposals(published.plan, row.method)
        low, high = row.method.strengths
        for point in points:
            setting = Setting(point.strength, point.wording)
            if not (_is_one_of(setting, allowed) if allowed is not None else 0 <= point.strength <= max(high, low)):
                yield f"calibration, method '{name}': {_said(setting)} cannot be proposed by its search."
                break
        if not isinstance(made.task, Judged):
            yield from (f"calibration, method '{name}': {wrong}" for wrong in _better(published, name, points))


def _of_row(plan: Plan, made: RebuiltPlan, name: str, found: Mapping[str, Setting]) -> Iterator[str]:
    row, fits = made.rows[name], made.fits.get(name, {})
    given = _given(plan, made, row)
    allowed = proposals(plan, row.method) if given is None else None
    low, high = row.method.strengths
    for target, setting in found.items():
        wordings = 1 + len(fits[target].alternatives) if target in fits else math.inf
        if setting.wording >= wordings:
            yield f"target '{target}': wording {setting.wording} does not exist; it has {wordings:g}, counted from 0."
        elif given is not None and not _is_one_of(setting, [given[target]]):
            yield f"target '{target}': {_said(setting)}, but the plan gives it {_said(given[target])}."
        elif given is None and setting.strength != 0 and not low <= setting.strength <= high:
            yield f"target '{target}': {_said(setting)} is outside the method's range ({low:g} to {high:g})."
        elif allowed is not None and not _is_one_of(setting, allowed):
            how = f"the {plan.calibration} search" if low != high else "the choice of wordings"
            yield f"target '{target}': {_said(setting)} cannot come from {how} with a budget of {plan.budget}."
        else:
            continue
        return


def _given(plan: Plan, made: RebuiltPlan, row: PlanRow) -> dict[str, Setting] | None:
    return strengths.given(plan, made.task, row.name, row.method, list(made.targets.values()))


def _better(published: Published, name: str, points: list[CalibrationPoint]) -> Iterator[str]:
    """If all targets chose one setting, no other setting tried by all may have a smaller mean loss."""
    row = published.methods[name]
    chosen = {Setting(strength, row.wordings.get(target, 0)) for target, strength in row.strengths.items()}
    whole = {Setting(p.strength, p.wording): p.loss.value for p in points if p.loss.n == published.targets}
    if len(chosen) != 1:
        return
    (one,) = chosen
    own = next((loss for setting, loss in whole.items() if _is_one_of(one, [setting])), None)
    for setting, loss in whole.items():
        if own is not None and loss is not None and loss < own - CLOSE:
            yield f"every target chose {_said(one)}, but {_said(setting)} has a smaller loss ({loss:g}, not {own:g})."
            return


def _is_one_of(setting: Setting, allowed: Iterable[Setting]) -> bool:
    return any(
        setting.wording == other.wording
        and math.isclose(setting.strength, other.strength, rel_tol=CLOSE, abs_tol=CLOSE)
        for other in allowed
    )


def _said(setting: Setting) -> str:
    return f"strength {setting.strength:.10g}" + (f" with wording {setting.wording}" if setting.wording else "")
