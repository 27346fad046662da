"""Plain-language descriptions of trait poles, as people are asked about them."""

from dataclasses import dataclass

from steerbench.contracts.targets import trait_name


@dataclass(frozen=True)
class Wording:
    """`more` completes "somebody who is ..."; `hint` describes such a person, "" if there is no description."""

    more: str
    hint: str = ""


_ENDS: dict[tuple[str, bool], Wording] = {
    ("A", True): Wording("more agreeable", "warm, trusting, glad to help and to give way"),
    ("A", False): Wording("less agreeable", "blunt, distrustful, looking after their own interest first"),
    ("C", True): Wording("more conscientious", "orderly, reliable, working steadily towards goals"),
    ("C", False): Wording("less conscientious", "careless, disorganised, leaving things unfinished"),
    ("E", True): Wording("more extraverted", "outgoing, talkative, full of energy among people"),
    ("E", False): Wording("less extraverted", "reserved, quiet, happier alone or with few people"),
    ("N", True): Wording("more neurotic", "anxious, moody, easily upset"),
    ("N", False): Wording("less neurotic", "calm, even-tempered, hard to upset"),
    ("O", True): Wording("more open to experience", "curious, imaginative, drawn to what is new"),
    ("O", False): Wording("less open to experience", "conventional, practical, keeping to what is familiar"),
}


def wording(trait: str, high: bool) -> Wording:
    """The wording for a pole of a trait; a trait without its own wording is called by its name."""
    return _ENDS.get((trait, high)) or Wording(f"{'higher' if high else 'lower'} in {trait_name(trait)}")
