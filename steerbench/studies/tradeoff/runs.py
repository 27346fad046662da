"""The runs of a trade-off."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from steerbench.records.plan import Plan
from steerbench.studies.campaign import Campaign, FinishedRun
from steerbench.studies.tradeoff.answers import read_answers
from steerbench.studies.tradeoff.asked import Tradeoff
from steerbench.studies.tradeoff.evidence import CALIBRATION, PLAIN, TEST, Dose, Evidence, Place, Told


@dataclass(eq=False)
class TradeoffRuns:
    """The runs made so far and their answers, by source (what was asked) and dose."""

    asked: Tradeoff
    campaign: Campaign
    told: dict[Place, Told] = field(default_factory=dict, init=False)

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.told)

    def make(self, sources: Sequence[str], doses: Iterable[Dose]) -> None:
        """Makes the runs of all sources at all doses, and unsteered; existing ones are kept.

        Raises:
            UserError: a run cannot be made, or the judges' budget is spent.
        """
        wanted = dict.fromkeys((source, dose) for dose in chain([PLAIN], doses) for source in sources)
        missing = [place for place in wanted if place not in self.told]
        made = self.campaign.run_all([(_label(*place), self._plan(*place)) for place in missing])
        self.told |= {place: _told(one, place[1]) for place, one in zip(missing, made, strict=True)}

    def _plan(self, source: str, dose: Dose) -> Plan:
        if source in (CALIBRATION, TEST):
            return self.asked.effect_plan(*dose, "test" if source == TEST else "calibration")
        return self.asked.cost_plan(source, *dose)


def _told(made: FinishedRun, dose: Dose) -> Told:
    answers = read_answers(made.folder, dose.method)
    return Told(made.folder.name, made.result.digest, answers, made.result.methods[dose.method].flags)


def _label(source: str, dose: Dose) -> str:
    return f"{source}, {dose.method}" + ("" if dose == PLAIN else f" {dose.strength:g}")
