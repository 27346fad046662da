"""The offline judge of traits: where an answer lies between texts of the trait's low end and of its high end.

Texts of both ends are encoded, each as the mean over its sentences: the bank's descriptions (8 an end), the statements
in `axis_statements.csv` (one for each facet and end) and the answers in `axis_answers.csv` (ten questions a trait, one
answer from each end). All of them come in pairs, one of each end on the same subject: a walk of life, a facet, a
question. The axis is the linear discriminant of the pairs: the mean difference of the ends, divided by how the
differences of single pairs vary, which is shrunk half way to a multiple of the identity (there are more dimensions than
texts). What both texts of a pair speak about, an office or a party, so falls out, and how they speak about it is left.

An answer's `projection` on the axis is 0 midway between the means, -1 at the low end's and +1 at the high end's.

rating = 1 + 4 * sigmoid(3 * projection)

So the means are rated 1.2 and 4.8, and nothing is cut off. The question is left out of account: taking its projection
from the answer's ordered labelled answers no better. Published descriptions of opposite ends, which the axis has not
seen, are told apart nearly always; answers less surely (`tests/judges` holds both to figures). The encoder hears a
denial faintly: "I do not like parties" lies near those who like them. Of a sentence only the first 256 tokens are read.

`edition=1` is the judge that published runs were rated by before there were answers among its texts: it has only the
descriptions and statements, encodes a text as a whole, and divides by the covariance of the texts within their ends.
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
from steerbench.contracts import Case, Engine, Verdict
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
"""How an edition learns its axes and reads an answer."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True)
class Axis:
    """Rates the five traits with a sentence encoder, on CPU; the evaluated model is not needed."""

    edition: Edition = 2

    name = "axis"
    qualities = frozenset(TRAITS.values())
    needs_model = False
    self_contained = True

    @classmethod
    def former(cls, identity: Mapping[str, str]) -> "Axis | None":
        """The edition that tells this identity of itself, if it is not today's."""
        return cls(1) if identity.get("axis") == READ[1] else None

    @property
    def built_on(self) -> frozenset[str]:
        """The texts that the axes run between."""
        return frozenset(self._anchors())

    def identity(self) -> Mapping[str, str]:
        return {
            # The first edition was not numbered.
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
        """All verdicts at once.

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
        """What of a verdict does not follow from its details; "" if all of it does, or another formula was used."""
        if verdict.rating is None or identity.get("rating") != FORMULA:
            return ""
        projection = verdict.details.get("projection")
        if not isinstance(projection, int | float):
            return "its details have no projection"
        again = rating(projection)
        return "" if abs(again - verdict.rating) < 1e-6 else f"a projection of {projection:g} is rated {again:.4g}"


EMPTY = Verdict(None, "the answer is empty")


class EncodedText(NamedTuple):
    """A text as its edition reads it: encoded [dim], and the tokens of its longest part."""

    encoded: Array
    tokens: int


def reading(texts: Sequence[str], edition: Edition) -> list[EncodedText]:
    """Each text encoded: as a whole, or as the mean over its sentences."""
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
    """Cut behind full stops, question and exclamation marks, and at ends of lines."""
    return [part for part in _SENTENCE_END.split(text.strip()) if part]


def verdict(axis: "TraitAxis", read: EncodedText) -> Verdict:
    """What a text is rated; if something of it was cut off, the details say how long that was."""
    projection = axis.projection(read.encoded)
    details: dict[str, Any] = {"projection": projection}
    if read.tokens > LONGEST:
        details |= {"tokens": read.tokens, "tokens_read": LONGEST}
    return Verdict(rating(projection), details=details)


def rating(projection: float) -> float:
    """1 to 5; rises with the projection."""
    return float(1 + 4 / (1 + np.exp(-STEEPNESS * projection)))


class TraitAxis(NamedTuple):
    """`normal` [dim], scaled so that the two ends' means lie at -1 and +1 from `middle` [dim]."""

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

    With `paired`, text i of one end is on the same subject as text i of the other, and only how their differences vary
    counts as noise; else all that varies within an end does.
    """
    difference = high.mean(0) - low.mean(0)
    within = (high - low - difference) / 2 if paired else np.vstack([low - low.mean(0), high - high.mean(0)])
    covariance = within.T @ within / len(within)
    dim = len(covariance)
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.trace(covariance) / dim * np.eye(dim)
    normal = np.linalg.solve(shrunk, difference)
    return TraitAxis((high.mean(0) + low.mean(0)) / 2, 2 * normal / (normal @ difference))


def anchors(trait: str, high: bool, edition: Edition = 2) -> list[str]:
    """The texts of one end of a trait (its letter); those of the other end are on the same subjects in this order."""
    made = [one.text for one in answers() if (one.trait, one.high) == (trait, high)] if edition > 1 else []
    return [*descriptions(trait, high), *statements(trait, high), *made]
