"""Letters of choices in generated text, and choices named by their text or date."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from tasks.reasoning.problems import LETTERS
from tasks.reasoning.readings import Reading, none

_NOT = re.compile(r"\b(?:not|isn't|except|nor)\s+(?:the\s+)?(?:(?:letter|option|choice|answer)\s+)?[\"'(\[*]*$", re.I)
_NEXT = re.compile(
    r"(?:\s*[\"')\].:*]*\s*(?:,|/|&|\band\b|\bor\b))+\s*(?:(?:letter|option|choice)\s+)?[\"'(\[*]*$", re.I
)
NEAR = 40
"""Characters within which a negation or an "or" belongs to a letter."""

_NAMED = r"(?:letter|option|choice)\s*[:#]?\s*[\"'(\[*]*"

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<{0}>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<![\d/-])(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})(?![\d/])",
        r"(?<![\d/-])(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?![\d-])",
        rf"\b{_MONTH.format('name')}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})\b",
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH.format('name')},?\s+(?P<year>\d{{4}})\b",
    )
)


@dataclass(frozen=True)
class Letter:
    """A letter that stands for a choice; `listed` if it marks an entry, as "(B)", "B." and "B:" do."""

    letter: str
    start: int
    end: int
    listed: bool


def read_letter(choices: Sequence[str], text: str, closing: bool = False) -> Reading:
    """The first letter of a choice that is stated; a closing sentence must state no other.

    "(B)", "B.", "b)", "option b" and a capital alone count, a lower-case letter alone only if it is all there is.
    Not counted: the article "A", what is negated, a list of the choices ("A) ... B) ..."), two letters at once.
    """
    found = list(_letters(choices, text))
    if not found:
        return none("there is no letter of a choice")
    if closing and found[0].listed and found[0].start == 0 and re.search(r"\w", text[found[0].end :]):
        return none("the closing sentence is an entry of a list")
    if len(found) > 1:
        one, two = found[:2]
        if one.letter != two.letter:
            if two.start - one.end <= NEAR and _NEXT.fullmatch(text[one.end : two.start]):
                return none("there are two letters for one answer")
            if closing:
                return none("the closing sentence holds several letters and marks none")
            if one.listed and two.listed and LETTERS.index(two.letter) == LETTERS.index(one.letter) + 1:
                return none("the choices are listed again and none is chosen")
    return Reading(found[0].letter)


def read_choice(choices: Sequence[str], text: str, closing: bool = False) -> Reading:
    """As `read_letter`, or the choice named by its text; whichever stands first.

    If the choices are dates, any way to write a date counts. One that is not offered is the answer all the same
    (MM/DD/YYYY): it was stated, and it is wrong. A letter with the text of another choice behind it is no answer.
    """
    by_letter = read_letter(choices, text, closing)
    named = _dates(choices, text) if all(_parsed(choice) for choice in choices) else _texts(choices, text)
    letters = list(_letters(choices, text))
    if not named:
        return by_letter
    if len({answer for _, answer in named}) > 1 and (closing or not letters):
        return none("there is more than one of the choices")
    start, answer = named[0]
    if not letters or start < letters[0].start:
        return Reading(answer)
    if by_letter.answer is None:
        return by_letter
    behind = text[letters[0].end : start]
    meant = choices[LETTERS.index(by_letter.answer)]
    same = answer in LETTERS and _folded(choices[LETTERS.index(answer)]) == _folded(meant)
    if not re.search(r"\w", behind) and not same:
        return none(f"the letter is {by_letter.answer} and the text behind it is that of another choice")
    return by_letter


def _letters(choices: Sequence[str], text: str) -> Iterator[Letter]:
    """All letters of choices, in order."""
    offered = LETTERS[: len(choices)]
    alone = re.fullmatch(rf"[\s\"'*_$:\\(\[{{]*([{offered}{offered.lower()}])[\s\"'*_$.)\]}}:,]*", text)
    if alone:
        yield Letter(alone[1].upper(), alone.start(1), alone.end(1), True)
        return
    both = offered + offered.lower()
    pattern = re.compile(
        rf"(?P<round>[(\[]\s*(?P<in>[{both}])\s*[)\]])|(?<![\w'.°-])(?:(?i:{_NAMED})(?P<named>[{both}])(?![\w'-])"
        rf"|(?P<mark>[{offered}])(?=[).:](?!\w))|(?P<small>[{offered.lower()}])(?=\)(?!\w))"
        rf"|(?P<bare>[{offered}])(?![\w'+-]|\.\w))"
    )
    for match in pattern.finditer(text):
        letter = next(match[name] for name in ("in", "named", "mark", "small", "bare") if match[name])
        if match["bare"] == "A" and _is_article(choices[0], text[match.end() :]):
            continue
        if _NOT.search(text, max(0, match.start() - NEAR), match.start()):
            continue
        yield Letter(letter.upper(), match.start(), match.end(), not (match["bare"] or match["named"]))


def _is_article(choice: str, rest: str) -> bool:
    """Whether the A before `rest` belongs to the next word, which is neither a verb nor how choice A begins."""
    following = re.match(r"\s+([A-Za-z]\w*)", rest)
    if not following or following[1] in ("is", "because", "since", "as", "would", "and", "or", "but", "was"):
        return False
    return not _folded(choice).startswith(following[1].lower())


def _dates(choices: Sequence[str], text: str) -> list[tuple[int, str]]:
    """Where dates stand and the letters of their choices, in order; a date that is not offered as it is."""
    letter_of = {_parsed(choice): LETTERS[place] for place, choice in reversed(list(enumerate(choices)))}
    found = []
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if (meant := _parsed(match[0])) and not _NOT.search(text, max(0, match.start() - NEAR), match.start()):
                found.append((match.start(), letter_of.get(meant) or meant.strftime("%m/%d/%Y")))
    return sorted(found)


def _parsed(text: str) -> date | None:
    """The date that a text is; month first, unless only day first can be meant."""
    for pattern in _DATES:
        if match := pattern.fullmatch(text.strip()):
            parts = match.groupdict()
            month = _MONTHS.index(parts["name"].lower()) + 1 if parts.get("name") else int(parts["month"])
            day = int(parts["day"])
            try:
                return date(int(parts["year"]), month, day) if month <= 12 else date(int(parts["year"]), day, month)
            except ValueError:
                return None
    return None


def _texts(choices: Sequence[str], text: str) -> list[tuple[int, str]]:
    """Where choices are named by their text, and their letters. One inside a longer one is left out."""
    spans: list[tuple[int, int, str]] = []
    for place, choice in enumerate(choices):
        words = r"\W+".join(map(re.escape, re.findall(r"\w+", choice)))
        if not words or any(_folded(choice) == _folded(earlier) for earlier in choices[:place]):
            continue
        for match in re.finditer(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE):
            if not _NOT.search(text, max(0, match.start() - NEAR), match.start()):
                spans.append((match.start(), match.end(), LETTERS[place]))
    longest = [
        span
        for span in spans
        if not any(o != span and o[0] <= span[0] and span[1] <= o[1] and o[1] - o[0] > span[1] - span[0] for o in spans)
    ]
    return [(start, letter) for start, _, letter in sorted(longest)]


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
