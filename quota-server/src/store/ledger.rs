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
