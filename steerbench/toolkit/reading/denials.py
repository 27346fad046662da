"""Whether a text denies what it names: "not B", "anything but B", "D rather than B", "B is wrong"."""

import re

WINDOW = 60
"""Characters before a name in which its denial is looked for."""

_OPENED = r"[\s\"'()\[\]*]*$"
# Up to five words, none of which changes the subject.
_WORDS = r"(?:[\s\"'()\[\]*]+(?!(?:but|so|then|hence|therefore|rather|instead(?!\s+of))\b)\w[\w'-]*){0,5}?" + _OPENED
_BEFORE = re.compile(
    r"(?:\b(?:not|never|neither|nor|cannot|except|excluding|without|hardly|barely|scarcely|unlike|besides|instead\s+of"
    r"|(?:rather|other)\s+than|far\s+from|opposite\s+of|none\s+of|rul(?:e[sd]?|ing)\s+out|eliminat(?:e[sd]?|ing)"
    r"|exclud(?:e[sd]?|ing)|reject(?:s|ed|ing)?|(?:anything|everything|all|any(?:\s+one)?)\s+but)|n't)\b" + _WORDS,
    re.IGNORECASE,
)
_COMPARED = re.compile(
    r"\bthan\b" + _WORDS + r"|\b(?:over|less|(?:wrong|incorrect|false)\s*[:=])\s+(?:like\s+)?"
    r"(?:(?:option|choice|letter)\s+)?" + _OPENED,
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"[\s\"')\]*,]*(?:"
    r"(?:is|was|seems?|sounds?|looks?|feels?|(?:must|can|could|may|might|would|should|will)\s+be|'s)\s+"
    r"(?:(?:\w+ly|so|too|just|also|simply)\s+)?"
    r"(?:not|never|wrong|incorrect|false|untrue|out|ruled|excluded|eliminated|impossible|unlikely)\b"
    r"|(?:is|was|do|does|did|would|could|should|can|wo|might|has|have)n't\b|cannot\b"
    r"|(?:do|does|did|would|could|should|can|will|may|might|has)\s+not\b"
    r"|\s*[:=-]\s*(?:no|wrong|false|incorrect)\b(?!\s+doubt))",
    re.IGNORECASE,
)


def denied_before(text: str, start: int) -> bool:
    """Whether the words before a name deny it. A comma or a "but" ends the denial."""
    return _BEFORE.search(text, max(0, start - WINDOW), start) is not None


def denied(text: str, start: int, end: int) -> bool:
    """Whether the words around a choice deny it, or prefer another to it ("D over A")."""
    compared = _COMPARED.search(text, max(0, start - WINDOW), start)
    return denied_before(text, start) or compared is not None or _BEHIND.match(text, end) is not None
