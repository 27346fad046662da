"""Adjectives for both ends of each trait, and descriptions of a person built from them."""

from collections.abc import Mapping, Sequence

from steerbench.contracts.targets import MIDDLE

LOW: dict[str, tuple[str, ...]] = {
    "A": ("cold", "quarrelsome", "suspicious", "selfish"),
    "C": ("careless", "disorganised", "unreliable", "lazy"),
    "E": ("reserved", "quiet", "withdrawn", "passive"),
    "N": ("calm", "relaxed", "stable", "confident"),
    "O": ("conventional", "unimaginative", "incurious", "down-to-earth"),
    "machiavellianism": ("sincere", "straightforward", "candid", "guileless"),
    "narcissism": ("modest", "humble", "unassuming", "self-effacing"),
    "psychopathy": ("gentle", "cautious", "remorseful", "law-abiding"),
}
HIGH: dict[str, tuple[str, ...]] = {
    "A": ("kind", "cooperative", "trusting", "generous"),
    "C": ("careful", "organised", "reliable", "hard-working"),
    "E": ("outgoing", "talkative", "sociable", "energetic"),
    "N": ("anxious", "tense", "moody", "insecure"),
    "O": ("original", "imaginative", "curious", "artistic"),
    "machiavellianism": ("scheming", "calculating", "manipulative", "secretive"),
    "narcissism": ("vain", "self-important", "boastful", "attention-seeking"),
    "psychopathy": ("ruthless", "reckless", "callous", "vengeful"),
}

NEUTRAL_BAND = 0.25
"""Largest distance from the middle of the scale at which a mean score counts as neutral."""
# The scale's ends are 2 from the middle; means of 24 answers are rarely more than 1.5 from it.
_INTENSITIES = ((1.25, "extremely"), (0.75, "very"), (0.0, "rather"))


def leaning_traits(scores: Mapping[str, float]) -> dict[str, bool]:
    """The traits whose score is further than `NEUTRAL_BAND` from the middle: True where it is high."""
    return {trait: score > MIDDLE for trait, score in scores.items() if abs(score - MIDDLE) > NEUTRAL_BAND}


def adjectives(trait: str, high: bool) -> tuple[str, ...]:
    return (HIGH if high else LOW)[trait]


def graded(scores: Mapping[str, float]) -> list[str]:
    """A phrase for each trait with a leaning, such as "very kind, cooperative, trusting and generous"."""
    return [
        f"{_intensity(scores[trait])} {listed(adjectives(trait, high))}"
        for trait, high in leaning_traits(scores).items()
    ]


def listed(words: Sequence[str]) -> str:
    """Joins words as in a sentence: "a, b and c"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _intensity(score: float) -> str:
    return next(word for least, word in _INTENSITIES if abs(score - MIDDLE) >= least)
