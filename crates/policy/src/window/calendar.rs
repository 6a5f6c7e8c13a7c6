//! Which window an instant lies in.

use super::{Calendar, Period, Window, slot_ms};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// 10000-01-01T00:00:00Z, Unix ms: where the calendar ends.
pub const FOR_EVER: u64 = 253_402_300_800_000;

/// The first instant that can be told from "no window", which is 0 in the protocol.
const BEGINNING: u64 = 1;

impl Window {
    /// The window instance (of a rolling one, the slot) that contains `now` (Unix ms): its start and end.
    #[must_use]
    pub fn at(&self, now: u64) -> (u64, u64) {
        match self {
            Window::Fixed { ms } => aligned(*ms, now),
            Window::Rolling { ms } => aligned(slot_ms(*ms), now),
            // Dates beyond the calendar's are a broken clock's.
            Window::Calendar(calendar) => calendar.at(now).unwrap_or((now, FOR_EVER)),
            Window::Lifetime | Window::Refill { .. } => (BEGINNING, FOR_EVER),
        }
    }
}

fn aligned(ms: u64, now: u64) -> (u64, u64) {
    let start = now.saturating_sub(now.checked_rem(ms).unwrap_or(0));
    (start, start.saturating_add(ms))
}

impl Calendar {
    fn at(&self, now: u64) -> Result<(u64, u64), jiff::Error> {
        let zone = TimeZone::get(&self.time_zone)?;
        let instant = Timestamp::from_millisecond(i64::try_from(now).unwrap_or(i64::MAX))?;
        let first = self.first_day(zone.to_datetime(instant).date())?;
        let next = self.next(first)?;
        let (start, end) = (midnight(first, &zone)?, midnight(next, &zone)?);
        // Where clocks went back over midnight, an old date came again after the new one had begun.
        if now >= end {
            return Ok((end, midnight(self.next(next)?, &zone)?));
        }
        Ok((start, end))
    }

    /// The first day of the period that `day` is in.
    fn first_day(&self, day: Date) -> Result<Date, jiff::Error> {
        match self.period {
            Period::Day => Ok(day),
            Period::Week => day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()),
            Period::Month => self.first_of_months(day, 1),
            Period::Quarter => self.first_of_months(day, 3),
            Period::Year => self.first_of_months(day, 12),
        }
    }

    /// Months are counted from January of the year 0 on; their numbers are far below what would overflow.
    #[allow(clippy::arithmetic_side_effects)]
    fn first_of_months(&self, day: Date, length: i32) -> Result<Date, jiff::Error> {
        let month_start = self.month_start.cast_signed();
        let begun = i32::from(day.day() >= month_start);
        let month = i32::from(day.year()) * 12 + i32::from(day.month()) - 2 + begun;
        let into = (month - (i32::from(self.year_start) - 1)).rem_euclid(length);
        let first = month - into;
        let (year, month) = (first.div_euclid(12), first.rem_euclid(12) + 1);
        Date::new(
            i16::try_from(year).unwrap_or(i16::MAX),
            i8::try_from(month).unwrap_or(i8::MAX),
            month_start,
        )
    }

    fn next(&self, first: Date) -> Result<Date, jiff::Error> {
        first.checked_add(match self.period {
            Period::Day => 1.day(),
            Period::Week => 1.week(),
            Period::Month => 1.month(),
            Period::Quarter => 3.months(),
            Period::Year => 1.year(),
        })
    }
}

/// When a day begins, Unix ms: at its first instant, where its midnight is skipped or comes twice.
fn midnight(day: Date, zone: &TimeZone) -> Result<u64, jiff::Error> {
    let begins = zone.to_timestamp(day.to_datetime(Time::MIN))?.as_millisecond();
    Ok(u64::try_from(begins).unwrap_or(0))
}

/// Whether the database knows the time zone; else names that are like it.
///
/// # Errors
/// Known names that are close, the closest first.
pub(crate) fn check_time_zone(name: &str) -> Result<(), Vec<String>> {
    if TimeZone::get(name).is_ok() {
        return Ok(());
    }
    let known = jiff::tz::db().available();
    let mut near: Vec<(usize, String)> = known
        .map(|known| (distance(name, known.as_str()), known.as_str().to_owned()))
        .filter(|(distance, _)| *distance <= 3)
        .collect();
    near.sort();
    Err(near.into_iter().map(|(_, known)| known).collect())
}

fn distance(written: &str, known: &str) -> usize {
    let city = known.rsplit('/').next().unwrap_or(known);
    let (written, known) = (written.to_lowercase(), known.to_lowercase());
    strsim::damerau_levenshtein(&written, &known)
        .min(strsim::damerau_levenshtein(&written, &city.to_lowercase()).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    /// The start of a UTC day, Unix ms.
    fn utc(year: i16, month: i8, day: i8) -> u64 {
        midnight(date(year, month, day), &TimeZone::UTC).unwrap()
    }

    fn window(period: Period, month_start: u8, year_start: u8) -> Window {
        Window::Calendar(Calendar { period, time_zone: "UTC".into(), month_start, year_start })
    }

    #[test]
    fn an_hour_starts_on_the_hour() {
        // 2026-11-23T18:20:00Z lies in the hour from 18:00 to 19:00.
        let hour = Window::Fixed { ms: 3_600_000 };
        assert_eq!(hour.at(1_795_458_000_000), (1_795_456_800_000, 1_795_460_400_000));
        assert_eq!(hour.at(1_795_456_800_000).0, 1_795_456_800_000);
    }

    #[test]
    fn a_rolling_minute_has_slots_that_count_a_minute_longer() {
        let minute = Window::Rolling { ms: 60_000 };
        assert_eq!(minute.at(1_795_456_803_999), (1_795_456_802_000, 1_795_456_804_000));
        assert_eq!(minute.lingers_ms(), 62_000);
        assert_eq!(Window::Rolling { ms: 10_000 }.at(1_795_456_800_500).1, 1_795_456_801_000);
    }

    #[test]
    fn a_quarter_is_three_months_of_the_fiscal_year() {
        let november = utc(2026, 11, 23) + 1;
        assert_eq!(window(Period::Quarter, 1, 1).at(november), (utc(2026, 10, 1), utc(2027, 1, 1)));
        // A year from February on has quarters from February, May, August and November on.
        assert_eq!(window(Period::Quarter, 1, 2).at(november), (utc(2026, 11, 1), utc(2027, 2, 1)));
        assert_eq!(window(Period::Year, 1, 4).at(november), (utc(2026, 4, 1), utc(2027, 4, 1)));
        assert_eq!(window(Period::Year, 6, 4).at(utc(2027, 4, 5)), (utc(2026, 4, 6), utc(2027, 4, 6)));
    }

    #[test]
    fn a_month_may_begin_on_another_day() {
        let months = window(Period::Month, 15, 1);
        assert_eq!(months.at(utc(2026, 11, 14)), (utc(2026, 10, 15), utc(2026, 11, 15)));
        assert_eq!(months.at(utc(2026, 11, 15)), (utc(2026, 11, 15), utc(2026, 12, 15)));
        assert_eq!(months.at(utc(2027, 1, 3)), (utc(2026, 12, 15), utc(2027, 1, 15)));
    }

    #[test]
    fn a_lifetime_has_begun_and_does_not_end() {
        for now in [1, 1_795_456_800_000, 250_000_000_000_000] {
            assert_eq!(Window::Lifetime.at(now), (BEGINNING, FOR_EVER));
        }
        assert_eq!(FOR_EVER, utc(9999, 12, 1) + 31 * 86_400_000);
    }

    #[test]
    fn a_broken_clock_gets_a_window_too() {
        for now in [0, u64::MAX] {
            let _ = window(Period::Month, 1, 1).at(now);
        }
    }

    #[test]
    fn a_misspelt_time_zone_is_told_its_name() {
        assert_eq!(check_time_zone("Europe/Berlin"), Ok(()));
        assert_eq!(check_time_zone("Europe/Berln").unwrap_err()[0], "Europe/Berlin");
        assert_eq!(check_time_zone("berlin").unwrap_err()[0], "Europe/Berlin");
        assert_eq!(check_time_zone("Mars/Olympus"), Err(vec![]));
    }
}
