"""PersonalityBench: a model steered to one end of a trait answers open questions, which judges rate (Deng et al. 2024).

Every question on a trait is asked under both of its poles. A judge that does not know the pole rates how high the
answer is on the trait, and another rates its fluency. Test questions are separate from calibration questions.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from steerbench.contracts import (
    PENDING,
    Case,
    Completion,
    Outcome,
    Prompt,
    Request,
    Sampling,
    Score,
    Scored,
    Split,
    Summary,
    Task,
    Verdict,
)
from steerbench.contracts.steering import PromptChange, Steering
from steerbench.contracts.targets import LABELS, MIDDLE, TRAITS, Answer, Item, Target
from steerbench.contracts.thoughts import UNFINISHED
from steerbench.errors import UserError
from steerbench.toolkit.poles import ends, poles_named, statements
from steerbench.toolkit.reading.as_ai import speaks_as_ai
from steerbench.toolkit.sizes import check_penalty, check_sizes
from tasks.personalitybench.asking import ASKED, AnswerSettings
from tasks.personalitybench.construction import build
from tasks.personalitybench.frames import BARE, QuestionFrame, frame_named
from tasks.personalitybench.metrics import ROLES, summarise
from tasks.personalitybench.questions import BANK, PUBLISHED, PUBLISHED_DATASET, load, spread
from tasks.personalitybench.repetition import distinct, words

LOWEST, HIGHEST = min(LABELS), max(LABELS)
KNOWN = "You have said how accurately some statements describe you:"
_ONE_OF_EACH = PromptChange("Description.", (Answer(Item("shown", "Shown statement."), MIDDLE),))
"""A prompt change with all parts, so that the identity includes every wording."""


@dataclass
class PersonalityBench(Task):
    """Free-text answers under each pole of each trait.

    Args:
        dataset: `bank` (embedded), `published` (459 questions) or the path of a .jsonl file of questions.
        poles: comma-separated names of poles or blends ("extraversion+,openness+neuroticism-"); all ten poles if None.
        questions: number of questions per trait, alternating over facets; all if None.
        max_new_tokens: maximum length of an answer; default 100, and 400 if published.
        repetition_penalty: divisor for tokens that occurred before; default 1.1, and 1.15 if published.
        fluency_question: whether the judge of fluency sees the question; default yes, and no if published.
        off_target: whether test answers are rated on all five traits, or only on the question's own.
        frame: how a question is put: `bare`, `friend`, `person`, or your own text with {question} in it; default
            `friend`, and `person` if published.
        part: the questions of the test: `test`, or those of `calibration`, to look at strengths without using up
            the test questions. Strengths have to be given with `calibration`.
    """

    size: ClassVar[str] = "questions"

    dataset: str = BANK
    poles: str | None = None
    questions: int | None = None
    max_new_tokens: int | None = None
    repetition_penalty: float | None = None
    fluency_question: bool | None = None
    off_target: bool = True
    frame: str | None = None
    part: Literal["test", "calibration"] = "test"
    protocol: Literal["strict", "published"] = "strict"
    name: str = field(default="personalitybench", init=False)
    reads_ticks = False
    baselines = ROLES
    reference: str = field(default="simple-prompt", init=False)
    cost: str = field(default="fluency", init=False)
    before: ClassVar[Mapping[str, Any]] = {"frame": BARE}

    build = staticmethod(build)

    def __post_init__(self) -> None:
        check_sizes(self.name, questions=self.questions, max_new_tokens=self.max_new_tokens)
        check_penalty(f"{self.name}.repetition_penalty", self.repetition_penalty)
        usual = ASKED[self.protocol]
        tokens, penalty = self.max_new_tokens, self.repetition_penalty
        self.asked = AnswerSettings(
            usual.frame if self.frame is None else self.frame,
            usual.max_new_tokens if tokens is None else tokens,
            usual.repetition_penalty if penalty is None else penalty,
            usual.fluency_question if self.fluency_question is None else self.fluency_question,
        )
        self._frame = frame_named(self.asked.frame)
        self.framing = self._frame.said
        self.judges: Mapping[str, str] = {"trait": "axis", "fluency": "perplexity"}
        self.sampling = Sampling(self.asked.max_new_tokens, repetition_penalty=self.asked.repetition_penalty)
        loaded = load(self.dataset)
        self._digests = loaded.digests
        self._questions = {split: spread(getattr(loaded, split), self.questions) for split in Split}
        self.chooses_strengths = self.part == "test"
        if not self.chooses_strengths:
            self._questions[Split.TEST] = self._questions[Split.CALIBRATION]
        self._measuring = frozenset(item.id for item in self._questions[Split.TEST])
        self._targets = poles_named(self.poles, self.statements(), "personalitybench.poles")
        self._check_questions()
        self._sealed = True

    @property
    def deviations(self) -> Sequence[str]:
        """Deviations of a published run from the published code."""
        if self.protocol != "published":
            return ()
        other = [] if self.dataset == PUBLISHED else ["the questions are not the published ones"]
        told = ASKED["published"].unlike(self.asked)
        return (*other, *told, "unlike the published code: prompts and rubrics are this project's own words")

    @property
    def questions_from(self) -> str:
        return PUBLISHED_DATASET if self.dataset == PUBLISHED else ""

    def identity(self) -> Mapping[str, str]:
        told = "\n".join(f"{item.id} {item.key} {item.text}" for item in self.statements())
        return {
            "dataset": self.dataset if self.dataset in (BANK, PUBLISHED) else "file",
            **{f"sha256 {source}": digest for source, digest in self._digests.items()},
            "statements": hashlib.sha256(told.encode()).hexdigest(),
            "targets": ",".join(target.id for target in self._targets),
            "questions": ",".join(f"{split} {len(items)}" for split, items in self._questions.items()),
            "part": self.part,
            "max_new_tokens": str(self.asked.max_new_tokens),
            **self._beside_the_usual(),
            "off_target": str(self.off_target),
            # Runs made before frames existed have none, and keep their identity.
            **({"frame": self.asked.frame} if self.asked.frame != BARE else {}),
            "wording": repr(_prompt("Question?", _ONE_OF_EACH, self._frame)),
        }

    def _beside_the_usual(self) -> dict[str, str]:
        """Settings that differ from a strict run's defaults.

        Defaults are left out, so that runs made before these parameters existed keep their identity.
        """
        strict = ASKED["strict"]
        names = ("repetition_penalty", "fluency_question")
        return {
            name: str(getattr(self.asked, name)) for name in names if getattr(self.asked, name) != getattr(strict, name)
        }

    def statements(self) -> Sequence[Item]:
        """The statements that describe poles: those of the embedded inventory."""
        return statements()

    def targets(self, split: Split) -> Sequence[Target]:
        """The poles and blends. They are the same in both splits, because statements describe them, not questions."""
        return self._targets

    def items(self, target: Target, split: Split) -> Sequence[Item]:
        """The questions on the target's traits.

        Raises:
            RuntimeError: test questions are asked for while they are sealed.
        """
        if split is Split.TEST and self._sealed:
            raise RuntimeError("The test questions are sealed until every strength is chosen.")
        steered = ends(target, "personalitybench")
        return [item for item in self._questions[split] if item.trait in steered]

    def request(self, item: Item, target: Target, steering: Steering) -> Request:
        return Request(_prompt(item.text, steering.prompt, self._frame), steering)

    def score(self, item: Item, target: Target, outcome: Outcome | float) -> Score:
        """The score before rating. An answer that never ends its thoughts is not rated at all.

        Raises:
            UserError: the outcome is a tick, because the method only answers statements.
        """
        answer = self._whole(_text(outcome))
        return Score(None, _record(item, target, answer), UNFINISHED if answer.finish == "thinking" else PENDING)

    def cases(self, item: Item, target: Target, answer: Completion, split: Split) -> Sequence[Case]:
        """Cases for the answer's traits, the question's own first, and for its fluency.

        Calibration questions need only their own trait. A published run chooses on its test questions, so these have
        the same cases in both splits, and the same verdicts serve both.
        """
        answer = self._whole(answer)
        traits = _rated_traits(item) if self.off_target and item.id in self._measuring else [item.trait]
        fluency = Case("fluency", "fluency", item.text if self.asked.fluency_question else "", answer.text)
        return [*(Case("trait", TRAITS[trait], item.text, answer.text) for trait in traits), fluency]

    def rated(self, item: Item, target: Target, answer: Completion, verdicts: Sequence[Verdict]) -> Score:
        """Loss: distance of the rating from the pole's end. Cost: distance of the fluency from 5.

        An answer without a rating on its own trait is unscored; one that only lacks fluency has no cost.
        """
        *of_traits, fluency = verdicts
        ratings = {trait: verdict.rating for trait, verdict in zip(_rated_traits(item), of_traits, strict=False)}
        record = _record(item, target, self._whole(answer))
        record |= {"ratings": ratings, "fluency": fluency.rating, "fluency_unscored": fluency.unscored}
        own, high = ratings[item.trait], record["high"]
        cost = None if fluency.rating is None else HIGHEST - fluency.rating
        if own is None:
            return Score(None, record, of_traits[0].unscored or "the judge gave no rating", cost)
        return Score(HIGHEST - own if high else own - LOWEST, record, cost=cost)

    def _whole(self, answer: Completion) -> Completion:
        """The answer including the words it had to start with. Model-free replies did not have to."""
        given = self._frame.start if answer.tokens and answer.answered else ""
        return replace(answer, text=given + answer.text)

    def unseal(self) -> None:
        self._sealed = False

    def summarise(self, rows: Mapping[str, Sequence[Scored]], seed: int) -> Summary:
        return summarise(rows, seed)

    def _check_questions(self) -> None:
        """Raises UserError: a steered trait has no question, or a test question is used for calibration too."""
        for split, items in self._questions.items():
            asked = {item.trait for item in items}
            for trait in dict.fromkeys(trait for target in self._targets for trait in ends(target, "personalitybench")):
                if trait not in asked:
                    raise UserError(
                        f"The dataset '{self.dataset}' has no {split} question on {TRAITS[trait]}; leave its poles out "
                        "with --param personalitybench.poles=..., or give it some."
                    )
        shared = {item.text for item in self._questions[Split.TEST]} & {
            item.text for item in self._questions[Split.CALIBRATION]
        }
        if shared and self.chooses_strengths:
            raise UserError(
                f"The dataset '{self.dataset}' has a test question that is also for calibration: '{min(shared)}'; "
                "leave it out of one part."
            )


def _rated_traits(item: Item) -> list[str]:
    """All traits, the question's own first."""
    return [item.trait, *(trait for trait in TRAITS if trait != item.trait)]


def _prompt(question: str, change: PromptChange, frame: QuestionFrame) -> Prompt:
    """The question in its frame as the user's turn, after a system message if it has content."""
    parts = [change.system] if change.system else []
    if change.shown:
        parts.append("\n".join([KNOWN, *(f"{answer.item.bare}: {LABELS[answer.tick]}" for answer in change.shown)]))
    system = (("system", "\n\n".join(parts)),) if parts else ()
    return Prompt((*system, ("user", frame.asked(question))), frame.start)


def _text(outcome: Outcome | float) -> Completion:
    if not isinstance(outcome, Completion):
        raise UserError(
            "personalitybench rates free text, and one of the methods only ticks statements; leave that method out."
        )
    return outcome


def _record(item: Item, target: Target, answer: Completion) -> dict[str, Any]:
    """What the summary needs of an unrated answer."""
    left = answer.finish != "thinking"
    said, steered = words(answer.text) if left else [], ends(target, "personalitybench")
    return {
        "trait": item.trait,
        "facet": item.facet,
        "high": steered[item.trait],
        "steered": sorted(steered),
        "ratings": {},
        "fluency": None,
        "tokens": answer.tokens,
        "finish": answer.finish,
        "words": len(said) if left else None,
        "as_ai": speaks_as_ai(answer.text) if left else None,
        **{f"distinct_{n}": distinct(said, n) for n in (1, 2, 3)},
    }
