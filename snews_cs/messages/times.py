"""Times as integer nanoseconds on the TAI scale; no float ever carries one.

A time is the number of TAI nanoseconds since 1970-01-01T00:00:00 TAI: POSIX nanoseconds plus TAI-UTC, which grows by
one second with each leap second. The difference of two such times is the time that passed between them; the
difference of two POSIX times is not. TAI-UTC comes from the table that pyerfa carries (IERS Bulletin C). Before 1972
UTC had no leap seconds but drifted; the 10 s of 1972 are used there.
"""

import re
import time
from bisect import bisect_right
from datetime import UTC, date, datetime
from functools import lru_cache

import erfa
from dateutil.parser import parser, parserinfo

from snews_cs.errors import MessageRefused
from snews_cs.messages.limits import quote
from snews_cs.messages.types import Nanoseconds

NS_PER_S = 1_000_000_000
_S_PER_DAY = 86_400
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_END_POSIX_S = int(datetime(2262, 1, 1, tzinfo=UTC).timestamp())  # the last whole year that fits into 64 bits of ns


def _leap_seconds() -> tuple[list[int], list[int]]:
    """Return the POSIX times (s) at which TAI-UTC changed after 1972-01-01, and TAI-UTC (s) before and after each."""
    table = [(int(year), int(month), round(float(offset))) for year, month, offset in erfa.leap_seconds.get()]
    since_1972 = [(date(year, month, 1), offset) for year, month, offset in table if year >= 1972]
    days = [(day.toordinal() - _EPOCH_DAY) * _S_PER_DAY for day, _ in since_1972]
    return days[1:], [offset for _, offset in since_1972]


_steps_s, _offsets_s = _leap_seconds()
_OFFSETS_NS = [offset * NS_PER_S for offset in _offsets_s]
_POSIX_STEPS_NS = [step * NS_PER_S for step in _steps_s]
_TAI_STEPS_NS = [step + offset for step, offset in zip(_POSIX_STEPS_NS, _OFFSETS_NS[1:], strict=True)]
_AFTER_LEAP_SECOND = frozenset(
    step for step, before, after in zip(_POSIX_STEPS_NS, _OFFSETS_NS, _OFFSETS_NS[1:], strict=False) if after > before
)

_ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_OLD = re.compile(
    r"([0-9]{2}/[0-9]{2}/[0-9]{2}|[0-9]{2}/[0-9]{2}/[0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[:.]([0-9]{1,9}))?"
)


def tai_from_posix(posix_ns: int) -> Nanoseconds:
    """Return the TAI time of a POSIX time, both in ns. A leap second has no POSIX time of its own."""
    return posix_ns + _OFFSETS_NS[bisect_right(_POSIX_STEPS_NS, posix_ns)]


def tai_now() -> Nanoseconds:
    """Return the time by this machine's clock, TAI ns."""
    return tai_from_posix(time.time_ns())


def posix_from_tai(tai_ns: Nanoseconds) -> int:
    """Return the POSIX time of a TAI time, both in ns; a leap second gets that of the second after it."""
    return tai_ns - _OFFSETS_NS[bisect_right(_TAI_STEPS_NS, tai_ns)]


def parse_utc(text: str) -> Nanoseconds:
    """Read a UTC time in any form that the released clients write.

    ISO 8601 with ``T`` or a blank, up to nine decimals of a second, and ``Z``, an offset such as ``+09:00``, or
    nothing, which means UTC; and the old clients' ``%y/%m/%d %H:%M:%S`` and ``%d/%m/%Y %H:%M:%S``, both with or
    without ``:%f``. Second 60 is valid only where UTC has a leap second.

    Parameters
    ----------
    text
        The time as it was written.

    Returns
    -------
    int
        TAI ns, of a time in the years 1970 to 2261.

    Raises
    ------
    MessageRefused
        If the text is not such a time. The reason reads well after a field's name.
    """
    if (match := _ISO.fullmatch(text)) is not None:
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        try:
            days = date(int(year), int(month), int(day)).toordinal() - _EPOCH_DAY
        except ValueError as error:
            raise MessageRefused(f"{quote(text)} is not a time: {error}") from error
    elif (match := _OLD.fullmatch(text)) is not None:
        old_day, hour, minute, second, fraction = match.groups()
        zone = None
        days = _days_of_old_client(old_day)
    else:
        raise MessageRefused(f"{quote(text)} is not a time such as 2026-11-21T06:39:10.401568000Z")
    seconds_of_day = _seconds(text, int(hour), int(minute), int(second))
    posix_s = days * _S_PER_DAY + seconds_of_day - _zone_seconds(text, zone)
    if not 0 <= posix_s < _END_POSIX_S:
        raise MessageRefused(f"{quote(text)} is not in the years 1970 to 2261")
    posix_ns = posix_s * NS_PER_S
    fraction_ns = int(fraction.ljust(9, "0")) if fraction else 0
    if second != "60":
        return tai_from_posix(posix_ns) + fraction_ns
    if posix_ns not in _AFTER_LEAP_SECOND:
        raise MessageRefused(f"{quote(text)} is not a time: UTC has no leap second there")
    return tai_from_posix(posix_ns) - NS_PER_S + fraction_ns


def format_utc(tai_ns: Nanoseconds) -> str:
    """Return a time of the years 1970 to 2261 as ``YYYY-MM-DDTHH:MM:SS.sssssssssZ``, second 60 in a leap second."""
    step = bisect_right(_TAI_STEPS_NS, tai_ns)
    posix_ns = tai_ns - _OFFSETS_NS[step]
    in_leap_second = (
        step < len(_TAI_STEPS_NS) and posix_ns >= _POSIX_STEPS_NS[step] and _POSIX_STEPS_NS[step] in _AFTER_LEAP_SECOND
    )
    seconds, fraction_ns = divmod(posix_ns - NS_PER_S if in_leap_second else posix_ns, NS_PER_S)
    days, second_of_day = divmod(seconds, _S_PER_DAY)
    minute_of_day, second = divmod(second_of_day, 60)
    hour, minute = divmod(minute_of_day, 60)
    return f"{_iso_day(days)}T{hour:02}:{minute:02}:{second + in_leap_second:02}.{fraction_ns:09}Z"


def describe_duration(duration_ns: Nanoseconds) -> str:
    """Return the length of a time span in words: "4 years", "3 days", "5 hours", "61 s", "1.5 s".

    It is rounded to ms below 10 s, down above.
    """
    seconds = abs(duration_ns) // NS_PER_S
    for length_s, unit in ((31_557_600, "years"), (_S_PER_DAY, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * length_s:
            return f"{seconds // length_s} {unit}"
    if seconds >= 10:
        return f"{seconds} s"
    seconds, milliseconds = divmod((abs(duration_ns) + 500_000) // 1_000_000, 1_000)
    return f"{seconds}.{milliseconds:03}".rstrip("0").rstrip(".") + " s"


class _OldClients(parserinfo):
    """How the clients of 2020 to 2023 wrote days: two-digit years are of this century, whatever the clock says."""

    def convertyear(self, year: int, century_specified: bool = False) -> int:
        return year if century_specified else 2000 + year


_YEAR_FIRST = parser(_OldClients(yearfirst=True))
_DAY_FIRST = parser(_OldClients(dayfirst=True))


@lru_cache(maxsize=64)
def _days_of_old_client(text: str) -> int:
    """Return the days since 1970 of ``%y/%m/%d`` or ``%d/%m/%Y``; dateutil's swapping of numbers is not let through."""
    reader, shape = (_YEAR_FIRST, "%y/%m/%d") if len(text) == 8 else (_DAY_FIRST, "%d/%m/%Y")
    try:
        day = reader.parse(text)
    except ValueError as error:
        raise MessageRefused(f"{quote(text)} is not a day: {error}") from error
    if day.strftime(shape) != text:
        raise MessageRefused(f"{quote(text)} is not a day of the form {shape}")
    return day.toordinal() - _EPOCH_DAY


def _seconds(text: str, hour: int, minute: int, second: int) -> int:
    """Return the seconds since midnight. Second 60 counts as the first second of the next minute."""
    if hour > 23 or minute > 59 or second > 60:
        raise MessageRefused(f"{quote(text)} is not a time: no such hour, minute or second")
    return hour * 3_600 + minute * 60 + second


def _zone_seconds(text: str, zone: str | None) -> int:
    """Return how many seconds a zone is ahead of UTC."""
    if zone is None or zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        raise MessageRefused(f"{quote(text)} is not a time: no such offset from UTC")
    return (hours * 3_600 + minutes * 60) * (-1 if zone[0] == "-" else 1)


@lru_cache(maxsize=64)
def _iso_day(days: int) -> str:
    """Return the day that many days after 1970-01-01 as ``YYYY-MM-DD``."""
    return date.fromordinal(_EPOCH_DAY + days).isoformat()
