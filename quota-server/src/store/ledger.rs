//! The ledger: what calls consumed, summed per hour and everything that tells them apart.

use quota::proto::LedgerEntry;
use std::collections::BTreeMap;
use tokens::TokenClass;

pub const HOUR_MS: u64 = 3_600_000;
pub const DAY_MS: u64 = 24 * HOUR_MS;

/// How long the ledger keeps hours apart, then days, then months (of UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub hours_ms: u64,
    pub days_ms: u64,
    /// `None`: for ever.
    pub months_ms: Option<u64>,
}

/// What of the ledger is old at some time: in Unix ms, whole days and months.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Before then there are days.
    pub hours_before: u64,
    /// Before then there are months. Not after `hours_before`.
    pub days_before: u64,
    /// Before then there is nothing.
    pub gone_before: u64,
}

impl Retention {
    /// At `now` (Unix ms).
    #[must_use]
    pub fn due(self, now: u64) -> Due {
        let before = |age: u64| now.saturating_sub(age);
        Due {
            hours_before: before(self.hours_ms) - before(self.hours_ms) % DAY_MS,
            days_before: month_of(before(self.days_ms.max(self.hours_ms))),
            gone_before: self.months_ms.map_or(0, |age| month_of(before(age))),
        }
    }
}

impl Due {
    /// The hour, day or month that a row of `hour` is part of in the end.
    #[must_use]
    pub fn whole(&self, hour: u64) -> u64 {
        if hour < self.days_before {
            month_of(hour)
        } else if hour < self.hours_before {
            hour - hour % DAY_MS
        } else {
            hour
        }
    }
}

/// The start of the UTC month of Unix ms: Howard Hinnant's `civil_from_days`, for days from 1970 on.
#[must_use]
pub fn month_of(ms: u64) -> u64 {
    let day = ms / DAY_MS;
    // Years begin in March, so that the day that is not in all of them is the last; eras of 400 years in 0000.
    let of_era = (day + 719_468) % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5;
    day.saturating_sub(of_month) * DAY_MS
}

/// Token classes a row counts, in the order of [`TokenClass::ALL`].
pub const CLASSES: usize = TokenClass::ALL.len();

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: Key,
    pub sums: Sums,
}

/// What tells rows apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Unix ms of the hour in which the server was told; of the day or month once it was folded into that.
    pub hour: u64,
    /// By name, so that rows mean the same after the policy's dimensions have changed.
    pub dimensions: BTreeMap<String, String>,
    pub model: String,
    pub provider: String,
    pub outcome: String,
    pub source: String,
    pub price_version: String,
}

/// What rows sum up. Sums saturate at what a store can hold: a row is never small by wrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub requests: u64,
    pub tokens: [u64; CLASSES],
    pub cost_pico_usd: u64,
    pub duration_ms: u64,
    /// Requests whose model has no price.
    pub unpriced: u64,
}

impl Key {
    /// `names` are the dimensions of the policy that the reporting worker had; values without a name keep their place.
    #[must_use]
    pub fn of(entry: &LedgerEntry, names: &[String], now: u64) -> Key {
        let name =
            |index: usize| names.get(index).cloned().unwrap_or_else(|| format!("dimension_{}", index + 1));
        Key {
            hour: now - now % HOUR_MS,
            dimensions: entry
                .dimensions
                .iter()
                .enumerate()
                .map(|(i, value)| (name(i), value.clone()))
                .collect(),
            model: entry.model.clone(),
            provider: entry.provider.clone(),
            outcome: entry.outcome.clone(),
            source: entry.source.clone(),
            price_version: entry.price_version.clone(),
        }
    }
}

impl Sums {
    #[must_use]
    pub fn of(entry: &LedgerEntry) -> Sums {
        let mut tokens = [0; CLASSES];
        tokens.iter_mut().zip(&entry.tokens).for_each(|(sum, &count)| *sum = count);
        Sums {
            requests: entry.requests,
            tokens,
            cost_pico_usd: entry.cost_pico_usd,
            duration_ms: entry.duration_ms,
            unpriced: entry.unpriced,
        }
    }

    pub fn add(&mut self, other: &Sums) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more).min(i64::MAX.unsigned_abs());
        add(&mut self.requests, other.requests);
        self.tokens.iter_mut().zip(other.tokens).for_each(|(sum, more)| add(sum, more));
        add(&mut self.cost_pico_usd, other.cost_pico_usd);
        add(&mut self.duration_ms, other.duration_ms);
        add(&mut self.unpriced, other.unpriced);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_where_the_calendar_says() {
        // From `date -u -d ... +%s`.
        for (within, start) in [
            (0, 0),
            (951_782_400, 949_363_200), // 2000-02-29, a leap year though a century
            (951_868_800, 951_868_800), // 2000-03-01
            (1_709_251_199, 1_706_745_600), // 2024-02-29 23:59:59
            (1_795_456_800, 1_793_491_200), // 2026-11-23 18:00
            (4_107_542_399, 4_105_123_200), // 2100-02-28 23:59:59
            (4_107_542_400, 4_107_542_400), // 2100-03-01: the day after
        ] {
            assert_eq!(month_of(within * 1_000), start * 1_000, "{within}");
        }
    }
}
