"""Lengths of time as people read them."""

from math import floor, log10

UNITS = ((1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3_600.0, "h"), (86_400.0, "days"))
"""Units of time, each with its length in s."""


def unit_of(length_s: float, *, least: float = 2.0) -> tuple[float, str]:
    """Return the unit in which to give a length of time: its length in s, and its name.

    Parameters
    ----------
    length_s
        The length, s; negative: a time ahead.
    least
        How many minutes, hours or days it takes to be given in these: with 2, one hour is 60 min.
    """
    size = abs(length_s)
    fitting = [unit for unit in UNITS if size >= unit[0] * (least if unit[0] > 1 else 1)]
    return fitting[-1] if fitting else UNITS[0]


def in_words(length_s: float, *, digits: int = 3, least: float = 2.0) -> str:
    """Return a length of time (s) in the unit that fits: ``350 ms``, ``61.2 s``, ``2.5 h``; see :func:`unit_of`."""
    if length_s == 0:
        return "0 s"
    unit_s, unit = unit_of(length_s, least=least)
    return f"{plain_number(length_s / unit_s, digits=digits)} {unit}"


def plain_number(number: float, *, digits: int = 3) -> str:
    """Return a number with that many digits, or a whole one if it has more: ``0.00312``, ``61.2``, ``1,234``."""
    if number == 0:
        return "0"
    decimals = max(0, digits - 1 - floor(log10(abs(number))))
    text = f"{number:,.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if decimals else text).replace("-", "\N{MINUS SIGN}")
