//! What the process holds, and this worker of it: taking, putting back, and remembering that there is no more.

use crate::admission::Margin;
use crate::clock::{Exchange, Reading};
use crate::host::Host;
use crate::slots::{Change, Step, change, read};
use crate::worker::Worker;
use quota::proto::{Bucket, Exhausted, Grant};
use quota::{BucketKey, Epoch, Lease, Take};

/// What a call wants of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) need: u64,
    /// What it leaves to others.
    pub(crate) keep: u64,
    pub(crate) margin: Margin,
    /// For how many more calls as much may be taken beforehand.
    pub(crate) ahead: u64,
}

/// What a call gets of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    All(Epoch),
    Short,
    Dry { retry_at: u64, limit: u64 },
}

/// What the server's refusal of a call means for later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What the call needs, and leaves to others.
    pub(crate) need: u64,
    /// When asking for less may help.
    pub(crate) ask_in_ms: u64,
    /// Only the end of the window helps.
    pub(crate) spent_for_good: bool,
}

impl Worker {
    /// Takes what is wanted: out of this worker's pocket, else out of the process's lease.
    pub(crate) fn take(&mut self, host: &dyn Host, key: BucketKey, wanted: Wanted, now: Reading) -> Taken {
        let Wanted { need, keep, margin, ahead } = wanted;
        let (generation, changed) = (self.term.generation, self.adjustments.doubted);
        let valid = self.term.is_valid(now);
        let now = now.steady_ms();
        // What is in pockets is left, too, and only the lease knows how much that is in all.
        if valid
            && keep == 0
            && let Some(epoch) = self.pockets.take(key, need, generation, now)
        {
            return Taken::All(epoch);
        }
        self.empty_pocket(host, key, now);
        let mut pocketed = None;
        let outcome = change(
            host,
            key,
            |_| false,
            |lease: &Lease| lease.is_live(key, generation, now),
            |lease| match lease.map(|lease| (lease, lease.believed(changed).take_leaving(keep, need, now))) {
                Some((_, Take::Taken(after))) if valid && margin.is_kept(&after, need) => {
                    let ahead = if Margin::Plenty.is_kept(&after, need) {
                        need.saturating_mul(ahead).min(after.available / 4)
                    } else {
                        0
                    };
                    pocketed = Some((after.ends_at, ahead));
                    let available = after.available.saturating_sub(ahead);
                    Step::Write(Lease { available, ..after }, Taken::All(after.epoch))
                }
                Some((lease, Take::Dry { retry_at })) => {
                    Step::Leave(Taken::Dry { retry_at, limit: lease.limit })
                }
                _ => Step::Leave(Taken::Short),
            },
        );
        match outcome {
            Change::Made(Taken::All(epoch)) => {
                self.term.adopt(epoch.generation);
                if let Some((ends_at, ahead)) = pocketed.filter(|(_, ahead)| *ahead > 0) {
                    self.pockets.fill(key, epoch, ends_at, ahead);
                }
                Taken::All(epoch)
            }
            Change::Made(taken) | Change::Declined(taken) => taken,
            Change::Impossible => Taken::Short,
        }
    }

    /// Puts all pockets back into the leases.
    pub(crate) fn empty_pockets(&mut self, host: &dyn Host, now: u64) {
        for key in self.pockets.keys() {
            self.empty_pocket(host, key, now);
        }
    }

    fn empty_pocket(&mut self, host: &dyn Host, key: BucketKey, now: u64) {
        let Some((epoch, amount)) = self.pockets.empty(key) else { return };
        if amount > 0
            && !self.credit_lease(host, key, epoch, amount, now)
            && let Some(bucket) = self.buckets.bucket(key)
        {
            self.outbox.settle(key, epoch, || bucket, 0, amount);
        }
    }

    /// Takes as much of `need` as there is.
    pub(crate) fn take_up_to(
        &mut self,
        host: &dyn Host,
        key: BucketKey,
        need: u64,
        now: Reading,
    ) -> (Epoch, u64) {
        let valid = self.term.is_valid(now);
        let now = now.steady_ms();
        self.empty_pocket(host, key, now);
        let generation = self.term.generation;
        if !valid {
            return (Epoch::default(), 0);
        }
        let outcome = change(
            host,
            key,
            |_| false,
            |lease: &Lease| lease.is_live(key, generation, now),
            |lease| match lease {
                Some(lease) if lease.available > 0 => {
                    let amount = lease.available.min(need);
                    let available = lease.available.saturating_sub(amount);
                    Step::Write(Lease { available, used_at: now, ..lease }, (lease.epoch, amount))
                }
                _ => Step::Leave((Epoch::default(), 0)),
            },
        );
        match outcome {
            Change::Made(taken) | Change::Declined(taken) => taken,
            Change::Impossible => (Epoch::default(), 0),
        }
    }

    /// What the lease holds that no call has taken.
    pub(crate) fn in_hand(&self, host: &dyn Host, key: BucketKey, now: u64) -> u64 {
        let generation = self.term.generation;
        let lease = read(host, key).filter(|lease: &Lease| lease.is_live(key, generation, now));
        lease.map_or(0, |lease| lease.available)
    }

    /// Puts back what a call did not use. `false`: the lease it came from is no more.
    pub(crate) fn credit(
        &mut self,
        host: &dyn Host,
        key: BucketKey,
        epoch: Epoch,
        amount: u64,
        now: u64,
    ) -> bool {
        self.pockets.credit(key, epoch, amount, now) || self.credit_lease(host, key, epoch, amount, now)
    }

    fn credit_lease(&self, host: &dyn Host, key: BucketKey, epoch: Epoch, amount: u64, now: u64) -> bool {
        let outcome = change(
            host,
            key,
            |_| false,
            |lease: &Lease| lease.key == key && lease.epoch == epoch && now < lease.ends_at,
            |lease| match lease {
                Some(lease) => Step::Write(lease.credit(amount, now), ()),
                None => Step::Leave(()),
            },
        );
        outcome == Change::Made(())
    }

    /// A call has consumed more than it held: what is in hand of the same grant covers it as far as it goes, so that nobody
    /// spends that again.
    pub(crate) fn cover(&mut self, host: &dyn Host, key: BucketKey, epoch: Epoch, over: u64, now: u64) {
        self.empty_pocket(host, key, now);
        let _ = change(
            host,
            key,
            |_| false,
            |lease: &Lease| lease.key == key && lease.epoch == epoch,
            |lease| match lease {
                Some(lease) => {
                    let available = lease.available.saturating_sub(over);
                    Step::Write(Lease { available, used_at: now, ..lease }, ())
                }
                None => Step::Leave(()),
            },
        );
    }

    /// Whether a grant can't be spent any more.
    pub(crate) fn is_over(&self, grant: &Grant, Exchange { sent_at, now }: Exchange) -> bool {
        grant.generation < self.term.generation || now >= sent_at.saturating_add(grant.resets_in_ms)
    }

    /// Puts `amount` of a grant into its bucket's record, or a new one. It goes back to the server where there is no room,
    /// or where it can't be spent any more; so does what it replaces.
    pub(crate) fn put_in(
        &mut self,
        host: &dyn Host,
        key: BucketKey,
        bucket: impl Fn() -> Bucket,
        grant: &Grant,
        amount: u64,
        exchange: Exchange,
    ) {
        let Exchange { sent_at, now } = exchange;
        let epoch = Epoch { window: grant.window, generation: grant.generation };
        if self.is_over(grant, exchange) {
            return self.outbox.settle(key, epoch, bucket, 0, amount);
        }
        let generation = self.term.generation;
        let fresh = Lease::granted(key, epoch, sent_at.saturating_add(grant.resets_in_ms), grant.limit, now);
        let with_grant = |lease: Lease| {
            let supply = lease.supply.granted(grant.remaining);
            Lease { supply, refill_until: 0, ..lease }.credit(amount, now)
        };
        let outcome = change(
            host,
            key,
            |other: &Lease| other.is_vacant(generation, now),
            |lease: &Lease| lease.key == key,
            |lease| match lease {
                Some(lease) if lease.epoch == epoch => Step::Write(with_grant(lease), None),
                Some(lease) if is_newer(lease.epoch, epoch) => Step::Leave(None),
                older => Step::Write(with_grant(fresh), older),
            },
        );
        match outcome {
            Change::Made(None) => {}
            Change::Made(Some(older)) => self.outbox.settle(key, older.epoch, bucket, 0, older.available),
            Change::Declined(_) | Change::Impossible => self.outbox.settle(key, epoch, bucket, 0, amount),
        }
    }

    /// Spares later calls a question whose answer is known.
    pub(crate) fn remember_dry(
        &mut self,
        host: &dyn Host,
        key: BucketKey,
        bucket: impl FnOnce() -> Bucket,
        said: &Exhausted,
        refused: Refused,
        Exchange { sent_at, now }: Exchange,
    ) {
        if said.adjustments < self.adjustments.heard {
            // Somebody has changed a bucket since, perhaps this one.
            return;
        }
        let generation = self.term.generation;
        let epoch = Epoch { window: said.window, generation };
        let fresh = Lease::granted(key, epoch, sent_at.saturating_add(said.resets_in_ms), said.limit, now);
        // Only saves later calls the question, so it does not matter if there is no room for it.
        let outcome = change(
            host,
            key,
            |other: &Lease| other.is_vacant(generation, now),
            |lease: &Lease| lease.key == key,
            |lease| {
                let is_older = |lease: &Lease| lease.epoch != epoch && !is_newer(lease.epoch, epoch);
                let (older, current) = (lease.filter(is_older), lease.filter(|lease| !is_older(lease)));
                let lease = current.unwrap_or(fresh);
                let supply = lease.supply.as_of(said.adjustments);
                let ask_at = sent_at.saturating_add(refused.ask_in_ms).min(lease.ends_at);
                let supply = if refused.spent_for_good {
                    supply.spent_but_for(said.unused)
                } else if said.gives_way {
                    supply.kept(said.remaining, ask_at)
                } else {
                    let fits_at = sent_at.saturating_add(said.retry_in_ms);
                    supply.dried(said.remaining, ask_at, refused.need, fits_at)
                };
                Step::Write(Lease { supply, ..lease }, older)
            },
        );
        if let Change::Made(Some(older)) = outcome {
            self.outbox.settle(key, older.epoch, bucket, 0, older.available);
        }
    }
}

/// Whether amounts of `this` epoch came later than those of `that`.
fn is_newer(this: Epoch, that: Epoch) -> bool {
    (this.generation, this.window) > (that.generation, that.window)
}
