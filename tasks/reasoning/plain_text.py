"""Generated text in plain characters: one kind of quote, dash and digit, and without LaTeX's commands and bold."""

import re
import unicodedata

_PLAIN = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2212": "-",
        "\u00d7": "*",
        "\u00b7": "*",
        "\u22c5": "*",
        "\u2044": "/",
    }
)


def plain(text: str) -> str:
    """The same text in plain characters. Superscripts and vulgar fractions stay: 2½ is not 21/2."""
    text = text.translate(_PLAIN)
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() and not c.isascii() else c for c in text)
    text = re.sub(r"\\[dt]?frac\s*\{\s*(-?\d+)\s*\}\s*\{\s*(\d+)\s*\}", r" \1/\2", text)
    text = text.replace("{,}", ",").replace("\\$", "$").replace("\\%", "%")
    text = re.sub(r"\\(?:times|cdot)\b", "*", text)
    text = re.sub(r"(?<=\d)\\[,!;]\s?(?=\d{3})", ",", text)
    text = re.sub(r"\\(?:text|mathrm|mathbf|textbf)\s*\{([^{}]*)\}", r" \1", text)
    # Two stars are bold, unless they stand between numbers and are a power.
    text = re.sub(r"(?<!\d)\*\*|\*\*(?!\s?\d)", " ", text)
    return re.sub(r"(?<!\w)_+|_+(?!\w)", " ", text)
