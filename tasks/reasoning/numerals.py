"""Exact fractions and their canonical notation."""

from decimal import Decimal
from fractions import Fraction

REPEATING = 15
"""A stored decimal with at least this many significant digits is a fraction cut off by a float."""


def canonical(number: Fraction) -> str:
    """The shortest decimal if it is finite ("72", "-0.5"), otherwise the reduced fraction ("2/3")."""
    rest, places = number.denominator, 0
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest, count = rest // prime, count + 1
        places = max(places, count)
    if rest != 1:
        return f"{number.numerator}/{number.denominator}"
    scaled = abs(number.numerator) * 10**places // number.denominator
    digits = str(scaled).zfill(places + 1)
    sign = "-" if number < 0 else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def right_forms(stored: Decimal) -> tuple[str, ...]:
    """The canonical forms that count as a stored result.

    Usually there is one. If the stored decimal is cut off (0.6666666666666666), the fraction it stands for counts too,
    and its decimals from two places on, rounded or truncated.
    """
    exact = Fraction(stored)
    forms = {canonical(exact): None}
    fraction = exact.limit_denominator(100)
    if len(stored.normalize().as_tuple().digits) >= REPEATING and abs(fraction - exact) < Fraction(1, 10**12):
        forms[canonical(fraction)] = None
        for places in range(2, REPEATING + 1):
            forms[canonical(round(fraction, places))] = None
            # Truncated towards zero.
            cut = abs(fraction.numerator) * 10**places // fraction.denominator
            forms[canonical(Fraction(cut if fraction > 0 else -cut, 10**places))] = None
    return tuple(forms)
