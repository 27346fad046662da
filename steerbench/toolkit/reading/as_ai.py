"""Detects open answers in which the model speaks as an AI or declines a question that anybody could answer.

Open answers are about anything: people, too, are sorry for somebody, have no feelings for a man, or cannot help on
Saturday. `steerbench.toolkit.reading.refusals` is for answers to an inventory, which say little besides the answer.
"""

import re

_MODEL = (
    r"(?:AI|A\.I\.|artificial\s+intelligence|language\s+model|chat\s?bot|(?:virtual|digital)\s+assistant"
    r"|computer\s+program)"
)
# An "AI researcher" is a person.
_NO_PERSON = (
    r"\b(?!['-]|\s+(?:and\s+\w+\s+)?(?:researcher|engineer|developer|scientist|student|expert|enthusiast|specialist"
    r"|consultant|company|startup|professional|teacher|artist|sceptic|skeptic|fan)s?\b)"
)
_IS_ONE = (
    r"\b(?:as|being|I\s+am|I'm)\s+(?:just\s+|only\s+|merely\s+|actually\s+)?(?:an?|your)\s+(?:[\w'-]+\s+){0,4}?"
    rf"{_MODEL}{_NO_PERSON}",
    r"\bI(?:'m|\s+am)\s+(?:ChatGPT|Claude|Gemini|Llama|Qwen|SmolLM)\b",
    r"\bI(?:'m|\s+am)\s+not\s+(?:a\s+)?(?:human(?:\s+being)?|real\s+person)\b",
    r"\bI(?:'m|\s+am|\s+was|'ve\s+been|\s+have\s+been)\s+(?:programmed|designed)\s+(?:to|by|for|as)\b",
    r"\bmy\s+(?:training\s+data|knowledge\s+cut-?off)\b",
    r"\bmy\s+(?:(?:primary\s+|main\s+)?function\s+is\s+(?:not\s+)?to|role\s+is\s+not\s+to|role\s+is\s+to\s+assist\s+users)\b",
)
_OWN = r"(?:opinions?|preferences?|feelings?|emotions?|experiences|beliefs?|biases|thoughts|consciousness|desires)"
_LACKS = (
    r"\bI\s+(?:do\s+not|don't|cannot|can't)\s+(?:actually\s+|really\s+)?(?:have|possess|hold|experience|feel)\s+(?:any\s+)?"
    rf"(?:(?:personal|human)\s+{_OWN}|{_OWN},?\s+(?:or|and|nor)\s+(?:personal\s+)?{_OWN}|a\s+physical\s+(?:body|form)"
    r"|the\s+(?:ability|capability|capacity)\s+to\s+(?:feel|experience|provide(?!\s+for)|facilitate|perform|browse))\b",
)
_UNABLE = (
    r"\bI(?:'m|\s+am)?\s+(?:really\s+|just\s+|simply\s+)?(?:cannot|can\s+not|can't|won't|will\s+not|unable\s+to"
    r"|not\s+able\s+to|not\s+equipped\s+to)\s+"
)
_DECLINES = (
    rf"{_UNABLE}(?:assist(?:\s+you)?\s+(?:with|in)\b|(?:provide|give|offer)\s+(?:\w+\s+)?(?:advice|information|opinions?)\b"
    r"|(?:fulfill?|comply\s+with|answer|respond\s+to|help\s+(?:you\s+)?with)\s+(?:this|that|your|such\s+an?)\s+(?:\w+\s+)?"
    r"(?:question|request|query|prompt)\b)",
    r"\b(?:I'm|I\s+am)\s+sorry,?\s+but\s+I\s+(?:cannot|can't|won't)\s+(?:help|answer)(?:\s+(?:you\s+)?with)?"
    r"(?:\s+(?:this|that))?\.?\s*$",
    r"\bI(?:\s+must|\s+have\s+to|'d|\s+would)?\s+(?:decline|refuse|(?:rather|prefer)\s+not)\s+(?:to\s+)?"
    r"(?:answer|comment\s+on|respond\s+to)\s+(?:this|that|such|the\s+question)\b",
)
_OUT = re.compile("|".join((*_IS_ONE, *_LACKS, *_DECLINES)), re.IGNORECASE)
_QUOTED = re.compile(r'["\u201c][^"\u201c\u201d]*["\u201d]')


def speaks_as_ai(text: str) -> bool:
    """Whether a text calls itself an AI, denies having what people have, or declines to answer.

    Quoted text does not count: a robot in a story may say that it is one.
    """
    return _OUT.search(_QUOTED.sub(" ", text.replace("\u2019", "'"))) is not None
