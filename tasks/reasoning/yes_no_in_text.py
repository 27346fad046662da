"""Yes and no in generated text."""

import re

from tasks.reasoning.readings import Reading, none

_ECHO = re.compile(r"\b(?:yes\s*(?:or|/|and|,)\s*no|no\s*(?:or|/)\s*yes)\b", re.IGNORECASE)
# "no" is the answer where something ends or a new clause begins; before a noun it is a determiner ("no evidence").
_WORD = re.compile(
    r"(?<![\w'-])(?P<not>\bnot\s+[\"'*(]*)?(?P<word>yes|no)\b(?![-']\w)"
    r"(?P<next>\s*[\"'*_)\]}]*\s*(?:$|[.,;:!?\n\u2014-]|\(|"
    r"(?:it|he|she|they|the|this|that|there|these|those|we|you|i|because|since|as|but|and|if|so|in|to|for)\b))?",
    re.IGNORECASE,
)


def read_yes_no(text: str) -> Reading:
    """The yes or no of a sentence; none if it has both.

    Not counted: the options repeated ("yes or no"), "no" before a noun ("no one", "there is no reason"), and what is
    negated.
    """
    text = _ECHO.sub(" ", text)
    words = []
    for match in _WORD.finditer(text):
        is_answer = match["word"].lower() == "yes" or match["next"] is not None
        if is_answer and not match["not"]:
            words.append(match["word"].lower())
    if not words:
        return none("there is no yes or no")
    if len(set(words)) > 1:
        return none("there are both yes and no")
    return Reading(words[0])
