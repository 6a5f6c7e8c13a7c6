//! What a bucket and a process's account with it say, and every way they change.
//!
//! A unit of a budget is in exactly one place: left in the bucket, outstanding (granted to a process, fate unknown), or
//! used. Outstanding units leave an account by being settled (spent or returned) or by lapsing with the process's term.
//! A lapsed one that was charged as lost stays written off, so that news arriving late corrects the charge instead of
//! adding to it.

/// One counter of a budget: one subject, one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Spent, or charged as lost.
    pub used: u64,
    /// Granted to processes and not yet settled: the sum over all accounts.
    pub outstanding: u64,
    /// Of a bucket that [drains](Bucket::drain): up to when it has, Unix µs. 0 for others.
    pub drained_at: u64,
    /// What people have added to the limit.
    pub raised: u64,
    /// What of `used` they have let go, so that it counts no more. It stays in `used`, so that news of it that arrives late
    /// corrects what it is to correct.
    pub forgiven: u64,
}

/// What one process holds of one bucket under one generation of its lease term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub outstanding: u64,
    /// Was outstanding when the term lapsed, and is part of the bucket's `used` since.
    pub written_off: u64,
}

/// What becomes of outstanding amounts when a process's term lapses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapse {
    /// They count as used: the budget holds even if the process spent all of them unheard.
    Spend,
    /// They are free again: nothing is stranded, at the risk of what the process spent unheard.
    Release,
}

/// Why a grant was refused: `remaining` is what a smaller one could still get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    pub remaining: u64,
    /// The rest of the limit is used, so nothing but a new window helps. Otherwise others merely hold it.
    pub for_good: bool,
}

impl Bucket {
    /// All that may be used and outstanding where the rule says `limit`.
    #[must_use]
    pub const fn allowance(self, limit: u64) -> u64 {
        limit.saturating_add(self.raised).saturating_add(self.forgiven)
    }

    /// Both as one: slots of a window that rolls.
    #[must_use]
    pub const fn plus(self, other: Bucket) -> Bucket {
        Bucket {
            used: self.used.saturating_add(other.used),
            outstanding: self.outstanding.saturating_add(other.outstanding),
            raised: self.raised.saturating_add(other.raised),
            forgiven: self.forgiven.saturating_add(other.forgiven),
            ..other
        }
    }

    /// What is used and not forgiven.
    #[must_use]
    pub const fn counting(self) -> u64 {
        self.used.saturating_sub(self.forgiven)
    }

    /// Adds to the limit.
    pub const fn raise(&mut self, amount: u64) {
        self.raised = self.raised.saturating_add(amount);
    }

    /// Lets all that is used go. What is outstanding stays so, and is charged when it is settled. Answers how much it is.
    ///
    /// Should a charge for something lost that was forgiven turn out too high, the difference is had besides: in all, no
    /// more is admitted than the limit, what was added and what was forgiven.
    pub const fn forgive(&mut self) -> u64 {
        let counted = self.counting();
        if self.drained_at == 0 {
            self.forgiven = self.forgiven.saturating_add(counted);
        } else {
            // It would go by itself; what is forgiven for ever would come again and again.
            self.used = 0;
        }
        counted
    }

    /// What may still be granted under `limit`.
    #[must_use]
    pub const fn remaining(self, limit: u64) -> u64 {
        limit.saturating_sub(self.used).saturating_sub(self.outstanding)
    }

    /// Whether `need` fits, without changing anything.
    ///
    /// # Errors
    /// [`Short`] where it does not.
    pub const fn fits(self, limit: u64, need: u64) -> Result<(), Short> {
        let remaining = self.remaining(limit);
        if need <= remaining {
            return Ok(());
        }
        Err(Short { remaining, for_good: need > limit.saturating_sub(self.used) })
    }

    /// Grants `amount` to a process.
    ///
    /// # Errors
    /// [`Short`] where it does not fit; nothing has changed then.
    pub const fn grant(&mut self, account: &mut Account, limit: u64, amount: u64) -> Result<(), Short> {
        match self.fits(limit, amount) {
            Err(short) => Err(short),
            Ok(()) => {
                self.outstanding = self.outstanding.saturating_add(amount);
                account.outstanding = account.outstanding.saturating_add(amount);
                Ok(())
            }
        }
    }

    /// Spends `amount` at once, without a lease.
    ///
    /// # Errors
    /// [`Short`] where it does not fit; nothing has changed then.
    pub const fn spend(&mut self, limit: u64, amount: u64) -> Result<(), Short> {
        match self.fits(limit, amount) {
            Err(short) => Err(short),
            Ok(()) => {
                self.used = self.used.saturating_add(amount);
                Ok(())
            }
        }
    }

    /// A process tells what became of amounts it held: `spent` of them used, `returned` not. Answers the overshoot: what
    /// was spent beyond all that the account had been granted (it is charged all the same).
    pub const fn settle(&mut self, account: &mut Account, spent: u64, returned: u64) -> u64 {
        let told = spent.saturating_add(returned);
        let held = smaller(told, account.outstanding);
        account.outstanding = account.outstanding.saturating_sub(held);
        self.outstanding = self.outstanding.saturating_sub(held);

        // Charged when the term lapsed: take that charge back and put the true one in its place. Not where it has been
        // draining since: what has drained would be had twice.
        let lost = smaller(told.saturating_sub(held), account.written_off);
        account.written_off = account.written_off.saturating_sub(lost);
        let (back, charged) =
            if self.drained_at == 0 { (lost, spent) } else { (0, spent.saturating_sub(lost)) };
        self.used = self.used.saturating_sub(back).saturating_add(charged);

        spent.saturating_sub(held.saturating_add(lost))
    }

    /// The process's term has lapsed: its account is closed.
    pub const fn lapse(&mut self, account: &mut Account, lapse: Lapse) {
        let lost = account.outstanding;
        account.outstanding = 0;
        self.outstanding = self.outstanding.saturating_sub(lost);
        if matches!(lapse, Lapse::Spend) {
            self.used = self.used.saturating_add(lost);
            account.written_off = account.written_off.saturating_add(lost);
        }
    }
}

const fn smaller(a: u64, b: u64) -> u64 {
    if a < b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bucket of 100 of which one process was granted `amount`.
    fn granted(amount: u64) -> (Bucket, Account) {
        let (mut bucket, mut account) = (Bucket::default(), Account::default());
        bucket.grant(&mut account, 100, amount).unwrap();
        (bucket, account)
    }

    #[test]
    fn a_grant_is_given_only_while_everything_fits_the_limit() {
        let (mut bucket, mut account) = granted(60);
        assert_eq!(bucket.grant(&mut account, 100, 41), Err(Short { remaining: 40, for_good: false }));
        assert_eq!((bucket, account), granted(60));
        assert_eq!(bucket.grant(&mut account, 100, 40), Ok(()));
        assert_eq!(bucket.remaining(100), 0);
    }

    #[test]
    fn what_is_spent_is_gone_for_good_and_what_is_held_is_not() {
        let (mut bucket, mut account) = granted(60);
        assert_eq!(bucket.settle(&mut account, 50, 0), 0);
        assert_eq!(bucket.fits(100, 45), Err(Short { remaining: 40, for_good: false }));
        assert_eq!(bucket.fits(100, 51), Err(Short { remaining: 40, for_good: true }));
    }

    #[test]
    fn settling_splits_what_was_held_into_used_and_free() {
        let (mut bucket, mut account) = granted(60);
        assert_eq!(bucket.settle(&mut account, 25, 35), 0);
        assert_eq!((bucket, account), (Bucket { used: 25, ..Bucket::default() }, Account::default()));
    }

    #[test]
    fn an_overshoot_is_charged_and_reported() {
        let (mut bucket, mut account) = granted(10);
        assert_eq!(bucket.settle(&mut account, 14, 0), 4);
        assert_eq!((bucket.used, bucket.remaining(12)), (14, 0));
    }

    #[test]
    fn a_lease_lost_as_spent_is_charged_once_even_when_its_calls_are_reported_later() {
        let (mut bucket, mut account) = granted(60);
        bucket.lapse(&mut account, Lapse::Spend);
        assert_eq!(
            (bucket, account),
            (Bucket { used: 60, ..Bucket::default() }, Account { outstanding: 0, written_off: 60 })
        );
        assert_eq!(bucket.settle(&mut account, 20, 0), 0);
        assert_eq!(bucket.used, 60);
        assert_eq!(bucket.settle(&mut account, 0, 40), 0);
        assert_eq!((bucket.used, account.written_off), (20, 0));
        assert_eq!(bucket.settle(&mut account, 5, 0), 5);
        assert_eq!(bucket.used, 25);
    }

    #[test]
    fn a_released_lease_is_free_at_once_and_late_spends_are_an_overshoot() {
        let (mut bucket, mut account) = granted(60);
        bucket.lapse(&mut account, Lapse::Release);
        assert_eq!((bucket, account), (Bucket::default(), Account::default()));
        assert_eq!(bucket.settle(&mut account, 20, 40), 20);
        assert_eq!(bucket.used, 20);
    }

    #[test]
    fn what_is_added_and_forgiven_may_be_had_once() {
        let (mut bucket, mut account) = granted(60);
        bucket.settle(&mut account, 50, 0);
        bucket.raise(30);
        assert_eq!(bucket.remaining(bucket.allowance(100)), 70, "of 130, 50 are used and 10 held");
        assert_eq!((bucket.forgive(), bucket.counting()), (50, 0));
        assert_eq!(bucket.remaining(bucket.allowance(100)), 120, "10 are still held");
        bucket.settle(&mut account, 10, 0);
        assert_eq!((bucket.counting(), bucket.remaining(bucket.allowance(100))), (10, 120));
        assert_eq!(bucket.forgive(), 10);
        assert_eq!(bucket.remaining(bucket.allowance(100)), 130);
    }

    #[test]
    fn what_was_forgiven_as_lost_is_not_taken_from_what_was_used_since() {
        let (mut bucket, mut account) = granted(60);
        bucket.lapse(&mut account, Lapse::Spend);
        bucket.forgive();
        bucket.spend(bucket.allowance(100), 90).unwrap();
        bucket.settle(&mut account, 20, 40);
        assert_eq!(bucket.used, 110);
        assert!(
            bucket.used + bucket.remaining(bucket.allowance(100)) <= 160,
            "the limit and what was forgiven"
        );
    }

    #[test]
    fn a_return_of_more_than_was_held_creates_nothing() {
        let (mut bucket, mut account) = granted(10);
        assert_eq!(bucket.settle(&mut account, 0, 500), 0);
        assert_eq!((bucket, account), (Bucket::default(), Account::default()));
    }
}
