//! A quota server for these tests: the protocol's promises in their plainest form, with books that can be read.

use crate::fake::PendingCall;
use policy::Policy;
use prost::Message;
use quota::proto::{
    AcquireRequest, AcquireResponse, Bucket, Exhausted, Grant, LeaseTerm, LedgerEntry,
    Policy as PolicyMessage, SyncRequest, SyncResponse, Want,
};
use std::collections::HashMap;

pub(super) struct Server {
    pub(super) policy: Policy,
    /// A compiled policy that it sends instead, as of another version of the server.
    pub(super) sends: Option<Vec<u8>>,
    buckets: HashMap<(String, Vec<String>, u64), Books>,
    acquired: HashMap<(u64, u64), Vec<Granted>>,
    sequences: HashMap<u64, (u64, Vec<u8>)>,
    ledger: Vec<LedgerEntry>,
    /// What was changed by hand.
    adjusted: Vec<Bucket>,
    /// How much is granted beyond the need, at most.
    pub(super) generosity: u64,
    /// What is used up comes back so soon, if not with the window's end.
    pub(super) frees_in_ms: Option<u64>,
    pub(super) down: bool,
    /// Of the next report, so many entries are of no use.
    pub(super) leaves_out: u32,
    /// The answer is lost on the way back, after all was done.
    pub(super) answers_get_lost: bool,
    pub(super) acquires: u64,
    pub(super) syncs: u64,
}

/// A bucket, its window, and the amount.
type Granted = (Bucket, u64, u64);

#[derive(Debug, Default)]
struct Books {
    /// By hand.
    added: u64,
    used: u64,
    outstanding: u64,
}

const UNAVAILABLE: u32 = 14;

impl Server {
    pub(super) fn new(policy: &str) -> Server {
        Server {
            policy: Policy::from_yaml(policy).expect("a valid policy"),
            sends: None,
            buckets: HashMap::new(),
            acquired: HashMap::new(),
            sequences: HashMap::new(),
            ledger: Vec::new(),
            adjusted: Vec::new(),
            generosity: 2_000,
            frees_in_ms: None,
            down: false,
            leaves_out: 0,
            answers_get_lost: false,
            acquires: 0,
            syncs: 0,
        }
    }

    pub(super) fn answer(&mut self, call: &PendingCall, now: u64) -> Result<Vec<u8>, u32> {
        if self.down {
            return Err(UNAVAILABLE);
        }
        let answer = match call.method.as_str() {
            "Acquire" => self.acquire(&AcquireRequest::decode(call.message.as_slice()).unwrap(), now),
            "Sync" => self.sync(&SyncRequest::decode(call.message.as_slice()).unwrap(), now),
            other => panic!("no such method: {other}"),
        };
        if self.answers_get_lost { Err(UNAVAILABLE) } else { Ok(answer) }
    }

    /// Somebody adds to the limit of a tenant's bucket.
    pub(super) fn top_up(&mut self, budget: &str, tenant: &str, amount: u64, now: u64) {
        let window = self.policy.budget(budget).expect("a known budget").window.at(now).0;
        let bucket = Bucket { budget: budget.to_owned(), subject: vec![tenant.to_owned()] };
        self.buckets.entry((bucket.budget.clone(), bucket.subject.clone(), window)).or_default().added +=
            amount;
        self.adjusted.push(bucket);
    }

    /// Tokens charged to a budget's bucket, over all windows.
    pub(super) fn used(&self, budget: &str, tenant: &str) -> u64 {
        self.of(budget, tenant).map(|books| books.used).sum()
    }

    /// Tokens granted and neither spent nor returned.
    pub(super) fn outstanding(&self, budget: &str, tenant: &str) -> u64 {
        self.of(budget, tenant).map(|books| books.outstanding).sum()
    }

    fn of<'a>(&'a self, budget: &'a str, tenant: &'a str) -> impl Iterator<Item = &'a Books> {
        self.buckets
            .iter()
            .filter(move |((name, subject, _), _)| {
                name == budget && subject.first().is_some_and(|value| value == tenant)
            })
            .map(|(_, books)| books)
    }

    /// What the ledger holds of a tenant's calls that ended so.
    pub(super) fn ledger(&self, tenant: &str, outcome: &str) -> Option<LedgerEntry> {
        self.ledger
            .iter()
            .filter(|row| row.dimensions[0] == tenant && row.outcome == outcome)
            .cloned()
            .reduce(|mut sum, row| {
                sum.requests += row.requests;
                sum.cost_pico_usd += row.cost_pico_usd;
                sum.tokens.iter_mut().zip(&row.tokens).for_each(|(sum, tokens)| *sum += tokens);
                sum
            })
    }

    fn term() -> Option<LeaseTerm> {
        Some(LeaseTerm { generation: 1, ttl_ms: 60_000 })
    }

    fn policy_for(&self, version: &str) -> Option<PolicyMessage> {
        if let Some(compiled) = &self.sends {
            return Some(PolicyMessage { version: "another".to_owned(), compiled: compiled.clone() });
        }
        (version != self.policy.version)
            .then(|| PolicyMessage { version: self.policy.version.clone(), compiled: self.policy.compiled() })
    }

    fn acquire(&mut self, request: &AcquireRequest, now: u64) -> Vec<u8> {
        self.acquires += 1;
        let mut answer = AcquireResponse {
            policy: self.policy_for(&request.policy_version),
            term: Server::term(),
            ..Default::default()
        };
        let worker = request.reporter.as_ref().unwrap().worker;
        let short = request.wants.iter().position(|want| {
            let (free, _) = self.free(want, now);
            want.need + want.keep.saturating_sub(want.in_hand) > free
        });
        match short {
            Some(at) => answer.exhausted = Some(self.exhausted(&request.wants[at], at, now)),
            None => {
                for want in &request.wants {
                    let grant = self.grant(want, now);
                    let taken = (want.bucket.clone().unwrap(), grant.window, grant.amount);
                    self.acquired.entry((worker, request.number)).or_default().push(taken);
                    answer.grants.push(grant);
                }
            }
        }
        answer.encode_to_vec()
    }

    fn exhausted(&mut self, want: &Want, at: usize, now: u64) -> Exhausted {
        let (remaining, (window, end)) = self.free(want, now);
        let limit = self.limit(want) + self.books(want, window).added;
        let used = self.books(want, window).used;
        let adjustments = self.adjusted.len() as u64;
        let resets_in_ms = end - now;
        let unused = limit.saturating_sub(used);
        let frees_in_ms = self.frees_in_ms.unwrap_or(resets_in_ms);
        let retry_in_ms = if want.need + want.held + want.keep > unused { frees_in_ms } else { 250 };
        let gives_way = want.keep > 0 && want.need <= remaining;
        let want = u32::try_from(at).unwrap();
        Exhausted {
            want,
            limit,
            remaining,
            resets_in_ms,
            retry_in_ms,
            window,
            unused,
            gives_way,
            adjustments,
        }
    }

    fn books(&mut self, want: &Want, window: u64) -> &mut Books {
        let bucket = want.bucket.clone().unwrap();
        self.buckets.entry((bucket.budget, bucket.subject, window)).or_default()
    }

    fn free(&mut self, want: &Want, now: u64) -> (u64, (u64, u64)) {
        let budget =
            self.policy.budget(&want.bucket.as_ref().unwrap().budget).expect("a known budget").clone();
        let window = budget.window.at(now);
        let books = self.books(want, window.0);
        let (held, added) = (books.used + books.outstanding, books.added);
        ((self.limit(want) + added).saturating_sub(held), window)
    }

    fn limit(&self, want: &Want) -> u64 {
        let bucket = want.bucket.as_ref().unwrap();
        let budget = self.policy.budget(&bucket.budget).expect("a known budget");
        budget.limit_of(bucket.subject.iter().map(String::as_str))
    }

    fn grant(&mut self, want: &Want, now: u64) -> Grant {
        let (free, (window, end)) = self.free(want, now);
        let limit = self.limit(want) + self.books(want, window).added;
        let amount =
            want.need + self.generosity.min((free - want.need - want.keep.saturating_sub(want.in_hand)) / 2);
        let books = self.books(want, window);
        books.outstanding += amount;
        assert!(amount == 0 || books.used + books.outstanding <= limit, "the test's own server overspends");
        Grant { amount, window, resets_in_ms: end - now, limit, remaining: free - amount, generation: 1 }
    }

    fn sync(&mut self, request: &SyncRequest, now: u64) -> Vec<u8> {
        self.syncs += 1;
        let worker = request.reporter.as_ref().unwrap().worker;
        if let Some((sequence, answer)) = self.sequences.get(&worker) {
            if *sequence == request.sequence {
                return answer.clone();
            }
            assert_eq!(request.sequence, sequence + 1, "a report was skipped");
        }
        for settled in &request.settled {
            let bucket = settled.bucket.clone().unwrap();
            let window = if settled.window == 0 {
                self.policy.budget(&bucket.budget).unwrap().window.at(now).0
            } else {
                settled.window
            };
            let books = self.buckets.entry((bucket.budget, bucket.subject, window)).or_default();
            books.used += settled.spent;
            // Window 0: nothing was held.
            let held = if settled.window == 0 { 0 } else { settled.spent + settled.returned };
            books.outstanding = books.outstanding.saturating_sub(held);
        }
        for number in &request.unanswered {
            for (bucket, window, amount) in self.acquired.remove(&(worker, *number)).unwrap_or_default() {
                self.buckets.get_mut(&(bucket.budget, bucket.subject, window)).unwrap().outstanding -= amount;
            }
        }
        self.ledger.extend(request.ledger.iter().cloned());
        let refills = request.refills.iter().map(|want| self.grant(want, now)).collect();
        let policy = self.policy_for(&request.policy_version);
        let last = self.adjusted.len() as u64;
        let any = request.adjustments == 0 && last > 0;
        let adjusted = if any {
            Vec::new()
        } else {
            self.adjusted[usize::try_from(request.adjustments).unwrap()..].to_vec()
        };
        let answer = SyncResponse {
            refills,
            policy,
            term: Server::term(),
            left_out: std::mem::take(&mut self.leaves_out),
            left_out_because: "settled.spent: 2^62 or more".to_owned(),
            adjustments: last,
            adjusted,
            any_adjusted: any,
        }
        .encode_to_vec();
        self.sequences.insert(worker, (request.sequence, answer.clone()));
        answer
    }
}
