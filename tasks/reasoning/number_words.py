"""Integers written in words: "twenty-five", "one hundred and five", "minus two thousand"."""

import re

_SMALL = """\
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen\
"""
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_UNITS = {word: number for number, word in enumerate(_SMALL.split())}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}

_SMALLEST = "|".join(sorted(_UNITS, key=len, reverse=True))
_DIGIT = "|".join(list(_UNITS)[1:10])
_BELOW_100 = rf"(?:(?:{'|'.join(_TENS)})(?:(?:\s*-\s*|\s+)(?:{_DIGIT})\b)?|(?:{_SMALLEST}))\b"
_BELOW_1000 = rf"(?:(?:(?:{_SMALLEST})|a)\s+hundred\b(?:\s+(?:and\s+)?{_BELOW_100})?|{_BELOW_100})"
_SCALE = "|".join(_SCALES)
_NUMBER = rf"(?:{_BELOW_1000}|a(?=\s+(?:{_SCALE})\b))(?:\s+(?:{_SCALE})\b(?:,?\s+(?:and\s+)?{_BELOW_1000})?)*"

SOME_NUMBER = rf"(?:{_SMALLEST}|{'|'.join(_TENS)}|hundred|{_SCALE}|dozen)"
"""Any word that can be part of a number."""

# What follows and changes the number, or makes it none: a fraction, calculation or range, "one of them", "one can see".
_GOES_ON = (
    rf"(?:\s*-\s*\w|\s*[+*/]|\s+[a-z]+,?\s+and\s+(?:an?\s+)?(?:{SOME_NUMBER}|half|quarter)\b|[-\s,]*(?:{SOME_NUMBER}s?|of|and|or|to|half|halves|\w+(?:th|rd|nd)s?|quarters?|first|seconds?|thirds?"
    r"|score|gross|point|times|plus|minus|divided|multiplied|more|less|fewer|lakhs?|crores?|percent\s+of|that|which|who"
    r"|way|by|can|could|must|should|would|may|might|needs?|has\s+to)\b)"
)
_WORDS = re.compile(
    r"[\s\"'*_($:]*(?:(?:about|exactly|only|just|approximately|is)\s+)?"
    rf"(?P<minus>(?:minus|negative)\s+)?(?P<number>{_NUMBER})(?P<goes_on>{_GOES_ON})?",
    re.IGNORECASE,
)


def number_in_words(text: str) -> int | None:
    """The number at the start of a text; None if there is none, or what follows may change it."""
    match = _WORDS.match(text)
    if not match or match["goes_on"]:
        return None
    value = _value(re.findall(r"[a-z]+", match["number"].lower()))
    return value if value is None or not match["minus"] else -value


def begins_with_one(text: str) -> bool:
    """Whether a text begins with a number in words, unambiguous or not."""
    return _WORDS.match(text) is not None


def _value(words: list[str]) -> int | None:
    """The sum of the groups; None if their scales do not decrease ("two thousand three million")."""
    total, group, last = 0, 0, 10**15
    for word in words:
        if word == "a":
            group = 1
        elif word in _SCALES:
            if _SCALES[word] >= last:
                return None
            total, group, last = total + group * _SCALES[word], 0, _SCALES[word]
        elif word == "hundred":
            group *= 100
        elif word != "and":
            group += _UNITS.get(word) or _TENS.get(word, 0)
    return total + group
