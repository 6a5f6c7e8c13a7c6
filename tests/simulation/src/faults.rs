//! Machines, clocks and people.

use crate::envoy::Envoy;
use crate::server::at_once;
use crate::world::{Event, World};
use policy::Window;
use quota_server::live_policy::Current;
use quota_server::store::audit::{Action, Adjusted, Adjustment, Entry, Which};
use std::rc::Rc;

const DAY_MS: u64 = 86_400_000;

impl World {
    pub(crate) fn plan_faults(&self) {
        let faults = &self.scene.faults;
        for (every_ms, fault) in [
            (faults.envoy_crashes_ms, Event::EnvoyCrash),
            (faults.server_crashes_ms, Event::ServerCrash),
            (faults.partitions_ms, Event::Partition),
            (faults.clock_jumps_ms, Event::ClockJump),
            (faults.server_clock_jumps_ms, Event::ServerClockJump),
            (faults.suspensions_ms, Event::Suspension),
            (faults.policy_changes_ms, Event::PolicyChange),
            (faults.adjustments_ms, Event::Adjustment),
            (faults.lags_ms, Event::Lag),
        ] {
            self.plan(every_ms, fault);
        }
    }

    pub(crate) fn plan(&self, every_ms: u64, fault: Event) {
        if every_ms > 0 && !self.is_over() {
            self.after(self.dice.roll(2 * every_ms), fault);
        }
    }

    pub(crate) fn fault(&self, what: impl FnOnce() -> String) {
        self.summary.borrow_mut().faults += 1;
        self.note(what);
    }

    pub(crate) fn living(&self, node: usize) -> Option<usize> {
        self.envoys.borrow().iter().rposition(|envoy| envoy.node == node && envoy.alive.get())
    }

    pub(crate) fn start_envoy(&self, node: usize) {
        let at = self.envoys.borrow().len();
        let ahead_ms = (self.dice.roll(2 * DAY_MS)).cast_signed() - DAY_MS.cast_signed();
        let scene = &self.scene;
        let seed = self.dice.roll(u64::MAX);
        let envoy = Envoy::start(node, scene.workers, scene.tick_ms, ahead_ms, self.now.get(), seed);
        if scene.faults.interrupts > 0 || self.bug.is_some() {
            envoy.process.set_meddler(Rc::new(self.between(at)));
        }
        self.envoys.borrow_mut().push(Rc::new(envoy));
        self.note(|| format!("envoy {at} starts on node {node}"));
        for worker in 0..scene.workers {
            self.after(self.dice.roll(scene.tick_ms), Event::Tick { envoy: at, worker });
        }
        if at < scene.nodes {
            self.after(self.dice.roll(scene.gap_ms), Event::Arrive { node });
        }
    }

    pub(crate) fn crash_envoy(&self) {
        self.plan(self.scene.faults.envoy_crashes_ms, Event::EnvoyCrash);
        let node = self.dice.index(self.scene.nodes);
        let Some(at) = self.living(node).filter(|_| !self.is_over()) else { return };
        self.fault(|| format!("envoy {at} dies"));
        self.envoys.borrow()[at].alive.set(false);
        self.end_all_of(at);
        self.after(self.dice.roll(3_000), Event::EnvoyStart { node });
    }

    pub(crate) fn crash_server(&self) {
        self.plan(self.scene.faults.server_crashes_ms, Event::ServerCrash);
        let server = self.dice.index(self.servers.len());
        if self.is_over() || !self.servers[server].up.replace(false) {
            return;
        }
        self.fault(|| format!("server {server} dies"));
        self.after(self.dice.roll(self.scene.lasts_ms / 3), Event::ServerStart { server });
    }

    pub(crate) fn start_server(&self, at: usize) {
        let server = &self.servers[at];
        if !server.up.get() {
            if let Err(error) = server.takes_up(self.now.get()) {
                assert!(self.lags(), "a store in memory: {error}");
                return self.after(1_000, Event::ServerStart { server: at });
            }
            server.up.set(true);
            self.note(|| format!("server {at} starts"));
            // It reads the policy file as it is now.
            self.reload_policy(at, self.version.get());
        }
    }

    pub(crate) fn part(&self) {
        self.plan(self.scene.faults.partitions_ms, Event::Partition);
        let (node, server) = (self.dice.index(self.scene.nodes), self.dice.index(self.servers.len()));
        if !self.is_over() && self.apart.borrow_mut().insert((node, server)) {
            self.fault(|| format!("node {node} and server {server} can't reach each other"));
            self.after(self.dice.roll(self.scene.lasts_ms), Event::Reunite { node, server });
        }
    }

    pub(crate) fn jump_clock(&self) {
        self.plan(self.scene.faults.clock_jumps_ms, Event::ClockJump);
        let Some(at) = self.living(self.dice.index(self.scene.nodes)).filter(|_| !self.is_over()) else {
            return;
        };
        let most = self.dice.pick(&[2_000, 60_000, 2 * 3_600_000]);
        let by = self.dice.roll(2 * most).cast_signed() - most.cast_signed();
        self.fault(|| format!("the clock of envoy {at} jumps by {by} ms"));
        let envoy = &self.envoys.borrow()[at];
        envoy.ahead_ms.set(envoy.ahead_ms.get() + by);
    }

    pub(crate) fn jump_server_clock(&self) {
        self.plan(self.scene.faults.server_clock_jumps_ms, Event::ServerClockJump);
        let server = self.dice.index(self.servers.len());
        let ahead_ms = self.dice.roll(self.scene.faults.server_skew_ms + 1);
        if !self.is_over() {
            self.fault(|| format!("the clock of server {server} is set {ahead_ms} ms ahead"));
            self.servers[server].ahead_ms.set(ahead_ms);
        }
    }

    pub(crate) fn suspend(&self) {
        self.plan(self.scene.faults.suspensions_ms, Event::Suspension);
        let Some(at) = self.living(self.dice.index(self.scene.nodes)).filter(|_| !self.is_over()) else {
            return;
        };
        let ms = self.dice.roll(2 * self.scene.ttl_ms);
        self.fault(|| format!("the machine of envoy {at} is suspended for {ms} ms"));
        self.envoys.borrow()[at].suspend(self.now.get(), ms);
    }

    /// The file changes; each server sees it at a time of its own.
    pub(crate) fn change_policy(&self) {
        self.plan(self.scene.faults.policy_changes_ms, Event::PolicyChange);
        let version = self.dice.index(self.scene.policies.len());
        self.version.set(version);
        self.fault(|| format!("the policy changes: {:?}", self.scene.policies[version].budgets));
        for server in 0..self.servers.len() {
            self.after(self.dice.roll(2_000), Event::PolicyReload { server, version });
        }
    }

    pub(crate) fn reload_policy(&self, server: usize, version: usize) {
        if self.servers[server].up.get() {
            self.servers[server].core().policy.adopt(Current::of(self.scene.policies[version].clone()));
        }
    }

    /// Somebody tops a budget up, or resets it; or asks for the same once more, not knowing whether it was done.
    pub(crate) fn adjust(&self) {
        self.plan(self.scene.faults.adjustments_ms, Event::Adjustment);
        let server = self.dice.index(self.servers.len());
        if self.is_over() || !self.servers[server].up.get() || !self.servers[server].is_free() {
            return;
        }
        let again = match self.adjustments.borrow().as_slice() {
            [] => None,
            made => self.dice.once_in(3).then(|| made[self.dice.index(made.len())].clone()),
        };
        let Some(asked) = again.or_else(|| self.new_adjustment()) else { return };
        self.fault(|| format!("by hand: {asked:?}"));
        let adjusted = self.servers[server].adjust(self.now.get(), asked.clone());
        let made = match &adjusted {
            Ok(Some(Adjusted::Made(entry))) => Some(entry.clone()),
            Ok(Some(Adjusted::Repeated(_)) | None) => None,
            Ok(Some(Adjusted::KeyTaken(entry))) => panic!("nobody else has the key of {entry:?}"),
            Err(error) if !self.lags() => panic!("a store in memory: {error}"),
            Err(_) => self.made(&asked.key),
        };
        if let Some(made) = made {
            self.books.borrow_mut().adjusted(&asked, &made);
        }
        if let Ok(Some(_)) = adjusted {
            self.books.borrow_mut().acknowledged_adjustment(&asked.key);
        }
        self.check_store(server);
    }

    /// A change by hand, as the store has it.
    fn made(&self, key: &str) -> Option<Entry> {
        let all = Which { before: None, budget: None, most: u32::MAX };
        let entries = at_once(self.store.audit(all)).expect("a store in memory");
        entries.into_iter().find(|entry| entry.key == key)
    }

    fn new_adjustment(&self) -> Option<Adjustment> {
        let budgets = &self.scene.policies[self.version.get()].budgets;
        let at = self.dice.index(budgets.len());
        let budget = &budgets[at];
        if budget.limits_flights() {
            return None;
        }
        let refills = matches!(budget.window, Window::Refill { .. });
        let mut asked = self.adjustments.borrow_mut();
        let adjustment = Adjustment {
            budget: at,
            subject: budget
                .per
                .iter()
                .map(|_| format!("tenant-{}", self.dice.roll(self.scene.tenants)))
                .collect(),
            action: if refills || self.dice.once_in(2) {
                Action::Reset
            } else {
                Action::TopUp(1 + self.dice.roll(budget.limit))
            },
            by: "ann".to_owned(),
            reason: "why not".to_owned(),
            key: asked.len().to_string(),
        };
        asked.push(adjustment.clone());
        Some(adjustment)
    }

    /// Everything that is broken is mended.
    pub(crate) fn heal(&self) {
        self.note(|| "troubles are over".to_owned());
        self.apart.borrow_mut().clear();
        self.lag_ends();
        self.envoys.borrow().iter().for_each(|envoy| envoy.suspend(self.now.get(), 0));
        if self.scene.faults.server_clock_jumps_ms > 0 {
            self.servers.iter().for_each(|server| server.ahead_ms.set(0));
        }
        for server in 0..self.servers.len() {
            self.start_server(server);
            self.reload_policy(server, self.version.get());
        }
    }
}
