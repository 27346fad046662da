"""PAPI: predict a person's ticks on held-out statements (Zhu et al. 2024).

Some answers of each respondent are shown to the method, the others are the test. Missing answers are left out,
reverse-keyed values are converted back to ticks, and test answers are sealed until every strength is chosen. The
`published` protocol undoes each of these and lists it as a deviation; only among shown answers are missing ones still
left out. Other people's answers are never sealed, not even on test statements (`tasks.papi.others`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean as mean
from typing import ClassVar, Literal

import numpy as np

from steerbench.contracts import (
    Completion,
    Metric,
    Outcome,
    Prompt,
    Request,
    Role,
    Sampling,
    Score,
    Scored,
    Split,
    Summary,
    Task,
)
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.contracts.targets import MIDDLE, Answer, Item, OtherForm, Respondent, Target
from steerbench.contracts.thoughts import spoken
from steerbench.errors import UserError
from steerbench.toolkit.reading.refusals import refuses
from tasks.papi.controls import COPY_OTHER, asked_of_controls, unread
from tasks.papi.dataset import DARK_TRIAD, SAMPLE, Inventory, Person, load, stores_scores
from tasks.papi.forms import asked_in, forms_of, in_forms
from tasks.papi.metrics import ROLES, Missing, summarise
from tasks.papi.others import others_by_person, where_from
from tasks.papi.readouts import READOUTS, Readout, TextReadout, asked_by, why_unread
from tasks.papi.robustness import by_form, with_forms

_SHOWN = Item("shown", "Shown statement.", "A shown statement.", "A", "", 1)
_ONE_OF_EACH = PromptChange("Description.", (Answer(_SHOWN, MIDDLE),))
"""A prompt change with all parts, so that the identity includes every wording."""

SCORES_AS_TICKS = (
    "keys as stored: the reverse-keyed values are shown and scored as if they were ticks",
    "every item counts as keyed +, because stored values are keyed already",
)
DEVIATIONS = (
    "missing answers are scored as if 0 had been ticked",
    "unreadable answers leave the denominator",
    "unlike the published code: a list of shown answers leaves out missing ones, where that code shows them as unknown",
)
TWELVE = (
    "unlike the published code: the parser's twelve characters start at the answer's first word, not at the line "
    "breaks or the blank that a chat template puts before it"
)


@dataclass
class PAPI(Task):
    """Multiple-choice personality prediction.

    Args:
        dataset: `sample` (included, invented), `papi-300` (300 real people, IPIP-NEO-300) or `papi-dark-triad`
            (300 others, Short Dark Triad).
        readout: `contextual`, `label`, `letter` or `generate`; default `contextual`, and `generate` if published.
        respondents: number of people, the first of the dataset; all if None.
        holdout: share of the shown answers, within every trait, that calibration holds out.
        robust: ask test statements in other forms too (`tasks.papi.forms`).
    """

    withheld = True
    """People's answers, and anything that would reveal them, are not published."""

    size: ClassVar[str] = "respondents"
    before: ClassVar[Mapping[str, str]] = {"readout": "label"}

    dataset: str = SAMPLE
    readout: Literal["label", "contextual", "letter", "generate"] | None = None
    respondents: int | None = None
    protocol: Literal["strict", "published"] = "strict"
    holdout: float = 0.4
    robust: bool = False
    seed: int = 0
    name: str = field(default="papi", init=False)
    baselines: Mapping[str, Role] = field(default_factory=lambda: ROLES, init=False)
    # The published parser reads at most twelve characters, including "Option".
    sampling: Sampling = field(default=Sampling(max_new_tokens=8), init=False)

    def __post_init__(self) -> None:
        if not 0 < self.holdout < 1:
            raise UserError(f"The holdout is {self.holdout}; it has to be above 0 and below 1.")
        self.published = self.protocol == "published"
        self.readout = self.readout or ("generate" if self.published else "contextual")
        self._reader: Readout = READOUTS[self.readout]()
        if self.published and isinstance(self._reader, TextReadout):
            self._reader = TextReadout("published")
        self.reads_texts = not self._reader.options
        self._inventory: Inventory = load(self.dataset, "stored" if self.published else "ticked", self.respondents)
        self._people: dict[str, Person] = {person.id: person for person in self._inventory.people}
        self._scores_as_ticks = self.published and stores_scores(self.dataset)
        # Stored scores are keyed already; keying them by the item would reverse them twice.
        self._items: dict[str, Item] = {
            item.id: replace(item, key=1) if self._scores_as_ticks else item for item in self._inventory.items
        }
        self._others = others_by_person(self._inventory, tuple(self._items.values()))
        if len(self._people) == 1:  # there is no other person whose answers could be copied
            self.baselines = {name: role for name, role in ROLES.items() if name != COPY_OTHER}
        self._asked_of_controls = asked_of_controls([i for i in self._inventory.items if i.id in self._inventory.asked])
        if self.robust and self.published:
            raise UserError("The published protocol asks in one form; leave --robust out, or --protocol.")
        self._forms = forms_of(self.readout) if self.robust else {}
        self._held_out = _stratified([self._items[i] for i in self._inventory.shown], self.holdout, self.seed)
        self._sealed = True

    @property
    def deviations(self) -> Sequence[str]:
        """Deviations from the strict protocol, and from the published code."""
        if not self.published:
            return ()
        read = [TWELVE] if self.readout == "generate" else [f"answers are read by {self.readout}, not from greedy text"]
        keys = SCORES_AS_TICKS if self._scores_as_ticks else ()
        return (*keys, *DEVIATIONS, *read, "unlike the published code: prompts are this project's own words")

    def identity(self) -> Mapping[str, str]:
        return {
            "dataset": self._inventory.name,
            "sha256": self._inventory.digest,
            "respondents": str(len(self._people)),
            "readout": str(self.readout),
            "holdout": str(self.holdout),
            "others": where_from(self._inventory),
            "wording": repr(self._reader.prompt(self._inventory.items[0], _ONE_OF_EACH)),
            **({"neutral": repr([item.text for item in self._reader.neutral])} if self._reader.neutral else {}),
            **({"forms": repr(self._worded())} if self._forms else {}),
        }

    def _worded(self) -> Mapping[str, Prompt]:
        return {name: form.prompt(self._inventory.items[0], _ONE_OF_EACH) for name, form in self._forms.items()}

    def statements(self) -> Sequence[Item]:
        """The shown statements, which also describe the poles of traits."""
        return [self._items[i] for i in self._inventory.shown]

    def targets(self, split: Split) -> Sequence[Respondent]:
        """Respondents with their shown answers; for calibration, without the held-out ones."""
        hidden = self._held_out if split is Split.CALIBRATION and not self.published else frozenset()
        shown = [self._items[i] for i in self._inventory.shown if i not in hidden]
        return [
            Respondent(
                person.id,
                tuple(Answer(item, person.answers[item.id]) for item in shown if person.answers[item.id]),
                self._others.get(person.id),
            )
            for person in self._people.values()
        ]

    def items(self, target: Target, split: Split) -> Sequence[Item]:
        """The held-out statements for calibration, otherwise the test statements in every form."""
        asked = sorted(self._held_out) if split is Split.CALIBRATION else self._inventory.asked
        answers = self._people[target.id].answers
        items = [self._items[i] for i in asked if answers[i] or self.published]
        return items if split is Split.CALIBRATION else in_forms(items, self._forms)

    def request(self, item: Item, target: Target, steering: Steering) -> Request:
        reader = self._forms[item.form] if isinstance(item, OtherForm) else self._reader
        return asked_by(reader, item, steering)

    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        """Absolute error of the given tick. An unreadable answer counts as the middle of the scale, unless published.

        Raises:
            RuntimeError: a test answer is needed while it is sealed.
        """
        asked, form = asked_in(item.id)
        if self._sealed and asked not in self._held_out:
            raise RuntimeError(f"The answer to item {asked} is sealed until every strength is chosen.")
        tick = self._people[target.id].answers[asked]
        reader = self._forms.get(form, self._reader)
        answer, expected = _replied(outcome) if isinstance(outcome, float) else reader.read(outcome)
        record = {"trait": item.trait, "key": item.key, "tick": tick, "answer": answer, "expected": expected}
        if self._forms and isinstance(outcome, Completion):
            record["refused"] = answer is None and refuses(spoken(outcome.text).answer)
        if answer is None:
            return Score(None if self.published else abs(MIDDLE - tick), record, why_unread(outcome))
        return Score(abs(answer - tick), record)

    def answers(self, target: Target) -> Mapping[Item, int]:
        """A person's ticks on the test statements that controls are asked, without missing answers.

        Raises:
            RuntimeError: they are sealed.
        """
        if self._sealed:
            raise RuntimeError("The test answers are sealed until every strength is chosen.")
        ticks = self._people[target.id].answers
        return {self._items[i]: ticks[i] for i in self._asked_of_controls if ticks[i]}

    def unread(self, metrics: Mapping[str, Mapping[str, Metric]]) -> str:
        return unread(metrics)

    def target_loss(self, scored: Sequence[Scored]) -> float | None:
        """The mean error. If published, as in the papers' code: the sum over traits of the mean over readable answers,
        and None (the worst) if a trait has none."""
        if not self.published:
            return mean(one.score.loss for one in scored if one.score.loss is not None) if scored else None
        by_trait: dict[str, list[float]] = {one.score.record["trait"]: [] for one in scored}
        for one in scored:
            if one.score.loss is not None:
                by_trait[one.score.record["trait"]].append(one.score.loss)
        return sum(map(mean, by_trait.values())) if all(by_trait.values()) else None

    def unseal(self) -> None:
        self._sealed = False

    def summarise(self, rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
        missing: Missing = "drop" if self.published else "impute"
        if not self._forms:
            return summarise(rows, seed, missing)
        usual = {name: by_form(scored).get("", []) for name, scored in rows.items()}
        return with_forms(summarise(usual, seed, missing), rows, seed, missing)


@dataclass
class DarkTriadPAPI(PAPI):
    """The Short Dark Triad of 300 real people: `papi` with the dataset `papi-dark-triad`."""

    dataset: str = field(default=DARK_TRIAD, init=False)
    name: str = field(default=DARK_TRIAD, init=False)


def _replied(expected: float) -> tuple[float, float]:
    """The answer and the expected tick of a reply without a model; the answer is the nearest tick.

    A tie goes to the even tick; unlike rounding up, this treats items keyed +1 and -1 alike.
    """
    return float(round(expected)), expected


def _stratified(items: Sequence[Item], share: float, seed: int) -> frozenset[str]:
    """A seeded share of the items of every trait, at least one of each."""
    rng = np.random.default_rng(seed)
    chosen: list[str] = []
    for trait in sorted({item.trait for item in items}):
        ids = [item.id for item in items if item.trait == trait]
        chosen += rng.permutation(ids)[: max(1, round(share * len(ids)))].tolist()
    return frozenset(chosen)
