//! One Envoy process: the real filter in each worker, over shared data and a clock of the process's own.

use filter::fake::{PendingCall, Process, Worker};
use filter::host::CallId;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

pub(crate) struct Envoy {
    pub(crate) node: usize,
    pub(crate) process: Rc<Process>,
    pub(crate) workers: Vec<RefCell<Worker>>,
    pub(crate) alive: Cell<bool>,
    /// How far its clock is ahead of one that is right.
    pub(crate) ahead_ms: Cell<i64>,
    /// How long its machine has been suspended in all, and until when it is.
    slept_ms: Cell<u64>,
    asleep_until: Cell<u64>,
    /// Calls to the server that each worker waits for.
    pub(crate) waiting: RefCell<BTreeMap<(usize, u32), PendingCall>>,
}

impl Envoy {
    pub(crate) fn start(
        node: usize,
        workers: usize,
        tick_ms: u64,
        ahead_ms: i64,
        now: u64,
        seed: u64,
    ) -> Envoy {
        let process = Process::seeded(now.saturating_add_signed(ahead_ms), seed);
        let configuration = format!(r#"{{"quota_cluster":"tollkeeper","tick_ms":{tick_ms}}}"#);
        let worker = |_| {
            let worker = Worker::on_node(&format!("node-{node}"), &process, &configuration);
            RefCell::new(worker.expect("a valid configuration"))
        };
        let workers = (0..workers).map(worker).collect();
        let waiting = RefCell::default();
        Envoy {
            node,
            process,
            workers,
            alive: Cell::new(true),
            ahead_ms: Cell::new(ahead_ms),
            slept_ms: Cell::default(),
            asleep_until: Cell::default(),
            waiting,
        }
    }

    pub(crate) fn set_clock(&self, now: u64) {
        self.process.now_ms.set(now.saturating_add_signed(self.ahead_ms.get()));
        self.process.monotonic_ms.set(Some(self.steady_ms(now)));
    }

    /// The clock that only goes forward, and stands still while the machine is suspended.
    pub(crate) fn steady_ms(&self, now: u64) -> u64 {
        now - (self.slept_ms.get() - self.sleeps_for(now))
    }

    pub(crate) fn suspend(&self, now: u64, ms: u64) {
        self.slept_ms.set(self.slept_ms.get() - self.sleeps_for(now) + ms);
        self.asleep_until.set(now + ms);
    }

    pub(crate) fn sleeps_for(&self, now: u64) -> u64 {
        self.asleep_until.get().saturating_sub(now)
    }

    /// Whether no callback of the worker is running.
    pub(crate) fn is_free(&self, worker: usize) -> bool {
        self.workers[worker].try_borrow_mut().is_ok()
    }

    /// The stream has ended: what it waits for does not reach it any more.
    pub(crate) fn close(&self, worker: usize, context: u32) {
        self.workers[worker].borrow_mut().close(context);
        self.waiting.borrow_mut().retain(|(of, _), call| *of != worker || call.context != context);
    }

    pub(crate) fn awaits(&self, worker: usize, call: CallId) -> Option<PendingCall> {
        self.waiting.borrow_mut().remove(&(worker, call.0))
    }
}
