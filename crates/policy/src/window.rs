//! Windows: the spans of time that a budget's limit is for.
//!
//! Only the server decides which window an instant lies in; the filters are told how long it still lasts. So the calendar
//! (and with it the time zones) is behind the feature `calendar`, which the module does without.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a budget's time is cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// One after the other, all of this length, aligned to the Unix epoch.
    Fixed { ms: u64 },
    /// Any span of this length, whenever it begins. It is kept in slots: see [`Window::lingers_ms`].
    Rolling { ms: u64 },
    /// No window at all: what was used comes back all the time, as much as the limit in this length.
    Refill {
        ms: u64,
        /// How much can be had at once. `None`: the limit.
        burst: Option<u64>,
    },
    /// As people keep it.
    Calendar(Calendar),
    /// All time there is. The default for filters that do not know the server's: it tells them when windows end, and no
    /// local share of theirs is renewed.
    #[default]
    Lifetime,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Calendar {
    pub period: Period,
    /// A name of the IANA time zone database. The server carries the database, so that all servers of a release agree.
    pub time_zone: String,
    /// The day on which months begin, 1 to 28; quarters and years begin with months.
    pub month_start: u8,
    /// The month in which years begin, 1 to 12; quarters divide years.
    pub year_start: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Day,
    /// Begins on Monday (ISO 8601).
    Week,
    Month,
    Quarter,
    Year,
}

impl Window {
    /// Whether it comes to an end.
    #[must_use]
    pub const fn ends(&self) -> bool {
        !matches!(self, Window::Lifetime | Window::Refill { .. })
    }

    /// When a window ends that a process begins at `now` on its own, without the server that would know. `known`: the end of
    /// the server's own, if it has told. Rather too late than too early: both by a clock that need not be the wall's.
    #[must_use]
    pub fn ends_by_itself(&self, now: u64, known: Option<u64>) -> u64 {
        match self {
            Window::Fixed { ms } => known.unwrap_or_else(|| now.saturating_add(*ms)),
            // The server's are slots.
            Window::Rolling { .. } => now.saturating_add(self.lingers_ms()),
            Window::Refill { ms, .. } => now.saturating_add(*ms),
            Window::Calendar(_) => known.unwrap_or_else(|| now.saturating_add(DAY_MS)),
            Window::Lifetime => u64::MAX,
        }
    }

    /// How long after a window what was used of it still counts.
    ///
    /// A rolling window of length `w` is kept as a row of short slots, each with leases of its own that end with it. What is
    /// granted in a slot is used before the slot ends (or within another slot's time, by a call that was waiting for an
    /// answer just then), and counts until `w` and one slot later. So at any moment all that was used in the last `w`
    /// counts, and nothing is granted beyond the limit less that: no span of length `w` holds more than the limit.
    #[must_use]
    pub fn lingers_ms(&self) -> u64 {
        match self {
            Window::Rolling { ms } => ms.saturating_add(slot_ms(*ms)),
            _ => 0,
        }
    }
}

/// Completes "500 USD …": `per day`, `per 1h30m`, `in all`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Window::Fixed { ms } => write!(f, "per {}", Length(*ms)),
            Window::Rolling { ms } => write!(f, "in any {}", Length(*ms)),
            Window::Refill { ms, .. } => write!(f, "per {}, refilled all the time", Length(*ms)),
            Window::Calendar(calendar) => f.write_str(match calendar.period {
                Period::Day => "per day",
                Period::Week => "per week",
                Period::Month => "per month",
                Period::Quarter => "per quarter",
                Period::Year => "per year",
            }),
            Window::Lifetime => f.write_str("in all"),
        }
    }
}

const DAY_MS: u64 = 86_400_000;

/// Slots of a rolling window: more would use it up to the last more exactly, and cost a question to the server each.
const SLOTS: u64 = 30;
const SHORTEST_SLOT_MS: u64 = 1_000;

fn slot_ms(window_ms: u64) -> u64 {
    window_ms.checked_div(SLOTS).unwrap_or(0).max(SHORTEST_SLOT_MS)
}

/// A length of time in its largest whole units: `90s` is `1m30s`.
struct Length(u64);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        for (unit, ms) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
            let count = rest.checked_div(ms).unwrap_or(0);
            let left = rest.checked_rem(ms).unwrap_or(0);
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
            rest = left;
        }
        Ok(())
    }
}

#[cfg(feature = "calendar")]
mod calendar;
#[cfg(feature = "calendar")]
pub use calendar::FOR_EVER;
#[cfg(feature = "yaml")]
pub(crate) use calendar::check_time_zone;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_on_its_own_begins_windows_that_end_rather_late() {
        let hour = Window::Fixed { ms: 3_600_000 };
        assert_eq!(hour.ends_by_itself(7_200_001, None), 10_800_001);
        assert_eq!(hour.ends_by_itself(7_200_001, Some(9_000_000)), 9_000_000);
        // 60 s, and one of 30 slots: what was spent first counts until then.
        assert_eq!(Window::Rolling { ms: 60_000 }.ends_by_itself(5, Some(7)), 62_005);
        assert_eq!(Window::Lifetime.ends_by_itself(5, Some(7)), u64::MAX);
        let (period, time_zone) = (Period::Month, "UTC".to_owned());
        let month = Window::Calendar(Calendar { period, time_zone, month_start: 1, year_start: 1 });
        assert_eq!(month.ends_by_itself(5, Some(7)), 7);
        assert_eq!(month.ends_by_itself(5, None), 86_400_005);
    }

    #[test]
    fn windows_are_said_as_people_say_them() {
        let fixed = |ms| Window::Fixed { ms }.to_string();
        assert_eq!(fixed(3_600_000), "per 1h");
        assert_eq!(fixed(86_400_000), "per 1d");
        assert_eq!(fixed(5_430_000), "per 1h30m30s");
        assert_eq!(Window::Lifetime.to_string(), "in all");
        assert_eq!(Window::Refill { ms: 60_000, burst: None }.to_string(), "per 1m, refilled all the time");
    }
}
