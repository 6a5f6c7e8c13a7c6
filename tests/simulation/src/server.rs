//! A quota server: the real service over the real store, by a clock of its own.

use crate::bug::Bug;
use crate::stores::Opened;
use prost::Message;
use quota::proto::{AcquireRequest, Reporter, SyncRequest, SyncResponse};
use quota_server::live_policy::LivePolicy;
use quota_server::metrics::Metrics;
use quota_server::proto::quota::quota_server::Quota;
use quota_server::service::{Core, QuotaService};
use quota_server::store::Error;
use quota_server::store::audit::{Adjusted, Adjustment};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use tonic::{Request, Status};

pub(crate) struct Server {
    service: QuotaService,
    pub(crate) store: Opened,
    /// In the middle of an operation.
    busy: Cell<bool>,
    now: Arc<AtomicU64>,
    pub(crate) up: Cell<bool>,
    /// Whether the leases of some process have lapsed here.
    pub(crate) lapsed: Cell<bool>,
    /// How far this server's clock is ahead of one that is right.
    pub(crate) ahead_ms: Cell<u64>,
    bug: Option<Bug>,
    /// For bugs: how often each worker's messages have come, and which generations its process has seen.
    came: RefCell<BTreeMap<(u64, u64, u64), u64>>,
    generations: RefCell<BTreeMap<u64, u32>>,
}

impl Server {
    pub(crate) fn new(store: Opened, policy: policy::Policy, ahead_ms: u64, bug: Option<Bug>) -> Server {
        let now = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&now);
        let core = Core {
            store: store.store(),
            policy: LivePolicy::of(policy),
            metrics: Metrics::default(),
            clock: Box::new(move || clock.load(Ordering::Relaxed)),
        };
        Server {
            service: QuotaService(Arc::new(core)),
            store,
            busy: Cell::new(false),
            now,
            up: Cell::new(true),
            lapsed: Cell::new(false),
            ahead_ms: Cell::new(ahead_ms),
            bug,
            came: RefCell::default(),
            generations: RefCell::default(),
        }
    }

    /// Its clock, where one that is right says `now`.
    pub(crate) fn clock(&self, now: u64) -> u64 {
        now + self.ahead_ms.get()
    }

    /// Whether it is not in the middle of an operation.
    pub(crate) fn is_free(&self) -> bool {
        !self.busy.get()
    }

    fn busily<T>(&self, operation: impl FnOnce() -> T) -> T {
        self.busy.set(true);
        let done = operation();
        self.busy.set(false);
        done
    }

    /// It begins, `now` by a clock that is right.
    pub(crate) fn takes_up(&self, now: u64) -> Result<(), Error> {
        self.busily(|| self.store.taken_up(self.clock(now)))
    }

    pub(crate) fn core(&self) -> &Core {
        &self.service.0
    }

    pub(crate) fn sweep(&self, now: u64) -> Result<(), Error> {
        self.now.store(self.clock(now), Ordering::Relaxed);
        let core = self.core();
        let swept = self.busily(|| at_once(core.store.sweep(core.moment())));
        self.lapsed.set(self.lapsed.get() || swept?.lapsed > 0);
        Ok(())
    }

    /// Changes a bucket by hand.
    pub(crate) fn adjust(&self, now: u64, mut asked: Adjustment) -> Result<Option<Adjusted>, Error> {
        self.now.store(self.clock(now), Ordering::Relaxed);
        if self.bug == Some(Bug::AdjustsAgain) {
            asked.key = now.to_string();
        }
        let core = self.core();
        self.busily(|| at_once(core.store.adjust(core.moment(), asked)))
    }

    pub(crate) fn acquire(&self, now: u64, mut request: AcquireRequest) -> Result<Vec<u8>, Status> {
        self.now.store(self.clock(now), Ordering::Relaxed);
        if self.bug == Some(Bug::RepeatGrantsAgain) {
            request.number += self.times_before(request.reporter.as_ref(), request.number) << 32;
        }
        if self.bug == Some(Bug::NothingIsKept) {
            request.wants.iter_mut().for_each(|want| want.keep = 0);
        }
        let epoch = epoch(request.reporter.as_ref());
        let answer = self.busily(|| at_once(self.service.acquire(Request::new(request))))?.into_inner();
        self.seen(epoch, answer.term.map_or(0, |term| term.generation));
        Ok(answer.encode_to_vec())
    }

    pub(crate) fn sync(&self, now: u64, mut request: SyncRequest) -> Result<Vec<u8>, Status> {
        self.now.store(self.clock(now), Ordering::Relaxed);
        let epoch = epoch(request.reporter.as_ref());
        match self.bug {
            // Every message counts as the worker's next.
            Some(Bug::SequenceUnchecked) => {
                request.sequence = self.times_before(request.reporter.as_ref(), u64::MAX) + 1;
            }
            Some(Bug::AnswersBeforeItKeeps) if request.sequence.is_multiple_of(7) => {
                return Ok(SyncResponse::default().encode_to_vec());
            }
            // It does not find the account in which the loss stands.
            Some(Bug::WriteOffKept) => {
                let newest = self.generations.borrow().get(&epoch).copied().unwrap_or(0);
                let old = request.settled.iter_mut().filter(|settled| settled.generation < newest);
                old.for_each(|settled| settled.generation = u32::MAX);
            }
            _ => {}
        }
        let answer = self.busily(|| at_once(self.service.sync(Request::new(request))))?.into_inner();
        self.seen(epoch, answer.term.map_or(0, |term| term.generation));
        Ok(answer.encode_to_vec())
    }

    fn times_before(&self, reporter: Option<&Reporter>, number: u64) -> u64 {
        let worker = reporter.map_or(0, |reporter| reporter.worker);
        let mut came = self.came.borrow_mut();
        let times = came.entry((epoch(reporter), worker, number)).or_default();
        *times += 1;
        *times - 1
    }

    fn seen(&self, epoch: u64, generation: u32) {
        self.lapsed.set(self.lapsed.get() || generation > 1);
        let mut generations = self.generations.borrow_mut();
        let newest = generations.entry(epoch).or_default();
        *newest = generation.max(*newest);
    }
}

fn epoch(reporter: Option<&Reporter>) -> u64 {
    reporter.map_or(0, |reporter| reporter.epoch)
}

/// The result of what never waits.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("a store in memory has nothing to wait for"),
    }
}
