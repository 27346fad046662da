"""Reads the choice that generated text states: by its letter, by its text, or by its date."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from steerbench.toolkit.reading.dates import dates, parsed
from steerbench.toolkit.reading.denials import WINDOW, denied
from steerbench.toolkit.reading.letters import LETTERS, folded, letters
from steerbench.toolkit.reading.readings import DENIED, Reading, none
from steerbench.toolkit.reading.sentences import first_sentence

_REASON = re.compile(r"\b(?:because|since|as|while|whereas|although|though|which|given)\b", re.IGNORECASE)
_CONNECTED = re.compile(r"([\w']+)\s*(?:\bor|\bto|\band|\bnor|/|-|,)\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Mention:
    """A choice named in a text; `meant` are its letters, several if choices share a text.

    A date or letter that is not offered is represented by itself.
    """

    meant: frozenset[str]
    start: int
    end: int
    by_letter: bool = False
    listed: bool = False


def read_letter(choices: Sequence[str], text: str, closing: bool = False) -> Reading:
    """The choice whose letter is stated, if there is exactly one.

    Denied letters ("not B", "B is wrong"), repeated lists of the choices, and letters that occur only in a reason
    ("B because A is far") do not count.
    """
    return _agreed(choices, text, closing, _by_letter(choices, text))


def read_choice(choices: Sequence[str], text: str, closing: bool = False) -> Reading:
    """Like `read_letter`, but also by a choice's text. Everything that is stated has to mean the same choice.

    If the choices are dates, every notation of a date counts. A date that is not offered is returned as MM/DD/YYYY: it
    is an answer, and a wrong one.
    """
    by_letter = _by_letter(choices, text)
    if all(parsed(choice) for choice in choices):
        return _agreed(choices, text, closing, by_letter + _dates(choices, text))
    reading = _agreed(choices, text, closing, by_letter + _texts(choices, text))
    if reading.answer and any(_contradicted(choices, one, text) for one in by_letter if reading.answer in one.meant):
        return none(f"the letter is {reading.answer} and the text behind it is no part of that choice")
    return reading


def opening_of(choices: Sequence[str], text: str) -> str:
    """The first sentence, extended by the choice's text if the sentence starts with its letter.

    If one of the first two sentences is a letter and the other a choice's text, both: "D. Very Accurate".
    """
    text = text.strip()
    opening = first_sentence(text)
    by_letter = _by_letter(choices, text)
    if by_letter and not re.search(r"\w", text[: by_letter[0].start]):
        end = _behind_its_text(choices, by_letter[0], text)
        if end > by_letter[0].end and (end > len(opening) or text[end : end + 1] == "?"):
            return text[:end] + text[end : end + 1]
    second = first_sentence(text[len(opening) :].lstrip(" .)*\"'!:\n"))
    if {_form(choices, opening), _form(choices, second)} == {"letter", "text"}:
        return text[: text.index(second, len(opening)) + len(second)]
    return opening


def _form(choices: Sequence[str], sentence: str) -> str:
    if re.fullmatch(r"\W*[A-Za-z]\W*", sentence):
        return "letter"
    return "text" if any(_is_part(sentence, choice) for choice in choices) else ""


def _agreed(choices: Sequence[str], text: str, closing: bool, mentions: list[Mention]) -> Reading:
    """The choice that all mentions mean, except denied ones."""
    stated = sorted((one for one in mentions if not _denied(choices, one, text)), key=lambda one: one.start)
    if not stated:
        return none(DENIED if mentions else "no choice is stated")
    first = stated[0]
    if closing and first.listed and first.start == 0 and re.search(r"\w", text[first.end :]):
        return none("the closing sentence is an entry of a list")
    if not closing and (reason := _REASON.search(text, first.end)):
        stated = [one for one in stated if one.start < reason.start()]
    meant = frozenset.intersection(*(one.meant for one in stated))
    if not meant:
        return none("more than one choice is stated, and none of them chosen")
    answer = min(meant)
    if first.by_letter and answer not in LETTERS[: len(choices)]:
        return none(f"{answer} is the letter of no choice")
    if any(_is_end_of_a_range(choices, one, text) for one in stated):
        return none("a choice is named together with a part of another")
    return Reading(answer)


def _by_letter(choices: Sequence[str], text: str) -> list[Mention]:
    """Mentions by letter, except letters within the text of the choice whose letter precedes it."""
    found: list[Mention] = []
    until = 0
    for one in letters(choices, text):
        if one.start < until:
            continue
        found.append(Mention(frozenset(one.letter), one.start, one.end, True, one.listed))
        until = _behind_its_text(choices, found[-1], text)
    return found


def _behind_its_text(choices: Sequence[str], one: Mention, text: str) -> int:
    """The end of a mention, including its choice's text if that follows a letter directly."""
    place = LETTERS.find(min(one.meant)) if one.by_letter else -1
    own = folded(choices[place]).split() if 0 <= place < len(choices) else []
    words = [word for word, _ in zip(re.finditer(r"\w+", text[one.end :]), own, strict=False)]
    is_own = bool(own) and [word[0].lower() for word in words] == own
    return one.end + words[-1].end() if is_own else one.end


def _denied(choices: Sequence[str], one: Mention, text: str) -> bool:
    """Whether a mention is denied. A choice whose own text begins with "is not" does not deny itself."""
    end = _behind_its_text(choices, one, text)
    return denied(text, one.start, end) or (end == one.end and denied(text, one.start, one.end))


def _contradicted(choices: Sequence[str], letter: Mention, text: str) -> bool:
    """Whether the words after a letter, up to the next mark, are part of another choice but not of its own."""
    behind = re.match(r"[\s\"')\]}*.:,=-]*((?:[^\W_]+[\s-]*){1,20})", text[letter.end :])
    own = choices[LETTERS.index(min(letter.meant))]
    return (
        behind is not None and not _is_part(behind[1], own) and any(_is_part(behind[1], choice) for choice in choices)
    )


def _is_end_of_a_range(choices: Sequence[str], one: Mention, text: str) -> bool:
    """Whether a word of a choice's text is joined to that of another: "Moderately or Very Accurate"."""
    before = None if one.by_letter else _CONNECTED.search(text, max(0, one.start - WINDOW), one.start)
    return before is not None and any(_is_part(before[1], choice) for choice in choices)


def _is_part(words: str, choice: str) -> bool:
    """Whether words occur consecutively in a choice."""
    return bool(folded(words)) and f" {folded(words)} " in f" {folded(choice)} "


def _dates(choices: Sequence[str], text: str) -> list[Mention]:
    """Mentions by date, with the letters of their choices; a date that is not offered is represented by itself."""
    letter_of = {parsed(choice): LETTERS[place] for place, choice in reversed(list(enumerate(choices)))}
    return [
        Mention(frozenset([letter_of.get(meant) or meant.strftime("%m/%d/%Y")]), start, end)
        for meant, start, end in dates(text)
    ]


def _texts(choices: Sequence[str], text: str) -> list[Mention]:
    """Mentions by text, except those inside a longer one."""
    spans: dict[tuple[int, int], set[str]] = {}
    for place, choice in enumerate(choices):
        words = r"\W+".join(map(re.escape, re.findall(r"\w+", choice)))
        for match in re.finditer(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE) if words else ():
            spans.setdefault(match.span(), set()).add(LETTERS[place])
    return [
        Mention(frozenset(meant), *span)
        for span, meant in spans.items()
        if not any(o != span and o[0] <= span[0] and span[1] <= o[1] for o in spans)
    ]
