"""Numbers in generated text, as exact fractions.

"1,000" is a thousand and "1.000" is one. "1.000.000" and "1.000,50" can only use the other convention and are read so.
"1,5" could mean either and "1 200" could be two numbers, so they are no answers. "2 and a half" is not 2. Percent
signs, currencies and units are ignored: 25% is 25.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from steerbench.toolkit.reading.readings import Reading, none
from tasks.reasoning.number_words import SOME_NUMBER, begins_with_one, number_in_words
from tasks.reasoning.numerals import canonical

WINDOW = 40
"""Characters before a number that are searched for words that change it."""

LONGEST = 30
"""Maximum digits before and after the point. A number with more comes from a model that repeats itself."""

_SCALES = {"hundred": 2, "thousand": 3, "lakh": 5, "million": 6, "crore": 7, "billion": 9, "trillion": 12}
_GAPS = "\u00a0\u2009\u202f"
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")

_CURRENCY = r"[A-Z]{0,3}[$€£¥₹₩₽₱₺₫₦₪฿]|Rs\.?|(?:INR|USD|EUR|GBP|JPY|CNY|CHF|CAD|AUD)\b"

_TOKEN = re.compile(
    rf"""
    (?<![A-Za-z_\d]) (?<![A-Za-z]-) (?<!\d[.,/:])
    (?P<words>(?:minus|negative)\s+)?
    (?P<sign>(?<![\w)\]%][-+])(?<![\w)\]%])-)?
    (?P<currency>(?:{_CURRENCY})\s?)? (?P<inner>-(?=[\d.¼-¾⅐-⅞]))?
    (?: (?P<vulgar>(?:\d+\s?)?[¼-¾⅐-⅞])
      | (?P<mixed>\d+(?:\s+and\s+|\s+)\d+/\d+)(?![\d/])
      | (?P<date>\d+/\d+/\d+|\d+:\d+(?::\d+)*)
      | (?P<fraction>\d+/\d+)(?![\d/])
      | (?P<digits>[1-9]\d{{0,2}}[ ]0\d\d(?:[ ]\d{{3}})*(?![\d,/:]|\.\d)
          |\d+(?:[.,'_{_GAPS}]\d+)*|(?<!\d)\.\d+(?![.,]\d))
    )
    (?: [eE](?P<exponent>[+-]?\d+)(?!\w)
      | \s*[x*]\s*10\s?(?:\^|\*\*)\s?[{{(]?(?P<tens>-?\d+)[}})]? | \s*[x*]\s*10(?P<raised_tens>[⁻⁰¹²³⁴-⁹]+)
      | (?:\^|\*\*)[{{(]?(?P<power>-?\d+)[}})]? )?
    (?P<scale>\s?(?:{"|".join(_SCALES)})\b)?
    (?P<ordinal>(?:st|nd|rd|th)\b)? (?P<short>[kKMB]\b)? (?P<percent>\s?%)? (?P<euro>\s?€)?
    """,
    re.VERBOSE,
)
_OPERATOR = re.compile(r"(?:\s+[A-Za-z]+){0,3}\s*(?:[+*÷]|\s[-/x]\s)\s*\(?\s*$")
_RANGE = re.compile(r"\s*(?:[-\u2014]|\bto\b|\bor\b|\band\b|,\s*and\b)\s*$")
_GOES_ON = re.compile(
    rf"\s*(?:or|to|and|-|\u2014)?\s*\b(?!dozen){SOME_NUMBER}s?\b(?!-)"
    r"|\s+(?:thirds?|fourths|fifths|sixths|sevenths|eighths|ninths|tenths|hundredths|thousandths)\b"
    r"|\s+and\s+(?:a|an|one|two|three)\s+(?:half|thirds?|quarters?|fourths?|fifths?)\b"
    r"|\s?(?:bn|mn)\b|\s*[π√±]|/-"
    rf"|\s+[A-Za-z]+,?\s+and\s+(?:(?:a|an)\s+)?(?:{SOME_NUMBER}|half|quarter)\b",
    re.IGNORECASE,
)
"""What changes a number in digits: "3 or four", "5 tenths", "2 and a half", "5 dollars and fifty cents".

"7 dozen" is 7, because the question asked for dozens.
"""

_NOT = re.compile(
    r"(?:\b(?:not|never|cannot|neither|nor|(?:rather|other)\s+than|instead\s+of)|n't)\s+"
    r"(?:(?:be|have|need|the|exactly|just|equal\s+to)\s+){0,2}[\"'(]?$",
    re.IGNORECASE,
)
_GROUP = re.compile(r",? \d{3}(?![\d,/:]|\.\d)")
"""Thousands, or a separate number, after a number: "1 200", "1, 000"."""

_OPEN_SIGN = re.compile(
    r"(?:^|\n|[^\w)\]%\s])\s*[-+\u00b1]\s+$|[\u00b1~]\s*$|\\pm\s*$|(?<![\w)\]%\s])\s*-\s*[(\[]+\s*$"
)
"""A dash before a number that may be a minus or may mark a list entry."""

_EXPRESSION = re.compile(r"\\(?:[dtc]?frac|sqrt|pi|binom|over|log|ln|sin|cos|tan|pm|infty)(?![A-Za-z])|[√±π∞]\s*\d")
_EQUALS = re.compile(r"[=≈]|\bequals\b|\bis equal to\b")


@dataclass(frozen=True)
class FoundNumber:
    """A number and its position. `value` is None if it is ambiguous, and `problem` says why."""

    start: int
    end: int
    value: Fraction | None
    problem: str = ""


def read_number(text: str, closing: bool = False) -> Reading:
    """The first number, or the result of a calculation that begins with it. A closing sentence must have only one.

    A number in words counts if the text begins with it and has no digits that say another.
    """
    if _EXPRESSION.search(text):
        return none("there is an expression that is no number written out")
    found = list(numbers(text))
    in_words = number_in_words(text)
    if not found:
        return none("there is no number") if in_words is None else Reading(str(in_words))
    another = begins_with_one(text) and any(number.value != in_words for number in found)
    if another and not (closing and in_words is not None) and not _EQUALS.search(text):
        return none("there is a number in words and another in digits")
    after = [place.end() for place in _EQUALS.finditer(text)]
    results = [number for number in found if after and number.start >= after[-1]]
    if results:
        found = results
    elif closing and len({number.value for number in found}) > 1:
        return none("the closing sentence holds several numbers and marks none")
    number = found[0]
    if number.value is None:
        return none(number.problem)
    if len(found) > 1:
        between = text[number.end : found[1].start]
        if _OPERATOR.fullmatch(between) or (not between.strip() and text[found[1].start] in "+-"):
            return none("there is a calculation without its result")
        if _RANGE.fullmatch(between):
            return none("there are two numbers for one answer")
    return Reading(canonical(number.value))


def numbers(text: str) -> Iterator[FoundNumber]:
    """All numbers in order, except ordinals ("the 3rd") and negated ones ("not 5")."""
    for match in _TOKEN.finditer(text):
        if match["ordinal"] or _NOT.search(text, max(0, match.start() - WINDOW), match.start()):
            continue
        value, problem = _value(match)
        in_groups = match["digits"] and match["digits"].isdigit()
        behind = _GOES_ON.match(text, match.end()) or (in_groups and _GROUP.match(text, match.end()))
        if behind and value is not None:
            value, problem = None, f"{match[0].strip()} before {behind[0].strip()} could be another number"
        elif _OPEN_SIGN.search(text, max(0, match.start() - WINDOW), match.start()):
            value, problem = None, f"the sign before {match[0].strip()} could be a minus or none"
        yield FoundNumber(match.start(), match.end(), value, problem)


def _value(match: re.Match[str]) -> tuple[Fraction | None, str]:
    shown = match[0].strip()
    if match["date"]:
        return None, f"{shown} is a date, a time or a ratio"
    if match["short"]:
        return None, f"{shown} could be thousands or a unit"
    if len(shown) > 3 * LONGEST:
        return None, f"{shown[:40]}... is out of range"
    value = _unsigned(match)
    if value is None:
        return None, f"{shown[:40]} could be read as more than one number"
    raised = _raised(value, match)
    if raised is None or abs(raised) >= 10**LONGEST or raised.denominator >= 10**LONGEST:
        return None, f"{shown[:40]} is out of range"
    value = raised
    if match["scale"]:
        value *= 10 ** _SCALES[match["scale"].strip()]
    negative = bool(match["sign"]) ^ bool(match["inner"]) ^ bool(match["words"])
    return -value if negative else value, ""


def _unsigned(match: re.Match[str]) -> Fraction | None:
    if match["vulgar"]:
        part = Fraction(unicodedata.numeric(match["vulgar"][-1])).limit_denominator(10)
        return part + int(match["vulgar"][:-1].strip() or 0)
    if match["mixed"]:
        whole, over, under = (int(digits) for digits in re.findall(r"\d+", match["mixed"]))
        return whole + Fraction(over, under) if over < under else None
    if match["fraction"]:
        over, under = (int(digits) for digits in match["fraction"].split("/"))
        return Fraction(over, under) if under else None
    is_euro = "€" in (match["currency"] or "") or match["euro"] is not None
    return _decimal(match["digits"], is_euro)


def _decimal(digits: str, is_euro: bool = False) -> Fraction | None:
    """Digits with commas, dots and gaps as one number; None if they do not form one."""
    if re.fullmatch(r"\d*\.\d+|\d+", digits):
        return Fraction(digits)
    if re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d+)?", digits):
        return Fraction(digits.replace(",", ""))
    if re.fullmatch(rf"[1-9]\d{{0,2}}(?:(?:[{_GAPS} ]\d{{3}})+|(?:'\d{{3}})+|(?:_\d{{3}})+)(?:\.\d+)?", digits):
        return Fraction(re.sub(f"[{_GAPS} '_]", "", digits))
    if re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+,\d+|[1-9]\d{0,2}(?:\.\d{3}){2,}", digits):
        return Fraction(digits.replace(".", "").replace(",", "."))
    if is_euro and re.fullmatch(r"\d+,\d\d", digits):
        return Fraction(digits.replace(",", "."))
    return None


def _raised(value: Fraction, match: re.Match[str]) -> Fraction | None:
    """The value times a power of ten, or raised to a power, as written; None if that is implausibly large."""
    tens = match["exponent"] or match["tens"] or (match["raised_tens"] or "").translate(_RAISED)
    written = tens or match["power"] or ""
    if not written:
        return value
    if not re.fullmatch(r"[+-]?\d{1,3}", written) or abs(int(written)) > LONGEST:
        return None
    if tens:
        return value * Fraction(10) ** int(written)
    return value ** int(written) if value or int(written) > 0 else None
