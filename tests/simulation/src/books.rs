//! What really happened, kept apart from what is tested; and what has to hold between the two.

use crate::kept::{Done, Kept};
use crate::scene::{GPU_MAX_MS, GPUS, OUTPUT_WEIGHT, PROMPT_WEIGHT, Scene};
use crate::server::at_once;
use crate::traffic::Call;
use crate::world::World;
use policy::{Budget, LostLease, Mode, Reserve, Unit, WhenUnreachable, Window, part};
use quota::proto::SyncRequest;
use quota_server::store::OpenBucket;
use quota_server::store::audit::{Action, Adjustment, Entry};
use std::collections::BTreeMap;

/// OpenAI's prices of gpt-4o, pico-USD per token: 2.50 and 10 USD per million.
const INPUT_PRICE: u64 = 2_500_000;
const OUTPUT_PRICE: u64 = 10_000_000;

/// Calls before a process knows what to expect.
const TEACHING: u64 = 30;

/// The tenant whose calls give way to others, where any do.
const GIVES_WAY: u64 = 1;

/// A budget of any version of the policy.
#[derive(Debug)]
struct Rule {
    name: String,
    per_tenant: bool,
    unit: Unit,
    window: Window,
    /// The highest limit that ever was, of the first tenant and of everyone else.
    limits: [u64; 2],
    /// Of a bucket that is refilled: how much it holds, if that is not the limit.
    burst: Option<u64>,
    /// The most that calls of the second tenant may ever have taken, which give way to the others.
    part: Option<u64>,
    /// Whether it may never be overspent, whatever happens.
    hard: bool,
    /// What all shares came to that a process can have had in a window without the server: one under each policy.
    share: Option<u64>,
    /// Whether it holds calls to a number in flight: as long as no process was taken for dead that was not.
    flights: bool,
    /// Whether it reserves what is expected: then calls may spend more than they hold, once enough of them have taught.
    expected: bool,
}

/// Of one budget, by its position, and one subject.
pub(crate) type Place = (usize, String);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bill {
    /// Those that came to nothing, too.
    pub(crate) calls: u64,
    billed: u64,
    pub(crate) consumed: Amounts,
}

/// What budgets count of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    pub(crate) prompt: u64,
    pub(crate) output: u64,
    gpu_ms: u64,
}

impl Amounts {
    /// The most that a call may consume.
    fn most(call: &Call) -> Amounts {
        Amounts { prompt: call.ask.prompt_tokens(), output: call.limit, gpu_ms: GPUS * GPU_MAX_MS }
    }

    /// What it has consumed that is over now.
    fn of(call: &Call, now: u64) -> Amounts {
        let gpu_ms = GPUS * (now - call.forwarded_at);
        Amounts { prompt: call.ask.prompt_tokens(), output: call.output, gpu_ms }
    }

    fn add(&mut self, more: Amounts) {
        self.prompt += more.prompt;
        self.output += more.output;
        self.gpu_ms += more.gpu_ms;
    }
}

#[derive(Debug)]
pub(crate) struct Books {
    rules: Vec<Rule>,
    begins: u64,
    skew_ms: u64,
    /// Those that there have been.
    processes: u64,
    /// A process was silent for so long that its leases lapsed.
    lapsed: bool,
    /// Calls that have ended, whichever way.
    ended: BTreeMap<Place, u64>,
    /// What calls have consumed and those in flight may yet consume.
    committed: BTreeMap<Place, u64>,
    /// The same of calls that give way to others, and the most that processes had in their leases at a time.
    giving_way: BTreeMap<Place, u64>,
    most_outstanding: BTreeMap<Place, u64>,
    /// Whether one worker of one Envoy has everything, and so knows what is left.
    alone: bool,
    /// When the last call went to the provider.
    last_admitted: u64,
    /// What the provider bills, by process and tenant.
    bills: BTreeMap<(usize, u64), Bill>,
    /// Of budgets with a rolling window: when calls were admitted, their numbers, and what they consumed or may yet.
    recent: BTreeMap<Place, Vec<(u64, usize, u64)>>,
    /// Whether clocks can be trusted to tell how long ago that was.
    clocks_agree: bool,
    kept: Kept,
    /// Whose doers were told that they are done: they have to stay so.
    acknowledged: Done,
}

/// The scene's overrides are for the first tenant.
fn limit_of(budget: &Budget, subject: &str) -> u64 {
    match budget.overrides.first() {
        Some(first) if subject == "tenant-0" => first.limit,
        _ => budget.limit,
    }
}

fn burst_of(budget: &Budget) -> Option<u64> {
    match budget.window {
        Window::Refill { burst, .. } => burst,
        _ => None,
    }
}

impl Rule {
    fn limit(&self, subject: &str) -> u64 {
        let [first, others] = self.limits;
        if subject == "tenant-0" { first } else { others }
    }

    /// The most that one of its buckets can hold at a time.
    fn most(&self, subject: &str) -> u64 {
        self.burst.unwrap_or(self.limit(subject))
    }
}

impl Books {
    pub(crate) fn new(scene: &Scene) -> Books {
        let rule = |(at, budget): (usize, &Budget)| Rule {
            name: budget.name.clone(),
            per_tenant: !budget.per.is_empty(),
            unit: budget.unit,
            window: budget.window.clone(),
            limits: ["tenant-0", ""].map(|subject| {
                scene.policies.iter().map(|policy| limit_of(&policy.budgets[at], subject)).max().unwrap_or(0)
            }),
            burst: scene.policies.iter().filter_map(|policy| burst_of(&policy.budgets[at])).max(),
            part: budget.gives_way.first().map(|gives_way| {
                let limits = || scene.policies.iter().map(|policy| policy.budgets[at].limit);
                let keeps = limits().map(|limit| limit - part(limit, gives_way.permille));
                // An Envoy may not have heard yet of a policy that its server goes by.
                limits().max().unwrap_or(0) - keeps.min().unwrap_or(0)
            }),
            share: match budget.when_unreachable {
                WhenUnreachable::Local { permille } => {
                    Some(scene.policies.iter().map(|policy| part(policy.budgets[at].limit, permille)).sum())
                }
                _ => None,
            },
            flights: budget.unit == Unit::ConcurrentRequests,
            expected: budget.reserve != Reserve::WorstCase,
            hard: budget.reserve == Reserve::WorstCase
                && budget.mode == Mode::Enforce
                && budget.when_unreachable == WhenUnreachable::Deny
                && budget.lost_lease == LostLease::Spent,
        };
        Books {
            rules: scene.policies[0].budgets.iter().enumerate().map(rule).collect(),
            begins: scene.begins,
            skew_ms: scene.faults.server_skew_ms,
            processes: 0,
            lapsed: false,
            ended: BTreeMap::new(),
            committed: BTreeMap::new(),
            giving_way: BTreeMap::new(),
            most_outstanding: BTreeMap::new(),
            alone: scene.nodes == 1 && scene.workers == 1,
            last_admitted: scene.begins,
            recent: BTreeMap::new(),
            clocks_agree: scene.faults.server_skew_ms == 0 && scene.faults.suspensions_ms == 0,
            bills: BTreeMap::new(),
            kept: Kept::default(),
            acknowledged: Done::default(),
        }
    }

    fn places(&self, tenant: u64) -> Vec<Place> {
        let subject = |rule: &Rule| if rule.per_tenant { format!("tenant-{tenant}") } else { String::new() };
        self.rules.iter().map(subject).enumerate().collect()
    }

    /// A call goes to the provider. From now on the budgets have to hold all that it may consume.
    pub(crate) fn admitted(&mut self, number: usize, call: &Call, now: u64) -> Result<(), String> {
        if call.limit == u64::MAX {
            return Err("went to the provider without an output limit".to_owned());
        }
        self.processes = self.processes.max(call.envoy as u64 + 1);
        self.last_admitted = now;
        for place in self.places(call.tenant) {
            let rule = &self.rules[place.0];
            let (limit, whole) = (rule.limit(&place.1), rule.most(&place.1));
            let committed = self.committed.entry(place.clone()).or_default();
            let most = held(rule.unit, &Amounts::most(call));
            *committed += most;
            // Windows that any server may have been in.
            let windows = windows(&rule.window, self.begins, now + self.skew_ms);
            let drained = drains(&rule.window, limit, now + self.skew_ms - self.begins);
            let none_has_taught = self.ended.get(&place).copied().unwrap_or(0) < TEACHING;
            // By its own clock a process is in other windows, and may see one more.
            let own_windows = match rule.window {
                Window::Refill { ms, .. } => (now - self.begins) / ms + 2,
                _ => windows + 1,
            };
            let own = rule.share.map(|share| share * own_windows * self.processes);
            let is_kept = rule.hard
                || (rule.flights && !self.lapsed)
                || (rule.expected && none_has_taught)
                || own.is_some();
            let own = own.unwrap_or(0);
            let by_hand = self.kept.by_hand(&place);
            if is_kept && *committed > whole * windows + drained + own + by_hand {
                let name = &rule.name;
                return Err(format!(
                    "overspends {name} of {place:?}: {committed} of {windows} times {whole}, {drained}, {own} and {by_hand}"
                ));
            }
            if let Some(part) = rule.part.filter(|_| call.tenant == GIVES_WAY) {
                let taken = self.giving_way.entry(place.clone()).or_default();
                *taken += most;
                // What others have taken is known as of the server's last answer.
                let in_hand = self.most_outstanding.get(&place).copied().filter(|_| !self.alone).unwrap_or(0);
                if *taken > (part + in_hand) * windows + drained + by_hand {
                    let name = &rule.name;
                    return Err(format!(
                        "calls that give way have {taken} of {name}: {windows} times {part} and {in_hand} in leases"
                    ));
                }
            }
            if let Window::Refill { .. } = rule.window {
                let recent = self.recent.entry(place.clone()).or_default();
                recent.push((now, number, most));
                let mut within = 0;
                for (at, _, amount) in recent.iter().rev() {
                    within += amount;
                    let drained = drains(&rule.window, limit, now - at);
                    if rule.hard && self.clocks_agree && within > whole + drained + by_hand {
                        let (name, ms) = (&rule.name, now - at);
                        return Err(format!(
                            "{within} of {name} of {place:?} within {ms} ms: {whole} and {drained} allowed"
                        ));
                    }
                }
            }
            if let Window::Rolling { ms } = rule.window {
                let recent = self.recent.entry(place.clone()).or_default();
                recent.push((now, number, most));
                recent.retain(|(at, ..)| at + ms > now);
                let within: u64 = recent.iter().map(|(.., amount)| amount).sum();
                if rule.hard && self.clocks_agree && within > limit + by_hand {
                    let name = &rule.name;
                    return Err(format!("{within} of {name} of {place:?} within {ms} ms, {limit} allowed"));
                }
            }
        }
        Ok(())
    }

    /// A call is over; the provider bills what it did, or nothing.
    pub(crate) fn ended(&mut self, number: usize, call: &Call, billed: bool, now: u64) {
        let consumed_in_all = Amounts::of(call, now);
        for place in self.places(call.tenant) {
            let unit = self.rules[place.0].unit;
            let consumed = if billed { spent(unit, 1, &consumed_in_all) } else { 0 };
            let recent = self.recent.get_mut(&place).into_iter().flatten();
            recent.filter(|(_, of, _)| *of == number).for_each(|(.., amount)| *amount = consumed);
            *self.ended.entry(place.clone()).or_default() += 1;
            let of_all = self.committed.get_mut(&place);
            let of_some = self.giving_way.get_mut(&place).filter(|_| call.tenant == GIVES_WAY);
            for committed in of_all.into_iter().chain(of_some) {
                *committed -= held(unit, &Amounts::most(call));
                *committed += consumed;
            }
        }
        let bill = self.bills.entry((call.envoy, call.tenant)).or_default();
        bill.calls += 1;
        if billed {
            bill.billed += 1;
            bill.consumed.add(consumed_in_all);
        }
    }

    /// A bucket was changed by hand.
    pub(crate) fn adjusted(&mut self, asked: &Adjustment, made: &Entry) {
        let by = match asked.action {
            Action::TopUp(amount) => amount,
            Action::Reset => made.before.used,
        };
        if self.kept.done.adjustments.insert(asked.key.clone()) {
            *self.kept.adjusted.entry((asked.budget, asked.subject.concat())).or_default() += by;
        }
    }

    pub(crate) fn kept(&self) -> Kept {
        self.kept.clone()
    }

    /// Somebody was told that it is done.
    pub(crate) fn acknowledged_report(&mut self, envoy: usize, worker: usize, sequence: u64) {
        self.acknowledged.reports.insert((envoy, worker, sequence));
    }

    pub(crate) fn acknowledged_adjustment(&mut self, key: &str) {
        self.acknowledged.adjustments.insert(key.to_owned());
    }

    /// The store has only what it had before. Nothing that was acknowledged is lost with the rest.
    pub(crate) fn fell_back(&mut self, before: Kept) -> Result<(), String> {
        self.kept = before;
        self.acknowledged.is_all_in(&self.kept.done)
    }

    fn lapsed(&mut self) {
        self.lapsed = true;
    }

    /// A server has taken a report.
    pub(crate) fn told(&mut self, envoy: usize, worker: usize, report: &SyncRequest) {
        let rule = |name: &str| self.rules.iter().position(|rule| rule.name == name);
        self.kept.take_report(envoy, worker, report, rule);
    }

    /// After each of the server's operations: nothing is granted beyond the limit in force, and the books hold what
    /// reports said, each once.
    fn check_store(&mut self, open: &[OpenBucket], budgets: &[Budget]) -> Result<(), String> {
        let mut reported: BTreeMap<Place, u64> = BTreeMap::new();
        let mut adjusted: BTreeMap<Place, u64> = BTreeMap::new();
        for open in open {
            let Some(rule) = self.rules.iter().position(|rule| rule.name == open.budget) else { continue };
            let place = (rule, open.subject.concat());
            let held = open.bucket.used + open.bucket.outstanding;
            let budget = budgets.iter().find(|budget| budget.name == open.budget);
            let limit = budget.map_or(0, |budget| budget.most_at_once(limit_of(budget, &place.1)));
            let limit = match self.rules[rule].window {
                // What was added in one slot may be had in the next.
                Window::Rolling { .. } => limit + self.kept.by_hand(&place),
                _ => open.bucket.allowance(limit),
            };
            let most_outstanding = self.most_outstanding.entry(place.clone()).or_default();
            *most_outstanding = open.bucket.outstanding.max(*most_outstanding);
            let before = self.kept.last.insert((place.clone(), open.window_start), held).unwrap_or(0);
            if self.rules[rule].hard && held > before && held > limit {
                return Err(format!("{open:?} has grown beyond its limit of {limit}"));
            }
            // What was used has drained in part, and so has what was lost.
            if let Window::Refill { .. } = self.rules[rule].window {
                continue;
            }
            *adjusted.entry(place.clone()).or_default() += open.bucket.raised + open.bucket.forgiven;
            let told = open.bucket.used.checked_sub(open.lost);
            *reported.entry(place).or_default() +=
                told.ok_or_else(|| format!("more lost than used: {open:?}"))?;
        }
        let drains = |rule: usize| matches!(self.rules[rule].window, Window::Refill { .. });
        adjusted.retain(|_, amount| *amount > 0);
        let by_hand = self.kept.adjusted.iter().filter(|(place, amount)| **amount > 0 && !drains(place.0));
        if !adjusted.iter().eq(by_hand) {
            return Err(format!(
                "{:?} was added or forgiven, the store holds {adjusted:?}",
                self.kept.adjusted
            ));
        }
        reported.retain(|_, amount| *amount > 0);
        let told = self.kept.told.iter().filter(|(place, amount)| **amount > 0 && !drains(place.0));
        let told: BTreeMap<_, _> = told.collect();
        if !reported.iter().eq(told.iter().map(|(place, amount)| (*place, *amount))) {
            return Err(format!("the store has been told {told:?} and holds {reported:?}"));
        }
        Ok(())
    }

    /// When everything has ended and been reported: the store, the provider and the ledger agree. What dead processes had
    /// not said was paid for.
    fn check_end(&self, open: &[OpenBucket], living: impl Fn(usize) -> bool) -> Result<(), String> {
        for (&(envoy, tenant), bill) in &self.bills {
            let rows = self.kept.told_rows.get(&(envoy, tenant)).copied().unwrap_or_default();
            // The ledger has no time of GPUs.
            let consumed = Amounts { gpu_ms: bill.consumed.gpu_ms, ..rows.consumed };
            let rows = Bill { billed: bill.billed, consumed, ..rows };
            let known = rows.calls <= bill.calls
                && consumed.prompt <= bill.consumed.prompt
                && consumed.output <= bill.consumed.output;
            if !known || (living(envoy) && rows != *bill) {
                return Err(format!(
                    "envoy {envoy}, tenant {tenant}: billed {bill:?}, in the ledger {rows:?}"
                ));
            }
            for place in self.places(tenant).into_iter().filter(|(rule, _)| self.rules[*rule].per_tenant) {
                let owed = spent(self.rules[place.0].unit, bill.billed, &bill.consumed);
                let told = self.kept.told_by.get(&(envoy, place.clone())).copied().unwrap_or(0);
                if told > owed || (living(envoy) && told != owed) {
                    return Err(format!("envoy {envoy}: {place:?} is billed {owed}, told {told}"));
                }
            }
        }
        for (place, &spent) in &self.committed {
            let rule = &self.rules[place.0];
            let of_place =
                open.iter().filter(|open| open.budget == rule.name && open.subject.concat() == place.1);
            let used: u64 = of_place.map(|open| open.bucket.used).sum();
            let drains = matches!(rule.window, Window::Refill { .. });
            if rule.hard && !drains && used < spent {
                return Err(format!("{place:?}: {spent} spent, {used} paid for"));
            }
        }
        Ok(())
    }

    /// What budgets that reserve what is expected were overspent by, as far as it was said: no more than calls went beyond
    /// what they held.
    fn check_overshoot(&self, said: impl Fn(&str) -> u64) -> Result<(), String> {
        // A call that waited for the server may have come into one more window.
        let until = self.last_admitted;
        for ((rule, subject), &spent) in
            self.committed.iter().filter(|((rule, _), _)| self.rules[*rule].expected)
        {
            let Rule { name, window, .. } = &self.rules[*rule];
            let limit = self.rules[*rule].limit(subject);
            let windows = windows(window, self.begins, until + self.skew_ms);
            let drained = drains(window, limit, until + self.skew_ms - self.begins);
            let said = said(name);
            let by_hand = self.kept.by_hand(&(*rule, subject.clone()));
            if spent > limit * windows + drained + said + by_hand {
                return Err(format!(
                    "{name} of {subject:?}: {spent} of {windows} times {limit}, {said} said to be over"
                ));
            }
        }
        Ok(())
    }
}

/// How much comes back in so long.
fn drains(window: &Window, limit: u64, elapsed_ms: u64) -> u64 {
    match window {
        Window::Refill { ms, .. } => (limit * elapsed_ms).div_ceil(*ms),
        _ => 0,
    }
}

/// How many windows there are between two moments, those that they are in included.
fn windows(window: &Window, from: u64, to: u64) -> u64 {
    let mut at = window.at(from);
    let mut count = 1;
    while at.1 <= to {
        at = window.at(at.1);
        count += 1;
    }
    count
}

/// What calls have spent, so many of them.
fn spent(unit: Unit, calls: u64, of: &Amounts) -> u64 {
    match unit {
        Unit::Requests => calls,
        Unit::ConcurrentRequests => 0,
        Unit::Tokens => of.prompt + of.output,
        Unit::TokensOf(classes) if classes.has_input() => of.prompt,
        Unit::TokensOf(_) => of.output,
        Unit::Weighted(_) => of.prompt * PROMPT_WEIGHT + of.output * OUTPUT_WEIGHT,
        Unit::PicoUsd => of.prompt * INPUT_PRICE + of.output * OUTPUT_PRICE,
        Unit::GpuMs => of.gpu_ms,
    }
}

/// What a call holds while it runs.
fn held(unit: Unit, most: &Amounts) -> u64 {
    match unit {
        Unit::ConcurrentRequests => 1,
        unit => spent(unit, 1, most),
    }
}

impl World {
    pub(crate) fn check_store(&self, server: usize) {
        // Where nobody is told whether a lease has lapsed, it may have.
        if self.servers[server].lapsed.get() || self.lags() {
            self.books.borrow_mut().lapsed();
        }
        let open = at_once(self.store.buckets(0)).expect("a store in memory");
        let current = self.servers[server].core().policy.current();
        let checked = self.books.borrow_mut().check_store(&open, &current.policy.budgets);
        self.hold(checked);
    }

    pub(crate) fn check_end(&self) {
        let open = at_once(self.store.buckets(0)).expect("a store in memory");
        let living = |envoy: usize| self.envoys.borrow()[envoy].alive.get();
        if self.in_flight() > 0 {
            self.fail(format!("{} calls never ended", self.in_flight()));
        }
        self.hold(self.books.borrow().check_end(&open, living));
        self.check_ledger();
        let none_died = self.envoys.borrow().iter().all(|envoy| envoy.alive.get());
        if none_died {
            let said = |budget: &str| {
                let stat = format!("budget=.={budget};.;tollkeeper_overshoot_total");
                self.envoys.borrow().iter().map(|envoy| envoy.process.metric(&stat)).sum()
            };
            self.hold(self.books.borrow().check_overshoot(said));
        }
        let stranded = |open: &&OpenBucket| open.bucket.outstanding > 0 || (none_died && open.lost > 0);
        if let Some(stranded) = open.iter().find(stranded) {
            self.fail(format!("nobody holds it any more: {stranded:?}"));
        }
    }

    /// The ledger is the sum of the reports, in calls and tokens.
    fn check_ledger(&self) {
        let books = self.books.borrow();
        let sum = |pick: fn(&Bill) -> u64| books.kept.told_rows.values().map(pick).sum::<u64>();
        let told =
            [sum(|bill| bill.calls), sum(|bill| bill.consumed.prompt), sum(|bill| bill.consumed.output)];
        let rows = at_once(self.store.ledger(0)).expect("a store in memory");
        let rows: Vec<_> = rows.iter().filter(|row| !row.key.outcome.starts_with("refused")).collect();
        let held = [
            rows.iter().map(|row| row.sums.requests).sum(),
            rows.iter().map(|row| row.sums.tokens[0]).sum(),
            rows.iter().map(|row| row.sums.tokens[6]).sum::<u64>(),
        ];
        if told != held {
            self.fail(format!("the ledger was told {told:?} (calls, prompt, output) and holds {held:?}"));
        }
    }
}
