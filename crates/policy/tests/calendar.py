#!/usr/bin/env python3
"""Writes calendar.txt: windows as Python's datetime and zoneinfo see them, to hold ours against.

    python3 crates/policy/tests/calendar.py > crates/policy/tests/calendar.txt

Every day around the days on which clocks change, and a few others, in zones with odd rules. A day begins at its first
instant: the first one, in UTC, whose local date is that day.
"""

import random
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

UTC = timezone.utc
# Zones, and days around which their clocks do something.
CASES = {
    "UTC": ["2026-02-28", "2028-02-29", "2026-12-31"],
    "Europe/Berlin": ["2026-03-29", "2026-10-25", "2027-01-01"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],  # by half an hour
    "America/Sao_Paulo": ["2018-11-04", "2018-02-18"],  # at midnight: one day has none
    "Africa/Cairo": ["2024-04-26", "2024-11-01"],
    "Asia/Beirut": ["2024-03-31", "2024-10-27"],
    "America/Havana": ["2024-03-10", "2024-11-03"],  # the hour after midnight comes twice
    "Atlantic/Azores": ["2024-03-31", "2024-10-27"],
    "Asia/Kathmandu": ["2026-04-14"],
    "Pacific/Apia": ["2011-12-31"],  # the 30th was skipped
    "Pacific/Kiritimati": ["2026-01-01"],
}


def local_date(ms, zone):
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).date()


def begins(day, zone):
    """Bisects for the first instant, to the second, that is on this local date or a later one."""
    middle = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    low, high = middle - 2 * 86400, middle + 2 * 86400
    while high - low > 1:
        half = (low + high) // 2
        if local_date(half * 1000, zone) >= day:
            high = half
        else:
            low = half
    return high * 1000


def month_begin(day, month_start):
    """The first day of the month, as it is counted here, that the day is in."""
    first = date(day.year, day.month, month_start)
    if day < first:
        before = first.replace(day=1) - timedelta(days=1)
        first = date(before.year, before.month, month_start)
    return first


def months_later(day, months):
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, day.day)


def period_of(day, period, month_start, year_start):
    if period == "day":
        return day, day + timedelta(days=1)
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    length = {"month": 1, "quarter": 3, "year": 12}[period]
    first = month_begin(day, month_start)
    # Walk back, month by month, to one that begins a period.
    while (first.month - year_start) % length:
        first = months_later(first, -1)
    return first, months_later(first, length)


def main():
    dice = random.Random(1)
    print("# Made by calendar.py. Zone, period, day on which months begin, month in which years begin; now, start, end (Unix ms)")
    for name, days in CASES.items():
        zone = ZoneInfo(name)
        for around in map(date.fromisoformat, days):
            for offset in (-1, 0, 1, 2):
                for period in ("day", "week", "month", "quarter", "year"):
                    month_start, year_start = dice.choice([(1, 1), (1, 1), (15, 1), (1, 4), (28, 11), (6, 4)])
                    day = around + timedelta(days=offset)
                    now = begins(day, zone) + dice.choice([0, -1, 1, 3_599_999, dice.randrange(86_400_000)])
                    first, following = period_of(local_date(now, zone), period, month_start, year_start)
                    start, end = begins(first, zone), begins(following, zone)
                    assert start <= now < end, (name, day, period)
                    print(name, period, month_start, year_start, now, start, end)


main()
