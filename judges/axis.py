"""The offline judge of traits: where an answer lies between texts from the trait's low end and from its high end.

The texts are the bank's descriptions (8 per end), the statements in `axis_statements.csv` (one per facet and end) and
the answers in `axis_answers.csv` (ten questions per trait, one answer from each end). All come in pairs on one subject,
a text from each end. A text is encoded as the mean over its sentences.

The axis is a linear discriminant of the pairs: the mean difference between the ends, multiplied by the inverse
covariance of the pairs' differences. The covariance is shrunk half way to a multiple of the identity, because there are
more dimensions than texts. What both texts of a pair have in common, such as an office or a party, cancels out.

An answer's `projection` on the axis is 0 midway between the means, -1 at the low end's mean and +1 at the high end's.

rating = 1 + 4 * sigmoid(3 * projection)

So the means are rated 1.2 and 4.8, and nothing is clipped. The question is ignored: subtracting its projection did not
improve the order of labelled answers. Published descriptions of opposite ends, which are held out from the axis, are
nearly always ordered correctly; answers less reliably (`tests/judges` asserts the figures of both). The encoder is weak
on negation: "I do not like parties" is close to texts of people who like them. Only the first 256 tokens of a sentence
are read.

`edition=1` is the judge that rated published runs before answers were among the texts. It uses only the descriptions
and statements, encodes a text as a whole, and uses the covariance of the texts within each end.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from judges.sentence_encoder import LONGEST, SHA256, encode, token_counts
from judges.texts import answers, statements
from steerbench.bank import descriptions
from steerbench.contracts import Case, Engine, Judge, Verdict
from steerbench.contracts.targets import TRAITS
from steerbench.judging.answers import without_thoughts

Array = NDArray[np.float64]
Edition = Literal[1, 2]

STEEPNESS = 3.0
SHRINKAGE = 0.5
FORMULA = f"1 + 4 * sigmoid({STEEPNESS} * projection)"
READ: Mapping[Edition, str] = {
    1: f"linear discriminant, shrinkage {SHRINKAGE}, of the answer alone",
    2: f"linear discriminant of pairs, shrinkage {SHRINKAGE}, mean over the answer's sentences",
}
"""How an edition learns its axes and reads an answer; part of the judge's identity."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True)
class Axis(Judge):
    """Rates the Big Five with a sentence encoder on CPU. The evaluated model is not needed."""

    edition: Edition = 2

    name = "axis"
    qualities = frozenset(TRAITS.values())
    needs_model = False
    self_contained = True

    @classmethod
    def former(cls, identity: Mapping[str, str]) -> "Axis | None":
        """The edition with this identity, if it is an earlier one."""
        return cls(1) if identity.get("axis") == READ[1] else None

    @property
    def built_on(self) -> frozenset[str]:
        """The texts from which the axes are learned."""
        return frozenset(self._anchors())

    def identity(self) -> Mapping[str, str]:
        return {
            # The first edition has no number in published identities.
            **({} if self.edition == 1 else {"edition": str(self.edition)}),
            "encoder": f"all-MiniLM-L6-v2 sha256:{SHA256}",
            "anchors": hashlib.sha256("\n".join(self._anchors()).encode()).hexdigest(),
            "axis": READ[self.edition],
            "rating": FORMULA,
        }

    def _anchors(self) -> list[str]:
        return [text for trait in TRAITS for high in (False, True) for text in anchors(trait, high, self.edition)]

    @without_thoughts
    def rate(self, cases: Iterable[Case], engine: Engine | None) -> Iterator[Mapping[int, Verdict]]:
        """All verdicts in one batch.

        Raises:
            UserError: the encoder's package is missing or altered.
        """
        drawn = list(cases)
        texts = list(dict.fromkeys(text for case in drawn if (text := case.answer.strip())))
        read = dict(zip(texts, reading(texts, self.edition), strict=True))
        yield {
            place: verdict(trait_axis(case.quality, self.edition), read[text]) if text else EMPTY
            for place, case in enumerate(drawn)
            for text in [case.answer.strip()]
        }

    @staticmethod
    def contradiction(case: Case, verdict: Verdict, identity: Mapping[str, str]) -> str:
        """How a verdict contradicts its details; "" if it does not, or if another formula was used."""
        if verdict.rating is None or identity.get("rating") != FORMULA:
            return ""
        projection = verdict.details.get("projection")
        if not isinstance(projection, int | float):
            return "its details have no projection"
        again = rating(projection)
        return "" if abs(again - verdict.rating) < 1e-6 else f"a projection of {projection:g} is rated {again:.4g}"


EMPTY = Verdict(None, "the answer is empty")


class EncodedText(NamedTuple):
    """An encoded text [dim], and the number of tokens in its longest part."""

    encoded: Array
    tokens: int


def reading(texts: Sequence[str], edition: Edition) -> list[EncodedText]:
    """Encodes each text: as a whole (edition 1), or as the mean over its sentences."""
    parts = [sentences(text) if edition > 1 else [text] for text in texts]
    told = list(dict.fromkeys(part for of_text in parts for part in of_text))
    if not told:
        return []
    encoded, tokens = dict(zip(told, encode(told), strict=True)), dict(zip(told, token_counts(told), strict=True))
    return [
        EncodedText(np.mean([encoded[part] for part in of_text], axis=0), max(tokens[part] for part in of_text))
        for of_text in parts
    ]


def sentences(text: str) -> list[str]:
    """Splits a text after full stops, question and exclamation marks, and at line ends."""
    return [part for part in _SENTENCE_END.split(text.strip()) if part]


def verdict(axis: "TraitAxis", read: EncodedText) -> Verdict:
    """The rating of a text. If part of it was cut off, the details give the number of tokens."""
    projection = axis.projection(read.encoded)
    details: dict[str, Any] = {"projection": projection}
    if read.tokens > LONGEST:
        details |= {"tokens": read.tokens, "tokens_read": LONGEST}
    return Verdict(rating(projection), details=details)


def rating(projection: float) -> float:
    """From 1 to 5, increasing with the projection."""
    return float(1 + 4 / (1 + np.exp(-STEEPNESS * projection)))


class TraitAxis(NamedTuple):
    """`normal` [dim] is scaled so that the means of the two ends have projections -1 and +1 from `middle` [dim]."""

    middle: Array
    normal: Array

    def projection(self, encoded: Array) -> float:
        return float((encoded - self.middle) @ self.normal)


@cache
def trait_axis(quality: str, edition: Edition = 2) -> TraitAxis:
    """The axis of a trait, by its name."""
    trait = next(letter for letter, name in TRAITS.items() if name == quality)
    low, high = (
        np.array([one.encoded for one in reading(anchors(trait, end, edition), edition)]) for end in (False, True)
    )
    return discriminant(low, high, paired=edition > 1)


def discriminant(low: Array, high: Array, paired: bool) -> TraitAxis:
    """Shrunken linear discriminant between encodings [texts, dim] of the two ends.

    With `paired`, text i of one end is on the same subject as text i of the other, and the covariance is that of the
    pairs' differences. Otherwise it is the covariance within the ends.
    """
    difference = high.mean(0) - low.mean(0)
    within = (high - low - difference) / 2 if paired else np.vstack([low - low.mean(0), high - high.mean(0)])
    covariance = within.T @ within / len(within)
    dim = len(covariance)
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.trace(covariance) / dim * np.eye(dim)
    normal = np.linalg.solve(shrunk, difference)
    return TraitAxis((high.mean(0) + low.mean(0)) / 2, 2 * normal / (normal @ difference))


def anchors(trait: str, high: bool, edition: Edition = 2) -> list[str]:
    """The texts of one end of a trait (its letter), in the order of the other end's texts on the same subjects."""
    made = [one.text for one in answers() if (one.trait, one.high) == (trait, high)] if edition > 1 else []
    return [*descriptions(trait, high), *statements(trait, high), *made]
