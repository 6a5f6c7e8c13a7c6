//! The bucket of a subject that is open now, with what of a rolling window still counts.

use super::rows::Slot;
use super::{Rows, Rules, subject_key};
use crate::store::ledger::DAY_MS;
use crate::store::rate_of;
use policy::{Budget, FOR_EVER, Window};
use quota::{Bucket, Rate};

pub(super) struct Open<B> {
    pub(super) bucket: B,
    pub(super) state: Bucket,
    /// Earlier slots of a rolling window that still count, oldest first.
    earlier: Vec<Slot<B>>,
    /// How much the subject's bucket can hold by the policy.
    rule: u64,
    /// Where what was used comes back all the time.
    pub(super) rate: Option<Rate>,
}

impl<B: Clone> Open<B> {
    pub(super) fn of<R: Rows<Bucket = B>>(
        rows: &mut R,
        at: Rules<'_>,
        budget: &Budget,
        subject: &[String],
    ) -> Result<Open<B>, R::Error> {
        let window = budget.window.at(at.now);
        let keep = keep_until(Some(&budget.window), window, at.now);
        let key = subject_key(subject);
        let (bucket, mut state) = rows.bucket(&budget.name, &key, window, keep)?;
        let lingers = budget.window.lingers_ms();
        let earlier = match lingers {
            0 => Vec::new(),
            _ => rows.slots(budget, &key, window.0, at.now.saturating_sub(lingers))?,
        };
        let limit = budget.limit_of(subject.iter().map(String::as_str));
        let rate = rate_of(budget, limit);
        if let Some(rate) = rate {
            state.drain(rate, at.now);
        }
        Ok(Open { bucket, state, earlier, rule: budget.most_at_once(limit), rate })
    }

    fn earlier(&self) -> Bucket {
        self.earlier.iter().fold(Bucket::default(), |sum, slot| sum.plus(slot.state))
    }

    /// How much the bucket can hold, with all that was added or forgiven.
    pub(super) fn whole(&self) -> u64 {
        self.counted().allowance(self.rule)
    }

    /// The limit that callers are told: what was forgiven is for them as if it had not been used.
    pub(super) fn limit_said(&self) -> u64 {
        self.rule.saturating_add(self.counted().raised)
    }

    /// What of the whole is this bucket's to grant, used and outstanding amounts of its own included.
    pub(super) fn limit(&self) -> u64 {
        self.earlier().remaining(self.whole())
    }

    /// All that is used and not forgiven.
    pub(super) fn counting(&self) -> u64 {
        self.all().fold(0, |sum, (_, state)| sum.saturating_add(state.counting()))
    }

    /// Lets all that counts go.
    pub(super) fn forgive(&mut self) {
        self.earlier.iter_mut().map(|slot| &mut slot.state).chain([&mut self.state]).for_each(|state| {
            state.forgive();
        });
    }

    /// This bucket and the earlier slots.
    pub(super) fn all(&self) -> impl Iterator<Item = (&B, Bucket)> {
        let earlier = self.earlier.iter().map(|slot| (&slot.bucket, slot.state));
        earlier.chain([(&self.bucket, self.state)])
    }

    /// All that counts against the limit.
    pub(super) fn counted(&self) -> Bucket {
        self.earlier().plus(self.state)
    }

    /// When so much of a rolling budget will have ceased to count that `need` fits, if all that is only held comes back:
    /// ms from now.
    pub(super) fn frees_in(&self, budget: &Budget, need: u64, now: u64) -> u64 {
        let lingers = budget.window.lingers_ms();
        let this = Slot { bucket: self.bucket.clone(), end: budget.window.at(now).1, state: self.state };
        let mut counted = self.counted();
        for slot in self.earlier.iter().chain([&this]) {
            counted = less(counted, slot.state);
            if counted.used.saturating_add(need) <= counted.allowance(self.rule) {
                return slot.end.saturating_add(lingers).saturating_sub(now);
            }
        }
        lingers
    }
}

/// What is left of a sum without one of its parts; all that was held has come back.
fn less(sum: Bucket, part: Bucket) -> Bucket {
    Bucket {
        used: sum.used.saturating_sub(part.used),
        raised: sum.raised.saturating_sub(part.raised),
        forgiven: sum.forgiven.saturating_sub(part.forgiven),
        ..sum
    }
}

/// Late reports reach a bucket for a day after its window, or two windows where that is longer. Slots of rolling windows
/// are many: what comes ten minutes after they have ceased to count finds only the ledger. A bucket whose window does not end
/// is [looked at](super::sweep) when it was not used for one to two days.
pub(super) fn keep_until(kind: Option<&Window>, (start, end): (u64, u64), now: u64) -> u64 {
    let lingers = kind.map_or(0, Window::lingers_ms);
    if end >= FOR_EVER {
        // The same all day, so that it is seldom written.
        return (now / DAY_MS).saturating_add(2).saturating_mul(DAY_MS);
    }
    if lingers > 0 {
        return end.saturating_add(lingers).saturating_add(600_000);
    }
    end.saturating_add(end.saturating_sub(start).saturating_mul(2).max(DAY_MS))
}
