//! Reserving: in every matching bucket or in none, out of the leases in hand.

use crate::clock::{Exchange, Reading};
use crate::holdings::{Refused, Taken, Wanted};
use crate::host::Host;
use crate::pockets::CALLS;
use crate::rules::{Labels, Rules};
use crate::worker::Worker;
use policy::{Consumed, Mode, Unit, WhenUnreachable, Window};
use quota::proto::{Exhausted, Grant, Want};
use quota::{BucketKey, Epoch, LARGEST_AMOUNT, Lease};

/// How long a report takes on its way.
const REPORTING_MS: u64 = 100;

/// What a call has to hold while it runs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Of each budget, in the order of the rules.
    pub(crate) of: Vec<Need>,
    pub(crate) margin: Margin,
}

/// What a call has to hold of one budget, and what it leaves to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) amount: u64,
    pub(crate) keep: u64,
}

impl Needs {
    fn of(&self, at: usize) -> Need {
        self.of.get(at).copied().unwrap_or(Need { amount: u64::MAX, keep: 0 })
    }
}

/// How much a bucket must have left over for a reservation to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Margin {
    /// None: the amounts are as exact as they get.
    None,
    /// An eighth of the limit and eight more such calls. The amounts are rough, and what they hold too much may not
    /// be what others lack.
    Plenty,
}

impl Margin {
    /// Whether a lease after such a reservation leaves it.
    pub(crate) fn is_kept(self, after: &Lease, need: u64) -> bool {
        let plenty = need.saturating_mul(8).max(after.limit / 8);
        self == Margin::None || after.supply.covers(plenty, after.available)
    }
}

/// What one call in flight holds of its buckets. Whoever drops one without settling it leaves the amounts held until
/// the lease dies.
#[must_use]
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reservation {
    parts: Vec<Part>,
}

/// An amount of one grant. A bucket has several parts where a call took the rest of one grant and the beginning of
/// the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    rule: usize,
    key: BucketKey,
    /// None where it is of the local share.
    epoch: Epoch,
    amount: u64,
    /// Until when the local share lasts that it is of.
    local: Option<u64>,
}

/// What the leases in hand say to a call.
#[derive(Debug)]
pub(crate) enum Admission {
    Admitted(Reservation),
    /// Not enough in hand, and the server may have more.
    Short,
    /// Known to be useless to ask for.
    Refused(Shortage),
}

/// Why a budget does not admit a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shortage {
    pub(crate) rule: usize,
    pub(crate) limit: u64,
    pub(crate) need: u64,
    /// What the call leaves to others.
    pub(crate) keep: u64,
    /// When it makes sense to try again.
    pub(crate) retry_in_ms: u64,
}

/// What is to be asked of the server for one call: its missing amounts. The rest is held already.
#[must_use]
#[derive(Debug)]
pub(crate) struct Asking {
    held: Reservation,
    missing: Vec<Missing>,
    /// Whether the call has asked before.
    again: bool,
}

#[derive(Debug)]
struct Missing {
    rule: usize,
    key: BucketKey,
    need: u64,
    /// The rest of what the call needs of this bucket, which is in hand.
    held: u64,
    /// What the call leaves to others.
    keep: u64,
}

impl Asking {
    /// How many amounts are asked for.
    pub(crate) fn len(&self) -> usize {
        self.missing.len()
    }

    pub(crate) fn is_again(&self) -> bool {
        self.again
    }

    pub(crate) fn repeats(&mut self) {
        self.again = true;
    }
}

impl Worker {
    /// Reserves what a call needs in all budgets that enforce, out of the leases in hand, or changes nothing.
    pub(crate) fn reserve(
        &mut self,
        host: &dyn Host,
        rules: &Rules,
        labels: &Labels,
        needs: &Needs,
        reading: Reading,
    ) -> Admission {
        let now = reading.steady_ms();
        let mut held = Reservation::default();
        for (at, rule) in rules.budgets().iter().enumerate() {
            let key = rule.key(labels, self.seed());
            let Need { amount: need, keep } = needs.of(at);
            // Of calls in flight, what one worker had in its pocket the others would lack; and what those that give way
            // leave is not in a pocket.
            let in_flight = rule.budget.unit == Unit::ConcurrentRequests;
            let ahead = if in_flight || keep > 0 { 0 } else { CALLS };
            let wanted = Wanted { need, keep, margin: needs.margin, ahead };
            match (self.take(host, key, wanted, reading), rule.budget.mode) {
                (Taken::All(epoch), _) => {
                    self.buckets.demanded(key, now, need, || rule.bucket(labels));
                    held.parts.push(Part { rule: at, key, epoch, amount: need, local: None });
                }
                (Taken::Short, Mode::Shadow) => {
                    self.buckets.demanded(key, now, need, || rule.bucket(labels));
                    self.buckets.wants_refill(key);
                }
                (Taken::Dry { .. }, Mode::Shadow) => self.stats.would_refuse(&rule.budget.name),
                (Taken::Short, Mode::Enforce) => {
                    self.give_back(host, rules, labels, held, now);
                    return Admission::Short;
                }
                (Taken::Dry { retry_at, limit }, Mode::Enforce) => {
                    self.give_back(host, rules, labels, held, now);
                    let retry_in_ms = retry_at.saturating_sub(now);
                    return Admission::Refused(Shortage { rule: at, limit, need, keep, retry_in_ms });
                }
            }
        }
        Admission::Admitted(held)
    }

    /// Takes what the leases in hand have, and says what is missing.
    pub(crate) fn reserve_what_there_is(
        &mut self,
        host: &dyn Host,
        rules: &Rules,
        labels: &Labels,
        needs: &Needs,
        reading: Reading,
    ) -> Asking {
        let now = reading.steady_ms();
        let mut asking = Asking { held: Reservation::default(), missing: Vec::new(), again: false };
        for (at, rule) in
            rules.budgets().iter().enumerate().filter(|(_, rule)| rule.budget.mode == Mode::Enforce)
        {
            let key = rule.key(labels, self.seed());
            let Need { amount: need, keep } = needs.of(at);
            // What can never be had is no demand: a lease sized by it would take what others need.
            if need <= rule.budget.most_at_once(rule.limit(labels)) {
                self.buckets.demanded(key, now, need, || rule.bucket(labels));
            }
            // One that gives way takes all or nothing: of a part it could not be said what it leaves.
            let (epoch, amount) = match keep {
                0 => self.take_up_to(host, key, need, reading),
                _ => {
                    let wanted = Wanted { need, keep, margin: Margin::None, ahead: 0 };
                    match self.take(host, key, wanted, reading) {
                        Taken::All(epoch) => (epoch, need),
                        _ => (Epoch::default(), 0),
                    }
                }
            };
            if amount > 0 {
                asking.held.parts.push(Part { rule: at, key, epoch, amount, local: None });
            }
            if amount < need {
                let missing = need.saturating_sub(amount);
                asking.missing.push(Missing { rule: at, key, need: missing, held: amount, keep });
            }
        }
        asking
    }

    /// What [`Asking`] puts on the wire.
    pub(crate) fn wants(
        &mut self,
        host: &dyn Host,
        rules: &Rules,
        labels: &Labels,
        asking: &Asking,
        now: u64,
    ) -> Vec<Want> {
        asking
            .missing
            .iter()
            .filter_map(|missing| {
                let rule = rules.budgets().get(missing.rule)?;
                let demand = self.buckets.demand_to_ask_for(missing.key);
                let bucket = Some(rule.bucket(labels));
                let in_hand = if missing.keep > 0 { self.in_hand(host, missing.key, now) } else { 0 };
                let spent = self.outbox.unreported(missing.key);
                let amounts = [missing.need, demand, missing.held, missing.keep, in_hand, spent];
                let [need, demand, held, keep, in_hand, spent] =
                    amounts.map(|amount| amount.min(LARGEST_AMOUNT));
                Some(Want { bucket, need, demand, held, keep, in_hand, spent })
            })
            .collect()
    }

    /// The server's grants for an [`Asking`], answered in its order.
    pub(crate) fn granted(
        &mut self,
        host: &dyn Host,
        rules: &Rules,
        labels: &Labels,
        asking: Asking,
        grants: &[Grant],
        exchange: Exchange,
    ) -> Reservation {
        let Asking { mut held, missing, .. } = asking;
        for (missing, grant) in missing.iter().zip(grants) {
            self.buckets.answered(missing.key);
            let epoch = Epoch { window: grant.window, generation: grant.generation };
            held.parts.push(Part {
                rule: missing.rule,
                key: missing.key,
                epoch,
                amount: missing.need.min(grant.amount),
                local: None,
            });
            let extra = grant.amount.saturating_sub(missing.need);
            let Some(rule) = rules.budgets().get(missing.rule) else { continue };
            self.put_in(host, missing.key, || rule.bucket(labels), grant, extra, exchange);
        }
        held
    }

    /// Whether some of the grants can't be spent any more: their window or their term is over.
    pub(crate) fn came_too_late(&self, grants: &[Grant], sent_at: u64, now: Reading) -> bool {
        let exchange = Exchange { sent_at, now: now.steady_ms() };
        !self.term.is_valid(now) || grants.iter().any(|grant| self.is_over(grant, exchange))
    }

    /// Gives back what was granted for an [`Asking`], not what is held for it.
    pub(crate) fn return_grants(
        &mut self,
        rules: &Rules,
        labels: &Labels,
        asking: &Asking,
        grants: &[Grant],
    ) {
        for (missing, grant) in asking.missing.iter().zip(grants) {
            self.buckets.answered(missing.key);
            let Some(rule) = rules.budgets().get(missing.rule) else { continue };
            let epoch = Epoch { window: grant.window, generation: grant.generation };
            self.outbox.settle(missing.key, epoch, || rule.bucket(labels), 0, grant.amount);
        }
    }

    /// The server has not enough for an [`Asking`]: what was held goes back, and the shortage is remembered.
    pub(crate) fn exhausted(
        &mut self,
        host: &dyn Host,
        rules: &Rules,
        labels: &Labels,
        asking: Asking,
        said: &Exhausted,
        exchange: Exchange,
    ) -> Shortage {
        let at = usize::try_from(said.want).unwrap_or(usize::MAX);
        let (rule, need, keep) = asking.missing.get(at).map_or((0, 0, 0), |missing| {
            (missing.rule, missing.need.saturating_add(missing.held), missing.keep)
        });
        let window = rules.budgets().get(rule).map(|rule| &rule.budget.window);
        // Slots of a rolling window end, and nothing comes back with that.
        let renews_in_ms =
            if matches!(window, Some(Window::Rolling { .. })) { u64::MAX } else { said.resets_in_ms };
        let spent_for_good = said.retry_in_ms >= renews_in_ms;
        if let (Some(missing), Some(rule)) = (asking.missing.get(at), rules.budgets().get(rule)) {
            // What a smaller call needs comes back sooner than what this one does.
            let ask_in_ms = match rule.budget.window {
                Window::Refill { .. } | Window::Rolling { .. } => {
                    said.retry_in_ms.min(self.config.tick_ms.into())
                }
                _ => said.retry_in_ms,
            };
            let refused = Refused { need: need.saturating_add(keep), ask_in_ms, spent_for_good };
            self.remember_dry(host, missing.key, || rule.bucket(labels), said, refused, exchange);
        }
        let (of_the_rule, others) = asking.held.parts.into_iter().partition(|part| part.rule == rule);
        self.give_back(host, rules, labels, Reservation { parts: others }, exchange.now);
        if spent_for_good {
            self.give_back(host, rules, labels, Reservation { parts: of_the_rule }, exchange.now);
        } else {
            // Others lack it, too: were it kept here, and what they have kept there, nobody would ever have enough.
            self.return_to_server(rules, labels, Reservation { parts: of_the_rule });
        }
        // What is only held may be spent already, and is reported within a tick: asking sooner finds out nothing, and
        // SDKs try just twice.
        let reported_in_ms = u64::from(self.config.tick_ms).saturating_add(REPORTING_MS);
        let retry_in_ms = if spent_for_good {
            said.retry_in_ms
        } else {
            said.retry_in_ms.max(reported_in_ms).min(renews_in_ms)
        };
        Shortage { rule, limit: said.limit, need, keep, retry_in_ms }
    }

    /// The server can't be asked: the call goes on with what is held and what each budget allows without it, or all of it
    /// goes back.
    pub(crate) fn without_server(
        &mut self,
        host: &dyn Host,
        rules: &Rules,
        labels: &Labels,
        asking: Asking,
        now: u64,
    ) -> Option<Reservation> {
        let Asking { mut held, missing, .. } = asking;
        let short = missing.iter().filter_map(|missing| Some((missing, rules.budgets().get(missing.rule)?)));
        for (&Missing { rule: at, key, need, keep, .. }, rule) in short.clone() {
            let local = match rule.budget.when_unreachable {
                WhenUnreachable::Allow => continue,
                WhenUnreachable::Deny => None,
                WhenUnreachable::Local { permille } => {
                    let share = policy::part(rule.limit(labels).saturating_sub(keep), permille);
                    self.take_local(host, key, rule, share, need, now)
                }
            };
            if local.is_none() {
                self.give_back(host, rules, labels, held, now);
                return None;
            }
            held.parts.push(Part { rule: at, key, epoch: Epoch::default(), amount: need, local });
        }
        short.for_each(|(missing, rule)| self.stats.without_server(&rule.budget, missing.need));
        Some(held)
    }

    /// Undoes a reservation of a call that was not made.
    pub(crate) fn give_back(
        &mut self,
        host: &dyn Host,
        rules: &Rules,
        labels: &Labels,
        held: Reservation,
        now: u64,
    ) {
        for part in held.parts {
            self.release(host, rules, labels, part, 0, now);
        }
    }

    /// Undoes a reservation without keeping any of it in this process.
    fn return_to_server(&mut self, rules: &Rules, labels: &Labels, held: Reservation) {
        for part in held.parts {
            if let Some(rule) = rules.budgets().get(part.rule) {
                self.outbox.settle(part.key, part.epoch, || rule.bucket(labels), 0, part.amount);
            }
        }
    }

    /// Undoes what was held for a call that is not made after all.
    pub(crate) fn abandon(
        &mut self,
        host: &dyn Host,
        rules: &Rules,
        labels: &Labels,
        asking: Asking,
        now: u64,
    ) {
        self.give_back(host, rules, labels, asking.held, now);
    }

    /// Replaces a reservation by what the call consumed, in every budget; by nothing where it has nothing to pay.
    pub(crate) fn settle(
        &mut self,
        host: &dyn Host,
        rules: &Rules,
        labels: &Labels,
        held: Reservation,
        consumed: Option<Consumed>,
        now: u64,
    ) {
        for (at, rule) in rules.budgets().iter().enumerate() {
            let mut spent = consumed.as_ref().map_or(0, |consumed| rule.budget.unit.spent(consumed));
            let parts: Vec<Part> = held.parts.iter().filter(|part| part.rule == at).copied().collect();
            let last = parts.len().saturating_sub(1);
            if parts.is_empty() {
                // Admitted unreserved (the server was away, or the budget only watches): charged where it stands now.
                let key = rule.key(labels, self.seed());
                self.outbox.settle(key, Epoch::default(), || rule.bucket(labels), spent, 0);
            }
            let reserved = parts.iter().fold(0_u64, |sum, part| sum.saturating_add(part.amount));
            if let Some(last) = parts.last()
                && spent > reserved
            {
                let over = spent.saturating_sub(reserved);
                self.stats.overshoot(&rule.budget, over);
                self.cover(host, last.key, last.epoch, over, now);
            }
            for (position, part) in parts.into_iter().enumerate() {
                // More than was reserved is charged with the last part.
                let of_part = if position == last { spent } else { spent.min(part.amount) };
                spent = spent.saturating_sub(of_part);
                self.release(host, rules, labels, part, of_part, now);
            }
        }
    }

    /// Ends one part: `spent` of it is reported, the rest goes back to the lease, or to the server where the lease
    /// it came from is no more.
    fn release(&mut self, host: &dyn Host, rules: &Rules, labels: &Labels, part: Part, spent: u64, now: u64) {
        let unused = part.amount.saturating_sub(spent);
        if let Some(until) = part.local {
            self.settle_local(host, part.key, until, part.amount, spent);
        }
        let credited =
            part.local.is_some() || unused == 0 || self.credit(host, part.key, part.epoch, unused, now);
        let returned = if credited { 0 } else { unused };
        if let Some(rule) = rules.budgets().get(part.rule) {
            // Else nobody would look after what was put back.
            self.buckets.settled(part.key, now, || rule.bucket(labels));
            self.outbox.settle(part.key, part.epoch, || rule.bucket(labels), spent, returned);
        }
    }
}
