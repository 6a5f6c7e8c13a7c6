//! Events and their order.

use crate::books::Books;
use crate::bug::{Between, Bug};
use crate::dice::Dice;
use crate::envoy::Envoy;
use crate::kept::Kept;
use crate::network::Message;
use crate::replica::Replicated;
use crate::scene::Scene;
use crate::server::Server;
use crate::stores;
use crate::traffic::Call;
use filter::host::CallId;
use quota_server::store::Store;
use quota_server::store::audit::Adjustment;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// What did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub seed: u64,
    /// Virtual time since the beginning.
    pub at_ms: u64,
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {} after {} ms: {}", self.seed, self.at_ms, self.what)
    }
}

/// What a seed has played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub steps: u64,
    pub calls: u64,
    pub admitted: u64,
    pub refused: u64,
    pub acquires: u64,
    pub syncs: u64,
    /// Messages lost, repeated or late.
    pub troubles: u64,
    /// Crashes of Envoys and servers, partitions, jumps of clocks, new policies, budgets changed by hand.
    pub faults: u64,
    pub virtual_ms: u64,
    /// Of all that happened, in order: the same for the same seed.
    pub fingerprint: u64,
}

impl Summary {
    /// Whether so many seeds have played so much that it says something.
    #[must_use]
    pub fn is_eventful(&self, seeds: u64) -> bool {
        [self.admitted, self.refused, self.troubles].iter().all(|&happened| happened > seeds)
            && self.faults > seeds / 10
    }

    pub fn add(&mut self, other: &Summary) {
        self.steps += other.steps;
        self.calls += other.calls;
        self.admitted += other.admitted;
        self.refused += other.refused;
        self.acquires += other.acquires;
        self.syncs += other.syncs;
        self.troubles += other.troubles;
        self.faults += other.faults;
        self.virtual_ms += other.virtual_ms;
        self.fingerprint ^= other.fingerprint;
    }
}

/// Numbers stand for positions: `envoy` for a process of a node, of which there is a new one after each crash.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Arrive { node: usize },
    Respond { call: usize },
    Leave { call: usize },
    Tick { envoy: usize, worker: usize },
    ToServer { server: usize, message: Message },
    Answer { envoy: usize, worker: usize, id: CallId, result: Result<Vec<u8>, u32> },
    Sweep { server: usize },
    EnvoyCrash,
    EnvoyStart { node: usize },
    ServerCrash,
    ServerStart { server: usize },
    Partition,
    Reunite { node: usize, server: usize },
    ClockJump,
    ServerClockJump,
    Suspension,
    PolicyChange,
    Adjustment,
    Lag,
    LagEnds,
    PolicyReload { server: usize, version: usize },
}

pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) scene: Scene,
    pub(crate) bug: Option<Bug>,
    pub(crate) now: Cell<u64>,
    queue: RefCell<BTreeMap<(u64, u64), Event>>,
    queued: Cell<u64>,
    /// Callbacks that run inside each other's accesses to shared data.
    depth: Cell<u32>,
    /// All there ever were.
    pub(crate) envoys: RefCell<Vec<Rc<Envoy>>>,
    pub(crate) servers: Vec<Server>,
    /// To look into it.
    pub(crate) store: Arc<dyn Store>,
    pub(crate) redis: Arc<Replicated>,
    /// What the store had when its replica began to lag.
    pub(crate) before_lag: RefCell<Kept>,
    /// Nodes and servers that can't reach each other.
    pub(crate) apart: RefCell<BTreeSet<(usize, usize)>>,
    pub(crate) version: Cell<usize>,
    /// What people have asked for by hand.
    pub(crate) adjustments: RefCell<Vec<Adjustment>>,
    pub(crate) calls: RefCell<Vec<Call>>,
    pub(crate) books: RefCell<Books>,
    pub(crate) summary: RefCell<Summary>,
    failure: RefCell<Option<String>>,
    traced: bool,
    pub(crate) this: Weak<World>,
}

/// Plays `seed` to its end, with `bug` planted; prints what happens if `traced`.
///
/// # Errors
/// The first thing that did not hold.
pub fn run(seed: u64, bug: Option<Bug>, traced: bool) -> Result<Summary, Failure> {
    let world = World::new(seed, bug, traced);
    world.lets_servers_contend();
    let played = catch_unwind(AssertUnwindSafe(|| world.play()));
    let what = match played {
        Ok(()) => world.failure.borrow().clone(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Some(format!("panic: {}", text.unwrap_or("?")))
        }
    };
    match what {
        None => Ok(*world.summary.borrow()),
        Some(what) => Err(Failure { seed, at_ms: world.elapsed(), what }),
    }
}

impl World {
    fn new(seed: u64, bug: Option<Bug>, traced: bool) -> Rc<World> {
        let dice = Dice::new(seed);
        let scene = Scene::of(&dice);
        let redis = Arc::default();
        let (opened, store) = stores::opened(&scene, &redis, bug);
        let server = |store| {
            let ahead_ms = dice.roll(scene.faults.server_skew_ms + 1);
            Server::new(store, scene.policies[0].clone(), ahead_ms, bug)
        };
        let servers: Vec<Server> = opened.into_iter().map(server).collect();
        servers.iter().for_each(|server| server.takes_up(scene.begins).expect("a store in memory"));
        Rc::new_cyclic(|this| World {
            now: Cell::new(scene.begins),
            books: RefCell::new(Books::new(&scene)),
            dice,
            scene,
            bug,
            queue: RefCell::default(),
            queued: Cell::default(),
            depth: Cell::default(),
            envoys: RefCell::default(),
            servers,
            store,
            redis,
            before_lag: RefCell::default(),
            apart: RefCell::default(),
            version: Cell::new(0),
            adjustments: RefCell::default(),
            calls: RefCell::default(),
            summary: RefCell::default(),
            failure: RefCell::default(),
            traced,
            this: this.clone(),
        })
    }

    fn play(&self) {
        self.note(|| format!("{:?}", self.scene));
        for server in 0..self.servers.len() {
            self.after(self.dice.roll(5_000), Event::Sweep { server });
        }
        for node in 0..self.scene.nodes {
            self.start_envoy(node);
        }
        self.plan_faults();
        self.until(self.scene.begins + self.scene.lasts_ms);
        // Troubles are over: everything that was held up arrives, ends, is reported and returned.
        self.heal();
        // A server whose clock was set back takes so much longer to let leases lapse.
        let Scene { slowest_ms, network, faults, ttl_ms, .. } = &self.scene;
        let set_back_ms = if faults.server_clock_jumps_ms > 0 { faults.server_skew_ms } else { 0 };
        let quiet_ms = 2 * slowest_ms + network.delayed_ms + 20_000 + ttl_ms + set_back_ms;
        self.until(self.now.get() + quiet_ms);
        if self.failure.borrow().is_none() {
            self.check_end();
        }
        self.summary.borrow_mut().virtual_ms = self.elapsed();
    }

    fn until(&self, end: u64) {
        while self.failure.borrow().is_none() {
            let next = {
                let mut queue = self.queue.borrow_mut();
                match queue.first_entry() {
                    Some(entry) if entry.key().0 <= end => {
                        let at = entry.key().0;
                        Some((at, entry.remove()))
                    }
                    _ => None,
                }
            };
            let Some((at, event)) = next else { break };
            // What ran in between may have been due a little later.
            self.now.set(self.now.get().max(at));
            self.step(event);
        }
        self.now.set(self.now.get().max(end));
    }

    pub(crate) fn is_over(&self) -> bool {
        self.now.get() >= self.scene.begins + self.scene.lasts_ms
    }

    pub(crate) fn elapsed(&self) -> u64 {
        self.now.get() - self.scene.begins
    }

    pub(crate) fn after(&self, ms: u64, event: Event) {
        self.queued.set(self.queued.get() + 1);
        self.queue.borrow_mut().insert((self.now.get() + ms, self.queued.get()), event);
    }

    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        if self.traced {
            let within = "  ".repeat(usize::try_from(self.depth.get()).unwrap_or(0));
            println!("{:>7} {within}{}", self.elapsed(), what());
        }
    }

    pub(crate) fn fail(&self, what: String) {
        self.note(|| format!("FAILED: {what}"));
        self.failure.borrow_mut().get_or_insert(what);
    }

    /// Only the first failure counts.
    pub(crate) fn hold(&self, checked: Result<(), String>) {
        if let Err(what) = checked {
            self.fail(what);
        }
    }

    /// FNV-1a, over everything that happens.
    fn remember(&self, event: &Event) {
        let (kind, a, b) = match event {
            Event::Arrive { node } => (1, *node, 0),
            Event::Respond { call } => (2, *call, 0),
            Event::Leave { call } => (3, *call, 0),
            Event::Tick { envoy, worker } => (4, *envoy, *worker),
            Event::ToServer { server, message } => (5, *server, message.call.message.len()),
            Event::Answer { envoy, worker, result, .. } => {
                (6, *envoy * 8 + *worker, result.as_ref().map_or(0, |bytes| 1 + bytes.len()))
            }
            _ => (7, 0, 0),
        };
        let mut summary = self.summary.borrow_mut();
        for word in [self.now.get(), kind, a as u64, b as u64] {
            summary.fingerprint = (summary.fingerprint ^ word).wrapping_mul(0x0100_0000_01b3);
        }
        summary.steps += 1;
    }

    fn step(&self, event: Event) {
        self.remember(&event);
        if let Some(ms) = self.sleeps_for(&event) {
            // It may be woken sooner.
            return self.after(ms.min(1_000), event);
        }
        match event {
            Event::Arrive { node } => self.arrive(node),
            Event::Respond { call } => self.respond(call),
            Event::Leave { call } => self.leave(call),
            Event::Tick { envoy, worker } => self.tick(envoy, worker),
            Event::ToServer { server, message } => self.at_server(server, message),
            Event::Answer { envoy, worker, id, result } => self.answer(envoy, worker, id, result),
            Event::Sweep { server } => self.sweep(server),
            Event::EnvoyCrash => self.crash_envoy(),
            Event::EnvoyStart { node } => self.start_envoy(node),
            Event::ServerCrash => self.crash_server(),
            Event::ServerStart { server } => self.start_server(server),
            Event::Partition => self.part(),
            Event::Reunite { node, server } => {
                self.apart.borrow_mut().remove(&(node, server));
            }
            Event::ClockJump => self.jump_clock(),
            Event::ServerClockJump => self.jump_server_clock(),
            Event::Suspension => self.suspend(),
            Event::PolicyChange => self.change_policy(),
            Event::Adjustment => self.adjust(),
            Event::Lag => self.lag(),
            Event::LagEnds => self.lag_ends(),
            Event::PolicyReload { server, version } => self.reload_policy(server, version),
        }
    }

    pub(crate) fn envoy(&self, at: usize) -> Rc<Envoy> {
        let envoy = Rc::clone(&self.envoys.borrow()[at]);
        envoy.set_clock(self.now.get());
        envoy
    }

    /// What stands between the workers of a process and its shared data.
    pub(crate) fn between(&self, envoy: usize) -> Between {
        let this = self.this.clone();
        let others = move || {
            if let Some(world) = this.upgrade()
                && world.scene.workers > 1
            {
                world.come_between(world.scene.faults.interrupts, |event| world.is_ready(envoy, event));
            }
        };
        Between { bug: self.bug, others: Box::new(others) }
    }

    /// One in so many `times`, something that would come soon and `can_come` runs now, from its beginning to its end.
    pub(crate) fn come_between(&self, times: u64, can_come: impl Fn(&Event) -> bool) {
        if self.depth.get() >= 2 || !self.dice.once_in(times) {
            return;
        }
        let found = {
            let queue = self.queue.borrow();
            let soon = (self.now.get() + 200, u64::MAX);
            queue.range(..soon).find_map(|(at, event)| can_come(event).then_some(*at))
        };
        let Some(event) = found.and_then(|at| self.queue.borrow_mut().remove(&at)) else { return };
        self.depth.set(self.depth.get() + 1);
        self.step(event);
        self.depth.set(self.depth.get() - 1);
    }

    /// Whether the event is a callback of a worker of the process that can run now.
    fn is_ready(&self, envoy: usize, event: &Event) -> bool {
        let Some((of, worker)) = self.worker_of(event) else { return false };
        of == envoy && self.envoys.borrow()[of].is_free(worker)
    }

    /// The worker whose callback an event is.
    fn worker_of(&self, event: &Event) -> Option<(usize, usize)> {
        match event {
            Event::Tick { envoy, worker } | Event::Answer { envoy, worker, .. } => Some((*envoy, *worker)),
            Event::Respond { call } | Event::Leave { call } => {
                let calls = self.calls.borrow();
                Some((calls[*call].envoy, calls[*call].worker))
            }
            _ => None,
        }
    }

    /// For how long the process that the event is for does nothing.
    fn sleeps_for(&self, event: &Event) -> Option<u64> {
        let of = match event {
            Event::Arrive { node } => self.living(*node)?,
            event => self.worker_of(event)?.0,
        };
        let ms = self.envoys.borrow()[of].sleeps_for(self.now.get());
        (ms > 0).then_some(ms)
    }
}
