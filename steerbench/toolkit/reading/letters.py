"""Letters that stand for choices in generated text, as opposed to articles, pronouns, initials and parts of words."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from steerbench.toolkit.reading.denials import WINDOW

LETTERS = "ABCDEFGHIJ"
"""The letters of choices in order. No dataset here has more than six choices."""

_NAMED = r"(?:letter|option|choice|answer)\s*[:#]?\s*[\"'(\[*]*"
_JOINED = re.compile(
    r"(?:[\s\"')\].:*]*(?:,|/|&|\band\b|\bn?or\b|\bto\b))+\s*(?:(?:maybe|perhaps|possibly)\s+)?"
    r"(?:(?:letter|option|choice)\s+)?[\"'(\[*]*",
    re.IGNORECASE,
)
"""The text between the letters of "A or B", "(A)/(B)", "A, and maybe B"."""

_SAID = re.compile(
    r"(?:\b(?:is|say|said|choose|chose|pick|picked|select|selected|prefer|take|with|be|but|answer)|'s|:)"
    r"[\s\"'(\[*]*$",
    re.IGNORECASE,
)
_AFTER_A_LETTER = re.compile(
    r"(?:(?:is|was|does|would|could|should|can|wo)n't|is|was|would|because|since|as|and|or|but|if|for|of|to|it(?:'s)?"
    r"|i(?:'m|'d)?|than|over|not|instead|rather than|seems|fits|describes|applies)\b",
    re.IGNORECASE,
)
"""Words that follow the letter A but never the article."""


@dataclass(frozen=True)
class Letter:
    """A letter and its position; `listed` if it marks an entry, as in "(B)", "B." and "B:".

    It may be a letter that is not offered: "A or F" does not choose A.
    """

    letter: str
    start: int
    end: int
    listed: bool


def letters(choices: Sequence[str], text: str) -> Iterator[Letter]:
    """All letters that stand for choices, in order, denied or not.

    "(B)", "B.", "b)", "option b" and a single capital count. A single lower-case letter counts only if it starts the
    text, follows a word such as "is" or "pick", or is joined to another letter by "or" or a comma.
    """
    offered = LETTERS[: len(choices)]
    # Replaces quotes that are not apostrophes, and the dash of "A-D", without changing positions.
    text = re.sub(r"(?<!\w)'(\(?\w\)?[.:]?)'(?!\w)", r'"\1"', text)
    text = re.sub(
        rf"(?<![\w'])([{offered}])([-+]>?)(?=[{offered}](?![\w'+-]))", lambda two: two[1] + "/" * len(two[2]), text
    )
    alone = re.fullmatch(rf"[\s\"'*_$:\\(\[{{<|>]*([{offered}{offered.lower()}])[\s\"'*_$.)\]}}>|:;,!?]*", text)
    if alone:
        yield Letter(alone[1].upper(), alone.start(1), alone.end(1), True)
        return
    before: Letter | None = None
    for match in _pattern(offered).finditer(text):
        form = str(match.lastgroup)
        found = Letter(match[form].upper(), match.start(), match.end(), form in ("round", "mark", "small"))
        joined = before is not None and _JOINED.fullmatch(text, before.end, match.start()) is not None
        if _stands_for_a_choice(found, form, match[form], joined, choices, text):
            before = found
            yield found


def _pattern(offered: str) -> re.Pattern[str]:
    small = offered.lower()
    return re.compile(
        rf"(?<!\w)[(\[{{]\s*(?P<round>[A-Z{small}])\s*[.:]?\s*[)\]}}]|(?<=\w)\((?P<called>[A-Z])\)"
        rf"|(?<![\w'.°-])(?:(?i:{_NAMED})(?P<named>[A-Z{small}])(?![\w'-])"
        rf"|(?P<mark>[{offered}])(?=[).:](?!\w))|(?P<small>[{small}])(?=\)(?!\w))"
        rf"|(?P<bare>[A-Z])(?![\w'+#-]|\.\w)|(?P<lower>[{small}])(?![\w'+#-]|\.\w))"
    )


def _stands_for_a_choice(found: Letter, form: str, shown: str, joined: bool, choices: Sequence[str], text: str) -> bool:
    rest = text[found.end :]
    if form in ("named", "bare") and found.letter in "AI" and _is_a_word(found.letter, choices, rest):
        return False
    if form == "lower":
        ends = re.match(r"\s*(?:$|[^\w\s'+/&-])|\s+(?:because|since|as)\b|\s*-\s", rest) is not None
        opens = not re.search(r"\w", text[: found.start])
        if shown == "a":
            return opens and re.match(r"[.:]|\s*-\s", rest) is not None
        return joined or (ends and (opens or _SAID.search(text, max(0, found.start - WINDOW), found.start) is not None))
    if form == "bare" and found.letter not in LETTERS[: len(choices)]:
        return found.letter != "I" and (joined or _JOINED.match(rest) is not None)
    return True


def _is_a_word(letter: str, choices: Sequence[str], rest: str) -> bool:
    """Whether A or I before `rest` is an article or pronoun: the next word is no verb and does not start its choice."""
    following = re.match(r"\s+([A-Za-z][\w']*)(?<!\s[A-Z])", rest)
    if not following or (letter == "A" and _AFTER_A_LETTER.match(rest.lstrip())):
        return False
    place = LETTERS.index(letter)
    return place >= len(choices) or not folded(choices[place]).startswith(following[1].lower())


def folded(text: str) -> str:
    """A text's words in lower case."""
    return " ".join(re.findall(r"\w+", text.lower()))
