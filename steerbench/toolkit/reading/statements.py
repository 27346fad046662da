"""Reads what a text states first, and corrections of it: "A. No, wait: D" states D.

A question states nothing. A text that takes its answer back without giving another at once has no answer.
"""

import re
from collections.abc import Callable

from steerbench.toolkit.reading.readings import DENIED, Reading, none
from steerbench.toolkit.reading.sentences import first_sentence

Read = Callable[[str], Reading]

SENTENCES = 4
"""Number of sentences searched for a statement."""

_CLAUSE = r"(?:^|(?<=[.,;:!?\n()}\u2014-])|(?<=[.,;:!?\n()}\u2014-]\s)|(?<=\s-\s))\s{0,3}"
_TAKEN_BACK = re.compile(
    _CLAUSE + r"(?:(?:no|oh|but|hmm|oops|sorry)[\s,.!-]{0,4}){0,4}(?:"
    r"wait\b(?=\W*(?:$|[,.:;!?\u2014-]|no\b|it\b|that\b|I\b|the\s(?:answer|correct)))"
    r"|hold\s+on\b|(?:scratch|strike)\s+that\b|correction\b|on\s+second\s+thoughts?\b|oops\b|let\s+me\s+correct\b"
    r"|my\s+mistake\b|I\s+was\s+wrong\b|that(?:'s|\s+is)\s+(?:wrong|not\s+right|incorrect)\b"
    r"|I\s+made\s+(?:a\s+mistake|an\s+error)\b)",
    re.IGNORECASE,
)
_PERHAPS = re.compile(
    rf"{_CLAUSE}(?:no(?=\s*[,.:;!\u2014]\s*\S|\s-\s)|nope\b|actually\b|sorry\b|I\s+mean\b|I\s+meant\b|(?:or\s+)?rather\b"
    r"(?!\s+than)|make\s+that\b)",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"(?:[\s,.:;!\u2014*\"']+|-\s|(?:no(?=\W+\w)|actually|sorry|I\s+mean|rather|make\s+that|make\s+it|it(?:'s|\s+is|\s+should\s+be)"
    r"|that(?:'s|\s+is|\s+should\s+be)|(?:the\s+)?(?:correct\s+)?(?:answer|option|choice|letter)(?:\s+(?:is|should\s+be))?"
    r"|I(?:'d|\s+would)?\s+(?:say|choose|pick|select)|I'll\s+(?:go\s+with|say)|should\s+be|so|in\s+fact)\b)*",
    re.IGNORECASE,
)


def stated(text: str, read: Read, opening_of: Callable[[str], str] = first_sentence, longest: int = 1) -> Reading:
    """What `read` finds in the first sentence that states something, or in its correction.

    `longest` is the number of words that an answer may have; 0 for yes or no, where "no" is not a correction.
    """
    marks = _marks(text, longest)
    if not marks:
        return _first(text, read, opening_of)
    first = _first(text[: marks[0].start()], read, opening_of)
    whole = none("") if _TAKEN_BACK.search(text) else _first(text, read, opening_of)
    if first.answer is None and whole.answer is not None:
        # Words such as "sorry" and "rather" may begin a statement.
        return whole
    return corrected(first, text[marks[0].start() :], read, opening_of, longest)


def corrected(
    first: Reading, rest: str, read: Read, opening_of: Callable[[str], str] = first_sentence, longest: int = 1
) -> Reading:
    """The first statement, unless the rest of the text corrects it."""
    marks = _marks(rest, longest)
    if not marks:
        return first
    behind = rest[marks[-1].end() :]
    later = _first(behind, read, opening_of)
    if first.answer is None or (later.answer is not None and _direct(behind, read, longest) == later):
        return later
    if later.answer == first.answer or (later.answer is None and not _TAKEN_BACK.search(rest)):
        return first
    return none("the answer is taken back, and no other is put in its place at once")


def _marks(text: str, longest: int) -> list[re.Match[str]]:
    """The places where something is taken back."""
    perhaps = [mark for mark in _PERHAPS.finditer(text) if longest or mark[0].strip().lower() not in ("no", "nope")]
    return list(_TAKEN_BACK.finditer(text)) or perhaps


def _first(text: str, read: Read, opening_of: Callable[[str], str]) -> Reading:
    """The first statement. Sentences that ask or only deny are skipped.

    A question counts if nothing else is said.
    """
    asked = False
    for _ in range(SENTENCES):
        text = text.strip()
        opening = opening_of(text)
        rest = text[len(opening) :]
        asks, goes_on = rest.startswith("?"), re.search(r"\w", rest) is not None
        reading = read(opening)
        if not goes_on or not (asks or reading.reason == DENIED):
            break
        asked, text = asked or asks, rest.lstrip("?!.\"') ")
    return none("the text asks and does not state") if asked and reading.answer is None else reading


def _direct(text: str, read: Read, longest: int) -> Reading:
    """The answer at the very start, after words such as "it is"; the first word has to be part of it."""
    words = text[_LEAD.match(text).end() :].split()  # type: ignore[union-attr]
    for count in range(1, max(longest, 1) + 1):
        reading = read(" ".join(words[:count]).rstrip(".,;:!"))
        if reading.answer is not None and (count == 1 or read(" ".join(words[1:count])).answer is None):
            return reading
    return none("nothing is put in its place")
