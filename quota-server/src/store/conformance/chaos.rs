//! Whole lives of processes over a bad network, from a seed: every call is charged once, whatever is lost, late or repeated.

use super::*;
use crate::store::Store;
use quota::proto::{Grant, LeaseTerm};
use std::collections::BTreeMap;

/// No network keeps a message longer; a store need not remember withdrawn ones longer.
const LATEST: u64 = 600_000;

/// A worker that does what a filter does: holds grants, spends out of them, reports, and asks again when unanswered.
struct Worker {
    reporter: Reporter,
    number: u64,
    sequence: u64,
    /// By window and generation: what it may still spend or return.
    held: BTreeMap<(u64, u32), u64>,
    unsaid: BTreeMap<(u64, u32), (u64, u64)>,
    /// Sent, perhaps applied, not yet answered: goes out again unchanged.
    pending: Option<SyncRequest>,
    unanswered: Vec<u64>,
    /// Acquires the network still has, and since when.
    delayed: Vec<(u64, AcquireRequest)>,
    generation: u32,
}

impl Worker {
    fn new(reporter: Reporter) -> Worker {
        Worker {
            reporter,
            number: 0,
            sequence: 0,
            held: BTreeMap::new(),
            unsaid: BTreeMap::new(),
            pending: None,
            unanswered: Vec::new(),
            delayed: Vec::new(),
            generation: 0,
        }
    }

    fn hear(&mut self, term: Option<LeaseTerm>, grants: &[Grant]) {
        self.generation = self.generation.max(term.unwrap().generation);
        for grant in grants {
            *self.held.entry((grant.window, grant.generation)).or_default() += grant.amount;
        }
    }

    async fn acquire(&mut self, store: &Arc<dyn Store>, now: u64, dice: &mut Dice) {
        self.number += 1;
        let need = 1 + dice.roll(60);
        let request =
            acquire(self.reporter.clone(), self.number, vec![want("tokens", &["acme"], need, dice.roll(40))]);
        match dice.roll(6) {
            // Lost on the way, or delayed until after the worker gave up.
            0 => self.unanswered.push(self.number),
            1 => {
                self.unanswered.push(self.number);
                self.delayed.push((now, request));
            }
            // The answer is lost.
            2 => {
                store.acquire(at(now), request).await.unwrap();
                self.unanswered.push(self.number);
            }
            _ => {
                if let Acquired::Granted(answer) = store.acquire(at(now), request).await.unwrap() {
                    self.hear(answer.term, &answer.grants);
                }
            }
        }
    }

    /// Spends some of what is good now, as calls that end before the next tick. Answers by window what was spent.
    fn spend(&mut self, now: u64, dice: &mut Dice, truth: &mut BTreeMap<u64, u64>) {
        let window = now - now % HOUR;
        let key = (window, self.generation);
        if let Some(held) = self.held.get_mut(&key) {
            let amount = dice.roll(*held + 1);
            *held -= amount;
            self.unsaid.entry(key).or_default().0 += amount;
            *truth.entry(window).or_default() += amount;
        }
    }

    /// Everything that can't be spent any more, or all of it at the end, goes back.
    fn give_back(&mut self, now: u64, all: bool) {
        let (window, generation) = (now - now % HOUR, self.generation);
        for (&key, held) in &mut self.held {
            if all || key != (window, generation) {
                self.unsaid.entry(key).or_default().1 += std::mem::take(held);
            }
        }
    }

    async fn tick(&mut self, store: &Arc<dyn Store>, now: u64, dice: &mut Dice, lossy: bool) {
        if self.pending.is_none() {
            self.sequence += 1;
            let settled =
                std::mem::take(&mut self.unsaid).into_iter().map(|((window, generation), (spent, back))| {
                    Settled { window, ..settled("tokens", generation, spent, back) }
                });
            self.pending = Some(SyncRequest {
                settled: settled.collect(),
                unanswered: std::mem::take(&mut self.unanswered),
                refills: vec![want("tokens", &["acme"], 0, dice.roll(30))],
                ..sync(self.reporter.clone(), self.sequence)
            });
        }
        let request = self.pending.clone().unwrap();
        if lossy && dice.roll(4) == 0 {
            return;
        }
        let answer = match store.sync(at(now), request).await.unwrap() {
            Synced::Applied { answer, skipped: 0, overshoots } if overshoots.is_empty() => answer,
            Synced::Repeated(answer) => answer,
            other => panic!("{other:?}"),
        };
        if lossy && dice.roll(4) == 0 {
            return;
        }
        self.pending = None;
        self.hear(answer.term, &answer.refills);
    }
}

pub(crate) async fn lost_late_and_repeated_messages_charge_each_call_once(kind: impl Kind) {
    let mut store = kind.open(T0);
    for seed in 0..5 {
        // Each life in hours of its own.
        let start = T0 + seed * 100 * HOUR;
        live(&kind, &mut store, start, seed).await;
    }
}

async fn live(kind: &impl Kind, store: &mut Arc<dyn Store>, start: u64, seed: u64) {
    let mut dice = Dice(seed);
    let mut now = start;
    let mut truth = BTreeMap::new();
    let process = |n: u64| Reporter { epoch: seed, ..worker(n, 1) };
    let mut workers: Vec<Worker> =
        (1..=3).flat_map(|n| [process(n), Reporter { worker: 2, ..process(n) }]).map(Worker::new).collect();

    for _ in 0..250 {
        now += match dice.roll(40) {
            0 => TTL + 1,
            1 => HOUR / 2,
            _ => dice.roll(2_000),
        };
        let index = usize::try_from(dice.roll(6)).unwrap();
        let each = &mut workers[index];
        match dice.roll(10) {
            0..=2 => each.acquire(store, now, &mut dice).await,
            3..=5 => each.spend(now, &mut dice, &mut truth),
            6..=7 => {
                each.give_back(now, false);
                each.tick(store, now, &mut dice, true).await;
            }
            8 => {
                store.sweep(at(now)).await.unwrap();
            }
            _ if dice.roll(8) == 0 => {
                store.close().await.unwrap();
                *store = kind.open(now);
            }
            // Only what its worker has declared unanswered to the server is too late.
            _ if each.pending.is_none() && each.unanswered.is_empty() => {
                for (_, late) in
                    std::mem::take(&mut each.delayed).into_iter().filter(|(sent, _)| now - sent < LATEST)
                {
                    assert_eq!(
                        store.acquire(at(now), late).await.unwrap(),
                        Acquired::Withdrawn,
                        "seed {seed}"
                    );
                }
            }
            _ => {}
        }
        for open in store.buckets(start).await.unwrap() {
            let Bucket { used, outstanding, .. } = open.bucket;
            assert!(used + outstanding <= 1000, "seed {seed}: {open:?}");
            let spent = truth.get(&open.window_start).copied().unwrap_or(0);
            assert!(used + outstanding >= spent, "seed {seed}: {spent} spent, {open:?}");
        }
    }
    for each in &mut workers {
        while each.pending.is_some() {
            each.tick(store, now, &mut dice, false).await;
        }
        each.give_back(now, true);
        each.tick(store, now, &mut dice, false).await;
        // The last tick brought a refill; that goes back too, without asking for another.
        each.give_back(now, true);
        each.sequence += 1;
        let last =
            std::mem::take(&mut each.unsaid).into_iter().map(|((window, generation), (spent, back))| {
                Settled { window, ..settled("tokens", generation, spent, back) }
            });
        let last = SyncRequest { settled: last.collect(), ..sync(each.reporter.clone(), each.sequence) };
        applied(store, now, last).await;
    }
    for open in store.buckets(start).await.unwrap() {
        let spent = truth.get(&open.window_start).copied().unwrap_or(0);
        assert_eq!(open.bucket, holding(spent, 0), "seed {seed}: {open:?}");
    }
}
