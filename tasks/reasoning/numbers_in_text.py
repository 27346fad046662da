"""Numbers in generated text, exact.

"1,000" is a thousand and "1.000" is one; "1.000.000" and "1.000,50" can only be the other custom and are read so.
"1,5" could be either, "1 200" one number or two, and they are no answers. A percent sign, a currency and a unit are
left out: 25% is 25.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from tasks.reasoning.numerals import canonical
from tasks.reasoning.readings import Reading, none

LONGEST = 30
"""Digits before and after the point that a result may have. More is a model that repeats itself."""

_WORDS = """\
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty\
"""
WORDS = {word: number for number, word in enumerate(_WORDS.split())}
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_GAPS = "\u00a0\u2009\u202f"
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")

_TOKEN = re.compile(
    rf"""
    (?<![A-Za-z_\d]) (?<![A-Za-z]-) (?<!\d[.,/:])
    (?P<words>(?:minus|negative)\s+)?
    (?P<sign>(?<![\w)\]%][-+])(?<![\w)\]%])-)? (?P<currency>(?:US)?[$€£¥]\s?)? (?P<inner>-(?=[\d.]))?
    (?: (?P<vulgar>(?:\d+\s?)?[¼-¾⅐-⅞])
      | (?P<mixed>\d+(?:\s+and\s+|\s+)\d+/\d+)(?![\d/])
      | (?P<date>\d+/\d+/\d+|\d+:\d+(?::\d+)*)
      | (?P<fraction>\d+/\d+)(?![\d/])
      | (?P<digits>[1-9]\d{{0,2}}[ ]0\d\d(?:[ ]\d{{3}})*(?![\d,/:]|\.\d)|\d+(?:[.,{_GAPS}]\d+)*|(?<!\d)\.\d+(?![.,]\d))
    )
    (?: [eE](?P<exponent>[+-]?\d+)(?!\w)
      | \s*[x*]\s*10\s?(?:\^|\*\*)\s?[{{(]?(?P<tens>-?\d+)[}})]? | \s*[x*]\s*10(?P<raised_tens>[⁻⁰¹²³⁴-⁹]+)
      | (?:\^|\*\*)[{{(]?(?P<power>-?\d+)[}})]? )?
    (?P<scale>\s?(?:{"|".join(_SCALES)})\b)?
    (?P<ordinal>(?:st|nd|rd|th)\b)? (?P<short>[kKM]\b)? (?P<percent>\s?%)?
    """,
    re.VERBOSE,
)
_OPERATOR = re.compile(r"(?:\s+[A-Za-z]+){0,3}\s*(?:[+*÷]|\s[-/x]\s)\s*\(?\s*$")
_RANGE = re.compile(r"\s*(?:[-\u2014]|\bto\b|\bor\b|\band\b|,\s*and\b)\s*$")
_EQUALS = re.compile(r"[=≈]|\bequals\b|\bis equal to\b")
_WORD = re.compile(
    rf"[\s\"'*_(]*(?:about |exactly |only |just )?(?P<minus>minus |negative )?(?P<word>{'|'.join(WORDS)})\b"
    r"(?![-\s]*(?:of\b|and\b|or\b|hundred|thousand|million|billion|dozen|half|thirds?|quarters?|fifths?|tenths?|"
    r"point\b|times\b|plus\b|minus\b|more\b|less\b|that\b|which\b|who\b|way\b|(?:one|two|three|four|five|six|seven|"
    r"eight|nine)\b))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Found:
    """A number and where it stands; `value` is None if what stands there is no one number, and `problem` says why."""

    start: int
    end: int
    value: Fraction | None
    problem: str = ""


def read_number(text: str, closing: bool = False) -> Reading:
    """The first number, or the result of the calculation that begins with it; a closing sentence must hold no other.

    A number word up to twenty counts if the text begins with it and holds no digits.
    """
    found = list(numbers(text))
    if not found:
        word = _WORD.match(text)
        if word:
            value = WORDS[word["word"].lower()] * (-1 if word["minus"] else 1)
            return Reading(str(value))
        return none("there is no number")
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
        if _OPERATOR.fullmatch(between):
            return none("there is a calculation without its result")
        if _RANGE.fullmatch(between):
            return none("there are two numbers for one answer")
    return Reading(canonical(number.value))


def numbers(text: str) -> Iterator[Found]:
    """All numbers in order. Ordinals ("the 3rd") are none, and negated ones ("not 5") are passed over."""
    for match in _TOKEN.finditer(text):
        if match["ordinal"] or text.endswith((" not ", "Not "), 0, match.start()):
            continue
        value, problem = _value(match)
        if match["digits"] and re.match(r" \d{3}(?![\d,/:]|\.\d)", text[match.end() :]) and match["digits"].isdigit():
            value, problem = (
                None,
                f"{match[0].strip()} before {text[match.end() + 1 : match.end() + 4]} could be thousands",
            )
        yield Found(match.start(), match.end(), value, problem)


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
    return _decimal(match["digits"])


def _decimal(digits: str) -> Fraction | None:
    """Digits with commas, dots and gaps between them; None if they do not make one number."""
    if re.fullmatch(r"\d*\.\d+|\d+", digits):
        return Fraction(digits)
    if re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", digits):
        return Fraction(digits.replace(",", ""))
    if re.fullmatch(rf"[1-9]\d{{0,2}}(?:[{_GAPS} ]\d{{3}})+(?:\.\d+)?", digits):
        return Fraction(re.sub(f"[{_GAPS} ]", "", digits))
    if re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+,\d+|[1-9]\d{0,2}(?:\.\d{3}){2,}", digits):
        return Fraction(digits.replace(".", "").replace(",", "."))
    return None


def _raised(value: Fraction, match: re.Match[str]) -> Fraction | None:
    """The value times a power of ten, or to a power, as the token says; None if that is too large to be meant."""
    tens = match["exponent"] or match["tens"] or (match["raised_tens"] or "").translate(_RAISED)
    written = tens or match["power"] or ""
    if not written:
        return value
    if not re.fullmatch(r"[+-]?\d{1,3}", written) or abs(int(written)) > LONGEST:
        return None
    if tens:
        return value * Fraction(10) ** int(written)
    return value ** int(written) if value or int(written) > 0 else None
