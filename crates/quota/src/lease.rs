//! What one Envoy process holds of a bucket: the record in a slot of its shared data.
//!
//! All workers read and write it with compare-and-swap, so every operation is a pure step from one record to the
//! next. The record carries the identity of its bucket, because slots are few and keys are hashed onto them.

use crate::words;

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
    /// What the server had left ungranted when it last said.
    pub remaining: u64,
    /// Until then the server need not be asked for more than `remaining`.
    pub dry_until: u64,
    /// A call that needs as much as `fits_need` does not fit before, even if all that is held came back.
    pub fits_at: u64,
    pub fits_need: u64,
    /// More is not to be had before the window ends, even if all that is held came back.
    pub attainable: u64,
    /// Until then calls that give way to others need not ask for what `remaining` does not have beside what is kept.
    pub kept_until: u64,
    /// The last change of any bucket by hand when the three above were said.
    pub said_at: u64,
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
            remaining: 0,
            dry_until: 0,
            fits_at: 0,
            fits_need: 0,
            attainable: u64::MAX,
            kept_until: 0,
            said_at: 0,
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
        over || (now >= self.dry_until && unused_ms > 1_000)
    }

    /// Takes `need` out of the lease.
    #[must_use]
    pub fn take(&self, need: u64, now: u64) -> Take {
        match self.available.checked_sub(need) {
            Some(available) => Take::Taken(Lease { available, used_at: now, ..*self }),
            None if need > self.attainable => Take::Dry { retry_at: self.ends_at },
            None if now < self.dry_until && need > self.available.saturating_add(self.remaining) => {
                self.is_dry(need)
            }
            None => Take::Short { available: self.available },
        }
    }

    /// When a call that needs so much can come back. What a smaller one needs may be there sooner, so it asks sooner; and
    /// nobody knows of a larger one.
    fn is_dry(&self, need: u64) -> Take {
        if self.fits_at <= self.dry_until || need < self.fits_need {
            return Take::Dry { retry_at: self.dry_until };
        }
        if need > self.fits_need {
            return Take::Short { available: self.available };
        }
        Take::Dry { retry_at: self.fits_at }
    }

    /// The same for a call that gives way to others: there must be `keep` left after it, in hand and at the server.
    #[must_use]
    pub fn take_leaving(&self, keep: u64, need: u64, now: u64) -> Take {
        let wanted = need.saturating_add(keep);
        let fits = wanted <= self.available.saturating_add(self.remaining);
        match self.take(need, now) {
            anyway if keep == 0 => anyway,
            Take::Dry { retry_at } => Take::Dry { retry_at },
            _ if wanted > self.attainable => Take::Dry { retry_at: self.ends_at },
            taken if fits => taken,
            _ if now < self.kept_until => Take::Dry { retry_at: self.kept_until },
            _ => Take::Short { available: self.available },
        }
    }

    /// What may still be believed of it: nothing of there being no more, if that was said before this change by hand.
    #[must_use]
    pub fn believed(self, changed: u64) -> Lease {
        if self.said_at >= changed { self } else { self.doubted() }
    }

    /// There may be more again.
    #[must_use]
    pub fn doubted(self) -> Lease {
        Lease { dry_until: 0, attainable: u64::MAX, kept_until: 0, ..self }
    }

    /// Puts `amount` in: a grant, or what a reservation did not use.
    #[must_use]
    pub fn credit(&self, amount: u64, now: u64) -> Lease {
        Lease { available: self.available.saturating_add(amount), used_at: now, ..*self }
    }

    /// Remembers that the server has no more than `remaining` until `ask_at`, and that a call that needs `need` does not fit
    /// before `fits_at`.
    #[must_use]
    pub fn dried(&self, remaining: u64, ask_at: u64, need: u64, fits_at: u64) -> Lease {
        Lease { remaining, dry_until: ask_at.min(self.ends_at), fits_at, fits_need: need, ..*self }
    }

    /// Remembers that the server has so much and keeps it for calls that do not give way, until `retry_at`.
    #[must_use]
    pub fn kept(&self, remaining: u64, retry_at: u64) -> Lease {
        Lease { remaining, kept_until: retry_at.min(self.ends_at), ..*self }
    }

    /// Remembers that no more than `attainable` is to be had before the window ends. A smaller call is still worth asking
    /// for: what others hold now may come back unused.
    #[must_use]
    pub fn spent_but_for(&self, attainable: u64) -> Lease {
        Lease { attainable, ..*self }
    }

    #[must_use]
    pub fn encode(&self) -> [u8; Lease::SIZE] {
        let [low, high] = self.key.halves();
        words::to_bytes([
            low,
            high,
            self.epoch.window,
            u64::from(self.epoch.generation),
            self.ends_at,
            self.available,
            self.limit,
            self.remaining,
            self.dry_until,
            self.fits_at,
            self.fits_need,
            self.attainable,
            self.kept_until,
            self.said_at,
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
            remaining,
            dry_until,
            fits_at,
            fits_need,
            attainable,
            kept_until,
            said_at,
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

    #[test]
    fn a_short_lease_is_asked_about_once_and_then_known_to_be_dry() {
        assert_eq!(lease(10).take(60, NOW), Take::Short { available: 10 });
        let dry = lease(10).dried(20, NOW + 5_000, 100, NOW + 5_000);
        assert_eq!(dry.take(60, NOW), Take::Dry { retry_at: NOW + 5_000 });
        assert!(matches!(dry.take(10, NOW), Take::Taken(_)), "what is in hand is still good");
        assert_eq!(
            dry.take(30, NOW),
            Take::Short { available: 10 },
            "10 in hand and 20 at the server cover 30"
        );
        assert_eq!(
            dry.take(60, NOW + 5_000),
            Take::Short { available: 10 },
            "after the reset it is worth asking"
        );
    }

    /// As the server says it of a budget whose amounts come back one after the other.
    #[test]
    fn a_call_of_the_size_that_was_refused_comes_back_when_it_fits_and_others_when_asking_may_help() {
        let dry = lease(10).dried(20, NOW + 1_000, 100, NOW + 30_000);
        assert_eq!(dry.take(100, NOW + 999), Take::Dry { retry_at: NOW + 30_000 });
        assert_eq!(dry.take(99, NOW + 999), Take::Dry { retry_at: NOW + 1_000 });
        assert_eq!(dry.take(101, NOW + 999), Take::Short { available: 10 });
        assert_eq!(dry.take(30, NOW + 999), Take::Short { available: 10 }, "so much is left");
        assert_eq!(dry.take(100, NOW + 1_000), Take::Short { available: 10 });
    }

    #[test]
    fn a_spent_budget_is_asked_for_no_more_than_it_can_still_give() {
        let spent = lease(10).spent_but_for(50);
        assert_eq!(spent.take(51, NOW), Take::Dry { retry_at: NOW + 5_000 });
        assert_eq!(spent.take(50, NOW), Take::Short { available: 10 }, "others may give back the rest");
        assert!(matches!(spent.take(10, NOW), Take::Taken(_)));
    }

    #[test]
    fn a_call_that_gives_way_leaves_what_is_kept_and_others_take_it() {
        let lease = Lease { remaining: 50, ..lease(100) };
        assert!(matches!(lease.take_leaving(90, 60, NOW), Take::Taken(after) if after.available == 40));
        assert_eq!(
            lease.take_leaving(91, 60, NOW),
            Take::Short { available: 100 },
            "the server may have more by now"
        );
        let kept = lease.kept(50, NOW + 300);
        assert_eq!(kept.take_leaving(91, 60, NOW), Take::Dry { retry_at: NOW + 300 });
        assert!(matches!(kept.take_leaving(90, 60, NOW), Take::Taken(_)), "it still fits");
        assert_eq!(kept.take_leaving(91, 60, NOW + 300), Take::Short { available: 100 });
        assert!(matches!(kept.take(100, NOW), Take::Taken(_)), "others are not kept from it");
        assert_eq!(kept.take(101, NOW), Take::Short { available: 100 }, "nor from asking for more");
        let spent = lease.spent_but_for(150);
        assert_eq!(spent.take_leaving(91, 60, NOW), Take::Dry { retry_at: spent.ends_at });
    }

    #[test]
    fn what_was_said_before_a_change_by_hand_is_not_believed_after_it() {
        let spent = Lease {
            said_at: 7,
            ..lease(10).spent_but_for(50).dried(0, NOW + 900, 1, NOW + 900).kept(0, NOW + 900)
        };
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
        let lease = Lease { said_at: 5, ..lease(u64::MAX).dried(3, NOW + 1, 7, NOW + 2).spent_but_for(4) };
        assert_eq!(Lease::decode(&lease.encode()), Some(lease));
        assert_eq!(Lease::decode(&[0; Lease::SIZE]), None);
        assert_eq!(Lease::decode(b"short"), None);
    }
}
