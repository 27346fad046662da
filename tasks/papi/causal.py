"""Causal effect: how a change in a person's score on one trait changes the steered model's answers.

Based on Zhu et al. 2024, appendix D. The model is steered to a person and to ten copies of them. In a copy, the shown
answers on one trait score one point lower or higher. Each copy is fitted separately and nothing else differs, so a
difference in answers is an effect of that score.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from steerbench.contracts import Outcome, Request, Sampling, Score, Scored, Split, Summary, Task
from steerbench.contracts.steering import Steering
from steerbench.contracts.targets import MIDDLE, TRAITS, Item, Respondent, Target
from steerbench.errors import UserError
from steerbench.toolkit.sizes import check_sizes
from tasks.papi.causal_board import ROLES, summarise
from tasks.papi.dataset import SAMPLE
from tasks.papi.inventory import in_turn
from tasks.papi.task import PAPI
from tasks.papi.treatment import moved, treatments


class CausalPAPI(Task):
    """The test statements of all traits, asked for PAPI's people and for every copy.

    Args:
        dataset, readout, respondents: as in PAPI.
        items: number of statements per trait, alternately keyed + and -; all if None.
    """

    name = "papi-causal"
    size = "respondents"
    baselines = ROLES
    measures_cost = False
    chooses_strengths = False
    withheld = PAPI.withheld
    before = PAPI.before

    def __init__(
        self,
        dataset: str = SAMPLE,
        readout: Literal["label", "contextual", "letter", "generate"] | None = None,
        respondents: int | None = None,
        items: int | None = None,
        protocol: Literal["strict", "published"] = "strict",
    ) -> None:
        if protocol == "published":
            raise UserError(f"{self.name} has no published protocol; leave --protocol out.")
        check_sizes(self.name, items=items)
        self._papi = PAPI(dataset, readout, respondents)
        if others := sorted({item.trait for item in self._papi.statements()} - set(TRAITS)):
            raise UserError(f"{self.name} changes Big Five scores, but '{dataset}' asks about {', '.join(others)}.")
        self._per_trait = items
        self.sampling: Sampling = self._papi.sampling
        self.reads_texts = self._papi.reads_texts
        self._people = {person.id: person for person in self._papi.targets(Split.TEST)}
        made = [pair for person in self._people.values() for pair in treatments(person)]
        self.treatments = {copy.id: treatment for copy, treatment in made}
        self._targets = [*self._people.values(), *(copy for copy, _ in made)]

    def identity(self) -> Mapping[str, str]:
        return {**self._papi.identity(), "items": str(self._per_trait)}

    def targets(self, split: Split) -> Sequence[Respondent]:
        """The people, then all copies. Nothing is held out."""
        return self._targets

    def items(self, target: Target, split: Split) -> Sequence[Item]:
        """The test statements, the same for a person and all copies; none for calibration."""
        if split is Split.CALIBRATION:
            return []
        asked = self._papi.items(self._person(target), split)
        if self._per_trait is None:
            return asked
        by_trait = [in_turn(item for item in asked if item.trait == trait) for trait in TRAITS]
        chosen = {item.id for of_trait in by_trait for item in of_trait[: self._per_trait]}
        return [item for item in asked if item.id in chosen]

    def request(self, item: Item, target: Target, steering: Steering) -> Request:
        return self._papi.request(item, target, steering)

    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        """Absolute error relative to the person's own tick, shifted like the copy's score.

        Raises:
            RuntimeError: as in PAPI.
        """
        score = self._papi.score(item, self._person(target), outcome)
        record = dict(score.record)
        treatment = self.treatments.get(target.id)
        if treatment is not None and treatment.trait == item.trait:
            record["tick"] = moved(item, record["tick"], treatment.dose)
        answer = MIDDLE if record["answer"] is None else record["answer"]
        loss = None if score.loss is None else abs(answer - record["tick"])
        return replace(score, loss=loss, record=record)

    def unseal(self) -> None:
        self._papi.unseal()

    def summarise(self, rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
        return summarise(rows, list(self._people), self.treatments, seed)

    def _person(self, target: Target) -> Respondent:
        """The person that a target is, or is a copy of."""
        treatment = self.treatments.get(target.id)
        return self._people[treatment.person if treatment else target.id]
