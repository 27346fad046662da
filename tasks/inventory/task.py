"""Self-report under poles: a model steered to an end of a trait fills in a personality inventory about itself.

This is the cheapest test of whether a steering does anything: one short answer per statement, no judge, and statements
keyed to both ends, so that more agreement with everything does not look like a shift on the trait. It is not a measure
of a model's personality; it shows whether a steering changes answers at all.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from steerbench.contracts import Outcome, Request, Sampling, Score, Scored, Split, Summary, Task
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.contracts.targets import LABELS, MIDDLE, TRAITS, Answer, Item, Target
from steerbench.errors import UserError
from steerbench.toolkit.poles import ends, poles_named
from steerbench.toolkit.sizes import check_sizes
from tasks.inventory.metrics import ROLES, summarise
from tasks.papi.dataset import DARK_TRIAD, SAMPLE, load
from tasks.papi.inventory import in_turn
from tasks.papi.readouts import READOUTS, asked_by, why_unread

LOWEST, HIGHEST = min(LABELS), max(LABELS)
CALIBRATES = 3
"""Every third statement of a trait and key is used to choose strengths, and is not a test statement."""
_ONE_OF_EACH = PromptChange("Description.", (Answer(Item("shown", "Shown statement."), MIDDLE),))
"""A prompt change with all parts, so that the identity includes every wording."""


class SelfReport(Task):
    """The test statements of an inventory under every pole; each pole is described by the inventory's shown statements.

    Args:
        dataset: `sample` (60 embedded statements) or `papi-300` (the 300 of the IPIP-NEO-300).
        readout: one of PAPI's readouts.
        poles: comma-separated names of poles or blends ("extraversion+,openness+neuroticism-"); all ten poles if None.
        items: number of test statements per trait, alternately keyed + and -; all if None.
    """

    name = "inventory"
    size = "items"
    baselines = ROLES
    sampling = Sampling(max_new_tokens=8)

    def __init__(
        self,
        dataset: str = SAMPLE,
        readout: Literal["label", "contextual", "letter", "generate"] = "contextual",
        poles: str | None = None,
        items: int | None = None,
        protocol: Literal["strict", "published"] = "strict",
    ) -> None:
        if protocol == "published":
            raise UserError(f"{self.name} has no published protocol; leave --protocol out.")
        if dataset == DARK_TRIAD:
            raise UserError(
                f"{self.name} asks about the Big Five, but '{dataset}' does not; use 'sample' or 'papi-300'."
            )
        check_sizes(self.name, items=items)
        self._inventory = load(dataset, limit=1)
        self._reader, self._readout = READOUTS[readout](), readout
        self.reads_texts = not self._reader.options
        by_id = {item.id: item for item in self._inventory.items}
        self._shown = [by_id[one] for one in self._inventory.shown]
        calibrates, measures = _split([by_id[one] for one in self._inventory.asked])
        if items is not None:
            by_trait = [in_turn(item for item in measures if item.trait == trait) for trait in TRAITS]
            measures = [item for of_trait in by_trait for item in of_trait[:items]]
        self._asked = {Split.CALIBRATION: calibrates, Split.TEST: measures}
        self._targets = poles_named(poles, self._shown, f"{self.name}.poles")
        self._sealed = True

    def identity(self) -> Mapping[str, str]:
        return {
            "dataset": self._inventory.name,
            "sha256": self._inventory.digest,
            "readout": self._readout,
            "targets": ",".join(target.id for target in self._targets),
            "items": ",".join(f"{split} {len(items)}" for split, items in self._asked.items()),
            "wording": repr(
                [
                    self._reader.prompt(item, change)
                    for change in (_ONE_OF_EACH, PromptChange())
                    for item in (self._shown[0], *self._reader.neutral)
                ]
            ),
        }

    def statements(self) -> Sequence[Item]:
        """The statements that describe poles."""
        return self._shown

    def targets(self, split: Split) -> Sequence[Target]:
        """The poles and blends, the same in both splits."""
        return self._targets

    def items(self, target: Target, split: Split) -> Sequence[Item]:
        """For calibration, statements on the target's own traits; for the test, statements on all traits.

        Raises:
            RuntimeError: test statements are asked for while they are sealed.
        """
        if split is Split.TEST:
            if self._sealed:
                raise RuntimeError("The test statements are sealed until every strength is chosen.")
            return self._asked[split]
        steered = ends(target, self.name)
        return [item for item in self._asked[split] if item.trait in steered]

    def request(self, item: Item, target: Target, steering: Steering) -> Request:
        return asked_by(self._reader, item, steering)

    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        """Loss: distance of the expected score from the pole's end (0 to 4); statements on other traits have none."""
        answer, expected = (outcome, outcome) if isinstance(outcome, float) else self._reader.read(outcome)
        steered = ends(target, self.name)
        high = steered.get(item.trait)
        record = {"trait": item.trait, "key": item.key, "high": high, "answer": answer, "expected": expected}
        record["steered"] = sorted(steered)
        if expected is None:
            return Score(None, record, why_unread(outcome))
        if high is None:
            return Score(None, record)
        score = item.keyed(expected)
        return Score(HIGHEST - score if high else score - LOWEST, record)

    def unseal(self) -> None:
        self._sealed = False

    def summarise(self, rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
        return summarise(rows, seed)


def _split(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Splits statements into calibration and test statements, each with some of every trait and key."""
    strata: dict[tuple[str, int], list[Item]] = {}
    for item in items:
        strata.setdefault((item.trait, item.key), []).append(item)
    chosen = {item.id for of in strata.values() for item in of[::CALIBRATES] if len(of) > 1}
    return [item for item in items if item.id in chosen], [item for item in items if item.id not in chosen]
