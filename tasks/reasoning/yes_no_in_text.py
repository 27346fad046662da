"""Yes and no in generated text."""

import re

from steerbench.toolkit.reading.denials import WINDOW, denied_before
from steerbench.toolkit.reading.readings import Reading, none

_ECHO = re.compile(r"\b(?:yes\s*(?:or|/|and|,)\s*no|no\s*(?:or|/)\s*yes)\b", re.IGNORECASE)
# "no" is the answer where something ends or a new clause begins; before a noun it is a determiner ("no evidence").
_WORD = re.compile(
    r"(?<![\w-])(?<!\w')(?:(?P<yes>yes|yep|yeah|yup)|(?P<no>no)|(?P<nope>nope|nah))\b(?![-']\w)"
    r"(?P<next>\s*[\"'*_)\]}]*\s*(?:$|[^\w\s\"'\[{<$#@%&+*/]|"
    r"(?:it|he|she|they|the|this|that|there|these|those|we|you|i|because|since|as|but|and|if|so|in|to|for)\b))?",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|whether|unless)\s+[\"'(*]*$", re.IGNORECASE)


def read_yes_no(text: str) -> Reading:
    """The yes or no of a sentence; none if it has both.

    Not counted: the options repeated ("yes or no"), "no" before a noun ("no one", "there is no reason"), and what is
    denied or a condition ("not yes", "if yes").
    """
    text = _ECHO.sub(" ", text)
    words = []
    for match in _WORD.finditer(text):
        is_answer = not match["no"] or match["next"] is not None
        conditional = _CONDITION.search(text, max(0, match.start() - WINDOW), match.start())
        if is_answer and not conditional and not denied_before(text, match.start()):
            words.append("yes" if match["yes"] else "no")
    if not words:
        return none("there is no yes or no")
    if len(set(words)) > 1:
        return none("there are both yes and no")
    return Reading(words[0])
