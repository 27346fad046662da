"""Normalises generated text: plain letters, digits, quotes and dashes, without LaTeX, HTML and bold."""

import re
import unicodedata

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u2039\u203a\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\u300c\u300d\u300e\u300f", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63", "-"),
        **dict.fromkeys("\u00d7\u00b7\u22c5", "*"),
        **dict.fromkeys("\u3002\uff61", ". "),
        **dict.fromkeys("\u3001\uff64", ", "),
        **dict.fromkeys("\u3010\u3014", "["),
        **dict.fromkeys("\u3011\u3015", "]"),
        "\u2026": "...",
        "\u2044": "/",
        "`": " ",
    }
)
# Full-width forms, letters in circles and brackets, bold and italic mathematical letters, ligatures.
_STYLED = re.compile("[\uff01-\uff5e\uffe0-\uffe6\u249c-\u24e9\U0001d400-\U0001d7ff\ufb00-\ufb06]")
_HTML = re.compile(r"</?(?:b|i|u|em|strong|code|span|p|br|div|answer)\s*/?>|&nbsp;", re.IGNORECASE)

_PART = r"\s*(?:\{\s*(?P<%s>-?\d+)\s*\}|(?P<%s_digit>\d))"
_FRACTION = re.compile(
    r"(?P<before>\w?)(?P<sign>-?)\s*\\(?:[dtc]?frac|sfrac|nicefrac)"
    + _PART % ("over", "over")
    + _PART % ("under", "under")
)
# A number in brackets after its minus.
_BRACKETED = re.compile(r"(?<![\w)\]}%.])-\s{0,3}(?:\(\s*([\d.,/ ]+)\)|\{\s*([\d.,/ ]+)\})")


def plain(text: str) -> str:
    """The text in plain characters. Superscripts and vulgar fractions are kept, because 2½ is not 21/2."""
    text = _STYLED.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text.translate(_PLAIN))
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() and not c.isascii() else c for c in text)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    text = _HTML.sub(" ", re.sub(r"<sup>(-?\d+)</sup>", r"^\1", text))
    text = re.sub(r"\s{8,}", lambda blanks: "\n\n" if "\n" in blanks[0] else " ", text)
    return _without_marks(_without_latex(text))


def _without_latex(text: str) -> str:
    text = re.sub(r"\\(?:left|right|displaystyle|bigl?|bigr)(?![A-Za-z])\s*", "", text)
    text = re.sub(r"\\(?:text(?:bf|it|rm|sf|tt|up)?|math(?:rm|bf|it|sf|tt)|emph)\s*\{([^{}]*)\}", _inner, text)
    text = re.sub(r"\\[,;:!](?!\s?\d{3})\s?", " ", text.replace("{-}", "-").replace("{,}", ","))
    text = _BRACKETED.sub(lambda match: f"-{(match[1] or match[2]).strip()}", _FRACTION.sub(_fraction, text))
    text = text.replace("\\$", "$").replace("\\%", "%")
    text = re.sub(r"\$\s*(-)\s*\$(?=\s*[\d.])", r"\1", text)
    text = re.sub(r"\\(?:times|cdot)(?![A-Za-z])", "*", text)
    text = re.sub(r"\\div(?![A-Za-z])", "÷", text)
    return re.sub(r"(?<=\d)\\[,!;]\s?(?=\d{3})", ",", text)


def _inner(match: re.Match[str]) -> str:
    """The text in a command's braces, separated from a preceding word but not from a minus."""
    return f" {match[1]}" if match.string[match.start() - 1 : match.start()].isalnum() else match[1]


def _fraction(match: re.Match[str]) -> str:
    """`3/4` with a single sign, separated from a whole number before it."""
    over, under = (match[name] or match[f"{name}_digit"] for name in ("over", "under"))
    signs = match["sign"].count("-") + over.count("-") + under.count("-")
    if match["before"] and match["sign"]:
        return f"{match['before']} {match['sign']} {over}/{under.lstrip('-')}"
    blank = " " if match["before"] else ""
    return f"{match['before']}{blank}{'-' if signs % 2 else ''}{over.lstrip('-')}/{under.lstrip('-')}"


def _without_marks(text: str) -> str:
    """Removes Markdown's bold marks (two stars between numbers are a power) and joins a minus to its number."""
    text = re.sub(r"(?<=-)\*\*(?=[\d.$€£])", "", text)
    text = re.sub(r"(?<!\d)\*\*|\*\*(?!\s?\d)", " ", text)
    text = re.sub(r"([=≈(]\s{0,3}|\bis\s+)-\s+(?=[\d.$])", r"\1-", text)
    return re.sub(r"(?<!\w)_+|_+(?!\w)", " ", text)
