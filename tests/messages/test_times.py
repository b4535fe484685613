"""Times: every form of WIRE, leap seconds, and what is no time."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import erfa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from snews_cs.errors import MessageRefused
from snews_cs.messages.times import (
    NS_PER_S,
    describe_duration,
    format_utc,
    parse_utc,
    posix_from_tai,
    tai_from_posix,
)

FIRST = parse_utc("1970-01-01T00:00:00Z")
LAST = parse_utc("2261-12-31T23:59:59.999999999Z")


def test_leap_seconds_count() -> None:
    assert parse_utc("2017-01-01T00:00:02Z") - parse_utc("2016-12-31T23:59:58Z") == 5 * NS_PER_S
    assert parse_utc("2017-01-01T00:00:00Z") - parse_utc("2016-12-31T23:59:60Z") == NS_PER_S
    assert parse_utc("2016-12-31T23:59:60Z") - parse_utc("2016-12-31T23:59:59Z") == NS_PER_S
    assert parse_utc("2018-01-01T00:00:02Z") - parse_utc("2017-12-31T23:59:58Z") == 4 * NS_PER_S


def test_tai_minus_utc() -> None:
    assert parse_utc("1970-01-01T00:00:00Z") == 10 * NS_PER_S
    assert parse_utc("1972-01-01T00:00:00Z") == (730 * 86_400 + 10) * NS_PER_S
    assert parse_utc("2026-11-21T00:00:00Z") == (int(datetime(2026, 11, 21, tzinfo=UTC).timestamp()) + 37) * NS_PER_S


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-21T06:39:10.401568123Z", "2026-11-21T06:39:10.401568123Z"),
        ("2026-11-21T06:39:10.401568123", "2026-11-21T06:39:10.401568123Z"),
        ("2026-11-21 06:39:10.401568", "2026-11-21T06:39:10.401568000Z"),
        ("2026-11-21 06:39:10Z", "2026-11-21T06:39:10.000000000Z"),
        ("2026-11-21T06:39:10.4", "2026-11-21T06:39:10.400000000Z"),
        ("2026-11-21T06:39:10.000000001Z", "2026-11-21T06:39:10.000000001Z"),
        ("2026-11-21T15:39:10.5+09:00", "2026-11-21T06:39:10.500000000Z"),
        ("2026-11-21T15:39:10.5+0900", "2026-11-21T06:39:10.500000000Z"),
        ("2026-11-20T20:09:10-10:30", "2026-11-21T06:39:10.000000000Z"),
        ("2026-11-21T06:39:10+00:00", "2026-11-21T06:39:10.000000000Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000000Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:60.000000000Z"),
        ("2016-12-31T23:59:60.999999999Z", "2016-12-31T23:59:60.999999999Z"),
        ("2017-01-01T08:59:60.5+09:00", "2016-12-31T23:59:60.500000000Z"),
        ("26/11/21 06:39:10", "2026-11-21T06:39:10.000000000Z"),
        ("26/11/21 06:41:34:056694", "2026-11-21T06:41:34.056694000Z"),
        ("26/11/21 06:41:34.056694", "2026-11-21T06:41:34.056694000Z"),
        ("26/11/21 06:41:34:5", "2026-11-21T06:41:34.500000000Z"),
        ("21/11/2026 06:41:34:056694", "2026-11-21T06:41:34.056694000Z"),
        ("21/11/2026 06:41:34", "2026-11-21T06:41:34.000000000Z"),
        ("01/02/2026 00:00:00", "2026-02-01T00:00:00.000000000Z"),
        ("01/02/03 00:00:00", "2001-02-03T00:00:00.000000000Z"),
        ("99/02/03 00:00:00", "2099-02-03T00:00:00.000000000Z"),
        ("16/12/31 23:59:60", "2016-12-31T23:59:60.000000000Z"),
    ],
)
def test_forms_of_the_clients(text: str, utc: str) -> None:
    assert format_utc(parse_utc(text)) == utc


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a time such as"),
        ("now", "is not a time such as"),
        ("None", "is not a time such as"),
        ("2026-11-21", "is not a time such as"),
        ("2026-11-21T06:39", "is not a time such as"),
        ("2026-11-21T06:39:10.Z", "is not a time such as"),
        ("2026-11-21T06:39:10.0123456789Z", "is not a time such as"),
        ("2026-11-21T06:39:10Z ", "is not a time such as"),
        ("2026-11-21T06:39:10 UTC", "is not a time such as"),
        ("2026-11-21T06:39:10z\n", "is not a time such as"),
        ("20261121T063910Z", "is not a time such as"),
        ("Sat Nov 21 06:39:10 2026", "is not a time such as"),
        ("11/21/26", "is not a time such as"),
        ("1795243150", "is not a time such as"),
        ("\u0662\u0660\u0662\u0666-11-21T06:39:10Z", "is not a time such as"),
        ("-2026-11-21T06:39:10Z", "is not a time such as"),
        ("+12026-11-21T06:39:10Z", "is not a time such as"),
        ("0000-01-01T00:00:00Z", "year 0 is out of range"),
        ("2026-13-21T06:39:10Z", "month must be in 1..12"),
        ("2026-02-29T06:39:10Z", "day is out of range for month"),
        ("2026-11-21T24:00:00Z", "no such hour, minute or second"),
        ("2026-11-21T06:60:00Z", "no such hour, minute or second"),
        ("2026-11-21T06:39:61Z", "no such hour, minute or second"),
        ("2026-11-21T06:39:10+24:00", "no such offset"),
        ("2026-11-21T06:39:10+00:60", "no such offset"),
        ("2026-12-31T23:59:60Z", "no leap second there"),
        ("2016-12-31T23:58:60Z", "no leap second there"),
        ("2016-12-31T23:59:60+01:00", "no leap second there"),
        ("16/12/30 23:59:60", "no leap second there"),
        ("26/13/01 00:00:00", "is not a day"),
        ("26/21/11 00:00:00", "is not a day"),
        ("31/02/30 00:00:00", "is not a day"),
        ("11/21/2026 00:00:00", "is not a day"),
        ("00/00/0000 00:00:00", "is not a day"),
        ("1969-12-31T23:59:59.999999999Z", "not in the years 1970 to 2261"),
        ("1970-01-01T00:00:00+00:01", "not in the years 1970 to 2261"),
        ("2262-01-01T00:00:00Z", "not in the years 1970 to 2261"),
        ("9999-12-31T23:59:59Z", "not in the years 1970 to 2261"),
    ],
)
def test_what_is_no_time_is_refused(text: str, reason: str) -> None:
    with pytest.raises(MessageRefused, match=reason):
        parse_utc(text)


def test_the_reason_stays_short() -> None:
    with pytest.raises(MessageRefused) as refused:
        parse_utc("2026" * 250_000)
    assert len(str(refused.value)) < 150


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    with suppress(MessageRefused):
        assert FIRST <= parse_utc(text) <= LAST


@given(st.integers(FIRST, LAST))
@example(parse_utc("2016-12-31T23:59:60Z"))
@example(parse_utc("2016-12-31T23:59:60.999999999Z"))
@example(parse_utc("2017-01-01T00:00:00Z"))
@example(parse_utc("2016-12-31T23:59:59.999999999Z"))
@example(parse_utc("1972-06-30T23:59:60Z"))
@example(FIRST)
@example(LAST)
def test_what_is_written_reads_the_same(tai_ns: int) -> None:
    assert parse_utc(format_utc(tai_ns)) == tai_ns


@given(st.integers(FIRST, LAST), st.integers(0, 10**18))
def test_text_sorts_as_time_does(tai_ns: int, later_ns: int) -> None:
    later = min(tai_ns + later_ns, LAST)
    assert format_utc(tai_ns) <= format_utc(later)


@given(st.datetimes(datetime(1972, 1, 1), datetime(2261, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_against_erfa_and_datetime(utc: datetime) -> None:
    tai_minus_utc = round(float(erfa.dat(utc.year, utc.month, utc.day, 0.5))) if utc.year < 2027 else 37
    posix_us = (utc - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert parse_utc(utc.isoformat()) == posix_us * 1_000 + tai_minus_utc * NS_PER_S


@given(st.integers(0, 9 * 10**18))
def test_posix_and_back(posix_ns: int) -> None:
    assert posix_from_tai(tai_from_posix(posix_ns)) == posix_ns


def test_posix_of_a_leap_second_is_that_of_the_next() -> None:
    assert posix_from_tai(parse_utc("2016-12-31T23:59:60.5Z")) == posix_from_tai(parse_utc("2017-01-01T00:00:00.5Z"))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (1.5, "1.5 s"),
        (-1.5, "1.5 s"),
        (9.25, "9.25 s"),
        (61, "61 s"),
        (119.9, "119 s"),
        (120, "2 minutes"),
        (3 * 3_600, "3 hours"),
        (47 * 3_600, "47 hours"),
        (3 * 86_400 + 5, "3 days"),
        (4.1 * 365.25 * 86_400, "4 years"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert describe_duration(round(seconds * NS_PER_S)) == words


@pytest.mark.parametrize(
    ("duration_ns", "words"),
    [
        (1_000_000_001, "1 s"),
        (4_999_999_992, "5 s"),
        (-1_234_567_890, "1.235 s"),
        (9_999_600_000, "10 s"),
        (499_999, "0 s"),
        (500_000, "0.001 s"),
        (60_000_000_001, "60 s"),
    ],
)
def test_durations_show_no_digits_that_no_clock_has(duration_ns: int, words: str) -> None:
    assert describe_duration(duration_ns) == words
