//! What one Envoy process holds of a bucket: the record in a slot of its shared data.
//!
//! All workers read and write it with compare-and-swap, so every operation is a pure step from one record to the
//! next. The record carries the identity of its bucket, because slots are few and keys are hashed onto them.

use crate::{Supply, words};

/// 128 bits of a bucket's identity. Two buckets never share one in practice; the seed is the process's own, so
/// clients can't construct a collision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketKey(pub u128);

impl BucketKey {
    pub(crate) const fn halves(self) -> [u64; 2] {
        [self.0 as u64, (self.0 >> 64) as u64]
    }

    pub(crate) const fn of_halves([low, high]: [u64; 2]) -> BucketKey {
        BucketKey(low as u128 | (high as u128) << 64)
    }
}

/// Which grant an amount came from. What was granted in one window or under one lease term can't be spent in another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch {
    /// Start of the window, Unix ms by the server's clock.
    pub window: u64,
    /// The process's lease generation.
    pub generation: u32,
}

/// The record. All times are ms by a clock of this process that only goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub key: BucketKey,
    pub epoch: Epoch,
    /// When the window ends; afterwards the record says nothing.
    pub ends_at: u64,
    /// Granted and not reserved.
    pub available: u64,
    /// The bucket's limit, for headers.
    pub limit: u64,
    /// What the server has said of there being more.
    pub supply: Supply,
    /// One worker has asked for a refill; the others leave it until then.
    pub refill_until: u64,
    pub used_at: u64,
}

/// What a request gets from a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// All of it.
    Taken(Lease),
    /// The server has to be asked: the lease holds only so much.
    Short { available: u64 },
    /// Asking is known to be useless until `retry_at`.
    Dry { retry_at: u64 },
}

impl Lease {
    /// Bytes of [`Lease::encode`].
    pub const SIZE: usize = 136;

    /// A first record, from what the server answered.
    #[must_use]
    pub fn granted(key: BucketKey, epoch: Epoch, ends_at: u64, limit: u64, now: u64) -> Lease {
        Lease {
            key,
            epoch,
            ends_at,
            available: 0,
            limit,
            supply: Supply::UNKNOWN,
            refill_until: 0,
            used_at: now,
        }
    }

    /// Whether the record speaks of `key` now. A record of an older generation holds amounts that the server has
    /// written off.
    #[must_use]
    pub fn is_live(&self, key: BucketKey, generation: u32, now: u64) -> bool {
        self.key == key && self.epoch.generation >= generation && now < self.ends_at
    }

    /// Whether the slot can be given to another bucket without losing anything.
    #[must_use]
    pub fn is_vacant(&self, generation: u32, now: u64) -> bool {
        let unused_ms = now.saturating_sub(self.used_at);
        let over = now >= self.ends_at || self.epoch.generation < generation;
        if self.available > 0 {
            // Whoever was granted it gives it back once it is idle, so that nobody holds it; until then it stays.
            return over && unused_ms > UNRETURNED_MS;
        }
        over || (!self.supply.is_dry(now) && unused_ms > 1_000)
    }

    /// Takes `need` out of the lease.
    #[must_use]
    pub fn take(&self, need: u64, now: u64) -> Take {
        match self.available.checked_sub(need) {
            Some(available) => Take::Taken(Lease { available, used_at: now, ..*self }),
            None if self.supply.is_beyond(need) => Take::Dry { retry_at: self.ends_at },
            None => self.short(self.supply.fits_at(need, self.available, now)),
        }
    }

    /// The same for a call that gives way to others: there must be `keep` left after it, in hand and at the server.
    #[must_use]
    pub fn take_leaving(&self, keep: u64, need: u64, now: u64) -> Take {
        let wanted = need.saturating_add(keep);
        match self.take(need, now) {
            anyway if keep == 0 => anyway,
            Take::Dry { retry_at } => Take::Dry { retry_at },
            _ if self.supply.is_beyond(wanted) => Take::Dry { retry_at: self.ends_at },
            taken if self.supply.covers(wanted, self.available) => taken,
            _ => self.short(self.supply.kept_until(now)),
        }
    }

    /// Not enough is in hand, and more may be had then; or, as far as is known, now.
    fn short(&self, retry_at: Option<u64>) -> Take {
        match retry_at {
            Some(retry_at) => Take::Dry { retry_at },
            None => Take::Short { available: self.available },
        }
    }

    /// What may still be believed of it after this change by hand.
    #[must_use]
    pub fn believed(self, changed: u64) -> Lease {
        Lease { supply: self.supply.believed(changed), ..self }
    }

    /// Puts `amount` in: a grant, or what a reservation did not use.
    #[must_use]
    pub fn credit(&self, amount: u64, now: u64) -> Lease {
        Lease { available: self.available.saturating_add(amount), used_at: now, ..*self }
    }

    #[must_use]
    pub fn encode(&self) -> [u8; Lease::SIZE] {
        let [low, high] = self.key.halves();
        let Epoch { window, generation } = self.epoch;
        let Supply { remaining, dry_until, fits_at, fits_need, attainable, kept_until, said_at } =
            self.supply;
        words::to_bytes([
            low,
            high,
            window,
            u64::from(generation),
            self.ends_at,
            self.available,
            self.limit,
            remaining,
            dry_until,
            fits_at,
            fits_need,
            attainable,
            kept_until,
            said_at,
            self.refill_until,
            self.used_at,
            LAYOUT,
        ])
    }

    /// `None` for anything that [`Lease::encode`] of this version did not write.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Lease> {
        let [
            low,
            high,
            window,
            generation,
            ends_at,
            available,
            limit,
            remaining,
            dry_until,
            fits_at,
            fits_need,
            attainable,
            kept_until,
            said_at,
            refill_until,
            used_at,
            LAYOUT,
        ] = words::from_bytes(bytes)?
        else {
            return None;
        };
        Some(Lease {
            key: BucketKey::of_halves([low, high]),
            epoch: Epoch { window, generation: u32::try_from(generation).ok()? },
            ends_at,
            available,
            limit,
            supply: Supply { remaining, dry_until, fits_at, fits_need, attainable, kept_until, said_at },
            refill_until,
            used_at,
        })
    }
}

/// Above the time that workers take to give back what is idle.
const UNRETURNED_MS: u64 = 30_000;

/// Changes with the layout: a record written by another version of the module in the same process is not misread.
const LAYOUT: u64 = u64::from_le_bytes(*b"tklease6");

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: BucketKey = BucketKey(7 << 70 | 3);
    const NOW: u64 = 1_000_000;

    fn lease(available: u64) -> Lease {
        let epoch = Epoch { window: 960_000, generation: 2 };
        Lease { available, ..Lease::granted(KEY, epoch, NOW + 5_000, 1_000, NOW) }
    }

    #[test]
    fn a_reservation_and_its_credit_leave_the_lease_as_it_was() {
        let Take::Taken(taken) = lease(100).take(60, NOW) else { panic!("100 covers 60") };
        assert_eq!(taken.available, 40);
        assert_eq!(taken.credit(60, NOW), lease(100));
    }

    /// The same, and what the server has said.
    fn supplied(available: u64, supply: Supply) -> Lease {
        Lease { supply, ..lease(available) }
    }

    #[test]
    fn a_short_lease_is_asked_about_once_and_then_known_to_be_dry() {
        assert_eq!(lease(10).take(60, NOW), Take::Short { available: 10 });
        let dry = supplied(10, Supply::UNKNOWN.dried(20, NOW + 1_000, 60, NOW + 30_000));
        assert_eq!(dry.take(60, NOW), Take::Dry { retry_at: NOW + 30_000 });
        assert!(matches!(dry.take(10, NOW), Take::Taken(_)), "what is in hand is still good");
        assert_eq!(
            dry.take(30, NOW),
            Take::Short { available: 10 },
            "10 in hand and 20 at the server cover 30"
        );
        assert_eq!(dry.take(60, NOW + 1_000), Take::Short { available: 10 });
    }

    #[test]
    fn a_spent_budget_is_asked_for_no_more_than_it_can_still_give() {
        let spent = supplied(10, Supply::UNKNOWN.spent_but_for(50));
        assert_eq!(spent.take(51, NOW), Take::Dry { retry_at: NOW + 5_000 });
        assert_eq!(spent.take(50, NOW), Take::Short { available: 10 }, "others may give back the rest");
        assert!(matches!(spent.take(10, NOW), Take::Taken(_)));
    }

    #[test]
    fn a_call_that_gives_way_leaves_what_is_kept_and_others_take_it() {
        let left = Supply::UNKNOWN.granted(50);
        let lease = supplied(100, left);
        assert!(matches!(lease.take_leaving(90, 60, NOW), Take::Taken(after) if after.available == 40));
        assert_eq!(
            lease.take_leaving(91, 60, NOW),
            Take::Short { available: 100 },
            "the server may have more by now"
        );
        let kept = supplied(100, left.kept(50, NOW + 300));
        assert_eq!(kept.take_leaving(91, 60, NOW), Take::Dry { retry_at: NOW + 300 });
        assert!(matches!(kept.take_leaving(90, 60, NOW), Take::Taken(_)), "it still fits");
        assert_eq!(kept.take_leaving(91, 60, NOW + 300), Take::Short { available: 100 });
        assert!(matches!(kept.take(100, NOW), Take::Taken(_)), "others are not kept from it");
        assert_eq!(kept.take(101, NOW), Take::Short { available: 100 }, "nor from asking for more");
        let spent = supplied(100, left.spent_but_for(150));
        assert_eq!(spent.take_leaving(91, 60, NOW), Take::Dry { retry_at: spent.ends_at });
        assert!(matches!(spent.take_leaving(90, 60, NOW), Take::Taken(_)));
    }

    #[test]
    fn what_is_not_believed_any_more_refuses_nobody_and_what_is_in_hand_stays() {
        let spent = supplied(10, Supply::UNKNOWN.as_of(7).spent_but_for(50).kept(0, NOW + 900));
        assert_eq!(spent.believed(7), spent);
        let doubted = spent.believed(8);
        assert_eq!(doubted.take(51, NOW), Take::Short { available: 10 });
        assert_eq!(doubted.take_leaving(90, 5, NOW), Take::Short { available: 10 });
        assert_eq!((doubted.available, doubted.epoch), (spent.available, spent.epoch));
    }

    #[test]
    fn ended_windows_older_generations_and_other_buckets_are_dead() {
        assert!(lease(1).is_live(KEY, 2, NOW));
        assert!(!lease(1).is_live(KEY, 2, NOW + 5_000));
        assert!(!lease(1).is_live(KEY, 3, NOW));
        assert!(!lease(1).is_live(BucketKey(1), 2, NOW));
    }

    #[test]
    fn a_slot_with_money_in_it_is_never_vacant() {
        assert!(!lease(1).is_vacant(2, NOW + 4_999));
        assert!(lease(0).is_vacant(2, NOW + 2_000));
        assert!(!lease(1).is_vacant(2, NOW + 5_000), "over, and not yet given back");
        assert!(lease(1).is_vacant(2, NOW + 30_001), "over, and whoever had it is gone");
    }

    #[test]
    fn records_survive_the_round_trip_and_garbage_is_no_record() {
        let supply = Supply::UNKNOWN.as_of(5).dried(3, NOW + 1, 7, NOW + 2).spent_but_for(4);
        let lease = supplied(u64::MAX, supply);
        assert_eq!(Lease::decode(&lease.encode()), Some(lease));
        assert_eq!(Lease::decode(&[0; Lease::SIZE]), None);
        assert_eq!(Lease::decode(b"short"), None);
    }

    /// Other words, or in another order, need another [`LAYOUT`].
    #[test]
    fn the_layout_is_the_one_that_its_name_stands_for() {
        let words: [u64; 17] = std::array::from_fn(|at| if at < 16 { at as u64 + 1 } else { LAYOUT });
        let supply = Supply {
            remaining: 8,
            dry_until: 9,
            fits_at: 10,
            fits_need: 11,
            attainable: 12,
            kept_until: 13,
            said_at: 14,
        };
        let lease = Lease {
            key: BucketKey(2 << 64 | 1),
            epoch: Epoch { window: 3, generation: 4 },
            ends_at: 5,
            available: 6,
            limit: 7,
            supply,
            refill_until: 15,
            used_at: 16,
        };
        assert_eq!(lease.encode(), words::to_bytes(words));
        assert_eq!(LAYOUT.to_le_bytes(), *b"tklease6");
    }
}
